//! Host names that stand on a list: malware, mining, remote access, anonymizers, bypasses of the resolver. CATALOGUE S-01.

use crate::finding::{Detector, Explanation, Finding, Scene, Severity, Tier};
use crate::names::ListClass;
use crate::protocol::{Fact, Field, Role};
use crate::text;

/// Looks every stated server name up in the lists in force.
#[derive(Debug)]
pub struct ListedNames;

pub static DETECTOR: ListedNames = ListedNames;

static EXPLANATIONS: &[Explanation] = &[
    Explanation {
        id: "suspicious.known-bad-domain",
        title: "Known bad address",
        meaning: "The app asked for a name that a list says serves malware or takes orders for it.",
        advice: "Find out which app asked, and remove it if you did not expect this. A name can also stand on a list by \
                 mistake: the list and its source are told with the finding.",
        method: "The name in DNS, TLS, QUIC or HTTP ends in an entry of a list, by whole labels.",
    },
    Explanation {
        id: "suspicious.mining",
        title: "Mining pool",
        meaning: "The app talks to a service for which devices compute a currency, for somebody's profit and with your \
                  battery.",
        advice: "Remove the app unless you started it for that.",
        method: "The name stands on a list of mining pools.",
    },
    Explanation {
        id: "suspicious.remote-access",
        title: "Remote control",
        meaning: "The app talks to a service that lets somebody else see and use a device.",
        advice: "If nobody is helping you at this moment, and above all if somebody calls you about your bank: end the \
                 connection.",
        method: "The name stands on a list of remote access services.",
    },
    Explanation {
        id: "suspicious.anonymizer",
        title: "Anonymizer",
        meaning: "The app sends its traffic through a network that hides where it goes.",
        advice: "Fine if you chose it; ask why if an app did.",
        method: "The name stands on a list of anonymizing services.",
    },
    Explanation {
        id: "suspicious.dns-bypass",
        title: "Own name resolver",
        meaning: "The app asks for names past the resolver that you or your network chose.",
        advice: "Choose the resolver in one place, in the system's settings.",
        method: "The name stands on a list of public resolvers.",
    },
];

impl Detector for ListedNames {
    fn name(&self) -> &'static str {
        "listed-names"
    }

    fn explains(&self) -> &'static [Explanation] {
        EXPLANATIONS
    }

    fn wants(&self, field: &Field) -> bool {
        field.role == Role::Hostname
    }

    fn inspect(&self, scene: &Scene<'_>, fact: &Fact<'_>, out: &mut dyn FnMut(Finding)) {
        let Some((list, entry)) = scene.rules.lists.blocked(fact.value.bytes()) else {
            return;
        };
        if list.class == ListClass::Tracker {
            return;
        }
        out(Finding {
            id: list.class.name(),
            kind: None,
            // Below the tiers that block: for some names no answer does more harm than an answer.
            tier: if list.report_only { Tier::Plausible } else { Tier::Exact },
            severity: if list.report_only { list.severity.min(Severity::Medium) } else { list.severity },
            place: fact.field.name.to_owned(),
            encoding: Vec::new(),
            shown: text::clean(entry.as_bytes(), 128),
            rule: Some(list.id.clone()),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::ListedNames;
    use crate::finding::testing::inspect_for;
    use crate::finding::{Finding, Tier};
    use crate::names::{DomainList, ListClass, Lists};
    use crate::protocol::{Field, Value};
    use crate::rules::RuleSet;
    use crate::severity::Severity;

    static NAME: Field = Field::hostname("tls.sni", "sni");

    fn look_up(host: &str, report_only: bool) -> Vec<Finding> {
        let mut lists = Lists::default();
        let list = DomainList {
            id: "bad".into(),
            title: "Bad names".into(),
            class: ListClass::KnownBadDomain,
            severity: Severity::High,
            report_only,
            source: "a test".into(),
            licence: "CC0-1.0".into(),
        };
        let id = lists.add(list).expect("the first list");
        lists.add_host(id, "malware.example").expect("a host name");
        let rules = RuleSet { lists: Arc::new(lists), ..RuleSet::default() };
        inspect_for(&ListedNames, None, &rules, &NAME, Value::Text(host))
    }

    #[test]
    fn a_name_below_an_entry_is_found_and_the_list_is_named() {
        let found = look_up("c2.malware.example", false);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].id, found[0].rule.as_deref()), ("suspicious.known-bad-domain", Some("bad")));
        assert!(look_up("notmalware.example", false).is_empty());
    }

    #[test]
    fn a_list_that_only_reports_never_blocks() {
        assert_eq!(look_up("malware.example", true)[0].tier, Tier::Plausible);
    }
}
