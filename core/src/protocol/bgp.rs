//! BGP-4 (RFC 4271): how networks tell each other where addresses are.
//!
//! Read: the kinds of messages, and of OPEN the autonomous system and the router's identifier. Routes are passed over.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::{Address, Transport};
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

/// Marker, length and type, §4.1.
const MARKER: usize = 16;
const HEADER: u16 = 19;
const OPEN: u8 = 1;

static TYPE: Field = Field::meta("bgp.type", "type");
static SYSTEM: Field = Field::meta("bgp.autonomous_system", "autonomous_system");
static IDENTIFIER: Field = Field::meta("bgp.identifier", "identifier");

static FIELDS: &[&Field] = &[&TYPE, &SYSTEM, &IDENTIFIER];

pub(super) static PROTOCOL: Bgp = Bgp;

#[derive(Debug)]
pub(super) struct Bgp;

impl Protocol for Bgp {
    fn name(&self) -> &'static str {
        "bgp"
    }

    fn about(&self) -> &'static str {
        "BGP-4, routes between networks (RFC 4271)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[179]
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

/// Sixteen bytes of ones, a length, and one of five types.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    if bytes.iter().take(MARKER).any(|byte| *byte != 0xff) {
        return Probe::Mismatch;
    }
    let mut reader = Reader::new(bytes);
    match (reader.skip(MARKER), reader.u16(), reader.u8()) {
        (Some(()), Some(length), Some(kind)) if length >= HEADER && type_name(kind).is_some() => Probe::Match,
        (Some(()), Some(_), Some(_)) => Probe::Mismatch,
        _ => Probe::NeedMore,
    }
}

const fn type_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        OPEN => "open",
        2 => "update",
        3 => "notification",
        4 => "keepalive",
        5 => "route-refresh",
        _ => return None,
    })
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        let mut reader = Reader::new(bytes);
        match (reader.skip(MARKER), reader.u16()) {
            (Some(()), Some(length)) if length >= HEADER => Size::Is(length.into()),
            (Some(()), Some(_)) => Size::Broken("a BGP message shorter than its header"),
            _ => Size::Needs(HEADER.into()),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        let kind = reader.skip(MARKER + 2).and_then(|()| reader.u8()).unwrap_or(0);
        let Some(name) = type_name(kind) else {
            return After::Broken("a BGP message of an unknown type");
        };
        out.fact(&TYPE, direction, Value::Text(name));
        // Version, system, hold time, identifier.
        if kind == OPEN
            && let (Some(()), Some(system), Some(()), Some(identifier)) =
                (reader.skip(1), reader.u16(), reader.skip(2), reader.array())
        {
            out.fact(&SYSTEM, direction, Value::Number(system.into()));
            out.fact(&IDENTIFIER, direction, Value::Text(&Address::v4(identifier).to_string()));
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    fn open() -> Vec<u8> {
        [&[0xff; 16][..], b"\0\x1d\x01\x04\xfb\xf6\0\xf0\xc0\0\x02\x01\0"].concat()
    }

    #[test]
    fn reads_an_open() {
        let tcp = flow(Transport::TCP, 179);
        let open = open();
        let transcript = feed(&PROTOCOL, &tcp, &[(TO_SERVER, &open)]);
        assert_eq!(transcript.value(&SYSTEM), "64502");
        assert_eq!(transcript.value(&IDENTIFIER), "192.0.2.1");
        keeps_promises(&PROTOCOL, &tcp, &[(TO_SERVER, &open)]);
    }

    #[test]
    fn is_known_by_its_marker() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &open()), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &open()[..17]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[0xff; 40]), Probe::Mismatch);
    }
}
