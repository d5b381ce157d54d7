#![doc = "Weir's core: bytes in, verdicts out."]
#![forbid(unsafe_code)]

pub mod bytes;
pub mod engine;
pub mod event;
pub mod finding;
pub mod flow;
pub mod limits;
pub mod names;
pub mod packet;
pub mod policy;
pub mod protocol;
pub mod report;
pub mod rules;
pub mod severity;
pub mod text;
pub mod time;
