//! TFTP (RFC 1350, options RFC 2347): files without a login.
//!
//! Read: the file asked for and, of what is sent, the data. The transfer runs on a new port of the server: it is known by
//! its first answer, data and acknowledgement of the first block.

use crate::bytes::Reader;
use crate::flow::{Chunk, Direction};
use crate::packet::Transport;
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::strings::zero_ended;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// Opcodes, RFC 1350 §5; OACK is RFC 2347's.
const RRQ: u16 = 1;
const WRQ: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;

static PACKET: Field = Field::meta("tftp.packet", "packet");
static FILE: Field = Field::meta("tftp.file", "file");
static MODE: Field = Field::meta("tftp.mode", "mode");
static ERROR_TEXT: Field = Field::meta("tftp.error", "error");
static CONTENT: Field = Field::new("tftp.data", Role::Content);

static FIELDS: &[&Field] = &[&PACKET, &FILE, &MODE, &ERROR_TEXT, &CONTENT];

pub(super) static PROTOCOL: Tftp = Tftp;

#[derive(Debug)]
pub(super) struct Tftp;

impl Protocol for Tftp {
    fn name(&self) -> &'static str {
        "tftp"
    }

    fn about(&self) -> &'static str {
        "TFTP, files without a login (RFC 1350)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[69]
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
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    match reader.u16() {
        Some(RRQ | WRQ) if request(&mut reader).is_some() => Probe::Match,
        Some(OACK) if options(&mut reader) => Probe::Match,
        // One block proves nothing; that the other side acknowledges it does.
        Some(DATA | ACK) => match opening.previous {
            Some(Chunk { direction, bytes: previous })
                if direction != opening.direction
                    && (acknowledges(previous, bytes) || acknowledges(bytes, previous)) =>
            {
                Probe::Match
            }
            Some(_) => Probe::Mismatch,
            None if bytes.len() >= 4 => Probe::NeedMore,
            None => Probe::Mismatch,
        },
        _ => Probe::Mismatch,
    }
}

/// A file's name and a transfer mode, then pairs of options.
fn request<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let file = zero_ended(reader)?;
    let mode = zero_ended(reader)?;
    let known = [&b"netascii"[..], b"octet", b"mail"];
    known.iter().any(|name| mode.eq_ignore_ascii_case(name)).then_some((file, mode))
}

fn options(reader: &mut Reader<'_>) -> bool {
    let mut known = false;
    while let (Some(name), Some(value)) = (zero_ended(reader), zero_ended(reader)) {
        known |= [&b"blksize"[..], b"timeout", b"tsize", b"windowsize", b"multicast", b"rollover"]
            .iter()
            .any(|option| name.eq_ignore_ascii_case(option))
            && !value.is_empty();
    }
    known && reader.is_empty()
}

/// Whether `ack` acknowledges the first block of a file, which is `data`, or lets it come.
fn acknowledges(ack: &[u8], data: &[u8]) -> bool {
    let first = data.starts_with(&[0, DATA as u8, 0, 1]);
    first && (ack == [0, ACK as u8, 0, 1] || ack == [0, ACK as u8, 0, 0])
}

#[derive(Debug, Default)]
struct Packet;

impl Datagram for Packet {
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()> {
        let mut reader = Reader::new(datagram);
        let opcode = reader.u16()?;
        let name = match opcode {
            RRQ => "read",
            WRQ => "write",
            DATA => "data",
            ERROR => "error",
            OACK => "oack",
            _ => return None,
        };
        out.fact(&PACKET, direction, Value::Text(name));
        match opcode {
            RRQ | WRQ => {
                let (file, mode) = request(&mut reader)?;
                out.fact(&FILE, direction, Value::Bytes(file));
                out.fact(&MODE, direction, Value::Bytes(mode));
            }
            DATA => {
                reader.skip(2)?;
                if !reader.is_empty() {
                    out.fact(&CONTENT, direction, Value::Bytes(reader.rest()));
                }
            }
            ERROR => {
                reader.skip(2)?;
                out.fact(&ERROR_TEXT, direction, Value::Bytes(zero_ended(&mut reader)?));
            }
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const READ: &[u8] = b"\0\x01boot.cfg\0octet\0tsize\x000\0";
    const OPTIONS: &[u8] = b"\0\x06tsize\x005\0";
    const BLOCK: &[u8] = b"\0\x03\0\x01hello";

    #[test]
    fn reads_names_and_data() {
        let udp = flow(Transport::UDP, 69);
        let conversation: &[(Direction, &[u8])] = &[
            (TO_SERVER, READ),
            (TO_CLIENT, OPTIONS),
            (TO_CLIENT, BLOCK),
            (TO_CLIENT, b"\0\x05\0\x01gone\0"),
        ];
        let transcript = feed(&PROTOCOL, &udp, conversation);
        assert_eq!(transcript.value(&FILE), "boot.cfg");
        assert_eq!(transcript.value(&CONTENT), "hello");
        assert_eq!(transcript.value(&ERROR_TEXT), "gone");
        keeps_promises(&PROTOCOL, &udp, conversation);
    }

    #[test]
    fn a_block_is_believed_when_it_is_acknowledged() {
        let odd = flow(Transport::UDP, 40_100);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, READ), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, OPTIONS), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, BLOCK), Probe::NeedMore);
        let acknowledged = |ack: &'static [u8]| {
            PROTOCOL.probe(&Opening {
                flow: &odd,
                direction: TO_CLIENT,
                to_server: b"",
                to_client: ack,
                previous: Some(Chunk { direction: TO_SERVER, bytes: BLOCK }),
            })
        };
        assert_eq!(acknowledged(b"\0\x04\0\x01"), Probe::Match);
        assert_eq!(acknowledged(b"\0\x04\0\x02"), Probe::Mismatch);
        for bytes in [&b"\0\x01boot.cfg\0binary\0"[..], b"\0\x01\0\0", b"\0\x02ab", b"\0\x06a\0b\0"] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
