//! MongoDB's wire protocol: OP_MSG, and OP_QUERY of old drivers.
//!
//! Read: the command, database, who logs in (SASL PLAIN and SCRAM), and every string of a request. Compressed messages are
//! counted, not read.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::{sasl_plain, zero_ended};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

const HEADER: u64 = 16;
/// Longest message a server takes (`maxMessageSizeBytes`).
const LONGEST: u32 = 48_000_000;

const OP_REPLY: u32 = 1;
const OP_UPDATE: u32 = 2001;
const OP_QUERY: u32 = 2004;
const OP_DELETE: u32 = 2006;
const OP_COMPRESSED: u32 = 2012;
const OP_MSG: u32 = 2013;

static COMMAND: Field = Field::meta("mongodb.command", "command");
static DATABASE: Field = Field::meta("mongodb.database", "database");
static USER: Field = Field::new("mongodb.user", Role::Username);
static PASSWORD: Field = Field::new("mongodb.password", Role::Password);
static MECHANISM: Field = Field::meta("mongodb.mechanism", "mechanism");
static VALUE: Field = Field::new("mongodb.value", Role::Content);

static FIELDS: &[&Field] = &[&COMMAND, &DATABASE, &USER, &PASSWORD, &MECHANISM, &VALUE];

pub(super) static PROTOCOL: MongoDb = MongoDb;

#[derive(Debug)]
pub(super) struct MongoDb;

impl Protocol for MongoDb {
    fn name(&self) -> &'static str {
        "mongodb"
    }

    fn about(&self) -> &'static str {
        "MongoDB's wire protocol, a document database"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[27017]
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

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    let head = (reader.u32_le(), reader.skip(4), reader.u32_le(), reader.u32_le());
    let (Some(length), Some(()), Some(responds), Some(operation)) = head else {
        return match bytes {
            // Neither the longest message nor an operation's number has these bytes.
            [_, _, _, 3..=0xff, ..] => Probe::Mismatch,
            _ => Probe::NeedMore,
        };
    };
    if !(21..LONGEST).contains(&length) {
        return Probe::Mismatch;
    }
    let more = |fits: Option<bool>| match fits {
        Some(true) => Probe::Match,
        Some(false) => Probe::Mismatch,
        None => Probe::NeedMore,
    };
    match operation {
        // Flags of which only three are defined, a body of kind 0, a document that is shorter than the message.
        OP_MSG => more((|| {
            let flags = reader.u32_le()?;
            let kind = reader.u8()?;
            let document = reader.u32_le()?;
            Some(flags & 0xfffe_fffc == 0 && kind <= 1 && (5..length).contains(&document))
        })()),
        // Flags and the collection's name, `database.collection`.
        OP_QUERY | OP_UPDATE..=2002 | 2005..=OP_DELETE => more((|| {
            let flags = reader.u32_le()?;
            let name = reader.peek();
            let end = memchr::memchr(0, &name[..name.len().min(128)]);
            let name = match end {
                Some(end) => &name[..end],
                None if name.len() < 128 => return None,
                None => return Some(false),
            };
            Some(flags < 0x100 && name.contains(&b'.') && name.iter().all(u8::is_ascii_graphic))
        })()),
        // Flags, cursor, start, number returned, a document.
        OP_REPLY => more((|| {
            let flags = reader.u32_le()?;
            reader.skip(12)?;
            let count = reader.u32_le()?;
            let document = reader.u32_le()?;
            let fits = if count == 1 {
                document.checked_add(36) == Some(length)
            } else {
                (5..length).contains(&document)
            };
            Some(flags < 16 && (1..0x1_0000).contains(&count) && fits && responds > 0)
        })()),
        OP_COMPRESSED => more((|| {
            let original = reader.u32_le()?;
            reader.skip(4)?;
            Some(matches!(original, OP_QUERY | OP_MSG) && reader.u8()? <= 3)
        })()),
        _ => Probe::Mismatch,
    }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match Reader::new(bytes).u32_le() {
            Some(length) if u64::from(length) >= HEADER && length <= LONGEST => Size::Is(length.into()),
            Some(_) => Size::Broken("a MongoDB message of an impossible length"),
            None => Size::Needs(16),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        read(message, direction, out);
        After::Next
    }
}

fn read(message: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let mut reader = Reader::new(message);
    reader.skip(8)?;
    let responds = reader.u32_le()? != 0;
    match reader.u32_le()? {
        OP_MSG if !responds => {
            reader.skip(4)?;
            sections(&mut reader, direction, out);
        }
        OP_QUERY => {
            reader.skip(4)?;
            let name = zero_ended(&mut reader)?;
            let database = name.split(|byte| *byte == b'.').next()?;
            out.fact(&DATABASE, direction, Value::Bytes(database));
            reader.skip(8)?;
            document(&mut reader, true, direction, out);
        }
        OP_COMPRESSED => {
            out.unseen(Unseen::Truncated);
            return None;
        }
        _ => return None,
    }
    out.end_record();
    Some(())
}

/// OP_MSG's sections: one body of kind 0, and sequences of documents of kind 1.
fn sections(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    loop {
        match reader.u8()? {
            0 => document(reader, true, direction, out)?,
            1 => {
                let length = usize::try_from(reader.u32_le()?).ok()?.checked_sub(4)?;
                let mut sequence = reader.sub(length.min(reader.remaining()))?;
                zero_ended(&mut sequence)?;
                while !sequence.is_empty() {
                    document(&mut sequence, false, direction, out)?;
                }
            }
            _ => return None,
        }
    }
}

