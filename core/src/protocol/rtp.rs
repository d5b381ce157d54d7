//! Real-time Transport Protocol (RFC 3550): voice and video, over UDP or framed on TCP (RFC 4571).
//!
//! One datagram alone proves little, so two that continue each other are asked for. Stated is each stream's source and
//! payload type; the media itself is not decoded.

use super::rtcp;
use super::{Field, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::{PENDING_BYTES, RTP_SOURCES};
use crate::packet::Transport;

static PAYLOAD_TYPE: Field = Field::meta("rtp.payload-type", "payload_type");
static CODEC: Field = Field::meta("rtp.codec", "codec");
static SSRC: Field = Field::meta("rtp.ssrc", "ssrc");

/// Octets of the length before each packet on TCP (RFC 4571 §2).
const LENGTH: usize = 2;

static FIELDS: &[&Field] = &[&PAYLOAD_TYPE, &CODEC, &SSRC];

pub(crate) static PROTOCOL: Rtp = Rtp;

#[derive(Debug)]
pub(crate) struct Rtp;

impl Protocol for Rtp {
    fn name(&self) -> &'static str {
        "rtp"
    }

    fn about(&self) -> &'static str {
        "Real-time Transport Protocol, voice and video, RFC 3550"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5004]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let bytes = opening.newest();
        if !opening.is_datagram() {
            return probe_stream(bytes);
        }
        let Some(header) = Header::read(bytes) else {
            return Probe::Mismatch;
        };
        let Some(previous) = opening.previous else {
            return Probe::NeedMore;
        };
        let Some(before) = Header::read(previous.bytes) else {
            return Probe::NeedMore;
        };
        let belong = if previous.direction == opening.direction {
            header.follows(before)
        } else {
            header.answers(before)
        };
        if belong { Probe::Match } else { Probe::NeedMore }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<RtpParser>::default()
    }
}

/// Two framed packets that continue each other.
fn probe_stream(bytes: &[u8]) -> Probe {
    let mut reader = Reader::new(bytes);
    let mut before: Option<Header> = None;
    loop {
        let Some(length) = reader.u16().map(usize::from) else {
            return Probe::NeedMore;
        };
        if length < Header::OCTETS || reader.peek().first().is_some_and(|first| first >> 6 != 2) {
            return Probe::Mismatch;
        }
        let Some(packet) = reader.take(length) else {
            return Probe::NeedMore;
        };
        let Some(header) = Header::read(packet) else {
            return Probe::Mismatch;
        };
        match before {
            Some(before) if header.follows(before) => return Probe::Match,
            Some(_) => return Probe::Mismatch,
            None => before = Some(header),
        }
    }
}

/// The fixed header (RFC 3550 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    /// Octets of media, without extension and padding.
    payload: usize,
    /// Whether contributing sources, an extension or padding stand in it.
    is_plain: bool,
}

impl Header {
    const OCTETS: usize = 12;
    /// How far two packets that come one after the other may be apart: some are lost, some overtaken.
    const GAP: u16 = 100;
    /// The same in timestamps: ten seconds of video's 90 kHz clock.
    const PAUSE: u32 = 900_000;

