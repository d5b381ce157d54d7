//! Network Time Protocol, versions 1 to 4 (RFC 5905), and its control messages (RFC 9327).
//!
//! A server's answer is known by its timestamps on any port. A client's question is mostly zeros and needs port 123.
//! Extension fields and authenticators are not read.

use super::short::Short;
use super::{Field, Opening, Parser, Probe, Progress, Protocol, Sink, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, FlowKey};
use crate::packet::{Address, Transport};

static VERSION: Field = Field::meta("ntp.version", "version");
static MODE: Field = Field::meta("ntp.mode", "mode");
static STRATUM: Field = Field::meta("ntp.stratum", "stratum");
static REFERENCE: Field = Field::meta("ntp.reference", "reference_id");
/// Operation of a control message, request code of a private one: 42 is the amplifier `monlist`.
static OPERATION: Field = Field::meta("ntp.operation", "operation");

static FIELDS: &[&Field] = &[&VERSION, &MODE, &STRATUM, &REFERENCE, &OPERATION];

const PORT: u16 = 123;

/// Octets up to the transmit timestamp.
const HEADER: usize = 48;

const SERVER: u8 = 4;
const CONTROL: u8 = 6;
const PRIVATE: u8 = 7;

pub(crate) static PROTOCOL: Ntp = Ntp;

#[derive(Debug)]
pub(crate) struct Ntp;

impl Protocol for Ntp {
    fn name(&self) -> &'static str {
        "ntp"
    }

    fn about(&self) -> &'static str {
        "Network Time Protocol, RFC 5905"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[PORT]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let bytes = opening.newest();
        let Some(first) = bytes.first() else {
            return Probe::Mismatch;
        };
        let (version, mode) = version_and_mode(*first);
        if !(1..=4).contains(&version) {
            return Probe::Mismatch;
        }
        let on_port = opening.flow.has_port(PORT);
        let fits = match mode {
            1..=5 => Header::read(bytes).is_some_and(|header| header.is_plausible(mode, on_port)),
            CONTROL => on_port && is_control(bytes).is_some(),
            PRIVATE => on_port && is_private(bytes).is_some(),
            _ => false,
        };
        if fits { Probe::Match } else { Probe::Mismatch }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(NtpParser)
    }
}

/// Leap indicator, version and mode share the first octet.
const fn version_and_mode(first: u8) -> (u8, u8) {
    (first >> 3 & 7, first & 7)
}

/// The parts of a time message that can be judged (RFC 5905 §7.3).
struct Header {
    stratum: u8,
    poll: i8,
    precision: i8,
    root_delay: u32,
    root_dispersion: u32,
    reference: [u8; 4],
    originate: u64,
    receive: u64,
    transmit: u64,
}

impl Header {
    /// The header, if what follows are whole words as extension fields and authenticators are.
    fn read(bytes: &[u8]) -> Option<Self> {
        if !bytes.len().is_multiple_of(4) {
            return None;
        }
        let mut reader = Reader::new(bytes);
        reader.skip(1)?;
        let stratum = reader.u8()?;
        let [poll, precision] = reader.array()?;
        let root_delay = reader.u32()?;
        let root_dispersion = reader.u32()?;
        let reference = reader.array()?;
        reader.skip(8)?;
        Some(Self {
            stratum,
            poll: poll.cast_signed(),
            precision: precision.cast_signed(),
            root_delay,
            root_dispersion,
            reference,
            originate: reader.u64()?,
            receive: reader.u64()?,
            transmit: reader.u64()?,
        })
    }

    fn is_plausible(&self, mode: u8, on_port: bool) -> bool {
        /// Sixteen seconds, more than which NTP calls unsynchronised, in 16.16 fixed point.
        const MAX_DISTANCE: u32 = 16 << 16;
        if self.stratum > 16 {
            return false;
        }
        if on_port {
            return true;
        }
        mode == SERVER
            && (1..=15).contains(&self.stratum)
            && (-6..=17).contains(&self.poll)
            && (-32..=-1).contains(&self.precision)
            && self.root_delay < MAX_DISTANCE
            && self.root_dispersion < MAX_DISTANCE
            && self.originate != 0
            && self.transmit >= self.receive
            // Answered within two seconds, at a time of this era after 1990.
            && self.transmit - self.receive < 2 << 32
            && self.receive >> 32 > 0xa000_0000
    }
}

/// RFC 9327 §2: the count is of data octets, padded to words and perhaps followed by an authenticator.
fn is_control(bytes: &[u8]) -> Option<()> {
    let mut reader = Reader::new(bytes);
    reader.skip(1)?;
    let operation = reader.u8()? & 0x1f;
    reader.skip(8)?;
    let count = usize::from(reader.u16()?);
    reader.skip(count)?;
    (operation <= 12 || operation == 31).then_some(())
}

