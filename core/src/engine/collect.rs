//! Where facts arrive: they name the flow, feed the detectors and become records.

use std::sync::Arc;

use foldhash::HashMap;

use super::index::Index;
use super::{Learned, Outbox, Outcome, State};
use crate::event::{Confidence, eve};
use crate::finding::{self, Finding, Scene, Sighting};
use crate::flow::{Direction, FlowId, FlowKey};
use crate::limits;
use crate::names;
use crate::packet::{Address, Endpoint, Transport};
use crate::protocol::{self, Fact, Field, Role, Sink, Unseen, Value};
use crate::rules::RuleSet;
use crate::text;
use crate::time::Timestamp;

/// How much of the pipeline runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Only packets and flows are counted.
    Count,
    /// Only which protocol, which name and which fingerprint; a flow settles at its first record.
    Classify,
    /// Findings and verdicts too.
    Detect,
    /// And a record of every message.
    Records,
}

/// What all flows of an engine share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) index: Index,
    pub(super) rules: Arc<RuleSet>,
    pub(super) depth: Depth,
    /// Which detectors want a field, by the field's address.
    wanted: HashMap<usize, u64>,
    /// A bit for each of them, to be asked first: nearly all facts are wanted by nobody.
    bloom: u64,
}

fn bloom_bit(field: &'static Field) -> u64 {
    let address = std::ptr::from_ref(field) as usize as u64;
    1 << (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
}

impl Shared {
    pub(super) fn new(rules: Arc<RuleSet>, depth: Depth) -> Self {
        let fields = protocol::all().iter().flat_map(|protocol| protocol.fields()).copied();
        let mut bloom = 0;
        let wanted = fields
            .chain([&super::inspect::UNKNOWN_PAYLOAD])
            .map(|field| {
                let mask = finding::all()
                    .iter()
                    .enumerate()
                    .filter(|(_, detector)| detector.wants(field))
                    .fold(0, |mask, (at, _)| mask | 1 << at);
                if mask != 0 {
                    bloom |= bloom_bit(field);
                }
                (std::ptr::from_ref(field) as usize, mask)
            })
            .filter(|(_, mask)| *mask != 0)
            .collect();
        Self { index: Index::new(), rules, depth, wanted, bloom }
    }

    fn detectors(&self, field: &'static Field) -> u64 {
        if self.bloom & bloom_bit(field) == 0 {
            return 0;
        }
        self.wanted.get(&(std::ptr::from_ref(field) as usize)).copied().unwrap_or(0)
    }
}

/// What is known of a flow beyond its protocol; kept until its end.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) hostname: Option<Box<str>>,
    pub(super) ja4: Option<Box<str>>,
    pub(super) variant: Option<&'static str>,
    pub(super) findings: Vec<Sighting>,
}

/// What is gathered of a message until it is complete. One is reused from packet to packet; a flow has one of its own while
/// a message of it goes on in its next packet.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The last hostname stated; what answers speak of.
    question: String,
    record: eve::Record,
    /// Content of the current message in which something was found: no record may repeat it.
    leaky: Vec<Box<[u8]>>,
}

impl Scratch {
    /// Goes on with what a flow has `kept`.
    pub(super) fn resume(&mut self, kept: &mut Option<Box<Self>>) {
        if let Some(kept) = kept {
            std::mem::swap(self, kept);
        }
    }

    /// Leaves what was gathered with its flow, so that no other flow's record repeats it.
    pub(super) fn suspend(&mut self, kept: &mut Option<Box<Self>>) {
        let is_empty = self.question.is_empty() && self.record.is_empty() && self.leaky.is_empty();
        match kept {
            Some(kept) => std::mem::swap(self, kept),
            None if is_empty => {}
            None => *kept = Some(Box::new(std::mem::take(self))),
        }
    }
}

/// The sink of one chunk.
pub(super) struct Collector<'a> {
    pub(super) shared: &'a Shared,
    pub(super) key: &'a FlowKey,
    pub(super) id: FlowId,
    pub(super) at: Timestamp,
    pub(super) packet: u64,
    pub(super) state: &'a mut State,
    pub(super) scratch: &'a mut Scratch,
    pub(super) out: &'a mut Outbox,
    /// A record was completed.
    pub(super) ended: bool,
}

