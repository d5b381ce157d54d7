//! Stage 7: events become a summary that a person can read.
//!
//! Pure aggregation with caps and a fixed order: the same events give the same report. How it is laid out (a terminal's
//! table, a page) is the business of whoever shows it.

mod party;

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::event::{AlertEvent, Event, FlowEvent};
use crate::finding::{Finding, Severity};
use crate::flow::FlowId;
use crate::limits;
use crate::policy::Action;
use crate::protocol::Unseen;
use crate::time::Timestamp;

pub use self::party::Party;

/// Flows of one protocol with one party.
#[derive(Debug, Clone)]
pub struct Talk {
    /// `unknown` where none was recognised.
    pub protocol: &'static str,
    pub party: Party,
    pub flows: u64,
    /// To the server, to the client.
    pub bytes: [u64; 2],
    /// Flows among them that gave something away.
    pub leaking: u64,
    /// The worst finding of any kind.
    pub worst: Option<Severity>,
}

/// A finding, once for however often it was made alike.
#[derive(Debug, Clone)]
pub struct Found {
    pub finding: Finding,
    pub protocol: Option<&'static str>,
    /// The server's name, or its address where it has none.
    pub to: Box<str>,
    /// The strictest that policy said to its flows at that moment.
    pub action: Action,
    pub because: Box<str>,
    pub times: u64,
    /// Where it was made first: which capture of the run (from 0), which packet of it.
    pub capture: usize,
    pub packet: u64,
    pub at: Timestamp,
    pub flow: FlowId,
}

impl Found {
    /// `leak`, `suspicious`, …
    pub fn family(&self) -> &'static str {
        family(self.finding.id)
    }
}

