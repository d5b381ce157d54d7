//! Leaks: personal data on its way out.

pub mod credentials;
pub mod device;
