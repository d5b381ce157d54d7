//! Tabular Data Stream (MS-TDS): Microsoft SQL Server.
//!
//! Read: the login with its scrambled password, statements of batches and calls. Encryption begins inside prelogin
//! packets; from there on nothing is read. Result sets are passed over.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::utf16_le;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

/// Packet types, §2.2.3.1.1.
const SQL_BATCH: u8 = 1;
const RPC: u8 = 3;
const RESPONSE: u8 = 4;
const TRANSACTION: u8 = 14;
const LOGIN7: u8 = 16;
const PRELOGIN: u8 = 18;
const HEADER: usize = 8;

static TYPE: Field = Field::meta("tds.type", "type");
static CLIENT: Field = Field::meta("tds.client_host", "client_host");
static APPLICATION: Field = Field::meta("tds.application", "application");
static SERVER: Field = Field::hostname("tds.server_name", "server_name");
static DATABASE: Field = Field::meta("tds.database", "database");
static USER: Field = Field::new("tds.user", Role::Username);
static PASSWORD: Field = Field::new("tds.password", Role::Password);
static QUERY: Field = Field::new("tds.query", Role::Content);

static FIELDS: &[&Field] = &[&TYPE, &CLIENT, &APPLICATION, &SERVER, &DATABASE, &USER, &PASSWORD, &QUERY];

pub(super) static PROTOCOL: Tds = Tds;

#[derive(Debug)]
pub(super) struct Tds;

impl Protocol for Tds {
    fn name(&self) -> &'static str {
        "tds"
    }

    fn about(&self) -> &'static str {
        "Tabular Data Stream, Microsoft SQL Server (MS-TDS)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[1433]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(1, 18)
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
    let head = (reader.u8(), reader.u8(), reader.u16(), reader.u16(), reader.u8(), reader.u8());
    let (Some(kind), Some(status), Some(length), Some(_), Some(_), Some(window)) = head else {
        let fits = matches!(
            bytes,
            [] | [SQL_BATCH | RPC | RESPONSE | TRANSACTION | LOGIN7 | PRELOGIN] | [_, 0..=0x1f, ..]
        );
        return if fits { Probe::NeedMore } else { Probe::Mismatch };
    };
    if window != 0 || status & 0xe0 != 0 || !(9..=0x8000).contains(&length) {
        return Probe::Mismatch;
    }
    match kind {
        // VERSION comes first: six bytes behind the options, which end with 0xff.
        PRELOGIN | RESPONSE if reader.peek().first() == Some(&0) => match reader.peek().get(..5) {
            Some([0, 0, offset, 0, 6]) if offset % 5 == 1 && *offset < 64 => {
                match reader.peek().get(usize::from(*offset) - 1) {
                    Some(0xff) => Probe::Match,
                    Some(_) => Probe::Mismatch,
                    None => Probe::NeedMore,
                }
            }
            Some(_) => Probe::Mismatch,
            None => Probe::NeedMore,
        },
        LOGIN7 => match (reader.u32_le(), reader.u32_le()) {
            (Some(inner), Some(version)) => {
                let fits =
                    inner >= 86 && inner + 8 >= u32::from(length) && (0x70..=0x74).contains(&(version >> 24));
                if fits { Probe::Match } else { Probe::Mismatch }
            }
            _ => Probe::NeedMore,
        },
        SQL_BATCH | RPC | TRANSACTION => {
            let body = reader.peek();
            // ALL_HEADERS with a transaction descriptor, §2.2.5.3; before TDS 7.2 the text or the procedure's name follows.
            match (reader.u32_le(), reader.u32_le(), reader.u16_le()) {
                (Some(total), Some(18), Some(2)) if (22..256).contains(&total) => Probe::Match,
                (Some(_), Some(_), Some(_)) => old_request(kind, body, opening.flow.has_port(1433)),
                _ => Probe::NeedMore,
            }
        }
        // A server's last packet of an answer that ends with DONE, where its port is known.
        RESPONSE if opening.flow.has_port(1433) && status == 1 && usize::from(length) == bytes.len() => {
            // Its row count has eight bytes, four before TDS 7.2.
            let done = |size: usize| {
                let at = bytes.len().checked_sub(size);
                matches!(at.and_then(|at| bytes.get(at)), Some(0xfd..=0xff))
            };
            if done(13) || done(9) { Probe::Match } else { Probe::Mismatch }
        }
        _ => Probe::Mismatch,
    }
}

