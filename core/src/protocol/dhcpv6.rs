//! Dynamic Host Configuration Protocol for IPv6 (RFC 9915, formerly RFC 8415).
//!
//! The header is one octet and a number, so the ports 546 and 547 count as well; the options must fill the message.

use super::dns::Name;
use super::short::Short;
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::{Address, Transport};

static MESSAGE_TYPE: Field = Field::meta("dhcpv6.type", "dhcp_type");
static ID: Field = Field::meta("dhcpv6.id", "id");
static HOSTNAME: Field = Field::hostname("dhcpv6.hostname", "hostname");
static CLIENT_ID: Field = Field::meta("dhcpv6.client-id", "client_id");
static VENDOR_CLASS: Field = Field::meta("dhcpv6.vendor-class", "vendor_class_identifier");
static ADDRESS: Field = Field::meta("dhcpv6.address", "addresses[]");
static NAME_SERVER: Field = Field::meta("dhcpv6.name-server", "dns_servers[]");
/// Option numbers in the order asked for: `23,24`.
static PARAMETERS: Field = Field::meta("dhcpv6.parameters", "params");

static FIELDS: &[&Field] =
    &[&MESSAGE_TYPE, &ID, &HOSTNAME, &CLIENT_ID, &VENDOR_CLASS, &ADDRESS, &NAME_SERVER, &PARAMETERS];

const CLIENT_PORT: u16 = 546;
const SERVER_PORT: u16 = 547;

const RELAY_FORW: u8 = 12;
const RELAY_REPL: u8 = 13;
/// Relays in relays that are looked into (RFC 9915 §7.6, HOP_COUNT_LIMIT).
const HOPS: u32 = 8;

pub(crate) static PROTOCOL: DhcpV6 = DhcpV6;

#[derive(Debug)]
pub(crate) struct DhcpV6;

impl Protocol for DhcpV6 {
    fn name(&self) -> &'static str {
        "dhcpv6"
    }

    fn about(&self) -> &'static str {
        "Dynamic Host Configuration Protocol for IPv6, RFC 9915"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[CLIENT_PORT, SERVER_PORT]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(1, 36)
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        if !opening.flow.has_port(CLIENT_PORT) && !opening.flow.has_port(SERVER_PORT) {
            return Probe::Mismatch;
        }
        match fills(Reader::new(opening.newest())) {
            Some(()) => Probe::Match,
            None => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(DhcpV6Parser)
    }
}

/// Whether a known type is followed by options up to the end.
fn fills(mut reader: Reader<'_>) -> Option<()> {
    let kind = reader.u8()?;
    type_name(kind)?;
    skip_header(kind, &mut reader)?;
    if reader.is_empty() {
        return None;
    }
    while !reader.is_empty() {
        reader.skip(2)?;
        reader.sub_u16()?;
    }
    Some(())
}

/// A transaction, or of relays hop count, link and peer address (§8, §9).
fn skip_header(kind: u8, reader: &mut Reader<'_>) -> Option<u32> {
    if matches!(kind, RELAY_FORW | RELAY_REPL) {
        reader.skip(33)?;
        return Some(0);
    }
    reader.u24()
}

#[derive(Debug)]
struct DhcpV6Parser;

impl Parser for DhcpV6Parser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let read = message(Reader::new(chunk.bytes), HOPS, chunk.direction, out);
        out.end_record();
        match read {
            Some(()) => Progress::Consumed(chunk.bytes.len()),
            None => Progress::Malformed { what: "a DHCPv6 message's options do not fit into it", at: 0 },
        }
    }
}

fn message(mut reader: Reader<'_>, hops: u32, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let kind = reader.u8()?;
    if let Some(name) = type_name(kind) {
        out.fact(&MESSAGE_TYPE, direction, Value::Text(name));
    }
    let transaction = skip_header(kind, &mut reader)?;
    out.fact(&ID, direction, Value::Number(transaction.into()));
    options(reader, hops, direction, out)
}

