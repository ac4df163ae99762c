//! What a server says it can do (RFC 5321, section 4.1.1.1).

use super::Reply;

/// The keywords of one EHLO reply and their parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions(Vec<(String, String)>);

impl Extensions {
    /// Reads them from the reply to EHLO, whose first line is the server's name.
    pub(super) fn of(reply: &Reply) -> Extensions {
        let keyword = |line: &String| {
            // Very old servers write `AUTH=PLAIN LOGIN`.
            let (keyword, parameters) = line.split_once([' ', '=']).unwrap_or((line, ""));
            (keyword.to_ascii_uppercase(), parameters.trim().to_owned())
        };
        Extensions(reply.lines().iter().skip(1).map(keyword).collect())
    }

    /// These, with a comma between them.
    #[cfg(test)]
    pub(super) fn named(keywords: &str) -> Extensions {
        Extensions(keywords.split_terminator(',').map(|keyword| (keyword.to_owned(), String::new())).collect())
    }

    /// Whether the keyword is there.
    pub fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|(known, _)| known == keyword)
    }

    /// The largest message in octets (RFC 1870); none where the server names no limit.
    pub fn size_limit(&self) -> Option<u64> {
        let (_, parameters) = self.0.iter().find(|(known, _)| known == "SIZE")?;
        parameters.parse().ok().filter(|limit| *limit > 0)
    }

    /// The names of the SASL mechanisms (RFC 4954).
    pub fn mechanisms(&self) -> impl Iterator<Item = &str> + Clone {
        let auth = self.0.iter().filter(|(known, _)| known == "AUTH");
        auth.flat_map(|(_, parameters)| parameters.split_ascii_whitespace())
    }
}
