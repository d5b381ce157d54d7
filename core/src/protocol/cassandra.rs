//! Cassandra's native protocol (CQL binary protocol, versions 3 to 5).
//!
//! Read: drivers and versions, the login, statements with their values. Version 5 wraps what follows the handshake in
//! checksummed segments, compression hides the bodies: neither is read.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::sasl_plain;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

const HEADER: u64 = 9;
/// Flag of a compressed body.
const COMPRESSED: u8 = 0x01;

const STARTUP: u8 = 0x01;
const OPTIONS: u8 = 0x05;
const SUPPORTED: u8 = 0x06;
const QUERY: u8 = 0x07;
const PREPARE: u8 = 0x09;
const EXECUTE: u8 = 0x0a;
const BATCH: u8 = 0x0d;
const AUTH_RESPONSE: u8 = 0x0f;

static VERSION: Field = Field::meta("cassandra.version", "version");
static OPTION: Field = Field::meta("cassandra.option", "options[]");
static STATEMENT: Field = Field::new("cassandra.query", Role::Content);
static VALUES: Field = Field::new("cassandra.values", Role::Content);
static USER: Field = Field::new("cassandra.user", Role::Username);
static PASSWORD: Field = Field::new("cassandra.password", Role::Password);

static FIELDS: &[&Field] = &[&VERSION, &OPTION, &STATEMENT, &VALUES, &USER, &PASSWORD];

pub(super) static PROTOCOL: Cassandra = Cassandra;

#[derive(Debug)]
pub(super) struct Cassandra;

impl Protocol for Cassandra {
    fn name(&self) -> &'static str {
        "cassandra"
    }

    fn about(&self) -> &'static str {
        "Cassandra's native protocol (CQL), a database"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[9042]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[3, 4, 5, 6, 0x83, 0x84, 0x85, 0x86])
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

/// A driver begins with OPTIONS or STARTUP, a server with SUPPORTED; the latter two name the CQL version.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    let head = (reader.u8(), reader.u8(), reader.u16(), reader.u8(), reader.u32());
    let (Some(version), Some(flags), Some(stream), Some(opcode), Some(length)) = head else {
        return Probe::NeedMore;
    };
    if flags & 0xe0 != 0 || length > 0x1_0000 {
        return Probe::Mismatch;
    }
    match (version & 0x80 != 0, opcode) {
        (false, OPTIONS) if length == 0 && stream < 0x8000 && bytes.len() == HEADER as usize => Probe::Match,
        (false, STARTUP) | (true, SUPPORTED) => {
            let body = &reader.peek()[..reader.remaining().min(length as usize)];
            if memchr::memmem::find(body, b"CQL_VERSION").is_some() {
                Probe::Match
            } else if body.len() == length as usize {
                Probe::Mismatch
            } else {
                Probe::NeedMore
            }
        }
        _ => Probe::Mismatch,
    }
}

#[derive(Debug, Default)]
struct Session {
    /// Version 5's segments have begun.
    segmented: bool,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        let mut reader = Reader::new(bytes);
        if self.segmented {
            return Size::Opaque;
        }
        match (reader.u8(), reader.skip(4), reader.u32()) {
            (Some(version), Some(()), Some(length)) if (3..=6).contains(&(version & 0x7f)) => {
                Size::of(HEADER, length)
            }
            (Some(_), Some(()), Some(_)) => Size::Broken("a CQL frame of an unknown version"),
            _ => Size::Needs(9),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        if let (Some(version), Some(flags), Some(()), Some(opcode), Some(())) =
            (reader.u8(), reader.u8(), reader.skip(2), reader.u8(), reader.skip(4))
            && flags & COMPRESSED == 0
        {
            self.read(version, opcode, reader, direction, out);
        }
        After::Next
    }
}

impl Session {
    fn read(
        &mut self,
        version: u8,
        opcode: u8,
        mut body: Reader<'_>,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> Option<()> {
        if version & 0x80 != 0 {
            return None;
        }
        match opcode {
            OPTIONS => out.fact(&VERSION, direction, Value::Number(version.into())),
            STARTUP => {
                out.fact(&VERSION, direction, Value::Number(version.into()));
                for _ in 0..body.u16()? {
                    let (name, value) = (body.sub_u16()?.rest(), body.sub_u16()?.rest());
                    out.fact(&OPTION, direction, Value::Pair(name, value));
                }
                self.segmented = version >= 5;
            }
            QUERY | PREPARE => {
                let length = usize::try_from(body.u32()?).ok()?;
                out.fact(&STATEMENT, direction, Value::Bytes(body.take(length)?));
                if !body.is_empty() {
                    out.fact(&VALUES, direction, Value::Bytes(body.rest()));
                }
            }
            EXECUTE | BATCH => out.fact(&VALUES, direction, Value::Bytes(body.rest())),
            AUTH_RESPONSE => {
                let length = usize::try_from(body.u32()?).ok()?;
                let (user, password) = sasl_plain(body.take(length)?)?;
                out.fact(&USER, direction, Value::Bytes(user));
                out.fact(&PASSWORD, direction, Value::Bytes(password));
            }
            _ => return None,
        }
        out.end_record();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    fn frame(version: u8, opcode: u8, body: &[u8]) -> Vec<u8> {
        let mut frame = vec![version, 0, 0, 1, opcode];
        frame.extend((body.len() as u32).to_be_bytes());
        frame.extend(body);
        frame
    }

    fn startup(version: u8) -> Vec<u8> {
        frame(version, STARTUP, b"\0\x01\0\x0bCQL_VERSION\0\x053.0.0")
    }

    #[test]
    fn reads_logins_and_statements() {
        let tcp = flow(Transport::TCP, 9042);
        let parts = [
            frame(4, OPTIONS, b""),
            startup(4),
            frame(4, AUTH_RESPONSE, b"\0\0\0\x0c\0anna\0secret"),
            frame(4, QUERY, b"\0\0\0\x08SELECT 1\0\x01\0"),
        ];
        let conversation: Vec<_> = parts.iter().map(|part| (TO_SERVER, &part[..])).collect();
        let transcript = feed(&PROTOCOL, &tcp, &conversation);
        assert_eq!(transcript.value(&OPTION), "CQL_VERSION: 3.0.0");
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.value(&STATEMENT), "SELECT 1");
        keeps_promises(&PROTOCOL, &tcp, &conversation);
    }

    #[test]
    fn is_known_by_the_handshake() {
        let odd = flow(Transport::TCP, 4000);
        let supported = frame(0x84, SUPPORTED, b"\0\x01\0\x0bCQL_VERSION\0\x01\0\x053.0.0");
        for bytes in [&frame(4, OPTIONS, b""), &startup(5)] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Match);
        }
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &supported), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &supported[..12]), Probe::NeedMore);
        // SOCKS 4 and 5, TPKT.
        for bytes in [
            &b"\x04\x01\0\x50\xc0\0\x02\x01\0"[..],
            b"\x05\x02\0\x02\0\0\0\0\0",
            b"\x03\0\0\x13\x0e\xe0\0\0\0\0",
        ] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