/// The part of a finding's id in front of the first dot.
pub fn family(id: &'static str) -> &'static str {
    id.split_once('.').map_or(id, |(family, _)| family)
}

/// Everything that was told, added up.
#[derive(Debug, Default)]
pub struct Report {
    talks: HashMap<(&'static str, Party), Talk>,
    /// Flows that found no place in `talks`.
    others: Option<Talk>,
    found: Vec<Found>,
    places: HashMap<Likeness, usize>,
    found_beyond: u64,
    worst: Option<Severity>,
    unseen: [u64; 4],
    /// Flows by the tunnel that they came in.
    pub tunnels: BTreeMap<&'static str, u64>,
    pub flows: u64,
    /// Flows among them whose protocol was not recognised.
    pub unknown: u64,
    /// Packets and bytes of flows, to the server and to the client.
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    capture: usize,
}

/// What makes two findings the same line of a report.
type Likeness = (&'static str, Option<&'static str>, Vec<&'static str>, Box<str>, Box<str>, Box<str>);

impl Report {
    /// What is added from now on comes from the capture of this number.
    pub fn capture(&mut self, number: usize) {
        self.capture = number;
    }

    pub fn add(&mut self, event: &Event) {
        match event {
            Event::Flow(flow) => self.add_flow(flow),
            Event::Alert(alert) => self.add_alert(alert),
            Event::Record(_) => {}
        }
    }

    /// Who talked to whom, the most bytes first; at the end those that were too many to tell apart.
    pub fn talks(&self) -> Vec<&Talk> {
        let mut talks: Vec<&Talk> = self.talks.values().collect();
        talks.sort_unstable_by(|a, b| {
            let order = |talk: &Talk| (std::cmp::Reverse(total(talk.bytes)), std::cmp::Reverse(talk.flows));
            order(a)
                .cmp(&order(b))
                .then_with(|| a.protocol.cmp(b.protocol))
                .then_with(|| a.party.cmp(&b.party))
        });
        talks.extend(&self.others);
        talks
    }

    /// What the device gave away, the worst first, then as it happened.
    pub fn given_away(&self) -> Vec<&Found> {
        self.findings(|family| family == "leak")
    }

    /// Every other finding, in the same order.
    pub fn suspicious(&self) -> Vec<&Found> {
        self.findings(|family| family != "leak")
    }

    fn findings(&self, wanted: impl Fn(&str) -> bool) -> Vec<&Found> {
        let mut found: Vec<&Found> = self.found.iter().filter(|found| wanted(found.family())).collect();
        found.sort_by_key(|found| std::cmp::Reverse(found.finding.severity));
        found
    }

    /// Findings that were one kind too many to be listed.
    pub const fn findings_beyond(&self) -> u64 {
        self.found_beyond
    }

    /// The worst finding there was.
    pub const fn worst(&self) -> Option<Severity> {
        self.worst
    }

    /// How many flows could not be seen for this reason.
    pub const fn unseen(&self, what: Unseen) -> u64 {
        self.unseen[what as usize]
    }

    fn add_flow(&mut self, flow: &FlowEvent) {
        self.flows += 1;
        self.unknown += u64::from(flow.protocol.is_none());
        for side in 0..2 {
            self.packets[side] += flow.packets[side];
            self.bytes[side] += flow.bytes[side];
        }
        for what in &flow.unseen {
            self.unseen[*what as usize] += 1;
        }
        if let Some(tunnel) = &flow.tunnel {
            *self.tunnels.entry(tunnel.kind.name()).or_default() += 1;
        }
        let protocol = flow.protocol.unwrap_or("unknown");
        let party = Party::of(flow);
        let full = self.talks.len() >= limits::REPORT_TALKS;
        let talk = match self.talks.entry((protocol, party)) {
            std::collections::hash_map::Entry::Occupied(talk) => talk.into_mut(),
            std::collections::hash_map::Entry::Vacant(_) if full => {
                self.others.get_or_insert_with(|| Talk::new("…", Party::others()))
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                let talk = Talk::new(protocol, place.key().1.clone());
                place.insert(talk)
            }
        };
        talk.add(flow);
    }

    fn add_alert(&mut self, alert: &AlertEvent) {
        let finding = &alert.sighting.finding;
        self.worst = self.worst.max(Some(finding.severity));
        let to: Box<str> = match &alert.hostname {
            Some(name) => name.clone(),
            None => party::address(&alert.key).into(),
        };
        let likeness: Likeness = (
            finding.id,
            finding.kind,
            finding.encoding.clone(),
            finding.place.as_str().into(),
            finding.shown.as_str().into(),
            to.clone(),
        );
        if let Some(found) = self.places.get(&likeness).and_then(|at| self.found.get_mut(*at)) {
            found.times += 1;
            if alert.verdict.action > found.action {
                found.action = alert.verdict.action;
                found.because = alert.verdict.because.clone();
            }
            return;
        }
        if self.found.len() >= limits::REPORT_FINDINGS {
            self.found_beyond += 1;
            return;
        }
        self.places.insert(likeness, self.found.len());
        self.found.push(Found {
            finding: finding.clone(),
            protocol: alert.protocol,
            to,
            action: alert.verdict.action,
            because: alert.verdict.because.clone(),
            times: 1,
            capture: self.capture,
            packet: alert.sighting.packet,
            at: alert.sighting.at,
            flow: alert.id,
        });
    }
}

impl Talk {
    const fn new(protocol: &'static str, party: Party) -> Self {
        Self { protocol, party, flows: 0, bytes: [0; 2], leaking: 0, worst: None }
    }

    fn add(&mut self, flow: &FlowEvent) {
        self.flows += 1;
        for side in 0..2 {
            self.bytes[side] += flow.bytes[side];
        }
        let findings = flow.findings.iter().map(|sighting| &sighting.finding);
        self.leaking += u64::from(findings.clone().any(|finding| family(finding.id) == "leak"));
        self.worst = self.worst.max(findings.map(|finding| finding.severity).max());
    }
}

const fn total([sent, received]: [u64; 2]) -> u64 {
    sent.saturating_add(received)
}

#[cfg(test)]
mod tests;
