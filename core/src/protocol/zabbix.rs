//! Zabbix' protocol (Zabbix manual, appendix "Header and data length"): monitoring agents and their server.
//!
//! Read: keys asked for and values reported. Compressed messages are counted, not read.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Unseen, Value};

const MAGIC: &[u8] = b"ZBXD";
/// Flags: the protocol, compression, lengths of eight bytes.
const ZABBIX: u8 = 0x01;
const COMPRESSED: u8 = 0x02;
const LARGE: u8 = 0x04;

static FLAGS: Field = Field::meta("zabbix.flags", "flags");
static DATA: Field = Field::new("zabbix.data", Role::Content);

static FIELDS: &[&Field] = &[&FLAGS, &DATA];

pub(super) static PROTOCOL: Zabbix = Zabbix;

#[derive(Debug)]
pub(super) struct Zabbix;

impl Protocol for Zabbix {
    fn name(&self) -> &'static str {
        "zabbix"
    }

    fn about(&self) -> &'static str {
        "Zabbix' protocol, monitoring"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[10050, 10051]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"Z")
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

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let both = bytes.len().min(MAGIC.len());
    if bytes[..both] != MAGIC[..both] {
        return Probe::Mismatch;
    }
    match bytes.get(4) {
        Some(flags) if flags & !(COMPRESSED | LARGE) == ZABBIX => Probe::Match,
        Some(_) => Probe::Mismatch,
        None => Probe::NeedMore,
    }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        let mut reader = Reader::new(bytes);
        if !bytes.starts_with(&MAGIC[..bytes.len().min(4)]) {
            return Size::Broken("no Zabbix header where one must stand");
        }
        match (reader.skip(4), reader.u8()) {
            (Some(()), Some(flags)) if flags & LARGE != 0 => {
                reader.u64_le().map_or(Size::Needs(21), |length| Size::of(21, length))
            }
            _ => reader.u32_le().map_or(Size::Needs(13), |length| Size::of(13, length)),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let flags = message.get(4).copied().unwrap_or(0);
        out.fact(&FLAGS, direction, Value::Number(flags.into()));
        let header = if flags & LARGE == 0 { 13 } else { 21 };
        if flags & COMPRESSED != 0 {
            out.unseen(Unseen::Truncated);
        } else if let Some(data @ [_, ..]) = message.get(header..) {
            out.fact(&DATA, direction, Value::Bytes(data));
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const ASK: &[u8] = b"ZBXD\x01\x0a\0\0\0\0\0\0\0agent.ping";
    const ANSWER: &[u8] = b"ZBXD\x01\x01\0\0\0\0\0\0\x001";

    #[test]
    fn reads_keys_and_values() {
        let tcp = flow(Transport::TCP, 10050);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, ASK), (TO_CLIENT, ANSWER)];
        assert_eq!(feed(&PROTOCOL, &tcp, conversation).values(&DATA), ["agent.ping", "1"]);
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_known_by_its_magic() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, ASK), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &ASK[..3]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"ZBXD\xff"), Probe::Mismatch);
    }
}
