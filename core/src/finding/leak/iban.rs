//! International bank account numbers, ISO 13616. CATALOGUE L-29.

/// Lengths by country, from the registry that SWIFT publishes.
static LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Whether this is an account number: country, length and check digits agree. Spaces between its groups are allowed.
pub(super) fn is_iban(text: &[u8]) -> bool {
    if !matches!(text, [b'A'..=b'Z', b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9', ..]) {
        return false;
    }
    let compact: Vec<u8> = text.iter().copied().filter(|byte| *byte != b' ').take(35).collect();
    let [a, b, c, d, ..] = *compact.as_slice() else {
        return false;
    };
    let length = LENGTHS.iter().find(|(country, _)| **country == [a, b]).map(|(_, length)| *length);
    length == Some(compact.len())
        && c.is_ascii_digit()
        && d.is_ascii_digit()
        && compact.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && remainder(&compact) == 1
}

/// ISO 7064 MOD 97-10, the first four characters moved to the end, letters as 10 to 35.
fn remainder(compact: &[u8]) -> u32 {
    let (head, tail) = compact.split_at_checked(4).unwrap_or((compact, &[]));
    tail.iter().chain(head).fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter.wrapping_sub(b'A')) + 10) % 97,
    })
}

#[cfg(test)]
mod tests {
    use super::is_iban;

    #[test]
    fn accounts_and_what_looks_like_one() {
        assert!(
            is_iban(b"DE89370400440532013000")
                && is_iban(b"DE89 3704 0044 0532 0130 00")
                && is_iban(b"GB29NWBK60161331926819")
        );
        for text in [
            "DE88370400440532013000",
            "AT483200000012345864X",
            "DE8937040044053201300",
            "XX89370400440532013000",
            "DE",
        ] {
            assert!(!is_iban(text.as_bytes()), "{text}");
        }
    }
}
