//! `key=value` lists: query strings and forms (URL Standard section 5), cookies (RFC 6265), loose text.

use memchr::memchr;

/// The pairs of a query string or form. A piece without `=` is a value without a key.
pub(super) fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).map(|piece| split(piece, b'='))
}

/// The pairs of a `Cookie` header.
pub(super) fn cookies(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty()).map(|piece| {
        let (name, value) = split(piece, b'=');
        (name, value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value))
    })
}

fn split(piece: &[u8], separator: u8) -> (&[u8], &[u8]) {
    match memchr(separator, piece) {
        Some(at) => (piece.get(..at).unwrap_or_default(), piece.get(at + 1..).unwrap_or_default()),
        None => (&[], piece),
    }
}

/// Whether this is a form: a key of the usual characters, `=`, and no white space up to the first `&`.
pub(super) fn is_form(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let key = text.iter().take(128).take_while(|byte| is_key(**byte)).count();
    if key == 0 || text.get(key) != Some(&b'=') {
        return false;
    }
    let value = text.get(key + 1..).unwrap_or_default();
    let value = value.get(..memchr(b'&', value).unwrap_or(value.len())).unwrap_or_default();
    !value.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
        && !value.iter().all(|byte| *byte == b'=')
}

const fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'%' | b'$' | b':')
}

/// Whether this is a request's target or an address with a path: `/a?b=c`, `https://example.org/`.
pub(super) fn is_target(text: &[u8]) -> bool {
    let starts = text.starts_with(b"/") || text.starts_with(b"http://") || text.starts_with(b"https://");
    starts && !text.iter().any(u8::is_ascii_whitespace)
}

/// The words of free text that are a `key=value` or `key: value`, and those long enough to be an encoded value.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|byte| byte.is_ascii_whitespace() || b"&;,|<>\"'(){}[]".contains(byte)).filter_map(|word| {
        let at = memchr::memchr2(b'=', b':', word).filter(|at| {
            *at > 0
                && word.get(..*at).is_some_and(|key| key.iter().all(|byte| is_key(*byte) && *byte != b':'))
        });
        match at {
            // What ends in `=` or `==` alone is base64.
            Some(at) if word.get(at + 1..).is_some_and(|value| !value.iter().all(|byte| *byte == b'=')) => {
                Some((word.get(..at)?, word.get(at + 1..)?))
            }
            _ if word.len() >= 16 => Some((&[][..], word)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{cookies, is_form, is_target, pairs, words};

    type Pair<'a> = (&'a [u8], &'a [u8]);

    #[test]
    fn lists_of_pairs() {
        let found: Vec<Pair<'_>> = pairs(b"a=1&&b=2=3&c").collect();
        assert_eq!(found, [(b"a".as_slice(), b"1".as_slice()), (b"b", b"2=3"), (b"", b"c")]);
        let found: Vec<Pair<'_>> = cookies(b"sid=s_81; u=\"x==\"; t").collect();
        assert_eq!(found, [(b"sid".as_slice(), b"s_81".as_slice()), (b"u", b"x=="), (b"", b"t")]);
        let found: Vec<Pair<'_>> = words(b"user login id=356938035643809, ok: no a:b").collect();
        assert_eq!(found, [(b"id".as_slice(), b"356938035643809".as_slice()), (b"a", b"b")]);
    }

    #[test]
    fn forms_and_targets_are_told_from_text() {
        assert!(is_form(b"action=submit&x=1") && is_form(b"user[mail]=a%40b.c"));
        assert!(
            !is_form(b"bWFydGE=") && !is_form(b"a = b") && !is_form(b"select a=b from c") && !is_form(b"no")
        );
        assert!(is_target(b"/v2/a?b=c") && is_target(b"https://x/") && !is_target(b"/usr/bin and more"));
    }
}
