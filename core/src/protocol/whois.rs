//! WHOIS (RFC 3912): whose domain or address is this?
//!
//! Question and answer are free text: a registered port and words that registries write must come together.

use memchr::memmem;

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// Longest question of a client.
const QUESTION: usize = 256;
/// How much of an answer is looked at.
const LOOKED_AT: usize = 1024;

static QUERY: Field = Field::new("whois.query", Role::Content);

static FIELDS: &[&Field] = &[&QUERY];

pub(super) static PROTOCOL: Whois = Whois;

#[derive(Debug)]
pub(super) struct Whois;

impl Protocol for Whois {
    fn name(&self) -> &'static str {
        "whois"
    }

    fn about(&self) -> &'static str {
        "WHOIS, owners of domains and addresses (RFC 3912)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[43]
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
    let is_text = question.trim_ascii_end().iter().all(|byte| *byte >= b' ');
    if !opening.flow.has_port(43) || question.len() > QUESTION || !is_text {
        return Probe::Mismatch;
    }
    if answer.is_empty() || question.is_empty() {
        return Probe::NeedMore;
    }
    let head = answer[..answer.len().min(LOOKED_AT)].to_ascii_lowercase();
    let words: [&[u8]; 10] = [
        b"whois",
        b"domain:",
        b"domain name:",
        b"inetnum:",
        b"netrange:",
        b"registrar:",
        b"refer:",
        b"no match",
        b"not found",
        b"no entries",
    ];
    if words.iter().any(|word| memmem::find(&head, word).is_some()) {
        Probe::Match
    } else if answer.len() < LOOKED_AT {
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
        out.fact(&QUERY, direction, Value::Bytes(message.trim_ascii()));
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises};

    const ANSWER: &[u8] = b"% Registry\r\ndomain:   example.org\r\nregistrar: X\r\n";

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
    fn reads_the_question() {
        let tcp = flow(Transport::TCP, 43);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, b"example.org\r\n"), (TO_CLIENT, ANSWER)];
        assert_eq!(feed(&PROTOCOL, &tcp, conversation).value(&QUERY), "example.org");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn needs_port_and_words() {
        assert_eq!(asked(43, b"example.org\r\n", ANSWER), Probe::Match);
        assert_eq!(asked(44, b"example.org\r\n", ANSWER), Probe::Mismatch);
        assert_eq!(asked(43, b"example.org\r\n", &[b'x'; 2000]), Probe::Mismatch);
        assert_eq!(asked(43, b"\x16\x03\x01\x02\0", b"domain:"), Probe::Mismatch);
    }
}
