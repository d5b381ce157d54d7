//! RTP Control Protocol (RFC 3550 §6): reports about RTP streams, with who takes part.
//!
//! Read are compound packets, also the reduced-size ones of RFC 5506. Source descriptions name people: their items are
//! content. SRTCP is not decrypted.

use super::rtp;
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

static PACKET_TYPE: Field = Field::meta("rtcp.packet-type", "packet_types[]");
static SSRC: Field = Field::meta("rtcp.ssrc", "ssrc");
/// CNAME, NAME, EMAIL, PHONE, LOC and NOTE of a source description.
static DESCRIPTION: Field = Field::new("rtcp.sdes", Role::Content);
static TOOL: Field = Field::meta("rtcp.tool", "tool");

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;

static FIELDS: &[&Field] = &[&PACKET_TYPE, &SSRC, &DESCRIPTION, &TOOL];

pub(crate) static PROTOCOL: Rtcp = Rtcp;

#[derive(Debug)]
pub(crate) struct Rtcp;

impl Protocol for Rtcp {
    fn name(&self) -> &'static str {
        "rtcp"
    }

    fn about(&self) -> &'static str {
        "RTP Control Protocol, reports about voice and video streams, RFC 3550"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5005]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(0x80, 0xbf)
    }

    /// Where both share a port (RFC 5761) a report may come first.
    fn variants(&self) -> &'static [&'static str] {
        &["rtp"]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        match likeness(opening.newest()) {
            None => Probe::Mismatch,
            Some(Evidence::Report) => Probe::Match,
            Some(Evidence::Feedback)
                if opening.previous.is_some_and(|previous| likeness(previous.bytes).is_some()) =>
            {
                Probe::Match
            }
            Some(Evidence::Feedback) => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<RtcpParser>::default()
    }
}

enum Evidence {
    /// A compound packet that begins with a report, as RFC 3550 §6.1 wants it.
    Report,
    /// Its lengths agree, but it begins with something else (RFC 5506).
    Feedback,
}

/// One packet of a compound.
struct Packet<'a> {
    kind: u8,
    /// Report or source count.
    count: u8,
    body: Reader<'a>,
}

impl<'a> Packet<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let first = reader.u8()?;
        let kind = reader.u8()?;
        let words = usize::from(reader.u16()?);
        if first >> 6 != 2 || !(192..=213).contains(&kind) {
            return None;
        }
        Some(Self { kind, count: first & 0x1f, body: reader.sub(words * 4)? })
    }

    /// Whether the body holds what the count promises.
    fn is_whole(&self) -> bool {
        let words = self.body.remaining() / 4;
        let count = usize::from(self.count);
        match self.kind {
            SR => words >= 6 + count * 6,
            RR => words > count * 6,
            // A chunk is a source and a terminator at least.
            SDES => words >= count * 2,
            203 => words >= count,
            204 => words >= 2,
            205 | 206 => words >= 2 && (1..=15).contains(&self.count),
            207 => words >= 1,
            _ => true,
        }
    }
}

/// Whether packet after packet fills the datagram exactly.
fn likeness(datagram: &[u8]) -> Option<Evidence> {
    let mut reader = Reader::new(datagram);
    let first = Packet::read(&mut reader).filter(Packet::is_whole)?;
    while !reader.is_empty() {
        Packet::read(&mut reader).filter(Packet::is_whole)?;
    }
    match first.kind {
        SR | RR => Some(Evidence::Report),
        202..=207 => Some(Evidence::Feedback),
        _ => None,
    }
}

/// Whether a datagram on an RTP port is RTCP by its second octet (RFC 5761 §4).
pub(super) fn is_packet_type(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

#[derive(Debug, Default)]
struct RtcpParser {
    is_shared: bool,
}

impl Parser for RtcpParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let done = Progress::Consumed(chunk.bytes.len());
        if !is_packet_type(chunk.bytes) {
            if !self.is_shared && rtp::Header::read(chunk.bytes).is_some() {
                self.is_shared = true;
                out.refine("rtp");
            }
            return done;
        }
        let mut reader = Reader::new(chunk.bytes);
        let mut is_first = true;
        while !reader.is_empty() {
            let at = reader.offset();
            let Some(packet) = Packet::read(&mut reader) else {
                out.end_record();
                return Progress::Malformed { what: "an RTCP packet does not fit into its datagram", at };
            };
            state(&packet, is_first, chunk.direction, out);
            is_first = false;
        }
        out.end_record();
        done
    }
}

