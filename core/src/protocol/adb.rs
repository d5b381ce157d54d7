//! ADB over TCP (Android's `adb/protocol.txt`): a shell on a phone, often without a login.
//!
//! Read: what both sides say of themselves, services opened, and what is sent. TLS behind STLS is handed on to `tls`.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// Command, two arguments, length, check sum, and the command's complement.
const HEADER: usize = 24;

static COMMAND: Field = Field::meta("adb.command", "command");
static BANNER: Field = Field::meta("adb.banner", "banner");
static SERVICE: Field = Field::new("adb.service", Role::Content);
static DATA: Field = Field::new("adb.data", Role::Content);

static FIELDS: &[&Field] = &[&COMMAND, &BANNER, &SERVICE, &DATA];

pub(super) static PROTOCOL: Adb = Adb;

#[derive(Debug)]
pub(super) struct Adb;

impl Protocol for Adb {
    fn name(&self) -> &'static str {
        "adb"
    }

    fn about(&self) -> &'static str {
        "ADB over TCP, a shell on an Android device"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5555]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"CAOWS")
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

/// A command and its complement at the end of the header.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let known = |command: &[u8]| COMMANDS.iter().any(|name| name.starts_with(command));
    match (bytes.get(..4), bytes.get(20..HEADER)) {
        (None, _) if known(bytes) => Probe::NeedMore,
        (Some(command), None) if known(command) => Probe::NeedMore,
        (Some(command), Some(magic)) if known(command) && complements(command, magic) => Probe::Match,
        _ => Probe::Mismatch,
    }
}

const COMMANDS: [&[u8]; 8] = [b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"CLSE", b"WRTE", b"SYNC", b"STLS"];

fn complements(command: &[u8], magic: &[u8]) -> bool {
    command.iter().zip(magic).all(|(one, other)| *one == !other)
}

#[derive(Debug, Default)]
struct Session {
    /// A side has asked for TLS.
    asked_tls: Option<Direction>,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        if self.asked_tls.is_some() && bytes.first() == Some(&0x16) {
            return Size::Turns(After::Become("tls"));
        }
        let mut reader = Reader::new(bytes);
        let fields = (reader.take(4), reader.skip(8), reader.u32_le(), reader.skip(4), reader.take(4));
        match fields {
            (Some(command), Some(()), Some(length), Some(()), Some(magic)) if complements(command, magic) => {
                Size::of(HEADER as u64, length)
            }
            (.., Some(_)) => Size::Broken("an ADB command without its complement"),
            _ => Size::Needs(HEADER),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let (header, body) = message.split_at(message.len().min(HEADER));
        let command = header.get(..4).unwrap_or_default();
        let field = match command {
            b"CNXN" => &BANNER,
            b"OPEN" => &SERVICE,
            b"WRTE" => &DATA,
            b"AUTH" => {
                out.fact(&COMMAND, direction, Value::Bytes(command));
                out.end_record();
                return After::Next;
            }
            b"STLS" => {
                // The second of the two is the agreement.
                if self.asked_tls.is_some_and(|side| side != direction) {
                    return After::Become("tls");
                }
                self.asked_tls = Some(direction);
                return After::Next;
            }
            _ => return After::Next,
        };
        out.fact(&COMMAND, direction, Value::Bytes(command));
        let text = body.strip_suffix(b"\0").unwrap_or(body);
        if !text.is_empty() {
            out.fact(field, direction, Value::Bytes(text));
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    fn message(command: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut message = command.to_vec();
        message.extend([0; 8]);
        message.extend((body.len() as u32).to_le_bytes());
        message.extend([0; 4]);
        message.extend(command.map(|byte| !byte));
        message.extend(body);
        message
    }

    #[test]
    fn reads_banners_services_and_data() {
        let tcp = flow(Transport::TCP, 5555);
        let parts =
            [message(b"CNXN", b"host::\0"), message(b"OPEN", b"shell:id\0"), message(b"WRTE", b"uid=0\n")];
        let conversation: Vec<_> = parts.iter().map(|part| (TO_SERVER, &part[..])).collect();
        let transcript = feed(&PROTOCOL, &tcp, &conversation);
        assert_eq!(transcript.value(&BANNER), "host::");
        assert_eq!(transcript.value(&SERVICE), "shell:id");
        assert_eq!(transcript.value(&DATA), "uid=0\n");
        keeps_promises(&PROTOCOL, &tcp, &conversation);
    }

    #[test]
    fn hands_tls_on() {
        let tcp = flow(Transport::TCP, 5555);
        let tls = message(b"STLS", b"");
        assert!(feed(&PROTOCOL, &tcp, &[(TO_CLIENT, &tls), (TO_SERVER, &tls)]).says("[become tls]"));
    }

    #[test]
    fn is_known_by_the_complement() {
        let odd = flow(Transport::TCP, 4000);
        let banner = message(b"CNXN", b"host::\0");
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &banner), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &banner[..23]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"AUTH PLAIN AGFubmEAc2VjcmV0\r\n"), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"OPEN the door please, now\r\n"), Probe::Mismatch);
    }
}
