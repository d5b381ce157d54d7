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

    /// Lets the system take back the memory behind `range`; whoever looks again has it read from the file again.
    ///
    /// Without this a capture of 100 GB counts as 100 GB of this process once it is read through.
    #[cold]
    pub(crate) fn release(&self, range: Range<usize>) {
        let end = range.end.min(self.0.len());
        let Some(length) = end.checked_sub(range.start).filter(|length| *length > 0) else {
            return;
        };
        #[cfg(unix)]
        // SAFETY: the map is a shared, read-only map of a file, never written through. Its pages are only dropped from
        // the page table and come back from the file with the same content, so slices into them stay valid; the range
        // was just cut to the map's length.
        let _ = unsafe {
            self.0
                .unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, length)
        };
    }
}
