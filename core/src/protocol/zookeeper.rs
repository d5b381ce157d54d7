//! ZooKeeper's client protocol: names and settings that programs share.
//!
//! Read: the connection, logins of the scheme `digest` (in the clear), and the paths of requests.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// A ConnectRequest: version, last transaction, timeout, session, a password of 16 bytes; since 3.5 a read-only mark.
const CONNECT: [u32; 2] = [44, 45];
const CONNECT_ANSWER: [u32; 2] = [36, 37];
/// `jute.maxbuffer`, with room.
const LONGEST: u32 = 0x40_0000;
/// Operation codes that begin with a path, and auth.
const PATH_OPERATIONS: [u32; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15];
const AUTH: u32 = 100;

static OPERATION: Field = Field::meta("zookeeper.operation", "operation");
static PATH: Field = Field::new("zookeeper.path", Role::Content);
static DATA: Field = Field::new("zookeeper.data", Role::Content);
static USER: Field = Field::new("zookeeper.user", Role::Username);
static PASSWORD: Field = Field::new("zookeeper.password", Role::Password);

static FIELDS: &[&Field] = &[&OPERATION, &PATH, &DATA, &USER, &PASSWORD];

pub(super) static PROTOCOL: ZooKeeper = ZooKeeper;

#[derive(Debug)]
pub(super) struct ZooKeeper;

impl Protocol for ZooKeeper {
    fn name(&self) -> &'static str {
        "zookeeper"
    }

    fn about(&self) -> &'static str {
        "ZooKeeper's client protocol, shared settings"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[2181]
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

/// A ConnectRequest or its answer: a fixed length, version 0, a timeout, a password's length.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    let (Some(length), Some(version)) = (reader.u32(), reader.u32()) else {
        return if bytes.iter().take(3).all(|byte| *byte == 0) { Probe::NeedMore } else { Probe::Mismatch };
    };
    if version != 0 {
        return Probe::Mismatch;
    }
    let before_timeout = match length {
        _ if CONNECT.contains(&length) => 8,
        _ if CONNECT_ANSWER.contains(&length) => 0,
        _ => return Probe::Mismatch,
    };
    let rest = (reader.skip(before_timeout), reader.u32(), reader.skip(8), reader.u32());
    match rest {
        (Some(()), Some(timeout), Some(()), Some(16)) if (1..86_400_000).contains(&timeout) => Probe::Match,
        (Some(()), Some(_), Some(()), Some(_)) => Probe::Mismatch,
        _ => Probe::NeedMore,
    }
}

#[derive(Debug, Default)]
struct Session {
    client: Option<Direction>,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match Reader::new(bytes).u32() {
            Some(length) if length < LONGEST => Size::of(4, length),
            Some(_) => Size::Broken("a ZooKeeper message of an impossible length"),
            None => Size::Needs(4),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        let length = reader.u32().unwrap_or(0);
        if self.client.is_none() {
            if CONNECT.contains(&length) {
                self.client = Some(direction);
                out.fact(&OPERATION, direction, Value::Text("connect"));
                out.end_record();
            } else {
                self.client = Some(direction.opposite());
            }
        } else if self.client == Some(direction) && request(&mut reader, direction, out).is_some() {
            out.end_record();
        }
        After::Next
    }
}

fn request(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    reader.skip(4)?;
    let operation = reader.u32()?;
    if operation == AUTH {
        reader.skip(4)?;
        let scheme = buffer(reader)?;
        let login = buffer(reader)?;
        out.fact(&OPERATION, direction, Value::Number(operation.into()));
        let colon = memchr::memchr(b':', login).filter(|_| scheme == b"digest")?;
        out.fact(&USER, direction, Value::Bytes(&login[..colon]));
        out.fact(&PASSWORD, direction, Value::Bytes(&login[colon + 1..]));
        return Some(());
    }
    if !PATH_OPERATIONS.contains(&operation) {
        return None;
    }
    out.fact(&OPERATION, direction, Value::Number(operation.into()));
    out.fact(&PATH, direction, Value::Bytes(buffer(reader)?));
    // Create and set carry data.
    if matches!(operation, 1 | 5 | 15)
        && let Some(data @ [_, ..]) = buffer(reader)
    {
        out.fact(&DATA, direction, Value::Bytes(data));
    }
    Some(())
}

fn buffer<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    match reader.u32()? {
        u32::MAX => Some(&[]),
        length => reader.take(usize::try_from(length).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    fn message(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32).to_be_bytes(), body].concat()
    }

    fn connect() -> Vec<u8> {
        message(&[&[0; 12][..], &[0, 0, 0x27, 0x10], &[0; 8], &[0, 0, 0, 16], &[0; 16], &[0]].concat())
    }

    #[test]
    fn reads_logins_and_paths() {
        let tcp = flow(Transport::TCP, 2181);
        let parts = [
            connect(),
            message(b"\xff\xff\xff\xfc\0\0\0\x64\0\0\0\0\0\0\0\x06digest\0\0\0\x0banna:secret"),
            message(b"\0\0\0\x01\0\0\0\x01\0\0\0\x02/a\0\0\0\x01x\0\0\0\0"),
        ];
        let conversation: Vec<_> = parts.iter().map(|part| (TO_SERVER, &part[..])).collect();
        let transcript = feed(&PROTOCOL, &tcp, &conversation);
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.value(&PATH), "/a");
        assert_eq!(transcript.value(&DATA), "x");
        keeps_promises(&PROTOCOL, &tcp, &conversation);
    }

    #[test]
    fn is_known_by_a_connection() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &connect()), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &connect()[..20]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &[0; 60]), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\0\0\0\x85\xffSMB\x72\0\0\0\0"), Probe::Mismatch);
    }
}
