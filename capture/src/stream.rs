//! Frames out of anything that can be read, through one buffer.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::decoder::{Decoder, Step};
use crate::decompress::{self, Compression, Source};
use crate::error::{CaptureError, Defect, Place};
use crate::frame::{Entry, Frame};

pub(crate) struct Stream {
    source: Source,
    compression: Option<Compression>,
    position: Arc<AtomicU64>,
    decoder: Decoder,
    buffer: Buffer,
    ended: bool,
}

impl Stream {
    pub(crate) fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        let position = Arc::new(AtomicU64::new(0));
        let counted = Counted { source, position: Arc::clone(&position) };
        let (source, compression) = decompress::unpack(Box::new(counted))?;
        Ok(Self {
            source,
            compression,
            position,
            decoder: Decoder::new(),
            buffer: Buffer::new(),
            ended: false,
        })
    }

    /// Bytes read from the source, compressed ones if it is compressed.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// The next frame; without `wait`, only if it is in the buffer already.
    pub(crate) fn next(&mut self, name: &str, wait: bool) -> Option<Result<Frame<'_>, CaptureError>> {
        let found = self.advance(name, wait)?;
        Some(found.map(|entry| entry.frame(&self.buffer.bytes)))
    }

    /// The next frame's place in the buffer.
    fn advance(&mut self, name: &str, wait: bool) -> Option<Result<Entry, CaptureError>> {
        while !self.ended {
            match self.decoder.step(self.buffer.unread()) {
                Ok(Step::Frame { mut entry, consumed }) => {
                    entry.start = entry.start.saturating_add(self.buffer.start);
                    self.buffer.consume(consumed);
                    return Some(Ok(entry));
                }
                Ok(Step::Skip { consumed }) => self.buffer.consume(consumed),
                Ok(Step::NeedMore { .. }) if !wait => return None,
                Ok(Step::NeedMore { need }) => {
                    if let Err(error) = self.fill(name, need) {
                        return Some(Err(error));
                    }
                }
                Err(defect) => return Some(Err(self.broken(name, defect))),
            }
        }
        None
    }

    /// Gets more bytes behind the unread ones, or ends the stream.
    fn fill(&mut self, name: &str, need: usize) -> Result<(), CaptureError> {
        match self.buffer.read(&mut self.source, need) {
            Ok(0) => {
                self.ended = true;
                self.decoder.end(self.buffer.unread(), need).map_err(|defect| self.broken(name, defect))
            }
            Ok(_) => Ok(()),
            Err(source) => Err(self.unreadable(name, source)),
        }
    }

    fn broken(&mut self, name: &str, defect: Defect) -> CaptureError {
        self.ended = true;
        CaptureError::Broken { place: Place::new(name, &self.decoder), defect }
    }

    fn unreadable(&mut self, name: &str, source: io::Error) -> CaptureError {
        self.ended = true;
        let place = Place::new(name, &self.decoder);
        match self.compression {
            Some(compression) => CaptureError::Decompress { place, compression, source },
            None => CaptureError::Read { place, source },
        }
    }
}

/// Bytes of which those before `start` are consumed and those from `end` on not yet read.
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// The buffer's first size. It doubles, up to [`weir_core::limits::BLOCK_BYTES`], only as a long frame's bytes arrive:
/// a length that lies costs no memory.
const BUFFER_BYTES: usize = 256 * 1024;

impl Buffer {
    fn new() -> Self {
        Self { bytes: vec![0; BUFFER_BYTES], start: 0, end: 0 }
    }

    fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Reads once, into room for what is needed; 0 at the end.
    fn read(&mut self, source: &mut Source, need: usize) -> io::Result<usize> {
        if self.start == self.end || self.bytes.len() - self.start < need {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            let larger = need.min(self.bytes.len().saturating_mul(2));
            self.bytes.resize(larger, 0);
        }
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        loop {
            match source.read(room) {
                Ok(count) => {
                    // A reader that claims more than there was room for is not believed.
                    let count = count.min(room.len());
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("compression", &self.compression)
            .field("decoder", &self.decoder)
            .field("unread", &self.buffer.unread().len())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Counts what is read, below the decompression.
struct Counted<R> {
    source: R,
    position: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.position.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
