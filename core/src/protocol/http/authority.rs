//! `user:password@host:port`, RFC 3986 §3.2, and the parts of a URL around it.

use std::borrow::Cow;

use memchr::{memchr, memmem, memrchr};

use super::auth;
use super::lines::decimal;
use crate::flow::Direction;
use crate::protocol::{Field, Sink, Value};

/// RFC 1035 §3.1 allows 255 bytes for a name.
const LONGEST_HOST: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol) struct Authority<'a> {
    pub(in crate::protocol) user_info: Option<&'a [u8]>,
    /// Of an IPv6 literal, without its brackets.
    pub(in crate::protocol) host: &'a [u8],
    pub(in crate::protocol) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// `None` if what stands for the host can be none.
    pub(in crate::protocol) fn parse(text: &'a [u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let (user_info, text) = match memrchr(b'@', text) {
            Some(at) => (Some(text.get(..at)?), text.get(at + 1..)?),
            None => (None, text),
        };
        let (host, port) = match text {
            [b'[', inner @ ..] => {
                let end = memchr(b']', inner)?;
                (inner.get(..end)?, inner.get(end + 1..)?.strip_prefix(b":"))
            }
            _ => match memrchr(b':', text) {
                // An IPv6 address that somebody forgot the brackets of.
                Some(at) if memchr(b':', text.get(..at)?).is_some() => (text, None),
                Some(at) => (text.get(..at)?, text.get(at + 1..)),
                None => (text, None),
            },
        };
        let host = host.strip_suffix(b".").unwrap_or(host);
        let is_host = (1..=LONGEST_HOST).contains(&host.len()) && host.iter().all(is_host_byte);
        is_host.then_some(Self {
            user_info,
            host,
            port: port.and_then(decimal).and_then(|port| u16::try_from(port).ok()),
        })
    }

    /// The host in lower case.
    pub(in crate::protocol) fn name(&self) -> Cow<'a, [u8]> {
        lower_case(self.host)
    }

    pub(in crate::protocol) fn state_host(&self, field: &'static Field, out: &mut dyn Sink) {
        out.fact(field, Direction::ToServer, Value::Bytes(&self.name()));
    }

    /// Whoever logs in by `user:password@`.
    pub(in crate::protocol) fn state_login(&self, fields: &'static auth::Fields, out: &mut dyn Sink) {
        let Some(user_info) = self.user_info else {
            return;
        };
        let (user, password) = match memchr(b':', user_info) {
            Some(at) => (user_info.get(..at), user_info.get(at + 1..)),
            None => (Some(user_info), None),
        };
        for (field, text) in [(&fields.username, user), (&fields.password, password)] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                out.fact(field, Direction::ToServer, Value::Bytes(&percent_decoded(text)));
            }
        }
    }
}

/// The authority of `scheme://authority/path`; `None` for what has no scheme.
pub(in crate::protocol) fn authority_of_url(url: &[u8]) -> Option<&[u8]> {
    let colon = memmem::find(url, b"://").filter(|at| (1..=16).contains(at))?;
    let is_scheme = url
        .get(..colon)?
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let rest = url.get(colon + 3..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    is_scheme.then(|| rest.get(..end))?
}

pub(in crate::protocol) fn lower_case(text: &[u8]) -> Cow<'_, [u8]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Bytes beyond ASCII are let through: names in UTF-8 are sent, if wrongly.
fn is_host_byte(byte: &u8) -> bool {
    !matches!(
        byte,
        0..=b' ' | 0x7f | b'/' | b'\\' | b'?' | b'#' | b'@' | b',' | b'"' | b'<' | b'>' | b'[' | b']'
    )
}

/// RFC 3986 §2.1; a `%` that no two hex digits follow stays.
pub(in crate::protocol) fn percent_decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match after {
            [high, low, tail @ ..] if byte == b'%' => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = tail;
                }
                _ => decoded.push(byte),
            },
            _ => decoded.push(byte),
        }
    }
    Cow::Owned(decoded)
}

pub(in crate::protocol) const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_with_and_without_what_may_stand_around_it() {
        let host = |text: &'static [u8]| {
            let authority = Authority::parse(text).expect("has a host");
            (String::from_utf8_lossy(authority.host), authority.port)
        };
        assert_eq!(host(b"example.org"), ("example.org".into(), None));
        assert_eq!(host(b" example.org.:8080\t"), ("example.org".into(), Some(8080)));
        assert_eq!(host(b"[2001:db8::1]:80"), ("2001:db8::1".into(), Some(80)));
        assert_eq!(host(b"2001:db8::1"), ("2001:db8::1".into(), None));
        assert_eq!(host(b"a:b@c@example.org"), ("example.org".into(), None));
        for none in [&b""[..], b":80", b"a b", b"a/b", b"a,b", b"[::1", b"\0"] {
            assert_eq!(Authority::parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_url_has_an_authority_behind_its_scheme() {
        assert_eq!(authority_of_url(b"http://u:p@a.org:1/x?y"), Some(&b"u:p@a.org:1"[..]));
        assert_eq!(authority_of_url(b"rtsp://[::1]"), Some(&b"[::1]"[..]));
        assert_eq!(authority_of_url(b"/redirect?to=http://a.org/"), None);
        assert_eq!(authority_of_url(b"*"), None);
    }

    #[test]
    fn percent_escapes_are_undone_once() {
        assert_eq!(&*percent_decoded(b"a%40b%2540%zz%4"), b"a@b%40%zz%4");
    }
}
