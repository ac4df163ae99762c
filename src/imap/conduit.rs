//! The connection below a session: lines and octets, compressed on the way where that was agreed (RFC 4978).

use std::io;
use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::net::{Heard, LinkError, Stream, Wire};

/// Octets unpacked at once.
const BLOCK: usize = 32 * 1024;

/// A connection that is spoken on in lines, and what packs and unpacks what goes over it.
pub(super) struct Conduit {
    wire: Wire,
    packed: Option<Box<Packed>>,
}

/// Both directions of a compressed connection (raw DEFLATE, RFC 1951).
struct Packed {
    inflate: Decompress,
    deflate: Compress,
    /// As it came, and how much of it was unpacked.
    raw: Vec<u8>,
    taken: usize,
    /// Unpacked, and how much of it was handed on.
    plain: Vec<u8>,
    given: usize,
}

impl Conduit {
    pub(super) fn new(wire: Wire) -> Conduit {
        Conduit { wire, packed: None }
    }

    /// From now on everything is packed, in both directions.
    pub(super) fn compress(&mut self) {
        let (inflate, deflate) = (Decompress::new(false), Compress::new(Compression::default(), false));
        let packed = Packed { inflate, deflate, raw: Vec::new(), taken: 0, plain: Vec::new(), given: 0 };
        self.packed = Some(Box::new(packed));
    }

    pub(super) fn stream(&self) -> &Stream {
        self.wire.stream()
    }

    pub(super) fn endpoint(&self) -> &str {
        self.wire.endpoint()
    }

    pub(super) fn each_within(&mut self, limit: Duration) {
        self.wire.each_within(limit);
    }

    pub(super) fn all_within(&mut self, limit: Duration) {
        self.wire.all_within(limit);
    }

    pub(super) fn close(&mut self) {
        self.wire.close();
    }

    /// One line with its end, as [`Wire::read_whole_line`] gives it.
    pub(super) fn read_whole_line(&mut self, limit: usize) -> Result<Vec<u8>, LinkError> {
        if self.packed.is_none() {
            return self.wire.read_whole_line(limit);
        }
        let mut line = Vec::new();
        loop {
            let piece = self.unpacked()?;
            let end = piece.iter().position(|octet| *octet == b'\n');
            let count = end.map_or(piece.len(), |end| end + 1);
            line.extend_from_slice(&piece[..count]);
            self.give(count);
            if line.len() > limit {
                return Err(LinkError::EndlessLine { endpoint: self.endpoint().to_owned(), limit });
            }
            if end.is_some() {
                return Ok(line);
            }
        }
    }

    /// Some octets of what is no line; at least one.
    pub(super) fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        if self.packed.is_none() {
            return self.wire.read_some(buffer);
        }
        let piece = self.unpacked()?;
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        self.give(count);
        Ok(count)
    }

    /// Sends all of it.
    pub(super) fn send(&mut self, octets: &[u8]) -> Result<(), LinkError> {
        let Some(packed) = &mut self.packed else { return self.wire.send(octets) };
        let packed = packed.pack(octets).map_err(|error| broken(&self.wire, error))?;
        self.wire.send(&packed)
    }

    /// Looks whether the other side has spoken or gone, without waiting for it.
    pub(super) fn heard(&mut self) -> Heard {
        let waits = self
            .packed
            .as_ref()
            .is_some_and(|packed| packed.given < packed.plain.len() || packed.taken < packed.raw.len());
        if waits { Heard::Speech } else { self.wire.heard() }
    }

    /// What was unpacked and not yet handed on; more is read where that is nothing.
    fn unpacked(&mut self) -> Result<&[u8], LinkError> {
        let Conduit { wire, packed } = self;
        let packed = packed.as_mut().expect("only asked where it is packed");
        while packed.given == packed.plain.len() {
            if packed.taken == packed.raw.len() {
                packed.raw.resize(BLOCK, 0);
                packed.taken = 0;
                let read = wire.read_some(&mut packed.raw);
                packed.raw.truncate(*read.as_ref().unwrap_or(&0));
                read?;
            }
            packed.unpack().map_err(|error| broken(wire, error))?;
        }
        Ok(&packed.plain[packed.given..])
    }

    fn give(&mut self, count: usize) {
        if let Some(packed) = &mut self.packed {
            packed.given += count;
        }
    }
}

