//! What crosses flows, in packet order: names learned from DNS, flows announced by others, services, verdicts.

use std::sync::Arc;

use foldhash::HashMap;

use super::{Learned, Outbox, Outcome, Stamp};
use crate::event::{AlertEvent, Confidence, Event, FlowEvent, RecordEvent, ServiceName};
use crate::finding::Sighting;
use crate::flow::{FlowId, FlowKey};
use crate::limits;
use crate::packet::{Address, Endpoint, Transport};
use crate::policy::{Policy, Subject, Verdict};
use crate::rules::RuleSet;

/// The ordered stage behind all shards.
#[derive(Debug)]
pub struct Correlator {
    rules: Arc<RuleSet>,
    policy: Arc<Policy>,
    names: Bounded<(Address, Address), Box<str>>,
    /// Addresses that have a name, asked before the table itself: most flows go elsewhere.
    named: AddressFilter,
    expected: Bounded<(Transport, Endpoint), &'static str>,
    /// What was known when a flow opened; only for flows about which something was.
    opened: HashMap<FlowId, Opened>,
    /// Findings of flows that are still open, for verdicts that weigh them together.
    found: HashMap<FlowId, Vec<Sighting>>,
}

#[derive(Debug, Default)]
struct Opened {
    name: Option<Box<str>>,
    protocol: Option<&'static str>,
}

impl Correlator {
    pub(super) fn new(rules: Arc<RuleSet>, policy: Arc<Policy>) -> Self {
        Self {
            rules,
            policy,
            names: Bounded::new(limits::LEARNED_NAMES),
            named: AddressFilter::default(),
            expected: Bounded::new(limits::EXPECTED_FLOWS),
            opened: HashMap::default(),
            found: HashMap::default(),
        }
    }

    pub(super) fn set_rules(&mut self, rules: Arc<RuleSet>, policy: Arc<Policy>) {
        self.rules = rules;
        self.policy = policy;
    }

    /// Applies outcomes in order and tells what follows; the outbox is empty afterwards.
    pub fn apply(&mut self, outbox: &mut Outbox, tell: &mut dyn FnMut(Event)) {
        for (stamp, outcome) in outbox.outcomes.drain(..) {
            self.outcome(stamp, outcome, tell);
        }
    }

    fn outcome(&mut self, stamp: Stamp, outcome: Outcome, tell: &mut dyn FnMut(Event)) {
        match outcome {
            Outcome::Opened { id, key } => self.opened(id, &key),
            Outcome::Learned(Learned { client, address, name }) => {
                self.named.insert(address);
                self.names.insert((client, address), name);
            }
            Outcome::Expected { transport, server, protocol } => {
                self.expected.insert((transport, server), protocol);
            }
            Outcome::Found { id, key, sighting } => self.found(id, &key, sighting, tell),
            Outcome::Record { id, key, protocol, body } => {
                let record = RecordEvent { id, key, at: stamp.at, packet: stamp.packet, protocol, body };
                tell(Event::Record(Box::new(record)));
            }
            Outcome::Ended(mut flow) => {
                self.ended(&mut flow);
                tell(Event::Flow(flow));
            }
        }
    }

    fn opened(&mut self, id: FlowId, key: &FlowKey) {
        let named = self.named.may_hold(key.server.address);
        if !named && self.expected.is_empty() {
            return;
        }
        let name =
            if named { self.names.get(&(key.client.address, key.server.address)).cloned() } else { None };
        let expected = |endpoint| self.expected.get(&(key.transport, endpoint)).copied();
        let opened = Opened { name, protocol: expected(key.server).or_else(|| expected(key.client)) };
        if opened.name.is_some() || opened.protocol.is_some() {
            self.opened.insert(id, opened);
        }
    }

    /// What policy says to a flow by what is known of it now: its name, its protocol, its findings.
    pub(super) fn judge(
        &self,
        id: FlowId,
        key: &FlowKey,
        protocol: Option<&str>,
        hostname: Option<&str>,
    ) -> Verdict {
        let name = self.opened.get(&id).and_then(|opened| opened.name.as_deref());
        let hostname = hostname.or(name);
        let services = &self.rules.services;
        let id_of_service = hostname
            .and_then(|host| services.by_host(host))
            .or_else(|| services.by_address(key.server.address.ip()));
        let service = id_of_service.and_then(|id| services.get(id));
        let subject = Subject {
            key,
            app: None,
            hostname,
            protocol,
            service: service.map(|service| &*service.name),
            category: service.map(|service| service.category.name()),
        };
        let found = self.found.get(&id).map_or(&[][..], Vec::as_slice);
        self.policy.decide(&subject, found.iter().map(|sighting| &sighting.finding))
    }

