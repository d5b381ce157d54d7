//! gzip and zstd, recognised by their first bytes and unpacked while they are read.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use weir_core::limits::ZSTD_WINDOW_BYTES;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
}

pub(crate) type Source = Box<dyn Read + Send>;

/// Compressed bytes read at a time.
const INPUT_BYTES: usize = 64 * 1024;
/// Bytes that tell a compression.
const MAGIC_BYTES: u64 = 4;

impl Compression {
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            // RFC 1952 §2.3.1.
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // RFC 8878 §3.1.1 and §3.1.2: a frame, or a skippable frame as pzstd writes in front.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// The same bytes, decompressed if they are compressed.
pub(crate) fn unpack(mut source: Source) -> io::Result<(Source, Option<Compression>)> {
    let mut magic = Vec::new();
    source.by_ref().take(MAGIC_BYTES).read_to_end(&mut magic)?;
    let compression = Compression::of(&magic);
    let whole = io::Cursor::new(magic).chain(source);
    let unpacked: Source = match compression {
        None => Box::new(whole),
        Some(Compression::Gzip) => {
            Box::new(Gzip(MultiGzDecoder::new(BufReader::with_capacity(INPUT_BYTES, whole))))
        }
        Some(Compression::Zstd) => Box::new(Zstd::new(whole)),
    };
    Ok((unpacked, compression))
}

/// gzip members one after the other, read in small pieces: flate2 throws the piece away in which it meets an error.
struct Gzip<R>(MultiGzDecoder<BufReader<R>>);

const GZIP_PIECE: usize = 4 * 1024;

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = buffer.len().min(GZIP_PIECE);
        self.0.read(buffer.get_mut(..piece).unwrap_or_default())
    }
}

/// All frames of a zstd stream one after the other, their checksums compared; ruzstd itself reads one and no more.
struct Zstd<R> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    in_frame: bool,
    /// Why the frame broke, told once what came before has been read.
    broken: Option<io::Error>,
}

/// The end of every frame: an empty raw block marked as the last (RFC 8878 §3.1.1.2), and room for a checksum.
const FRAME_END: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

impl<R: Read> Zstd<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_BYTES);
        Self { source: BufReader::with_capacity(INPUT_BYTES, source), decoder, in_frame: false, broken: None }
    }

    /// Starts the next frame; false at the end of the stream.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    self.skip(length.into())?;
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(false)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
        if skipped < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Ends the frame. The decoder holds back a whole window, often all there is, until it has seen the end; where the
    /// stream has none it is given one.
    fn give_up(&mut self, error: FrameDecoderError) {
        self.broken = Some(self.failed(error));
        // Should even this fail, what was held back is lost and the reason is still told.
        let _ = self.decoder.decode_blocks(FRAME_END.as_slice(), BlockDecodingStrategy::All);
    }

    fn finish(&mut self) -> io::Result<()> {
        self.in_frame = false;
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(stored), Some(computed)) if stored != computed => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum does not fit the data"))
            }
            _ => Ok(()),
        }
    }

    /// ruzstd hides a missing end in twenty kinds of errors.
    fn failed(&mut self, error: FrameDecoderError) -> io::Error {
        match self.source.fill_buf() {
            Ok([]) => io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => io::Error::new(io::ErrorKind::InvalidData, error),
            Err(error) => error,
        }
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.in_frame && !self.begin()? {
                return Ok(0);
            }
            self.in_frame = true;
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() || self.broken.is_some() {
                self.finish()?;
                continue;
            }
            // A block is at most 128 KiB, and what it adds is collected before the next one is decoded.
            let decoded = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
            if let Err(error) = decoded {
                self.give_up(error);
            }
        }
    }
}