/// States the strings of a BSON document (bsonspec.org), nested ones in the order they stand. The first key of a
/// command is its name.
fn document(
    reader: &mut Reader<'_>,
    is_command: bool,
    direction: Direction,
    out: &mut dyn Sink,
) -> Option<()> {
    let length = usize::try_from(reader.u32_le()?).ok()?.checked_sub(4)?;
    let mut body = reader.sub(length.min(reader.remaining()))?;
    let mut first = is_command;
    let mut mechanism: &[u8] = b"";
    while let Some(kind) = body.u8() {
        // The end of this or of a nested document.
        if kind == 0 {
            continue;
        }
        let key = zero_ended(&mut body)?;
        if std::mem::replace(&mut first, false) {
            out.fact(&COMMAND, direction, Value::Bytes(key));
        }
        match kind {
            0x02 | 0x0d | 0x0e => {
                let length = usize::try_from(body.u32_le()?).ok()?;
                let value = body.take(length)?;
                let value = value.strip_suffix(b"\0").unwrap_or(value);
                match key {
                    b"$db" => out.fact(&DATABASE, direction, Value::Bytes(value)),
                    b"mechanism" => {
                        mechanism = value;
                        out.fact(&MECHANISM, direction, Value::Bytes(value));
                    }
                    _ => out.fact(&VALUE, direction, Value::Pair(key, value)),
                }
            }
            // Nested documents and arrays: their length, then elements as here.
            0x03 | 0x04 => body.skip(4)?,
            0x05 => {
                let length = usize::try_from(body.u32_le()?).ok()?;
                body.skip(1)?;
                let value = body.take(length)?;
                if key == b"payload" {
                    payload(mechanism, value, direction, out);
                } else {
                    out.fact(&VALUE, direction, Value::Pair(key, value));
                }
            }
            0x06 | 0x0a | 0x7f | 0xff => {}
            0x07 => body.skip(12)?,
            0x08 => body.skip(1)?,
            0x01 | 0x09 | 0x11 | 0x12 => body.skip(8)?,
            0x10 => body.skip(4)?,
            0x13 => body.skip(16)?,
            0x0b => {
                zero_ended(&mut body)?;
                zero_ended(&mut body)?;
            }
            _ => return None,
        }
    }
    Some(())
}

/// SASL's first message: PLAIN, or SCRAM's `n,,n=user,r=nonce` (RFC 5802 §7).
fn payload(mechanism: &[u8], payload: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    if mechanism == b"PLAIN" {
        let (user, password) = sasl_plain(payload)?;
        out.fact(&USER, direction, Value::Bytes(user));
        out.fact(&PASSWORD, direction, Value::Bytes(password));
    } else if mechanism.starts_with(b"SCRAM") {
        let user = payload.strip_prefix(b"n,,n=")?.split(|byte| *byte == b',').next()?;
        out.fact(&USER, direction, Value::Bytes(user));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    fn string(key: &str, value: &str) -> Vec<u8> {
        let mut element = vec![2];
        element.extend(key.as_bytes());
        element.push(0);
        element.extend((value.len() as u32 + 1).to_le_bytes());
        element.extend(value.as_bytes());
        element.push(0);
        element
    }

    fn document_of(elements: &[u8]) -> Vec<u8> {
        let mut document = (elements.len() as u32 + 5).to_le_bytes().to_vec();
        document.extend(elements);
        document.push(0);
        document
    }

    fn message(operation: u32, body: &[u8]) -> Vec<u8> {
        let mut message = (body.len() as u32 + 16).to_le_bytes().to_vec();
        message.extend([7, 0, 0, 0, 0, 0, 0, 0]);
        message.extend(operation.to_le_bytes());
        message.extend(body);
        message
    }

    fn insert() -> Vec<u8> {
        let inner = [b"\x03who\0".to_vec(), document_of(&string("mail", "a@b.org"))].concat();
        let body = document_of(&[string("insert", "items"), string("$db", "shop"), inner].concat());
        message(OP_MSG, &[&[0, 0, 0, 0, 0][..], &body].concat())
    }

    fn login() -> Vec<u8> {
        let payload = b"\x05payload\0\x0c\0\0\0\0\0anna\0secret".to_vec();
        let body = document_of(
            &[b"\x10saslStart\0\x01\0\0\0".to_vec(), string("mechanism", "PLAIN"), payload].concat(),
        );
        message(OP_QUERY, &[&b"\0\0\0\0$external.$cmd\0\0\0\0\0\xff\xff\xff\xff"[..], &body].concat())
    }

    #[test]
    fn reads_commands_strings_and_logins() {
        let tcp = flow(Transport::TCP, 27017);
        let (insert, login) = (insert(), login());
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, &login), (TO_SERVER, &insert)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.values(&COMMAND), ["saslStart", "insert"]);
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.values(&VALUE), ["insert: items", "mail: a@b.org"]);
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_known_by_operation_and_body() {
        let odd = flow(Transport::TCP, 4000);
        for bytes in [insert(), login()] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes), Probe::Match);
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes[..14]), Probe::NeedMore);
        }
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &message(2013, &[0xff; 20])), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &message(2004, b"\0\0\0\0nodot\0")), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"GET / HTTP/1.1\r\nHost: a\r\n"), Probe::Mismatch);
    }
}
