//! The words of an IMAP command (RFC 9051, section 9), pulled from the connection one by one, literals included.

use std::io::{self, BufRead, Write};

use crate::sandbox::wire::Wire;

/// How many octets a command may have, literals included, but for the message of APPEND.
const MAX_COMMAND: usize = 64 << 10;
/// The largest literal that is thrown away to find the end of a refused command; beyond it the line is broken off.
const MAX_SKIPPED: u64 = 512 << 20;

/// Why a command could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    Wire(io::Error),
    /// The client closed.
    End,
    Syntax(&'static str),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> ReadError {
        ReadError::Wire(error)
    }
}

pub(super) type Read<T> = Result<T, ReadError>;

/// Reads one command.
pub(super) struct Reader<'a> {
    wire: &'a mut Wire,
    left: usize,
    /// The end of the command was read.
    done: bool,
    /// The last octets that were read, to see a literal that stands at the end of a line.
    tail: Vec<u8>,
}

fn syntax<T>(what: &'static str) -> Read<T> {
    Err(ReadError::Syntax(what))
}

impl<'a> Reader<'a> {
    pub(super) fn new(wire: &'a mut Wire) -> Reader<'a> {
        Reader { wire, left: MAX_COMMAND, done: false, tail: Vec::new() }
    }

    /// The next octet, which stays there.
    pub(super) fn peek(&mut self) -> Read<u8> {
        if self.done {
            return syntax("the command ends too soon");
        }
        self.wire.fill_buf()?.first().copied().ok_or(ReadError::End)
    }

    fn next(&mut self) -> Read<u8> {
        let octet = self.peek()?;
        self.left = self.left.checked_sub(1).ok_or(ReadError::Syntax("the command is too long"))?;
        self.wire.consume(1);
        if self.tail.len() >= 32 {
            self.tail.drain(..16);
        }
        self.tail.push(octet);
        Ok(octet)
    }

    /// Takes this octet if it is next.
    pub(super) fn has(&mut self, octet: u8) -> Read<bool> {
        let there = self.peek()? == octet;
        if there {
            self.next()?;
        }
        Ok(there)
    }

    pub(super) fn expect(&mut self, octet: u8) -> Read<()> {
        if self.has(octet)? { Ok(()) } else { syntax("a character is not what stands there") }
    }

    pub(super) fn space(&mut self) -> Read<()> {
        self.expect(b' ')
    }

    /// Whether the command ends here.
    pub(super) fn at_end(&mut self) -> Read<bool> {
        Ok(matches!(self.peek()?, b'\r' | b'\n'))
    }

    /// Takes the end of the command.
    pub(super) fn end(&mut self) -> Read<()> {
        let _ = self.has(b'\r')?;
        if self.peek()? != b'\n' {
            return syntax("more than the command asks for");
        }
        self.next()?;
        self.done = true;
        Ok(())
    }

    fn while_in(&mut self, fits: impl Fn(u8) -> bool) -> Read<String> {
        let mut word = Vec::new();
        while fits(self.peek()?) {
            word.push(self.next()?);
        }
        if word.is_empty() {
            return syntax("a word is missing");
        }
        String::from_utf8(word).map_err(|_| ReadError::Syntax("not UTF-8"))
    }

    pub(super) fn tag(&mut self) -> Read<String> {
        self.while_in(|b| is_atom(b) && b != b'+')
    }

    pub(super) fn atom(&mut self) -> Read<String> {
        self.while_in(is_atom)
    }

    /// An atom, in capitals.
    pub(super) fn word(&mut self) -> Read<String> {
        Ok(self.atom()?.to_ascii_uppercase())
    }

    /// A flag: an atom, or a backslash and an atom.
    pub(super) fn flag(&mut self) -> Read<String> {
        let system = self.has(b'\\')?;
        let name = self.atom()?;
        Ok(if system { format!("\\{name}") } else { name })
    }

    /// A set of numbers as it is written.
    pub(super) fn set(&mut self) -> Read<String> {
        self.while_in(|b| b.is_ascii_digit() || b":*,$".contains(&b))
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let digits = self.while_in(|b| b.is_ascii_digit())?;
        digits.parse().map_err(|_| ReadError::Syntax("a number is too large"))
    }

    /// An atom (a closing bracket is one of its characters here), a quoted string or a literal.
    pub(super) fn astring(&mut self) -> Read<String> {
        match self.peek()? {
            b'"' | b'{' => self.string(),
            _ => self.while_in(|b| is_atom(b) || b == b']'),
        }
    }

    /// Like `astring`, but the wildcards of LIST may stand in the atom.
    pub(super) fn pattern(&mut self) -> Read<String> {
        match self.peek()? {
            b'"' | b'{' => self.string(),
            _ => self.while_in(|b| is_atom(b) || b"]%*".contains(&b)),
        }
    }

    /// A quoted string or a literal.
    pub(super) fn string(&mut self) -> Read<String> {
        let octets = if self.has(b'"')? {
            let mut octets = Vec::new();
            loop {
                match self.next()? {
                    b'"' => break octets,
                    b'\\' => octets.push(self.next()?),
                    b'\r' | b'\n' => {
                        self.done = self.tail.last() == Some(&b'\n');
                        return syntax("a quoted string does not end");
                    }
                    octet => octets.push(octet),
                }
            }
        } else {
            let size = self.literal()?;
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let mut octets = Vec::with_capacity(size.min(MAX_COMMAND));
            for _ in 0..size {
                octets.push(self.next()?);
            }
            octets
        };
        if octets.contains(&0) {
            return syntax("a NUL in a string");
        }
        String::from_utf8(octets).map_err(|_| ReadError::Syntax("not UTF-8"))
    }

    /// The head of a literal that is part of the command, and its size; a client that waits is told to go on.
    fn literal(&mut self) -> Read<u64> {
        let (size, waits) = self.literal_head()?;
        if size > self.left as u64 {
            return self.refuse_literal(size, waits, "the literal is too large");
        }
        if waits {
            self.wire.write_all(b"+ go ahead\r\n")?;
        }
        Ok(size)
    }

    /// `{size}` or `{size+}` (RFC 7888) at the end of a line; whether the client waits to be told to go on.
    pub(super) fn literal_head(&mut self) -> Read<(u64, bool)> {
        let _binary = self.has(b'~')?;
        self.expect(b'{')?;
        let size = self.number()?;
        let waits = !self.has(b'+')?;
        self.expect(b'}')?;
        let _ = self.has(b'\r')?;
        self.expect(b'\n')?;
        Ok((size, waits))
    }

    /// Refuses a literal: a client that waits sends nothing more, another one sends it all the same.
    pub(super) fn refuse_literal<T>(&mut self, size: u64, waits: bool, why: &'static str) -> Read<T> {
        if waits {
            self.done = true;
        } else {
            skip(self.wire, size)?;
        }
        syntax(why)
    }

    /// After an error: finds the end of the command, through the literals that its client sends unasked.
    pub(super) fn recover(&mut self) -> Read<()> {
        while !self.done {
            self.left = MAX_COMMAND;
            if self.next()? != b'\n' {
                continue;
            }
            match announced(&self.tail) {
                Some(size) => skip(self.wire, size)?,
                None => self.done = true,
            }
        }
        Ok(())
    }
}

fn is_atom(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet)
}

/// The size of the literal that a line announces at its end without waiting.
fn announced(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"+}")?;
    let open = line.iter().rposition(|octet| *octet == b'{')?;
    std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
}

fn skip(wire: &mut Wire, size: u64) -> Read<()> {
    if size > MAX_SKIPPED {
        return Err(ReadError::Wire(io::ErrorKind::InvalidData.into()));
    }
    let mut left = size;
    while left > 0 {
        let here = wire.fill_buf()?.len();
        if here == 0 {
            return Err(ReadError::End);
        }
        let used = here.min(usize::try_from(left).unwrap_or(usize::MAX));
        wire.consume(used);
        left -= used as u64;
    }
    Ok(())
}
