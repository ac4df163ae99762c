//! A conversation in lines, as SMTP and IMAP hold it: bounded lines in, whole commands out, TLS in between.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use super::dialer::Dialer;
use super::error::LinkError;
use super::socket::Pending;
use super::stream::Stream;
use crate::secret::Secret;

/// Octets read at once.
const BUFFER: usize = 16 * 1024;

/// How long a look at what has arrived may take: it is there already, but may be half a TLS record.
const GLANCE: Duration = Duration::from_millis(20);

/// A connection that is spoken on in lines.
pub struct Wire {
    reader: BufReader<Stream>,
    endpoint: String,
}

/// What the other side said without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing, and the connection is open.
    Nothing,
    /// The beginning of a line.
    Speech,
    /// The connection is gone.
    Closed,
}

impl Wire {
    /// Takes a connection over.
    pub fn new(stream: Stream) -> Wire {
        let endpoint = stream.endpoint().to_owned();
        Wire { reader: BufReader::with_capacity(BUFFER, stream), endpoint }
    }

    /// Host and port, to be named in errors.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The connection below.
    pub fn stream(&self) -> &Stream {
        self.reader.get_ref()
    }

    /// From now on each read and each write may take this long.
    pub fn each_within(&mut self, limit: Duration) {
        self.reader.get_mut().each_within(limit);
    }

    /// All reads and writes from now on have to end within this time.
    pub fn all_within(&mut self, limit: Duration) {
        self.reader.get_mut().all_within(limit);
    }

    /// Reads one line and takes its end off. A line of more than `limit` octets is an error, and so is the end of the
    /// connection.
    pub fn read_line(&mut self, limit: usize) -> Result<Vec<u8>, LinkError> {
        let mut line = self.read_whole_line(limit)?;
        line.pop_if(|last| *last == b'\n');
        line.pop_if(|last| *last == b'\r');
        Ok(line)
    }

    /// Reads one line with its end, as [`Wire::read_line`] does; nothing beyond it is taken from the connection.
    pub fn read_whole_line(&mut self, limit: usize) -> Result<Vec<u8>, LinkError> {
        let mut line = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        self.reader
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut line)
            .map_err(|error| LinkError::of_connection(&self.endpoint, error))?;
        if line.len() > limit {
            return Err(LinkError::EndlessLine { endpoint: self.endpoint.clone(), limit });
        }
        if !line.ends_with(b"\n") {
            return Err(LinkError::of_connection(&self.endpoint, io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(line)
    }

    /// Reads some octets of what is no line.
    pub fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        match self.reader.read(buffer) {
            Ok(0) => Err(LinkError::of_connection(&self.endpoint, io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => Ok(count),
            Err(error) => Err(LinkError::of_connection(&self.endpoint, error)),
        }
    }

    /// Sends all of it; an error on the way is not held back.
    pub fn send(&mut self, octets: &[u8]) -> Result<(), LinkError> {
        let stream = self.reader.get_mut();
        stream
            .write_all(octets)
            .and_then(|()| stream.flush())
            .map_err(|error| LinkError::of_connection(&self.endpoint, error))
    }

    /// Sends a line that holds a secret.
    pub fn send_secret(&mut self, octets: &Secret<Vec<u8>>) -> Result<(), LinkError> {
        self.send(octets.expose())
    }

    /// Puts TLS on the connection, with the first octet or after STARTTLS was granted. What arrived in clear before the
    /// handshake and was not read is an error (RFC 3207, section 6): it would be taken for the secured server's words.
    pub fn secure(self, dialer: &Dialer, host: &str) -> Result<Wire, LinkError> {
        if !self.reader.buffer().is_empty() {
            return Err(LinkError::InjectedPlaintext { endpoint: self.endpoint });
        }
        dialer.secure(self.reader.into_inner(), host).map(Wire::new)
    }

    /// Looks whether the other side has spoken or gone, without waiting for it.
    pub fn heard(&mut self) -> Heard {
        if !self.reader.buffer().is_empty() {
            return Heard::Speech;
        }
        match self.reader.get_mut().pending() {
            Pending::Nothing => Heard::Nothing,
            Pending::Closed => Heard::Closed,
            Pending::Octets => {
                self.each_within(GLANCE);
                match self.reader.fill_buf() {
                    Ok([]) => Heard::Closed,
                    Ok(_) => Heard::Speech,
                    // A session ticket, or half a record.
                    Err(error) if error.kind() == io::ErrorKind::TimedOut => Heard::Nothing,
                    Err(_) => Heard::Closed,
                }
            }
        }
    }

    /// Has the answer that is waited for acknowledged at once. The kernel forgets this while we speak: ask again before each
    /// answer that a server might hold back behind octets that were not acknowledged.
    pub fn acknowledge_at_once(&mut self) {
        self.reader.get_mut().acknowledge_at_once();
    }

    /// Ends the connection.
    pub fn close(&mut self) {
        self.reader.get_mut().close();
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{dialer, serve};
    use super::*;

    #[test]
    fn an_endless_line_and_a_cut_line_are_errors() {
        let server = serve(|peer| {
            peer.send("short\r\nbare\n");
            peer.send(&"x".repeat(100));
        });
        let mut wire = Wire::new(dialer().connect(&server.endpoint).unwrap());
        assert_eq!(wire.read_line(7).unwrap(), b"short");
        assert_eq!(wire.read_line(7).unwrap(), b"bare");
        assert!(matches!(wire.read_line(50), Err(LinkError::EndlessLine { limit: 50, .. })));
        assert!(matches!(wire.read_line(99), Err(LinkError::Broken { .. })));
        server.join();
    }

    #[test]
    fn what_was_said_in_clear_is_not_taken_into_tls() {
        let server = serve(|peer| {
            peer.send("220 go ahead\r\n250 injected\r\n");
            peer.start_tls();
        });
        let mut wire = Wire::new(dialer().connect(&server.endpoint).unwrap());
        wire.read_line(99).unwrap();
        let error = wire.secure(&dialer(), "127.0.0.1").map(|_| ()).unwrap_err();
        assert!(matches!(error, LinkError::InjectedPlaintext { .. }), "{error:?}");
        server.leave();
    }

    #[test]
    fn a_peer_that_left_is_noticed_without_waiting() {
        let server = serve(|peer| {
            peer.start_tls();
            peer.send("early");
            peer.expect("go");
            peer.cut();
        });
        let wire = Wire::new(dialer().connect(&server.endpoint).unwrap());
        let mut wire = wire.secure(&dialer(), "127.0.0.1").unwrap();
        let soon = |wire: &mut Wire, wanted| {
            (0..500).any(|_| {
                std::thread::sleep(Duration::from_millis(1));
                wire.heard() == wanted
            })
        };
        assert!(soon(&mut wire, Heard::Speech));
        wire.each_within(Duration::from_secs(5));
        assert_eq!(wire.read_some(&mut [0; 5]).unwrap(), 5);
        assert_eq!(wire.heard(), Heard::Nothing);
        wire.each_within(Duration::from_secs(5));
        wire.send(b"go\r\n").unwrap();
        assert!(soon(&mut wire, Heard::Closed));
        server.join();
    }
}
