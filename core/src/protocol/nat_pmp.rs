//! NAT-PMP (RFC 6886) and its successor PCP (RFC 6887): programs ask a router to let others in.
//!
//! Read: what is asked, and for which port.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

const NAT_PMP: u8 = 0;
const PCP: u8 = 2;
/// Set in the operation of answers.
const ANSWER: u8 = 0x80;

static VERSION: Field = Field::meta("nat-pmp.version", "version");
static OPERATION: Field = Field::meta("nat-pmp.operation", "operation");
static PORT: Field = Field::meta("nat-pmp.internal_port", "internal_port");

static FIELDS: &[&Field] = &[&VERSION, &OPERATION, &PORT];

pub(super) static PROTOCOL: NatPmp = NatPmp;

#[derive(Debug)]
pub(super) struct NatPmp;

impl Protocol for NatPmp {
    fn name(&self) -> &'static str {
        "nat-pmp"
    }

    fn about(&self) -> &'static str {
        "NAT-PMP and PCP, ports opened in a router (RFC 6886, RFC 6887)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5350, 5351]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[NAT_PMP, PCP])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Datagrams<Packet>>::default()
    }
}

/// Fixed lengths and few values; that is too little without the registered port.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let registered = opening.flow.has_port(5351) || opening.flow.has_port(5350);
    let fits = match *bytes {
        [NAT_PMP, 0] => true,
        [NAT_PMP, 1 | 2, 0, 0, ..] => bytes.len() == 12,
        [NAT_PMP, ANSWER, 0, 0..=5, ..] => bytes.len() == 12,
        [NAT_PMP, 0x81 | 0x82, 0, 0..=5, ..] => bytes.len() == 16,
        // Announce, map and peer with their options.
        [PCP, 0, 0, 0, ..] | [PCP, ANSWER, 0, 0..=13, ..] => {
            bytes.len() >= 24 && bytes.len().is_multiple_of(4)
        }
        [PCP, 1, 0, 0, ..] | [PCP, 0x81, 0, 0..=13, ..] => {
            (60..=1100).contains(&bytes.len()) && bytes.len().is_multiple_of(4)
        }
        [PCP, 2, 0, 0, ..] | [PCP, 0x82, 0, 0..=13, ..] => {
            (80..=1100).contains(&bytes.len()) && bytes.len().is_multiple_of(4)
        }
        _ => false,
    };
    if fits && registered { Probe::Match } else { Probe::Mismatch }
}

#[derive(Debug, Default)]
struct Packet;

impl Datagram for Packet {
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()> {
        let mut reader = Reader::new(datagram);
        let version = reader.u8()?;
        let operation = reader.u8()?;
        out.fact(&VERSION, direction, Value::Text(if version == NAT_PMP { "nat-pmp" } else { "pcp" }));
        let name = match (version, operation & !ANSWER) {
            (NAT_PMP, 0) => "address",
            (NAT_PMP, 1) => "map-udp",
            (NAT_PMP, 2) => "map-tcp",
            (_, 0) => "announce",
            (_, 1) => "map",
            (_, 2) => "peer",
            _ => return None,
        };
        out.fact(&OPERATION, direction, Value::Text(name));
        // Behind PCP's header stand a nonce, the transport and reserved bytes.
        let before = match (version, operation) {
            (NAT_PMP, 1 | 2) => 2,
            (PCP, 1 | 2) => 22 + 16,
            _ => return None,
        };
        reader.skip(before)?;
        out.fact(&PORT, direction, Value::Number(reader.u16()?.into()));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const MAP: &[u8] = b"\0\x02\0\0\xc8\xd5\xc8\xd5\0\0\x0e\x10";
    const ANSWERED: &[u8] = b"\0\x82\0\0\0\0\0\x07\xc8\xd5\xc8\xd5\0\0\x0e\x10";

    #[test]
    fn reads_ports_and_needs_the_registered_one() {
        let known = flow(Transport::UDP, 5351);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, MAP), (TO_CLIENT, ANSWERED)];
        let transcript = feed(&PROTOCOL, &known, conversation);
        assert_eq!(transcript.values(&OPERATION), ["map-tcp", "map-tcp"]);
        assert_eq!(transcript.value(&PORT), "51413");
        keeps_promises(&PROTOCOL, &known, conversation);
        let odd = flow(Transport::UDP, 4000);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, MAP), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, MAP), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, &MAP[..11]), Probe::Mismatch);
    }
}
