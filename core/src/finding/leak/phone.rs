//! Telephone numbers, ITU-T E.164. CATALOGUE L-12.

pub(super) static KEYS: &[&str] = &[
    "phone",
    "phonenumber",
    "phoneno",
    "msisdn",
    "mobile",
    "mobilenumber",
    "tel",
    "telephone",
    "line1number",
    "cell",
    "cellphone",
    "telefon",
    "handy",
    "whatsapp",
];

/// Digits of a number that is written with its country: `+49 151 12345678`, `0049151…`.
pub(super) fn international(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    if !matches!(text, [b'+', ..] | [b'0', b'0', ..])
        || text.len() > 24
        || !text.iter().all(|byte| byte.is_ascii_digit() || b"+ -()./".contains(byte))
    {
        return None;
    }
    let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
    let digits = match text {
        [b'+', rest @ ..] if !rest.contains(&b'+') => digits,
        [b'0', b'0', ..] => digits.get(2..)?.to_vec(),
        _ => return None,
    };
    is_plausible(&digits).then_some(digits)
}

/// Eight to fifteen digits, no country begins with zero, and not the numbers that films use.
fn is_plausible(digits: &[u8]) -> bool {
    let fiction = digits.len() == 11
        && digits.starts_with(b"1")
        && digits.get(4..8).is_some_and(|part| part.starts_with(b"5550"));
    (8..=15).contains(&digits.len())
        && !digits.starts_with(b"0")
        && !fiction
        && super::digits::distinct(digits) > 2
}

/// Digits of the country code that a number begins with, ITU-T E.164 annex.
pub(super) fn country_code(digits: &[u8]) -> usize {
    match digits {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::{country_code, international};

    #[test]
    fn numbers_with_a_country() {
        assert_eq!(international(b"+49 (151) 1234-5678").as_deref(), Some(b"4915112345678".as_slice()));
        assert_eq!(international(b"004915112345678").as_deref(), Some(b"4915112345678".as_slice()));
        assert!(international(b"1718031234567").is_none() && international(b"+1.2.3").is_none());
        assert!(international(b"+1 212 555 0123").is_none());
        assert_eq!([country_code(b"4915"), country_code(b"1212"), country_code(b"35312")], [2, 1, 3]);
    }
}
