//! Signs that somebody sits between the phone and the server.

pub mod certificate;
