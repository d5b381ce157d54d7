//! MPD's protocol (Music Player Daemon, "Protocol"): playing music, in lines of text.
//!
//! Read: the version, every command, and the password in the clear.

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::word;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

const GREETING: &[u8] = b"OK MPD ";

static VERSION: Field = Field::meta("mpd.version", "version");
static COMMAND: Field = Field::meta("mpd.command", "command");
static ARGUMENTS: Field = Field::new("mpd.arguments", Role::Content);
static PASSWORD: Field = Field::new("mpd.password", Role::Password);

static FIELDS: &[&Field] = &[&VERSION, &COMMAND, &ARGUMENTS, &PASSWORD];

pub(super) static PROTOCOL: Mpd = Mpd;

#[derive(Debug)]
pub(super) struct Mpd;

impl Protocol for Mpd {
    fn name(&self) -> &'static str {
        "mpd"
    }

    fn about(&self) -> &'static str {
        "MPD's protocol, playing music"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[6600]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"O")
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

/// The server speaks first, and says its name.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let both = bytes.len().min(GREETING.len());
    match bytes.get(GREETING.len()) {
        _ if bytes[..both] != GREETING[..both] => Probe::Mismatch,
        Some(digit) if digit.is_ascii_digit() => Probe::Match,
        Some(_) => Probe::Mismatch,
        None => Probe::NeedMore,
    }
}

#[derive(Debug, Default)]
struct Session {
    server: Option<Direction>,
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        // Answers may hold pictures.
        if self.server == Some(direction) {
            return Size::Opaque;
        }
        Size::line(bytes, |_| 0)
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut line = message.strip_suffix(b"\n").unwrap_or(message);
        if let Some(version) = line.strip_prefix(GREETING) {
            self.server = Some(direction);
            out.fact(&VERSION, direction, Value::Bytes(version));
        } else {
            let command = word(&mut line);
            out.fact(&COMMAND, direction, Value::Bytes(command));
            let argument = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
            match command {
                b"password" => out.fact(&PASSWORD, direction, Value::Bytes(argument)),
                _ if !line.is_empty() => out.fact(&ARGUMENTS, direction, Value::Bytes(line)),
                _ => {}
            }
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const CONVERSATION: &[(Direction, &[u8])] = &[
        (TO_CLIENT, b"OK MPD 0.23.5\n"),
        (TO_SERVER, b"password \"secret\"\nfind artist x\n"),
        (TO_CLIENT, b"OK\n"),
    ];

    #[test]
    fn reads_commands_and_the_password() {
        let tcp = flow(Transport::TCP, 6600);
        let transcript = feed(&PROTOCOL, &tcp, CONVERSATION);
        assert_eq!(transcript.value(&VERSION), "0.23.5");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        assert_eq!(transcript.value(&ARGUMENTS), "artist x");
        keeps_promises(&PROTOCOL, &tcp, CONVERSATION);
    }

    #[test]
    fn is_known_by_its_greeting() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"OK MPD 0.23.5\n"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"OK M"), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"OK ready\n"), Probe::Mismatch);
    }
}
