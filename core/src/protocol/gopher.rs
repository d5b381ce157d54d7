//! Gopher (RFC 1436): menus of documents, before the web.
//!
//! A question is a selector, which could be anything: a menu in the answer tells, whose lines have a type and four fields.

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::{decimal, is_printable};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Role, Sink, Value};

/// Longest selector, RFC 1436 appendix, with room for a search.
const SELECTOR: usize = 512;

static SELECTED: Field = Field::new("gopher.selector", Role::Content);

static FIELDS: &[&Field] = &[&SELECTED];

pub(super) static PROTOCOL: Gopher = Gopher;

#[derive(Debug)]
pub(super) struct Gopher;

impl Protocol for Gopher {
    fn name(&self) -> &'static str {
        "gopher"
    }

    fn about(&self) -> &'static str {
        "Gopher, menus of documents (RFC 1436)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[70]
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
    let mut selector = question.trim_ascii_end().split(|byte| *byte == b'\t');
    if question.len() > SELECTOR || !selector.all(is_printable) {
        return Probe::Mismatch;
    }
    if answer.is_empty() {
        return if opening.flow.has_port(70) { Probe::NeedMore } else { Probe::Mismatch };
    }
    let Some(end) = memchr::memchr(b'\n', &answer[..answer.len().min(1024)]) else {
        return if answer.len() < 1024 && opening.flow.has_port(70) {
            Probe::NeedMore
        } else {
            Probe::Mismatch
        };
    };
    if is_menu_line(answer[..end].trim_ascii_end()) { Probe::Match } else { Probe::Mismatch }
}

/// Type and text, selector, host, port.
fn is_menu_line(line: &[u8]) -> bool {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    let known = line.first().is_some_and(|kind| b"0123456789+gIThidsMp:;<".contains(kind));
    match fields.as_slice() {
        [_, _, host, port] | [_, _, host, port, _] => {
            known && !host.is_empty() && decimal(port).is_some_and(|port| port <= 65_535)
        }
        _ => false,
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
        out.fact(&SELECTED, direction, Value::Bytes(message.trim_ascii()));
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises};

    const MENU: &[u8] = b"iWelcome\tfake\t(NULL)\t0\r\n0About\t/about.txt\tlab\t70\r\n.\r\n";

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
    fn reads_the_selector() {
        let tcp = flow(Transport::TCP, 70);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, b"/sub\r\n"), (TO_CLIENT, MENU)];
        assert_eq!(feed(&PROTOCOL, &tcp, conversation).value(&SELECTED), "/sub");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_known_by_a_menu() {
        assert_eq!(asked(70, b"\r\n", b""), Probe::NeedMore);
        assert_eq!(asked(4000, b"\r\n", MENU), Probe::Match);
        assert_eq!(asked(70, b"\r\n", b"hello\r\n"), Probe::Mismatch);
        assert_eq!(asked(80, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", MENU), Probe::Mismatch);
    }
}
