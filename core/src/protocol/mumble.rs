//! Mumble's UDP ping (Mumble protocol, "Ping"): which servers list themselves. The control channel is TLS, and voice is encrypted.

use crate::flow::{Chunk, Direction};
use crate::packet::Transport;
use crate::protocol::framing::{Datagram, Datagrams};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

/// Four zeros and an identifier of eight bytes ask; a version, the identifier, users, most users and bandwidth answer.
const PING: usize = 12;
const PONG: usize = 24;

static USERS: Field = Field::meta("mumble.users", "users");
static VERSION: Field = Field::meta("mumble.version", "version");

static FIELDS: &[&Field] = &[&USERS, &VERSION];

pub(super) static PROTOCOL: Mumble = Mumble;

#[derive(Debug)]
pub(super) struct Mumble;

impl Protocol for Mumble {
    fn name(&self) -> &'static str {
        "mumble"
    }

    fn about(&self) -> &'static str {
        "Mumble's ping, voice over IP"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[64738]
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

/// An answer repeats the identifier of its question.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    match opening.previous {
        Some(Chunk { direction, bytes: previous })
            if direction != opening.direction && repeats(previous, bytes) =>
        {
            Probe::Match
        }
        _ if bytes.len() == PING && bytes.starts_with(&[0; 4]) => {
            if opening.flow.has_port(64738) {
                Probe::Match
            } else {
                Probe::NeedMore
            }
        }
        _ => Probe::Mismatch,
    }
}

fn repeats(ping: &[u8], pong: &[u8]) -> bool {
    ping.len() == PING
        && pong.len() == PONG
        && ping.starts_with(&[0; 4])
        && ping.get(4..) == pong.get(4..PING)
        // Version 1.x, in the second byte.
        && pong.get(..2) == Some(&[0, 1])
}

#[derive(Debug, Default)]
struct Packet;

impl Datagram for Packet {
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()> {
        if let &[0, major, minor, patch, _, _, _, _, _, _, _, _, _, _, high, low, ..] = datagram
            && datagram.len() == PONG
        {
            out.fact(&VERSION, direction, Value::Text(&format!("{major}.{minor}.{patch}")));
            out.fact(&USERS, direction, Value::Number(u16::from_be_bytes([high, low]).into()));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const ASK: &[u8] = b"\0\0\0\0abcdefgh";
    const ANSWER: &[u8] = b"\0\x01\x03\x04abcdefgh\0\0\0\x05\0\0\0\x64\0\x01\x19\x40";

    #[test]
    fn reads_a_servers_answer() {
        let udp = flow(Transport::UDP, 64738);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, ASK), (TO_CLIENT, ANSWER)];
        let transcript = feed(&PROTOCOL, &udp, conversation);
        assert_eq!(transcript.value(&VERSION), "1.3.4");
        assert_eq!(transcript.value(&USERS), "5");
        keeps_promises(&PROTOCOL, &udp, conversation);
    }

    #[test]
    fn an_answer_must_repeat_the_question() {
        let odd = flow(Transport::UDP, 4000);
        let opening = |answer| Opening {
            flow: &odd,
            direction: TO_CLIENT,
            to_server: b"",
            to_client: answer,
            previous: Some(Chunk { direction: TO_SERVER, bytes: ASK }),
        };
        assert_eq!(PROTOCOL.probe(&opening(ANSWER)), Probe::Match);
        assert_eq!(PROTOCOL.probe(&opening(&[0; 24])), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, ASK), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\0\0\0\x01abcdefgh"), Probe::Mismatch);
    }
}
