//! Dynamic Host Configuration Protocol for IPv4 (RFC 2131, RFC 2132), and BOOTP (RFC 951) whose format it keeps.
//!
//! Read are the addresses of the header and the options that tell who asks (host name, class, the list of parameters
//! that is a fingerprint) and what a server, true or false, hands out. Options that overflow into `file` and `sname`
//! are read there (option 52).

use super::short::Short;
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::{Address, Transport};

// EVE paths are those of Suricata's `dhcp` record.
static KIND: Field = Field::meta("dhcp.kind", "type");
static ID: Field = Field::meta("dhcp.id", "id");
static MESSAGE_TYPE: Field = Field::meta("dhcp.type", "dhcp_type");
static CLIENT_MAC: Field = Field::meta("dhcp.client-mac", "client_mac");
static CLIENT_IP: Field = Field::meta("dhcp.client-ip", "client_ip");
static ASSIGNED_IP: Field = Field::meta("dhcp.assigned-ip", "assigned_ip");
static NEXT_SERVER: Field = Field::meta("dhcp.next-server", "next_server_ip");
static RELAY: Field = Field::meta("dhcp.relay", "relay_ip");
static HOSTNAME: Field = Field::hostname("dhcp.hostname", "hostname");
static DOMAIN: Field = Field::meta("dhcp.domain", "domain");
static REQUESTED_IP: Field = Field::meta("dhcp.requested-ip", "requested_ip");
static SERVER: Field = Field::meta("dhcp.server", "server_id");
static SUBNET_MASK: Field = Field::meta("dhcp.subnet-mask", "subnet_mask");
static ROUTER: Field = Field::meta("dhcp.router", "routers[]");
static NAME_SERVER: Field = Field::meta("dhcp.name-server", "dns_servers[]");
static LEASE: Field = Field::meta("dhcp.lease", "lease_time");
static VENDOR_CLASS: Field = Field::meta("dhcp.vendor-class", "vendor_class_identifier");
static CLIENT_ID: Field = Field::meta("dhcp.client-id", "client_id");
/// Option numbers in the order asked for: `1,3,6,15`.
static PARAMETERS: Field = Field::meta("dhcp.parameters", "params");
static CAPTIVE_PORTAL: Field = Field::meta("dhcp.captive-portal", "captive_portal");
static PROXY: Field = Field::meta("dhcp.proxy", "wpad");

static FIELDS: &[&Field] = &[
    &KIND,
    &ID,
    &MESSAGE_TYPE,
    &CLIENT_MAC,
    &CLIENT_IP,
    &ASSIGNED_IP,
    &NEXT_SERVER,
    &RELAY,
    &HOSTNAME,
    &DOMAIN,
    &REQUESTED_IP,
    &SERVER,
    &SUBNET_MASK,
    &ROUTER,
    &NAME_SERVER,
    &LEASE,
    &VENDOR_CLASS,
    &CLIENT_ID,
    &PARAMETERS,
    &CAPTIVE_PORTAL,
    &PROXY,
];

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

const BOOTREQUEST: u8 = 1;
const BOOTREPLY: u8 = 2;
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Octets before the cookie.
const HEADER: usize = 236;
/// A BOOTP message's vendor area.
const VENDOR: usize = 64;
const SNAME: usize = 64;
const FILE: usize = 128;

pub(crate) static PROTOCOL: Dhcp = Dhcp;

#[derive(Debug)]
pub(crate) struct Dhcp;

impl Protocol for Dhcp {
    fn name(&self) -> &'static str {
        "dhcp"
    }

    fn about(&self) -> &'static str {
        "Dynamic Host Configuration Protocol and BOOTP, RFC 2131"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[SERVER_PORT, CLIENT_PORT]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(BOOTREQUEST, BOOTREPLY)
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let bytes = opening.newest();
        // Hardware addresses have at most 16 octets; relays count at most 16 hops (RFC 1542 §4.1.1).
        let [BOOTREQUEST | BOOTREPLY, hardware @ 1..=255, 0..=16, 0..=16, ..] = bytes else {
            return Probe::Mismatch;
        };
        match bytes.get(HEADER..HEADER + MAGIC_COOKIE.len()) {
            Some(cookie) if cookie == MAGIC_COOKIE => Probe::Match,
            Some(_) if *hardware == 1 && has_port(opening.flow) && bytes.len() >= HEADER + VENDOR => {
                Probe::Match
            }
            _ => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(DhcpParser)
    }
}

