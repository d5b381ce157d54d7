//! rsync's daemon protocol: copying without encryption.
//!
//! Read: versions, the module asked for, and who answers the challenge. What is copied is multiplexed and compressed, and is
//! passed over.

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

const GREETING: &[u8] = b"@RSYNCD: ";
/// Lines of a side before what follows may be data.
const LINES: u8 = 4;

static VERSION: Field = Field::meta("rsync.version", "version");
static MODULE: Field = Field::meta("rsync.module", "module");
static USER: Field = Field::new("rsync.user", Role::Username);

static FIELDS: &[&Field] = &[&VERSION, &MODULE, &USER];

pub(super) static PROTOCOL: Rsync = Rsync;

#[derive(Debug)]
pub(super) struct Rsync;

impl Protocol for Rsync {
    fn name(&self) -> &'static str {
        "rsync"
    }

    fn about(&self) -> &'static str {
        "rsync's daemon protocol, copying files"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[873]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"@")
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
    let both = bytes.len().min(GREETING.len());
    if bytes[..both] != GREETING[..both] {
        return Probe::Mismatch;
    }
    match bytes.get(GREETING.len()) {
        Some(digit) if digit.is_ascii_digit() => Probe::Match,
        Some(_) => Probe::Mismatch,
        None => Probe::NeedMore,
    }
}

#[derive(Debug, Default)]
struct Session {
    lines: [u8; 2],
    /// The server asked for a login.
    challenged: bool,
    /// Data has begun.
    copying: bool,
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        if self.copying || self.lines[direction.index()] >= LINES {
            return Size::Opaque;
        }
        Size::line(bytes, |_| 0)
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let lines = &mut self.lines[direction.index()];
        *lines = lines.saturating_add(1);
        let line = message.strip_suffix(b"\n").unwrap_or(message);
        match line.strip_prefix(GREETING) {
            Some(b"OK" | b"EXIT") => self.copying = true,
            Some(rest) if rest.starts_with(b"AUTHREQD") => self.challenged = true,
            Some(version) => {
                out.fact(&VERSION, direction, Value::Bytes(version));
                out.end_record();
            }
            None if direction == Direction::ToServer && *lines == 2 => {
                out.fact(&MODULE, direction, Value::Bytes(line));
                out.end_record();
            }
            // The user's name and a hash of the password and the challenge.
            None if direction == Direction::ToServer && self.challenged && *lines == 3 => {
                let user = line.split(|byte| *byte == b' ').next().unwrap_or_default();
                out.fact(&USER, direction, Value::Bytes(user));
                out.end_record();
            }
            // A message of the day may be of any length.
            None if direction == Direction::ToClient => *lines = 1,
            None => {}
        }
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const CONVERSATION: &[(Direction, &[u8])] = &[
        (TO_CLIENT, b"@RSYNCD: 31.0 sha512\n"),
        (TO_SERVER, b"@RSYNCD: 31.0\n"),
        (TO_SERVER, b"photos\n"),
        (TO_CLIENT, b"@RSYNCD: AUTHREQD abc\n"),
        (TO_SERVER, b"anna q2hhbGxlbmdl\n"),
        (TO_CLIENT, b"@RSYNCD: OK\n"),
        (TO_SERVER, b"--server\0--sender\0"),
    ];

    #[test]
    fn reads_modules_and_users() {
        let tcp = flow(Transport::TCP, 873);
        let transcript = feed(&PROTOCOL, &tcp, CONVERSATION);
        assert_eq!(transcript.values(&VERSION), ["31.0 sha512", "31.0"]);
        assert_eq!(transcript.value(&MODULE), "photos");
        assert_eq!(transcript.value(&USER), "anna");
        keeps_promises(&PROTOCOL, &tcp, CONVERSATION);
    }

    #[test]
    fn is_known_by_its_greeting() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"@RSYNCD: 30.0\n"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"@RSY"), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"@ERROR"), Probe::Mismatch);
    }
}
