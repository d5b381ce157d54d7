//! What detectors look for: the user's own values, lists and thresholds. Built once, shared, swapped whole.

use std::sync::Arc;

use crate::finding::leak::device::Device;
use crate::names::{Lists, Services};

/// Everything the stages after dissection consult. Immutable; a new one replaces it between two packets.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// The phone's own values, if they are known.
    pub device: Device,
    pub services: Arc<Services>,
    pub lists: Arc<Lists>,
}
