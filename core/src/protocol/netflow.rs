//! NetFlow 1, 5, 7 and 9 (RFC 3954) and IPFIX (RFC 7011): routers report who talked to whom.
//!
//! Read: the version and how much is reported. Reports themselves are not opened.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

static VERSION: Field = Field::meta("netflow.version", "version");
static COUNT: Field = Field::meta("netflow.count", "count");

static FIELDS: &[&Field] = &[&VERSION, &COUNT];

pub(super) static PROTOCOL: NetFlow = NetFlow;

#[derive(Debug)]
pub(super) struct NetFlow;

impl Protocol for NetFlow {
    fn name(&self) -> &'static str {
        "netflow"
    }

    fn about(&self) -> &'static str {
        "NetFlow and IPFIX, reports of flows (RFC 3954, RFC 7011)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[2055, 2056, 4739, 9995, 9996]
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
    if fits(opening.newest()) == Some(true) { Probe::Match } else { Probe::Mismatch }
}

/// Records of fixed size fill the older versions, sets with their lengths the newer ones.
fn fits(bytes: &[u8]) -> Option<bool> {
    let mut reader = Reader::new(bytes);
    let version = reader.u16()?;
    let count = usize::from(reader.u16()?);
    reader.skip(4)?;
    // Seconds since 1970; IPFIX has them a word earlier.
    let seconds = reader.u32()?;
    let this_century = |seconds: u32| (946_684_800..0xf000_0000).contains(&seconds);
    Some(match version {
        1 => (1..=24).contains(&count) && bytes.len() == 16 + 52 * count && this_century(seconds),
        5 => (1..=30).contains(&count) && bytes.len() == 24 + 48 * count && this_century(seconds),
        7 => (1..=28).contains(&count) && bytes.len() == 24 + 52 * count && this_century(seconds),
        9 => this_century(seconds) && sets(bytes.get(20..)?, |id| id <= 1 || id >= 256)?,
        10 => {
            let exported = Reader::new(bytes.get(4..)?).u32()?;
            count == bytes.len()
                && this_century(exported)
                && sets(bytes.get(16..)?, |id| matches!(id, 2 | 3 | 256..))?
        }
        _ => false,
    })
}

/// Whether sets fill what is left, at least one.
fn sets(bytes: &[u8], known: fn(u16) -> bool) -> Option<bool> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let id = reader.u16()?;
        let length = usize::from(reader.u16()?).checked_sub(4)?;
        reader.skip(length)?;
        if !known(id) || length == 0 {
            return Some(false);
        }
    }
    Some(!bytes.is_empty())
}

#[derive(Debug, Default)]
struct Packet;

impl Datagram for Packet {
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()> {
        let mut reader = Reader::new(datagram);
        let version = reader.u16()?;
        out.fact(&VERSION, direction, Value::Number(version.into()));
        // IPFIX has its length there.
        if version < 10 {
            out.fact(&COUNT, direction, Value::Number(reader.u16()?.into()));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    fn version_5() -> Vec<u8> {
        let mut report = b"\0\x05\0\x01\0\0\0\x07\x66\0\0\0".to_vec();
        report.resize(24 + 48, 1);
        report
    }

    const VERSION_9: &[u8] =
        b"\0\x09\0\x01\0\0\0\x07\x66\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x0c\x01\0\0\x01\0\x08\0\x04";
    const IPFIX: &[u8] = b"\0\x0a\0\x1c\x66\0\0\0\0\0\0\x01\0\0\0\0\0\x02\0\x0c\x01\0\0\x01\0\x08\0\x04";

    #[test]
    fn reads_versions() {
        let udp = flow(Transport::UDP, 2055);
        let report = version_5();
        let conversation: &[(Direction, &[u8])] =
            &[(TO_SERVER, &report), (TO_SERVER, VERSION_9), (TO_SERVER, IPFIX)];
        let transcript = feed(&PROTOCOL, &udp, conversation);
        assert_eq!(transcript.values(&VERSION), ["5", "9", "10"]);
        keeps_promises(&PROTOCOL, &udp, conversation);
    }

    #[test]
    fn records_must_fill_the_datagram() {
        let odd = flow(Transport::UDP, 4000);
        for report in [&version_5()[..], VERSION_9, IPFIX] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, report), Probe::Match);
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &report[..report.len() - 1]), Probe::Mismatch);
        }
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\0\x01boot.cfg\0octet\0"), Probe::Mismatch);
    }
}
