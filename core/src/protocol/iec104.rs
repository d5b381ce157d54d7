//! IEC 60870-5-104: telecontrol of power grids over TCP.
//!
//! Read: the kinds of frames and of the information in them. Values are not stated.

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

/// An APDU's first byte; its length without the first two bytes follows.
const START: u8 = 0x68;
const LONGEST: u8 = 253;

static FORMAT: Field = Field::meta("iec104.format", "format");
static TYPE: Field = Field::meta("iec104.type_id", "type_id");
static CAUSE: Field = Field::meta("iec104.cause", "cause");

static FIELDS: &[&Field] = &[&FORMAT, &TYPE, &CAUSE];

pub(super) static PROTOCOL: Iec104 = Iec104;

#[derive(Debug)]
pub(super) struct Iec104;

impl Protocol for Iec104 {
    fn name(&self) -> &'static str {
        "iec104"
    }

    fn about(&self) -> &'static str {
        "IEC 60870-5-104, telecontrol of power grids"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[2404]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[START])
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

/// One well-formed frame on the registered port, or three of them anywhere.
fn probe(opening: &Opening<'_>) -> Probe {
    let mut bytes = opening.newest();
    let wanted = if opening.flow.has_port(2404) { 1 } else { 3 };
    for _ in 0..wanted {
        let [START, length @ 4..=LONGEST, rest @ ..] = bytes else {
            return if matches!(bytes, [] | [START]) { Probe::NeedMore } else { Probe::Mismatch };
        };
        let Some(apdu) = rest.get(..usize::from(*length)) else {
            return Probe::NeedMore;
        };
        if format(apdu).is_none() {
            return Probe::Mismatch;
        }
        bytes = rest.get(apdu.len()..).unwrap_or_default();
    }
    Probe::Match
}

/// Information, supervisory or unnumbered, §5.1: by the low bits of the control field.
fn format(apdu: &[u8]) -> Option<&'static str> {
    match *apdu {
        // An identified type, objects, a cause.
        [first, _, third, _, kind, objects, cause, _, _, _, ..] if first & 1 == 0 && third & 1 == 0 => {
            let known = matches!(kind, 1..=40 | 45..=51 | 58..=64 | 70 | 100..=107 | 110..=113 | 120..=127);
            (known && objects & 0x7f != 0 && (1..=47).contains(&(cause & 0x3f))).then_some("I")
        }
        [1, 0, third, _] if third & 1 == 0 => Some("S"),
        // One of start, stop and test, acted on or confirmed.
        [0x07 | 0x0b | 0x13 | 0x23 | 0x43 | 0x83, 0, 0, 0] => Some("U"),
        _ => None,
    }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match *bytes {
            [START, length, ..] => Size::of(2, length),
            [START] => Size::Needs(2),
            _ => Size::Broken("no start byte where one must stand"),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let apdu = message.get(2..).unwrap_or_default();
        let Some(format) = format(apdu) else {
            return After::Next;
        };
        out.fact(&FORMAT, direction, Value::Text(format));
        if let ("I", &[_, _, _, _, kind, _, cause, ..]) = (format, apdu) {
            out.fact(&TYPE, direction, Value::Number(kind.into()));
            out.fact(&CAUSE, direction, Value::Number((cause & 0x3f).into()));
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    const START_DT: &[u8] = b"\x68\x04\x07\0\0\0";
    /// Interrogation command, activated.
    const INTERROGATION: &[u8] = b"\x68\x0e\0\0\0\0\x64\x01\x06\0\x01\0\0\0\0\x14";

    #[test]
    fn reads_types() {
        let tcp = flow(Transport::TCP, 2404);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, START_DT), (TO_SERVER, INTERROGATION)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.values(&FORMAT), ["U", "I"]);
        assert_eq!(transcript.value(&TYPE), "100");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_believed_with_port_or_company() {
        let (known, odd) = (flow(Transport::TCP, 2404), flow(Transport::TCP, 4000));
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, START_DT), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, START_DT), Probe::NeedMore);
        let three = [START_DT, INTERROGATION, START_DT].concat();
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &three), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, b"\x68\x04\x09\0\0\0"), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, b"hello world"), Probe::NeedMore);
    }
}
