//! A file mapped into memory; the one place in this crate with unsafe code.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Range;

use memmap2::Mmap;

#[derive(Debug)]
pub(crate) struct Map(Mmap);

impl Map {
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the map is read-only and seen only as `&[u8]`. What nobody can promise is that no other program writes
        // to or shortens the file meanwhile. Every length in it is checked against the slice each time it is read and
        // nothing is concluded from reading a byte twice, so changed bytes give another frame or an error; a file
        // shortened under the map ends the process with SIGBUS, as for every program that maps files.
        let map = unsafe { Mmap::map(file)? };
        #[cfg(unix)]
        // Advice, so that it failing changes nothing but speed.
        let _ = map.advise(memmap2::Advice::Sequential);
        Ok(Self(map))
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Asks for `length` bytes from `start` on to be brought into the processor's cache, without waiting for them. They
    /// need not be there.
    #[inline]
    pub(crate) fn prefetch(&self, start: usize, length: usize) {
        #[cfg(target_arch = "x86_64")]
        for offset in (0..length).step_by(64) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let line = self.0.as_ptr().wrapping_add(start).wrapping_add(offset);
            // SAFETY: the pointer is not read through. The instruction is a hint, is part of every x86-64 processor and
            // does nothing for an address that is not mapped.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (start, length);
    }

    /// Lets the system take back the memory behind `range`; whoever looks again has it read from the file again.
    ///
    /// Without this a capture of 100 GB counts as 100 GB of this process once it is read through.
    #[cold]
    pub(crate) fn release(&self, range: Range<usize>) {
        let Some((start, length)) = self.within(range) else {
            return;
        };
        #[cfg(unix)]
        // SAFETY: the map is a shared, read-only map of a file, never written through. Its pages are only dropped from
        // the page table and come back from the file with the same content, so slices into them stay valid; the range
        // was just cut to the map's length.
        let _ = unsafe { self.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, length) };
    }

    /// Start and length of the part of `range` that there is.
    fn within(&self, range: Range<usize>) -> Option<(usize, usize)> {
        let length = range.end.min(self.0.len()).checked_sub(range.start)?;
        (length > 0).then_some((range.start, length))
    }
}
