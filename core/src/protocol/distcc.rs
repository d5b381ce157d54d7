//! distcc's protocol (distcc's `protocol.txt`): compiling on other machines.
//!
//! Read: the compiler's arguments and the preprocessed sources. Tokens have four letters and a number in hex, some are
//! followed by that many bytes.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

const TOKEN: usize = 12;

static VERSION: Field = Field::meta("distcc.version", "version");
static ARGUMENT: Field = Field::new("distcc.argument", Role::Content);
static SOURCE: Field = Field::new("distcc.source", Role::Content);

static FIELDS: &[&Field] = &[&VERSION, &ARGUMENT, &SOURCE];

pub(super) static PROTOCOL: Distcc = Distcc;

#[derive(Debug)]
pub(super) struct Distcc;

impl Protocol for Distcc {
    fn name(&self) -> &'static str {
        "distcc"
    }

    fn about(&self) -> &'static str {
        "distcc's protocol, compiling on other machines"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[3632]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"D")
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

/// `DIST` from a client or `DONE` from a server, and a version of 1 to 3.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    for start in [b"DIST0000000", b"DONE0000000"] {
        let both = bytes.len().min(start.len());
        if bytes[..both] == start[..both] {
            return match bytes.get(start.len()) {
                Some(b'1'..=b'3') => Probe::Match,
                Some(_) => Probe::Mismatch,
                None => Probe::NeedMore,
            };
        }
    }
    Probe::Mismatch
}

fn token(bytes: &[u8]) -> Option<([u8; 4], u32)> {
    let mut reader = Reader::new(bytes);
    let name = reader.array()?;
    let number = std::str::from_utf8(reader.take(8)?).ok()?;
    Some((name, u32::from_str_radix(number, 16).ok()?))
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match token(bytes) {
            // Counts and codes have nothing behind them.
            Some((name, _)) if matches!(&name, b"DIST" | b"DONE" | b"ARGC" | b"STAT" | b"CDIR") => {
                Size::Is(TOKEN as u64)
            }
            Some((_, length)) => Size::of(TOKEN as u64, length),
            None if bytes.len() < TOKEN => Size::Needs(TOKEN),
            None => Size::Broken("no distcc token where one must stand"),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let (head, body) = message.split_at(message.len().min(TOKEN));
        match token(head) {
            Some((name, number)) if matches!(&name, b"DIST" | b"DONE") => {
                out.fact(&VERSION, direction, Value::Number(number.into()));
            }
            Some((name, _)) if &name == b"ARGV" => out.fact(&ARGUMENT, direction, Value::Bytes(body)),
            Some((name, _)) if &name == b"DOTI" => out.fact(&SOURCE, direction, Value::Bytes(body)),
            _ => return After::Next,
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    const COMPILE: &[u8] = b"DIST00000001ARGC00000002ARGV00000002ccARGV00000002-cDOTI00000006int a;";

    #[test]
    fn reads_arguments_and_sources() {
        let tcp = flow(Transport::TCP, 3632);
        let transcript = feed(&PROTOCOL, &tcp, &[(TO_SERVER, COMPILE)]);
        assert_eq!(transcript.values(&ARGUMENT), ["cc", "-c"]);
        assert_eq!(transcript.value(&SOURCE), "int a;");
        keeps_promises(&PROTOCOL, &tcp, &[(TO_SERVER, COMPILE)]);
    }

    #[test]
    fn is_known_by_its_version() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, COMPILE), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"DIST0000"), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"DISTANCE 12"), Probe::Mismatch);
    }
}
