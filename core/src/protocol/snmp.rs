//! SNMP v1 (RFC 1157), v2c (RFC 1901) and v3 (RFC 3412): asking devices about themselves.
//!
//! Read: version, community (a password unless it is one of the two that everybody knows), the user of v3, the kind of
//! request, and object names with their text values. Encrypted v3 requests end at the user's name.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::ber::{self, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

/// msgVersion of v3; v1 is 0 and v2c is 1.
const VERSION_3: u64 = 3;

static VERSION: Field = Field::meta("snmp.version", "version");
static COMMUNITY: Field = Field::meta("snmp.community", "community");
static SECRET: Field = Field::new("snmp.secret_community", Role::Password);
static USM: Field = Field::meta("snmp.usm", "usm");
static PDU: Field = Field::meta("snmp.pdu_type", "pdu_type");
static OBJECT: Field = Field::meta("snmp.object", "vars[]");
static TEXT: Field = Field::new("snmp.value", Role::Content);

static FIELDS: &[&Field] = &[&VERSION, &COMMUNITY, &SECRET, &USM, &PDU, &OBJECT, &TEXT];

pub(super) static PROTOCOL: Snmp = Snmp;

#[derive(Debug)]
pub(super) struct Snmp;

impl Protocol for Snmp {
    fn name(&self) -> &'static str {
        "snmp"
    }

    fn about(&self) -> &'static str {
        "SNMP v1, v2c and v3, management of devices (RFC 1157, RFC 3411)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[161, 162]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[SEQUENCE])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Datagrams<Message>>::default()
    }
}

/// One SEQUENCE that fills the datagram and holds a version, a community or v3's header, and a request.
fn probe(opening: &Opening<'_>) -> Probe {
    if is_message(opening.newest()).is_some() { Probe::Match } else { Probe::Mismatch }
}

fn is_message(bytes: &[u8]) -> Option<()> {
    let mut datagram = Reader::new(bytes);
    let mut message = ber::tagged(&mut datagram, SEQUENCE)?;
    if !datagram.is_empty() {
        return None;
    }
    match ber::integer(&mut message)? {
        0 | 1 => {
            ber::tagged(&mut message, OCTET_STRING)?;
            let (tag, mut pdu) = ber::any(&mut message)?;
            pdu_name(tag)?;
            // A v1 trap begins with an object identifier, everything else with a request's number.
            if tag == 0xa4 {
                ber::tagged(&mut pdu, OBJECT_IDENTIFIER)?;
            } else {
                ber::integer(&mut pdu)?;
            }
        }
        VERSION_3 => {
            let mut header = ber::tagged(&mut message, SEQUENCE)?;
            ber::integer(&mut header)?;
            ber::integer(&mut header)?;
            ber::tagged(&mut header, OCTET_STRING)?;
            ber::tagged(&mut message, OCTET_STRING)?;
            ber::any(&mut message)?;
        }
        _ => return None,
    }
    message.is_empty().then_some(())
}

const fn pdu_name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        0xa0 => "get_request",
        0xa1 => "get_next_request",
        0xa2 => "response",
        0xa3 => "set_request",
        0xa4 => "trap_v1",
        0xa5 => "get_bulk_request",
        0xa6 => "inform_request",
        0xa7 => "trap_v2",
        0xa8 => "report",
        _ => return None,
    })
}

#[derive(Debug, Default)]
struct Message;

impl Datagram for Message {
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()> {
        let mut message = ber::tagged(&mut Reader::new(datagram), SEQUENCE)?;
        let version = ber::integer(&mut message)?;
        // EVE counts v1 as 1 and v2c as 2.
        let shown = if version == VERSION_3 { 3 } else { version.saturating_add(1) };
        out.fact(&VERSION, direction, Value::Number(shown));
        if version == VERSION_3 {
            return read_v3(&mut message, direction, out);
        }
        let community = ber::tagged(&mut message, OCTET_STRING)?.rest();
        let known = matches!(community, b"public" | b"private" | b"");
        let field = if known { &COMMUNITY } else { &SECRET };
        out.fact(field, direction, Value::Bytes(community));
        read_pdu(&mut message, direction, out)
    }
}

