//! Numbers in the byte order of the machine that wrote them.

use weir_core::bytes::Reader;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    #[default]
    Little,
}

impl Order {
    #[inline]
    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }

    #[inline]
    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }

    pub(super) const fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Self::Big => i64::from_be_bytes(bytes),
            Self::Little => i64::from_le_bytes(bytes),
        }
    }
}

/// Reads consecutive fields; every method is `None` where the bytes end.
pub(super) struct Fields<'a> {
    reader: Reader<'a>,
    order: Order,
}

impl<'a> Fields<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], order: Order) -> Self {
        Self { reader: Reader::new(bytes), order }
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.reader.array().map(|bytes| self.order.u16(bytes))
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.reader.array().map(|bytes| self.order.u32(bytes))
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        self.reader.take(count)
    }

    #[inline]
    pub(super) fn offset(&self) -> usize {
        self.reader.offset()
    }

    #[inline]
    pub(super) fn remaining(&self) -> usize {
        self.reader.remaining()
    }
}
