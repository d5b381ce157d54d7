//! Finger (RFC 1288): who is on a machine.
//!
//! A question is a name and a line end, which could be anybody's: only the answer tells, by the words that all servers write.

use memchr::memmem;

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::is_printable;
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// Longest question of a client.
const QUESTION: usize = 128;

static NAME: Field = Field::new("finger.name", Role::Content);

static FIELDS: &[&Field] = &[&NAME];

pub(super) static PROTOCOL: Finger = Finger;

#[derive(Debug)]
pub(super) struct Finger;

impl Protocol for Finger {
    fn name(&self) -> &'static str {
        "finger"
    }

    fn about(&self) -> &'static str {
        "Finger, who is on a machine (RFC 1288)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[79]
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
    let (question, answer) = (opening.to_server, opening.to_client);
    let question_fits = question.len() <= QUESTION && is_printable(question.trim_ascii_end());
    if !question_fits {
        return Probe::Mismatch;
    }
    if answer.is_empty() {
        return if opening.flow.has_port(79) { Probe::NeedMore } else { Probe::Mismatch };
    }
    let head = &answer[..answer.len().min(256)];
    let has = |word: &[u8]| memmem::find(head, word).is_some();
    let one = head.starts_with(b"Login: ") || head.starts_with(b"Login name: ");
    let list = head.starts_with(b"Login ") && has(b"Name") && has(b"Idle");
    if (one && (has(b"Name: ") || has(b"In real life: "))) || list {
        Probe::Match
    } else if head.len() < 64 && b"Login".starts_with(&head[..head.len().min(5)]) {
        Probe::NeedMore
    } else {
        Probe::Mismatch
    }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        if direction == Direction::ToClient {
            return Size::Opaque;
        }
        Size::line(bytes, |_| 0)
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        out.fact(&NAME, direction, Value::Bytes(message.trim_ascii()));
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises};

    const ANSWER: &[u8] = b"Login: anna           \t\t\tName: Anna\r\nNever logged in.\r\n";

    fn asked(port: u16, question: &[u8], answer: &[u8]) -> Probe {
        PROTOCOL.probe(&Opening {
            flow: &flow(Transport::TCP, port),
            direction: TO_CLIENT,
            to_server: question,
            to_client: answer,
            previous: None,
        })
    }

    #[test]
    fn reads_the_name_asked_for() {
        let tcp = flow(Transport::TCP, 79);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, b"anna\r\n"), (TO_CLIENT, ANSWER)];
        assert_eq!(feed(&PROTOCOL, &tcp, conversation).value(&NAME), "anna");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_known_by_the_answer() {
        assert_eq!(asked(79, b"anna\r\n", b""), Probe::NeedMore);
        assert_eq!(asked(79, b"anna\r\n", ANSWER), Probe::Match);
        assert_eq!(asked(79, b"anna\r\n", b"Login: "), Probe::NeedMore);
        assert_eq!(asked(79, b"anna\r\n", b"who is there?\r\n"), Probe::Mismatch);
        assert_eq!(asked(80, b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n"), Probe::Mismatch);
    }
}
