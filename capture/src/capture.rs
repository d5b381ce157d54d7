//! A capture to read frames from, whatever it comes from.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use crate::batch::Batch;
use crate::decoder::{Decoder, Step};
use crate::decompress::Compression;
use crate::error::{CaptureError, Defect, Place};
use crate::frame::Frame;
use crate::map::Map;
use crate::stream::Stream;

/// An open capture: a mapped file, or a stream.
///
/// [`next_frame`](Self::next_frame), [`for_each`](Self::for_each) and [`next_batch`](Self::next_batch) serve both and
/// share one position. A mapped capture also gives [`frames`](Self::frames), which live as long as the capture is
/// borrowed, so that other threads can have them without a copy.
#[derive(Debug)]
pub struct Capture {
    name: String,
    size: Option<u64>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Mapped { map: Map, cursor: Cursor },
    Streamed(Box<Stream>),
}

impl Capture {
    /// Maps the file, or streams it if it is compressed or cannot be mapped (a pipe, a file in /proc). Only the first
    /// bytes are looked at; whether they begin a capture is told by the first frame, or the error in its place.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        Self::try_open(path, &name).map_err(|source| CaptureError::Open { name, source })
    }

    fn try_open(path: &Path, name: &str) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let size = metadata.is_file().then_some(metadata.len());
        let source = match size {
            Some(1..) => match Map::new(&file) {
                Ok(map) if Compression::of(map.bytes()).is_none() => {
                    Source::Mapped { map, cursor: Cursor::default() }
                }
                _ => Source::Streamed(Box::new(Stream::new(file)?)),
            },
            _ => Source::Streamed(Box::new(Stream::new(file)?)),
        };
        Ok(Self { name: name.to_owned(), size, source })
    }

    /// Streams from any reader; `name` stands for it in errors. Waits for the first bytes.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        let name = name.to_owned();
        match Stream::new(reader) {
            Ok(stream) => Ok(Self { name, size: None, source: Source::Streamed(Box::new(stream)) }),
            Err(source) => Err(CaptureError::Open { name, source }),
        }
    }

    pub fn stdin() -> Result<Self, CaptureError> {
        Self::from_reader("standard input", io::stdin())
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes in the file; `None` where nobody knows, as for standard input.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Bytes of [`size`](Self::size) that have been read. [`Frames`] have a position of their own.
    pub fn position(&self) -> u64 {
        match &self.source {
            Source::Mapped { cursor, .. } => cursor.decoder.offset(),
            Source::Streamed(stream) => stream.position(),
        }
    }

    /// All frames from the first on, as slices of the map; `None` for a stream.
    pub fn frames(&self) -> Option<Frames<'_>> {
        match &self.source {
            Source::Mapped { map, .. } => Some(Frames { name: &self.name, map, cursor: Cursor::default() }),
            Source::Streamed(_) => None,
        }
    }

    /// The next frame, lent until the one after it. `None` at the end and after an error.
    #[inline]
    pub fn next_frame(&mut self) -> Option<Result<Frame<'_>, CaptureError>> {
        match &mut self.source {
            Source::Mapped { map, cursor } => cursor.next(map, &self.name),
            Source::Streamed(stream) => stream.next(&self.name, true),
        }
    }

    /// Hands every remaining frame to `each`.
    pub fn for_each(&mut self, mut each: impl FnMut(Frame<'_>)) -> Result<(), CaptureError> {
        while let Some(frame) = self.next_frame() {
            each(frame?);
        }
        Ok(())
    }

    /// Replaces what is in `batch` by the next frames, copied. It waits for the first one only, so that a stream that
    /// pauses holds nothing back. An empty batch means the end; beside an error it holds the frames before the break.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<(), CaptureError> {
        batch.clear();
        while !batch.is_full() {
            let frame = match &mut self.source {
                Source::Mapped { map, cursor } => cursor.next(map, &self.name),
                Source::Streamed(stream) => stream.next(&self.name, batch.is_empty()),
            };
            match frame {
                Some(frame) => batch.push(frame?),
                None => break,
            }
        }
        Ok(())
    }
}

/// The frames of a mapped capture, from [`Capture::frames`].
#[derive(Debug)]
pub struct Frames<'a> {
    name: &'a str,
    map: &'a Map,
    cursor: Cursor,
}

impl Frames<'_> {
    /// Bytes of the file that have been read.
    pub fn position(&self) -> u64 {
        self.cursor.decoder.offset()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, CaptureError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.next(self.map, self.name)
    }
}

/// Where in a map the reading is.
#[derive(Debug, Default)]
struct Cursor {
    decoder: Decoder,
    at: usize,
    /// The window of the file that is kept in memory: what was read lately, and what comes next.
    window: Range<usize>,
    ended: bool,
}

/// The window moves in steps of this size...
const STEP: usize = 4 * 1024 * 1024;
/// ...and keeps this much behind the reading, where other threads may still be at work.
const KEEP: usize = 512 * 1024 * 1024;
/// How far ahead of the reading the processor fetches. Where the next record begins is only known from this one, so
/// that otherwise every frame of a large file waits for memory, which doubles the time of the reading.
const PREFETCH: usize = 2048;

impl Cursor {
    #[inline]
    fn next<'a>(&mut self, map: &'a Map, name: &str) -> Option<Result<Frame<'a>, CaptureError>> {
        while !self.ended {
            if self.at >= self.window.end {
                self.slide(map);
            }
            let rest = map.bytes().get(self.at..).unwrap_or_default();
            match self.decoder.step(rest) {
                Ok(Step::Frame { entry, consumed }) => {
                    let ahead = self.at.saturating_add(PREFETCH);
                    map.prefetch(ahead, consumed.min(PREFETCH));
                    self.at += consumed;
                    return Some(Ok(entry.frame(rest)));
                }
                Ok(Step::Skip { consumed }) => self.at += consumed,
                Ok(Step::NeedMore { need }) => {
                    self.ended = true;
                    let defect = self.decoder.end(rest, need).err()?;
                    return Some(Err(self.broken(name, defect)));
                }
                Err(defect) => return Some(Err(self.broken(name, defect))),
            }
        }
        None
    }

    #[cold]
    fn broken(&mut self, name: &str, defect: Defect) -> CaptureError {
        self.ended = true;
        let place = Place::new(name, &self.decoder);
        CaptureError::Broken { place, defect }
    }

    #[cold]
    fn slide(&mut self, map: &Map) {
        let start = self.at - self.at % STEP;
        let end = start.saturating_add(STEP);
        let keep = start.saturating_sub(KEEP).max(self.window.start);
        map.release(self.window.start..keep);
        self.window = keep..end;
    }
}

#[cfg(test)]
mod tests;
