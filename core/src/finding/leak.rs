//! Leaks: personal data on its way out.

pub mod device;
