//! IPsec's Authentication Header (RFC 4302), an IP protocol of its own. It signs what it carries without hiding it; what
//! it carries is not read here.

use super::{Field, Opening, Parser, Probe, Progress, Protocol, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, FlowKey};
use crate::packet::Transport;

static SPI: Field = Field::meta("ipsec.spi", "spi");
static NEXT_HEADER: Field = Field::meta("ipsec.next-header", "next_header");

static FIELDS: &[&Field] = &[&SPI, &NEXT_HEADER];

pub(crate) static PROTOCOL: Ipsec = Ipsec;

#[derive(Debug)]
pub(crate) struct Ipsec;

impl Protocol for Ipsec {
    fn name(&self) -> &'static str {
        "ipsec"
    }

    fn about(&self) -> &'static str {
        "IPsec Authentication Header, RFC 4302"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::AH]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        match header(opening.newest()) {
            Some(_) => Probe::Match,
            None => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(IpsecParser)
    }
}

/// What follows, and the association; the length counts words less two, the reserved octets are zero (RFC 4302 §2).
fn header(bytes: &[u8]) -> Option<(u8, u32)> {
    let mut reader = Reader::new(bytes);
    let next = reader.u8()?;
    let octets = (usize::from(reader.u8()?) + 2) * 4;
    let reserved = reader.u16()?;
    let spi = reader.u32()?;
    (octets >= 12 && octets <= bytes.len() && reserved == 0).then_some((next, spi))
}

#[derive(Debug)]
struct IpsecParser;

impl Parser for IpsecParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let Some((next, spi)) = header(chunk.bytes) else {
            return Progress::Malformed {
                what: "an authentication header does not fit into its packet",
                at: 0,
            };
        };
        out.fact(&SPI, chunk.direction, Value::Number(spi.into()));
        out.fact(&NEXT_HEADER, chunk.direction, Value::Number(next.into()));
        out.end_record();
        Progress::Consumed(chunk.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::PROTOCOL;
    use crate::packet::Transport;
    use crate::protocol::Probe;
    use crate::protocol::testing::{self, TO_SERVER};

    #[test]
    fn reads_a_header() {
        let flow = testing::flow(Transport::AH, 0);
        let packet = b"\x04\x04\0\0\0\0\x01\x07\0\0\0\x01signature...more";
        testing::keeps_promises(&PROTOCOL, &flow, &[(TO_SERVER, packet)]);
        let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, packet)]);
        assert_eq!(said.0, ["ipsec.spi=263", "ipsec.next-header=4", "[end]"]);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, packet), Probe::Match);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &packet[..16]), Probe::Mismatch);
    }
}
