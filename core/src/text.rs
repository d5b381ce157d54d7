//! Text off the wire, made fit to be shown: it may hold anything, and what shows it may obey escape sequences.

/// A host name in the form it is compared and shown in: lower-case, without a trailing dot, printable ASCII only (other
/// bytes become `?`; an internationalised name travels as `xn--`), at most 255 bytes.
pub fn hostname(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
    bytes
        .iter()
        .take(255)
        .map(|byte| match byte {
            b'!'..=b'~' => byte.to_ascii_lowercase() as char,
            _ => '?',
        })
        .collect()
}

/// At most `most` characters of text, safe for a terminal, a log and (escaped) a page: control characters, bidirectional
/// overrides and invisible characters become `\u{fffd}`.
pub fn clean(bytes: &[u8], most: usize) -> String {
    let cut = &bytes[..bytes.len().min(most.saturating_mul(4))];
    let text = String::from_utf8_lossy(cut);
    let mut shown: String =
        text.chars().take(most).map(|c| if is_unsafe(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(most).is_some() || cut.len() < bytes.len() {
        shown.push('…');
    }
    shown
}

/// Characters that change how the text around them is read or shown.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A secret as it may be shown: its first character and its length's order of magnitude, never more.
///
/// ```
/// assert_eq!(weir_core::text::mask("hunter2"), "h•••");
/// assert_eq!(weir_core::text::mask(""), "•••");
/// ```
pub fn mask(secret: &str) -> String {
    let first = secret.chars().next().filter(|c| !is_unsafe(*c) && secret.chars().count() >= 4);
    first.map_or_else(|| "•••".to_owned(), |c| format!("{c}•••"))
}

#[cfg(test)]
mod tests {
    use super::{clean, hostname};

    #[test]
    fn a_host_name_cannot_carry_an_escape_sequence() {
        assert_eq!(hostname(b"WWW.Example.ORG."), "www.example.org");
        assert_eq!(hostname(b"a\x1b[2Jb.example"), "a?[2jb.example");
    }

    #[test]
    fn text_is_cut_and_cleaned() {
        assert_eq!(clean(b"abc\x1b[31m", 20), "abc\u{fffd}[31m");
        assert_eq!(clean("abc\u{202e}txt".as_bytes(), 20), "abc\u{fffd}txt");
        assert_eq!(clean(b"abcdef", 3), "abc…");
        assert_eq!(clean(&[0xff, b'a'], 8), "\u{fffd}a");
    }
}
