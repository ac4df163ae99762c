//! A name server beside the test: it knows the records that the test wrote, and no others.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use simple_dns::rdata::{A, RData, SRV};
use simple_dns::{CLASS, Name, Packet, RCODE, ResourceRecord};

/// One record: a name and what is said of it.
pub type Record = (String, RData<'static>);

/// Where a service is.
pub fn service(name: &str, priority: u16, target: &str, port: &str) -> Record {
    let port = port.parse().expect("a port is a number");
    let target = Name::new(target).expect("a name").into_owned();
    (name.to_owned(), RData::SRV(SRV { priority, weight: 0, port, target }))
}

/// The address of a host.
pub fn address(host: &str, address: Ipv4Addr) -> Record {
    (host.to_owned(), RData::A(A { address: address.into() }))
}

/// A name server that serves as long as the test lasts.
pub struct NameServer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// One that knows these records, and says of any other name that it does not exist.
    pub fn start(records: Vec<Record>) -> NameServer {
        NameServer::with_code(records, RCODE::NameError)
    }

    /// One that fails each time.
    pub fn failing() -> NameServer {
        NameServer::with_code(Vec::new(), RCODE::ServerFailure)
    }

    fn with_code(records: Vec<Record>, otherwise: RCODE) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket can wait");
        let address = socket.local_addr().expect("it has an address");
        let (asked, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, ended) = (Arc::clone(&asked), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut octets = [0; 4096];
            while !ended.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut octets) else { continue };
                count.fetch_add(1, Ordering::Relaxed);
                let answer = answer(&octets[..length], &records, otherwise);
                socket.send_to(&answer, from).expect("it was asked from there");
            }
        });
        NameServer { address, asked, over, thread: Some(thread) }
    }

    /// Where it listens, as a word for a call.
    pub fn word(&self) -> String {
        self.address.to_string()
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

fn answer(question: &[u8], records: &[Record], otherwise: RCODE) -> Vec<u8> {
    let question = Packet::parse(question).expect("a question of DNS");
    let asked = question.questions.first().expect("one question").clone();
    let mut reply = Packet::new_reply(question.id());
    let name = asked.qname.to_string();
    for (owner, data) in records.iter().filter(|(owner, _)| owner.eq_ignore_ascii_case(&name)) {
        let owner = Name::new(owner).expect("a name");
        reply.answers.push(ResourceRecord::new(owner, CLASS::IN, 60, data.clone()));
    }
    if reply.answers.is_empty() {
        *reply.rcode_mut() = otherwise;
    }
    reply.questions.push(asked);
    reply.build_bytes_vec_compressed().expect("an answer of DNS")
}
