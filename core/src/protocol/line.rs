//! Lines of text protocols: complete ones, at most [`LINE_BYTES`] long, found in linear time however they arrive.

use crate::flow::Direction;
use crate::limits::LINE_BYTES;

/// Cuts one direction's bytes into lines. Remembers what it has searched, so that a line that arrives byte by byte is
/// searched once.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Bytes at the start of what is not consumed that hold no LF.
    searched: usize,
    /// The last piece was not the end of its line.
    inside: bool,
}

/// A line without its CR LF, or [`LINE_BYTES`] of one that is longer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a [u8],
    /// The line ended with CR LF; `false` for a bare LF.
    pub(super) has_cr: bool,
    pub(super) starts: bool,
    pub(super) ends: bool,
}

impl Line<'_> {
    /// Whether this is all of its line. Commands are only believed when they are.
    pub(super) const fn is_whole(&self) -> bool {
        self.starts && self.ends
    }
}

impl Lines {
    /// Takes the first line off `rest`. On `None` what is left in `rest` must be given again with more behind it.
    pub(super) fn next<'a>(&mut self, rest: &mut &'a [u8]) -> Option<Line<'a>> {
        let window = rest.get(..LINE_BYTES).unwrap_or(rest);
        let unsearched = window.get(self.searched..).unwrap_or_default();
        let starts = !self.inside;
        let Some(at) = memchr::memchr(b'\n', unsearched) else {
            if window.len() < LINE_BYTES {
                self.searched = window.len();
                return None;
            }
            self.searched = 0;
            self.inside = true;
            *rest = rest.get(window.len()..).unwrap_or_default();
            return Some(Line { text: window, has_cr: false, starts, ends: false });
        };
        let end = self.searched + at;
        let text = rest.get(..end).unwrap_or_default();
        *rest = rest.get(end + 1..).unwrap_or_default();
        *self = Self::default();
        let (text, has_cr) = text.strip_suffix(b"\r").map_or((text, false), |text| (text, true));
        Some(Line { text, has_cr, starts, ends: true })
    }

    /// Takes what is left of a body of known length as its last line.
    pub(super) fn last<'a>(&mut self, rest: &mut &'a [u8]) -> Option<Line<'a>> {
        let starts = !self.inside;
        *self = Self::default();
        let text = std::mem::take(rest);
        (!text.is_empty()).then_some(Line { text, has_cr: false, starts, ends: true })
    }

    /// Bytes were lost: what comes next is the rest of a line whose beginning is unknown.
    pub(super) fn lose(&mut self) {
        self.searched = 0;
        self.inside = true;
    }
}

/// Which direction carries a server's replies. That is to the client, unless the capture began in the middle and the
/// server was seen first.
#[derive(Debug, Default)]
pub(super) struct Sides {
    replies: Option<Direction>,
    /// A line to the client was seen.
    heard: bool,
}

impl Sides {
    /// Whether a line of `direction` is the server's, where `looks` says whether it is written like a reply. A client
    /// that writes one to be taken for a server is found out by the server's first line.
    pub(super) fn is_reply(&mut self, direction: Direction, looks: bool) -> bool {
        let by_looks = if looks { direction } else { direction.opposite() };
        if direction == Direction::ToClient && !std::mem::replace(&mut self.heard, true) && looks {
            self.replies = Some(direction);
        }
        *self.replies.get_or_insert(by_looks) == direction
    }

    /// Whether `direction` is known to be the client's.
    pub(super) fn is_client(&self, direction: Direction) -> bool {
        self.replies == Some(direction.opposite())
    }
}

/// The first line of `bytes` without its end, if it is complete.
pub(super) fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = bytes.get(..end)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// Every complete line of `bytes`, without its end.
pub(super) fn complete_lines(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let line = first_line(bytes)?;
        let end = memchr::memchr(b'\n', bytes)?;
        bytes = bytes.get(end + 1..)?;
        Some(line)
    })
}

/// The first word, and what follows the spaces behind it.
pub(super) fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_ascii_start())
}

/// Whether there are no control characters but tabs; bytes of any 8-bit charset pass.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}

