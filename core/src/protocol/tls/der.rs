//! Just enough of DER (ITU-T X.690) to walk a certificate, leniently: what is cut off is read as far as it goes.

use crate::bytes::Reader;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const BMP_STRING: u8 = 0x1e;
pub(super) const UNIVERSAL_STRING: u8 = 0x1c;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A cursor over values, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a>(Reader<'a>);

impl<'a> Values<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }

    /// The tag of the next value, without reading it.
    pub(super) fn tag(&self) -> Option<u8> {
        self.0.peek().first().copied()
    }

    /// The content of the next value if it has this tag; otherwise nothing is read.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.tag()? != tag {
            return None;
        }
        self.next().map(|(_, content)| content)
    }

    /// A reader over the next value's content, if it has this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(Self::new)
    }
}

/// Tag and content of each value.
impl<'a> Iterator for Values<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.0.u8()?;
        // Tags above 30 take more bytes; certificates have none.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let length = match self.0.u8()? {
            short @ 0..=0x7f => usize::from(short),
            0x81 => self.0.u8()?.into(),
            0x82 => self.0.u16()?.into(),
            0x83 => usize::try_from(self.0.u24()?).ok()?,
            _ => return None,
        };
        let content = self.0.take(length.min(self.0.remaining()))?;
        Some((tag, content))
    }
}

/// An object identifier in dots and numbers.
pub(super) fn dotted(identifier: &[u8]) -> String {
    let mut text = String::new();
    let mut arc: u64 = 0;
    for &byte in identifier {
        arc = arc.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            // The first number holds two, X.690 §8.19.4.
            let root = (arc / 40).min(2);
            text = format!("{root}.{}", arc - root * 40);
        } else {
            text.push('.');
            text.push_str(&arc.to_string());
        }
        arc = 0;
    }
    text
}

/// A UTCTime or GeneralizedTime in seconds since 1970, RFC 5280 §4.1.2.5.
pub(super) fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = digits(text, 2)?;
            (if year < 50 { year + 2000 } else { year + 1900 }, rest)
        }
        GENERALIZED_TIME => digits(text, 4)?,
        _ => return None,
    };
    let (month, rest) = digits(rest, 2)?;
    let (day, rest) = digits(rest, 2)?;
    let (hour, rest) = digits(rest, 2)?;
    let (minute, rest) = digits(rest, 2)?;
    // Seconds were optional before RFC 2459.
    let second = digits(rest, 2).map_or(0, |(second, _)| second);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn digits(text: &[u8], count: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let mut number = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(digit - b'0');
    }
    Some((number, rest))
}

/// Days from 1970-01-01, in the Gregorian calendar.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of `time`: `2026-10-01T12:00:00`.
pub fn iso_8601(seconds: i64) -> String {
    let day = seconds.div_euclid(86_400) + 719_468;
    let of_day = seconds.rem_euclid(86_400);
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::{GENERALIZED_TIME, SEQUENCE, UTC_TIME, Values, dotted, iso_8601, time};

    #[test]
    fn walks_values_and_clips_what_is_cut_off() {
        let mut values = Values::new(&[0x02, 0x01, 0x05, 0x30, 0x82, 0x01, 0x00, 0xaa]);
        assert_eq!(values.expect(SEQUENCE), None);
        assert_eq!(values.next(), Some((0x02, &[5][..])));
        assert_eq!(values.expect(SEQUENCE), Some(&[0xaa][..]));
        assert_eq!(values.next(), None);
    }

    #[test]
    fn writes_identifiers_with_dots() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]), "1.2.840.113549");
        assert_eq!(dotted(&[0x55, 0x04, 0x03]), "2.5.4.3");
    }

    #[test]
    fn reads_and_writes_times() {
        let cases: [(u8, &[u8], Option<&str>); 8] = [
            (UTC_TIME, b"700101000000Z", Some("1970-01-01T00:00:00")),
            (UTC_TIME, b"491231235959Z", Some("2049-12-31T23:59:59")),
            (UTC_TIME, b"500101000000Z", Some("1950-01-01T00:00:00")),
            (UTC_TIME, b"0002291200Z", Some("2000-02-29T12:00:00")),
            (GENERALIZED_TIME, b"99991231235959Z", Some("9999-12-31T23:59:59")),
            (GENERALIZED_TIME, b"20240301000000Z", Some("2024-03-01T00:00:00")),
            (UTC_TIME, b"251301000000Z", None),
            (UTC_TIME, b"25", None),
        ];
        for (tag, text, written) in cases {
            assert_eq!(time(tag, text).map(iso_8601).as_deref(), written, "{}", text.escape_ascii());
        }
        assert_eq!(time(UTC_TIME, b"010909014640Z"), Some(1_000_000_000));
    }
}