/// A request of TDS 7.0 and 7.1, whose body begins with UTF-16 text, the length of a name, or a procedure's number.
fn old_request(kind: u8, body: &[u8], registered_port: bool) -> Probe {
    let is_text = |text: &[u8]| text.chunks_exact(2).take(4).all(|pair| matches!(pair, [0x09..0x7f, 0]));
    let fits = match (kind, body) {
        (SQL_BATCH, text) => is_text(text),
        (RPC, [0xff, 0xff, 1..=15, 0, ..]) => registered_port,
        (RPC, [1..=128, 0, name @ ..]) => is_text(name),
        _ => false,
    };
    if fits { Probe::Match } else { Probe::Mismatch }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match *bytes {
            // After the login's TLS handshake the records stand bare.
            [0x14..=0x17, 3, ..] => Size::Turns(After::Done),
            [_, _, high, low, ..] => match u16::from_be_bytes([high, low]) {
                length @ 8.. => Size::Is(length.into()),
                _ => Size::Broken("a TDS packet shorter than its header"),
            },
            _ => Size::Needs(HEADER),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let body = message.get(HEADER..).unwrap_or_default();
        match (message.first(), body.first()) {
            (Some(&PRELOGIN), Some(0x16)) => {
                out.unseen(Unseen::Encrypted);
                return After::Done;
            }
            (Some(&PRELOGIN), _) => {
                out.fact(&TYPE, direction, Value::Text("prelogin"));
                out.end_record();
            }
            (Some(&LOGIN7), _) => {
                out.fact(&TYPE, direction, Value::Text("login"));
                login(body, direction, out);
                out.end_record();
            }
            (Some(kind @ &(SQL_BATCH | RPC)), _) => {
                let name = if *kind == RPC { "rpc" } else { "batch" };
                out.fact(&TYPE, direction, Value::Text(name));
                // The headers in front are as long as they say; continued packets have none.
                let headers = match Reader::new(body).u32_le() {
                    Some(length @ 4..=255) => length as usize,
                    _ => 0,
                };
                let text = utf16_le(body.get(headers..).unwrap_or_default());
                out.fact(&QUERY, direction, Value::Text(&text));
                out.end_record();
            }
            _ => {}
        }
        After::Next
    }
}

/// LOGIN7, §2.2.6.4: strings by offset and length in characters.
fn login(body: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let mut reader = Reader::new(body.get(36..)?);
    // Host, user, password, application, server, extension, library, language, database.
    let fields = [
        Some(&CLIENT),
        Some(&USER),
        Some(&PASSWORD),
        Some(&APPLICATION),
        Some(&SERVER),
        None,
        None,
        None,
        Some(&DATABASE),
    ];
    for field in fields {
        let offset = usize::from(reader.u16_le()?);
        let length = usize::from(reader.u16_le()?) * 2;
        let Some(field) = field.filter(|_| length > 0) else {
            continue;
        };
        let value = body.get(offset..offset + length)?;
        let text = if field.role == Role::Password {
            // Nibbles swapped, then XOR with 0xa5.
            let clear: Vec<u8> = value.iter().map(|byte| (byte ^ 0xa5).rotate_left(4)).collect();
            utf16_le(&clear)
        } else {
            utf16_le(value)
        };
        out.fact(field, direction, Value::Text(&text));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut packet = vec![kind, 1];
        packet.extend((body.len() as u16 + 8).to_be_bytes());
        packet.extend([0, 0, 1, 0]);
        packet.extend(body);
        packet
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn prelogin() -> Vec<u8> {
        packet(18, b"\0\0\x0b\0\x06\x01\0\x11\0\x01\xff\x0f\0\0\0\0\0\0")
    }

    fn login7() -> Vec<u8> {
        let texts = ["pc", "anna", "secret", "app", "db.example.org", "", "", "", "shop"];
        let mut offset = 94_u16;
        let mut table = Vec::new();
        let mut strings = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            table.extend(offset.to_le_bytes());
            table.extend((text.len() as u16).to_le_bytes());
            let mut bytes = wide(text);
            if index == 2 {
                bytes.iter_mut().for_each(|byte| *byte = byte.rotate_left(4) ^ 0xa5);
            }
            offset += bytes.len() as u16;
            strings.extend(bytes);
        }
        let mut body = (94 + strings.len() as u32).to_le_bytes().to_vec();
        body.extend([4, 0, 0, 0x74]);
        body.resize(36, 0);
        body.extend(table);
        body.resize(94, 0);
        body.extend(strings);
        packet(16, &body)
    }

    fn batch() -> Vec<u8> {
        let headers = b"\x16\0\0\0\x12\0\0\0\x02\0\0\0\0\0\0\0\0\0\x01\0\0\0";
        packet(1, &[&headers[..], &wide("select 1")].concat())
    }

    #[test]
    fn reads_logins_and_statements() {
        let tcp = flow(Transport::TCP, 1433);
        let (prelogin, login, batch) = (prelogin(), login7(), batch());
        let conversation: &[(Direction, &[u8])] =
            &[(TO_SERVER, &prelogin), (TO_SERVER, &login), (TO_SERVER, &batch)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.value(&SERVER), "db.example.org");
        assert_eq!(transcript.value(&DATABASE), "shop");
        assert_eq!(transcript.value(&QUERY), "select 1");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_known_by_what_its_packets_hold() {
        let odd = flow(Transport::TCP, 4000);
        for bytes in [prelogin(), login7(), batch()] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes), Probe::Match);
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes[..7]), Probe::NeedMore);
        }
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\x16\x03\x01\x02\0\x01\0\x01"), Probe::Mismatch);
        assert_eq!(
            probe(&PROTOCOL, &odd, TO_SERVER, b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"),
            Probe::Mismatch
        );
        assert_eq!(
            probe(&PROTOCOL, &odd, TO_SERVER, b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0"),
            Probe::Mismatch
        );
    }
}
