//! Time as an argument: the core never reads a clock.

use std::fmt;
use std::time::Duration;

/// Nanoseconds since 1970-01-01 UTC, as the capture or the caller gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// How long ago `earlier` was; zero where timestamps run backwards, as captures' sometimes do.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Timestamp {
    /// Year, month, day, hour, minute, second and microsecond in UTC.
    ///
    /// Days are turned into a date as in H. Hinnant's "chrono-compatible low-level date algorithms".
    pub const fn civil(self) -> (u64, u64, u64, u64, u64, u64, u64) {
        let (days, second) = (self.seconds() / 86_400, self.seconds() % 86_400);
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + (month <= 2) as u64;
        let micros = self.0 % 1_000_000_000 / 1000;
        (year, month, day, second / 3600, second / 60 % 60, second % 60, micros)
    }
}

/// As EVE writes it: `2026-06-01T12:00:00.000001+0000`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second, micros) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+0000")
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn dates_are_right_at_the_edges() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000000+0000");
        assert_eq!(Timestamp::from_seconds(951_782_399).to_string(), "2000-02-28T23:59:59.000000+0000");
        assert_eq!(Timestamp::from_seconds(951_782_400).to_string(), "2000-02-29T00:00:00.000000+0000");
        assert_eq!(Timestamp(1_780_272_000_000_001_999).to_string(), "2026-06-01T00:00:00.000001+0000");
        assert_eq!(Timestamp(u64::MAX).to_string(), "2554-07-21T23:34:33.709551+0000");
    }
}