const fn has_port(flow: &FlowKey) -> bool {
    flow.has_port(SERVER_PORT) || flow.has_port(CLIENT_PORT)
}

#[derive(Debug)]
struct DhcpParser;

impl Parser for DhcpParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let mut reader = Reader::new(chunk.bytes);
        let read = message(&mut reader, chunk.direction, out);
        out.end_record();
        match read {
            Some(()) => Progress::Consumed(chunk.bytes.len()),
            None => Progress::Malformed {
                what: "a DHCP message's fields or options end too early",
                at: reader.offset(),
            },
        }
    }
}

fn message(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let operation = reader.u8()?;
    let kind = if operation == BOOTREPLY { "reply" } else { "request" };
    out.fact(&KIND, direction, Value::Text(kind));
    reader.skip(1)?;
    let hardware_length = reader.u8()?;
    reader.skip(1)?;
    out.fact(&ID, direction, Value::Number(reader.u32()?.into()));
    reader.skip(4)?;
    for field in [&CLIENT_IP, &ASSIGNED_IP, &NEXT_SERVER, &RELAY] {
        state_address(field, reader.array()?, direction, out);
    }
    let hardware: [u8; 16] = reader.array()?;
    if hardware_length == 6 {
        let [a, b, c, d, e, f, ..] = hardware;
        let mac = Short::<17>::of(format_args!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"));
        out.fact(&CLIENT_MAC, direction, mac.value());
    }
    let server_name = reader.sub(SNAME)?;
    let file = reader.sub(FILE)?;
    if reader.array()? != MAGIC_COOKIE {
        return Some(());
    }
    let overload = options(reader, direction, out)?;
    for (bit, mut area) in [(1, file), (2, server_name)] {
        if overload & bit != 0 {
            options(&mut area, direction, out)?;
        }
    }
    Some(())
}

/// States the options up to the end mark, and answers with the value of the overload option.
fn options(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<u8> {
    const PAD: u8 = 0;
    const OVERLOAD: u8 = 52;
    const END: u8 = 255;
    let mut overload = 0;
    // Some programs leave the end mark out.
    while let Some(code) = reader.u8() {
        match code {
            PAD => {}
            END => break,
            OVERLOAD => overload = reader.sub_u8()?.u8()?,
            _ => option(code, reader.sub_u8()?, direction, out),
        }
    }
    Some(overload)
}

fn option(code: u8, mut value: Reader<'_>, direction: Direction, out: &mut dyn Sink) {
    let text = match code {
        1 => return addresses(&SUBNET_MASK, value, direction, out),
        3 => return addresses(&ROUTER, value, direction, out),
        6 => return addresses(&NAME_SERVER, value, direction, out),
        50 => return addresses(&REQUESTED_IP, value, direction, out),
        54 => return addresses(&SERVER, value, direction, out),
        51 => {
            if let Some(seconds) = value.u32() {
                out.fact(&LEASE, direction, Value::Number(seconds.into()));
            }
            return;
        }
        53 => {
            if let Some(name) = value.u8().and_then(type_name) {
                out.fact(&MESSAGE_TYPE, direction, Value::Text(name));
            }
            return;
        }
        55 => return parameters(value.rest(), direction, out),
        12 => &HOSTNAME,
        15 => &DOMAIN,
        60 => &VENDOR_CLASS,
        61 => &CLIENT_ID,
        114 => &CAPTIVE_PORTAL,
        252 => &PROXY,
        _ => return,
    };
    let value = value.rest();
    let text_value = value.strip_suffix(b"\0").unwrap_or(value);
    if !text_value.is_empty() {
        out.fact(text, direction, Value::Bytes(text_value));
    }
}

fn parameters(codes: &[u8], direction: Direction, out: &mut dyn Sink) {
    let mut text = String::with_capacity(codes.len() * 4);
    for code in codes {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(itoa::Buffer::new().format(*code));
    }
    out.fact(&PARAMETERS, direction, Value::Text(&text));
}

fn addresses(field: &'static Field, mut value: Reader<'_>, direction: Direction, out: &mut dyn Sink) {
    while let Some(octets) = value.array() {
        state_address(field, octets, direction, out);
    }
}

/// Zeros stand for "none".
fn state_address(field: &'static Field, octets: [u8; 4], direction: Direction, out: &mut dyn Sink) {
    if octets != [0; 4] {
        out.fact(field, direction, Short::<16>::of(Address::v4(octets)).value());
    }
}

/// Option 53 (RFC 2132 §9.6, RFC 3203, RFC 4388).
const fn type_name(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "discover",
        2 => "offer",
        3 => "request",
        4 => "decline",
        5 => "ack",
        6 => "nak",
        7 => "release",
        8 => "inform",
        9 => "forcerenew",
        10 => "leasequery",
        11 => "leaseunassigned",
        12 => "leaseunknown",
        13 => "leaseactive",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{HEADER, HOSTNAME, PROTOCOL};
    use crate::packet::Transport;
    use crate::protocol::Probe;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

    /// A message from 02:00:00:00:00:01 with the header's addresses zero, and these options.
    fn message(operation: u8, options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![operation, 1, 6, 0, 0, 0, 0, 7];
        bytes.resize(28, 0);
        bytes.extend_from_slice(&[2, 0, 0, 0, 0, 1]);
        bytes.resize(HEADER, 0);
        bytes.extend_from_slice(&[99, 130, 83, 99]);
        bytes.extend_from_slice(options);
        bytes
    }

    #[test]
    fn reads_a_request() {
        let flow = testing::flow(Transport::UDP, 67);
        let request = message(
            1,
            b"\x35\x01\x03\x3d\x03\x01ab\x32\x04\xc0\0\x02\x07\x0c\x05phone\x3c\x04test\x37\x03\x01\x03\x06\0\xff",
        );
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &request), Probe::Match);
        testing::keeps_promises(&PROTOCOL, &flow, &[(TO_SERVER, &request)]);
        let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, &request)]);
        assert_eq!(
            said.0,
            [
                "dhcp.kind=request",
                "dhcp.id=7",
                "dhcp.client-mac=02:00:00:00:00:01",
                "dhcp.type=request",
                "dhcp.client-id=\x01ab",
                "dhcp.requested-ip=192.0.2.7",
                "dhcp.hostname=phone",
                "dhcp.vendor-class=test",
                "dhcp.parameters=1,3,6",
                "[end]"
            ]
        );
    }

    #[test]
    fn reads_options_that_overflowed_into_the_file_field() {
        let flow = testing::flow(Transport::UDP, 67);
        let mut reply = message(2, b"\x34\x01\x01\xff");
        reply[108..116].copy_from_slice(b"\x0c\x05phone\xff");
        let said = testing::feed(&PROTOCOL, &flow, &[(TO_CLIENT, &reply)]);
        assert_eq!(said.value(&HOSTNAME), "phone");
    }

    #[test]
    fn the_cookie_is_what_counts() {
        let other = testing::flow(Transport::UDP, 9999);
        let mut request = message(1, b"\xff");
        assert_eq!(testing::probe(&PROTOCOL, &other, TO_SERVER, &request), Probe::Match);
        request[HEADER] = 0;
        assert_eq!(testing::probe(&PROTOCOL, &other, TO_SERVER, &request), Probe::Mismatch);
        assert_eq!(testing::probe(&PROTOCOL, &other, TO_SERVER, &request[..100]), Probe::Mismatch);
        assert_eq!(testing::probe(&PROTOCOL, &other, TO_SERVER, &[1; 400]), Probe::Mismatch);
    }
}
