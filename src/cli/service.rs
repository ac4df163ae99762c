//! What a service manager is told (sd_notify(3)): a datagram of a few lines to the socket that it named.

use std::cell::Cell;
use std::ffi::OsStr;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use super::environment::Environment;

/// A process that a service manager may wait for.
pub(super) struct Service {
    /// Nothing where nobody waits.
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often a sign of life is given, where one is wanted (WatchdogSec of systemd.service(5)).
    pulse: Option<Duration>,
    last: Cell<Option<Instant>>,
}

impl Service {
    /// As the variables of the process say. A socket that cannot be used is as good as none: the work is the same.
    pub(super) fn of(environment: &Environment) -> Service {
        let socket = environment.get("NOTIFY_SOCKET").and_then(|name| {
            let (address, socket) = (address(name)?, UnixDatagram::unbound().ok()?);
            // A manager that does not listen for a while must not stop the work.
            socket.set_nonblocking(true).ok()?;
            Some((socket, address))
        });
        // Meant for this process alone, where it says for which.
        let ours = environment.text("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let limit = environment.text("WATCHDOG_USEC").filter(|_| ours).and_then(|text| text.parse().ok());
        // Twice as often as it has to be.
        let pulse = limit.filter(|micros: &u64| *micros > 0).map(|micros| Duration::from_micros(micros / 2));
        Service { socket, pulse, last: Cell::new(None) }
    }

    /// It is at work.
    pub(super) fn ready(&self) {
        self.tell("READY=1\nSTATUS=at work\n");
    }

    /// How it stands, in one line.
    pub(super) fn status(&self, text: &str) {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        self.tell(&format!("STATUS={line}\n"));
    }

    /// It comes to its end.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\n");
    }

    /// A sign of life, no more often than is wanted.
    pub(super) fn beat(&self) {
        let Some(pulse) = self.pulse else { return };
        if self.last.get().is_none_or(|last| last.elapsed() >= pulse) {
            self.last.set(Some(Instant::now()));
            self.tell("WATCHDOG=1\n");
        }
    }

    fn tell(&self, lines: &str) {
        if let Some((socket, address)) = &self.socket {
            // Where nobody listens any more, there is nobody to tell.
            let _ = socket.send_to_addr(lines.as_bytes(), address);
        }
    }
}

/// A path, or behind an `@` the name of a socket that is in no folder (unix(7)).
fn address(name: &OsStr) -> Option<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name).ok(),
        #[cfg(target_os = "linux")]
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_manager_hears_how_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let environment = Environment::from([("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "60000000")]);
        let service = Service::of(&environment);
        service.ready();
        service.status("waits\nREADY=0");
        service.beat();
        service.beat();
        service.stopping();
        let mut heard = Vec::new();
        manager.set_nonblocking(true).unwrap();
        let mut buffer = [0; 512];
        while let Ok(count) = manager.recv(&mut buffer) {
            heard.push(String::from_utf8_lossy(&buffer[..count]).into_owned());
        }
        assert_eq!(
            heard,
            ["READY=1\nSTATUS=at work\n", "STATUS=waits READY=0\n", "WATCHDOG=1\n", "STOPPING=1\n"],
            "one sign of life in half a minute"
        );
    }

    #[test]
    fn a_manager_that_does_not_listen_stops_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let _manager = UnixDatagram::bind(&path).unwrap();
        let service = Service::of(&Environment::from([("NOTIFY_SOCKET", path.to_str().unwrap())]));
        (0..10_000).for_each(|_| service.status("waits"));
    }

    #[test]
    fn without_a_manager_nothing_is_told() {
        for name in ["", "relative", "vsock:2:3"] {
            let service = Service::of(&Environment::from([("NOTIFY_SOCKET", name), ("WATCHDOG_USEC", "x")]));
            assert!(service.socket.is_none() && service.pulse.is_none(), "{name}");
            service.ready();
        }
        let other = Service::of(&Environment::from([("WATCHDOG_USEC", "60000000"), ("WATCHDOG_PID", "1")]));
        assert!(other.pulse.is_none(), "it is meant for another process");
    }
}
