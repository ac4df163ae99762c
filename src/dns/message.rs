//! Questions and answers as octets (RFC 1035, section 4), with EDNS (RFC 6891): what is not asked for is not read.

use simple_dns::rdata::OPT;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question as Asked};

use super::DnsError;
use super::name::{is_name, shown};
use super::record::{Data, Kind};

/// Octets of a header.
const HEADER: usize = 12;
/// What we take over UDP: fits into one packet on every network (DNS flag day 2020).
pub(super) const UDP_SIZE: u16 = 1232;
/// Most records of one section.
pub(super) const RECORDS_LIMIT: u16 = 256;
/// Most aliases from the name that was asked for to the one that has the record.
pub(super) const ALIASES_LIMIT: usize = 8;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, in lower case, without the final dot.
    pub name: String,
    /// What is asked for.
    pub kind: Kind,
}

/// What some octets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// An answer to another question, or of somebody who guesses.
    NotOurs,
    /// The answer does not fit; it is to be asked for over TCP.
    Truncated,
    /// The answer.
    Answer(Answer),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The response code (RFC 1035, section 4.1.1, and what EDNS adds).
    pub code: u16,
    /// The names and what is said of each.
    pub records: Vec<(String, Data)>,
}

/// Where an answer leads.
#[derive(Debug)]
pub(super) enum Led {
    /// To these; none where the name has no such record.
    To(Vec<Data>),
    /// To an alias that the answer says nothing about.
    Onwards(String),
}

impl Question {
    /// A question, if the name can be asked for.
    pub fn new(name: &str, kind: Kind) -> Result<Question, DnsError> {
        let plain = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if is_name(&plain) {
            Ok(Question { name: plain, kind })
        } else {
            Err(DnsError::Name(name.chars().filter(|c| !c.is_control()).take(80).collect()))
        }
    }

    /// The octets to send.
    pub(super) fn encode(&self, id: u16, edns: bool) -> Result<Vec<u8>, DnsError> {
        let refused = |_| DnsError::Name(self.name.clone());
        let mut packet = Packet::new_query(id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let name = Name::new(&self.name).map_err(refused)?;
        packet.questions.push(Asked::new(name, QTYPE::TYPE(self.kind.number()), QCLASS::CLASS(CLASS::IN), false));
        if edns {
            *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: UDP_SIZE, version: 0 });
        }
        packet.build_bytes_vec().map_err(refused)
    }

    fn is(&self, asked: &Asked<'_>) -> bool {
        shown(&asked.qname) == self.name
            && asked.qtype == QTYPE::TYPE(self.kind.number())
            && asked.qclass == QCLASS::CLASS(CLASS::IN)
    }
}

/// Reads what came in answer to a question that was sent under `id`. The counts are looked at before anything is made of them,
/// and so is the mark that says that the rest may be cut anywhere.
pub fn decode(octets: &[u8], id: u16, question: &Question) -> Result<Decoded, DnsError> {
    let Some(header) = octets.first_chunk::<HEADER>() else { return Ok(Decoded::NotOurs) };
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let flags = PacketFlag::from_bits_retain(field(2));
    if field(0) != id || !flags.contains(PacketFlag::RESPONSE) {
        return Ok(Decoded::NotOurs);
    }
    if flags.contains(PacketFlag::TRUNCATION) {
        return Ok(Decoded::Truncated);
    }
    if [6, 8, 10].into_iter().any(|at| field(at) > RECORDS_LIMIT) {
        return Err(DnsError::TooMany { limit: RECORDS_LIMIT });
    }
    match field(4) {
        1 => {}
        // A server that could not read the question cannot repeat it.
        0 if field(2) & 0xf == 1 => return Ok(Decoded::Answer(Answer { code: 1, records: Vec::new() })),
        _ => return Ok(Decoded::NotOurs),
    }
    let packet = Packet::parse(octets).map_err(|_| DnsError::Malformed("it is not a message of DNS"))?;
    if !packet.questions.first().is_some_and(|asked| question.is(asked)) {
        return Ok(Decoded::NotOurs);
    }
    let code = packet.rcode() as u16;
    let ours = packet.answers.into_iter().filter(|record| record.class == CLASS::IN && !record.cache_flush);
    let records = ours.filter_map(|record| Some((shown(&record.name), Data::of(record.rdata)?))).collect();
    Ok(Decoded::Answer(Answer { code, records }))
}

