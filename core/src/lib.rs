#![doc = "Weir's core: bytes in, verdicts out."]
#![forbid(unsafe_code)]

pub mod bytes;
pub mod flow;
pub mod limits;
pub mod names;
pub mod packet;
pub mod protocol;
pub mod time;
