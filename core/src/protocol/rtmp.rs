//! RTMP (Adobe's Real-Time Messaging Protocol 1.0): live video of Flash's time, still used to send streams in.
//!
//! Read: where `connect` wants to go. Encrypted RTMP (RTMPE, version 6) is known, not read; media is passed over.

use memchr::memmem;

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

/// C0 is the version, C1 and C2 have 1536 bytes each, §5.2.
const PLAIN: u8 = 3;
const ENCRYPTED: u8 = 6;
const C1: usize = 1 + 1536;
const HANDSHAKE: usize = C1 + 1536;
/// How much of the first message is looked at; `connect` fits easily.
const FIRST_MESSAGE: usize = 512;

static APPLICATION: Field = Field::meta("rtmp.app", "app");
static URL: Field = Field::meta("rtmp.tc_url", "tc_url");
static HOSTNAME: Field = Field::hostname("rtmp.hostname", "hostname");

static FIELDS: &[&Field] = &[&APPLICATION, &URL, &HOSTNAME];

pub(super) static PROTOCOL: Rtmp = Rtmp;

#[derive(Debug)]
pub(super) struct Rtmp;

impl Protocol for Rtmp {
    fn name(&self) -> &'static str {
        "rtmp"
    }

    fn about(&self) -> &'static str {
        "RTMP, live audio and video (Adobe RTMP 1.0)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[1935]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[PLAIN, ENCRYPTED])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

/// The version, a random block that the other side repeats, or `connect` behind the handshake. C1's second word is 0 in
/// clients that know no encryption.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let other = opening.of(opening.direction.opposite());
    // RFC 1006 and others begin with the same byte, and are shorter.
    if bytes.starts_with(&[PLAIN, 0, 0]) && bytes.len() < 64 && !opening.flow.has_port(1935) {
        return Probe::NeedMore;
    }
    if repeats(bytes, other) || repeats(other, bytes) || says_connect(bytes) || says_connect(other) {
        return Probe::Match;
    }
    let zero = bytes.get(5..9).is_some_and(|word| word == [0; 4]);
    if bytes.len() >= C1 && zero && opening.flow.has_port(1935) {
        return Probe::Match;
    }
    if bytes.len() >= HANDSHAKE + FIRST_MESSAGE { Probe::Mismatch } else { Probe::NeedMore }
}

/// Whether `answer`'s second block repeats `question`'s first, §5.2.4.
fn repeats(answer: &[u8], question: &[u8]) -> bool {
    match (answer.get(C1 + 8..C1 + 40), question.get(9..41)) {
        (Some(echo), Some(random)) => echo == random && echo.iter().any(|byte| Some(byte) != echo.first()),
        _ => false,
    }
}

/// A chunk that begins an AMF0 command message, §7.1.1.
fn says_connect(bytes: &[u8]) -> bool {
    let message = bytes.get(HANDSHAKE..).unwrap_or_default();
    memmem::find(&message[..message.len().min(64)], b"\x02\0\x07connect").is_some()
}

#[derive(Debug, Default)]
struct Session {
    stages: [Stage; 2],
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// C0 and C1, which the other side answers.
    #[default]
    First,
    /// C2.
    Second,
    Connect,
    Media,
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        match self.stages[direction.index()] {
            Stage::First if bytes.first() == Some(&ENCRYPTED) => Size::Opaque,
            Stage::First => Size::Is(C1 as u64),
            Stage::Second => Size::Is((HANDSHAKE - C1) as u64),
            // Basic header of one byte, full message header: the length of the first message, without chunk headers.
            Stage::Connect => match bytes {
                [0..0x40, _, _, _, 0, high, low, ..] => {
                    let length = u64::from(u16::from_be_bytes([*high, *low]));
                    // A continuation's header stands in front of every further 128 bytes.
                    Size::of(12, length + length.saturating_sub(1) / 128)
                }
                [0..0x40, ..] if bytes.len() < 7 => Size::Needs(7),
                _ => Size::Opaque,
            },
            Stage::Media => Size::Opaque,
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let stage = &mut self.stages[direction.index()];
        match *stage {
            Stage::First => *stage = Stage::Second,
            Stage::Second => *stage = Stage::Connect,
            _ => {
                *stage = Stage::Media;
                connect(message, direction, out);
            }
        }
        After::Next
    }
}

fn connect(message: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let body = message.get(12..)?;
    // Chunks of 128 bytes with a header of one byte between them.
    let mut joined = Vec::with_capacity(body.len());
    for chunk in body.chunks(129) {
        joined.extend_from_slice(&chunk[..chunk.len().min(128)]);
    }
    memmem::find(&joined, b"\x02\0\x07connect")?;
    if let Some(application) = string_after(&joined, b"\0\x03app\x02") {
        out.fact(&APPLICATION, direction, Value::Bytes(application));
    }
    if let Some(url) = string_after(&joined, b"\0\x05tcUrl\x02") {
        out.fact(&URL, direction, Value::Bytes(url));
        let host = memmem::find(url, b"://").and_then(|at| url.get(at + 3..))?;
        let host = host.split(|byte| matches!(byte, b'/' | b':')).next()?;
        out.fact(&HOSTNAME, direction, Value::Bytes(host));
    }
    out.end_record();
    Some(())
}

/// The AMF0 string behind a property's name.
fn string_after<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = memmem::find(body, name)? + name.len();
    Some(Reader::new(body.get(at..)?).sub_u16()?.rest())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    /// Handshake blocks of pseudo-random bytes, and `connect` cut into chunks.
    fn client() -> Vec<u8> {
        let mut bytes = vec![3, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend((0..HANDSHAKE - 9).map(|index| (index * 7 % 251) as u8));
        let mut body = b"\x02\0\x07connect\0\x3f\xf0\0\0\0\0\0\0\x03\0\x03app\x02\0\x04live".to_vec();
        body.extend(b"\0\x05tcUrl\x02\0\x1brtmp://video.example.org/li");
        body.resize(140, 0);
        bytes.extend([3, 0, 0, 0, 0, 0, 140, 0x14, 0, 0, 0, 0]);
        bytes.extend(&body[..128]);
        bytes.push(0xc3);
        bytes.extend(&body[128..]);
        bytes
    }

    #[test]
    fn reads_where_connect_goes() {
        let tcp = flow(Transport::TCP, 1935);
        let client = client();
        let transcript = feed(&PROTOCOL, &tcp, &[(TO_SERVER, &client)]);
        assert_eq!(transcript.value(&APPLICATION), "live");
        assert_eq!(transcript.value(&HOSTNAME), "video.example.org");
        keeps_promises(&PROTOCOL, &tcp, &[(TO_SERVER, &client)]);
    }

    #[test]
    fn is_known_by_echo_or_connect() {
        let odd = flow(Transport::TCP, 4000);
        let client = client();
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &client), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &client[..2000]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[3; 4096]), Probe::Mismatch);
    }
}
