# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mss_global_optspecs
    string join \n p/profile= config= sandbox fault= json q/quiet v/verbose no-input color= token-fd= service-key= passphrase-file= passphrase-fd= passphrase-command= unlock-certificate= unlock-key= h/help V/version
end

function __fish_mss_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mss_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mss_using_subcommand
    set -l cmd (__fish_mss_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mss -n "__fish_mss_needs_command" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_needs_command" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_needs_command" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_needs_command" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_needs_command" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_needs_command" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_needs_command" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_needs_command" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_needs_command" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_needs_command" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_needs_command" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_needs_command" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_needs_command" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_needs_command" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_needs_command" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_needs_command" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_needs_command" -s V -l version -d 'Print version'
complete -c mss -n "__fish_mss_needs_command" -f -a "init" -d 'Make a profile: keys, trust, encrypted configuration'
complete -c mss -n "__fish_mss_needs_command" -f -a "send" -d 'Encrypt, queue and submit a message'
complete -c mss -n "__fish_mss_needs_command" -f -a "fetch" -d 'Take messages from the mailbox: verify, decrypt, store, acknowledge'
complete -c mss -n "__fish_mss_needs_command" -f -a "lookup" -d 'Find professionals, their mailboxes and certificates'
complete -c mss -n "__fish_mss_needs_command" -f -a "purge-check" -d 'Show what is past its keep-by date, and when the mailbox itself will be erased'
complete -c mss -n "__fish_mss_needs_command" -f -a "audit" -d 'Read and verify the trace of what was done'
complete -c mss -n "__fish_mss_needs_command" -f -a "outbox" -d 'Show what is queued, deferred, refused or unknown; submit it, settle it'
complete -c mss -n "__fish_mss_needs_command" -f -a "signin" -d 'Show how the profile signs in, consent to it beforehand, or sign out'
complete -c mss -n "__fish_mss_needs_command" -f -a "config" -d 'Show, change and rekey the encrypted configuration'
complete -c mss -n "__fish_mss_needs_command" -f -a "sandbox" -d 'Keep a whole compliant operator running on loopback, for trying and testing'
complete -c mss -n "__fish_mss_needs_command" -f -a "demo" -d 'Show the main job from end to end in the sandbox, with commands to repeat'
complete -c mss -n "__fish_mss_using_subcommand init" -l address -d 'The same as an option' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l label -d 'What readers see beside the address' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l author -d 'Who acts, as the trace records it: a national identifier, such as 8 and the RPPS number' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l submission -d 'The server that takes messages, instead of one that is found' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l mailbox -d 'The server that keeps the mailbox, instead of one that is found' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l security -d 'How TLS starts on the servers that are given' -r -f -a "starttls\t'By STARTTLS; nothing is said before it'
implicit\t'From the first octet'"
complete -c mss -n "__fish_mss_using_subcommand init" -l directory -d 'The base address of the FHIR directory' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l api-key-file -d 'Read the API key of the directory from this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l certificate-extension -d 'The FHIR extension that carries certificates, where the directory has one' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l list -d 'Where the signed list of admitted domains is' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l list-signer -d 'The common name of the certificate that signs the list' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l anchors -d 'The authorities to trust, and no others, for servers, list and people (PEM)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l revocation-list -d 'A revocation list to judge certificates by; may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l revocation -d 'What becomes of a server when nobody tells whether its certificate was revoked [default: require with anchors of IGC-Santé, else if-reachable]' -r -f -a "require\t'It is refused'
if-reachable\t'It is used; one that was revoked is refused'
off\t'Nobody is asked'"
complete -c mss -n "__fish_mss_using_subcommand init" -l proxy -d 'The proxy that leads to every server: http://HOST:PORT or socks5://HOST:PORT' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l proxy-user -d 'The name to sign in to the proxy with' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l proxy-password-file -d 'Read the password for the proxy from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l no-proxy -d 'A host, or .DOMAIN, that is reached without the proxy; may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l sign-in -d 'How to sign in to both servers' -r -f -a "password\t'With a password, and one-time codes if there is a seed (SASL SCRAM-SHA-256 or PLAIN)'
certificate\t'With the certificate (TLS, SASL EXTERNAL)'
token\t'With an access token (SASL XOAUTH2 or OAUTHBEARER)'"
complete -c mss -n "__fish_mss_using_subcommand init" -l user -d 'The user to sign in as, if it is not the address' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l password-file -d 'Read the password from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l totp-seed-file -d 'Read the seed of the one-time codes (base32) from this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l sasl -d 'The mechanism, where it is not to be the strongest that the server offers' -r -f -a "scram\t'SCRAM-SHA-256 only'
plain\t'PLAIN only'
external\t'EXTERNAL only'
none\t'None: the certificate is all'"
complete -c mss -n "__fish_mss_using_subcommand init" -l token-command -d 'Keep this command, whose first line of output is an access token' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l issuer -d 'The provider of access tokens, as it calls itself' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l client-id -d 'The name the provider knows this program by' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l client-secret-file -d 'Read the secret that goes with it from this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l scope -d 'What to ask the provider for' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l login-hint -d 'Consent on the telephone of the person with this national identifier (CIBA) instead of on a page' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l certificate -d 'The S/MIME certificate and its chain (PEM)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l key -d 'The key of the certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l p12 -d 'The S/MIME certificate, its chain and its key in one PKCS#12 file (.p12, .pfx); its password is asked for' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l p12-password-file -d 'Read the password of the PKCS#12 file from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l p12-password-fd -d 'Read the password of the PKCS#12 file from this file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l token -d 'The private key on a token or card: its PKCS#11 URI (RFC 7512) with module-path; the certificate may be there too' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l pin-file -d 'Keep the PIN of the token, read from the first line of this file (mode 0600); without, it is asked for at each run' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l pin-command -d 'Keep this command, whose first line of output is the PIN of the token' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l request-out -d 'Write a certificate request (PKCS#10) for a new key to this file' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l key-out -d 'Write that new key to this file (mode 0600); mss config certificate installs it with its certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l new-passphrase-file -d 'Read the passphrase of the new vault from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l service-key-out -d 'Make a service key, which opens the vault unattended, and write it to this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l name-server -d 'Ask this name server instead of those of the system; none: look nothing up' -r
complete -c mss -n "__fish_mss_using_subcommand init" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand init" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand init" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand init" -l system-roots -d 'Believe the authorities of the system too: for web servers alone with anchors of IGC-Santé, else for every server'
complete -c mss -n "__fish_mss_using_subcommand init" -l keep-refresh-token -d 'Keep the refresh token between runs, sealed'
complete -c mss -n "__fish_mss_using_subcommand init" -l no-probe -d 'Write the profile without reaching any server'
complete -c mss -n "__fish_mss_using_subcommand init" -l discover-only -d 'Show which servers the domain of the address publishes, and make nothing; with --anchors they are met as well'
complete -c mss -n "__fish_mss_using_subcommand init" -l allow-private -d 'Also take servers that are found on this machine or in a local network'
complete -c mss -n "__fish_mss_using_subcommand init" -l ask-again -d 'Ask for servers anew, though they were looked for not long ago'
complete -c mss -n "__fish_mss_using_subcommand init" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand init" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand init" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand init" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand init" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand send" -s t -l to -d 'A recipient: an address, or an RPPS number if it has one mailbox; may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l cc -d 'A recipient in copy; may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l bcc -d 'A recipient the others do not see, who gets a message of their own; may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand send" -s s -l subject -d 'The subject; with smime it travels encrypted' -r
complete -c mss -n "__fish_mss_using_subcommand send" -s b -l body-file -d 'The text of the message (UTF-8), from a file or from stdin (-)' -r -F
complete -c mss -n "__fish_mss_using_subcommand send" -s a -l attach -d 'A file to attach; may be given several times' -r -F
complete -c mss -n "__fish_mss_using_subcommand send" -l protection -d 'What leaves the machine' -r -f -a "smime\t'Signed, then encrypted to each recipient\'s certificate'
package\t'Encrypted under a password, in one file that recipients open in a browser or with an archiver'
transport\t'As composed, readable by the operators; TLS on the way, recipients of the trusted space only'"
complete -c mss -n "__fish_mss_using_subcommand send" -l package-format -d 'With a package: one page that a browser opens, up to 50 MB, or a ZIP that 7-Zip, Keka or WinRAR opens' -r -f -a "html\t'One page that decrypts itself in a browser'
zip\t'A ZIP archive with AES-256'"
complete -c mss -n "__fish_mss_using_subcommand send" -l password-command -d 'With a package: run this command with the password on its stdin, instead of showing it on the terminal' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l notify -d 'When servers are to tell of the delivery; may be given several times, or with commas (RFC 3461)' -r -f -a "success\t'It is in the mailbox'
failure\t'It could not be delivered'
delay\t'It is still under way after some time'
never\t'Nothing is to be told'"
complete -c mss -n "__fish_mss_using_subcommand send" -l wait -d 'Wait until it has arrived as far as that can be seen, at most so long: 1h if no time is given' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l batch -d 'Send a message for each row of a manifest, CSV or JSON Lines; checked whole before anything is queued' -r -F
complete -c mss -n "__fish_mss_using_subcommand send" -l results -d 'Write what became of each row to this file, as JSON Lines' -r -F
complete -c mss -n "__fish_mss_using_subcommand send" -l jobs -d 'Connections side by side; with one-time codes there is one' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l window -d 'Messages in flight on each connection: each is unknown if the line breaks' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l rate -d 'At most so many messages in a second, minute or hour, such as 600/m' -r
complete -c mss -n "__fish_mss_using_subcommand send" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand send" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand send" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand send" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand send" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand send" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand send" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand send" -l package -d 'The same as --protection package: for people outside the trusted space, under a password that goes by another way'
complete -c mss -n "__fish_mss_using_subcommand send" -l partial -d 'Send to those who can be served, even if others cannot; the status is 79 then'
complete -c mss -n "__fish_mss_using_subcommand send" -l again -d 'Send anew even if the same message was sent before'
complete -c mss -n "__fish_mss_using_subcommand send" -l dry-run -d 'Look up, check and seal, but queue and submit nothing'
complete -c mss -n "__fish_mss_using_subcommand send" -l replace -d 'A row that says something else than before under the same key is sent as a new message'
complete -c mss -n "__fish_mss_using_subcommand send" -l queue-only -d 'Seal and queue, but leave the submission to mss outbox run'
complete -c mss -n "__fish_mss_using_subcommand send" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand send" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand send" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand send" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand send" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand fetch" -l to -d 'Store below this folder; without it the folder of the profile (fetch.to), else ./inbox' -r -F
complete -c mss -n "__fish_mss_using_subcommand fetch" -l after -d 'What to do on the server once a message is stored: keep, seen, delete or move:FOLDER; else fetch.after' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l folder -d 'A folder of the mailbox, again for each; without it that of the profile (mailbox.folder)' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l state -d 'Only messages in this state on the server; without it unseen' -r -f -a "unseen\t'Not marked as seen'
seen\t'Marked as seen'
all\t'Either'"
complete -c mss -n "__fish_mss_using_subcommand fetch" -l since -d 'Only messages that came to the mailbox on this day or later, such as 2026-01-31' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l before -d 'Only messages that came to the mailbox before this day' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l from -d 'Only messages whose From contains this address, or part of it' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l larger -d 'Only messages of more octets, such as 500k or 10M' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l smaller -d 'Only messages of fewer octets' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l limit -d 'Take at most this many messages, the oldest' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l jobs -d 'Connections side by side, else fetch.jobs; with one-time codes there is one' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand fetch" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand fetch" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand fetch" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand fetch" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand fetch" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand fetch" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand fetch" -l all -d 'Also take messages that are marked as seen: --state all'
complete -c mss -n "__fish_mss_using_subcommand fetch" -l watch -d 'Go on until stopped: wait for messages and take them as they come'
complete -c mss -n "__fish_mss_using_subcommand fetch" -l accept-unsigned -d 'Store unsigned messages with the verified ones, not in quarantine; the finding stays'
complete -c mss -n "__fish_mss_using_subcommand fetch" -l accept-3des -d 'Also decrypt 3DES, which some old programs still write; without a valid signature it stays in quarantine'
complete -c mss -n "__fish_mss_using_subcommand fetch" -l accept-renewed-folder -d 'Go on although the server made the folder anew: messages are told apart by their content'
complete -c mss -n "__fish_mss_using_subcommand fetch" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand fetch" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand fetch" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand fetch" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand fetch" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand lookup" -l name -d 'The family name, or its beginning' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l rpps -d 'The RPPS number (11 digits)' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l finess -d 'The FINESS number of an organisation (9 characters)' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l address -d 'The exact mailbox address' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l profession -d 'The profession or speciality, for example médecin or cardiologie' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l place -d 'The town or postal code' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l organisation -d 'The name of the organisation, or its beginning' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l limit -d 'Tell at most this many mailboxes' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l source -d 'Ask this source alone' -r -f -a "fhir\t'The FHIR service'
index\t'The index on this machine'"
complete -c mss -n "__fish_mss_using_subcommand lookup" -l update -d 'Make the index anew from an extraction: a file, or an https:// address' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand lookup" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand lookup" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand lookup" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand lookup" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand lookup" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand lookup" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand lookup" -l offline -d 'Ask the index on this machine alone: nothing leaves it'
complete -c mss -n "__fish_mss_using_subcommand lookup" -l allow-old -d 'Believe an extraction of any age'
complete -c mss -n "__fish_mss_using_subcommand lookup" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand lookup" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand lookup" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand lookup" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand lookup" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand lookup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand purge-check" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l all-profiles -d 'Judge every profile, not only the chosen one'
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand purge-check" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand purge-check" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand purge-check" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand purge-check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -f -a "log" -d 'Show the entries, oldest first'
complete -c mss -n "__fish_mss_using_subcommand audit; and not __fish_seen_subcommand_from log verify" -f -a "verify" -d 'Verify the chain, the seals and the signed checkpoint; the status is 1 if anything was changed'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l since -d 'From this day or moment on (RFC 3339, or YYYY-MM-DD)' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l until -d 'Before this day or moment' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l action -d 'Only this action' -r -f -a "send\t''
sign-in\t''
fetch\t''
seen\t''
move\t''
delete\t''
lookup\t''
list\t''
revocation\t''
issuer\t''
probe\t''
erase\t''
resolve\t''
notice\t''"
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l message-id -d 'Only what concerns this Message-ID' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from log" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -f -a "list" -d 'Show each message and what became of each recipient'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -f -a "show" -d 'Show one message: its recipients, and everything that happened to it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -f -a "run" -d 'Submit what is queued, and what was deferred and is due'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -f -a "cancel" -d 'Take back a message that is queued or deferred, or close one that came to nothing'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -f -a "requeue" -d 'Queue a message again for those whom it did not reach; what is deferred is due at once'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -f -a "resolve" -d 'Settle what is unknown: the line broke between the last octet of the message and the answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -f -a "wait" -d 'Wait until a message has arrived, as far as that can be seen'
complete -c mss -n "__fish_mss_using_subcommand outbox; and not __fish_seen_subcommand_from list show run cancel requeue resolve wait purge" -f -a "purge" -d 'Erase settled messages that are past their term; what is not settled stays'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l state -d 'Only recipients in this state' -r -f -a "committing\t''
submitting\t''
unknown\t''
queued\t''
deferred\t''
accepted\t''
delivered\t''
read\t''
bounced\t''
expired\t''
refused\t''
cancelled\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l older-than -d 'With --undelivered: how long something may wait, 24h without it' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l open -d 'Only what is not settled'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l undelivered -d 'Only what somebody should look at; the status is 1 if there is anything'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l jobs -d 'Connections side by side, else outbox.jobs; with one-time codes there is one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l window -d 'Messages in flight on each connection, else outbox.window: each is unknown if the line breaks' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l rate -d 'At most so many messages in a second, minute or hour, such as 600/m; else outbox.rate' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l every -d 'With --watch: how often to look for new messages, from 1s to 1h; 5s without it' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l watch -d 'Go on until stopped: submit what comes, and what is deferred when it is due'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from cancel" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from requeue" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l assume -d 'What became of it, by what you know: the mailbox is not looked through' -r -f -a "delivered\t'It arrived; it is not sent again'
lost\t'It did not arrive; the same message is queued again'"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from resolve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l timeout -d 'How long to wait at most, such as 90s, 10m or 2h' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l for -d 'How far it is to get; without it until it is delivered if the server promised to tell of that, else accepted' -r -f -a "accepted\t'The server took it'
delivered\t'A notice says that it is in the mailbox'
read\t'A notice says that it was displayed'"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l older-than -d 'Settled before so long; without it retention.keep-days, as mss purge-check counts' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l dry-run -d 'Only count them'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand outbox; and __fish_seen_subcommand_from purge" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -f -a "status" -d 'Show how the profile signs in, what is kept of it, and the last sign-in; nobody is asked'
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -f -a "start" -d 'Have the person consent now: what to do on a page or a telephone is told on stderr'
complete -c mss -n "__fish_mss_using_subcommand signin; and not __fish_seen_subcommand_from status start logout" -f -a "logout" -d 'Erase what is kept, and have the provider take it back'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand signin; and __fish_seen_subcommand_from logout" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -f -a "show" -d 'Show the settings of the profile, but none of its secrets'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -f -a "get" -d 'Show one setting'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -f -a "set" -d 'Change one setting; a secret is asked for or read from a file, never given on the command line'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -f -a "edit" -d 'Edit the settings as TOML with $VISUAL or $EDITOR; nothing is written unless every key is known'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -f -a "certificate" -d 'Install a certificate and its key; the pair they replace goes on opening older messages'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -f -a "path" -d 'Print the path of the vault'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -f -a "rekey" -d 'Replace the ways to open the vault: passphrase, service key, recovery certificates'
complete -c mss -n "__fish_mss_using_subcommand config; and not __fish_seen_subcommand_from show get set edit certificate path rekey schema" -f -a "schema" -d 'Print the JSON Schema of an answer or of the configuration'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l origin -d 'Say where each value comes from: a variable, the profile or the default; show what is absent too'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l from-file -d 'Read the value from this file, or from stdin (-)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l certificate -d 'The S/MIME certificate and its chain (PEM)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l key -d 'The key of the certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l p12 -d 'The S/MIME certificate, its chain and its key in one PKCS#12 file (.p12, .pfx); its password is asked for' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l p12-password-file -d 'Read the password of the PKCS#12 file from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l p12-password-fd -d 'Read the password of the PKCS#12 file from this file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l token -d 'The private key on a token or card: its PKCS#11 URI (RFC 7512) with module-path; the certificate may be there too' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l pin-file -d 'Keep the PIN of the token, read from the first line of this file (mode 0600); without, it is asked for at each run' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l pin-command -d 'Keep this command, whose first line of output is the PIN of the token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from certificate" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l new-passphrase-file -d 'Read the new passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l service-key-out -d 'Make a new service key and write it to this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l recovery-certificate -d 'Also let the holder of this certificate open it (PEM), for example the site\'s recovery key' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l passphrase -d 'Ask for a new passphrase'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from rekey" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help'
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l submission-port -d 'Port of submission with STARTTLS; 0 lets the system choose' -r
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l mailbox-port -d 'Port of the mailbox with STARTTLS; 0 lets the system choose' -r
complete -c mss -n "__fish_mss_using_subcommand sandbox" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l env -d 'Print how to reach it as environment lines (MSS_SANDBOX_...) for a shell or a test program'
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l list-faults -d 'List the faults that --fault offers, and end'
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand sandbox" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand sandbox" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand sandbox" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand sandbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mss -n "__fish_mss_using_subcommand demo" -s p -l profile -d 'Work as this profile instead of the default one' -r
complete -c mss -n "__fish_mss_using_subcommand demo" -l config -d 'Use this vault instead of $XDG_CONFIG_HOME/mss/config.p7m' -r -F
complete -c mss -n "__fish_mss_using_subcommand demo" -l fault -d 'With the sandbox: make it misbehave at a stage (mss sandbox --list-faults); may be given several times' -r
complete -c mss -n "__fish_mss_using_subcommand demo" -l color -d 'When to colour; auto respects NO_COLOR and colours only what a terminal shows' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mss -n "__fish_mss_using_subcommand demo" -l token-fd -d 'Sign in with the access token that this open file descriptor gives, where signin.method is token' -r
complete -c mss -n "__fish_mss_using_subcommand demo" -l service-key -d 'Open the vault with the service key in this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand demo" -l passphrase-file -d 'Read the passphrase from the first line of this file (mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand demo" -l passphrase-fd -d 'Read the passphrase from this open file descriptor' -r
complete -c mss -n "__fish_mss_using_subcommand demo" -l passphrase-command -d 'Run this command and take the first line it prints as the passphrase' -r
complete -c mss -n "__fish_mss_using_subcommand demo" -l unlock-certificate -d 'Open the vault with this certificate (PEM), for example the site\'s recovery certificate' -r -F
complete -c mss -n "__fish_mss_using_subcommand demo" -l unlock-key -d 'The key of that certificate (PEM, mode 0600)' -r -F
complete -c mss -n "__fish_mss_using_subcommand demo" -l sandbox -d 'Work against a whole operator started inside this process; its mail is kept between runs'
complete -c mss -n "__fish_mss_using_subcommand demo" -l json -d 'Answer in JSON: one object, or one line for each recipient, message or entry'
complete -c mss -n "__fish_mss_using_subcommand demo" -s q -l quiet -d 'Say nothing but the answer and errors'
complete -c mss -n "__fish_mss_using_subcommand demo" -s v -l verbose -d 'Tell each step on stderr; given twice, also what the servers answer'
complete -c mss -n "__fish_mss_using_subcommand demo" -l no-input -d 'Never ask: what would have been asked is an error that names the option that answers it'
complete -c mss -n "__fish_mss_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
