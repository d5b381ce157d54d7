//! Kerberos 5 (RFC 4120): tickets instead of passwords, over UDP and TCP.
//!
//! Read: the kind of message, who asks for which service in which realm, the encryption offered, errors. Tickets and
//! authenticators are encrypted.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::ber::{self, SEQUENCE};
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

/// Longest message over TCP that is believed; tickets with large authorisation data stay well below.
const LONGEST: u32 = 0x10_0000;

static TYPE: Field = Field::meta("kerberos.msg_type", "msg_type");
static CNAME: Field = Field::meta("kerberos.cname", "cname");
static REALM: Field = Field::meta("kerberos.realm", "realm");
static SNAME: Field = Field::meta("kerberos.sname", "sname");
static ENCRYPTION: Field = Field::meta("kerberos.encryption", "encryption[]");
static ERROR: Field = Field::meta("kerberos.error_code", "error_code");

static FIELDS: &[&Field] = &[&TYPE, &CNAME, &REALM, &SNAME, &ENCRYPTION, &ERROR];

pub(super) static PROTOCOL: Kerberos = Kerberos;

#[derive(Debug)]
pub(super) struct Kerberos;

impl Protocol for Kerberos {
    fn name(&self) -> &'static str {
        "kerberos"
    }

    fn about(&self) -> &'static str {
        "Kerberos 5, network authentication (RFC 4120)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[88]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[0, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x74, 0x75, 0x7e])
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
    if opening.is_datagram() {
        return match head(bytes) {
            Some((_, length)) if length == bytes.len() => Probe::Match,
            _ => Probe::Mismatch,
        };
    }
    let mut reader = Reader::new(bytes);
    let length = reader.u32();
    if bytes.first().is_some_and(|byte| *byte != 0)
        || length.is_some_and(|length| !(16..LONGEST).contains(&length))
    {
        return Probe::Mismatch;
    }
    if reader.peek().first().is_some_and(|tag| name(*tag).is_none()) {
        return Probe::Mismatch;
    }
    match (length, head(reader.peek())) {
        (Some(length), Some((_, message))) if length as usize == message => Probe::Match,
        _ if bytes.len() < 24 => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

/// The application tag's meaning, RFC 4120 §5.10.
const fn name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        0x6a => "KRB_AS_REQ",
        0x6b => "KRB_AS_REP",
        0x6c => "KRB_TGS_REQ",
        0x6d => "KRB_TGS_REP",
        0x6e => "KRB_AP_REQ",
        0x6f => "KRB_AP_REP",
        0x74 => "KRB_SAFE",
        0x75 => "KRB_PRIV",
        0x7e => "KRB_ERROR",
        _ => return None,
    })
}

