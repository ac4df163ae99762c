//! Proxies that lead on, refuse, want a sign-in or talk nonsense.

use std::io::Read;

use super::proxy::Proxy;
use super::scripted::{Peer, Scripted, anchors, clock, serve, timeouts};
use super::{Dialer, Endpoint, HttpClient, LinkError, ProxyError, Security, Setup, Stream, Wire};
use crate::secret::Secret;

fn dialer(proxy: Proxy) -> Dialer {
    let (identity, system_roots, revocation) = (None, None, None);
    let (clock, timeouts, proxy) = (clock(), timeouts(), Some(proxy));
    Dialer::of(Setup { anchors: &anchors(), identity, clock, timeouts, system_roots, revocation, proxy }).unwrap()
}

fn through(scheme: &str, server: &Scripted) -> Proxy {
    format!("{scheme}://{}", server.endpoint).parse().unwrap()
}

fn signing_in(proxy: Proxy) -> Proxy {
    proxy.signing_in("zoe", Secret::new("ouvre toi".to_owned())).unwrap()
}

/// A server that only the proxy could reach.
fn far(host: &str) -> Endpoint {
    Endpoint { host: host.to_owned(), port: 993, security: Security::Implicit }
}

fn open(proxy: Proxy, host: &str) -> Result<Stream, LinkError> {
    dialer(proxy).connect(&far(host))
}

/// Reads the head of a request.
fn head(peer: &mut Peer) -> Vec<String> {
    std::iter::repeat_with(|| peer.line()).take_while(|line| !line.is_empty()).collect()
}

#[test]
fn a_web_proxy_leads_on_and_tls_is_with_the_server_behind_it() {
    let server = serve(|peer| {
        let head = head(peer);
        assert_eq!(head[..2], ["CONNECT 127.0.0.1:993 HTTP/1.1", "Host: 127.0.0.1:993"]);
        assert_eq!(head[2], "Proxy-Authorization: Basic em9lOm91dnJlIHRvaQ==");
        peer.send("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n");
        peer.start_tls();
        peer.send("welcome");
    });
    let dialer = dialer(signing_in(through("http", &server)));
    let mut stream = dialer.secure(dialer.connect(&far("127.0.0.1")).unwrap(), "127.0.0.1").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!((answer.as_str(), stream.endpoint()), ("welcome", "127.0.0.1:993"));
    server.join();
}

#[test]
fn nothing_of_the_server_is_lost_behind_the_answer_of_the_proxy() {
    let server = serve(|peer| {
        head(peer);
        peer.send("HTTP/1.0 200 \r\n\r\n* OK hello\r\n");
    });
    let mut wire = Wire::new(open(through("http", &server), "imap.sandbox").unwrap());
    assert_eq!(wire.read_line(99).unwrap(), b"* OK hello");
    server.join();
}

#[test]
fn a_web_proxy_that_does_not_lead_on_is_told_with_its_reason() {
    for (answer, reason) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden"),
        ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "502 Bad Gateway"),
        ("220 smtp.sandbox ESMTP\r\n\r\n", "does not speak HTTP"),
        ("\r\n\r\n", "does not speak HTTP"),
    ] {
        let server = serve(move |peer| {
            head(peer);
            peer.send(answer);
        });
        let Err(LinkError::ProxyRefused { why, endpoint, .. }) = open(through("http", &server), "a.sandbox") else {
            panic!("{answer}")
        };
        assert!(why.contains(reason) && endpoint == "a.sandbox:993", "{why}");
        server.leave();
    }
    let server = serve(|peer| {
        head(peer);
        peer.send(&format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(9000)));
    });
    let endless = open(through("http", &server), "a.sandbox").map(|_| ()).unwrap_err();
    assert!(matches!(&endless, LinkError::ProxyRefused { why, .. } if why.contains("more than")), "{endless:?}");
    server.leave();
    for tried in [false, true] {
        let server = serve(|peer| {
            head(peer);
            peer.send("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n");
        });
        let proxy = through("http", &server);
        let proxy = if tried { signing_in(proxy) } else { proxy };
        let error = open(proxy, "a.sandbox").map(|_| ()).unwrap_err();
        assert!(matches!(error, LinkError::ProxySignIn { tried: told, .. } if told == tried), "{error:?}");
        server.leave();
    }
}

