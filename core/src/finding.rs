//! Stage 4: facts become findings.
//!
//! A detector looks at one fact at a time, with what is known about its flow ([`Scene`]), and says what is wrong with it.
//! One file per detector and one registry, [`all`]. Detectors hold no state: what depends on several flows belongs to the
//! ordered stage behind them.

pub mod evasion;
pub mod interception;
pub mod leak;
pub mod suspicious;
#[cfg(test)]
pub(crate) mod testing;

use std::fmt::Debug;

use crate::flow::FlowKey;
use crate::protocol::{Fact, Field};
use crate::rules::RuleSet;
use crate::time::Timestamp;

pub use crate::severity::Severity;

/// How sure a finding is, which decides what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tier {
    /// The very value, or said by the protocol itself. May block.
    Exact = 1,
    /// A validated value with a keyword beside it. May block in the clear.
    Validated = 2,
    /// A validated value alone. Logged.
    Plausible = 3,
    /// Shape or entropy alone. Counted.
    Shape = 4,
}

/// Something wrong with a flow. Holds no leaked value, only its masked form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable, dotted, lower-case: `leak.email`.
    pub id: &'static str,
    /// Tells variants apart: `leak.api-key` of kind `aws`.
    pub kind: Option<&'static str>,
    pub tier: Tier,
    pub severity: Severity,
    /// Where it stood: `http.request.body: json /user/mail`. Cleaned text.
    pub place: String,
    /// The decoding steps that led to it, outermost first: `["gzip", "base64"]`, `["md5"]`.
    pub encoding: Vec<&'static str>,
    /// The value as it may be shown: `a•••@e•••`. Cleaned text.
    pub shown: String,
    /// The rule or list that says so, where it is not the detector itself.
    pub rule: Option<Box<str>>,
}

/// A finding, and where it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Number of the packet in its capture.
    pub packet: u64,
    pub at: Timestamp,
    /// What was known of the flow at that moment.
    pub protocol: Option<&'static str>,
    pub hostname: Option<Box<str>>,
    pub finding: Finding,
}

/// What a detector may know about the flow that a fact belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub at: Timestamp,
    pub flow: &'a FlowKey,
    /// The protocol's registered name.
    pub protocol: &'static str,
    /// The server's name, as far as it is known from this flow.
    pub hostname: Option<&'a str>,
    pub rules: &'a RuleSet,
}

/// What a finding means, for `weir explain`, `weir check` and the app.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    pub id: &'static str,
    /// A few words: "E-mail address".
    pub title: &'static str,
    /// What was seen and why it matters, in plain words.
    pub meaning: &'static str,
    /// What the user or the developer can do.
    pub advice: &'static str,
    /// How it is recognised, and how sure that is.
    pub method: &'static str,
}

/// One way to see that something is wrong.
pub trait Detector: Debug + Sync {
    fn name(&self) -> &'static str;

    /// Every finding id that it can give.
    fn explains(&self) -> &'static [Explanation];

    /// Whether it looks at this field; asked once per field when the engine is built.
    fn wants(&self, field: &Field) -> bool;

    fn inspect(&self, scene: &Scene<'_>, fact: &Fact<'_>, out: &mut dyn FnMut(Finding));
}

/// Every detector.
pub fn all() -> &'static [&'static dyn Detector] {
    ALL
}

/// What every finding means, those of the engine itself included.
pub fn explanations() -> impl Iterator<Item = &'static Explanation> {
    ALL.iter().flat_map(|detector| detector.explains()).chain(evasion::EXPLANATIONS)
}

/// What the finding of that id means.
pub fn explanation(id: &str) -> Option<&'static Explanation> {
    explanations().find(|explanation| explanation.id == id)
}

static ALL: &[&dyn Detector] = &[
    &leak::credentials::DETECTOR,
    &leak::content::DETECTOR,
    &suspicious::names::DETECTOR,
    &suspicious::tls::DETECTOR,
    &interception::certificate::DETECTOR,
];
