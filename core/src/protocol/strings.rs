//! Strings as binary protocols write them.

use crate::bytes::Reader;

/// Bytes up to a zero, without it.
pub(super) fn zero_ended<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = memchr::memchr(0, reader.peek())?;
    let string = reader.take(length)?;
    reader.skip(1)?;
    Some(string)
}

/// UTF-16 as Windows writes it; what is no character becomes U+FFFD. Zeros at the end are left out.
pub(super) fn utf16_le(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_end_matches('\0').to_owned()
}

/// The next word of a line, up to a blank.
pub(super) fn word<'a>(line: &mut &'a [u8]) -> &'a [u8] {
    let end = memchr::memchr(b' ', line).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    *line = rest.get(1..).unwrap_or_default();
    word
}

/// A number in decimal digits and nothing else.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

/// Who logs in and with what, of SASL PLAIN (RFC 4616): `[authzid] NUL authcid NUL passwd`.
pub(super) fn sasl_plain(response: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = response.splitn(3, |byte| *byte == 0).skip(1);
    Some((parts.next()?, parts.next()?))
}

/// Whether every byte is a printable ASCII character or a blank.
pub(super) fn is_printable(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| (b' '..0x7f).contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_without_its_zero_is_none() {
        let mut reader = Reader::new(b"one\0two");
        assert_eq!(zero_ended(&mut reader), Some(&b"one"[..]));
        assert_eq!(zero_ended(&mut reader), None);
    }

    #[test]
    fn half_a_character_is_replaced() {
        assert_eq!(utf16_le(b"a\0\xe9\0\0\xd8\0\0"), "a\u{e9}\u{fffd}");
    }
}