#[test]
fn a_socks_proxy_signs_us_in_and_looks_the_name_up_itself() {
    let server = serve(|peer| {
        assert_eq!(peer.octets(4), [5, 2, 0, 2]);
        peer.send_octets(&[5, 2]);
        assert_eq!(peer.octets(15), b"\x01\x03zoe\x09ouvre toi");
        peer.send_octets(&[1, 0]);
        assert_eq!(peer.octets(19), b"\x05\x01\x00\x03\x0cimap.sandbox\x03\xe1");
        peer.send_octets(b"\x05\x00\x00\x03\x04away\x00\x01* OK hello\r\n");
    });
    let mut wire = Wire::new(open(signing_in(through("socks5", &server)), "imap.sandbox").unwrap());
    assert_eq!(wire.read_line(99).unwrap(), b"* OK hello");
    server.join();
    let server = serve(|peer| {
        assert_eq!(peer.octets(3), [5, 1, 0]);
        peer.send_octets(&[5, 0]);
        assert_eq!(peer.octets(10), [5, 1, 0, 1, 10, 1, 2, 3, 3, 0xe1]);
        peer.send_octets(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    });
    open(through("socks5", &server), "10.1.2.3").unwrap();
    server.join();
}

#[test]
fn a_socks_proxy_that_does_not_lead_on_is_told_with_its_reason() {
    let replies: [(&[u8], &str); 3] =
        [(&[5, 0, 5, 5, 0, 1], "refused the connection"), (&[4, 0], "SOCKS5"), (&[5, 0, 4, 0, 0, 1], "SOCKS5")];
    for (reply, reason) in replies {
        let server = serve(move |peer| {
            peer.octets(3);
            peer.send_octets(&reply[..2]);
            if reply.len() > 2 {
                peer.octets(16);
                peer.send_octets(&reply[2..]);
            }
        });
        let error = open(through("socks5", &server), "a.sandbox").map(|_| ()).unwrap_err();
        assert!(matches!(&error, LinkError::ProxyRefused { why, .. } if why.contains(reason)), "{error:?}");
        server.leave();
    }
    for (method, tried) in [(0xff, false), (2, true)] {
        let server = serve(move |peer| {
            peer.octets(if tried { 4 } else { 3 });
            peer.send_octets(&[5, method]);
            if tried {
                peer.octets(15);
                peer.send_octets(&[1, 1]);
            }
        });
        let proxy = through("socks5", &server);
        let proxy = if tried { signing_in(proxy) } else { proxy };
        let error = open(proxy, "a.sandbox").map(|_| ()).unwrap_err();
        assert!(matches!(error, LinkError::ProxySignIn { tried: told, .. } if told == tried), "{error:?}");
        server.leave();
    }
}

#[test]
fn a_proxy_that_is_away_or_falls_silent_is_named() {
    let server = serve(|peer| peer.cut());
    let error = open(through("socks5", &server), "a.sandbox").map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, LinkError::Broken { endpoint, .. } if endpoint.starts_with("the proxy 127.0.0.1:")),
        "{error:?}"
    );
    server.leave();
    let error = open("http://127.0.0.1:1".parse().unwrap(), "a.sandbox").map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the proxy 127.0.0.1:1 cannot be reached");
}

#[test]
fn what_is_asked_in_clear_is_forwarded_by_a_web_proxy() {
    let server = serve(|peer| {
        let first = head(peer);
        assert_eq!(first[0], "GET http://crl.sandbox/list.crl HTTP/1.1".replace("sandbox/", "sandbox:80/"));
        assert!(first.contains(&"Proxy-Authorization: Basic em9lOm91dnJlIHRvaQ==".to_owned()), "{first:?}");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlist");
        let second = head(peer);
        assert!(second[0].starts_with("POST http://crl.sandbox:80/ask HTTP/1.1"), "{second:?}");
        assert_eq!(peer.octets(3), [0x30, 1, 0]);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    });
    let client = HttpClient::new(dialer(signing_in(through("http", &server))));
    assert_eq!(client.get_public("http://crl.sandbox/list.crl", 10).unwrap().body, b"list");
    let answer = client.post_public("http://crl.sandbox/ask", "application/ocsp-request", &[0x30, 1, 0], 10);
    assert_eq!(answer.unwrap().body, b"no");
    server.join();
}

#[test]
fn hosts_are_left_out_by_their_names_alone() {
    let proxy = "http://p:1".parse::<Proxy>().unwrap();
    assert!(proxy.leads_to("127.0.0.1") && proxy.leads_to("localhost"));
    let proxy = proxy.leaving_out(["localhost", ".hopital.exemple", "10.0.0.1"].map(str::to_owned).to_vec());
    for (host, leads) in [
        ("LOCALHOST", false),
        ("imap.Hopital.exemple.", false),
        ("hopital.exemple", true),
        ("faux-hopital.exemple", true),
        ("10.0.0.1", false),
        ("10.0.0.10", true),
    ] {
        assert_eq!(proxy.leads_to(host), leads, "{host}");
    }
}

#[test]
fn what_names_no_proxy_or_cannot_be_sent_to_one_is_refused() {
    for good in ["http://proxy.hopital.exemple:3128", "socks5://[::1]:1080/", "HTTP://10.0.0.1:80"] {
        assert!(good.parse::<Proxy>().is_ok(), "{good}");
    }
    for bad in [
        "proxy:3128",
        "https://p:1",
        "http://p",
        "http://p:0",
        "http://p:70000",
        "http://u:w@p:1",
        "http://:1",
        "socks5://[x]:1",
    ] {
        assert_eq!(bad.parse::<Proxy>().err(), Some(ProxyError::Address), "{bad}");
    }
    let with = |user: &str, password: &str| {
        let proxy: Proxy = "http://p:1".parse().unwrap();
        proxy.signing_in(user, Secret::new(password.to_owned())).err()
    };
    assert_eq!(with("a:b", "x"), Some(ProxyError::User));
    assert_eq!(with("", "x"), Some(ProxyError::User));
    assert_eq!(with("a\r\nX: y", "x"), Some(ProxyError::User));
    assert_eq!(with("a", "x\n"), Some(ProxyError::Password));
    assert_eq!(with("a", &"x".repeat(256)), Some(ProxyError::Password));
    let proxy = signing_in("http://p:1".parse().unwrap());
    assert!(!format!("{proxy} {proxy:?}").contains("ouvre"));
}
