//! The first reading: every row, its recipients, files and sizes, before anything is queued; all faults at once.

use std::path::Path;
use std::sync::Arc;

use super::people::People;
use super::{Request, words_of};
use crate::commands::account::Account;
use crate::commands::error::Error;
use crate::commands::message::{Bench, attach};
use crate::commands::send::TEXT_LIMIT;
use crate::fs;
use crate::manifest::{Fault, Finding, FirstReading, Keys, Manifest, NoRow, Row, Text};
use crate::outbox::Outbox;
use crate::sealed::Protection;

/// Most faults that are told one by one.
pub(super) const KEPT: usize = 1000;

/// What is wrong with a row.
#[derive(Debug)]
pub struct Wrong {
    /// Its number, counted from 1; 0 for the names of the columns.
    pub row: u64,
    /// The line of the file it begins in.
    pub line: u64,
    /// The column, where one is to blame.
    pub column: Option<&'static str>,
    /// What it is.
    pub why: Why,
}

/// Why a row cannot be sent.
#[derive(Clone, Debug)]
pub enum Why {
    /// The manifest itself.
    Manifest(Fault),
    /// Somebody it is for, a file, or the making of the message.
    Message(Arc<Error>),
    /// The key is known, and belongs to a message that says something else.
    KeyTaken,
    /// A package, and no command to hand its password to.
    NoPasswordCommand,
    /// A text that is not UTF-8, or too large.
    Text(&'static str),
    /// Sealed, it is larger than the server takes.
    TooLarge { size: u64, limit: u64 },
    /// It was changed after it was checked.
    Changed,
}

/// What the first reading found.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) first: FirstReading,
    /// The rows that are not sent, in order.
    pub(super) bad: Vec<u64>,
    pub(super) wrong: Vec<Wrong>,
    /// All of them, also those that were not kept.
    pub(super) faults: u64,
}

impl Checked {
    pub(super) fn add(&mut self, wrong: Wrong) {
        self.faults += 1;
        if self.bad.last() != Some(&wrong.row) {
            self.bad.push(wrong.row);
        }
        if self.wrong.len() < KEPT {
            self.wrong.push(wrong);
        }
    }

    pub(super) fn is_bad(&self, row: u64) -> bool {
        self.bad.binary_search(&row).is_ok()
    }
}

/// What rows are checked with.
pub(super) struct Check<'c, 'a> {
    pub(super) account: &'a Account<'a>,
    pub(super) request: &'c Request,
    pub(super) bench: &'c Bench<'a>,
    pub(super) outbox: &'c Outbox,
    /// The largest message the server takes, where that is known.
    pub(super) size_limit: Option<u64>,
}