/// The message's tag and whole length, if it begins with version 5 and the type its tag says.
fn head(bytes: &[u8]) -> Option<(u8, usize)> {
    let mut reader = Reader::new(bytes);
    let (tag, length) = ber::header(&mut reader)?;
    let whole = reader.offset().checked_add(length)?;
    name(tag)?;
    let (sequence, _) = ber::header(&mut reader)?;
    let request = matches!(tag, 0x6a | 0x6c);
    // pvno and msg-type are numbered from 1 in requests and from 0 elsewhere.
    let first = if request { 0xa1 } else { 0xa0 };
    let version = ber::integer(&mut ber::tagged(&mut reader, first)?)?;
    let kind = ber::integer(&mut ber::tagged(&mut reader, first + 1)?)?;
    (sequence == SEQUENCE && version == 5 && kind == u64::from(tag & 0x1f)).then_some((tag, whole))
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match Reader::new(bytes).u32() {
            Some(length) if length < LONGEST => Size::of(4, length),
            Some(_) => Size::Broken("a Kerberos message of an impossible length"),
            None => Size::Needs(4),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        self.datagram(direction, message.get(4..).unwrap_or_default(), out)
    }

    fn datagram(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> After {
        if head(datagram).is_some() {
            read(datagram, direction, out);
            out.end_record();
        }
        After::Next
    }
}

fn read(bytes: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let (tag, mut message) = ber::any(&mut Reader::new(bytes))?;
    out.fact(&TYPE, direction, Value::Text(name(tag)?));
    let mut fields = ber::tagged(&mut message, SEQUENCE)?;
    while let Some((number, mut value)) = ber::any(&mut fields) {
        match (tag, number) {
            // req-body
            (0x6a | 0x6c, 0xa4) => read_body(&mut value, direction, out)?,
            (0x6b | 0x6d, 0xa3) | (0x7e, 0xa9) => string(&REALM, &mut value, direction, out)?,
            (0x6b | 0x6d, 0xa4) | (0x7e, 0xa8) => principal(&CNAME, &mut value, direction, out)?,
            (0x7e, 0xaa) => principal(&SNAME, &mut value, direction, out)?,
            (0x7e, 0xa6) => out.fact(&ERROR, direction, Value::Number(ber::integer(&mut value)?)),
            // The ticket, whose realm and service are readable.
            (0x6b | 0x6d, 0xa5) => {
                let mut ticket = ber::any(&mut value)?.1;
                let mut ticket = ber::tagged(&mut ticket, SEQUENCE)?;
                ber::any(&mut ticket)?;
                ber::any(&mut ticket)?;
                principal(&SNAME, &mut ber::tagged(&mut ticket, 0xa2)?, direction, out)?;
            }
            (0x6b | 0x6d, 0xa6) => {
                let mut encrypted = ber::tagged(&mut value, SEQUENCE)?;
                let kind = ber::integer(&mut ber::tagged(&mut encrypted, 0xa0)?)?;
                out.fact(&ENCRYPTION, direction, Value::Number(kind));
            }
            _ => {}
        }
    }
    Some(())
}

/// KDC-REQ-BODY, §5.4.1.
fn read_body(value: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let mut body = ber::tagged(value, SEQUENCE)?;
    while let Some((number, mut value)) = ber::any(&mut body) {
        match number {
            0xa1 => principal(&CNAME, &mut value, direction, out)?,
            0xa2 => string(&REALM, &mut value, direction, out)?,
            0xa3 => principal(&SNAME, &mut value, direction, out)?,
            0xa8 => {
                let mut kinds = ber::tagged(&mut value, SEQUENCE)?;
                while let Some(kind) = ber::integer(&mut kinds) {
                    out.fact(&ENCRYPTION, direction, Value::Number(kind));
                }
            }
            _ => {}
        }
    }
    Some(())
}

fn string(
    field: &'static Field,
    value: &mut Reader<'_>,
    direction: Direction,
    out: &mut dyn Sink,
) -> Option<()> {
    let text = ber::any(value)?.1.rest();
    out.fact(field, direction, Value::Bytes(text));
    Some(())
}

/// PrincipalName, §5.2.2: its parts, joined by slashes.
fn principal(
    field: &'static Field,
    value: &mut Reader<'_>,
    direction: Direction,
    out: &mut dyn Sink,
) -> Option<()> {
    let mut name = ber::tagged(value, SEQUENCE)?;
    ber::any(&mut name)?;
    let mut parts = ber::tagged(&mut ber::tagged(&mut name, 0xa1)?, SEQUENCE)?;
    let mut joined = Vec::new();
    while let Some((_, mut part)) = ber::any(&mut parts) {
        if !joined.is_empty() {
            joined.push(b'/');
        }
        joined.extend_from_slice(part.rest());
    }
    out.fact(field, direction, Value::Bytes(&joined));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    /// A value with its tag and length, for values below 128 bytes.
    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        [&[tag, body.len() as u8], &body[..]].concat()
    }

    fn number(tag: u8, value: u8) -> Vec<u8> {
        tlv(tag, &[&[2, 1, value]])
    }

    fn name(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let parts: Vec<_> = parts.iter().map(|part| tlv(0x1b, &[part])).collect();
        let parts: Vec<_> = parts.iter().map(|part| &part[..]).collect();
        tlv(tag, &[&tlv(0x30, &[&number(0xa0, 1), &tlv(0xa1, &[&tlv(0x30, &parts)])])])
    }

    fn as_req() -> Vec<u8> {
        let body = tlv(
            0x30,
            &[
                &name(0xa1, &[b"anna"]),
                &tlv(0xa2, &[&tlv(0x1b, &[b"LAB"])]),
                &name(0xa3, &[b"krbtgt", b"LAB"]),
                &tlv(0xa8, &[&tlv(0x30, &[&[2, 1, 18]])]),
            ],
        );
        let fields = [number(0xa1, 5), number(0xa2, 10), tlv(0xa4, &[&body])].concat();
        tlv(0x6a, &[&tlv(0x30, &[&fields])])
    }

    fn error() -> Vec<u8> {
        let fields = [number(0xa0, 5), number(0xa1, 30), number(0xa6, 25), name(0xaa, &[b"krbtgt", b"LAB"])];
        tlv(0x7e, &[&tlv(0x30, &[&fields.concat()])])
    }

    #[test]
    fn reads_a_request_and_an_error() {
        let udp = flow(Transport::UDP, 88);
        let (request, error) = (as_req(), error());
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, &request), (TO_CLIENT, &error)];
        assert_eq!(
            feed(&PROTOCOL, &udp, conversation).0,
            [
                "kerberos.msg_type=KRB_AS_REQ",
                "kerberos.cname=anna",
                "kerberos.realm=LAB",
                "kerberos.sname=krbtgt/LAB",
                "kerberos.encryption=18",
                "[end]",
                "kerberos.msg_type=KRB_ERROR",
                "kerberos.error_code=25",
                "kerberos.sname=krbtgt/LAB",
                "[end]",
            ]
        );
        keeps_promises(&PROTOCOL, &udp, conversation);
    }

    #[test]
    fn is_known_over_both_transports() {
        let request = as_req();
        let tcp = flow(Transport::TCP, 4000);
        let framed = [&(request.len() as u32).to_be_bytes()[..], &request].concat();
        assert_eq!(probe(&PROTOCOL, &tcp, TO_SERVER, &framed), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &tcp, TO_SERVER, &framed[..10]), Probe::NeedMore);
        keeps_promises(&PROTOCOL, &tcp, &[(TO_SERVER, &framed)]);
        let udp = flow(Transport::UDP, 4000);
        assert_eq!(probe(&PROTOCOL, &udp, TO_SERVER, &request), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &udp, TO_SERVER, &request[..40]), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &tcp, TO_SERVER, b"\0\0\0\x85\xffSMB\x72\0\0\0\0"), Probe::Mismatch);
    }
}