/// What came cannot be unpacked, or what goes not be packed.
fn broken(wire: &Wire, source: io::Error) -> LinkError {
    LinkError::Broken { endpoint: wire.endpoint().to_owned(), source }
}

impl Packed {
    /// Unpacks one block at most, however much the octets at hand would become.
    fn unpack(&mut self) -> io::Result<()> {
        self.plain.clear();
        self.plain.reserve(BLOCK);
        self.given = 0;
        let before = self.inflate.total_in();
        let status = self
            .inflate
            .decompress_vec(&self.raw[self.taken..], &mut self.plain, FlushDecompress::Sync)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let taken = usize::try_from(self.inflate.total_in() - before).unwrap_or(usize::MAX);
        self.taken = self.taken.saturating_add(taken).min(self.raw.len());
        match status {
            Status::StreamEnd => Err(io::ErrorKind::UnexpectedEof.into()),
            // Nothing taken and nothing given: the rest of these octets will never be anything.
            _ if taken == 0 && self.plain.is_empty() && self.taken < self.raw.len() => {
                Err(io::ErrorKind::InvalidData.into())
            }
            _ => Ok(()),
        }
    }

    fn pack(&mut self, octets: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(octets.len() / 2 + 64);
        let start = self.deflate.total_in();
        loop {
            let done = usize::try_from(self.deflate.total_in() - start).unwrap_or(usize::MAX).min(octets.len());
            let flushed = self.deflate.compress_vec(&octets[done..], &mut out, FlushCompress::Sync);
            flushed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let all = usize::try_from(self.deflate.total_in() - start).is_ok_and(|done| done == octets.len());
            // Room is left only where nothing waits to be written.
            if all && out.len() < out.capacity() {
                return Ok(out);
            }
            out.reserve(256);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::scripted::{Peer, dialer, serve};

    fn packed() -> Packed {
        let (inflate, deflate) = (Decompress::new(false), Compress::new(Compression::default(), false));
        Packed { inflate, deflate, raw: Vec::new(), taken: 0, plain: Vec::new(), given: 0 }
    }

    fn compressed(script: impl FnOnce(&mut Peer) + Send + 'static) -> (Conduit, crate::net::scripted::Scripted) {
        let server = serve(script);
        let mut conduit = Conduit::new(Wire::new(dialer().connect(&server.endpoint).unwrap()));
        conduit.compress();
        (conduit, server)
    }

    #[test]
    fn lines_and_octets_go_both_ways_compressed() {
        let text = "0123456789".repeat(20_000);
        let sent = text.clone();
        let (mut conduit, server) = compressed(move |peer| {
            let mut theirs = packed();
            for piece in ["* first\r\n* sec", "ond\r\n", &sent, "* last\r\n"] {
                peer.send_octets(&theirs.pack(piece.as_bytes()).unwrap());
            }
            let heard = peer.octets(packed().pack(b"a1 NOOP\r\n").unwrap().len());
            theirs.raw = heard;
            theirs.unpack().unwrap();
            assert_eq!(theirs.plain, b"a1 NOOP\r\n");
        });
        assert_eq!(conduit.read_whole_line(99).unwrap(), b"* first\r\n");
        assert_eq!(conduit.read_whole_line(99).unwrap(), b"* second\r\n");
        let mut read = vec![0; text.len()];
        let mut length = 0;
        while length < read.len() {
            length += conduit.read_some(&mut read[length..]).unwrap();
        }
        assert!(read == text.as_bytes());
        assert_eq!(conduit.read_whole_line(99).unwrap(), b"* last\r\n");
        conduit.send(b"a1 NOOP\r\n").unwrap();
        server.join();
    }

    #[test]
    fn a_line_that_unpacks_to_very_much_is_not_kept_and_what_is_no_deflate_is_refused() {
        let (mut conduit, server) = compressed(|peer| peer.send_octets(&packed().pack(&vec![b'x'; 50 << 20]).unwrap()));
        assert!(matches!(conduit.read_whole_line(1 << 16), Err(LinkError::EndlessLine { .. })));
        drop(conduit);
        server.leave();
        let (mut conduit, server) = compressed(|peer| peer.send("* OK this is not compressed at all\r\n"));
        assert!(matches!(conduit.read_whole_line(1 << 16), Err(LinkError::Broken { .. })));
        drop(conduit);
        server.leave();
    }
}
