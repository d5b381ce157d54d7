//! How the targets read their inputs, and how seeds are written so that they read them.

#![forbid(unsafe_code)]

pub mod link;
pub mod script;
