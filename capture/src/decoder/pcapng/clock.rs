//! An interface's clock: what one tick of its timestamps is, and from when they count.

use weir_core::time::Timestamp;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// Ticks of a microsecond since 1970, unless `if_tsresol` or `if_tsoffset` say otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    resolution: Resolution,
    /// Seconds to add to every timestamp.
    offset: i64,
}

#[derive(Debug, Clone, Copy)]
enum Resolution {
    /// Nanoseconds in a tick.
    Multiple(u64),
    /// Ticks in a nanosecond.
    Fraction(u64),
    /// Ticks in a second, as the power of two.
    Binary(u8),
}

impl Default for Clock {
    fn default() -> Self {
        Self { resolution: Resolution::Multiple(1_000), offset: 0 }
    }
}

impl Clock {
    /// `if_tsresol`: a negative power of ten, or with the highest bit set of two.
    pub(super) fn set_resolution(&mut self, option: u8) {
        let exponent = option & 0x7f;
        self.resolution = if option & 0x80 != 0 {
            Resolution::Binary(exponent)
        } else if let Some(coarser) = 9_u8.checked_sub(exponent) {
            Resolution::Multiple(10_u64.saturating_pow(coarser.into()))
        } else {
            // From 10^-29 s on, 64 bits of ticks are less than two nanoseconds.
            Resolution::Fraction(10_u64.saturating_pow(u32::from(exponent) - 9))
        };
    }

    /// `if_tsoffset`.
    pub(super) fn set_offset(&mut self, seconds: i64) {
        self.offset = seconds;
    }

    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Timestamp {
        let nanoseconds = match self.resolution {
            Resolution::Multiple(factor) => ticks.saturating_mul(factor),
            Resolution::Fraction(divisor) => ticks.checked_div(divisor).unwrap_or_default(),
            Resolution::Binary(shift) => saturate(binary(ticks, shift)),
        };
        if self.offset == 0 {
            return Timestamp(nanoseconds);
        }
        // 2^64 + 2^63 · 10^9 is far from 2^127.
        let offset = i128::from(self.offset) * i128::from(NANOSECONDS_PER_SECOND);
        Timestamp(saturate(i128::from(nanoseconds) + offset))
    }
}

/// 2^64 · 10^9 fits, and the shift is at most 127.
fn binary(ticks: u64, shift: u8) -> i128 {
    (i128::from(ticks) * i128::from(NANOSECONDS_PER_SECOND)) >> (shift & 0x7f)
}

fn saturate(nanoseconds: i128) -> u64 {
    u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use weir_core::time::Timestamp;

    use super::Clock;

    fn clock(resolution: u8, offset: i64) -> Clock {
        let mut clock = Clock::default();
        clock.set_resolution(resolution);
        clock.set_offset(offset);
        clock
    }

    #[test]
    fn ticks_are_microseconds_unless_told_otherwise() {
        assert_eq!(Clock::default().time(1_700_000_000_123_456), Timestamp(1_700_000_000_123_456_000));
    }

    #[test]
    fn every_resolution_counts_the_same_second() {
        for (resolution, ticks) in [
            (0, 1),
            (3, 1_000),
            (6, 1_000_000),
            (9, 1_000_000_000),
            (12, 1_000_000_000_000),
            (18, 1_000_000_000_000_000_000),
            (0x80, 1),
            (0x80 | 10, 1 << 10),
            (0x80 | 32, 1 << 32),
            (0x80 | 63, 1 << 63),
        ] {
            assert_eq!(clock(resolution, 0).time(ticks), Timestamp::from_seconds(1), "{resolution:#x}");
        }
    }

    #[test]
    fn an_offset_moves_the_time_both_ways() {
        assert_eq!(clock(9, 5).time(7), Timestamp(5_000_000_007));
        assert_eq!(clock(6, -5).time(7_000_000), Timestamp::from_seconds(2));
    }

    #[test]
    fn times_out_of_range_saturate() {
        assert_eq!(clock(6, 0).time(u64::MAX), Timestamp(u64::MAX));
        assert_eq!(clock(0x80, 0).time(u64::MAX), Timestamp(u64::MAX));
        assert_eq!(clock(0, i64::MAX).time(u64::MAX), Timestamp(u64::MAX));
        assert_eq!(clock(9, -1).time(5), Timestamp(0));
        assert_eq!(clock(9, i64::MIN).time(u64::MAX), Timestamp(0));
    }

    #[test]
    fn no_resolution_panics() {
        for resolution in 0..=u8::MAX {
            for ticks in [0, 1, u64::MAX] {
                for offset in [0, -1, i64::MIN, i64::MAX] {
                    clock(resolution, offset).time(ticks);
                }
            }
        }
    }
}
