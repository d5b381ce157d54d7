//! Firebird's (and InterBase's) wire protocol: a database.
//!
//! Read: the database wanted and who logs in. Statements are not read.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// op_connect, op_attach or op_create, and the versions of the connection's packet.
const CONNECT: u32 = 1;
const ATTACH: u32 = 19;
const CREATE: u32 = 20;
/// Longest path and user block that are believed.
const LONGEST: u32 = 4096;
/// Entries of the user block: operating system's user, host, login.
const OS_USER: u8 = 1;
const HOST: u8 = 4;
const LOGIN: u8 = 9;

static DATABASE: Field = Field::meta("firebird.database", "database");
static OS: Field = Field::meta("firebird.os_user", "os_user");
static CLIENT: Field = Field::meta("firebird.client_host", "client_host");
static USER: Field = Field::new("firebird.user", Role::Username);

static FIELDS: &[&Field] = &[&DATABASE, &OS, &CLIENT, &USER];

pub(super) static PROTOCOL: Firebird = Firebird;

#[derive(Debug)]
pub(super) struct Firebird;

impl Protocol for Firebird {
    fn name(&self) -> &'static str {
        "firebird"
    }

    fn about(&self) -> &'static str {
        "Firebird's wire protocol, a database"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[3050]
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
        Box::<Framed<Session>>::default()
    }
}

/// Four numbers with few values each: connect, attach, the packet's version, the client's architecture.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    let numbers = [reader.u32(), reader.u32(), reader.u32(), reader.u32()];
    match numbers {
        [Some(CONNECT), Some(ATTACH | CREATE), Some(2..=3), Some(1..=64)] => Probe::Match,
        [Some(CONNECT), Some(ATTACH | CREATE), Some(2..=3), None]
        | [Some(CONNECT), Some(ATTACH | CREATE), None, None]
        | [Some(CONNECT), None, ..] => Probe::NeedMore,
        [None, ..] if bytes.iter().all(|byte| *byte == 0) => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

#[derive(Debug, Default)]
struct Session {
    connected: bool,
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        if self.connected || direction == Direction::ToClient {
            return Size::Opaque;
        }
        // Path and user block, each behind its length and filled up to words; the offered versions are left.
        let mut reader = Reader::new(bytes);
        let mut field = |before: usize| {
            reader.skip(before)?;
            let length = reader.u32()?.min(LONGEST);
            reader.skip(length.next_multiple_of(4) as usize)
        };
        match (field(16), field(4)) {
            (Some(()), Some(())) => Size::Is(reader.offset() as u64),
            _ => Size::Needs(bytes.len() + 1),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        self.connected = true;
        read(message, direction, out);
        out.end_record();
        After::Next
    }
}

fn read(message: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let mut reader = Reader::new(message);
    reader.skip(16)?;
    let length = reader.u32()? as usize;
    out.fact(&DATABASE, direction, Value::Bytes(reader.take(length)?));
    reader.skip(length.next_multiple_of(4) - length + 4)?;
    let length = reader.u32()? as usize;
    let mut block = reader.sub(length)?;
    while let (Some(kind), Some(mut value)) = (block.u8(), block.sub_u8()) {
        let field = match kind {
            OS_USER => &OS,
            HOST => &CLIENT,
            LOGIN => &USER,
            _ => continue,
        };
        out.fact(field, direction, Value::Bytes(value.rest()));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_SERVER, feed, flow, keeps_promises, probe};

    const CONNECTS: &[u8] = b"\0\0\0\x01\0\0\0\x13\0\0\0\x03\0\0\0\x24\0\0\0\x04shop\0\0\0\x01\0\0\0\x0b\x09\x04anna\x04\x03box\0";

    #[test]
    fn reads_database_and_user() {
        let tcp = flow(Transport::TCP, 3050);
        let transcript = feed(&PROTOCOL, &tcp, &[(TO_SERVER, CONNECTS)]);
        assert_eq!(transcript.value(&DATABASE), "shop");
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&CLIENT), "box");
        keeps_promises(&PROTOCOL, &tcp, &[(TO_SERVER, CONNECTS)]);
    }

    #[test]
    fn is_known_by_its_first_numbers() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, CONNECTS), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &CONNECTS[..10]), Probe::NeedMore);
        assert_eq!(
            probe(&PROTOCOL, &odd, TO_SERVER, b"\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04"),
            Probe::Mismatch
        );
    }
}
