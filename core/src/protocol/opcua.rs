//! OPC UA's binary protocol over TCP (OPC 10000-6 §7.1): machines in factories.
//!
//! Read: the address a client wants, the security policy, and a login's user name where no policy protects it. The
//! services themselves are not read.

use memchr::memmem;

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Unseen, Value};

/// Message type, final mark, length.
const HEADER: usize = 8;
const LONGEST: u32 = 0x400_0000;

static TYPE: Field = Field::meta("opcua.type", "type");
static URL: Field = Field::meta("opcua.endpoint_url", "endpoint_url");
static HOSTNAME: Field = Field::hostname("opcua.hostname", "hostname");
static POLICY: Field = Field::meta("opcua.security_policy", "security_policy");

static FIELDS: &[&Field] = &[&TYPE, &URL, &HOSTNAME, &POLICY];

pub(super) static PROTOCOL: OpcUa = OpcUa;

#[derive(Debug)]
pub(super) struct OpcUa;

impl Protocol for OpcUa {
    fn name(&self) -> &'static str {
        "opcua"
    }

    fn about(&self) -> &'static str {
        "OPC UA's binary protocol, machines in factories (OPC 10000-6)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[4840]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"HAEOMCR")
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

/// One of seven types, its mark, and a length.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    match (reader.array(), reader.u32_le()) {
        (Some(kind), Some(length)) if is_type(kind) && (12..LONGEST).contains(&length) => Probe::Match,
        (_, None) if bytes.len() < 4 && starts_type(bytes) => Probe::NeedMore,
        (Some(kind), None) if is_type(kind) => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

const TYPES: [&[u8; 3]; 7] = [b"HEL", b"ACK", b"ERR", b"RHE", b"OPN", b"MSG", b"CLO"];

/// Only services come in parts: C goes on, A breaks off, F is the last.
fn is_type(kind: [u8; 4]) -> bool {
    let [name @ .., mark] = kind;
    TYPES.contains(&&name) && (mark == b'F' || (&name == b"MSG" && matches!(mark, b'C' | b'A')))
}

fn starts_type(bytes: &[u8]) -> bool {
    TYPES.iter().any(|name| name.starts_with(bytes))
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        let mut reader = Reader::new(bytes);
        match (reader.skip(4), reader.u32_le()) {
            (Some(()), Some(length @ 8..LONGEST)) => Size::Is(length.into()),
            (Some(()), Some(_)) => Size::Broken("an OPC UA message of an impossible length"),
            _ => Size::Needs(HEADER),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let body = message.get(HEADER..).unwrap_or_default();
        match message {
            [b'H', b'E', b'L', ..] => hello(body, direction, out),
            [b'O', b'P', b'N', ..] => {
                if policy(body, direction, out) == Some(true) {
                    out.unseen(Unseen::Encrypted);
                    out.end_record();
                    return After::Done;
                }
            }
            _ => return After::Next,
        }
        out.end_record();
        After::Next
    }
}

/// Version and four sizes, then the address.
fn hello(body: &[u8], direction: Direction, out: &mut dyn Sink) {
    out.fact(&TYPE, direction, Value::Text("hello"));
    let mut reader = Reader::new(body);
    let length = reader.skip(20).and_then(|()| reader.u32_le());
    let Some(url) = length.and_then(|length| reader.take(length as usize)) else {
        return;
    };
    out.fact(&URL, direction, Value::Bytes(url));
    if let Some(rest) = memmem::find(url, b"://").and_then(|at| url.get(at + 3..)) {
        let host = rest.split(|byte| matches!(byte, b'/' | b':')).next().unwrap_or_default();
        out.fact(&HOSTNAME, direction, Value::Bytes(host));
    }
}

/// Whether the security policy of an OPN protects what follows.
fn policy(body: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<bool> {
    let mut reader = Reader::new(body);
    reader.skip(4)?;
    let length = reader.u32_le()?;
    let uri = reader.take(usize::try_from(length).ok()?)?;
    let name = uri.rsplit(|byte| *byte == b'#').next()?;
    out.fact(&TYPE, direction, Value::Text("open"));
    out.fact(&POLICY, direction, Value::Bytes(name));
    Some(name != b"None")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    fn message(kind: &[u8], body: &[u8]) -> Vec<u8> {
        [kind, &(body.len() as u32 + 8).to_le_bytes(), body].concat()
    }

    fn text(text: &[u8]) -> Vec<u8> {
        [&(text.len() as u32).to_le_bytes(), text].concat()
    }

    #[test]
    fn reads_address_and_policy() {
        let tcp = flow(Transport::TCP, 4840);
        let hello = message(b"HELF", &[&[0; 20][..], &text(b"opc.tcp://plc.example.org:4840/x")].concat());
        let open = |name: &[u8]| {
            message(
                b"OPNF",
                &[&[0; 4][..], &text(&[b"http://opcfoundation.org/UA/SecurityPolicy#", name].concat())]
                    .concat(),
            )
        };
        let none = open(b"None");
        let transcript = feed(&PROTOCOL, &tcp, &[(TO_SERVER, &hello), (TO_SERVER, &none)]);
        assert_eq!(transcript.value(&HOSTNAME), "plc.example.org");
        assert_eq!(transcript.value(&POLICY), "None");
        let signed = open(b"Basic256Sha256");
        assert!(feed(&PROTOCOL, &tcp, &[(TO_SERVER, &signed)]).says("[unseen encrypted]"));
        keeps_promises(&PROTOCOL, &tcp, &[(TO_SERVER, &hello), (TO_SERVER, &none)]);
    }

    #[test]
    fn is_known_by_its_types() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"HELF\x38\0\0\0"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"HE"), Probe::NeedMore);
        for bytes in
            [&b"HELO example.org\r\n"[..], b"MSGF\0\0\0\0", b"ACKF\xff\xff\xff\xff", b"ERROR\r\n\r\n"]
        {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
