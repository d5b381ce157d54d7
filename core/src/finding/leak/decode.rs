//! Encodings that hide a value from plain search, each undone once per layer. All output is bounded.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memchr;

use crate::limits;

/// Shortest text that is tried as base64 or hexadecimal; shorter ones decode to too little to mean anything.
const SHORTEST: usize = 16;

static BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `%XX` undone, and `+` as a space where `plus` says so; `None` if there is nothing to undo.
pub(super) fn percent(text: &[u8], plus: bool) -> Option<Vec<u8>> {
    let escaped = memchr(b'%', text).is_some();
    let spaced = plus && memchr(b'+', text).is_some();
    if !escaped && !spaced {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, behind) {
            (b'%', [high, low, after @ ..]) => match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                    changed = true;
                }
                _ => out.push(byte),
            },
            (b'+', _) if plus => {
                out.push(b' ');
                changed = true;
            }
            _ => out.push(byte),
        }
    }
    changed.then_some(out)
}

/// The escapes of a JSON string undone, RFC 8259 section 7; `None` if there are none.
pub(super) fn json_string(text: &[u8]) -> Option<Vec<u8>> {
    memchr(b'\\', text)?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some((&escape, behind)) = behind.split_first() else {
            break;
        };
        rest = behind;
        match escape {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => {
                let (letter, after) = utf16_escape(behind);
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            other => out.push(other),
        }
    }
    Some(out)
}

/// The character of `XXXX` or `XXXX\uXXXX` behind a `\u`, and what follows it.
fn utf16_escape(text: &[u8]) -> (char, &[u8]) {
    let unit = |text: &[u8]| {
        text.get(..4)?.iter().try_fold(0u32, |unit, byte| Some(unit << 4 | u32::from(nibble(*byte)?)))
    };
    let Some(first) = unit(text) else {
        return (char::REPLACEMENT_CHARACTER, text);
    };
    let after = text.get(4..).unwrap_or_default();
    if let Some(letter) = char::from_u32(first) {
        return (letter, after);
    }
    let second = after.strip_prefix(b"\\u").and_then(unit).filter(|unit| (0xdc00..0xe000).contains(unit));
    match second {
        Some(second) if first < 0xdc00 => {
            let letter = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            (letter.unwrap_or(char::REPLACEMENT_CHARACTER), after.get(6..).unwrap_or_default())
        }
        _ => (char::REPLACEMENT_CHARACTER, after),
    }
}

/// What base64 or base64url text stands for, with or without padding.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    if !(SHORTEST..=limits::DECODED_BYTES).contains(&text.len()) {
        return None;
    }
    if !text.iter().all(|byte| is_base64(*byte)) {
        return None;
    }
    let standard: Vec<u8> = text
        .iter()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    BASE64.decode(standard).ok()
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'\r' | b'\n')
}

/// What hexadecimal text stands for.
pub(super) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    if !(SHORTEST..=limits::DECODED_BYTES).contains(&text.len()) || !text.len().is_multiple_of(2) {
        return None;
    }
    if !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    text.chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

