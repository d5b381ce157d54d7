//! Takes what is said in the clear apart and looks for personal data in it.

mod document;
mod leaf;

use super::contacts::{Crowd, People};
use super::device::Device;
use super::explanations;
use super::gate;
use super::key::Key;
use super::secret;
use super::trail::Trail;
use crate::finding::{Detector, Explanation, Finding, Scene, Severity, Tier};
use crate::flow::Direction;
use crate::limits;
use crate::protocol::{Fact, Field, Role, Value};

/// Reports personal data that goes to a server in the clear.
#[derive(Debug)]
pub struct Content;

pub static DETECTOR: Content = Content;

impl Detector for Content {
    fn name(&self) -> &'static str {
        "content"
    }

    fn explains(&self) -> &'static [Explanation] {
        explanations::ALL
    }

    fn wants(&self, field: &Field) -> bool {
        // What a server answers does not leave the phone.
        field.role == Role::Content && !field.name.contains(".response.")
    }

    fn inspect(&self, scene: &Scene<'_>, fact: &Fact<'_>, out: &mut dyn FnMut(Finding)) {
        if fact.direction != Direction::ToServer || !gate::may_hold_something(fact, &scene.rules.device) {
            return;
        }
        let mut search = Search::new(fact.field.name, &scene.rules.device);
        let field = Trail::new(fact.field.name);
        search.absent = search.survey(capped(fact.value.bytes()));
        match fact.value {
            Value::Number(_) => return,
            Value::Pair(name, value) => search.header(name, capped(value), &field),
            Value::Bytes(_) | Value::Text(_) if fact.field.name.ends_with(".bearer") => {
                search.bearer(fact.value.bytes(), &field);
            }
            Value::Bytes(_) | Value::Text(_) if fact.field.name.ends_with(".question.content") => {
                search.domain(fact.value.bytes(), &field);
            }
            Value::Bytes(_) | Value::Text(_) => search.document(capped(fact.value.bytes()), &field),
        }
        search.finish().into_iter().for_each(out);
    }
}

fn capped(value: &[u8]) -> &[u8] {
    value.get(..limits::SEARCHED_BYTES).unwrap_or(value)
}

/// Protocols whose every message names its sender and its receivers: there an address is no leak, unless it is the phone's own.
static ADDRESSED: &[&str] =
    &["smtp.", "imap.", "pop3.", "nntp.", "sip.", "xmpp.", "irc.", "sdp.", "ldap.", "ftp.", "whois.", "git."];

/// The search through one fact.
struct Search<'a> {
    device: &'a Device,
    /// Addresses of strangers are findings.
    addresses_count: bool,
    found: Vec<Finding>,
    /// The device's values that were reported, and by which hash.
    reported: Vec<(usize, Option<&'static str>)>,
    people: People,
    names: Names,
    /// What the bytes being taken apart hold nowhere, so that none of their leaves is searched for it.
    absent: Absent,
    /// Leaves looked at so far.
    leaf: usize,
    /// Decoded bytes and decoded texts that may still be made.
    bytes_left: usize,
    texts_left: usize,
}

/// One pass over the whole is cheaper than one over each leaf, and most messages hold nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Absent {
    /// The device's own values.
    known: bool,
    secrets: bool,
    /// `@`
    addresses: bool,
}

/// Where the first and the last name were last seen, by leaf and offset; both together are a name.
#[derive(Debug, Default)]
struct Names {
    first: Option<(usize, usize)>,
    last: Option<(usize, usize)>,
}

impl Names {
    /// Within forty bytes, or in neighbouring leaves.
    fn are_together(&self) -> bool {
        match (self.first, self.last) {
            (Some((leaf, first)), Some((same, last))) if leaf == same => {
                (1..=40).contains(&first.abs_diff(last))
            }
            (Some((first, _)), Some((last, _))) => first.abs_diff(last) <= 2,
            _ => false,
        }
    }
}

/// What is known of a value besides itself.
#[derive(Clone, Copy)]
struct Leaf<'l> {
    key: Key,
    value: &'l [u8],
    trail: &'l Trail<'l>,
    /// The value is all that its key or element holds, not a piece of free text.
    whole: bool,
}

impl<'a> Search<'a> {
    fn new(field: &'static str, device: &'a Device) -> Self {
        Self {
            device,
            addresses_count: !ADDRESSED.iter().any(|protocol| field.starts_with(protocol)),
            found: Vec::new(),
            reported: Vec::new(),
            people: People::default(),
            names: Names::default(),
            absent: Absent::default(),
            leaf: 0,
            bytes_left: limits::DECODED_BYTES,
            texts_left: limits::DECODED_TEXTS,
        }
    }

    fn survey(&self, data: &[u8]) -> Absent {
        Absent {
            known: !self.device.known.is_in(data),
            secrets: !secret::may_be_in(data),
            addresses: memchr::memchr(b'@', data).is_none(),
        }
    }

    /// Looks at bytes that do not stand in the message as they are here.
    fn anew(&mut self, look: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.absent);
        look(self);
        self.absent = before;
    }

    /// Many people in one message are an address book; then nobody of them is reported alone.
    fn finish(mut self) -> Vec<Finding> {
        let Some(crowd) = self.people.crowd().filter(|crowd| self.addresses_count || *crowd != Crowd::Others)
        else {
            return self.found;
        };
        let (tier, shown) = match crowd {
            Crowd::Own(count) => (Tier::Exact, format!("{count} of your contacts")),
            Crowd::Others => (Tier::Validated, "five people or more".to_owned()),
        };
        let is_person = |finding: &Finding| {
            finding.tier > Tier::Exact && matches!(finding.id, "leak.email" | "leak.phone")
        };
        let place = self.found.iter().find(|finding| is_person(finding)).map(|finding| finding.place.clone());
        self.found.retain(|finding| !is_person(finding));
        self.found.push(Finding {
            id: "leak.contacts",
            kind: None,
            tier,
            severity: Severity::High,
            place: place.unwrap_or_else(|| self.people.place().to_owned()),
            encoding: Vec::new(),
            shown,
            rule: None,
        });
        self.found
    }

    fn report(&mut self, id: &'static str, tier: Tier, severity: Severity, trail: &Trail<'_>, shown: String) {
        let finding = Finding {
            id,
            kind: None,
            tier,
            severity,
            place: trail.place(),
            encoding: trail.encodings(),
            shown,
            rule: None,
        };
        self.push(finding);
    }

    /// Keeps one finding per kind and value; the surer one of two.
    fn push(&mut self, finding: Finding) {
        let known = self.found.iter().any(|old| {
            old.id == finding.id
                && old.kind == finding.kind
                && old.shown == finding.shown
                && (old.encoding == finding.encoding || old.tier < finding.tier)
        });
        if !known && self.found.len() < limits::FLOW_FINDINGS {
            self.found.push(finding);
        }
    }
}

#[cfg(test)]
mod tests;
