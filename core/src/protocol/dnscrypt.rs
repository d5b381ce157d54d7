//! DNSCrypt version 2: encrypted questions to a resolver (draft-denis-dprive-dnscrypt).
//!
//! A session begins with an ordinary DNS query for the provider's certificate, which [`super::dns`] recognises. After it
//! only the resolver's answers can be told: they begin with eight fixed bytes. The questions begin with bytes that the
//! certificate chose.

use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen};

/// `resolver-magic` of the specification.
const RESOLVER_MAGIC: &[u8; 8] = b"r6fnvWj8";
/// Magic, nonce of 24 octets, Poly1305 tag of 16.
const SHORTEST_ANSWER: usize = 48;

#[derive(Debug)]
pub(super) struct DnsCrypt;

pub(super) static PROTOCOL: DnsCrypt = DnsCrypt;

impl Protocol for DnsCrypt {
    fn name(&self) -> &'static str {
        "dnscrypt"
    }

    fn about(&self) -> &'static str {
        "DNSCrypt version 2, encrypted questions to a resolver"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[443, 5443, 8443]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"r")
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn fields(&self) -> &'static [&'static Field] {
        &[]
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let answer = opening.newest();
        if answer.starts_with(RESOLVER_MAGIC) && answer.len() >= SHORTEST_ANSWER {
            Probe::Match
        } else {
            Probe::Mismatch
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(DnsCryptParser)
    }
}

#[derive(Debug)]
struct DnsCryptParser;

impl Parser for DnsCryptParser {
    fn feed(&mut self, _: &FlowKey, _: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Encrypted);
        out.end_record();
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use super::PROTOCOL;
    use crate::packet::Transport;
    use crate::protocol::Probe;
    use crate::protocol::testing::{TO_CLIENT, feed, flow, keeps_promises, probe};

    #[test]
    fn an_answer_is_known_by_its_magic() {
        let flow = flow(Transport::UDP, 443);
        let answer = [&b"r6fnvWj8"[..], &[0x5a; 80]].concat();
        assert_eq!(probe(&PROTOCOL, &flow, TO_CLIENT, &answer), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &flow, TO_CLIENT, &answer[..47]), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &flow, TO_CLIENT, b"r6fn-something else of a good length ............"), Probe::Mismatch);
        assert!(feed(&PROTOCOL, &flow, &[(TO_CLIENT, &answer)]).says("[unseen encrypted]"));
        keeps_promises(&PROTOCOL, &flow, &[(TO_CLIENT, &answer)]);
    }
}
