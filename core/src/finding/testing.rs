//! What every detector's tests use.

use super::{Detector, Finding, Scene};
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::testing::flow;
use crate::protocol::{Fact, Field, Value};
use crate::rules::RuleSet;
use crate::time::Timestamp;

/// 2026-06-01 00:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_780_272_000);

/// What a detector says about one fact that goes to the server.
pub(crate) fn inspect(detector: &dyn Detector, field: &'static Field, value: Value<'_>) -> Vec<Finding> {
    inspect_for(detector, None, &RuleSet::default(), field, value)
}

/// The same, with a known server name and rules.
pub(crate) fn inspect_for(
    detector: &dyn Detector,
    hostname: Option<&str>,
    rules: &RuleSet,
    field: &'static Field,
    value: Value<'_>,
) -> Vec<Finding> {
    let flow = flow(Transport::TCP, 80);
    let scene = Scene { at: NOW, flow: &flow, protocol: "test", hostname, rules };
    let mut found = Vec::new();
    detector.inspect(&scene, &Fact { field, value, direction: Direction::ToServer }, &mut |finding| {
        found.push(finding);
    });
    found
}