    /// The header, if the packet's lengths agree and its payload type is one that is used.
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(packet);
        let first = reader.u8()?;
        if first >> 6 != 2 {
            return None;
        }
        let payload_type = reader.u8()? & 0x7f;
        if !is_payload_type(payload_type) {
            return None;
        }
        let sequence = reader.u16()?;
        let timestamp = reader.u32()?;
        let ssrc = reader.u32()?;
        reader.skip(usize::from(first & 0x0f) * 4)?;
        if first & 0x10 != 0 {
            reader.skip(2)?;
            let words = usize::from(reader.u16()?);
            reader.skip(words * 4)?;
        }
        let mut payload = reader.remaining();
        if first & 0x20 != 0 {
            let padding = usize::from(*packet.last()?);
            payload = payload.checked_sub(padding).filter(|_| padding > 0)?;
        }
        Some(Self { payload_type, sequence, timestamp, ssrc, payload, is_plain: first == 0x80 })
    }

    /// Whether this continues the stream of `before`: same source, a little later.
    fn follows(self, before: Self) -> bool {
        let ahead = self.sequence.wrapping_sub(before.sequence);
        let later = self.timestamp.wrapping_sub(before.timestamp);
        let near = (1..=Self::GAP).contains(&ahead) || ahead > u16::MAX - Self::GAP;
        self.ssrc == before.ssrc
            && near
            && (later <= Self::PAUSE || later >= u32::MAX - Self::PAUSE)
            && (self.ssrc, self.timestamp) != (0, 0)
    }

    /// Whether this is the other side of the call of `before`. The sides share no number, so the codec must agree, and
    /// the media must be as long as that codec makes it.
    fn answers(self, before: Self) -> bool {
        self.is_plain
            && before.is_plain
            && self.payload_type == before.payload_type
            && self.ssrc != before.ssrc
            && self.has_codec_size()
            && before.has_codec_size()
    }

    fn has_codec_size(self) -> bool {
        let frame = match self.payload_type {
            // PCMU, PCMA, G722: 80 octets for 10 ms.
            0 | 8 | 9 => 80,
            3 => 33,
            4 => 4,
            15 => 5,
            18 => 10,
            _ => return false,
        };
        self.payload > 0 && self.payload.is_multiple_of(frame)
    }
}

/// Static and dynamic types (RFC 3551 §6); 64 to 95 stay out, where they would read as RTCP (RFC 5761 §4).
const fn is_payload_type(payload_type: u8) -> bool {
    !matches!(payload_type, 1 | 2 | 19..=24 | 27 | 29 | 30 | 64..=95)
}

/// Encoding names of the static types (RFC 3551 §6).
const fn codec(payload_type: u8) -> Option<&'static str> {
    Some(match payload_type {
        0 => "PCMU",
        3 => "GSM",
        4 => "G723",
        5 | 6 | 16 | 17 => "DVI4",
        7 => "LPC",
        8 => "PCMA",
        9 => "G722",
        10 | 11 => "L16",
        12 => "QCELP",
        13 => "CN",
        14 => "MPA",
        15 => "G728",
        18 => "G729",
        25 => "CelB",
        26 => "JPEG",
        28 => "nv",
        31 => "H261",
        32 => "MPV",
        33 => "MP2T",
        34 => "H263",
        _ => return None,
    })
}

/// Remembers the sources of each side, so that every stream is told once.
#[derive(Debug, Default)]
struct RtpParser {
    sources: [Sources; 2],
}

#[derive(Debug, Default)]
struct Sources {
    heard: [u32; RTP_SOURCES],
    count: usize,
}

impl Sources {
    /// Whether this one is new and there is room to remember it.
    fn is_news(&mut self, ssrc: u32) -> bool {
        if self.heard.iter().take(self.count).any(|heard| *heard == ssrc) {
            return false;
        }
        let Some(room) = self.heard.get_mut(self.count) else {
            return false;
        };
        *room = ssrc;
        self.count += 1;
        true
    }
}

impl RtpParser {
    fn packet(&mut self, direction: Direction, packet: &[u8], out: &mut dyn Sink) {
        // Others share the port: RTCP (RFC 5761), STUN and DTLS (RFC 7983).
        if rtcp::is_packet_type(packet) {
            return;
        }
        let Some(header) = Header::read(packet) else {
            return;
        };
        let [to_server, to_client] = &mut self.sources;
        let sources = match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        };
        if !sources.is_news(header.ssrc) {
            return;
        }
        out.fact(&SSRC, direction, Value::Number(header.ssrc.into()));
        out.fact(&PAYLOAD_TYPE, direction, Value::Number(header.payload_type.into()));
        if let Some(codec) = codec(header.payload_type) {
            out.fact(&CODEC, direction, Value::Text(codec));
        }
        out.end_record();
    }
}

