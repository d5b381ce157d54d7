//! What the tests of everything together share: the captures with their expectations, and ways to run the engine.
//!
//! Nothing here is part of the product; a panic is how a test fails.

#![forbid(unsafe_code)]

pub mod case;
pub mod conversation;
pub mod expectation;
pub mod frames;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use weir_core::engine::{Config, Depth, Engine, Frame};
use weir_core::event::{Event, eve};
use weir_core::finding::leak::device::Device;
use weir_core::flow::table::Seed;
use weir_core::policy::{Policy, Profile};
use weir_core::rules::RuleSet;

use crate::case::Recording;

/// `tests/captures` of this repository.
pub fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

/// An engine with everything that ships, and with the values of the phone that made the captures.
///
/// It stops nothing: a blocked flow is not looked at any further, and the captures go on.
pub fn config(depth: Depth) -> Config {
    static RULES: OnceLock<Arc<RuleSet>> = OnceLock::new();
    Config {
        rules: Arc::clone(RULES.get_or_init(|| Arc::new(rules()))),
        policy: Arc::new(Policy::new(Profile::Monitor)),
        depth,
        seed: Seed::default(),
    }
}

fn rules() -> RuleSet {
    let path = captures().join("device.json");
    let device = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let device = Device::parse(&device).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let signatures = weir_signatures::builtin();
    RuleSet { device, services: signatures.services, lists: signatures.lists }
}

/// Everything that is told about a recording.
pub fn replay(recording: &Recording, config: &Config) -> Vec<Event> {
    let mut engine = Engine::new(config);
    let mut events = Vec::new();
    for (frame, id) in recording.frames.iter().zip(1..) {
        // A frame that cannot be parsed is counted by whoever calls; here only what is told matters.
        let _ = engine.packet(&frame.borrow(id), &mut |event| events.push(event));
    }
    engine.finish(recording.frames.len() as u64, &mut |event| events.push(event));
    events
}

/// Events as the lines that `weir replay --json` writes.
pub fn lines(events: &[Event]) -> String {
    let mut out = String::new();
    for event in events {
        eve::write_line(event, &mut out);
    }
    out
}

/// Hands frames to an engine and drops what it tells.
pub fn feed<'a>(engine: &mut Engine, frames: impl IntoIterator<Item = Frame<'a>>) {
    for frame in frames {
        let _ = engine.packet(&frame, &mut |_| {});
    }
}
