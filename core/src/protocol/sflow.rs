//! sFlow 5 (sflow.org): switches report samples of what they forward.
//!
//! Read: the version and the number of samples. Samples are pieces of other packets and are not opened.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

static VERSION: Field = Field::meta("sflow.version", "version");
static SAMPLES: Field = Field::meta("sflow.samples", "samples");

static FIELDS: &[&Field] = &[&VERSION, &SAMPLES];

pub(super) static PROTOCOL: SFlow = SFlow;

#[derive(Debug)]
pub(super) struct SFlow;

impl Protocol for SFlow {
    fn name(&self) -> &'static str {
        "sflow"
    }

    fn about(&self) -> &'static str {
        "sFlow 5, samples of forwarded packets"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[6343]
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
        Box::<Datagrams<Packet>>::default()
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    if samples(opening.newest()).is_some() { Probe::Match } else { Probe::Mismatch }
}

/// The version and the number of samples, if these fill the datagram.
fn samples(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader::new(bytes);
    let version = reader.u32()?;
    let address = match reader.u32()? {
        1 => 4,
        2 => 16,
        _ => return None,
    };
    // The agent, its part, a sequence number, its uptime.
    reader.skip(address + 12)?;
    let count = reader.u32()?;
    if version != 5 || !(1..=256).contains(&count) {
        return None;
    }
    for _ in 0..count {
        let kind = reader.u32()?;
        let length = reader.u32()?;
        // Flow and counter samples of sFlow itself, enterprise 0.
        if kind >> 12 == 0 && !(1..=5).contains(&kind) {
            return None;
        }
        reader.skip(usize::try_from(length).ok()?)?;
    }
    reader.is_empty().then_some((version, count))
}

#[derive(Debug, Default)]
struct Packet;

impl Datagram for Packet {
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()> {
        let (version, count) = samples(datagram)?;
        out.fact(&VERSION, direction, Value::Number(version.into()));
        out.fact(&SAMPLES, direction, Value::Number(count.into()));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    const REPORT: &[u8] =
        b"\0\0\0\x05\0\0\0\x01\xc0\0\x02\x01\0\0\0\0\0\0\0\x07\0\0\x01\0\0\0\0\x01\0\0\0\x02\0\0\0\x04abcd";

    #[test]
    fn samples_must_fill_the_datagram() {
        let udp = flow(Transport::UDP, 6343);
        assert_eq!(feed(&PROTOCOL, &udp, &[(TO_SERVER, REPORT)]).value(&SAMPLES), "1");
        keeps_promises(&PROTOCOL, &udp, &[(TO_SERVER, REPORT)]);
        let odd = flow(Transport::UDP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, REPORT), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &REPORT[..39]), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[0; 60]), Probe::Mismatch);
    }
}
