//! TCP to the first address of a host that answers.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Most addresses of one name that are tried.
const ADDRESS_LIMIT: usize = 8;

/// How long an address may be silent before the next one is tried beside it (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Looks the host up and connects, all addresses together within the limit.
pub(super) fn connect(host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let end = Instant::now() + limit;
    let addresses = interleaved(resolve(host, port, limit)?);
    let tcp = match addresses.as_slice() {
        [] => return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        [only] => TcpStream::connect_timeout(only, left(end)?)?,
        several => first_to_connect(several, end)?,
    };
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// The time left until then; none is an error.
fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The two families by turns, each in the order of the look-up (RFC 8305, section 4): one that leads nowhere costs one delay.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return all;
        }
        all.extend(pair.into_iter().flatten());
    }
}

/// Tries the addresses, each on a thread that ends with the time for connecting at the latest: the next one when the one before
/// it has failed or is late (RFC 8305, section 5). The first connection is taken, later ones are closed as they come.
fn first_to_connect(addresses: &[SocketAddr], end: Instant) -> io::Result<TcpStream> {
    let (answer, answers) = mpsc::channel();
    let mut last = io::ErrorKind::TimedOut.into();
    let mut waiting = addresses.iter();
    let mut under_way = 0;
    loop {
        if let Some(address) = waiting.next() {
            let (answer, address, limit) = (answer.clone(), *address, left(end)?);
            std::thread::Builder::new().name("connect".to_owned()).spawn(move || {
                let _ = answer.send(TcpStream::connect_timeout(&address, limit));
            })?;
            under_way += 1;
        } else if under_way == 0 {
            return Err(last);
        }
        let patience = if waiting.len() > 0 { left(end)?.min(ATTEMPT_DELAY) } else { left(end)? };
        match answers.recv_timeout(patience) {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => {
                under_way -= 1;
                last = error;
            }
            Err(_) => {}
        }
    }
}

/// The addresses of a host. The system's look-up cannot be given a limit, so it runs on a thread that may be left behind.
fn resolve(host: &str, port: u16, limit: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (answer, asked) = mpsc::channel();
    let host = host.to_owned();
    std::thread::Builder::new().name("look-up".to_owned()).spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(|all| all.take(ADDRESS_LIMIT).collect());
        let _ = answer.send(found);
    })?;
    asked.recv_timeout(limit).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::scripted::timeouts;
    use super::*;

    #[test]
    fn an_address_that_leads_nowhere_does_not_keep_the_others_waiting() {
        let good = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // A queue that is full answers no more: the kernel drops what asks for a place in it.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        #[cfg(target_os = "linux")]
        rustix::net::listen(&silent, 0).unwrap();
        let black_hole = silent.local_addr().unwrap();
        let _full: Vec<_> =
            (0..4).map(|_| TcpStream::connect_timeout(&black_hole, Duration::from_millis(20))).collect();
        let addresses = [refused, black_hole, good.local_addr().unwrap()];
        let tcp = first_to_connect(&addresses, Instant::now() + timeouts().connect).unwrap();
        assert!(cfg!(not(target_os = "linux")) || tcp.peer_addr().unwrap() == good.local_addr().unwrap());
        let error = first_to_connect(&[refused, refused], Instant::now() + timeouts().connect).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let soon = Instant::now() + Duration::from_millis(30);
        let error = first_to_connect(&[black_hole, black_hole], soon).unwrap_err();
        assert!(cfg!(not(target_os = "linux")) || error.kind() == io::ErrorKind::TimedOut);
    }

    #[test]
    fn the_families_take_turns() {
        let of = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let looked_up = of(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"]);
        assert_eq!(interleaved(looked_up), of(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "[::3]:1"]));
        assert_eq!(interleaved(of(&["127.0.0.1:1", "127.0.0.2:1"])), of(&["127.0.0.1:1", "127.0.0.2:1"]));
        assert!(interleaved(vec![]).is_empty());
    }
}