/// ntpd's private messages: implementation 0, 2 or 3; items of a size that fit.
fn is_private(bytes: &[u8]) -> Option<()> {
    let mut reader = Reader::new(bytes);
    reader.skip(2)?;
    let implementation = reader.u8()?;
    let request = reader.u8()?;
    let items = usize::from(reader.u16()? & 0x0fff);
    let size = usize::from(reader.u16()? & 0x0fff);
    reader.skip(items * size)?;
    (matches!(implementation, 0 | 2 | 3) && request <= 64).then_some(())
}

#[derive(Debug)]
struct NtpParser;

impl Parser for NtpParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        if let Some(first) = chunk.bytes.first() {
            let (version, mode) = version_and_mode(*first);
            out.fact(&VERSION, direction, Value::Number(version.into()));
            out.fact(&MODE, direction, Value::Number(mode.into()));
            match (mode, chunk.bytes) {
                (CONTROL, [_, operation, ..]) => {
                    out.fact(&OPERATION, direction, Value::Number((operation & 0x1f).into()));
                }
                (PRIVATE, [_, _, _, request, ..]) => {
                    out.fact(&OPERATION, direction, Value::Number((*request).into()));
                }
                _ => time(chunk, out),
            }
        }
        out.end_record();
        if chunk.bytes.len() < HEADER && chunk.bytes.first().is_none_or(|first| first & 7 < CONTROL) {
            return Progress::Malformed {
                what: "an NTP message is shorter than its header",
                at: chunk.bytes.len(),
            };
        }
        Progress::Consumed(chunk.bytes.len())
    }
}

fn time(chunk: Chunk<'_>, out: &mut dyn Sink) {
    let Some(header) = Header::read(chunk.bytes) else {
        return;
    };
    out.fact(&STRATUM, chunk.direction, Value::Number(header.stratum.into()));
    if header.reference == [0; 4] {
        return;
    }
    // A clock's name at stratum 1, a kiss code at 0, otherwise the address (or its hash) of the server above.
    if header.stratum <= 1 {
        let name = header.reference;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let name = name.get(..end).unwrap_or_default();
        out.fact(&REFERENCE, chunk.direction, Value::Bytes(name));
    } else {
        let address = Short::<16>::of(Address::v4(header.reference));
        out.fact(&REFERENCE, chunk.direction, address.value());
    }
}

#[cfg(test)]
mod tests {
    use super::{MODE, OPERATION, PROTOCOL, REFERENCE, STRATUM};
    use crate::packet::Transport;
    use crate::protocol::Probe;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

    /// A client's question of version 4: all zeros but its clock.
    fn question() -> Vec<u8> {
        let mut bytes = vec![0; 48];
        bytes[0] = 0x23;
        bytes[40..48].copy_from_slice(b"\xe1\xfc\xd6\x8e\xe3\x12\x6e\xcc");
        bytes
    }

    /// A stratum-1 server's answer, its clock being `GPS`.
    fn answer() -> Vec<u8> {
        let mut bytes = b"\x24\x01\x06\xec\0\0\0\0\0\0\0\x0cGPS\0".to_vec();
        for timestamp in [
            b"\xe1\xfc\xd6\xd3\0\0\0\0",
            b"\xe1\xfc\xd6\x8e\xe3\x12\x6e\xcc",
            b"\xe1\xfc\xd6\xd3\0\0\0\x01",
            b"\xe1\xfc\xd6\xd3\0\0\0\x02",
        ] {
            bytes.extend_from_slice(timestamp);
        }
        bytes
    }

    #[test]
    fn reads_question_answer_and_control_messages() {
        let flow = testing::flow(Transport::UDP, 123);
        let (question, answer) = (question(), answer());
        let monlist = b"\x17\0\x03\x2a\0\0\0\0";
        let conversation = [(TO_SERVER, &question[..]), (TO_CLIENT, &answer[..]), (TO_SERVER, &monlist[..])];
        testing::keeps_promises(&PROTOCOL, &flow, &conversation);
        let said = testing::feed(&PROTOCOL, &flow, &conversation);
        assert_eq!(said.values(&MODE), ["3", "4", "7"]);
        assert_eq!(said.values(&STRATUM), ["0", "1"]);
        assert_eq!(said.value(&REFERENCE), "GPS");
        assert_eq!(said.value(&OPERATION), "42");
        for (direction, bytes) in conversation {
            assert_eq!(testing::probe(&PROTOCOL, &flow, direction, bytes), Probe::Match);
        }
    }

    #[test]
    fn elsewhere_only_an_answer_is_proof() {
        let flow = testing::flow(Transport::UDP, 9999);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_CLIENT, &answer()), Probe::Match);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &question()), Probe::Mismatch);
    }

    #[test]
    fn others_are_not_ntp() {
        let flow = testing::flow(Transport::UDP, 123);
        let others: [&[u8]; 6] =
            [b"", &[0; 48], &[0xff; 48], &[0x23; 48], &question()[..47], b"GET / HTTP/1.1\r\n\r\n"];
        for bytes in others {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
