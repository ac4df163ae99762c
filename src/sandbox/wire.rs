//! One connection of a client: buffered, in clear or under TLS, with a break in the line where a fault asks for one.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long a handshake may wait for the client, and an answer for a client that does not read.
const HANDSHAKE: Duration = Duration::from_secs(30);
const WRITING: Duration = Duration::from_secs(120);

const BUFFER: usize = 32 << 10;

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    /// Only while STARTTLS replaces one by the other, and after a failed handshake.
    Broken,
}

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Whole(Vec<u8>),
    /// It was longer than allowed, and was read to its end and thrown away.
    TooLong,
    /// The client closed.
    End,
}

/// The server's end of a connection.
pub(super) struct Wire {
    stream: Stream,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    output: Vec<u8>,
    /// How many octets may still be sent, and received, before the line breaks.
    sendable: Option<u64>,
    receivable: Option<u64>,
}

/// The error of a line that a fault broke.
pub(super) fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the line was cut by a fault")
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> io::Result<Wire> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITING))?;
        Ok(Wire {
            stream: Stream::Clear(stream),
            input: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            output: Vec::with_capacity(BUFFER),
            sendable: None,
            receivable: None,
        })
    }

    /// Takes the TLS handshake; what the client sent before it is thrown away (RFC 3207, section 4.2).
    pub(super) fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        self.flush()?;
        (self.start, self.end) = (0, 0);
        let Stream::Clear(mut stream) = std::mem::replace(&mut self.stream, Stream::Broken) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        stream.set_read_timeout(Some(HANDSHAKE))?;
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            if let Err(error) = tls.complete_io(&mut stream) {
                // The alert that says why is still to be sent.
                let _ = tls.write_tls(&mut stream);
                return Err(error);
            }
        }
        self.stream = Stream::Tls(Box::new(StreamOwned::new(tls, stream)));
        Ok(())
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// The certificate the client showed, as DER; the handshake verified it.
    pub(super) fn client_certificate(&self) -> Option<&[u8]> {
        match &self.stream {
            Stream::Tls(tls) => tls.conn.peer_certificates()?.first().map(AsRef::as_ref),
            _ => None,
        }
    }

    /// The channel binding `tls-exporter` (RFC 9266); none before TLS 1.3.
    pub(super) fn exporter(&self) -> Option<[u8; 32]> {
        let Stream::Tls(tls) = &self.stream else { return None };
        tls.conn.protocol_version().filter(|version| *version == rustls::ProtocolVersion::TLSv1_3)?;
        tls.conn.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
    }

    /// How long a read waits for the client.
    pub(super) fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.socket().ok_or(io::ErrorKind::NotConnected)?.set_read_timeout(Some(patience))
    }

    /// Breaks the line after so many more octets of answers.
    pub(super) fn cut_answers_after(&mut self, octets: u64) {
        self.sendable = Some(octets);
    }

    /// Breaks the line after so many more octets from the client.
    pub(super) fn cut_input_after(&mut self, octets: u64) {
        let here = usize::try_from(octets).unwrap_or(usize::MAX).min(self.end - self.start);
        self.end = self.start + here;
        self.receivable = Some(octets - here as u64);
    }

    /// Reads a line of at most `limit` octets that ends in LF, and takes CR LF or LF from its end.
    pub(super) fn read_line(&mut self, limit: usize) -> io::Result<Line> {
        let mut line = Vec::new();
        let mut length = 0usize;
        loop {
            let buffer = self.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Line::End);
            }
            let end = memchr::memchr(b'\n', buffer);
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            length = length.saturating_add(piece.len());
            if length <= limit {
                line.extend_from_slice(piece);
            }
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.consume(used);
            if end.is_some() {
                break;
            }
        }
        if length > limit {
            return Ok(Line::TooLong);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Line::Whole(line))
    }

    /// Says farewell as TLS asks for, and closes.
    pub(super) fn close(mut self) {
        let _ = self.flush();
        if let Stream::Tls(tls) = &mut self.stream {
            tls.conn.send_close_notify();
            let _ = tls.conn.complete_io(&mut tls.sock);
        }
        self.break_off();
    }

    /// Closes without a farewell.
    pub(super) fn break_off(self) {
        let Some(socket) = self.socket() else { return };
        let _ = socket.shutdown(Shutdown::Both);
    }

    fn receive(&mut self) -> io::Result<usize> {
        let room = match self.receivable {
            Some(0) => return Err(cut()),
            Some(left) => usize::try_from(left).unwrap_or(usize::MAX).min(self.input.len()),
            None => self.input.len(),
        };
        self.hurry();
        let read = loop {
            let read = match &mut self.stream {
                Stream::Clear(stream) => stream.read(&mut self.input[..room]),
                Stream::Tls(tls) => tls.read(&mut self.input[..room]),
                Stream::Broken => Err(io::ErrorKind::NotConnected.into()),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Many clients close without the farewell of TLS; at the end of a command there is nothing to lose.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break 0,
                other => break other?,
            }
        };
        self.receivable = self.receivable.map(|left| left.saturating_sub(read as u64));
        Ok(read)
    }

    /// Has what was received acknowledged at once: a client without `TCP_NODELAY` sends the end of a message only then.
    fn hurry(&self) {
        #[cfg(target_os = "linux")]
        if let Some(socket) = self.socket() {
            // It costs time, not correctness, where it fails.
            let _ = rustix::net::sockopt::set_tcp_quickack(socket, true);
        }
    }

    fn socket(&self) -> Option<&TcpStream> {
        match &self.stream {
            Stream::Clear(stream) => Some(stream),
            Stream::Tls(tls) => Some(&tls.sock),
            Stream::Broken => None,
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Clear(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
            Stream::Broken => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn send_output(&mut self) -> io::Result<()> {
        let output = std::mem::take(&mut self.output);
        let allowed = match self.sendable {
            Some(left) => usize::try_from(left).unwrap_or(usize::MAX).min(output.len()),
            None => output.len(),
        };
        self.send(&output[..allowed])?;
        if allowed < output.len() {
            return Err(cut());
        }
        self.sendable = self.sendable.map(|left| left - allowed as u64);
        self.output = output;
        self.output.clear();
        Ok(())
    }
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(bytes.len());
        bytes[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Wire {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            // What a client waits for is sent before more is asked of it.
            self.flush()?;
            (self.start, self.end) = (0, 0);
            self.end = self.receive()?;
        }
        Ok(&self.input[self.start..self.end])
    }

    fn consume(&mut self, amount: usize) {
        self.start = (self.start + amount).min(self.end);
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        if self.output.len() >= BUFFER {
            self.send_output()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() { Ok(()) } else { self.send_output() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use crate::sandbox::wire::{Line, Wire};

    fn pair() -> (TcpStream, Wire) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, Wire::new(listener.accept().unwrap().0).unwrap())
    }

    #[test]
    fn a_long_line_is_skipped_and_the_next_one_read() {
        let (mut client, mut wire) = pair();
        client.write_all(b"one\r\nfar too long\r\ntwo\n").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(wire.read_line(5).unwrap(), Line::Whole(b"one".to_vec()));
        assert_eq!(wire.read_line(5).unwrap(), Line::TooLong);
        assert_eq!(wire.read_line(5).unwrap(), Line::Whole(b"two".to_vec()));
        assert_eq!(wire.read_line(5).unwrap(), Line::End);
    }

    #[test]
    fn a_cut_line_has_carried_exactly_so_many_octets() {
        let (mut client, mut wire) = pair();
        wire.cut_answers_after(4);
        wire.write_all(b"250 fine\r\n").unwrap();
        assert!(wire.flush().is_err());
        wire.break_off();
        let mut seen = Vec::new();
        client.read_to_end(&mut seen).unwrap();
        assert_eq!(seen, b"250 ");

        let (mut client, mut wire) = pair();
        client.write_all(b"abcdef\n").unwrap();
        wire.cut_input_after(3);
        let mut seen = Vec::new();
        assert!(wire.read_to_end(&mut seen).is_err());
        assert_eq!(seen, b"abc");
    }
}
