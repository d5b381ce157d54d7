//! Captures in: pcap and pcapng files, streams and, with the feature `live`, interfaces.
//!
//! - [`Decoder`] understands the two formats. It does no I/O: it is shown bytes and says where the next frame is.
//! - [`Capture`] feeds it, either from a file mapped into memory, whose frames are slices of the map ([`Frames`]), or
//!   from a stream through one bounded buffer. gzip and zstd are recognised by their first bytes and streamed.
//! - [`Batch`] keeps copies of frames for whoever has to hand a stream's frames to another thread.
//! - [`inputs()`] turns the paths on a command line into the captures they mean.
//!
//! A capture that breaks gives every frame before the break, then a [`CaptureError`] that names the file, the packet
//! and the byte, then nothing more. No input makes this crate panic, and memory does not grow with the file.
//!
//! ```no_run
//! # fn main() -> Result<(), weir_capture::CaptureError> {
//! let mut capture = weir_capture::Capture::open("traffic.pcapng.zst".as_ref())?;
//! while let Some(frame) = capture.next_frame() {
//!     let frame = frame?;
//!     println!("{} {} bytes", frame.number, frame.bytes.len());
//! }
//! # Ok(())
//! # }
//! ```

#![deny(unsafe_code)]

mod batch;
mod capture;
mod decoder;
mod decompress;
mod error;
mod frame;
mod inputs;
#[cfg(feature = "live")]
mod live;
mod map;
mod stream;
#[cfg(test)]
mod testing;

pub use batch::Batch;
pub use capture::{Capture, Frames};
pub use decoder::{Decoder, Step};
pub use decompress::Compression;
pub use error::{CaptureError, Defect, Place};
pub use frame::{Entry, Frame};
pub use inputs::{Input, inputs};
#[cfg(feature = "live")]
pub use live::{Live, Settings, Statistics, interfaces};
