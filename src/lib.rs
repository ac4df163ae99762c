//! `mss`, secure health messaging on the command line: the floor plan of the house.
//!
//! A room may use only rooms on lower floors, never a neighbour on its own floor. The annex may use floors 1 and 2 only,
//! and only `cli` may open its door. `tests/house.rs` reads this table and checks every `use` against it.
//!
//! | floor | room | one line |
//! |---|---|---|
//! | 7 | `cli` | words in, words out: clap, text and JSON, hints, exit statuses; the only room that prints |
//! | 6 | `commands` | one story per verb |
//! | 5 | `smtp` | submission (RFC 6409), stage by stage, up to the point of no return |
//! | 5 | `imap` | the mailbox (RFC 9051): search, stream, acknowledge, wait |
//! | 5 | `directory` | who is who: the FHIR directory of the space, and the index of an extraction of it |
//! | 5 | `signin` | how a session proves who it is: password and one-time code, client certificate, access token |
//! | 5 | `vault` | the encrypted local configuration |
//! | 5 | `outbox` | the durable journal of what is to be sent and what became of it |
//! | 5 | `inbox` | the durable journal of what was fetched, so that nothing is fetched twice |
//! | 5 | `readers` | what the programs of correspondents open, as their own verified mail said it |
//! | 5 | `trace` | the tamper-evident log |
//! | 4 | `smime` | `seal` and `open` (RFC 8551), header protection (RFC 9788) |
//! | 4 | `package` | password packages for people outside the space: a page that decrypts itself, an AES-256 ZIP |
//! | 4 | `discovery` | where a domain says its servers are: SRV (RFC 6186, 8314), the autoconfiguration document |
//! | 4 | `manifest` | the list of what is to be sent: CSV (RFC 4180) or JSON Lines, row by row, and all that is wrong with it |
//! | 3 | `cms` | RFC 5652, 5083: streaming readers and writers; the only room with `unsafe`, in one file |
//! | 3 | `net` | `dial`: TCP, proxies, STARTTLS discipline, TLS with the configured anchors, revocation of servers, HTTP over it |
//! | 3 | `dns` | the stub resolver (RFC 1035, 6891): where to knock, never who opens |
//! | 3 | `token` | keys on tokens and cards (PKCS#11), found by their URI, used where they are |
//! | 3 | `journal` | SQLite files: private, synced at every commit, open to several processes |
//! | 3 | `space` | the trusted space: the signed white list, `Admitted` recipients |
//! | 3 | `sealed` | a message ready for the outbox, and the three protections |
//! | 2 | `pki` | certificates, keys, path validation, revocation lists |
//! | 2 | `fs` | private files: 0600, staged, synced, renamed |
//! | 2 | `process` | which process this is, and whether another one still runs |
//! | 1 | `mail` | addresses, envelopes, drafts, MIME entities |
//! | 1 | `ids` | RPPS, ADELI, FINESS, SIRET, INS |
//! | 1 | `secret` | values that do not show themselves, one-time codes, sealing keys, `trait Prompt` |
//! | 1 | `clock` | the only reader of the system clock |
//! | 1 | `hex` | octets as hexadecimal digits |
//! | 1 | `pace` | how long and how fast, as people write it: `5d`, `600/m` |
//! | 1 | `nearest` | the word that was probably meant |
//! | annex | `sandbox` | a whole operator on loopback: submission, mailboxes, directory, faults on demand |

pub mod cli;
pub mod clock;
pub mod cms;
pub mod commands;
pub mod directory;
pub mod discovery;
pub mod dns;
pub mod fs;
pub mod hex;
pub mod ids;
pub mod imap;
pub mod inbox;
pub mod journal;
pub mod mail;
pub mod manifest;
pub mod nearest;
pub mod net;
pub mod outbox;
pub mod pace;
pub mod package;
pub mod pki;
pub mod process;
pub mod readers;
pub mod sandbox;
pub mod sealed;
pub mod secret;
pub mod signin;
pub mod smime;
pub mod smtp;
pub mod space;
pub mod token;
pub mod trace;
pub mod vault;
