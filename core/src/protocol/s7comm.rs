//! S7comm, Siemens' protocol to its controllers, over ISO transport (RFC 1006, X.224 class 0).
//!
//! Read: the kind and function of every message, and the newer S7comm-Plus by name. What the functions carry is not read.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

const TPKT: u8 = 3;
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
/// A whole data TPDU: its header's length, code and mark of the last part.
const DATA: [u8; 3] = [2, 0xf0, 0x80];
/// Protocol identifiers in front of a message.
const S7: u8 = 0x32;
const S7_PLUS: u8 = 0x72;

static TYPE: Field = Field::meta("s7comm.type", "rosctr");
static FUNCTION: Field = Field::meta("s7comm.function", "function");

static FIELDS: &[&Field] = &[&TYPE, &FUNCTION];

pub(super) static PROTOCOL: S7Comm = S7Comm;

#[derive(Debug)]
pub(super) struct S7Comm;

impl Protocol for S7Comm {
    fn name(&self) -> &'static str {
        "s7comm"
    }

    fn about(&self) -> &'static str {
        "S7comm, Siemens' controllers (over RFC 1006)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[102]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[TPKT])
    }

    fn variants(&self) -> &'static [&'static str] {
        &["s7comm-plus"]
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

/// A message with its identifier, or a connection with the selectors that Siemens gives out: two bytes, a kind of
/// connection (1 to 3) and rack and slot.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    match (reader.u8(), reader.u8(), reader.u16()) {
        (Some(TPKT), Some(0), Some(length)) if (7..=0x2000).contains(&length) => {
            let Some(rest) = bytes.get(4..8) else {
                return Probe::NeedMore;
            };
            match *rest {
                [2, 0xf0, _, S7 | S7_PLUS] => Probe::Match,
                [_, CONNECTION_REQUEST | CONNECTION_CONFIRM, _, _] if opening.flow.has_port(102) => {
                    bytes.get(11..length.into()).map_or(Probe::NeedMore, selectors)
                }
                _ => Probe::Mismatch,
            }
        }
        (Some(TPKT), Some(0), None) | (Some(TPKT), None, _) | (None, ..) => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

fn selectors(parameters: &[u8]) -> Probe {
    let mut reader = Reader::new(parameters);
    let mut siemens = false;
    while let (Some(code), Some(mut value)) = (reader.u8(), reader.sub_u8()) {
        match (code, value.rest()) {
            (0xc1 | 0xc2, [1..=3, _]) => siemens = true,
            (0xc2, name) if name.starts_with(b"SIMATIC") => siemens = true,
            (0xc0..=0xc2, _) => {}
            _ => return Probe::Mismatch,
        }
    }
    if siemens && reader.is_empty() { Probe::Match } else { Probe::Mismatch }
}

#[derive(Debug, Default)]
struct Session {
    refined: bool,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        let mut reader = Reader::new(bytes);
        match (reader.u8(), reader.skip(1), reader.u16()) {
            (Some(TPKT), Some(()), Some(length @ 7..)) => Size::Is(length.into()),
            (Some(TPKT), _, None) => Size::Needs(4),
            _ => Size::Broken("no TPKT where one must stand"),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let Some(rest) = message.get(4..) else {
            return After::Next;
        };
        let Some(data) = rest.strip_prefix(&DATA) else {
            return After::Next;
        };
        match *data {
            [S7, kind, _, _, _, _, _, _, _, _, ref parameters @ ..] => {
                let (name, header) = match kind {
                    1 => ("job", 0),
                    2 => ("ack", 2),
                    3 => ("ack-data", 2),
                    7 => ("userdata", 0),
                    _ => ("other", 0),
                };
                out.fact(&TYPE, direction, Value::Text(name));
                if let Some(function) = parameters.get(header) {
                    out.fact(&FUNCTION, direction, Value::Number((*function).into()));
                }
            }
            [S7_PLUS, ..] if !std::mem::replace(&mut self.refined, true) => {
                out.refine("s7comm-plus");
                out.fact(&TYPE, direction, Value::Text("plus"));
            }
            _ => return After::Next,
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const CONNECT: &[u8] = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc1\x02\x01\0\xc2\x02\x01\x02\xc0\x01\x0a";
    /// Set up communication.
    const SETUP: &[u8] = b"\x03\0\0\x19\x02\xf0\x80\x32\x01\0\0\0\0\0\x08\0\0\xf0\0\0\x01\0\x01\x01\xe0";
    const ACK: &[u8] = b"\x03\0\0\x1b\x02\xf0\x80\x32\x03\0\0\0\0\0\x08\0\0\0\0\xf0\0\0\x01\0\x01\0\xf0";

    #[test]
    fn reads_functions() {
        let tcp = flow(Transport::TCP, 102);
        let conversation: &[(Direction, &[u8])] =
            &[(TO_SERVER, CONNECT), (TO_SERVER, SETUP), (TO_CLIENT, ACK)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.values(&TYPE), ["job", "ack-data"]);
        assert_eq!(transcript.values(&FUNCTION), ["240", "240"]);
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn what_else_x224_carries_is_not_taken_for_it() {
        let (known, odd) = (flow(Transport::TCP, 102), flow(Transport::TCP, 4000));
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, CONNECT), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, CONNECT), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, SETUP), Probe::Match);
        // RDP's negotiation, and MMS' session selectors.
        let rdp = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";
        let mms = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc1\x02\0\0\xc2\x02\0\x01\xc0\x01\x0a";
        for bytes in [&rdp[..], mms] {
            assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