impl Parser for RtpParser {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        if flow.transport != Transport::TCP {
            self.packet(chunk.direction, chunk.bytes, out);
            return Progress::Consumed(chunk.bytes.len());
        }
        let mut reader = Reader::new(chunk.bytes);
        loop {
            let consumed = reader.offset();
            let Some(length) = reader.u16().map(usize::from) else {
                return Progress::NeedMore { consumed, need: LENGTH };
            };
            if LENGTH + length > PENDING_BYTES {
                out.unseen(Unseen::Truncated);
                return Progress::Done;
            }
            let Some(packet) = reader.take(length) else {
                return Progress::NeedMore { consumed, need: LENGTH + length };
            };
            self.packet(chunk.direction, packet, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CODEC, PROTOCOL, SSRC};
    use crate::flow::Chunk;
    use crate::packet::Transport;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};
    use crate::protocol::{Opening, Probe, Protocol};

    /// A packet of 160 octets of media.
    fn packet(payload_type: u8, sequence: u16, ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, payload_type];
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
        bytes.extend_from_slice(&ssrc.to_be_bytes());
        bytes.extend_from_slice(&[0xd5; 160]);
        bytes
    }

    fn probe_after(previous: &[u8], from_same_side: bool, newest: &[u8]) -> Probe {
        let flow = testing::flow(Transport::UDP, 40_002);
        PROTOCOL.probe(&Opening {
            flow: &flow,
            direction: TO_SERVER,
            to_server: newest,
            to_client: b"",
            previous: Some(Chunk {
                direction: if from_same_side { TO_SERVER } else { TO_CLIENT },
                bytes: previous,
            }),
        })
    }

    #[test]
    fn two_packets_of_one_source_are_proof() {
        let flow = testing::flow(Transport::UDP, 40_002);
        let first = packet(96, 7, 0xcafe);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &first), Probe::NeedMore);
        assert_eq!(probe_after(&first, true, &packet(96, 8, 0xcafe)), Probe::Match);
        assert_eq!(probe_after(&first, true, &packet(96, 7, 0xcafe)), Probe::NeedMore, "the same again");
        assert_eq!(probe_after(&first, true, &packet(96, 8, 0xcaff)), Probe::NeedMore);
        assert_eq!(probe_after(&first, true, &packet(96, 9000, 0xcafe)), Probe::NeedMore);
    }

    #[test]
    fn two_sides_with_one_codec_are_proof() {
        assert_eq!(probe_after(&packet(8, 7, 1), false, &packet(8, 99, 2)), Probe::Match);
        assert_eq!(probe_after(&packet(8, 7, 1), false, &packet(0, 99, 2)), Probe::NeedMore);
        assert_eq!(probe_after(&packet(96, 7, 1), false, &packet(96, 99, 2)), Probe::NeedMore);
    }

    #[test]
    fn others_are_not_rtp() {
        let flow = testing::flow(Transport::UDP, 40_002);
        let sender_report = packet(200, 6, 1);
        let others: [&[u8]; 5] = [b"", b"\x80\x60", &[0; 40], &[0xff; 40], &sender_report];
        for bytes in others {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes), Probe::Mismatch);
        }
    }

    #[test]
    fn tells_each_source_once() {
        let flow = testing::flow(Transport::UDP, 40_002);
        let (a, b, c) = (packet(8, 1, 5), packet(8, 2, 5), packet(96, 1, 6));
        let conversation = [(TO_SERVER, &a[..]), (TO_SERVER, &b[..]), (TO_CLIENT, &c[..])];
        testing::keeps_promises(&PROTOCOL, &flow, &conversation);
        let said = testing::feed(&PROTOCOL, &flow, &conversation);
        assert_eq!(said.values(&SSRC), ["5", "6"]);
        assert_eq!(said.values(&CODEC), ["PCMA"]);
    }

    #[test]
    fn reads_frames_of_a_stream() {
        let flow = testing::flow(Transport::TCP, 5000);
        let frames: Vec<u8> = (1..4)
            .flat_map(|sequence| {
                let packet = packet(8, sequence, 5);
                [&(packet.len() as u16).to_be_bytes(), &packet[..]].concat()
            })
            .collect();
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &frames[..200]), Probe::NeedMore);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &frames), Probe::Match);
        testing::keeps_promises(&PROTOCOL, &flow, &[(TO_SERVER, &frames)]);
        assert_eq!(testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, &frames)]).value(&SSRC), "5");
    }
}
