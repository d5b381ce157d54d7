//! Subversion's own protocol, `svn://` (Subversion's `ra_svn` protocol document).
//!
//! Read: the address a client wants, and who logs in how. With CRAM-MD5 the password is hashed, with PLAIN it is not.

use memchr::memmem;

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::{decimal, sasl_plain};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};
use base64::Engine as _;

/// Bytes of a side that are looked at; what follows the login is not told apart.
const OPENING: usize = 4096;

static URL: Field = Field::meta("svn.url", "url");
static HOSTNAME: Field = Field::hostname("svn.hostname", "hostname");
static CLIENT: Field = Field::meta("svn.client", "client");
static MECHANISM: Field = Field::meta("svn.mechanism", "mechanism");
static USER: Field = Field::new("svn.user", Role::Username);
static PASSWORD: Field = Field::new("svn.password", Role::Password);

static FIELDS: &[&Field] = &[&URL, &HOSTNAME, &CLIENT, &MECHANISM, &USER, &PASSWORD];

pub(super) static PROTOCOL: Svn = Svn;

#[derive(Debug)]
pub(super) struct Svn;

impl Protocol for Svn {
    fn name(&self) -> &'static str {
        "svn"
    }

    fn about(&self) -> &'static str {
        "Subversion's own protocol, svn://"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[3690]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"(")
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

/// The server's greeting with its versions and capabilities, or the client's answer with an address.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let head = &bytes[..bytes.len().min(512)];
    for (start, proof) in [(&b"( success ( "[..], &b"edit-pipeline"[..]), (b"( 2 ( ", b":svn")] {
        let both = head.len().min(start.len());
        if head[..both] == start[..both] {
            let proven = memmem::find(head, proof).is_some();
            return match proven {
                true => Probe::Match,
                false if head.len() < 512 => Probe::NeedMore,
                false => Probe::Mismatch,
            };
        }
    }
    Probe::Mismatch
}

#[derive(Debug, Default)]
struct Session {
    read: [usize; 2],
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        if self.read[direction.index()] > OPENING {
            return Size::Opaque;
        }
        item_size(bytes)
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let read = &mut self.read[direction.index()];
        *read = read.saturating_add(message.len());
        if item(message, direction, out) {
            out.end_record();
        }
        After::Next
    }
}

/// The length of the list that begins with `bytes`, and the white space behind it. Strings are skipped by their length.
fn item_size(bytes: &[u8]) -> Size {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return Size::Broken("a list that was not begun"),
            b')' => depth -= 1,
            b'0'..=b'9' => {
                let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                at += digits;
                if bytes.get(at) == Some(&b':') {
                    let length =
                        decimal(&bytes[at - digits..at]).and_then(|length| usize::try_from(length).ok());
                    match length {
                        Some(length) if length <= OPENING => at += 1 + length,
                        _ => return Size::Opaque,
                    }
                }
                continue;
            }
            b' ' | b'\n' if depth == 0 => return Size::Is(at as u64 + 1),
            _ => {}
        }
        at += 1;
    }
    if bytes.len() > OPENING { Size::Opaque } else { Size::Needs(bytes.len() + 1) }
}

/// The strings of a list, with their lengths in front.
fn strings(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = message;
    std::iter::from_fn(move || {
        loop {
            let colon = memchr::memchr(b':', rest)?;
            let before = &rest[..colon];
            let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
            let length = decimal(&before[colon - digits..]).and_then(|length| usize::try_from(length).ok());
            rest = rest.get(colon + 1..)?;
            if let Some(string) = length.and_then(|length| rest.get(..length)) {
                rest = rest.get(string.len()..)?;
                return Some(string);
            }
        }
    })
}

fn item(message: &[u8], direction: Direction, out: &mut dyn Sink) -> bool {
    if message.starts_with(b"( 2 ( ") {
        for string in strings(message) {
            if let Some(rest) = string.strip_prefix(b"svn://").or_else(|| string.strip_prefix(b"svn+ssh://"))
            {
                out.fact(&URL, direction, Value::Bytes(string));
                let host = rest.split(|byte| matches!(byte, b'/' | b':')).next().unwrap_or_default();
                out.fact(&HOSTNAME, direction, Value::Bytes(host));
            } else if string.starts_with(b"SVN/") {
                out.fact(&CLIENT, direction, Value::Bytes(string));
            }
        }
        return true;
    }
    let Some(mechanism) = [&b"PLAIN"[..], b"CRAM-MD5", b"ANONYMOUS"]
        .into_iter()
        .find(|name| message.strip_prefix(b"( ").is_some_and(|rest| rest.starts_with(name)))
    else {
        return false;
    };
    out.fact(&MECHANISM, direction, Value::Bytes(mechanism));
    if mechanism == b"PLAIN"
        && let Some(token) = strings(message).next()
        && let Ok(token) = base64::engine::general_purpose::STANDARD.decode(token)
        && let Some((user, password)) = sasl_plain(&token)
    {
        out.fact(&USER, direction, Value::Bytes(user));
        out.fact(&PASSWORD, direction, Value::Bytes(password));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const GREETING: &[u8] = b"( success ( 2 2 ( ) ( edit-pipeline svndiff1 ) ) ) ";
    const ANSWER: &[u8] = b"( 2 ( edit-pipeline ) 22:svn://svn.example.org/ 10:SVN/1.14.2 ( ) ) ";
    const LOGIN: &[u8] = b"( PLAIN ( 16:AGFubmEAc2VjcmV0 ) ) ";

    #[test]
    fn reads_addresses_and_logins() {
        let tcp = flow(Transport::TCP, 3690);
        let conversation: &[(Direction, &[u8])] =
            &[(TO_CLIENT, GREETING), (TO_SERVER, ANSWER), (TO_SERVER, LOGIN)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.value(&HOSTNAME), "svn.example.org");
        assert_eq!(transcript.value(&CLIENT), "SVN/1.14.2");
        assert_eq!(transcript.value(&USER), "anna");
        assert_eq!(transcript.value(&PASSWORD), "secret");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_known_by_greeting_or_answer() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, GREETING), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, ANSWER), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"( 2"), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"(hello)"), Probe::Mismatch);
    }
}
