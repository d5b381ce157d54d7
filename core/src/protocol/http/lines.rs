//! Lines and header fields as HTTP, RTSP, SIP and SSDP write them.

use std::borrow::Cow;

use memchr::memchr;

/// Finds the line at the front of a growing buffer without looking at any byte twice.
///
/// After a line was found the caller must take its whole length from the buffer before asking again.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Lines {
    /// Bytes at the front that hold no line end worth looking at again.
    scanned: usize,
}

/// A line without its end, and its length with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol) struct Line<'a> {
    pub(in crate::protocol) text: &'a [u8],
    pub(in crate::protocol) len: usize,
}

impl Lines {
    /// The next line, ended by CRLF or a bare LF.
    pub(in crate::protocol) fn line<'a>(&mut self, bytes: &'a [u8]) -> Option<Line<'a>> {
        let Some(end) = self.line_feed(bytes) else {
            self.scanned = bytes.len();
            return None;
        };
        self.scanned = 0;
        Some(Line::new(bytes, end))
    }

    /// The next header field with its folded continuation lines, or the empty line that ends a head. A field is only
    /// complete once the byte behind it tells that no continuation follows.
    pub(in crate::protocol) fn field<'a>(&mut self, bytes: &'a [u8]) -> Option<Line<'a>> {
        loop {
            let Some(end) = self.line_feed(bytes) else {
                self.scanned = bytes.len();
                return None;
            };
            let line = Line::new(bytes, end);
            if line.text.is_empty() {
                self.scanned = 0;
                return Some(line);
            }
            match bytes.get(end + 1) {
                None => {
                    self.scanned = end;
                    return None;
                }
                Some(b' ' | b'\t') => self.scanned = end + 1,
                Some(_) => {
                    self.scanned = 0;
                    return Some(line);
                }
            }
        }
    }

    fn line_feed(&self, bytes: &[u8]) -> Option<usize> {
        let from = self.scanned.min(bytes.len());
        memchr(b'\n', bytes.get(from..)?).map(|at| from + at)
    }
}

impl<'a> Line<'a> {
    fn new(bytes: &'a [u8], line_feed: usize) -> Self {
        let text = bytes.get(..line_feed).unwrap_or_default();
        Self { text: text.strip_suffix(b"\r").unwrap_or(text), len: line_feed + 1 }
    }
}

/// One header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol) struct HeaderField<'a> {
    pub(in crate::protocol) name: &'a [u8],
    /// Without white space around it, and in one line.
    pub(in crate::protocol) value: Cow<'a, [u8]>,
    /// White space stood before the colon.
    pub(in crate::protocol) spaced: bool,
}

impl<'a> HeaderField<'a> {
    /// Takes a field apart; `None` if it has no colon.
    pub(in crate::protocol) fn parse(line: &'a [u8]) -> Option<Self> {
        let colon = memchr(b':', line)?;
        let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
        let trimmed = name.trim_ascii();
        let value = value.trim_ascii();
        Some(Self {
            name: trimmed,
            value: if memchr(b'\n', value).is_some() {
                Cow::Owned(unfold(value))
            } else {
                Cow::Borrowed(value)
            },
            spaced: trimmed.len() != name.len(),
        })
    }

    pub(in crate::protocol) fn is_folded(&self) -> bool {
        matches!(self.value, Cow::Owned(_))
    }

    pub(in crate::protocol) fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// RFC 9112 §5.2: a fold reads as one space.
fn unfold(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    for (index, line) in value.split(|&byte| byte == b'\n').enumerate() {
        if index > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(line.trim_ascii());
    }
    text
}

/// The elements of a comma-separated list, without white space and without empty ones.
pub(in crate::protocol) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// The value of `name=` among parameters that are separated by `separator`, without its quotes.
pub(in crate::protocol) fn parameter<'a>(text: &'a [u8], separator: u8, name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = text;
    while !rest.is_empty() {
        let end = unquoted(rest, separator).unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after.get(1..).unwrap_or_default();
        let Some(equals) = memchr(b'=', piece) else {
            continue;
        };
        let (key, value) = (piece.get(..equals)?, piece.get(equals + 1..)?);
        if key.trim_ascii().eq_ignore_ascii_case(name) {
            return Some(unquote(value.trim_ascii()));
        }
    }
    None
}

fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// Where `wanted` stands outside of a quoted string.
fn unquoted(text: &[u8], wanted: u8) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    text.iter().position(|&byte| {
        let found = byte == wanted && !quoted;
        if !escaped && byte == b'"' {
            quoted = !quoted;
        }
        escaped = quoted && !escaped && byte == b'\\';
        found
    })
}

/// RFC 9110 §5.6.2, what a method and a field name are made of.
pub(in crate::protocol) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

pub(in crate::protocol) fn is_method(text: &[u8]) -> bool {
    (1..=20).contains(&text.len())
        && text.first().is_some_and(u8::is_ascii_alphabetic)
        && text.iter().copied().all(is_token_byte)
}