fn options(mut reader: Reader<'_>, hops: u32, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    while !reader.is_empty() {
        let code = reader.u16()?;
        let mut value = reader.sub_u16()?;
        match code {
            1 => state_hex(&CLIENT_ID, value.rest(), direction, out),
            // IA_NA, IA_TA and IA_PD hold options behind their identifier and timers.
            3 | 25 if value.skip(12).is_some() => nested(value, hops, direction, out),
            4 if value.skip(4).is_some() => nested(value, hops, direction, out),
            5 => {
                if let Some(octets) = value.array() {
                    out.fact(&ADDRESS, direction, Short::<48>::of(Address(octets)).value());
                }
            }
            6 => parameters(value, direction, out),
            // The message that a relay passes on.
            9 if hops > 0 => message(value, hops - 1, direction, out)?,
            16 if value.skip(6).is_some() => {
                out.fact(&VENDOR_CLASS, direction, Value::Bytes(value.rest()));
            }
            23 => {
                while let Some(octets) = value.array() {
                    out.fact(&NAME_SERVER, direction, Short::<48>::of(Address(octets)).value());
                }
            }
            39 if value.skip(1).is_some() => domain_name(value.rest(), direction, out),
            _ => {}
        }
    }
    Some(())
}

/// Options inside an option; where they break, the outer ones go on.
fn nested(value: Reader<'_>, hops: u32, direction: Direction, out: &mut dyn Sink) {
    if hops > 0 {
        let _ = options(value, hops - 1, direction, out);
    }
}

/// A client that knows no domain leaves the root away (RFC 4704 §4.2).
fn domain_name(encoded: &[u8], direction: Direction, out: &mut dyn Sink) {
    let whole = [encoded, &[0]].concat();
    let mut name = Name::new();
    if !encoded.is_empty() && name.read(&whole, &mut Reader::new(&whole)).is_ok() {
        name.make_lowercase();
        out.fact(&HOSTNAME, direction, Value::Bytes(name.text()));
    }
}

fn parameters(mut codes: Reader<'_>, direction: Direction, out: &mut dyn Sink) {
    let mut text = String::with_capacity(codes.remaining() * 3);
    while let Some(code) = codes.u16() {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(itoa::Buffer::new().format(code));
    }
    out.fact(&PARAMETERS, direction, Value::Text(&text));
}

/// A DUID of at most 130 octets (§11.1).
fn state_hex(field: &'static Field, octets: &[u8], direction: Direction, out: &mut dyn Sink) {
    let text: String = octets.iter().take(130).map(|octet| format!("{octet:02x}")).collect();
    out.fact(field, direction, Value::Text(&text));
}

const fn type_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "solicit",
        2 => "advertise",
        3 => "request",
        4 => "confirm",
        5 => "renew",
        6 => "rebind",
        7 => "reply",
        8 => "release",
        9 => "decline",
        10 => "reconfigure",
        11 => "information-request",
        RELAY_FORW => "relay-forw",
        RELAY_REPL => "relay-repl",
        14 => "leasequery",
        15 => "leasequery-reply",
        20 => "dhcpv4-query",
        21 => "dhcpv4-response",
        36 => "addr-reg-inform",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{CLIENT_ID, HOSTNAME, MESSAGE_TYPE, PARAMETERS, PROTOCOL};
    use crate::packet::Transport;
    use crate::protocol::Probe;
    use crate::protocol::testing::{self, TO_SERVER};

    /// A solicit with a DUID, a host name without a domain, and two parameters asked for.
    const SOLICIT: &[u8] =
        b"\x01\0\0\x07\0\x01\0\x04\0\x03\0\x01\0\x27\0\x07\x01\x05Phone\0\x06\0\x04\0\x17\0\x18";

    #[test]
    fn reads_a_solicit_also_in_a_relay() {
        let flow = testing::flow(Transport::UDP, 547);
        let relayed = [&[12; 1][..], &[0; 33], &[0, 9, 0, SOLICIT.len() as u8], SOLICIT].concat();
        for message in [SOLICIT, &relayed] {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, message), Probe::Match);
            testing::keeps_promises(&PROTOCOL, &flow, &[(TO_SERVER, message)]);
            let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, message)]);
            assert_eq!(said.value(&HOSTNAME), "phone");
            assert_eq!(said.value(&CLIENT_ID), "00030001");
            assert_eq!(said.value(&PARAMETERS), "23,24");
            assert_eq!(said.values(&MESSAGE_TYPE).last(), Some(&"solicit"));
        }
    }

    #[test]
    fn needs_its_port_and_options_that_fit() {
        let flow = testing::flow(Transport::UDP, 547);
        let other = testing::flow(Transport::UDP, 9999);
        assert_eq!(testing::probe(&PROTOCOL, &other, TO_SERVER, SOLICIT), Probe::Mismatch);
        let others: [&[u8]; 4] = [&SOLICIT[..20], b"", &[0xff; 40], &[1, 2, 3, 4]];
        for bytes in others {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
