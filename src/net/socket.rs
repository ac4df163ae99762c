//! A TCP connection on which every wait ends: each read and write has a limit of its own, or all of them share one end.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// How long the next reads and writes may take.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    /// Each of them this long.
    Each(Duration),
    /// All of them until then, so that a server cannot hold a client with one octet a minute.
    Until(Instant),
}

/// A TCP connection with limits on its waits.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    wait: Wait,
    read_limit: Option<Duration>,
    write_limit: Option<Duration>,
    /// What was read beyond what was asked for; nothing is while that could be taken for the words of a secured server.
    ahead: Option<Ahead>,
}

/// Octets at most that are read at once: TLS asks for 4 KB at a time, of records of 16.
const AHEAD: usize = 64 * 1024;

/// Octets that were read and not yet asked for.
#[derive(Debug)]
struct Ahead {
    octets: Box<[u8]>,
    from: usize,
    to: usize,
}

/// What can be learned about the other side without waiting for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    /// Open, and nothing has arrived.
    Nothing,
    /// Octets wait to be read.
    Octets,
    /// Closed or reset.
    Closed,
}

impl Socket {
    pub(super) fn new(tcp: TcpStream, wait: Wait) -> Socket {
        keep_alive(&tcp);
        Socket { tcp, wait, read_limit: None, write_limit: None, ahead: None }
    }

    pub(super) fn set_wait(&mut self, wait: Wait) {
        self.wait = wait;
    }

    /// The time left for the next read or write.
    fn left(&self) -> io::Result<Duration> {
        let left = match self.wait {
            Wait::Each(limit) => limit,
            Wait::Until(end) => end.saturating_duration_since(Instant::now()),
        };
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// From now on as much is read as there is: only once TLS is in place, whatever comes then is TLS.
    pub(super) fn read_ahead(&mut self) {
        self.ahead.get_or_insert_with(|| Ahead { octets: vec![0; AHEAD].into(), from: 0, to: 0 });
    }

    /// Looks at the connection without taking anything from it.
    pub(super) fn pending(&self) -> Pending {
        if self.ahead.as_ref().is_some_and(|ahead| ahead.from < ahead.to) {
            return Pending::Octets;
        }
        if self.tcp.set_nonblocking(true).is_err() {
            return Pending::Closed;
        }
        let seen = self.tcp.peek(&mut [0]);
        if self.tcp.set_nonblocking(false).is_err() {
            return Pending::Closed;
        }
        match seen {
            Ok(0) => Pending::Closed,
            Ok(_) => Pending::Octets,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Pending::Nothing
            }
            Err(_) => Pending::Closed,
        }
    }

    /// Asks the kernel to acknowledge at once what arrives next.
    ///
    /// After a TLS 1.3 handshake servers send session tickets and then hold back their answer until the client's delayed
    /// acknowledgement (Nagle): 40 ms on every new connection. The kernel forgets the wish after a while.
    pub(super) fn acknowledge_at_once(&self) {
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.tcp, true);
    }

    /// Closes both directions; the other side learns of it at once.
    pub(super) fn shut_down(&self) {
        let _ = self.tcp.shutdown(Shutdown::Both);
    }
}

/// Has the kernel ask now and then whether the other side is still there: who waits for news on a line that was cut without a
/// word would wait for ever. A dead line is known as such within two minutes.
fn keep_alive(tcp: &TcpStream) {
    // Where the system does not do it, the limits on waiting are all there is.
    let _ = rustix::net::sockopt::set_socket_keepalive(tcp, true);
    #[cfg(target_os = "linux")]
    {
        use rustix::net::sockopt::{set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl};
        let _ = set_tcp_keepidle(tcp, Duration::from_secs(60));
        let _ = set_tcp_keepintvl(tcp, Duration::from_secs(20));
        let _ = set_tcp_keepcnt(tcp, 3);
    }
}

/// The kernel reports an elapsed limit as `WouldBlock`, which means something else above.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

impl Socket {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Renewed each time: a server that answers several pipelined commands holds the second answer back until the first
        // is acknowledged, and the kernel does that late once a connection has been quiet for a moment.
        self.acknowledge_at_once();
        loop {
            let left = self.left()?;
            if self.read_limit != Some(left) {
                self.tcp.set_read_timeout(Some(left))?;
                self.read_limit = Some(left);
            }
            match self.tcp.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map_err(timed_out),
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut ahead) = self.ahead.take() else { return self.receive(buffer) };
        if ahead.from == ahead.to {
            let received = self.receive(&mut ahead.octets);
            (ahead.from, ahead.to) = (0, *received.as_ref().unwrap_or(&0));
            if received.is_err() {
                self.ahead = Some(ahead);
                return received;
            }
        }
        let count = buffer.len().min(ahead.to - ahead.from);
        buffer[..count].copy_from_slice(&ahead.octets[ahead.from..ahead.from + count]);
        ahead.from += count;
        self.ahead = Some(ahead);
        Ok(count)
    }
}

impl Socket {
    fn write_with(&mut self, mut write: impl FnMut(&mut TcpStream) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            let left = self.left()?;
            if self.write_limit != Some(left) {
                self.tcp.set_write_timeout(Some(left))?;
                self.write_limit = Some(left);
            }
            match write(&mut self.tcp) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map_err(timed_out),
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.write_with(|tcp| tcp.write(buffer))
    }

    /// Several TLS records in one call.
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_with(|tcp| tcp.write_vectored(buffers))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Socket::new(near, Wait::Each(Duration::from_secs(5))), listener.accept().unwrap().0)
    }

    #[test]
    fn one_octet_now_and_then_does_not_hold_a_client() {
        let (mut near, mut far) = pair();
        let drip = std::thread::spawn(move || {
            while far.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        near.set_wait(Wait::Until(Instant::now() + Duration::from_millis(60)));
        let error = std::iter::repeat_with(|| near.read(&mut [0; 16])).find_map(Result::err).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(near);
        drip.join().unwrap();
    }

    #[test]
    fn what_was_read_ahead_is_there_and_seen() {
        let (mut near, mut far) = pair();
        near.read_ahead();
        far.write_all(b"several words").unwrap();
        drop(far);
        let mut read = [0; 7];
        near.read_exact(&mut read).unwrap();
        assert_eq!((&read, near.pending()), (b"several", Pending::Octets));
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b" words");
        assert_eq!(near.read(&mut read).unwrap(), 0, "an end stays one");
    }

    #[test]
    fn a_closed_connection_is_seen_without_reading() {
        let (near, mut far) = pair();
        assert_eq!(near.pending(), Pending::Nothing);
        far.write_all(b"x").unwrap();
        let until = |wanted| {
            (0..200).any(|_| {
                std::thread::sleep(Duration::from_millis(1));
                near.pending() == wanted
            })
        };
        assert!(until(Pending::Octets));
        let (near, far) = pair();
        drop(far);
        assert!((0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            near.pending() == Pending::Closed
        }));
    }
}