impl<'a> Check<'_, 'a> {
    pub(super) fn read(&self, manifest: &mut Manifest, people: &mut People<'a>) -> Result<Checked, Error> {
        let (mut checked, mut keys) = (Checked::default(), Keys::default());
        for row in manifest.rows()? {
            match row {
                Err(NoRow::Ended(error)) => return Err(error.into()),
                Err(NoRow::Wrong(found)) => {
                    if found.first().is_some_and(|finding| finding.row > 0) {
                        checked.first.note([0; 16]);
                    }
                    found.into_iter().for_each(|finding| checked.add(finding.into()));
                }
                Ok(row) => {
                    let mut wrong = Vec::new();
                    let digest = self.row(&row, &mut keys, people, &mut wrong)?;
                    checked.first.note(digest);
                    for (column, why) in wrong {
                        checked.add(Wrong { row: row.number, line: row.line, column, why });
                    }
                }
            }
            if self.account.is_interrupted() {
                return Err(Error::Interrupted);
            }
        }
        Ok(checked)
    }

    /// Everything that is wrong with one row; the digest of the row and its files.
    fn row(
        &self,
        row: &Row,
        keys: &mut Keys,
        people: &mut People<'a>,
        wrong: &mut Vec<(Option<&'static str>, Why)>,
    ) -> Result<[u8; 16], Error> {
        // Without a key, a row is known by what stands in it: twice the same row is twice the same message.
        let unnamed = || row.digest.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        let key = row.key.as_ref().map_or_else(|| format!("\0{}", unnamed()), Clone::clone);
        if let Err(fault) = keys.add(&key, row.number) {
            wrong.push((Some("key"), Why::Manifest(fault)));
        }
        let protection = row.protection.unwrap_or(self.request.protection);
        if protection == Protection::Package && self.request.packaging.password_command.is_none() {
            wrong.push((Some("protection"), Why::NoPasswordCommand));
        }
        let addressees = people.of(row, protection)?;
        let addressees = addressees.unwrap_or_else(|refused| {
            wrong.extend(refused.into_iter().map(|(column, error)| (Some(column), Why::Message(error))));
            Vec::new()
        });
        let files = match row.look_at_files() {
            Ok(files) => files,
            Err(found) => {
                wrong.extend(found.into_iter().map(|finding| (finding.column, Why::Manifest(finding.fault))));
                return Ok(row.digest);
            }
        };
        let text = match text(&row.text) {
            Ok(text) => text,
            Err(why) => {
                wrong.push((Some("body-file"), why));
                return Ok(files.digest);
            }
        };
        let size = sealed_size(files.size.saturating_add(text.len() as u64), protection);
        if let Some(limit) = self.size_limit.filter(|limit| size > *limit) {
            wrong.push((Some("attach"), Why::TooLarge { size, limit }));
        }
        let named = row.key.as_deref().map(|key| self.bench.key_of(b"manifest key", key.as_bytes()));
        if let Some(key) = named.filter(|_| wrong.is_empty() && !self.request.replace)
            && self.outbox.knows(&key)?
        {
            let attachments = row.attach.iter().map(|path| attach(path)).collect::<Result<Vec<_>, _>>();
            match attachments.and_then(|all| {
                let words = words_of(row, &text, protection, self.request);
                self.bench.fingerprint(
                    &words,
                    &all,
                    addressees.iter().map(|one| (one.role(), one.address().key())).collect(),
                )
            }) {
                Ok(content) if self.outbox.known(&key, &content)?.is_some_and(|known| !known.same) => {
                    wrong.push((Some("key"), Why::KeyTaken));
                }
                Ok(_) => {}
                Err(error) => wrong.push((Some("attach"), Why::Message(Arc::new(error)))),
            }
        }
        Ok(files.digest)
    }
}

impl From<Finding> for Wrong {
    fn from(finding: Finding) -> Wrong {
        let Finding { row, line, column, fault } = finding;
        Wrong { row, line, column, why: Why::Manifest(fault) }
    }
}

/// The text of a row.
pub(super) fn text(text: &Text) -> Result<String, Why> {
    match text {
        Text::None => Ok(String::new()),
        Text::Inline(text) => Ok(text.clone()),
        Text::File(path) => read_text(path),
    }
}

fn read_text(path: &Path) -> Result<String, Why> {
    let octets = fs::read_bounded(path, TEXT_LIMIT).map_err(|error| match error {
        fs::FsError::TooLarge { .. } => Why::Text("the text is larger than 16 MiB; attach it instead"),
        error => Why::Message(Arc::new(error.into())),
    })?;
    String::from_utf8(octets).map_err(|_| Why::Text("the text is not UTF-8; convert it, or attach it"))
}

/// About how large a message becomes, without its headers and signature: base64 (RFC 2045, section 6.8), twice where it is
/// encrypted. The exact size is compared before MAIL.
fn sealed_size(size: u64, protection: Protection) -> u64 {
    let base64 = |size: u64| size.div_ceil(57).saturating_mul(78);
    match protection {
        Protection::Transport => base64(size),
        Protection::Smime | Protection::Package => base64(base64(size)),
    }
}
