//! Numbers inside text, and the check digits that tell an identifier from any other number.

/// Digits that stand alone: nothing but a non-digit on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The digits without their separators.
    pub(super) digits: Vec<u8>,
}

/// How identifiers are grouped when they are written for people: cards (4-4-4-4 and 4-6-5) and the IMEI (2-6-6-1).
static GROUPS: &[&[usize]] = &[&[4, 4, 4, 4], &[4, 6, 5], &[2, 6, 6, 1]];

/// Numbers of `shortest` to 20 digits in `text`, in one piece or in one of the usual groups.
pub(super) fn runs(text: &[u8], shortest: usize) -> Vec<Run> {
    let mut found = Vec::new();
    let mut chunks: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(start) = position(text, at, u8::is_ascii_digit) {
        let end = position(text, start, |byte| !byte.is_ascii_digit()).unwrap_or(text.len());
        if (shortest..=20).contains(&(end - start)) && !is_part_of_decimal(text, start, end) {
            found.push(Run { start, end, digits: text.get(start..end).unwrap_or_default().to_vec() });
        }
        let joined = chunks
            .last()
            .is_some_and(|&(_, before)| start == before + 1 && matches!(text.get(before), Some(b' ' | b'-')));
        if !joined {
            chunks.clear();
        }
        chunks.push((start, end));
        for group in GROUPS {
            let Some(first) = chunks.len().checked_sub(group.len()) else {
                continue;
            };
            let part = chunks.get(first..).unwrap_or_default();
            if part.iter().map(|(start, end)| end - start).eq(group.iter().copied())
                && let Some(&(start, _)) = part.first()
            {
                let digits: Vec<u8> = text
                    .get(start..end)
                    .unwrap_or_default()
                    .iter()
                    .copied()
                    .filter(u8::is_ascii_digit)
                    .collect();
                if digits.len() >= shortest {
                    found.push(Run { start, end, digits });
                }
            }
        }
        if chunks.len() > 8 {
            chunks.remove(0);
        }
        at = end;
    }
    found
}

fn position(text: &[u8], from: usize, fits: impl Fn(&u8) -> bool) -> Option<usize> {
    text.get(from..)?.iter().position(fits).map(|at| from + at)
}

/// `0.8675309867530912` is a fraction, not an identifier.
fn is_part_of_decimal(text: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(2).and_then(|at| text.get(at..start));
    let after = text.get(end..end.saturating_add(2));
    matches!(before, Some([digit, b'.']) if digit.is_ascii_digit())
        || matches!(after, Some([b'.', digit]) if digit.is_ascii_digit())
}

/// ISO/IEC 7812-1 annex B.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(digit.wrapping_sub(b'0'));
            match (at % 2, digit) {
                (0, digit) => digit,
                (_, digit @ 0..5) => digit * 2,
                (_, digit) => (digit * 2).saturating_sub(9),
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// How many of the ten digits occur.
pub(super) fn distinct(digits: &[u8]) -> u32 {
    digits.iter().fold(0u32, |seen, digit| seen | 1 << (digit & 0x0f)).count_ones()
}

#[cfg(test)]
mod tests {
    use super::{distinct, luhn, runs};

    fn found(text: &str) -> Vec<String> {
        runs(text.as_bytes(), 12).into_iter().map(|run| String::from_utf8(run.digits).unwrap()).collect()
    }

    #[test]
    fn a_number_must_stand_alone() {
        assert_eq!(found("imei=356938035643809;"), ["356938035643809"]);
        assert_eq!(found("0.356938035643809"), [""; 0]);
        assert_eq!(found("123456789012345678901234567890"), [""; 0]);
    }

    #[test]
    fn grouped_numbers_are_joined() {
        assert_eq!(found("card 4111 1111 1111 1111 12/29"), ["4111111111111111"]);
        assert_eq!(found("35-693803-564380-9"), ["356938035643809"]);
        assert_eq!(found("1 2 3 4 5 6 7 8 9 10 11 12 13 14"), [""; 0]);
    }

    #[test]
    fn check_digits() {
        assert!(luhn(b"356938035643809"));
        assert!(!luhn(b"356938035643808"));
        assert_eq!(distinct(b"4111111111111111"), 2);
    }
}
