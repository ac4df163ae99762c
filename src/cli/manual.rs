//! What the manual pages say beyond the options: examples, statuses, security, standards. Tests read every example, and run
//! those that need no vault.

use super::status::Status;

/// The extra sections of one command's page.
pub struct Page {
    /// The command's words after `mss`; empty for the page of `mss` itself.
    pub command: &'static [&'static str],
    /// What it is for, and the words that do it.
    pub examples: &'static [(&'static str, &'static str)],
    /// The statuses it ends with.
    pub statuses: &'static [Status],
    /// What it protects, and what it does not.
    pub security: &'static str,
    /// The standards it follows.
    pub standards: &'static str,
}

use Status::{
    Bug, CannotCreate, Configuration, Data, Done, Finding, Interrupted, LocalIo, NoInput, Partial, SignIn, TryAgain,
    Unavailable, Unknown, Untrusted, Usage,
};

/// Every page, in the order of the help.
pub const PAGES: [Page; 12] = [
    Page {
        command: &[],
        examples: &[
            ("See the main job from end to end, without an account:", "mss demo"),
            (
                "Send a result to a doctor of the sandbox, and fetch it as that doctor:",
                "mss --sandbox send --to dr.durand@medecin.sandbox --subject Result --attach result.pdf",
            ),
            ("", "mss --sandbox --profile dr.durand fetch --to received"),
            (
                "From a service, which nobody answers for:",
                "mss --no-input --service-key service.key fetch --to received",
            ),
        ],
        statuses: &[
            Done,
            Finding,
            Usage,
            Data,
            NoInput,
            Unavailable,
            Bug,
            CannotCreate,
            LocalIo,
            TryAgain,
            Untrusted,
            SignIn,
            Configuration,
            Partial,
            Unknown,
            Interrupted,
        ],
        security: "Secrets come from a prompt, a file (whose mode is checked), a file descriptor, a command or a systemd \
            credential, never from the command line. Configuration, outbox, inbox and trace are sealed; what was fetched is \
            stored decrypted, readable by its owner alone. mss does not protect an unlocked session, a machine under \
            someone else's control, or what a recipient does with a message.",
        standards: "RFC 5321, RFC 6409, RFC 9051, RFC 5322, RFC 8551, RFC 5652, RFC 5083, RFC 9788, RFC 5280, RFC 6238, \
            HL7 FHIR R4",
    },
    Page {
        command: &["init"],
        examples: &[
            ("Make a profile, answering the questions as they come:", "mss init cabinet@medecin.example"),
            (
                "See which servers its domain publishes, and what they are like, without making anything:",
                "mss init cabinet@medecin.example --discover-only --anchors anchors.pem",
            ),
            (
                "The same, with the answers that are known; the rest is asked for:",
                "mss init --address cabinet@medecin.example --submission smtp.example:587 --mailbox imap.example:143 --anchors anchors.pem",
            ),
            (
                "Ask the authority for a certificate on the way:",
                "mss init --address cabinet@medecin.example --request-out cabinet.csr --key-out cabinet.key",
            ),
            (
                "Take certificate and key from the PKCS#12 file that the authority sent; its password is asked for:",
                "mss init --address cabinet@medecin.example --p12 cabinet.p12",
            ),
            (
                "Sign in with a card, which signs and opens too; its PIN is asked for at each run:",
                "mss init --sign-in certificate --token 'pkcs11:token=CPS?module-path=/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so'",
            ),
        ],
        statuses: &[
            Done,
            Finding,
            Usage,
            Data,
            NoInput,
            Unavailable,
            CannotCreate,
            LocalIo,
            TryAgain,
            Untrusted,
            SignIn,
            Configuration,
        ],
        security: "The vault is sealed for a passphrase (stretched with Argon2id) and, if asked for, a service key. Only the \
            authorities named are trusted. The service key opens everything: keep its file with the service alone. The PIN of a \
            token is tried once in a run, since wrong ones lock it; never put it into the URI or on the command line. What DNS \
            says of servers is believed only where a certificate bears it out; a web server that is asked for the \
            autoconfiguration document learns the address of the mailbox, and nobody learns a secret before TLS, path and name \
            were verified.",
        standards: "RFC 5083, RFC 5084, RFC 5652 (KEKRecipientInfo), RFC 9106, RFC 2986, RFC 7292 (PKCS#12), RFC 7512, PKCS#11, RFC 1035, \
            RFC 2782, RFC 6186, RFC 6891, RFC 8314",
    },
    Page {
        command: &["send"],
        examples: &[
            (
                "A PDF to a doctor, by address:",
                "mss --sandbox send --to dr.durand@medecin.sandbox --subject Result --attach result.pdf",
            ),
            (
                "To two people, one by RPPS number, with a text from stdin:",
                "mss --sandbox send --to 99700000013 --cc dr.lefevre@medecin.sandbox --subject Letter --body-file - --attach result.pdf",
            ),
            (
                "To somebody outside the space, in a package; its password goes to a command, or without one to the terminal:",
                "mss --sandbox send --package --to someone@example.org --attach result.pdf --password-command 'cat > password'",
            ),
            (
                "Check everything, send nothing, answer in JSON:",
                "mss --sandbox --json send --dry-run --to dr.durand@medecin.sandbox --subject Result --attach result.pdf",
            ),
        ],
        statuses: &[
            Done,
            Usage,
            Data,
            NoInput,
            Unavailable,
            CannotCreate,
            LocalIo,
            TryAgain,
            Untrusted,
            SignIn,
            Configuration,
            Partial,
            Unknown,
            Interrupted,
        ],
        security: "Senders, recipients, sizes and times are visible to the operators on the way; with smime and package the \
            subject, the text, the attachments and their names are not. A package goes to any address: neither the directory \
            nor the signed list is asked. Its password has 83 bits, is in no message, no log and no answer, and is kept \
            nowhere. Whoever can change the mail on its way can put a page in its place that asks for the password: against \
            that, send an archive, and say so with the password. A recipient without a certificate that verified stops the \
            message. Nothing is sent again by itself after its last octet left: status 80 asks for mss outbox resolve.",
        standards: "RFC 5321, RFC 6409, RFC 8551, RFC 5083, RFC 9788; packages: RFC 8018, NIST SP 800-38D, WinZip AE-2",
    },
    Page {
        command: &["fetch"],
        examples: &[
            ("Everything new, into a folder:", "mss --sandbox --profile dr.durand fetch --to received"),
            (
                "Store, then move on the server, and tell each message as one line of JSON:",
                "mss --sandbox --profile dr.durand --json fetch --to received --after move:Archive",
            ),
            (
                "What one correspondent wrote this year, from every folder, seen before or not:",
                "mss --sandbox --profile dr.durand fetch --folder '*' --state all --from laboratoire@biologie.sandbox --since 2026-01-01",
            ),
            (
                "As a service, which takes what comes:",
                "mss --no-input --service-key service.key fetch --watch --to received",
            ),
        ],
        statuses: &[
            Done,
            Finding,
            Usage,
            Data,
            NoInput,
            Unavailable,
            CannotCreate,
            LocalIo,
            TryAgain,
            Untrusted,
            SignIn,
            Configuration,
            Interrupted,
        ],
        security: "No decrypted octet leaves the private spool before its integrity was checked. Names of attachments are \
            made safe. What does not verify is kept in quarantine, never mixed with the rest, never deleted from the server. \
            Attachments are not searched for malware.",
        standards: "RFC 9051, RFC 2177, RFC 2971, RFC 4315, RFC 4731, RFC 4978, RFC 6851, RFC 7162, RFC 8551, RFC 5083, RFC 9788",
    },
    Page {
        command: &["lookup"],
        examples: &[
            ("By name:", "mss --sandbox lookup durand"),
            ("By profession and place:", "mss --sandbox lookup --profession cardiologie --place Nantes"),
            ("By RPPS number, in JSON:", "mss --sandbox --json lookup --rpps 99700000013"),
        ],
        statuses: &[
            Done,
            Finding,
            Usage,
            Data,
            NoInput,
            Unavailable,
            LocalIo,
            TryAgain,
            Untrusted,
            SignIn,
            Configuration,
        ],
        security: "What is looked for is sent in the body of the request, not in its address, so that it does not appear in \
            the logs of web servers. Not found does not mean that nobody exists.",
        standards: "HL7 FHIR R4, RFC 5280",
    },
    Page {
        command: &["purge-check"],
        examples: &[("For every mailbox there is:", "mss --sandbox purge-check --all-profiles")],
        statuses: &[Done, Finding, Usage, NoInput, LocalIo, SignIn, Configuration],
        security: "Reads the local trace only: it knows the sign-ins made with mss on this machine, and no others.",
        standards: "CNIL, délibération 2014-239 (AU-037), on retention: good practice, no longer binding",
    },
    Page {
        command: &["signin"],
        examples: &[
            ("How the profile signs in, and what is kept of it:", "mss --sandbox signin status"),
            ("Consent once, for the services that run at night:", "mss signin start"),
            ("Take it back:", "mss signin logout"),
        ],
        statuses: &[Done, Usage, NoInput, Unavailable, LocalIo, Untrusted, SignIn, Configuration, Interrupted],
        security: "Access tokens are in memory only. A refresh token is kept only where signin.keep-refresh-token says so, sealed \
            under storage.key in the state folder: whoever has both the vault and that folder can sign in until it is taken back.",
        standards: "RFC 6749, RFC 7009, RFC 7628, RFC 8414, RFC 8628, RFC 8705, OpenID Connect CIBA Core",
    },
    Page {
        command: &["audit"],
        examples: &[
            ("What was done, as JSON Lines:", "mss --sandbox --json audit log"),
            ("What was sent since a day:", "mss --sandbox audit log --action send --since 2026-01-05"),
            ("Was the trace changed?", "mss --sandbox audit verify"),
        ],
        statuses: &[Done, Finding, Usage, NoInput, LocalIo, SignIn, Configuration],
        security: "Verification shows integrity, not completeness: a trace restored as a whole from an older copy verifies, \
            and whoever holds the keys of the profile can write another one.",
        standards: "RFC 6962 (hashing), C2SP tlog-checkpoint and signed-note",
    },
    Page {
        command: &["outbox"],
        examples: &[
            ("What is not settled:", "mss --sandbox outbox list --open"),
            ("What somebody should look at, each morning:", "mss --sandbox outbox list --undelivered --older-than 24h"),
            ("Everything that happened to message 7:", "mss outbox show 7"),
            ("Submit what is queued:", "mss --sandbox outbox run"),
            ("The same as a service, 600 messages a minute at most:", "mss --no-input outbox run --watch --rate 600/m"),
            ("Take message 7 back before it leaves:", "mss outbox cancel 7"),
            ("Wait until message 7 has arrived, at most ten minutes:", "mss outbox wait 7 --timeout 10m"),
            ("Look in the mailbox for what became of what is unknown:", "mss --sandbox outbox resolve"),
            ("The mailbox that refused message 7 is there now:", "mss outbox requeue 7"),
            ("How many messages are past their term:", "mss --sandbox outbox purge --dry-run"),
            (
                "The recipient has message 7, though the server never answered:",
                "mss outbox resolve 7 --assume delivered",
            ),
        ],
        statuses: &[
            Done,
            Finding,
            Usage,
            NoInput,
            Unavailable,
            LocalIo,
            TryAgain,
            Untrusted,
            SignIn,
            Configuration,
            Partial,
            Unknown,
            Interrupted,
        ],
        security: "Messages and recipients are sealed on disk with the storage key of the profile. To assume a message lost \
            that was delivered is to deliver it twice. A message that was purged is forgotten: the command that sent it sends \
            it anew. outbox run --watch goes on when a server is away, and ends with status 0 when it is stopped with nothing \
            in hand. The command of outbox.alert-command gets numbers and counts, no address and no subject.",
        standards: "RFC 5321, section 4.5.4",
    },
    Page {
        command: &["config"],
        examples: &[
            ("Every setting and where it comes from:", "mss --sandbox config show --origin"),
            ("One setting:", "mss --sandbox config get submission.host"),
            ("Change it:", "mss config set submission.host smtp.example"),
            ("A new password, which the command line never sees:", "mss config set signin.password"),
            (
                "Install the certificate that the authority made:",
                "mss config certificate --certificate cabinet.pem --key cabinet.key",
            ),
            (
                "Go on with a key that stays on its card:",
                "mss config certificate --token 'pkcs11:token=CPS;id=%01?module-path=/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so'",
            ),
            (
                "A new passphrase and a new service key; the old ones open nothing any more:",
                "mss config rekey --passphrase --service-key-out service.key",
            ),
            ("The JSON Schema of an answer:", "mss config schema mss.send/1"),
        ],
        statuses: &[Done, Usage, Data, NoInput, Unavailable, CannotCreate, LocalIo, SignIn, Configuration],
        security: "Secrets are never shown. A vault that group or others may read is refused. After a rekey the former \
            passphrase and service keys still open older copies of the vault, such as those in backups.",
        standards: "RFC 5083, RFC 5652, RFC 9106, RFC 7292 (PKCS#12), RFC 7512, PKCS#11, TOML 1.0",
    },
    Page {
        command: &["sandbox"],
        examples: &[
            ("Every fault the operator can be given:", "mss sandbox --list-faults"),
            (
                "Keep it running where other clients expect it:",
                "mss sandbox --submission-port 2587 --mailbox-port 2143",
            ),
            ("One that refuses a recipient:", "mss --fault 'rcpt=refuse:550 5.1.1 no such user' sandbox"),
        ],
        statuses: &[Done, Usage, LocalIo, Interrupted],
        security: "Listens on 127.0.0.1 only. Its authority, keys and codes are throw-away: they must never be trusted \
            elsewhere.",
        standards: "RFC 5321, RFC 6409, RFC 3501, RFC 9051, HL7 FHIR R4, XML Signature",
    },
    Page {
        command: &["demo"],
        examples: &[("The whole main job:", "mss demo")],
        statuses: &[Done, Unavailable, Bug, LocalIo, Configuration],
        security: "Uses the sandbox and a fictive result; nothing leaves the machine.",
        standards: "Those of send, fetch, lookup, purge-check and audit",
    },
];

/// The page of a command, named by its words after `mss`.
pub fn page(command: &[&str]) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.command == command)
}