impl Collector<'_> {
    /// The flow's protocol, by its place in the registry.
    pub(super) fn recognised(&mut self, index: usize) {
        self.scratch.record.clear();
        self.state.protocol = index as u16 + 1;
        self.state.confidence = Confidence::Dpi;
        if let Some(summary) = &mut self.state.summary {
            summary.variant = None;
        }
    }

    /// The flow broke its protocol's rules.
    pub(super) fn malformed(&mut self, what: &'static str, at: usize) {
        if self.state.confidence == Confidence::Dpi && !self.state.spoke {
            self.state.confidence = Confidence::Partial;
        }
        if self.shared.depth == Depth::Records {
            let body = eve::anomaly(self.protocol(), what, at);
            self.out.push(
                self.packet,
                self.at,
                Outcome::Record { id: self.id, key: *self.key, protocol: "anomaly", body },
            );
        }
        self.scratch.record.clear();
    }

    /// Two versions of the same bytes were sent.
    pub(super) fn overlap_differs(&mut self, layer: &'static str) {
        self.found(finding::evasion::overlap_differs(layer));
    }

    fn protocol(&self) -> &'static str {
        self.state.protocol_name().unwrap_or("unknown")
    }

    fn found(&mut self, finding: Finding) {
        let summary = self.state.summary.get_or_insert_default();
        let known = summary.findings.iter().any(|old| {
            old.finding.id == finding.id
                && old.finding.kind == finding.kind
                && old.finding.shown == finding.shown
                && old.finding.encoding == finding.encoding
        });
        if known || summary.findings.len() >= limits::FLOW_FINDINGS {
            return;
        }
        let protocol = self.state.protocol_name();
        let summary = self.state.summary.get_or_insert_default();
        let hostname = summary.hostname.clone();
        let sighting = Sighting { packet: self.packet, at: self.at, protocol, hostname, finding };
        summary.findings.push(sighting.clone());
        self.out.push(self.packet, self.at, Outcome::Found { id: self.id, key: *self.key, sighting });
    }

    fn detect(&mut self, fact: &Fact<'_>) {
        let mut mask = self.shared.detectors(fact.field);
        if mask == 0 {
            return;
        }
        let mut found = Vec::new();
        let scene = Scene {
            at: self.at,
            flow: self.key,
            protocol: self.protocol(),
            hostname: self.state.summary.as_ref().and_then(|summary| summary.hostname.as_deref()),
            rules: &self.shared.rules,
        };
        while mask != 0 {
            let at = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            finding::all()[at].inspect(&scene, fact, &mut |finding| found.push(finding));
        }
        if !found.is_empty() && self.scratch.leaky.len() < limits::LEAKY_FACTS {
            self.scratch.leaky.push(fact.value.bytes().into());
        }
        for finding in found {
            self.found(finding);
        }
    }

    fn named(&mut self, name: &[u8]) {
        let mut name = text::hostname(name);
        if name.is_empty() {
            return;
        }
        if self.scratch.leaky.iter().any(|leaky| leaky.eq_ignore_ascii_case(name.as_bytes())) {
            let own = names::registrable_domain(&name).unwrap_or_default();
            name = format!("•••.{own}");
        }
        self.scratch.question.clear();
        self.scratch.question.push_str(&name);
        let summary = self.state.summary.get_or_insert_default();
        if summary.hostname.is_none() {
            summary.hostname = Some(name.into());
        }
    }

    fn resolved(&mut self, octets: &[u8]) {
        let address = match octets.len() {
            4 => octets.try_into().ok().map(Address::v4),
            16 => octets.try_into().ok().map(Address),
            _ => None,
        };
        if let Some(address) = address
            && !self.scratch.question.is_empty()
        {
            let learned = Learned {
                client: self.key.client.address,
                address,
                name: self.scratch.question.as_str().into(),
            };
            self.out.push(self.packet, self.at, Outcome::Learned(learned));
        }
    }
}

impl Sink for Collector<'_> {
    fn fact(&mut self, field: &'static Field, direction: Direction, value: Value<'_>) {
        match field.role {
            Role::Hostname => self.named(value.bytes()),
            Role::Address => self.resolved(value.bytes()),
            Role::Ja4 => {
                let summary = self.state.summary.get_or_insert_default();
                if summary.ja4.is_none() {
                    summary.ja4 = Some(text::clean(value.bytes(), 64).into());
                }
            }
            _ => {}
        }
        if self.shared.depth < Depth::Detect {
            return;
        }
        self.detect(&Fact { field, value, direction });
        if self.shared.depth == Depth::Records && !field.eve.is_empty() {
            self.scratch.record.push(field, value);
        }
    }

    fn end_record(&mut self) {
        self.ended = true;
        self.state.spoke = true;
        if self.shared.depth == Depth::Records && !self.scratch.record.is_empty() {
            let body = self.scratch.record.finish(&self.scratch.leaky);
            let protocol = self.protocol();
            self.out.push(
                self.packet,
                self.at,
                Outcome::Record { id: self.id, key: *self.key, protocol, body },
            );
        }
        self.scratch.question.clear();
        self.scratch.leaky.clear();
    }

    fn refine(&mut self, name: &'static str) {
        self.state.summary.get_or_insert_default().variant = Some(name);
    }

    fn inner(&mut self, name: &'static str) {
        if let Some(index) = self.shared.index.named(name) {
            self.state.inner = index as u16 + 1;
        }
    }

    fn expect(&mut self, transport: Transport, server: Endpoint, protocol: &'static str) {
        self.out.push(self.packet, self.at, Outcome::Expected { transport, server, protocol });
    }

    fn unseen(&mut self, what: Unseen) {
        self.state.unseen |= 1 << what as u8;
    }

    fn wants(&self, field: &'static Field) -> bool {
        matches!(field.role, Role::Hostname | Role::Address | Role::Ja4)
            || (self.shared.depth == Depth::Records && !field.eve.is_empty())
            || (self.shared.depth >= Depth::Detect && self.shared.detectors(field) != 0)
    }

    fn wants_content(&self) -> bool {
        self.shared.depth >= Depth::Detect
    }
}
