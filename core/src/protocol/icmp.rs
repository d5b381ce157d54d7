//! Internet Control Message Protocol (RFC 792).
//!
//! Read are type, code and the identifier of an echo; its data is content, since tunnels hide there. The packet that an
//! error quotes is not read.

use super::{Field, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, FlowKey};
use crate::limits::BODY_BYTES;
use crate::packet::Transport;

static TYPE: Field = Field::meta("icmp.type", "icmp_type");
static CODE: Field = Field::meta("icmp.code", "icmp_code");
static ID: Field = Field::meta("icmp.id", "id");
static SEQUENCE: Field = Field::meta("icmp.sequence", "sequence");
static DATA: Field = Field::new("icmp.data", Role::Content);

static FIELDS: &[&Field] = &[&TYPE, &CODE, &ID, &SEQUENCE, &DATA];

const ECHO_REPLY: u8 = 0;
const ECHO: u8 = 8;

pub(crate) static PROTOCOL: Icmp = Icmp;

#[derive(Debug)]
pub(crate) struct Icmp;

impl Protocol for Icmp {
    fn name(&self) -> &'static str {
        "icmp"
    }

    fn about(&self) -> &'static str {
        "Internet Control Message Protocol, RFC 792"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::ICMP]
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
        Box::new(IcmpParser)
    }
}

#[derive(Debug)]
struct IcmpParser;

impl Parser for IcmpParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let read = message(Reader::new(chunk.bytes), chunk, out);
        out.end_record();
        match read {
            Some(()) => Progress::Consumed(chunk.bytes.len()),
            None => Progress::Malformed {
                what: "an ICMP message is shorter than its header",
                at: chunk.bytes.len(),
            },
        }
    }
}

fn message(mut reader: Reader<'_>, chunk: Chunk<'_>, out: &mut dyn Sink) -> Option<()> {
    let direction = chunk.direction;
    let kind = reader.u8()?;
    let code = reader.u8()?;
    out.fact(&TYPE, direction, Value::Number(kind.into()));
    out.fact(&CODE, direction, Value::Number(code.into()));
    reader.skip(2)?;
    if matches!(kind, ECHO | ECHO_REPLY) {
        out.fact(&ID, direction, Value::Number(reader.u16()?.into()));
        out.fact(&SEQUENCE, direction, Value::Number(reader.u16()?.into()));
        let data = reader.rest();
        if out.wants_content() && !data.is_empty() {
            let searched = data.get(..BODY_BYTES).unwrap_or(data);
            out.fact(&DATA, direction, Value::Bytes(searched));
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::PROTOCOL;
    use crate::packet::Transport;
    use crate::protocol::Probe;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

    #[test]
    fn reads_an_echo_and_an_error() {
        let flow = testing::flow(Transport::ICMP, 0);
        // Host unreachable, quoting the beginning of a packet.
        let error = b"\x03\x01\0\0\0\0\0\0\x45\0\0\x1c";
        let conversation = [(TO_SERVER, &b"\x08\0\xab\xcd\0\x07\0\x01hidden"[..]), (TO_CLIENT, &error[..])];
        testing::keeps_promises(&PROTOCOL, &flow, &conversation);
        let said = testing::feed(&PROTOCOL, &flow, &conversation);
        assert_eq!(
            said.0,
            [
                "icmp.type=8",
                "icmp.code=0",
                "icmp.id=7",
                "icmp.sequence=1",
                "icmp.data=hidden",
                "[end]",
                "icmp.type=3",
                "icmp.code=1",
                "[end]"
            ]
        );
    }

    #[test]
    fn less_than_a_header_is_nothing() {
        let flow = testing::flow(Transport::ICMP, 0);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, b"\x08\0"), Probe::Mismatch);
    }
}
