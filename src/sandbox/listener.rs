//! One port of 127.0.0.1: a thread that accepts, a thread for each connection, and an end to all of them.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::SandboxError;

/// More connections at once than any test or demonstration opens; further ones are closed at once.
const MOST_CONNECTIONS: usize = 256;
/// How long a client may say nothing, or not take what it is given.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells the threads of a listener that it is over.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Waits, or returns at once when the listener stops; tells whether it has stopped.
    pub fn wait(&self, time: Duration) -> bool {
        let (over, changed) = &*self.0;
        *changed.wait_timeout_while(locked(over), time, |over| !*over).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether the listener has stopped.
    pub fn is_over(&self) -> bool {
        *locked(&self.0.0)
    }

    fn tell(&self) {
        *locked(&self.0.0) = true;
        self.0.1.notify_all();
    }
}

/// A port of 127.0.0.1 on which nobody is served yet.
pub(super) struct Bound {
    listener: TcpListener,
    number: u16,
}

impl Bound {
    /// Takes a port; 0 takes one that the system chooses.
    pub fn new(port: u16) -> Result<Bound, SandboxError> {
        let failed = |source| SandboxError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        let number = listener.local_addr().map_err(failed)?.port();
        Ok(Bound { listener, number })
    }

    /// Takes the port that is asked for; where none is, the one of the last run, or another if somebody has it.
    pub fn again(port: u16, last: u16) -> Result<Bound, SandboxError> {
        if port == 0
            && last != 0
            && let Ok(bound) = Bound::new(last)
        {
            return Ok(bound);
        }
        Bound::new(port)
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Serves each connection in a thread of its own. Reads and writes of a connection give up after a minute.
    pub fn serve<S>(self, serve: S) -> Result<Listener, SandboxError>
    where
        S: Fn(TcpStream, &Stop) + Send + Sync + 'static,
    {
        let port = self.number;
        let stop = Stop::default();
        let accepting = {
            let (stop, serve) = (stop.clone(), Arc::new(serve));
            let run = move || accept(&self.listener, &stop, &serve);
            let named = thread::Builder::new().name(format!("port {port}"));
            named.spawn(run).map_err(|source| SandboxError::Listen { port, source })?
        };
        Ok(Listener { port, stop, accepting: Some(accepting) })
    }
}

/// A port and its threads; dropping it closes the port and its connections and waits for the threads.
pub(super) struct Listener {
    port: u16,
    stop: Stop,
    accepting: Option<JoinHandle<()>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.tell();
        // The thread sleeps in accept until somebody comes.
        let own = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let woken = TcpStream::connect_timeout(&own, Duration::from_secs(1)).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| woken) {
            // A panic in it was told on its own thread; there is nothing left to stop.
            let _ = accepting.join();
        }
    }
}

/// The connections that are open, by number: copies to close them by.
type Open = Arc<Mutex<HashMap<u64, TcpStream>>>;

fn accept<S>(listener: &TcpListener, stop: &Stop, serve: &Arc<S>)
where
    S: Fn(TcpStream, &Stop) + Send + Sync + 'static,
{
    let open = Open::default();
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for number in 0u64.. {
        let accepted = listener.accept();
        if stop.is_over() {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        match accepted {
            Ok((stream, _)) if threads.len() < MOST_CONNECTIONS => {
                // What fails here (descriptors or threads used up, client gone) fails that one connection.
                threads.extend(connection(stream, number, stop, &open, serve).ok());
            }
            Ok(_) => {}
            Err(_) => {
                stop.wait(Duration::from_millis(10));
            }
        }
    }
    for stream in locked(&open).values() {
        // One that is closed already is as it should be.
        let _ = stream.shutdown(Shutdown::Both);
    }
    for thread in threads {
        // A panic in a connection ends that connection.
        let _ = thread.join();
    }
}

fn connection<S>(stream: TcpStream, number: u64, stop: &Stop, open: &Open, serve: &Arc<S>) -> io::Result<JoinHandle<()>>
where
    S: Fn(TcpStream, &Stop) + Send + Sync + 'static,
{
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let registered = Registered { number, open: Arc::clone(open) };
    locked(open).insert(number, stream.try_clone()?);
    let (stop, serve) = (stop.clone(), Arc::clone(serve));
    thread::Builder::new().spawn(move || {
        let _registered = registered;
        serve(stream, &stop);
    })
}

/// A connection's place among the open ones, given up when its thread ends, however it ends.
struct Registered {
    number: u64,
    open: Open,
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(stream) = locked(&self.open).remove(&self.number) {
            // Serving is over; the client sees it at once although a copy was kept.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A thread that panicked while it held the lock leaves whole values behind: nothing here is changed in steps.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn listen(serve: impl Fn(TcpStream, &Stop) + Send + Sync + 'static) -> Listener {
        Bound::new(0).unwrap().serve(serve).unwrap()
    }

    #[test]
    fn each_connection_is_served_and_then_closed() {
        let listener = listen(|mut stream: TcpStream, _: &Stop| {
            let mut octet = [0u8; 1];
            stream.read_exact(&mut octet).unwrap();
            stream.write_all(&octet).unwrap();
        });
        let [mut one, mut two] = [(); 2].map(|()| TcpStream::connect((Ipv4Addr::LOCALHOST, listener.port)).unwrap());
        two.write_all(b"2").unwrap();
        one.write_all(b"1").unwrap();
        let mut answer = String::new();
        one.read_to_string(&mut answer).unwrap();
        two.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "12");
    }

    #[test]
    fn dropping_a_listener_ends_connections_that_wait_or_stall() {
        let listener = listen(|mut stream: TcpStream, stop: &Stop| {
            let mut octet = [0u8; 1];
            if stream.read(&mut octet).unwrap() == 1 {
                stop.wait(Duration::from_secs(3600));
            }
        });
        let address = (Ipv4Addr::LOCALHOST, listener.port);
        let mut waiting = TcpStream::connect(address).unwrap();
        let mut stalling = TcpStream::connect(address).unwrap();
        stalling.write_all(b"x").unwrap();
        drop(listener);
        for stream in [&mut waiting, &mut stalling] {
            assert!(!matches!(stream.read(&mut [0u8; 1]), Ok(1..)), "the line is closed");
        }
        assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    }
}