fn state(packet: &Packet<'_>, is_first: bool, direction: Direction, out: &mut dyn Sink) {
    out.fact(&PACKET_TYPE, direction, Value::Number(packet.kind.into()));
    let mut body = packet.body;
    if packet.kind == SDES {
        // A description that breaks off has said what it had to say.
        let _ = description(body, packet.count, direction, out);
    } else if is_first && let Some(ssrc) = body.u32() {
        out.fact(&SSRC, direction, Value::Number(ssrc.into()));
    }
}

/// Chunks of a source and its items, each padded to four octets (RFC 3550 §6.5).
fn description(mut body: Reader<'_>, chunks: u8, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    const TOOL_ITEM: u8 = 6;
    for _ in 0..chunks {
        body.skip(4)?;
        loop {
            let item = body.u8()?;
            if item == 0 {
                break;
            }
            let text = body.sub_u8()?.rest();
            let field = if item == TOOL_ITEM { &TOOL } else { &DESCRIPTION };
            out.fact(field, direction, Value::Bytes(text));
        }
        body.skip(body.offset().wrapping_neg() % 4)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{DESCRIPTION, PACKET_TYPE, PROTOCOL, SSRC};
    use crate::flow::Chunk;
    use crate::packet::Transport;
    use crate::protocol::testing::{self, TO_SERVER};
    use crate::protocol::{Opening, Probe, Protocol};

    /// A receiver report of nothing, then a description with CNAME `a@b`, NAME `Al` and padding.
    const COMPOUND: &[u8] = b"\x80\xc9\0\x01\0\0\0\x07\x81\xca\0\x04\0\0\0\x07\x01\x03a@b\x02\x02Al\0\0\0";
    /// Picture loss indication (RFC 4585 §6.3.1).
    const FEEDBACK: &[u8] = b"\x81\xce\0\x02\0\0\0\x07\0\0\0\x08";

    #[test]
    fn reads_a_compound_packet() {
        let flow = testing::flow(Transport::UDP, 5005);
        let conversation = [(TO_SERVER, COMPOUND), (TO_SERVER, FEEDBACK)];
        testing::keeps_promises(&PROTOCOL, &flow, &conversation);
        let said = testing::feed(&PROTOCOL, &flow, &conversation);
        assert_eq!(said.values(&PACKET_TYPE), ["201", "202", "206"]);
        assert_eq!(said.values(&SSRC), ["7", "7"]);
        assert_eq!(said.values(&DESCRIPTION), ["a@b", "Al"]);
    }

    #[test]
    fn becomes_rtp_where_media_shares_the_port() {
        let flow = testing::flow(Transport::UDP, 5005);
        let media = b"\x80\x60\0\x01\0\0\0\x09\0\0\0\x07media";
        let said =
            testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, COMPOUND), (TO_SERVER, media), (TO_SERVER, media)]);
        assert_eq!(said.0.iter().filter(|line| *line == "[refine rtp]").count(), 1);
    }

    #[test]
    fn asks_for_a_second_packet_where_no_report_begins() {
        let flow = testing::flow(Transport::UDP, 9999);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, COMPOUND), Probe::Match);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, FEEDBACK), Probe::NeedMore);
        let after = PROTOCOL.probe(&Opening {
            flow: &flow,
            direction: TO_SERVER,
            to_server: FEEDBACK,
            to_client: b"",
            previous: Some(Chunk { direction: TO_SERVER, bytes: FEEDBACK }),
        });
        assert_eq!(after, Probe::Match);
    }

    #[test]
    fn others_are_not_rtcp() {
        let flow = testing::flow(Transport::UDP, 5005);
        let trailing = [COMPOUND, b"more"].concat();
        let others: [&[u8]; 5] = [b"", b"\x80\xc9\0\x01", &[0x80; 40], &[0; 40], &trailing];
        for bytes in others {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
