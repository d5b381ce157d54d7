//! NetBIOS over UDP (RFC 1001, RFC 1002): the name service and the datagram service of old Windows networks.
//!
//! Read: names asked for, announced and sent from. The session service over TCP carries SMB and is `smb`.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Sink, Value};

/// Question and record types NB and NBSTAT, RFC 1002 §4.2.1.2, and the class IN.
const NB: u16 = 0x0020;
const NBSTAT: u16 = 0x0021;
const IN: u16 = 1;
/// A name's sixteen bytes in halves, RFC 1001 §14.1.
const ENCODED: usize = 32;
/// Type, flags, number, source address and port, length, offset of a datagram, RFC 1002 §4.4.1.
const DATAGRAM_HEADER: usize = 14;

static NAME: Field = Field::hostname("netbios.name", "name");
static OPERATION: Field = Field::meta("netbios.operation", "operation");
static DESTINATION: Field = Field::meta("netbios.destination", "destination");

static FIELDS: &[&Field] = &[&NAME, &OPERATION, &DESTINATION];

pub(super) static PROTOCOL: NetBios = NetBios;

#[derive(Debug)]
pub(super) struct NetBios;

impl Protocol for NetBios {
    fn name(&self) -> &'static str {
        "netbios"
    }

    fn about(&self) -> &'static str {
        "NetBIOS name and datagram services of old Windows networks (RFC 1002)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[137, 138]
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
    let bytes = opening.newest();
    // On DNS's port the same bytes are a question for the service record of an odd name.
    let is_name = !opening.flow.has_port(53) && NameService::read(bytes).is_some();
    if is_name || datagram(bytes).is_some() { Probe::Match } else { Probe::Mismatch }
}

/// A name service packet, RFC 1002 §4.2: DNS's header and layout, with names of one encoded label.
struct NameService {
    operation: &'static str,
    name: String,
}

impl NameService {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        reader.skip(2)?;
        let flags = reader.u16()?;
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        let response = flags & 0x8000 != 0;
        let fits = match counts {
            // A question, with the record to register or release behind it.
            [1, 0, 0, 0 | 1] => !response,
            [0, 0 | 1, 0..=8, 0..=8] => response,
            _ => false,
        };
        let name = name(&mut reader)?;
        let kind = reader.u16()?;
        let class = reader.u16()?;
        let operation = match (flags >> 11 & 0x0f, response) {
            (0, false) => "query",
            (5, false) => "registration",
            (6, false) => "release",
            (7, false) => "wack",
            (8 | 9, false) => "refresh",
            (0 | 5..=9, true) => "response",
            _ => return None,
        };
        let negative = response && kind == 0x000a;
        (fits && (matches!(kind, NB | NBSTAT) || negative) && class == IN).then_some(Self { operation, name })
    }
}

/// A name: a label of 32 bytes, each a half byte as a letter from A to P, and a scope.
fn name(reader: &mut Reader<'_>) -> Option<String> {
    if usize::from(reader.u8()?) != ENCODED {
        return None;
    }
    let encoded = reader.take(ENCODED)?;
    if !encoded.iter().all(|byte| (b'A'..=b'P').contains(byte)) {
        return None;
    }
    // A scope's labels, seldom there.
    loop {
        match reader.u8()? {
            0 => break,
            length @ 1..=63 => reader.skip(length.into())?,
            _ => return None,
        }
    }
    let decoded: Vec<u8> =
        encoded.chunks_exact(2).map(|pair| (pair[0] - b'A') << 4 | (pair[1] - b'A')).collect();
    // The sixteenth byte is the kind of the name.
    let name = decoded.get(..15)?;
    let end = name.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
    Some(String::from_utf8_lossy(name.get(..end)?).into_owned())
}

/// A datagram's source and destination name.
fn datagram(bytes: &[u8]) -> Option<(String, String)> {
    let mut reader = Reader::new(bytes);
    // Direct unique, direct group, broadcast.
    let kind = reader.u8()?;
    let flags = reader.u8()?;
    reader.skip(2 + 4)?;
    reader.skip(2)?;
    let length = reader.u16()?;
    let offset = reader.u16()?;
    let whole = bytes.len().checked_sub(DATAGRAM_HEADER)?;
    if !(0x10..=0x12).contains(&kind) || flags & 0xf0 != 0 || offset != 0 || usize::from(length) > whole {
        return None;
    }
    Some((name(&mut reader)?, name(&mut reader)?))
}

#[derive(Debug, Default)]
struct Packet;

impl Datagram for Packet {
    fn read(&mut self, direction: Direction, bytes: &[u8], out: &mut dyn Sink) -> Option<()> {
        if let Some(packet) = NameService::read(bytes) {
            out.fact(&OPERATION, direction, Value::Text(packet.operation));
            out.fact(&NAME, direction, Value::Text(&packet.name));
            return Some(());
        }
        let (source, destination) = datagram(bytes)?;
        out.fact(&OPERATION, direction, Value::Text("datagram"));
        out.fact(&NAME, direction, Value::Text(&source));
        out.fact(&DESTINATION, direction, Value::Text(&destination));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    /// `FILER3` padded with blanks, kind 0x20.
    const FILER3: &[u8] = b"\x20EGEJEMEFFCDDCACACACACACACACACACA\0";

    fn query() -> Vec<u8> {
        [&b"\x1c\x30\x01\x10\0\x01\0\0\0\0\0\0"[..], FILER3, b"\0\x20\0\x01"].concat()
    }

    fn browse() -> Vec<u8> {
        let names = [FILER3, FILER3, b"SMB"].concat();
        let header = [0x11, 2, 0, 12, 192, 0, 2, 1, 0, 138, 0, names.len() as u8, 0, 0];
        [&header[..], &names].concat()
    }

    #[test]
    fn reads_names() {
        let udp = flow(Transport::UDP, 137);
        let (query, browse) = (query(), browse());
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, &query), (TO_SERVER, &browse)];
        let transcript = feed(&PROTOCOL, &udp, conversation);
        assert_eq!(transcript.values(&NAME), ["FILER3", "FILER3"]);
        assert_eq!(transcript.values(&OPERATION), ["query", "datagram"]);
        keeps_promises(&PROTOCOL, &udp, conversation);
    }

    #[test]
    fn dns_is_not_taken_for_it() {
        let odd = flow(Transport::UDP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &query()), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &browse()), Probe::Match);
        let dns = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x20abcdefghijklmnopabcdefghijklmnop\0\0\x01\0\x01";
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, dns), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &[0x11; 100]), Probe::Mismatch);
    }
}
