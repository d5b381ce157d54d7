//! Modbus over TCP (Modbus Messaging on TCP/IP Implementation Guide 1.0b): reading and switching industrial devices.
//!
//! Read: unit and function of every request and answer. Values are not named, so they are not stated.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Sink, Value};

/// Transaction, protocol, length; then unit and function.
const HEADER: u64 = 6;
/// Unit, function and at most 252 bytes.
const LONGEST: u16 = 254;

static UNIT: Field = Field::meta("modbus.unit", "unit_id");
static FUNCTION: Field = Field::meta("modbus.function", "function_raw");
static EXCEPTION: Field = Field::meta("modbus.exception", "exception_raw");

static FIELDS: &[&Field] = &[&UNIT, &FUNCTION, &EXCEPTION];

pub(super) static PROTOCOL: Modbus = Modbus;

#[derive(Debug)]
pub(super) struct Modbus;

impl Protocol for Modbus {
    fn name(&self) -> &'static str {
        "modbus"
    }

    fn about(&self) -> &'static str {
        "Modbus over TCP, industrial devices"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[502]
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

/// Protocol 0 and a length that agrees with the function's. So little is believed off the registered port only when the
/// other side answers with the same transaction.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    let head = (reader.u16(), reader.u16(), reader.u16(), reader.u8(), reader.u8());
    let (Some(_), Some(protocol), Some(length), Some(_), Some(function)) = head else {
        return match bytes {
            [_, _, 1..=0xff, ..] | [_, _, _, 1..=0xff, ..] => Probe::Mismatch,
            _ => Probe::NeedMore,
        };
    };
    let body = reader.peek();
    if protocol != 0 || !(2..=LONGEST).contains(&length) || !fits(function, length, body) {
        return Probe::Mismatch;
    }
    let other = opening.of(opening.direction.opposite());
    let answered = other.get(..4) == bytes.get(..4) && other.get(6) == bytes.get(6);
    if opening.flow.has_port(502)
        || (answered && other.get(7).map(|code| code & 0x7f) == Some(function & 0x7f))
    {
        Probe::Match
    } else {
        Probe::NeedMore
    }
}

/// Whether a function's request, answer or exception can have this length (Modbus Application Protocol 1.1b3 §6).
fn fits(function: u8, length: u16, body: &[u8]) -> bool {
    let counted = body.first().is_none_or(|count| u16::from(*count) + 3 == length);
    match function {
        1..=4 => length == 6 || counted,
        5 | 6 => length == 6,
        7 | 11 | 12 | 17 => length == 2 || (3..=LONGEST).contains(&length),
        8 => length >= 6,
        15 | 16 => length == 6 || length > 7,
        20..=24 | 43 | 90 => length > 3,
        0x81..=0x98 | 0xab => length == 3,
        _ => false,
    }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        let mut reader = Reader::new(bytes);
        match (reader.skip(4), reader.u16()) {
            (Some(()), Some(length @ 2..)) => Size::of(HEADER, length),
            (Some(()), Some(_)) => Size::Broken("a Modbus message without a function"),
            _ => Size::Needs(8),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        if let &[_, _, _, _, _, _, unit, function, ref data @ ..] = message {
            out.fact(&UNIT, direction, Value::Number(unit.into()));
            out.fact(&FUNCTION, direction, Value::Number((function & 0x7f).into()));
            if let (0x80.., [code, ..]) = (function, data) {
                out.fact(&EXCEPTION, direction, Value::Number((*code).into()));
            }
            out.end_record();
        }
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const READ: &[u8] = b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x02";
    const ANSWER: &[u8] = b"\0\x01\0\0\0\x07\x01\x03\x04\0\x01\0\x02";
    const EXCEPTED: &[u8] = b"\0\x02\0\0\0\x03\x01\x83\x02";

    #[test]
    fn reads_functions() {
        let tcp = flow(Transport::TCP, 502);
        let conversation: &[(Direction, &[u8])] =
            &[(TO_SERVER, READ), (TO_CLIENT, ANSWER), (TO_CLIENT, EXCEPTED)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.values(&FUNCTION), ["3", "3", "3"]);
        assert_eq!(transcript.value(&EXCEPTION), "2");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_believed_with_port_or_answer() {
        let (known, odd) = (flow(Transport::TCP, 502), flow(Transport::TCP, 4000));
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, READ), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, READ), Probe::NeedMore);
        let opening =
            Opening { flow: &odd, direction: TO_CLIENT, to_server: READ, to_client: ANSWER, previous: None };
        assert_eq!(PROTOCOL.probe(&opening), Probe::Match);
        assert_eq!(
            probe(&PROTOCOL, &known, TO_SERVER, b"\0\x01\0\0\0\x08\x01\x03\0\0\0\x02\0\0"),
            Probe::Mismatch
        );
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, b"GET / HTTP/1.1"), Probe::Mismatch);
    }
}
