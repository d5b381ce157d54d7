//! WireGuard (wireguard.com/protocol): a VPN whose four messages have fixed sizes.

use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Sink, Unseen, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

static TYPE: Field = Field::meta("wireguard.type", "type");
static SENDER: Field = Field::meta("wireguard.sender", "sender");

static FIELDS: &[&Field] = &[&TYPE, &SENDER];

pub(crate) static PROTOCOL: WireGuard = WireGuard;

#[derive(Debug)]
pub(crate) struct WireGuard;

impl Protocol for WireGuard {
    fn name(&self) -> &'static str {
        "wireguard"
    }

    fn about(&self) -> &'static str {
        "WireGuard VPN, wireguard.com/protocol"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[51820]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(1, 4)
    }

    fn is_encrypted(&self) -> bool {
        true
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        match Message::read(opening.newest()) {
            None => Probe::Mismatch,
            Some(Message::Data(data)) => {
                opening.previous.map_or(Probe::NeedMore, |previous| data.after(previous, opening.direction))
            }
            Some(_) => Probe::Match,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(WireGuardParser)
    }
}

enum Message {
    Initiation { sender: u32 },
    Response { sender: u32 },
    CookieReply,
    Data(Data),
}

/// A transport message: to which of the receiver's sessions, and which of its packets.
struct Data {
    receiver: u32,
    counter: u64,
}

impl Message {
    /// The type is one octet with three reserved zeros behind it. Data is padded to sixteen octets, with a header and an
    /// authenticator of sixteen octets each.
    fn read(datagram: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(datagram);
        let kind = reader.u32_le()?;
        let index = reader.u32_le()?;
        match (kind, datagram.len()) {
            (1, 148) => Some(Self::Initiation { sender: index }),
            (2, 92) => Some(Self::Response { sender: index }),
            (3, 64) => Some(Self::CookieReply),
            (4, 32..) if datagram.len().is_multiple_of(16) => {
                Some(Self::Data(Data { receiver: index, counter: reader.u64_le()? }))
            }
            _ => None,
        }
    }
}

impl Data {
    /// Counters at which a session is replaced after two minutes; none comes near.
    const MANY: u64 = 1 << 40;

    /// Data without a handshake is believed when another datagram fits to it.
    fn after(&self, previous: Chunk<'_>, direction: Direction) -> Probe {
        let Some(Message::Data(before)) = Message::read(previous.bytes) else {
            return Probe::NeedMore;
        };
        let small = self.counter < Self::MANY && before.counter < Self::MANY;
        let fits = if previous.direction == direction {
            self.receiver == before.receiver && self.counter > before.counter
        } else {
            self.receiver != before.receiver
        };
        if small && fits { Probe::Match } else { Probe::NeedMore }
    }
}

#[derive(Debug)]
struct WireGuardParser;

impl Parser for WireGuardParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        let (name, sender) = match Message::read(chunk.bytes) {
            Some(Message::Initiation { sender }) => ("initiation", Some(sender)),
            Some(Message::Response { sender }) => ("response", Some(sender)),
            Some(Message::CookieReply) => ("cookie-reply", None),
            Some(Message::Data(_)) => {
                out.fact(&TYPE, direction, Value::Text("data"));
                out.end_record();
                out.unseen(Unseen::Encrypted);
                return Progress::Done;
            }
            // Programs that disguise WireGuard put noise between its messages.
            None => return Progress::Consumed(chunk.bytes.len()),
        };
        out.fact(&TYPE, direction, Value::Text(name));
        if let Some(sender) = sender {
            out.fact(&SENDER, direction, Value::Number(sender.into()));
        }
        out.end_record();
        Progress::Consumed(chunk.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{PROTOCOL, TYPE};
    use crate::flow::Chunk;
    use crate::packet::Transport;
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};
    use crate::protocol::{Opening, Probe, Protocol};

    /// A message of this type and size, from or to session 7.
    fn message(kind: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 0, 0, 7, 0, 0, 0];
        bytes.resize(length, 0);
        bytes
    }

    #[test]
    fn reads_a_handshake_up_to_data() {
        let flow = testing::flow(Transport::UDP, 51820);
        let (initiation, response, data) = (message(1, 148), message(2, 92), message(4, 32));
        let conversation = [(TO_SERVER, &initiation[..]), (TO_CLIENT, &response[..]), (TO_SERVER, &data[..])];
        testing::keeps_promises(&PROTOCOL, &flow, &conversation);
        let said = testing::feed(&PROTOCOL, &flow, &conversation);
        assert_eq!(said.values(&TYPE), ["initiation", "response", "data"]);
        assert!(said.says("[unseen encrypted]") && said.says("[done]"));
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &initiation), Probe::Match);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_CLIENT, &response), Probe::Match);
    }

    #[test]
    fn data_alone_needs_a_second_datagram() {
        let flow = testing::flow(Transport::UDP, 9999);
        let first = message(4, 96);
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &first), Probe::NeedMore);
        let mut second = message(4, 32);
        second[8] = 1;
        let opening = |newest| Opening {
            flow: &flow,
            direction: TO_SERVER,
            to_server: newest,
            to_client: b"",
            previous: Some(Chunk { direction: TO_SERVER, bytes: &first }),
        };
        assert_eq!(PROTOCOL.probe(&opening(&second)), Probe::Match);
        assert_eq!(PROTOCOL.probe(&opening(&first)), Probe::NeedMore);
    }

    #[test]
    fn others_are_not_wireguard() {
        let flow = testing::flow(Transport::UDP, 51820);
        let others = [vec![], vec![1; 148], message(1, 147), message(4, 33), message(5, 64), vec![0xff; 64]];
        for bytes in others {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &bytes), Probe::Mismatch);
        }
    }
}