impl Answer {
    /// Follows the aliases of the answer, from the name that was asked for to what was asked for. `aliases` counts them over
    /// all answers to one question.
    pub(super) fn follow(&self, question: &Question, aliases: &mut usize) -> Result<Led, DnsError> {
        let mut name = question.name.as_str();
        loop {
            let here = || self.records.iter().filter(|(owner, _)| owner == name).map(|(_, data)| data);
            let found: Vec<Data> = here().filter(|data| question.kind.fits(data)).cloned().collect();
            let alias = here().find_map(|data| match data {
                Data::Alias(next) => Some(next.as_str()),
                _ => None,
            });
            match alias {
                Some(_) if *aliases >= ALIASES_LIMIT => {
                    return Err(DnsError::Aliases { name: question.name.clone(), limit: ALIASES_LIMIT });
                }
                Some(next) if found.is_empty() => {
                    *aliases += 1;
                    name = next;
                }
                None if found.is_empty() && name != question.name => return Ok(Led::Onwards(name.to_owned())),
                _ => return Ok(Led::To(found)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use simple_dns::rdata::{CERT, RData};

    use super::super::specimen::{Reply, alias, service};
    use super::super::{Certificate, Service};
    use super::*;

    fn question() -> Question {
        Question::new("_imaps._tcp.Biologie.sandbox.", Kind::Srv).unwrap()
    }

    fn answer(octets: &[u8]) -> Answer {
        match decode(octets, 7, &question()).unwrap() {
            Decoded::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_question_and_its_answer_survive_the_wire() {
        let octets = question().encode(7, true).unwrap();
        assert_eq!(&octets[..2], &[0, 7]);
        assert!(octets.ends_with(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]), "EDNS, 1232 octets: {octets:?}");
        let reply =
            Reply::to(&octets).with("_IMAPS._tcp.biologie.sandbox", service(0, 5, 993, "Imap.biologie.sandbox"));
        let target = "imap.biologie.sandbox".to_owned();
        let said = Data::Service(Service { priority: 0, weight: 5, port: 993, target });
        assert_eq!(answer(&reply.octets()).records, [("_imaps._tcp.biologie.sandbox".to_owned(), said)]);
    }

    #[test]
    fn certificates_and_texts_are_read_as_well() {
        let certificate = CERT { type_code: 1, key_tag: 2, algorithm: 8, certificate: vec![48, 1, 2].into() };
        let reply = Reply::to(&question().encode(7, true).unwrap())
            .with("a.fr", RData::CERT(certificate))
            .with("a.fr", RData::TXT("v=1 é".try_into().unwrap()));
        let octets = vec![48, 1, 2];
        let wanted = [
            Data::Certificate(Certificate { format: 1, key_tag: 2, algorithm: 8, octets }),
            Data::Text("v=1 é".as_bytes().to_vec()),
        ];
        assert_eq!(answer(&reply.octets()).records, wanted.map(|data| ("a.fr".to_owned(), data)));
    }

    #[test]
    fn an_answer_to_another_question_is_not_ours() {
        let octets = question().encode(7, true).unwrap();
        let reply = Reply::to(&octets).octets();
        assert_eq!(decode(&reply, 8, &question()).unwrap(), Decoded::NotOurs);
        assert_eq!(decode(&octets, 7, &question()).unwrap(), Decoded::NotOurs, "a question is no answer");
        assert_eq!(decode(&reply[..11], 7, &question()).unwrap(), Decoded::NotOurs);
        for (name, kind) in [("_imap._tcp.biologie.sandbox", Kind::Srv), ("_imaps._tcp.biologie.sandbox", Kind::A)] {
            let other = Question::new(name, kind).unwrap();
            assert_eq!(decode(&reply, 7, &other).unwrap(), Decoded::NotOurs, "{name}");
        }
    }

    #[test]
    fn what_is_cut_or_counts_too_much_is_not_read() {
        let reply = Reply::to(&question().encode(7, true).unwrap()).octets();
        let with = |at: usize, octet: u8| {
            let mut octets = reply.clone();
            octets[at] |= octet;
            decode(&octets, 7, &question())
        };
        assert_eq!(with(2, 2).unwrap(), Decoded::Truncated);
        assert!(matches!(with(6, 39), Err(DnsError::TooMany { .. })), "ten thousand records");
        assert!(matches!(with(7, 1), Err(DnsError::Malformed(_))), "a record that is not there");
        assert_eq!(with(4, 1).unwrap(), Decoded::NotOurs, "257 questions");
    }

    #[test]
    fn pointers_that_lead_to_themselves_or_forward_are_refused() {
        let question = question().encode(7, false).unwrap();
        let reply = Reply::to(&question).octets();
        // A record whose name is: a pointer to itself; a pointer behind itself; two pointers to each other; a label and back.
        let at = u8::try_from(reply.len()).unwrap();
        for name in [vec![0xc0, at], vec![0xc0, at + 2, 0xc0, at], vec![1, b'a', 0xc0, at], vec![0xff, 0xff]] {
            let record = [name.as_slice(), &[0, 33, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 3, 0xe1, 0]].concat();
            let mut octets = [reply.as_slice(), &record].concat();
            octets[7] = 1;
            assert!(matches!(decode(&octets, 7, &self::question()), Err(DnsError::Malformed(_))), "{name:?}");
        }
    }

    #[test]
    fn no_changed_octet_and_no_cut_brings_the_reader_down() {
        let asked = question();
        let reply = Reply::to(&asked.encode(7, true).unwrap())
            .with(&asked.name, alias("b.fr"))
            .with("b.fr", service(1, 1, 993, "imap.b.fr"));
        let octets = reply.octets();
        for at in 0..octets.len() {
            for octet in [0, 1, 0x3f, 0x40, 0xc0, 0xff, octets[at] ^ 1] {
                let mut changed = octets.clone();
                changed[at] = octet;
                if let Ok(Decoded::Answer(answer)) = decode(&changed, 7, &asked) {
                    assert!(answer.records.len() <= 2);
                    let _ = answer.follow(&asked, &mut 0);
                }
            }
            assert!(!matches!(decode(&octets[..at], 7, &asked), Ok(Decoded::Answer(_))), "cut at {at}");
        }
    }

    #[test]
    fn aliases_are_followed_and_end() {
        let asked = question();
        let octets = asked.encode(7, true).unwrap();
        let follow = |reply: Reply| answer(&reply.octets()).follow(&asked, &mut 0);
        let led = follow(Reply::to(&octets).with(&asked.name, alias("b.fr")).with("b.fr", service(1, 1, 1, "c.fr")));
        assert!(matches!(led.unwrap(), Led::To(found) if found.len() == 1));
        let led = follow(Reply::to(&octets).with(&asked.name, alias("b.fr")));
        assert!(matches!(led.unwrap(), Led::Onwards(name) if name == "b.fr"));
        let circle = follow(Reply::to(&octets).with(&asked.name, alias("b.fr")).with("b.fr", alias(&asked.name)));
        assert!(matches!(circle, Err(DnsError::Aliases { .. })), "{circle:?}");
        let foreign = follow(Reply::to(&octets).with("other.fr", service(1, 1, 1, "c.fr")));
        assert!(matches!(foreign.unwrap(), Led::To(found) if found.is_empty()), "said of another name");
    }
}
