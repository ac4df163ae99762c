//! A connection in clear or under TLS, with limits on every wait.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, HandshakeKind, StreamOwned};

use super::binding::ChannelBinding;
use super::socket::{Pending, Socket, Wait};
use crate::pki::Certificate;

/// A connection in clear or under TLS.
pub struct Stream {
    layer: Layer,
    endpoint: String,
    days_left: Option<i64>,
}

enum Layer {
    Clear(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

/// What the TLS handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// `TLSv1_3` or `TLSv1_2`.
    pub version: String,
    /// The registered name of the cipher suite.
    pub suite: String,
}

impl Stream {
    pub(super) fn clear(socket: Socket, endpoint: String) -> Stream {
        Stream { layer: Layer::Clear(socket), endpoint, days_left: None }
    }

    pub(super) fn tls(
        mut stream: StreamOwned<ClientConnection, Socket>,
        endpoint: String,
        days_left: Option<i64>,
    ) -> Stream {
        stream.sock.read_ahead();
        Stream { layer: Layer::Tls(Box::new(stream)), endpoint, days_left }
    }

    /// The socket of a connection that is still in clear.
    pub(super) fn into_clear_socket(self) -> io::Result<Socket> {
        match self.layer {
            Layer::Clear(socket) => Ok(socket),
            Layer::Tls(_) => Err(io::Error::other("TLS is already in place")),
        }
    }

    /// Host and port, to be named in errors.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether TLS is in place.
    pub fn is_tls(&self) -> bool {
        matches!(self.layer, Layer::Tls(_))
    }

    /// What the handshake agreed on; nothing in clear.
    pub fn handshake(&self) -> Option<Handshake> {
        let Layer::Tls(stream) = &self.layer else { return None };
        let version = format!("{:?}", stream.conn.protocol_version()?);
        let suite = format!("{:?}", stream.conn.negotiated_cipher_suite()?.suite());
        Some(Handshake { version, suite })
    }

    /// The certificate of the server; nothing in clear.
    pub fn peer_certificate(&self) -> Option<Certificate> {
        let Layer::Tls(stream) = &self.layer else { return None };
        Certificate::from_der(stream.conn.peer_certificates()?.first()?).ok()
    }

    /// Whole days that were left of the server's certificate at the handshake; nothing in clear.
    pub fn days_left(&self) -> Option<i64> {
        self.days_left
    }

    /// Whether the handshake took up an earlier session (RFC 8446, section 2.2).
    pub fn is_resumed(&self) -> bool {
        match &self.layer {
            Layer::Clear(_) => false,
            Layer::Tls(stream) => stream.conn.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// What ties a sign-in to this connection; nothing in clear.
    pub fn channel_binding(&self) -> Option<ChannelBinding> {
        let Layer::Tls(stream) = &self.layer else { return None };
        ChannelBinding::of(&stream.conn)
    }

    /// From now on each read and each write may take this long.
    pub fn each_within(&mut self, limit: Duration) {
        self.socket_mut().set_wait(Wait::Each(limit));
    }

    /// All reads and writes from now on have to end within this time, whatever arrives in between.
    pub fn all_within(&mut self, limit: Duration) {
        self.socket_mut().set_wait(Wait::Until(Instant::now() + limit));
    }

    /// Ends the connection: `close_notify` under TLS, then both directions.
    pub fn close(&mut self) {
        self.each_within(Duration::from_secs(1));
        if let Layer::Tls(stream) = &mut self.layer {
            stream.conn.send_close_notify();
            let _ = stream.conn.write_tls(&mut stream.sock);
        }
        self.socket_mut().shut_down();
    }

    /// What waits on the socket, or was decrypted already and not yet taken.
    pub(super) fn pending(&mut self) -> Pending {
        match &mut self.layer {
            Layer::Clear(socket) => socket.pending(),
            Layer::Tls(stream) => match stream.conn.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() > 0 => Pending::Octets,
                _ => stream.sock.pending(),
            },
        }
    }

    /// Asks the kernel to acknowledge at once what arrives next.
    pub(super) fn acknowledge_at_once(&mut self) {
        self.socket_mut().acknowledge_at_once();
    }

    fn socket_mut(&mut self) -> &mut Socket {
        match &mut self.layer {
            Layer::Clear(socket) => socket,
            Layer::Tls(stream) => &mut stream.sock,
        }
    }
}

/// A server that refuses us says why in an alert and closes; the write that fails then would hide the alert.
fn alert_behind(stream: &mut StreamOwned<ClientConnection, Socket>, error: io::Error) -> io::Error {
    if !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) {
        return error;
    }
    stream.sock.set_wait(Wait::Each(Duration::from_millis(100)));
    while matches!(stream.conn.read_tls(&mut stream.sock), Ok(1..)) {
        if let Err(alert) = stream.conn.process_new_packets() {
            return io::Error::new(io::ErrorKind::InvalidData, alert);
        }
    }
    error
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.layer {
            Layer::Clear(socket) => socket.read(buffer),
            Layer::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match &mut self.layer {
            Layer::Clear(socket) => socket.write(buffer),
            Layer::Tls(stream) => stream.write(buffer).map_err(|error| alert_behind(stream, error)),
        }
    }

    /// Under TLS a write only learns here that it failed.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.layer {
            Layer::Clear(socket) => socket.flush(),
            Layer::Tls(stream) => stream.flush().map_err(|error| alert_behind(stream, error)),
        }
    }
}
