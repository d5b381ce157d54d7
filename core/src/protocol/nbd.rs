//! Network Block Device (NBD's `proto.md`): disks over the network.
//!
//! Read: the export's name. STARTTLS is handed on to `tls`; blocks are passed over.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

const MAGIC: &[u8] = b"NBDMAGIC";
/// Behind the magic: the newer handshake, and the older one's number.
const OPTIONS: &[u8] = b"IHAVEOPT";
const OLD: &[u8] = b"\0\0\x42\x02\x81\x86\x12\x53";
/// An option's answer.
const ANSWER: u64 = 0x0003_e889_0455_65a9;

const OPT_EXPORT_NAME: u32 = 1;
const OPT_STARTTLS: u32 = 5;
const OPT_INFO: u32 = 6;
const OPT_GO: u32 = 7;
const REP_ACK: u32 = 1;

static OPTION: Field = Field::meta("nbd.option", "option");
static EXPORT: Field = Field::meta("nbd.export", "export");

static FIELDS: &[&Field] = &[&OPTION, &EXPORT];

pub(super) static PROTOCOL: Nbd = Nbd;

#[derive(Debug)]
pub(super) struct Nbd;

impl Protocol for Nbd {
    fn name(&self) -> &'static str {
        "nbd"
    }

    fn about(&self) -> &'static str {
        "Network Block Device, disks over the network"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[10809]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"NI\0")
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

/// The server's two magic numbers, or a client's flags with an option behind them.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let server = [MAGIC, OPTIONS].concat();
    let client = [&[0, 0, 0][..], &[0], OPTIONS].concat();
    let starts = |bytes: &[u8], start: &[u8]| {
        let both = bytes.len().min(start.len());
        bytes[..both] == start[..both]
    };
    let old = [MAGIC, OLD].concat();
    if starts(bytes, &server) || starts(bytes, &old) {
        return if bytes.len() < 16 { Probe::NeedMore } else { Probe::Match };
    }
    // Only two of the client's flags are defined.
    match bytes {
        [0, 0, 0, 0..=3, rest @ ..] if starts(rest, OPTIONS) => {
            if bytes.len() < client.len() {
                Probe::NeedMore
            } else {
                Probe::Match
            }
        }
        [0] | [0, 0] | [0, 0, 0] => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

#[derive(Debug, Default)]
struct Session {
    /// The handshake's fixed parts were read.
    greeted: [bool; 2],
    /// Blocks follow.
    transmits: bool,
    wants_tls: bool,
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        if self.transmits {
            return Size::Opaque;
        }
        let from_server = bytes.starts_with(b"N");
        match (self.greeted[direction.index()], bytes) {
            // Both magic numbers and flags; the old handshake is followed by blocks at once.
            (false, _) if from_server => match bytes.get(8..16) {
                Some(OLD) => Size::Is(152),
                Some(_) => Size::Is(18),
                None => Size::Needs(16),
            },
            (false, _) => Size::Is(4),
            (true, [b'I', ..]) => length_at(bytes, 12, 16),
            (true, _) => match Reader::new(bytes).u64() {
                Some(ANSWER) => length_at(bytes, 16, 20),
                Some(_) => Size::Opaque,
                None => Size::Needs(8),
            },
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        if !std::mem::replace(&mut self.greeted[direction.index()], true) {
            out.end_record();
            return After::Next;
        }
        let mut reader = Reader::new(message);
        match (reader.u64(), reader.u32()) {
            (Some(ANSWER), Some(OPT_STARTTLS)) if reader.u32() == Some(REP_ACK) && self.wants_tls => {
                return After::Secured("tls");
            }
            (Some(ANSWER), _) => return After::Next,
            (Some(_), Some(option)) => {
                out.fact(&OPTION, direction, Value::Number(option.into()));
                self.wants_tls = option == OPT_STARTTLS;
                self.transmits = matches!(option, OPT_EXPORT_NAME | OPT_GO);
                reader.skip(4);
                let name = match option {
                    OPT_EXPORT_NAME => Some(reader.rest()),
                    OPT_INFO | OPT_GO => {
                        let length = reader.u32().unwrap_or(0);
                        reader.take(length as usize)
                    }
                    _ => None,
                };
                if let Some(name) = name {
                    out.fact(&EXPORT, direction, Value::Bytes(name));
                }
            }
            _ => {}
        }
        out.end_record();
        After::Next
    }
}

/// A four-byte length at `at`, and a header of `header` bytes in all.
fn length_at(bytes: &[u8], at: usize, header: u64) -> Size {
    match Reader::new(bytes.get(at..).unwrap_or_default()).u32() {
        Some(length) => Size::of(header, length),
        None => Size::Needs(at + 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const SERVER: &[u8] = b"NBDMAGICIHAVEOPT\0\x03";
    const CLIENT: &[u8] = b"\0\0\0\x03IHAVEOPT\0\0\0\x07\0\0\0\x0a\0\0\0\x04disk\0\0";

    #[test]
    fn reads_the_export() {
        let tcp = flow(Transport::TCP, 10809);
        let conversation: &[(Direction, &[u8])] = &[(TO_CLIENT, SERVER), (TO_SERVER, CLIENT)];
        assert_eq!(feed(&PROTOCOL, &tcp, conversation).value(&EXPORT), "disk");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn hands_tls_on() {
        let tcp = flow(Transport::TCP, 10809);
        let asks = b"\0\0\0\x03IHAVEOPT\0\0\0\x05\0\0\0\0";
        let agrees = b"\0\x03\xe8\x89\x04\x55\x65\xa9\0\0\0\x05\0\0\0\x01\0\0\0\0";
        let transcript =
            feed(&PROTOCOL, &tcp, &[(TO_CLIENT, SERVER), (TO_SERVER, asks), (TO_CLIENT, agrees)]);
        assert!(transcript.says("[secured by tls]"));
    }

    #[test]
    fn is_known_by_its_magic() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, SERVER), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, CLIENT), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &SERVER[..9]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\0\0\0\x08\x04\xd2\x16\x2f"), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"NICK anna\r\n"), Probe::Mismatch);
    }
}