/// Whether `text` begins with `prefix`, ignoring ASCII case.
pub(super) fn starts_with_ignore_case(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether `word` stands anywhere in `text`, ignoring ASCII case.
pub(super) fn contains_ignore_case(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Whether `word` is one of `list`, ignoring ASCII case.
pub(super) fn is_one_of(word: &[u8], list: &[&[u8]]) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether incomplete `bytes` could still become one of `list`, ignoring ASCII case.
pub(super) fn could_become(bytes: &[u8], list: &[&[u8]]) -> bool {
    list.iter().any(|known| known.len() >= bytes.len() && starts_with_ignore_case(known, bytes))
}

/// A decimal number of at most nine digits.
pub(super) fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |number: u32, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    })
}

/// A reply of FTP and SMTP (RFC 959 §4.2, RFC 5321 §4.2): three digits, then a space, or a hyphen when more follow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply<'a> {
    pub(super) code: u16,
    pub(super) is_last: bool,
    pub(super) digits: &'a [u8],
    pub(super) text: &'a [u8],
}

pub(super) fn reply(line: &[u8]) -> Option<Reply<'_>> {
    let (digits, rest) = line.split_at_checked(3)?;
    let [b'1'..=b'6', b'0'..=b'5', b'0'..=b'9'] = digits else {
        return None;
    };
    let (is_last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return None,
    };
    let code = u16::try_from(decimal(digits)?).ok()?;
    Some(Reply { code, is_last, digits, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let mut lines = Lines::default();
        let mut pending = Vec::new();
        let mut found = Vec::new();
        for piece in pieces {
            pending.extend_from_slice(piece);
            let given = pending.clone();
            let mut rest = &given[..];
            while let Some(line) = lines.next(&mut rest) {
                found.push((line.text.to_vec(), line.is_whole()));
            }
            pending = rest.to_vec();
        }
        found
    }

    #[test]
    fn lines_are_the_same_byte_by_byte() {
        let text = b"USER a\r\nbare\n\r\nunfinished";
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        let expected = vec![(b"USER a".to_vec(), true), (b"bare".to_vec(), true), (Vec::new(), true)];
        assert_eq!(cut(&[text]), expected);
        assert_eq!(cut(&bytes), expected);
    }

    #[test]
    fn a_line_that_is_too_long_comes_in_pieces_and_the_next_is_whole() {
        let mut text = vec![b'x'; 2 * LINE_BYTES + 3];
        text.extend_from_slice(b"\r\nnext\r\n");
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        for found in [cut(&[&text]), cut(&bytes)] {
            let lengths: Vec<_> = found.iter().map(|(line, whole)| (line.len(), *whole)).collect();
            assert_eq!(lengths, [(LINE_BYTES, false), (LINE_BYTES, false), (3, false), (4, true)]);
        }
    }

    #[test]
    fn replies_have_three_digits_and_a_separator() {
        assert!(reply(b"220 ready").is_some_and(|reply| reply.code == 220 && reply.is_last));
        assert!(reply(b"250-SIZE").is_some_and(|reply| !reply.is_last && reply.text == b"SIZE"));
        assert!(reply(b"354").is_some());
        for line in [&b"22 ready"[..], b"2200 ready", b"720 x", b"HTTP/1.1 200 OK", b"200OK", b""] {
            assert!(reply(line).is_none());
        }
    }

    #[test]
    fn random_bytes_are_no_text_protocol() {
        use crate::packet::Transport;
        use crate::protocol::{Probe, all, testing};
        let mut state = 7_u64;
        for round in 0..20_000 {
            let bytes: Vec<u8> = (0..48)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            let port = [21, 22, 23, 25, 110, 143, 389, 514, 5222, 6379, 6667][round % 11];
            let flow = testing::flow(Transport::TCP, port);
            let names = [
                "ftp", "ftp-data", "imap", "irc", "ldap", "pop3", "redis", "smtp", "ssh", "syslog", "telnet",
                "xmpp",
            ];
            for protocol in all().iter().filter(|protocol| names.contains(&protocol.name())) {
                for direction in Direction::BOTH {
                    let probe = testing::probe(*protocol, &flow, direction, &bytes);
                    assert_ne!(probe, Probe::Match, "{} for {bytes:x?}", protocol.name());
                }
            }
        }
    }
}
