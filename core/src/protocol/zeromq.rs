//! ZeroMQ's message transport (ZMTP 2.0, RFC 15 and ZMTP 3.x, RFC 23 and RFC 37 of rfc.zeromq.org).
//!
//! Read: version, security mechanism, the PLAIN login, and messages. CURVE's messages are encrypted.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

/// The greeting comes in three parts, since the sides wait for each other: a signature, the major version, and the rest,
/// which is a socket type in version 2.
const SIGNATURE: usize = 10;
const REST_2: u64 = 1;
const REST_3: u64 = 53;

/// Bits of a frame's flags.
const LONG: u8 = 0x02;
const COMMAND: u8 = 0x04;

static VERSION: Field = Field::meta("zeromq.version", "version");
static MECHANISM: Field = Field::meta("zeromq.mechanism", "mechanism");
static USER: Field = Field::new("zeromq.user", Role::Username);
static PASSWORD: Field = Field::new("zeromq.password", Role::Password);
static PROPERTY: Field = Field::meta("zeromq.property", "properties[]");
static MESSAGE: Field = Field::new("zeromq.message", Role::Content);

static FIELDS: &[&Field] = &[&VERSION, &MECHANISM, &USER, &PASSWORD, &PROPERTY, &MESSAGE];

pub(super) static PROTOCOL: ZeroMq = ZeroMq;

#[derive(Debug)]
pub(super) struct ZeroMq;

impl Protocol for ZeroMq {
    fn name(&self) -> &'static str {
        "zeromq"
    }

    fn about(&self) -> &'static str {
        "ZeroMQ, messages between programs (ZMTP)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5555]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[0xff])
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

/// 0xff, eight bytes that are a length of 0 or 1, and 0x7f.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let fits = bytes.iter().take(SIGNATURE).enumerate().all(|(index, byte)| match index {
        0 => *byte == 0xff,
        1..8 => *byte == 0,
        8 => *byte <= 1,
        _ => *byte == 0x7f,
    });
    match (fits, bytes.len() >= SIGNATURE) {
        (false, _) => Probe::Mismatch,
        (true, true) => Probe::Match,
        (true, false) => Probe::NeedMore,
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Greeting {
    #[default]
    Signature,
    Version,
    Rest {
        major: u8,
    },
    Over,
}

#[derive(Debug, Default)]
struct Session {
    greeting: [Greeting; 2],
    encrypted: bool,
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        match self.greeting[direction.index()] {
            Greeting::Signature => return Size::Is(SIGNATURE as u64),
            Greeting::Version => return Size::Is(1),
            Greeting::Rest { major: 0..3 } => return Size::Is(REST_2),
            Greeting::Rest { .. } => return Size::Is(REST_3),
            Greeting::Over => {}
        }
        let mut reader = Reader::new(bytes);
        match reader.u8() {
            Some(flags) if flags & 0xf8 != 0 => Size::Broken("a ZMTP frame with reserved flags"),
            Some(flags) if flags & LONG != 0 => {
                reader.u64().map_or(Size::Needs(9), |length| Size::of(9, length))
            }
            _ => reader.u8().map_or(Size::Needs(2), |length| Size::of(2, length)),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        let greeting = &mut self.greeting[direction.index()];
        match *greeting {
            Greeting::Signature => {
                *greeting = Greeting::Version;
                return After::Next;
            }
            Greeting::Version => {
                let major = reader.u8().unwrap_or(0);
                *greeting = Greeting::Rest { major };
                out.fact(&VERSION, direction, Value::Number(major.into()));
                return After::Next;
            }
            Greeting::Rest { .. } => {
                *greeting = Greeting::Over;
                self.mechanism(message, direction, out);
                out.end_record();
                return After::Next;
            }
            Greeting::Over => {}
        }
        let flags = reader.u8().unwrap_or(0);
        reader.skip(if flags & LONG == 0 { 1 } else { 8 });
        if flags & COMMAND != 0 {
            if command(&mut reader, direction, out).is_some() {
                out.end_record();
            }
        } else if !self.encrypted && !reader.is_empty() {
            out.fact(&MESSAGE, direction, Value::Bytes(reader.rest()));
            out.end_record();
        }
        After::Next
    }
}

impl Session {
    /// Behind the minor version, twenty bytes with zeros at the end.
    fn mechanism(&mut self, rest: &[u8], direction: Direction, out: &mut dyn Sink) {
        let Some(mechanism) = rest.get(1..21) else {
            return;
        };
        let mechanism = mechanism.split(|byte| *byte == 0).next().unwrap_or_default();
        out.fact(&MECHANISM, direction, Value::Bytes(mechanism));
        if mechanism == b"CURVE" && !std::mem::replace(&mut self.encrypted, true) {
            out.unseen(Unseen::Encrypted);
        }
    }
}

/// HELLO of PLAIN (RFC 24) and READY's metadata (RFC 23).
fn command(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    match reader.sub_u8()?.rest() {
        b"HELLO" => {
            out.fact(&USER, direction, Value::Bytes(reader.sub_u8()?.rest()));
            out.fact(&PASSWORD, direction, Value::Bytes(reader.sub_u8()?.rest()));
        }
        b"READY" => {
            while let Some(mut name) = reader.sub_u8() {
                let length = usize::try_from(reader.u32()?).ok()?;
                out.fact(&PROPERTY, direction, Value::Pair(name.rest(), reader.take(length)?));
            }
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    fn greeting() -> Vec<u8> {
        let mut greeting = b"\xff\0\0\0\0\0\0\0\0\x7f\x03\0PLAIN".to_vec();
        greeting.resize(64, 0);
        greeting
    }

    #[test]
    fn reads_the_plain_login_and_messages() {
        let tcp = flow(Transport::TCP, 5555);
        let greeting = greeting();
        let conversation: &[(Direction, &[u8])] = &[
            (TO_SERVER, &greeting),
            (TO_SERVER, b"\x04\x12\x05HELLO\x04anna\x06secret"),
            (TO_SERVER, b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ"),
            (TO_SERVER, b"\x01\0\0\x05hello"),
        ];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.value(&MECHANISM), "PLAIN");
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.value(&MESSAGE), "hello");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_known_by_its_signature() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &greeting()), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &greeting()[..9]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[0xff; 19]), Probe::Mismatch);
    }
}
