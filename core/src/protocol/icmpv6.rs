//! Internet Control Message Protocol for IPv6 (RFC 4443), with neighbour discovery (RFC 4861).
//!
//! Read are type, code, an echo's identifier and data, the address that discovery asks for, and the name servers of a
//! router's advertisement (RFC 8106), which a false router can forge.

use super::short::Short;
use super::{Field, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::BODY_BYTES;
use crate::packet::{Address, Transport};

static TYPE: Field = Field::meta("icmpv6.type", "icmp_type");
static CODE: Field = Field::meta("icmpv6.code", "icmp_code");
static ID: Field = Field::meta("icmpv6.id", "id");
static SEQUENCE: Field = Field::meta("icmpv6.sequence", "sequence");
static DATA: Field = Field::new("icmpv6.data", Role::Content);
static TARGET: Field = Field::meta("icmpv6.target", "target");
static NAME_SERVER: Field = Field::meta("icmpv6.name-server", "dns_servers[]");

static FIELDS: &[&Field] = &[&TYPE, &CODE, &ID, &SEQUENCE, &DATA, &TARGET, &NAME_SERVER];

const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;

pub(crate) static PROTOCOL: IcmpV6 = IcmpV6;

#[derive(Debug)]
pub(crate) struct IcmpV6;

impl Protocol for IcmpV6 {
    fn name(&self) -> &'static str {
        "icmpv6"
    }

    fn about(&self) -> &'static str {
        "Internet Control Message Protocol for IPv6, RFC 4443"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::ICMPV6]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    /// The IP header has said already what it is.
    fn probe(&self, opening: &Opening<'_>) -> Probe {
        match opening.newest() {
            [_, _, _, _, ..] => Probe::Match,
            _ => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(IcmpV6Parser)
    }
}

#[derive(Debug)]
struct IcmpV6Parser;

impl Parser for IcmpV6Parser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let read = message(Reader::new(chunk.bytes), chunk.direction, out);
        out.end_record();
        match read {
            Some(()) => Progress::Consumed(chunk.bytes.len()),
            None => Progress::Malformed {
                what: "an ICMPv6 message is shorter than its type needs",
                at: chunk.bytes.len(),
            },
        }
    }
}

fn message(mut reader: Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let kind = reader.u8()?;
    let code = reader.u8()?;
    out.fact(&TYPE, direction, Value::Number(kind.into()));
    out.fact(&CODE, direction, Value::Number(code.into()));
    reader.skip(2)?;
    match kind {
        ECHO_REQUEST | ECHO_REPLY => {
            out.fact(&ID, direction, Value::Number(reader.u16()?.into()));
            out.fact(&SEQUENCE, direction, Value::Number(reader.u16()?.into()));
            let data = reader.rest();
            if out.wants_content() && !data.is_empty() {
                let searched = data.get(..BODY_BYTES).unwrap_or(data);
                out.fact(&DATA, direction, Value::Bytes(searched));
            }
        }
        NEIGHBOR_SOLICITATION | NEIGHBOR_ADVERTISEMENT => {
            reader.skip(4)?;
            state_address(&TARGET, reader.array()?, direction, out);
        }
        ROUTER_ADVERTISEMENT => {
            reader.skip(12)?;
            name_servers(reader, direction, out)?;
        }
        _ => {}
    }
    Some(())
}

/// Options are counted in eight octets, their two-octet header included (RFC 4861 §4.6).
fn name_servers(mut options: Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    const RECURSIVE_DNS_SERVER: u8 = 25;
    while !options.is_empty() {
        let kind = options.u8()?;
        let octets = usize::from(options.u8()?) * 8;
        let mut option = options.sub(octets.checked_sub(2)?)?;
        if kind != RECURSIVE_DNS_SERVER {
            continue;
        }
        option.skip(6)?;
        while let Some(address) = option.array() {
            state_address(&NAME_SERVER, address, direction, out);
        }
    }
    Some(())
}

fn state_address(field: &'static Field, octets: [u8; 16], direction: Direction, out: &mut dyn Sink) {
    out.fact(field, direction, Short::<48>::of(Address(octets)).value());
}

#[cfg(test)]
mod tests {
    use super::{DATA, NAME_SERVER, PROTOCOL, TARGET};
    use crate::packet::Transport;
    use crate::protocol::Probe;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

    const ADDRESS: &[u8; 16] = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";

    #[test]
    fn reads_echo_discovery_and_advertisement() {
        let flow = testing::flow(Transport::ICMPV6, 0);
        let solicitation = [b"\x87\0\0\0\0\0\0\0".as_slice(), ADDRESS].concat();
        // Hop limit, flags, three timers; one name server living 600 seconds.
        let advertisement =
            [b"\x86\0\0\0\x40\0\x07\x08\0\0\0\0\0\0\0\0\x19\x03\0\0\0\0\x02\x58".as_slice(), ADDRESS]
                .concat();
        let conversation = [
            (TO_SERVER, &b"\x80\0\0\0\0\x07\0\x01hidden"[..]),
            (TO_SERVER, &solicitation[..]),
            (TO_CLIENT, &advertisement[..]),
        ];
        testing::keeps_promises(&PROTOCOL, &flow, &conversation);
        let said = testing::feed(&PROTOCOL, &flow, &conversation);
        assert_eq!(said.value(&DATA), "hidden");
        assert_eq!(said.value(&TARGET), "2001:db8::1");
        assert_eq!(said.value(&NAME_SERVER), "2001:db8::1");
    }

    #[test]
    fn an_option_of_no_length_ends_the_reading() {
        let flow = testing::flow(Transport::ICMPV6, 0);
        let said = testing::feed(
            &PROTOCOL,
            &flow,
            &[(TO_CLIENT, b"\x86\0\0\0\x40\0\x07\x08\0\0\0\0\0\0\0\0\x19\0")],
        );
        assert!(said.says("[malformed an ICMPv6 message is shorter than its type needs]"));
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, b"\x80"), Probe::Mismatch);
    }
}
