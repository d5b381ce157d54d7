//! Internet Group Management Protocol, versions 1 to 3 (RFC 1112, RFC 2236, RFC 9776): who listens to which group.

use super::short::Short;
use super::{Field, Opening, Parser, Probe, Progress, Protocol, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::{Address, Transport};

static TYPE: Field = Field::meta("igmp.type", "type");
static GROUP: Field = Field::meta("igmp.group", "groups[]");

static FIELDS: &[&Field] = &[&TYPE, &GROUP];

const V3_REPORT: u8 = 0x22;

pub(crate) static PROTOCOL: Igmp = Igmp;

#[derive(Debug)]
pub(crate) struct Igmp;

impl Protocol for Igmp {
    fn name(&self) -> &'static str {
        "igmp"
    }

    fn about(&self) -> &'static str {
        "Internet Group Management Protocol, RFC 9776"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::IGMP]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    /// The IP header has said already what it is; every version's message has eight octets.
    fn probe(&self, opening: &Opening<'_>) -> Probe {
        if opening.newest().len() < 8 { Probe::Mismatch } else { Probe::Match }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(IgmpParser)
    }
}

#[derive(Debug)]
struct IgmpParser;

impl Parser for IgmpParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let read = message(Reader::new(chunk.bytes), chunk.direction, out);
        out.end_record();
        match read {
            Some(()) => Progress::Consumed(chunk.bytes.len()),
            None => {
                Progress::Malformed { what: "an IGMP message is shorter than it says", at: chunk.bytes.len() }
            }
        }
    }
}

fn message(mut reader: Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let kind = reader.u8()?;
    match type_name(kind) {
        Some(name) => out.fact(&TYPE, direction, Value::Text(name)),
        None => out.fact(&TYPE, direction, Short::<4>::of(format_args!("0x{kind:02x}")).value()),
    }
    reader.skip(3)?;
    if kind != V3_REPORT {
        state_group(reader.array()?, direction, out);
        return Some(());
    }
    reader.skip(2)?;
    for _ in 0..reader.u16()? {
        reader.skip(1)?;
        let auxiliary = usize::from(reader.u8()?) * 4;
        let sources = usize::from(reader.u16()?) * 4;
        state_group(reader.array()?, direction, out);
        reader.skip(sources + auxiliary)?;
    }
    Some(())
}

/// A general query asks about no group.
fn state_group(octets: [u8; 4], direction: Direction, out: &mut dyn Sink) {
    if octets != [0; 4] {
        out.fact(&GROUP, direction, Short::<16>::of(Address::v4(octets)).value());
    }
}

const fn type_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0x11 => "query",
        0x12 => "report-v1",
        0x13 => "dvmrp",
        0x14 => "pim",
        0x16 => "report-v2",
        0x17 => "leave",
        0x1e => "mtrace-response",
        0x1f => "mtrace",
        V3_REPORT => "report-v3",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{GROUP, PROTOCOL, TYPE};
    use crate::packet::Transport;
    use crate::protocol::Probe;
    use crate::protocol::testing::{self, TO_SERVER};

    #[test]
    fn reads_reports_of_both_formats() {
        let flow = testing::flow(Transport::IGMP, 0);
        // Two groups are left (mode 3), the first naming one source.
        let report = b"\x22\0\0\0\0\0\0\x02\x03\0\0\x01\xe0\0\0\xfb\xc0\0\x02\x01\x03\0\0\0\xef\xff\xff\xfa";
        let conversation = [
            (TO_SERVER, &b"\x16\0\0\0\xe0\0\0\xfb"[..]),
            (TO_SERVER, &report[..]),
            (TO_SERVER, &b"\x11\x64\0\0\0\0\0\0\x02\x7d\0\0"[..]),
        ];
        testing::keeps_promises(&PROTOCOL, &flow, &conversation);
        let said = testing::feed(&PROTOCOL, &flow, &conversation);
        assert_eq!(said.values(&TYPE), ["report-v2", "report-v3", "query"]);
        assert_eq!(said.values(&GROUP), ["224.0.0.251", "224.0.0.251", "239.255.255.250"]);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, b"\x16\0"), Probe::Mismatch);
    }
}
