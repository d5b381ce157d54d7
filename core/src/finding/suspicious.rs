//! Suspicious behaviour: what an honest app on a careful network does not do.

pub mod names;
pub mod tls;
