//! What crosses flows, in packet order: names learned from DNS, flows announced by others, services, verdicts.

use std::sync::Arc;

use foldhash::HashMap;

use super::{Learned, Outbox, Outcome, Stamp};
use crate::event::{AlertEvent, Confidence, Event, FlowEvent, RecordEvent, ServiceName};
use crate::finding::Sighting;
use crate::flow::{FlowId, FlowKey};
use crate::limits;
use crate::packet::{Address, Endpoint, Transport};
use crate::policy::{Policy, Subject};
use crate::rules::RuleSet;

/// The ordered stage behind all shards.
#[derive(Debug)]
pub struct Correlator {
    rules: Arc<RuleSet>,
    policy: Arc<Policy>,
    names: Bounded<(Address, Address), Box<str>>,
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
            Outcome::Learned(Learned {
                client,
                address,
                name,
            }) => self.names.insert((client, address), name),
            Outcome::Expected {
                transport,
                server,
                protocol,
            } => {
                self.expected.insert((transport, server), protocol);
            }
            Outcome::Found { id, key, sighting } => self.found(id, &key, sighting, tell),
            Outcome::Record {
                id,
                key,
                protocol,
                body,
            } => {
                let record = RecordEvent {
                    id,
                    key,
                    at: stamp.at,
                    packet: stamp.packet,
                    protocol,
                    body,
                };
                tell(Event::Record(Box::new(record)));
            }
            Outcome::Ended(mut flow) => {
                self.ended(&mut flow);
                tell(Event::Flow(flow));
            }
        }
    }

    fn opened(&mut self, id: FlowId, key: &FlowKey) {
        if self.names.is_empty() && self.expected.is_empty() {
            return;
        }
        let opened = Opened {
            name: self.names.get(&(key.client.address, key.server.address)).cloned(),
            protocol: self
                .expected
                .get(&(key.transport, key.server))
                .or_else(|| self.expected.get(&(key.transport, key.client)))
                .copied(),
        };
        if opened.name.is_some() || opened.protocol.is_some() {
            self.opened.insert(id, opened);
        }
    }

    fn found(&mut self, id: FlowId, key: &FlowKey, sighting: Sighting, tell: &mut dyn FnMut(Event)) {
        let all = self.found.entry(id).or_default();
        all.push(sighting.clone());
        let name = self.opened.get(&id).and_then(|opened| opened.name.as_deref());
        let hostname = sighting.hostname.as_deref().or(name);
        let service = hostname.and_then(|host| self.rules.services.by_host(host));
        let service = service.and_then(|id| self.rules.services.get(id));
        let subject = Subject {
            key,
            app: None,
            hostname,
            protocol: sighting.protocol,
            service: service.map(|service| &*service.name),
            category: service.map(|service| service.category.name()),
        };
        let verdict = self
            .policy
            .decide(&subject, all.iter().map(|sighting| &sighting.finding));
        let alert = AlertEvent {
            id,
            key: *key,
            protocol: sighting.protocol,
            hostname: hostname.map(Into::into),
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

/// A map that forgets its older half when it is full.
#[derive(Debug)]
struct Bounded<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: std::hash::Hash + Eq, V> Bounded<K, V> {
    fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            half: capacity / 2,
        }
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
