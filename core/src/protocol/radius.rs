//! RADIUS (RFC 2865, RFC 2866, RFC 5176): may this user onto the network?
//!
//! Read: the kind of packet, the user's name, who asks, and from where the user comes. User passwords are hidden with the
//! shared secret (RFC 2865 §5.2).

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// Code, identifier, length, authenticator.
const HEADER: usize = 20;

/// Attributes, RFC 2865 §5 and RFC 2869 §5.
const USER_NAME: u8 = 1;
const USER_PASSWORD: u8 = 2;
const CHAP_PASSWORD: u8 = 3;
const NAS_IP_ADDRESS: u8 = 4;
const REPLY_MESSAGE: u8 = 18;
const CALLED_STATION_ID: u8 = 30;
const CALLING_STATION_ID: u8 = 31;
const NAS_IDENTIFIER: u8 = 32;
const EAP_MESSAGE: u8 = 79;

static CODE: Field = Field::meta("radius.code", "code");
static USER: Field = Field::new("radius.user_name", Role::Username);
static METHOD: Field = Field::meta("radius.method", "method");
static NAS: Field = Field::meta("radius.nas_identifier", "nas_identifier");
static STATION: Field = Field::new("radius.station_id", Role::Content);
static REPLY: Field = Field::meta("radius.reply_message", "reply_message");

static FIELDS: &[&Field] = &[&CODE, &USER, &METHOD, &NAS, &STATION, &REPLY];

pub(super) static PROTOCOL: Radius = Radius;

#[derive(Debug)]
pub(super) struct Radius;

impl Protocol for Radius {
    fn name(&self) -> &'static str {
        "radius"
    }

    fn about(&self) -> &'static str {
        "RADIUS, authentication and accounting of network users (RFC 2865)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[1812, 1813, 1645, 1646, 3799]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(1, 45)
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Datagrams<Packet>>::default()
    }
}

/// A code, the datagram's own length, and attributes that fill it. A request names its user or its sender; an answer may
/// be bare, and is believed with a registered port.
fn probe(opening: &Opening<'_>) -> Probe {
    let registered = PROTOCOL.ports().iter().any(|port| opening.flow.has_port(*port));
    match evidence(opening.newest()) {
        Some(known) if registered || known >= 2 => Probe::Match,
        _ => Probe::Mismatch,
    }
}

/// How many attributes are there that hardly any packet lacks, if the layout fits.
fn evidence(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(bytes);
    code_name(reader.u8()?)?;
    reader.skip(1)?;
    let length = reader.u16()?;
    let authenticator = reader.take(16)?;
    let random = authenticator.iter().any(|byte| Some(byte) != authenticator.first());
    if usize::from(length) != bytes.len() || !random {
        return None;
    }
    let mut known = 0;
    while !reader.is_empty() {
        let (kind, value) = attribute(&mut reader)?;
        let fits = match kind {
            0 => return None,
            // Service-Type, Framed-Protocol, NAS addresses and ports have four bytes.
            NAS_IP_ADDRESS..=8 | 40 | 41 | 61 => value.len() == 4,
            USER_PASSWORD => value.len() % 16 == 0,
            // Message-Authenticator
            80 => value.len() == 16,
            USER_NAME | NAS_IDENTIFIER | CALLING_STATION_ID | CALLED_STATION_ID => !value.is_empty(),
            _ => continue,
        };
        if !fits {
            return None;
        }
        known += 1;
    }
    Some(known)
}

/// RFC 2865 §3, RFC 2866 §3, RFC 5997, RFC 5176 §2.3.
const fn code_name(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "access-request",
        2 => "access-accept",
        3 => "access-reject",
        4 => "accounting-request",
        5 => "accounting-response",
        11 => "access-challenge",
        12 => "status-server",
        13 => "status-client",
        40 => "disconnect-request",
        41 => "disconnect-ack",
        42 => "disconnect-nak",
        43 => "coa-request",
        44 => "coa-ack",
        45 => "coa-nak",
        _ => return None,
    })
}

fn attribute<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let kind = reader.u8()?;
    let length = usize::from(reader.u8()?).checked_sub(2)?;
    Some((kind, reader.take(length)?))
}

#[derive(Debug, Default)]
struct Packet;

impl Datagram for Packet {
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()> {
        let mut reader = Reader::new(datagram);
        out.fact(&CODE, direction, Value::Text(code_name(reader.u8()?)?));
        reader.skip(HEADER - 1)?;
        while let Some((kind, value)) = attribute(&mut reader) {
            let field = match kind {
                USER_NAME => &USER,
                NAS_IDENTIFIER => &NAS,
                CALLED_STATION_ID | CALLING_STATION_ID => &STATION,
                REPLY_MESSAGE => &REPLY,
                USER_PASSWORD => {
                    out.fact(&METHOD, direction, Value::Text("pap"));
                    continue;
                }
                CHAP_PASSWORD => {
                    out.fact(&METHOD, direction, Value::Text("chap"));
                    continue;
                }
                EAP_MESSAGE => {
                    out.fact(&METHOD, direction, Value::Text("eap"));
                    continue;
                }
                _ => continue,
            };
            out.fact(field, direction, Value::Bytes(value));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    /// Access-Request: User-Name, User-Password (hidden), NAS-IP-Address.
    const REQUEST: &[u8] =
        b"\x01\x07\x00\x32abcdefghijklmnop\x01\x06anna\x02\x120123456789abcdef\x04\x06\xc0\0\x02\x01";
    const ACCEPT: &[u8] = b"\x02\x07\x00\x14ABCDEFGHIJKLMNOP";

    #[test]
    fn reads_who_asks() {
        let udp = flow(Transport::UDP, 1812);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, REQUEST), (TO_CLIENT, ACCEPT)];
        assert_eq!(
            feed(&PROTOCOL, &udp, conversation).0,
            [
                "radius.code=access-request",
                "radius.user_name=anna",
                "radius.method=pap",
                "[end]",
                "radius.code=access-accept",
                "[end]",
            ]
        );
        keeps_promises(&PROTOCOL, &udp, conversation);
    }

    #[test]
    fn a_bare_answer_needs_the_port() {
        let (known, odd) = (flow(Transport::UDP, 1812), flow(Transport::UDP, 5000));
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, REQUEST), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &known, TO_CLIENT, ACCEPT), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, ACCEPT), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, &REQUEST[..48]), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, &[1; 50]), Probe::Mismatch);
    }
}
