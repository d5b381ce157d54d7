//! What crosses flows, in packet order: names learned from DNS, flows announced by others, services, verdicts.

use std::sync::Arc;

use foldhash::HashMap;

use super::{Ended, Learned, Outbox, Outcome, Stamp};
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
            Outcome::Ended(ended) => tell(Event::Flow(Box::new(self.ended(*ended)))),
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

    fn ended(&mut self, ended: Ended) -> FlowEvent {
        let opened = self.opened.remove(&ended.id).unwrap_or_default();
        self.found.remove(&ended.id);
        let unseen = ended.unseen();
        let (protocol, confidence) = match (ended.protocol, opened.protocol) {
            (_, Some(expected)) if ended.protocol.is_none() || expected == "ftp-data" => {
                (Some(expected), Confidence::Dpi)
            }
            (protocol, _) => (protocol, ended.confidence),
        };
        let hostname_cached = ended.summary.hostname.is_none() && opened.name.is_some();
        let hostname = ended.summary.hostname.or(opened.name);
        let services = &self.rules.services;
        let by_host = hostname.as_deref().and_then(|host| services.by_host(host));
        let service = by_host.or_else(|| services.by_address(ended.key.server.address.ip()));
        let service = service.and_then(|id| services.get(id));
        let confidence = match confidence {
            Confidence::Unknown if hostname_cached => Confidence::Cached,
            Confidence::Unknown if service.is_some() => Confidence::Address,
            known => known,
        };
        let subject = Subject {
            key: &ended.key,
            app: None,
            hostname: hostname.as_deref(),
            protocol,
            service: service.map(|service| &*service.name),
            category: service.map(|service| service.category.name()),
        };
        let findings = ended.summary.findings;
        let verdict: Verdict = self
            .policy
            .decide(&subject, findings.iter().map(|sighting| &sighting.finding));
        FlowEvent {
            id: ended.id,
            key: ended.key,
            tunnel: ended.tunnel,
            start: ended.first,
            end: ended.last,
            packets: ended.packets,
            bytes: ended.bytes,
            protocol,
            inner: ended.inner,
            confidence,
            hostname,
            hostname_cached,
            service: service.map(|service| ServiceName {
                name: Arc::clone(&service.name),
                owner: Arc::clone(&service.owner),
                category: service.category.name(),
            }),
            ja4: ended.summary.ja4,
            app: None,
            findings,
            verdict,
            unseen,
        }
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