    fn found(&mut self, id: FlowId, key: &FlowKey, sighting: Sighting, tell: &mut dyn FnMut(Event)) {
        self.found.entry(id).or_default().push(sighting.clone());
        let verdict = self.judge(id, key, sighting.protocol, sighting.hostname.as_deref());
        let name = self.opened.get(&id).and_then(|opened| opened.name.clone());
        let alert = AlertEvent {
            id,
            key: *key,
            protocol: sighting.protocol,
            hostname: sighting.hostname.clone().or(name),
            sighting,
            verdict,
        };
        tell(Event::Alert(Box::new(alert)));
    }

    /// Adds what other flows and the tables know about a flow, and the verdict.
    fn ended(&mut self, flow: &mut FlowEvent) {
        let opened = if self.opened.is_empty() { None } else { self.opened.remove(&flow.id) };
        let opened = opened.unwrap_or_default();
        if !flow.findings.is_empty() {
            self.found.remove(&flow.id);
        }
        if let Some(expected) = opened.protocol
            && (flow.protocol.is_none() || expected == "ftp-data")
        {
            flow.protocol = Some(expected);
            flow.confidence = Confidence::Dpi;
        }
        flow.hostname_cached = flow.hostname.is_none() && opened.name.is_some();
        flow.hostname = flow.hostname.take().or(opened.name);
        let services = &self.rules.services;
        let by_host = flow.hostname.as_deref().and_then(|host| services.by_host(host));
        let id = by_host.or_else(|| services.by_address(flow.key.server.address.ip()));
        let service = id.and_then(|id| services.get(id));
        flow.confidence = match flow.confidence {
            Confidence::Unknown if flow.hostname_cached => Confidence::Cached,
            Confidence::Unknown if service.is_some() => Confidence::Address,
            known => known,
        };
        let subject = Subject {
            key: &flow.key,
            app: None,
            hostname: flow.hostname.as_deref(),
            protocol: flow.protocol,
            service: service.map(|service| &*service.name),
            category: service.map(|service| service.category.name()),
        };
        flow.verdict = self.policy.decide(&subject, flow.findings.iter().map(|sighting| &sighting.finding));
        flow.service = service.map(|service| ServiceName {
            name: Arc::clone(&service.name),
            owner: Arc::clone(&service.owner),
            category: service.category.name(),
        });
    }
}

/// A Bloom filter of one hash over 64 Ki bits; says "may be" too often when full, never "no" wrongly.
#[derive(Debug)]
struct AddressFilter(Box<[u64; 1024]>);

impl Default for AddressFilter {
    fn default() -> Self {
        Self(Box::new([0; 1024]))
    }
}

impl AddressFilter {
    fn insert(&mut self, address: Address) {
        let (word, bit) = Self::place(address);
        self.0[word] |= bit;
    }

    fn may_hold(&self, address: Address) -> bool {
        let (word, bit) = Self::place(address);
        self.0[word] & bit != 0
    }

    const fn place(address: Address) -> (usize, u64) {
        let octets = u128::from_ne_bytes(address.0);
        let mixed = ((octets >> 64) as u64 ^ octets as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        ((mixed >> 6) as usize & 1023, 1 << (mixed & 63))
    }
}

/// A map that forgets its older half when it is full.
#[derive(Debug)]
struct Bounded<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: std::hash::Hash + Eq, V> Bounded<K, V> {
    fn new(capacity: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), half: capacity / 2 }
    }

    fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    fn is_empty(&self) -> bool {
        self.young.is_empty()
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn a_full_map_forgets_its_older_half() {
        let mut map = Bounded::new(4);
        for number in 0..5 {
            map.insert(number, number);
        }
        assert_eq!(map.get(&4), Some(&4));
        assert_eq!(map.get(&3), Some(&3));
        map.insert(5, 5);
        map.insert(6, 6);
        assert_eq!(map.get(&1), None);
        assert!(map.young.len() + map.old.len() <= 4);
    }
}
