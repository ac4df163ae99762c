//! What the manual pages say beyond the options: examples, statuses, security, standards. Tests run every example.

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
    CannotCreate, Configuration, Data, Done, Finding, LocalIo, NoInput, Partial, SignIn, TryAgain, Unavailable,
    Unknown, Untrusted, Usage,
};

/// Every page, in the order of the help.
pub const PAGES: [Page; 11] = [
    Page {
        command: &[],
        examples: &[
            ("See the main job from end to end, without an account:", "mss demo"),
            (
                "Send a result to a doctor of the sandbox, and fetch it as that doctor:",
                "mss --sandbox send --to dr.durand@medecin.sandbox --subject Result --attach result.pdf",
            ),
            ("", "mss --sandbox --profile dr.durand fetch --to received"),
        ],
        statuses: &[
            Done,
            Finding,
            Usage,
            Unavailable,
            LocalIo,
            TryAgain,
            Untrusted,
            SignIn,
            Configuration,
            Partial,
            Unknown,
        ],
        security: "Secrets come from a prompt, a file (mode checked), a file descriptor or a command, never from the \
            command line. The configuration, the outbox and the trace are sealed. mss protects what it sends and keeps; it \
            does not protect an unlocked session, a machine under someone else's control, or what a recipient does.",
        standards: "RFC 5321, RFC 6409, RFC 9051, RFC 5322, RFC 8551, RFC 5652, RFC 5083, RFC 9788, RFC 5280, RFC 6238, HL7 FHIR R4",
    },
    Page {
        command: &["init"],
        examples: &[(
            "Make a profile for a mailbox, answering the questions as they come:",
            "mss init --address cabinet@medecin.example --submission smtp.example:587 --mailbox imap.example:143 --anchors anchors.pem",
        )],
        statuses: &[Done, Usage, NoInput, Unavailable, CannotCreate, Untrusted, SignIn, Configuration],
        security: "The vault is sealed for a passphrase (Argon2id) and, if asked for, a service key. Only the authorities \
            named are trusted. The service key opens everything: keep its file with the service alone.",
        standards: "RFC 5083, RFC 5084, RFC 5652 (KEKRecipientInfo), RFC 9106, RFC 2986",
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
            LocalIo,
            TryAgain,
            Untrusted,
            SignIn,
            Configuration,
            Partial,
            Unknown,
        ],
        security: "Recipients, sizes and times are visible to the operators on the way; with smime the subject, text, \
            attachments and their names are not. A recipient without a certificate that verified stops the message. \
            Nothing is retried after the last octet was sent: status 80 asks for mss outbox resolve.",
        standards: "RFC 5321, RFC 6409, RFC 8551, RFC 5083, RFC 9788",
    },
    Page {
        command: &["fetch"],
        examples: &[
            ("Everything new, into a folder:", "mss --sandbox --profile dr.durand fetch --to received"),
            (
                "Store, then move on the server:",
                "mss --sandbox --profile dr.durand fetch --to received --after move:Archive",
            ),
        ],
        statuses: &[Done, Finding, Usage, Unavailable, CannotCreate, LocalIo, Untrusted, SignIn, Configuration],
        security: "No decrypted octet leaves the private spool before its integrity was checked. Names of attachments are \
            made safe. What does not verify is kept in quarantine, never mixed with the rest, never deleted from the server.",
        standards: "RFC 9051, RFC 8551, RFC 9788",
    },
    Page {
        command: &["lookup"],
        examples: &[
            ("By name:", "mss --sandbox lookup durand"),
            ("By profession and place:", "mss --sandbox lookup --profession cardiologie --place Nantes"),
            ("By RPPS number, in JSON:", "mss --sandbox --json lookup --rpps 99700000013"),
        ],
        statuses: &[Done, Finding, Usage, Unavailable, Untrusted, Configuration],
        security: "Names are sent in the body of the request, not in its address, so that they do not appear in web logs. \
            Not found does not mean that nobody exists.",
        standards: "HL7 FHIR R4, RFC 5280",
    },
    Page {
        command: &["purge-check"],
        examples: &[("For every mailbox of the vault:", "mss --sandbox purge-check --all-profiles")],
        statuses: &[Done, Finding, LocalIo, Configuration],
        security: "Reads the local trace only: it knows the sign-ins made with mss on this machine, and no others.",
        standards: "CNIL délibération 2014-239 (AU-037), article on retention: good practice, no longer binding",
    },
    Page {
        command: &["audit"],
        examples: &[
            ("What was done, as JSON Lines:", "mss --sandbox --json audit log"),
            ("Was the trace changed?", "mss --sandbox audit verify"),
        ],
        statuses: &[Done, Finding, Usage, LocalIo, Configuration],
        security: "Verification shows integrity, not completeness: a trace restored as a whole from an older copy verifies, \
            unless a later checkpoint is kept elsewhere.",
        standards: "RFC 6962 (hashing), C2SP tlog-checkpoint and signed-note",
    },
    Page {
        command: &["outbox"],
        examples: &[
            ("What is not settled:", "mss --sandbox outbox list --open"),
            ("Submit what is queued:", "mss --sandbox outbox run"),
        ],
        statuses: &[Done, Finding, Usage, Unavailable, LocalIo, TryAgain, SignIn, Configuration, Unknown],
        security: "Messages and recipients are sealed on disk with the profile's storage key.",
        standards: "RFC 5321, section 4.5.4",
    },
    Page {
        command: &["config"],
        examples: &[
            ("Every setting and where it comes from:", "mss --sandbox config show --origin"),
            ("The JSON Schema of an answer:", "mss config schema mss.send/1"),
        ],
        statuses: &[Done, Usage, NoInput, CannotCreate, SignIn, Configuration],
        security: "Secrets are never shown. A vault that group or others may read is refused.",
        standards: "RFC 5083, RFC 5652, RFC 9106, TOML 1.0",
    },
    Page {
        command: &["sandbox"],
        examples: &[("Every fault the operator can be given:", "mss sandbox --list-faults")],
        statuses: &[Done, Usage, LocalIo],
        security: "Listens on 127.0.0.1 only. Its authority, keys and codes are throw-away: they must never be trusted elsewhere.",
        standards: "RFC 5321, RFC 6409, RFC 3501, RFC 9051, HL7 FHIR R4, XML Signature",
    },
    Page {
        command: &["demo"],
        examples: &[("The whole main job:", "mss demo")],
        statuses: &[Done],
        security: "Uses the sandbox and a fictive result; nothing leaves the machine.",
        standards: "Those of send, fetch, lookup, purge-check and audit",
    },
];

/// The page of a command, named by its words after `mss`.
pub fn page(command: &[&str]) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.command == command)
}
