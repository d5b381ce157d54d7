//! IPsec's Encapsulating Security Payload (RFC 4303), as an IP protocol of its own or in UDP (RFC 3948).
//!
//! In UDP two numbers precede the cipher text, so a second datagram of the same association must follow, on IKE's port.

use super::{Field, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, FlowKey};
use crate::packet::Transport;

static SPI: Field = Field::meta("esp.spi", "spi");

static FIELDS: &[&Field] = &[&SPI];

pub(crate) static PROTOCOL: Esp = Esp;

/// IKE's port behind address translation, which ESP shares (RFC 3948 §2).
const NAT_TRAVERSAL: u16 = 4500;

#[derive(Debug)]
pub(crate) struct Esp;

impl Protocol for Esp {
    fn name(&self) -> &'static str {
        "esp"
    }

    fn about(&self) -> &'static str {
        "IPsec Encapsulating Security Payload, RFC 4303"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::ESP, Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[NAT_TRAVERSAL]
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let Some(packet) = Packet::read(opening.newest()) else {
            return Probe::Mismatch;
        };
        if opening.flow.transport == Transport::ESP {
            return Probe::Match;
        }
        if !opening.flow.has_port(NAT_TRAVERSAL) {
            return Probe::Mismatch;
        }
        let follows = opening.previous.is_some_and(|previous| {
            previous.direction == opening.direction
                && Packet::read(previous.bytes).is_some_and(|before| packet.follows(before))
        });
        if follows { Probe::Match } else { Probe::NeedMore }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(EspParser)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    spi: u32,
    sequence: u32,
}

impl Packet {
    /// How many packets may be lost between two.
    const GAP: u32 = 256;

    /// The header of a packet that has room for anything. 1 to 255 are reserved (RFC 4303 §2.1), and 0 in UDP means IKE.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let packet = Self { spi: reader.u32()?, sequence: reader.u32()? };
        (packet.spi > 255 && packet.sequence > 0 && reader.remaining() >= 12).then_some(packet)
    }

    fn follows(self, before: Self) -> bool {
        let ahead = self.sequence.wrapping_sub(before.sequence);
        self.spi == before.spi && (1..=Self::GAP).contains(&ahead)
    }
}

#[derive(Debug)]
struct EspParser;

impl Parser for EspParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let Some(packet) = Packet::read(chunk.bytes) else {
            // A keepalive, or IKE's renewal of keys.
            return Progress::Consumed(chunk.bytes.len());
        };
        out.fact(&SPI, chunk.direction, Value::Number(packet.spi.into()));
        out.end_record();
        out.unseen(Unseen::Encrypted);
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use super::PROTOCOL;
    use crate::flow::Chunk;
    use crate::packet::Transport;
    use crate::protocol::testing::{self, TO_SERVER};
    use crate::protocol::{Opening, Probe, Protocol};

    const FIRST: &[u8] = b"\xca\xfe\0\x01\0\0\0\x01ciphertext and more";
    const SECOND: &[u8] = b"\xca\xfe\0\x01\0\0\0\x02ciphertext and more";

    #[test]
    fn its_own_ip_protocol_is_proof() {
        let flow = testing::flow(Transport::ESP, 0);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, FIRST), Probe::Match);
        testing::keeps_promises(&PROTOCOL, &flow, &[(TO_SERVER, FIRST)]);
        let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, FIRST)]);
        assert_eq!(said.0, ["esp.spi=3405643777", "[end]", "[unseen encrypted]", "[done]"]);
    }

    #[test]
    fn in_udp_a_second_packet_must_follow() {
        let flow = testing::flow(Transport::UDP, 4500);
        let elsewhere = testing::flow(Transport::UDP, 4501);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, FIRST), Probe::NeedMore);
        assert_eq!(testing::probe(&PROTOCOL, &elsewhere, TO_SERVER, FIRST), Probe::Mismatch);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, b"\xff"), Probe::Mismatch);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &[0; 60]), Probe::Mismatch);
        let after = PROTOCOL.probe(&Opening {
            flow: &flow,
            direction: TO_SERVER,
            to_server: SECOND,
            to_client: b"",
            previous: Some(Chunk { direction: TO_SERVER, bytes: FIRST }),
        });
        assert_eq!(after, Probe::Match);
    }
}
