//! SMPP 3.3 to 5.0: short messages between programs and a mobile operator.
//!
//! Read: the login in the clear, who sends to whom, and the text.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::{is_printable, zero_ended};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// Length, command, status, sequence number.
const HEADER: u32 = 16;
const LONGEST: u32 = 0x1_0000;

/// Commands; a response has the top bit set.
const BIND_RECEIVER: u32 = 1;
const BIND_TRANSMITTER: u32 = 2;
const SUBMIT: u32 = 4;
const DELIVER: u32 = 5;
const BIND_TRANSCEIVER: u32 = 9;
const RESPONSE: u32 = 0x8000_0000;

static COMMAND: Field = Field::meta("smpp.command", "command");
static USER: Field = Field::new("smpp.system_id", Role::Username);
static PASSWORD: Field = Field::new("smpp.password", Role::Password);
static ADDRESS: Field = Field::new("smpp.address", Role::Content);
static TEXT: Field = Field::new("smpp.short_message", Role::Content);

static FIELDS: &[&Field] = &[&COMMAND, &USER, &PASSWORD, &ADDRESS, &TEXT];

pub(super) static PROTOCOL: Smpp = Smpp;

#[derive(Debug)]
pub(super) struct Smpp;

impl Protocol for Smpp {
    fn name(&self) -> &'static str {
        "smpp"
    }

    fn about(&self) -> &'static str {
        "SMPP, short messages to a mobile operator"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[2775]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[0])
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

/// A bind: its length, command, status 0, printable names that end with zeros; or the answer to one.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    let (Some(length), Some(command)) = (reader.u32(), reader.u32()) else {
        return if bytes.iter().take(2).all(|byte| *byte == 0) { Probe::NeedMore } else { Probe::Mismatch };
    };
    let binds = matches!(command & !RESPONSE, BIND_RECEIVER | BIND_TRANSMITTER | BIND_TRANSCEIVER);
    if !binds || !(HEADER..=128).contains(&length) {
        return Probe::Mismatch;
    }
    let Some(body) = reader.skip(8).and_then(|()| reader.take((length - HEADER) as usize)) else {
        return Probe::NeedMore;
    };
    let status = bytes.get(8..12).unwrap_or_default();
    let mut body = Reader::new(body);
    let name = zero_ended(&mut body);
    let fits = if command & RESPONSE == 0 {
        // A version follows system id, password and type.
        let password = zero_ended(&mut body);
        let kind = zero_ended(&mut body);
        let texts = [name, password, kind].into_iter().all(|text| text.is_some_and(is_printable));
        status == [0; 4] && texts && matches!(body.u8(), Some(0..=0x34 | 0x50))
    } else {
        status.starts_with(&[0, 0]) && (name.is_some_and(is_printable) || length == HEADER)
    };
    if fits { Probe::Match } else { Probe::Mismatch }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match Reader::new(bytes).u32() {
            Some(length @ HEADER..LONGEST) => Size::Is(length.into()),
            Some(_) => Size::Broken("an SMPP message of an impossible length"),
            None => Size::Needs(16),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        if read(message, direction, out).is_some() {
            out.end_record();
        }
        After::Next
    }
}

fn read(message: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let mut reader = Reader::new(message);
    reader.skip(4)?;
    let command = reader.u32()?;
    reader.skip(8)?;
    match command {
        BIND_RECEIVER | BIND_TRANSMITTER | BIND_TRANSCEIVER => {
            out.fact(&COMMAND, direction, Value::Text("bind"));
            out.fact(&USER, direction, Value::Bytes(zero_ended(&mut reader)?));
            out.fact(&PASSWORD, direction, Value::Bytes(zero_ended(&mut reader)?));
        }
        SUBMIT | DELIVER => {
            let name = if command == SUBMIT { "submit" } else { "deliver" };
            out.fact(&COMMAND, direction, Value::Text(name));
            zero_ended(&mut reader)?;
            for _ in 0..2 {
                reader.skip(2)?;
                out.fact(&ADDRESS, direction, Value::Bytes(zero_ended(&mut reader)?));
            }
            // Class, protocol, priority; two times; delivery, replacement, coding, default message.
            reader.skip(3)?;
            zero_ended(&mut reader)?;
            zero_ended(&mut reader)?;
            reader.skip(4)?;
            out.fact(&TEXT, direction, Value::Bytes(reader.sub_u8()?.rest()));
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    fn message(command: u32, body: &[u8]) -> Vec<u8> {
        let mut message = (body.len() as u32 + 16).to_be_bytes().to_vec();
        message.extend(command.to_be_bytes());
        message.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        message.extend(body);
        message
    }

    #[test]
    fn reads_logins_and_messages() {
        let tcp = flow(Transport::TCP, 2775);
        let parts = [
            message(BIND_TRANSCEIVER, b"anna\0secret\0SMPP\0\x34\0\0\0"),
            message(SUBMIT, b"\0\x01\x01491701\0\x01\x01491702\0\0\0\0\0\0\0\0\0\0\x05hello"),
        ];
        let conversation: Vec<_> = parts.iter().map(|part| (TO_SERVER, &part[..])).collect();
        let transcript = feed(&PROTOCOL, &tcp, &conversation);
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.values(&ADDRESS), ["491701", "491702"]);
        assert_eq!(transcript.value(&TEXT), "hello");
        keeps_promises(&PROTOCOL, &tcp, &conversation);
    }

    #[test]
    fn is_known_by_a_bind() {
        let odd = flow(Transport::TCP, 4000);
        let bind = message(BIND_TRANSMITTER, b"anna\0secret\0\0\x34\0\0\0");
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bind), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bind[..20]), Probe::NeedMore);
        assert_eq!(
            probe(&PROTOCOL, &odd, TO_CLIENT, &message(BIND_TRANSMITTER | RESPONSE, b"SMSC\0")),
            Probe::Match
        );
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\0\0\0\x33\0\x12\0\x04\0\0\0\0"), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[0; 40]), Probe::Mismatch);
    }
}