/// What base32 text stands for, RFC 4648 section 6; host names carry nothing denser.
pub(super) fn base32(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text.iter().filter(|byte| **byte != b'=') {
        let five = match byte.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(five);
        held += 5;
        if held >= 8 {
            held -= 8;
            out.extend(u8::try_from(bits >> held & 0xff));
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

fn nibble(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What gzip (RFC 1952) or zlib (RFC 1950) data stands for, as far as it is there and the caps allow.
pub(super) fn inflate(data: &[u8], most: usize) -> Option<(&'static str, Vec<u8>)> {
    let most = most.min(data.len().saturating_mul(limits::DECODE_RATIO));
    let (name, result) = match data {
        [0x1f, 0x8b, 8, ..] => {
            ("gzip", miniz_oxide::inflate::decompress_to_vec_with_limit(gzip_body(data)?, most))
        }
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
            ("deflate", miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(data, most))
        }
        _ => return None,
    };
    // Cut data is evidence as well.
    let output = result.unwrap_or_else(|error| error.output);
    (!output.is_empty()).then_some((name, output))
}

/// The compressed data behind a gzip header, RFC 1952 section 2.3.
fn gzip_body(data: &[u8]) -> Option<&[u8]> {
    let flags = *data.get(3)?;
    let mut rest = data.get(10..)?;
    if flags & 4 != 0 {
        let length = u16::from_le_bytes([*rest.first()?, *rest.get(1)?]);
        rest = rest.get(2 + usize::from(length)..)?;
    }
    for text in [8, 16] {
        if flags & text != 0 {
            rest = rest.get(memchr(0, rest)? + 1..)?;
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// The UTF-8 form of UTF-16 text, told by its byte order mark or by every second byte being zero.
pub(super) fn utf16(data: &[u8]) -> Option<Vec<u8>> {
    let pairs = data.len() / 2;
    if pairs < 4 || memchr(0, data.get(..16.min(data.len()))?).is_none() {
        return None;
    }
    let zeros = |side: usize| data.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
    let read: fn([u8; 2]) -> u16 = match (zeros(0), zeros(1)) {
        (even, odd) if odd > pairs / 2 && even == 0 => u16::from_le_bytes,
        (even, odd) if even > pairs / 2 && odd == 0 => u16::from_be_bytes,
        _ => return None,
    };
    let units = data.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(read);
    let text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Some(text.trim_start_matches('\u{feff}').as_bytes().to_vec())
}

/// Whether this reads as text: UTF-8 (it may be cut at its end) without control characters, judged by its beginning.
pub(super) fn is_text(data: &[u8]) -> bool {
    let sample = data.get(..512).unwrap_or(data);
    let valid = match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && sample.len() - error.valid_up_to() < 4,
    };
    valid && !sample.iter().any(|byte| matches!(byte, 0..=8 | 14..=31 | 127))
}

#[cfg(test)]
mod tests {
    use super::{base32, base64, hex, inflate, is_text, json_string, percent, utf16};

    #[test]
    fn each_encoding_is_undone() {
        assert_eq!(percent(b"a%40b%2Bc+d%zz", true).as_deref(), Some(b"a@b+c d%zz".as_slice()));
        assert_eq!(percent(b"plain+", false), None);
        assert_eq!(json_string(br"a\u0040b\n\ud83d\ude00\").as_deref(), Some("a@b\n\u{1f600}".as_bytes()));
        assert_eq!(base64(b"bWFydGEua293YWxjenlr").as_deref(), Some(b"marta.kowalczyk".as_slice()));
        assert_eq!(base64(b"bWFydGEua293YWxjenlrQA").as_deref(), Some(b"marta.kowalczyk@".as_slice()));
        assert_eq!(hex(b"333536393338303335363433383039").as_deref(), Some(b"356938035643809".as_slice()));
        assert_eq!(base32(b"gm2tmojtha".as_slice()).as_deref(), Some(b"356938".as_slice()));
        assert_eq!(utf16(b"h\0i\0 \0y\0o\0u\0").as_deref(), Some(b"hi you".as_slice()));
    }

    #[test]
    fn compressed_data_is_bounded() {
        let zeros = miniz_oxide::deflate::compress_to_vec_zlib(&[0; 1 << 20], 6);
        let (name, out) = inflate(&zeros, 1 << 16).unwrap();
        assert_eq!(name, "deflate");
        assert!(out.len() <= zeros.len() * 32);
        assert!(inflate(&[0x1f, 0x8b, 8, 4, 0], 100).is_none());
    }

    #[test]
    fn binary_data_is_no_text() {
        assert!(is_text("grüße".as_bytes()) && is_text(&"grüße".as_bytes()[..3]));
        assert!(!is_text(b"ab\x00\x01") && !is_text(&[0xff, 0xfe, 0xfd, b'a', b'b']));
    }
}
