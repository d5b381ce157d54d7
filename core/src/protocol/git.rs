//! Git's own transport, `git://` (gitprotocol-pack): fetching without encryption.
//!
//! Read: which service of which repository on which host is asked for. References and packs are passed over.

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Sink, Value};

/// Longest pkt-line, its length included.
const LONGEST: u64 = 65_520;

static SERVICE: Field = Field::meta("git.service", "service");
static REPOSITORY: Field = Field::meta("git.repository", "repository");
static HOST: Field = Field::hostname("git.host", "host");

static FIELDS: &[&Field] = &[&SERVICE, &REPOSITORY, &HOST];

pub(super) static PROTOCOL: Git = Git;

#[derive(Debug)]
pub(super) struct Git;

impl Protocol for Git {
    fn name(&self) -> &'static str {
        "git"
    }

    fn about(&self) -> &'static str {
        "Git's own transport, git:// (gitprotocol-pack)"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[9418]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"0123456789abcdef")
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

/// A pkt-line with a request, or a server's first line: version, error, or a reference.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    if !bytes.iter().take(4).all(u8::is_ascii_hexdigit) {
        return Probe::Mismatch;
    }
    let Some(line) = bytes.get(4..) else {
        return Probe::NeedMore;
    };
    let Some(length) = length(bytes).filter(|length| *length > 8) else {
        return Probe::Mismatch;
    };
    let starts = [
        &b"git-upload-pack /"[..],
        b"git-receive-pack /",
        b"git-upload-archive /",
        b"version 1\n",
        b"version 2\n",
        b"ERR ",
    ];
    if starts.iter().any(|start| line.starts_with(start)) {
        return Probe::Match;
    }
    // An object's name, a blank, a reference, and behind the first one a zero and what the server can do.
    let reference =
        line.iter().take(40).all(u8::is_ascii_hexdigit) && line.get(40).is_none_or(|byte| *byte == b' ');
    if reference && length > 60 {
        return match line.get(41..46) {
            Some(b"HEAD\0" | b"refs/" | b"capab") => Probe::Match,
            Some(_) => Probe::Mismatch,
            None => Probe::NeedMore,
        };
    }
    if starts.iter().any(|start| start.starts_with(line)) { Probe::NeedMore } else { Probe::Mismatch }
}

/// A pkt-line's length in hex, itself included; `0000` to `0002` are marks without content.
fn length(bytes: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(bytes.get(..4)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

#[derive(Debug, Default)]
struct Session {
    /// The request was read: a pack may follow, which is not in lines.
    asked: bool,
}

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        match length(bytes) {
            _ if self.asked => Size::Opaque,
            Some(0..4) => Size::Is(4),
            Some(length) if length <= LONGEST => Size::Is(length),
            None if bytes.len() < 4 => Size::Needs(4),
            _ => Size::Broken("no pkt-line length where one must stand"),
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let line = message.get(4..).unwrap_or_default();
        self.asked = true;
        if line.starts_with(b"git-") {
            request(line, direction, out);
            out.end_record();
        }
        After::Next
    }
}

/// `git-upload-pack /path NUL host=name NUL NUL version=2 NUL`
fn request(line: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let mut parts = line.split(|byte| *byte == 0);
    let first = parts.next()?;
    let blank = memchr::memchr(b' ', first)?;
    let (service, path) = first.split_at(blank);
    out.fact(&SERVICE, direction, Value::Bytes(service));
    out.fact(&REPOSITORY, direction, Value::Bytes(path.get(1..)?));
    let host = parts.find_map(|part| part.strip_prefix(b"host="))?;
    let host = host.split(|byte| *byte == b':').next()?;
    out.fact(&HOST, direction, Value::Bytes(host));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const REQUEST: &[u8] = b"0037git-upload-pack /shop.git\0host=git.example.org:9418\0";
    const REFERENCE: &[u8] = b"00481234567890123456789012345678901234567890 HEAD\0multi_ack side-band\n";

    #[test]
    fn reads_the_request() {
        let tcp = flow(Transport::TCP, 9418);
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, REQUEST), (TO_CLIENT, REFERENCE)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.value(&SERVICE), "git-upload-pack");
        assert_eq!(transcript.value(&REPOSITORY), "/shop.git");
        assert_eq!(transcript.value(&HOST), "git.example.org");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_known_by_its_lines() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, REQUEST), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &REQUEST[..10]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, REFERENCE), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"000eversion 2\n"), Probe::Match);
        for bytes in [&b"220 mail.example.org"[..], b"0000000000000000", b"1234hello there"] {
            assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, bytes), Probe::Mismatch);
        }
    }
}
