//! Handshake bytes put together from pieces that come in any order, twice, or overlapping: QUIC's CRYPTO frames (RFC
//! 9000 §19.6) and DTLS's fragments (RFC 6347 §4.2.3).

use crate::limits;

/// Bytes received so far, and which of them.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    bytes: Vec<u8>,
    /// Begin and end of what was received: in order, disjoint.
    received: Vec<(usize, usize)>,
}

impl Fragments {
    /// Takes a piece. What lies past the caps is not kept.
    pub(crate) fn insert(&mut self, offset: u64, data: &[u8]) {
        let Some(begin) = usize::try_from(offset).ok() else {
            return;
        };
        let Some(end) = begin.checked_add(data.len()) else {
            return;
        };
        if end > limits::HANDSHAKE_BYTES || data.is_empty() {
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(begin..end) {
            place.copy_from_slice(data);
            self.note(begin, end);
        }
    }

    /// Merges a range into those received.
    fn note(&mut self, mut begin: usize, mut end: usize) {
        self.received.retain(|&(other_begin, other_end)| {
            let is_apart = other_end < begin || end < other_begin;
            if !is_apart {
                begin = begin.min(other_begin);
                end = end.max(other_end);
            }
            is_apart
        });
        if self.received.len() < limits::FRAGMENTS {
            let at = self.received.partition_point(|&(other, _)| other < begin);
            self.received.insert(at, (begin, end));
        }
    }

    /// What there is without a gap from the beginning on.
    pub(crate) fn beginning(&self) -> &[u8] {
        match self.received.first() {
            Some(&(0, end)) => self.bytes.get(..end).unwrap_or_default(),
            _ => &[],
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.received.is_empty()
    }
}

/// The first handshake message of `bytes` with its header, if it is all there.
pub(crate) fn whole_message(bytes: &[u8]) -> Option<&[u8]> {
    let &[_, a, b, c, ..] = bytes else {
        return None;
    };
    bytes.get(..4 + u32::from_be_bytes([0, a, b, c]) as usize)
}

#[cfg(test)]
mod tests {
    use super::{Fragments, whole_message};
    use crate::limits;

    const MESSAGE: [u8; 10] = [1, 0, 0, 6, 10, 11, 12, 13, 14, 15];

    #[test]
    fn puts_frames_together_in_any_order() {
        let mut stream = Fragments::default();
        for (begin, end) in [(7, 10), (0, 2), (5, 8), (0, 2)] {
            stream.insert(begin as u64, &MESSAGE[begin..end]);
            assert_eq!(whole_message(stream.beginning()), None);
        }
        stream.insert(2, &MESSAGE[2..5]);
        assert_eq!(whole_message(stream.beginning()), Some(&MESSAGE[..]));
    }

    #[test]
    fn keeps_to_its_caps() {
        let mut stream = Fragments::default();
        stream.insert(u64::MAX, b"x");
        stream.insert(limits::HANDSHAKE_BYTES as u64, b"x");
        assert!(stream.is_empty());
        for gap in 0..10_000 {
            stream.insert(gap * 2, b"x");
        }
        assert!(stream.received.len() <= limits::FRAGMENTS);
    }
}
