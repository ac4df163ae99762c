//! A name server for unit tests that answers as its script says, over UDP and TCP on one port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use simple_dns::rdata::{A, CNAME, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, ResourceRecord};

use super::{Resolver, Servers};

/// An answer in the making.
#[derive(Clone)]
pub(crate) struct Reply {
    id: u16,
    question: Question<'static>,
    records: Vec<ResourceRecord<'static>>,
    code: RCODE,
    truncated: bool,
}

impl Reply {
    /// An empty answer to these octets.
    pub(crate) fn to(question: &[u8]) -> Reply {
        let packet = Packet::parse(question).unwrap();
        let question = packet.questions[0].clone().into_owned();
        Reply { id: packet.id(), question, records: Vec::new(), code: RCODE::NoError, truncated: false }
    }

    /// The name that is asked for.
    pub(crate) fn asked(&self) -> String {
        self.question.qname.to_string().to_ascii_lowercase()
    }

    pub(crate) fn with(mut self, name: &str, data: RData<'static>) -> Reply {
        self.records.push(ResourceRecord::new(Name::new(name).unwrap().into_owned(), CLASS::IN, 60, data));
        self
    }

    pub(crate) fn code(mut self, code: RCODE) -> Reply {
        self.code = code;
        self
    }

    pub(crate) fn id_changed(mut self) -> Reply {
        self.id ^= 1;
        self
    }

    pub(crate) fn about(mut self, name: &str) -> Reply {
        self.question.qname = Name::new(name).unwrap().into_owned();
        self
    }

    pub(crate) fn truncated(mut self) -> Reply {
        self.truncated = true;
        self
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut packet = Packet::new_reply(self.id);
        packet.questions.push(self.question.clone());
        packet.answers = self.records.clone();
        *packet.rcode_mut() = self.code;
        if self.truncated {
            packet.set_flags(PacketFlag::TRUNCATION);
        }
        packet.build_bytes_vec_compressed().unwrap()
    }
}

pub(crate) fn service(priority: u16, weight: u16, port: u16, target: &str) -> RData<'static> {
    RData::SRV(SRV { priority, weight, port, target: Name::new(target).unwrap().into_owned() })
}

pub(crate) fn alias(target: &str) -> RData<'static> {
    RData::CNAME(CNAME(Name::new(target).unwrap().into_owned()))
}

pub(crate) fn address(text: &str) -> RData<'static> {
    RData::A(A { address: text.parse::<std::net::Ipv4Addr>().unwrap().into() })
}

/// What a script sends back: datagrams over UDP, messages over TCP.
type Script = dyn Fn(Reply, bool) -> Vec<Vec<u8>> + Send + Sync;

/// A server that follows a script until it is dropped.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Scripted {
    /// `script` is given an empty reply to each question, and whether it came over TCP.
    pub(crate) fn start(script: impl Fn(Reply, bool) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Scripted {
        let script: Arc<Script> = Arc::new(script);
        let (udp, tcp) = both_on_one_port();
        let address = udp.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        udp.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        tcp.set_nonblocking(true).unwrap();
        let (ended, of_udp) = (Arc::clone(&over), Arc::clone(&script));
        let datagrams = std::thread::spawn(move || {
            let mut octets = [0; 4096];
            while !ended.load(Ordering::Relaxed) {
                if let Ok((length, from)) = udp.recv_from(&mut octets) {
                    for answer in of_udp(Reply::to(&octets[..length]), false) {
                        udp.send_to(&answer, from).unwrap();
                    }
                }
            }
        });
        let ended = Arc::clone(&over);
        let streams = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let Ok((mut stream, _)) = tcp.accept() else {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).unwrap();
                for answer in script(Reply::to(&question), true) {
                    let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                    let _ = stream.write_all(&[&length, answer.as_slice()].concat());
                }
            }
        });
        Scripted { address, over, threads: vec![datagrams, streams] }
    }

    /// A resolver that asks this server alone, once, and waits so long for it.
    pub(crate) fn resolver(&self, patience: Duration) -> Resolver {
        let servers = Servers { addresses: vec![self.address], timeout: patience, attempts: 1 };
        Resolver::new(servers, Duration::from_secs(20))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn both_on_one_port() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both");
}
