//! A longer way to the server: each octet arrives after a constant time, as many at once as there are.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::Anyhow;

/// Opens a port from which everything goes to another, later by `delay` in each direction; lives as long as the process.
pub fn start(to: u16, delay: Duration) -> Result<u16, Anyhow> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            let copies = (client.try_clone(), server.try_clone());
            let (Ok(client_too), Ok(server_too)) = copies else { continue };
            carry(client, server, delay);
            carry(server_too, client_too, delay);
        }
    });
    Ok(port)
}

/// One direction: a reader that notes when each piece came, a writer that lets it go when its time has come.
fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    // Nothing may wait for an acknowledgement: the delay is all there is.
    let _ = to.set_nodelay(true);
    let (pieces, due) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut room = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut room) {
            if pieces.send((Instant::now() + delay, room[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (at, piece) in due {
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
