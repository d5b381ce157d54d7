//! Reading numbers and pieces out of a slice without ever looking past its end.
//!
//! A length prefix yields a sub-reader that cannot see beyond its own end, so the question "did we read past this
//! field?" is answered here once and not in every dissector. Every method returns `None` instead of panicking.

/// A cursor over a slice. Numbers are big-endian (network order) unless the name ends in `_le`.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset of the next byte from the start of this reader's slice.
    pub const fn offset(&self) -> usize {
        self.at
    }

    pub const fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub const fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// What has not been read yet, without reading it.
    pub fn peek(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    #[inline]
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let piece = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(piece)
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(drop)
    }

    /// A reader over the next `count` bytes; this one moves behind them.
    pub fn sub(&mut self, count: usize) -> Option<Self> {
        self.take(count).map(Self::new)
    }

    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u24(&mut self) -> Option<u32> {
        let [a, b, c] = self.array()?;
        Some(u32::from_be_bytes([0, a, b, c]))
    }

    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn u16_le(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u24_le(&mut self) -> Option<u32> {
        let [a, b, c] = self.array()?;
        Some(u32::from_le_bytes([a, b, c, 0]))
    }

    pub fn u32_le(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64_le(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A piece behind a one-byte length.
    pub fn sub_u8(&mut self) -> Option<Self> {
        let count = self.u8()?;
        self.sub(count.into())
    }

    /// A piece behind a two-byte length.
    pub fn sub_u16(&mut self) -> Option<Self> {
        let count = self.u16()?;
        self.sub(count.into())
    }

    /// A piece behind a three-byte length.
    pub fn sub_u24(&mut self) -> Option<Self> {
        let count = self.u24()?;
        self.sub(usize::try_from(count).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn a_sub_reader_cannot_see_past_its_own_end() {
        let mut reader = Reader::new(&[2, 0xaa, 0xbb, 0xcc]);
        let mut inner = reader.sub_u8().expect("two bytes follow the length");
        assert_eq!(inner.u16(), Some(0xaabb));
        assert_eq!(inner.u8(), None);
        assert_eq!(reader.u8(), Some(0xcc));
    }

    #[test]
    fn a_length_that_lies_reads_nothing() {
        let mut reader = Reader::new(&[0xff, 0xff, 1]);
        assert!(reader.sub_u16().is_none());
        assert_eq!(reader.take(usize::MAX), None);
    }
}
