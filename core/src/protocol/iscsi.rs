//! iSCSI (RFC 7143): disks over the network.
//!
//! Read: names of initiator and target, and the keys of the login. What is written to disks is not searched.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// The basic header segment, §11.2.
const HEADER: usize = 48;
const LOGIN_REQUEST: u8 = 0x03;
const LOGIN_RESPONSE: u8 = 0x23;
const TEXT_REQUEST: u8 = 0x04;
const TEXT_RESPONSE: u8 = 0x24;
/// Immediate delivery, in the opcode's byte.
const IMMEDIATE: u8 = 0x40;

static OPCODE: Field = Field::meta("iscsi.opcode", "opcode");
static INITIATOR: Field = Field::meta("iscsi.initiator_name", "initiator_name");
static TARGET: Field = Field::meta("iscsi.target_name", "target_name");
static USER: Field = Field::new("iscsi.chap_name", Role::Username);
static KEY: Field = Field::meta("iscsi.key", "keys[]");

static FIELDS: &[&Field] = &[&OPCODE, &INITIATOR, &TARGET, &USER, &KEY];

pub(super) static PROTOCOL: Iscsi = Iscsi;

#[derive(Debug)]
pub(super) struct Iscsi;

impl Protocol for Iscsi {
    fn name(&self) -> &'static str {
        "iscsi"
    }

    fn about(&self) -> &'static str {
        "iSCSI, disks over the network (RFC 7143)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[3260]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[LOGIN_REQUEST, LOGIN_REQUEST | IMMEDIATE, LOGIN_RESPONSE])
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

/// A login with versions 0 and text whose first key fits.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let versions = bytes.get(2..4);
    if versions.is_some_and(|versions| versions != [0, 0]) {
        return Probe::Mismatch;
    }
    // Current and next stage, of which 2 does not exist.
    if bytes.get(1).is_some_and(|flags| flags & 0x30 != 0 || flags & 0x0c == 0x08 || flags & 3 == 2) {
        return Probe::Mismatch;
    }
    let mut reader = Reader::new(bytes.get(4..).unwrap_or_default());
    let (Some(ahs), Some(length)) = (reader.u8(), reader.u24()) else {
        return Probe::NeedMore;
    };
    if ahs != 0 || !(1..=0x4000).contains(&length) {
        return Probe::Mismatch;
    }
    let Some(text) = bytes.get(HEADER..) else {
        return Probe::NeedMore;
    };
    let text = &text[..text.len().min(length as usize).min(128)];
    // A later response may have no text.
    if length == 0 {
        return if opening.flow.has_port(3260) { Probe::Match } else { Probe::Mismatch };
    }
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    match text.get(name) {
        Some(b'=') if name > 3 && text[0].is_ascii_uppercase() => Probe::Match,
        None if text.len() < 64 && text.len() < length as usize => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        let mut reader = Reader::new(bytes.get(4..).unwrap_or_default());
        match (reader.u8(), reader.u24()) {
            // Digests, where agreed on, would stand between; without them the lengths are exact.
            (Some(ahs), Some(length)) => {
                Size::of(HEADER as u64, u64::from(ahs) * 4 + u64::from(length).next_multiple_of(4))
            }
            _ => Size::Needs(8),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let opcode = message.first().map_or(0, |first| first & 0x3f);
        if !matches!(opcode, LOGIN_REQUEST | LOGIN_RESPONSE | TEXT_REQUEST | TEXT_RESPONSE) {
            return After::Next;
        }
        out.fact(&OPCODE, direction, Value::Number(opcode.into()));
        for pair in message.get(HEADER..).unwrap_or_default().split(|byte| *byte == 0) {
            let Some(equals) = memchr::memchr(b'=', pair) else {
                continue;
            };
            let (name, value) = (&pair[..equals], &pair[equals + 1..]);
            match name {
                b"InitiatorName" => out.fact(&INITIATOR, direction, Value::Bytes(value)),
                b"TargetName" => out.fact(&TARGET, direction, Value::Bytes(value)),
                b"CHAP_N" => out.fact(&USER, direction, Value::Bytes(value)),
                _ => out.fact(&KEY, direction, Value::Pair(name, value)),
            }
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    fn login() -> Vec<u8> {
        let text = b"InitiatorName=iqn.2024-01.org.example:pc\0CHAP_N=anna\0\0\0";
        let mut login = vec![0x43, 0x87, 0, 0, 0, 0, 0, text.len() as u8];
        login.resize(HEADER, 0);
        login.extend(text);
        login.resize(login.len().next_multiple_of(4), 0);
        login
    }

    #[test]
    fn reads_names() {
        let tcp = flow(Transport::TCP, 3260);
        let login = login();
        let transcript = feed(&PROTOCOL, &tcp, &[(TO_SERVER, &login)]);
        assert_eq!(transcript.value(&INITIATOR), "iqn.2024-01.org.example:pc");
        assert_eq!(transcript.value(&USER), "anna");
        keeps_promises(&PROTOCOL, &tcp, &[(TO_SERVER, &login)]);
    }

    #[test]
    fn is_known_by_a_login() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &login()), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &login()[..50]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"CONNECT a.org:443 HTTP/1.1\r\n"), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[0x43; 60]), Probe::Mismatch);
    }
}