/// The header, the parameters of the User-based Security Model (RFC 3414 §2.4), and the request if it is not encrypted.
fn read_v3(message: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    ber::tagged(message, SEQUENCE)?;
    let mut security = ber::tagged(message, OCTET_STRING)?;
    if let Some(mut usm) = ber::tagged(&mut security, SEQUENCE) {
        ber::tagged(&mut usm, OCTET_STRING)?;
        ber::integer(&mut usm)?;
        ber::integer(&mut usm)?;
        let user = ber::tagged(&mut usm, OCTET_STRING)?.rest();
        if !user.is_empty() {
            out.fact(&USM, direction, Value::Bytes(user));
        }
    }
    let Some(mut scoped) = ber::tagged(message, SEQUENCE) else {
        out.unseen(Unseen::Encrypted);
        return None;
    };
    ber::tagged(&mut scoped, OCTET_STRING)?;
    ber::tagged(&mut scoped, OCTET_STRING)?;
    read_pdu(&mut scoped, direction, out)
}

fn read_pdu(message: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let (tag, mut pdu) = ber::any(message)?;
    out.fact(&PDU, direction, Value::Text(pdu_name(tag)?));
    // The number, error status and index; of a v1 trap enterprise, agent, generic and specific trap, time.
    let before = if tag == 0xa4 { 5 } else { 3 };
    for _ in 0..before {
        ber::any(&mut pdu)?;
    }
    let mut bindings = ber::tagged(&mut pdu, SEQUENCE)?;
    while let Some(mut binding) = ber::tagged(&mut bindings, SEQUENCE) {
        let object = ber::tagged(&mut binding, OBJECT_IDENTIFIER)?.rest();
        out.fact(&OBJECT, direction, Value::Text(&ber::oid(object)));
        if let Some(mut text) = ber::tagged(&mut binding, OCTET_STRING).filter(|text| !text.is_empty()) {
            out.fact(&TEXT, direction, Value::Bytes(text.rest()));
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    /// get-request for sysName with community `s3cret`, v2c.
    const GET: &[u8] =
        b"\x30\x29\x02\x01\x01\x04\x06s3cret\xa0\x1c\x02\x04\x01\x02\x03\x04\x02\x01\0\x02\x01\0\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x05\0\x05\0";
    /// response with the value `box`, v1, community `public`.
    const RESPONSE: &[u8] =
        b"\x30\x2c\x02\x01\0\x04\x06public\xa2\x1f\x02\x04\x01\x02\x03\x04\x02\x01\0\x02\x01\0\x30\x11\x30\x0f\x06\x08\x2b\x06\x01\x02\x01\x01\x05\0\x04\x03box";
    /// v3, user `anna`, encrypted.
    const V3: &[u8] =
        b"\x30\x36\x02\x01\x03\x30\x0f\x02\x03\x01\x02\x03\x02\x02\x05\xdc\x04\x01\x07\x02\x01\x03\x04\x18\x30\x16\x04\x02\x80\0\x02\x01\0\x02\x01\0\x04\x04anna\x04\x01a\x04\x01p\x04\x06secret";

    #[test]
    fn reads_communities_and_objects() {
        let udp = flow(Transport::UDP, 161);
        let transcript = feed(&PROTOCOL, &udp, &[(TO_SERVER, GET), (TO_CLIENT, RESPONSE)]);
        assert_eq!(
            transcript.0,
            [
                "snmp.version=2",
                "snmp.secret_community=s3cret",
                "snmp.pdu_type=get_request",
                "snmp.object=1.3.6.1.2.1.1.5.0",
                "[end]",
                "snmp.version=1",
                "snmp.community=public",
                "snmp.pdu_type=response",
                "snmp.object=1.3.6.1.2.1.1.5.0",
                "snmp.value=box",
                "[end]",
            ]
        );
        keeps_promises(&PROTOCOL, &udp, &[(TO_SERVER, GET), (TO_CLIENT, RESPONSE), (TO_SERVER, V3)]);
    }

    #[test]
    fn reads_the_user_of_version_3() {
        let transcript = feed(&PROTOCOL, &flow(Transport::UDP, 161), &[(TO_SERVER, V3)]);
        assert_eq!(transcript.value(&USM), "anna");
        assert!(transcript.says("[unseen encrypted]"));
    }

    #[test]
    fn only_a_whole_message_is_taken_for_it() {
        let odd = flow(Transport::UDP, 5000);
        for message in [GET, RESPONSE, V3] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, message), Probe::Match);
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &message[1..]), Probe::Mismatch);
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &message[..20]), Probe::Mismatch);
        }
        // An LDAP search request.
        let ldap = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0";
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, ldap), Probe::Mismatch);
    }
}
