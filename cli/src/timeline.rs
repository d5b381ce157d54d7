//! Bytes over time, in a fixed number of bins that widen as time goes on, so that nothing need be known beforehand.

use weir_core::time::Timestamp;

/// Bins of a timeline.
const BINS: usize = 256;
/// The narrowest bin, about a millisecond in nanoseconds.
const NARROWEST: u32 = 20;

/// Bytes over time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline {
    start: u64,
    /// A bin is `1 << shift` nanoseconds wide.
    shift: u32,
    bins: Vec<u64>,
}

impl Timeline {
    pub(crate) fn add(&mut self, at: Timestamp, bytes: u64) {
        if self.bins.is_empty() {
            self.shift = NARROWEST;
            self.start = at.0 >> NARROWEST << NARROWEST;
            self.bins = vec![0; BINS];
        }
        while at.0 < self.start {
            self.widen_backwards();
        }
        while self.bin_of(at) >= BINS {
            self.widen();
        }
        let bin = self.bin_of(at);
        self.bins[bin] = self.bins[bin].saturating_add(bytes);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (at, bytes) in other.bins() {
            if bytes > 0 {
                self.add(at, bytes);
            }
        }
    }

    /// Start and bytes of every bin up to the last that has any.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (Timestamp, u64)> {
        let used = self.bins.iter().rposition(|bytes| *bytes > 0).map_or(0, |last| last + 1);
        (0_u64..)
            .zip(&self.bins[..used])
            .map(|(bin, bytes)| (Timestamp(self.start.saturating_add(bin << self.shift)), *bytes))
    }

    /// Nanoseconds of a bin.
    pub(crate) const fn width(&self) -> u64 {
        1 << self.shift
    }

    fn bin_of(&self, at: Timestamp) -> usize {
        usize::try_from((at.0 - self.start) >> self.shift).unwrap_or(usize::MAX)
    }

    /// Twice as much time, into the future.
    fn widen(&mut self) {
        let mut wider = vec![0; BINS];
        for (bin, bytes) in self.bins.iter().enumerate() {
            wider[bin / 2] += bytes;
        }
        self.bins = wider;
        self.shift += 1;
    }

    /// Twice as much time, into the past: for captures whose packets or files are not in order.
    fn widen_backwards(&mut self) {
        let span = (BINS as u64) << self.shift;
        let start = self.start.saturating_sub(span);
        let moved = usize::try_from((self.start - start) >> self.shift).unwrap_or(BINS);
        let mut wider = vec![0; BINS];
        for (bin, bytes) in self.bins.iter().enumerate() {
            wider[((bin + moved) / 2).min(BINS - 1)] += bytes;
        }
        self.bins = wider;
        self.start = start;
        self.shift += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{BINS, Timeline};
    use weir_core::time::Timestamp;

    fn total(timeline: &Timeline) -> u64 {
        timeline.bins().map(|(_, bytes)| bytes).sum()
    }

    #[test]
    fn bins_widen_and_lose_nothing() {
        let mut timeline = Timeline::default();
        for second in [1000, 1001, 5000, 1_780_272_000, 3] {
            timeline.add(Timestamp::from_seconds(second), 10);
        }
        timeline.add(Timestamp(u64::MAX), 1);
        timeline.add(Timestamp(0), 1);
        assert_eq!(total(&timeline), 52);
        assert!(timeline.bins().count() <= BINS);
    }

    #[test]
    fn a_merged_timeline_holds_both() {
        let (mut one, mut other) = (Timeline::default(), Timeline::default());
        one.add(Timestamp::from_seconds(100), 1);
        other.add(Timestamp::from_seconds(50), 2);
        one.merge(&other);
        assert_eq!(total(&one), 3);
        one.merge(&Timeline::default());
        assert_eq!(total(&one), 3);
    }
}
