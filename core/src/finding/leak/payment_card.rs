//! Payment cards: issuer's range and length, check digit, and a word beside the number that says what it is.
//! CATALOGUE L-28.

use super::digits::{distinct, luhn};

pub(super) static KEYS: &[&str] = &[
    "card",
    "cardnumber",
    "cardno",
    "cardnum",
    "ccnum",
    "ccnumber",
    "ccno",
    "cc",
    "pan",
    "creditcard",
    "debitcard",
    "primaryaccountnumber",
];

/// Numbers that payment services publish for tests.
static TESTS: &[&[u8]] = &[
    b"4111111111111111",
    b"4242424242424242",
    b"4012888888881881",
    b"4000056655665556",
    b"4222222222222",
    b"5555555555554444",
    b"5105105105105100",
    b"5200828282828210",
    b"2223003122003222",
    b"378282246310005",
    b"371449635398431",
    b"378734493671000",
    b"6011111111111117",
    b"6011000990139424",
    b"30569309025904",
    b"38520000023237",
    b"3530111333300000",
    b"3566002020360505",
    b"6200000000000005",
];

/// Whether these digits are a card's number, and not one that was published for tests.
pub(super) fn is_card(digits: &[u8]) -> bool {
    is_issued(digits) && luhn(digits) && distinct(digits) >= 4 && !TESTS.contains(&digits)
}

/// The issuers' ranges and lengths, ISO/IEC 7812 as the schemes publish them.
fn is_issued(digits: &[u8]) -> bool {
    let prefix = |length: usize| {
        digits
            .iter()
            .take(length)
            .fold(0u32, |number, digit| number * 10 + u32::from(digit.wrapping_sub(b'0')))
    };
    match digits.len() {
        13 | 16 | 19 if prefix(1) == 4 => true,
        16 if matches!(prefix(2), 51..=55) || matches!(prefix(4), 2221..=2720) => true,
        15 if matches!(prefix(2), 34 | 37) => true,
        14..=19 if matches!(prefix(3), 300..=305) || matches!(prefix(2), 36 | 38 | 39) => true,
        16..=19 if prefix(4) == 6011 || matches!(prefix(3), 644..=649) || prefix(2) == 65 => true,
        16..=19 if matches!(prefix(4), 3528..=3589 | 2200..=2204) || prefix(2) == 62 => true,
        12..=19 => matches!(prefix(4), 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_card;

    #[test]
    fn cards_and_other_numbers() {
        assert!(is_card(b"5425233430109903") && is_card(b"374245455400126"));
        assert!(!is_card(b"4111111111111111"), "a test number");
        assert!(!is_card(b"5425233430109904"), "its check digit is wrong");
        assert!(!is_card(b"1718031234567000"), "a time in microseconds");
    }
}
