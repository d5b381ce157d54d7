//! x
#[derive(Debug, Default)]
pub struct Device;
