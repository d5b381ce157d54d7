//! What the benchmarks and the fuzzers' seeds are made of: conversations, frames and a mixed capture.
//!
//! Everything is built here, byte by byte, from what the specifications say; nothing is read from a file. The same
//! input comes out in every run.

#![forbid(unsafe_code)]

pub mod bodies;
pub mod conversations;
pub mod frames;
pub mod reading;
pub mod traffic;
mod wire;

pub use conversations::Conversation;