/// `Method SP target SP version`, with the white space that lenient servers accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol) struct RequestLine<'a> {
    pub(in crate::protocol) method: &'a [u8],
    pub(in crate::protocol) target: &'a [u8],
    pub(in crate::protocol) version: &'a [u8],
}

impl<'a> RequestLine<'a> {
    /// `None` unless the last word begins with `version` and a digit (`HTTP/1.` and one of `0`–`9`).
    pub(in crate::protocol) fn parse(line: &'a [u8], version: &[u8]) -> Option<Self> {
        let line = line.trim_ascii();
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
        let method_end = line.iter().position(is_space)?;
        let version_start = line.iter().rposition(is_space)? + 1;
        let spoken = line.get(version_start..)?;
        let minor = spoken.strip_prefix(version)?;
        let method = line.get(..method_end)?;
        let target = line.get(method_end..version_start)?.trim_ascii();
        let is_whole = matches!(minor, [digit] if digit.is_ascii_digit());
        (is_whole && is_method(method) && !target.is_empty()).then_some(Self {
            method,
            target,
            version: spoken,
        })
    }
}

/// `version SP 3DIGIT [SP reason]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol) struct StatusLine<'a> {
    pub(in crate::protocol) version: &'a [u8],
    pub(in crate::protocol) status: u16,
}

impl<'a> StatusLine<'a> {
    pub(in crate::protocol) fn parse(line: &'a [u8], version: &[u8]) -> Option<Self> {
        let line = line.trim_ascii_end();
        let spoken = line.get(..version.len() + 1)?;
        let after = line.get(version.len() + 1..)?;
        let [minor] = spoken.strip_prefix(version)? else {
            return None;
        };
        let code = after.trim_ascii_start();
        if !minor.is_ascii_digit() || code.len() == after.len() {
            return None;
        }
        let (digits, reason) = code.split_at_checked(3)?;
        if !matches!(reason.first(), None | Some(b' ' | b'\t')) {
            return None;
        }
        let status = decimal(digits)?;
        Some(Self { version: spoken, status: u16::try_from(status).ok().filter(|status| *status >= 100)? })
    }
}

/// A number of nothing but digits.
pub(in crate::protocol) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_ends_where_no_continuation_follows() {
        let bytes = b"X-Long: a\r\n  b\r\n\tc\r\nNext: 1\r\n";
        let line = Lines::default().field(bytes).expect("complete");
        let field = HeaderField::parse(line.text).expect("has a colon");
        assert_eq!((field.name, &*field.value), (&b"X-Long"[..], &b"a b c"[..]));
        assert_eq!(bytes.get(line.len..), Some(&b"Next: 1\r\n"[..]));
        assert_eq!(Lines::default().field(b"Next: 1\r\n"), None);
    }

    #[test]
    fn a_line_that_arrives_byte_by_byte_is_found_once() {
        let bytes = b"abc\n\r\n";
        let mut lines = Lines::default();
        for cut in 0..4 {
            assert_eq!(lines.line(&bytes[..cut]), None);
        }
        assert_eq!(lines.line(bytes).map(|line| line.text), Some(&b"abc"[..]));
        assert_eq!(lines.field(&bytes[4..]).map(|line| line.len), Some(2));
    }

    #[test]
    fn start_lines_need_the_version_of_their_protocol() {
        let line = RequestLine::parse(b"GET  /a b  HTTP/1.1", b"HTTP/1.").expect("lenient about spaces");
        assert_eq!((line.method, line.target, line.version), (&b"GET"[..], &b"/a b"[..], &b"HTTP/1.1"[..]));
        for line in
            [&b"GET /"[..], b"OPTIONS * RTSP/1.0", b"G\x01T / HTTP/1.1", b"GET HTTP/1.1", b"GET / HTTP/1.10"]
        {
            assert_eq!(RequestLine::parse(line, b"HTTP/1."), None);
        }
        assert_eq!(StatusLine::parse(b"HTTP/1.1 101", b"HTTP/1.").map(|line| line.status), Some(101));
        for line in
            [&b"HTTP/1.1200 OK"[..], b"HTTP/1.1 20", b"HTTP/1.1 2000", b"HTTP/1.x 200 OK", b"HTTP/1.1 099"]
        {
            assert_eq!(StatusLine::parse(line, b"HTTP/1."), None);
        }
    }

    #[test]
    fn a_parameter_may_hold_its_separator_in_quotes() {
        let text = br#"username="a,b", realm=x, uri="/""#;
        assert_eq!(parameter(text, b',', b"Username"), Some(&b"a,b"[..]));
        assert_eq!(parameter(text, b',', b"realm"), Some(&b"x"[..]));
        assert_eq!(parameter(text, b',', b"qop"), None);
    }
}
