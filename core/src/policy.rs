//! Stage 5: findings become a verdict. A pure function of the policy and what is known about a flow.
//!
//! A policy is a profile and a list of rules, read from one TOML file:
//!
//! ```toml
//! profile = "balanced"
//!
//! [[rule]]
//! name = "the printer may speak in the clear"
//! address = ["192.168.1.20"]
//! action = "allow"
//!
//! [[rule]]
//! name = "no trackers"
//! category = ["advertising", "analytics"]
//! action = "block"
//! ```
//!
//! The first rule that fits decides. All conditions of a rule must hold; of a list, one entry must. A rule with
//! `finding` speaks about those findings only: `allow` sets them aside, anything else decides the flow. Where no rule
//! speaks, the profile does.

use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;

use crate::finding::{Finding, Severity, Tier};
use crate::flow::FlowKey;
use crate::limits;

/// What happens to a flow, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Allow,
    Log,
    Ask,
    Block,
}

impl Action {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Log => "log",
            Self::Ask => "ask",
            Self::Block => "block",
        }
    }
}

/// The answer for a flow, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub action: Action,
    /// A finding's id, or `rule: <name>`; empty only where nothing was found and no rule spoke.
    pub because: Box<str>,
}

impl Verdict {
    pub fn allow() -> Self {
        Self { action: Action::Allow, because: Box::default() }
    }
}

/// How much a user wants stopped where no rule speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Stops nothing, tells everything.
    Monitor,
    /// Stops what is certain and harmful: leaks in the clear and known-bad names.
    #[default]
    Balanced,
    /// Stops whatever is likely harmful, at the price of breaking things.
    Strict,
}

impl Profile {
    pub const ALL: [Self; 3] = [Self::Monitor, Self::Balanced, Self::Strict];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::Balanced => "balanced",
            Self::Strict => "strict",
        }
    }

    /// What this profile does about one finding. `local` is a server on the user's own network.
    fn action(self, finding: &Finding, local: bool) -> Action {
        let family = finding.id.split('.').next().unwrap_or_default();
        match self {
            Self::Monitor => Action::Log,
            Self::Balanced => match family {
                "leak" if finding.tier <= Tier::Validated && !local => Action::Block,
                "suspicious" if finding.tier > Tier::Validated => Action::Log,
                "suspicious" if finding.severity == Severity::Critical => Action::Block,
                "suspicious" if finding.id.starts_with("suspicious.known-bad") => Action::Block,
                _ => Action::Log,
            },
            Self::Strict => match family {
                "leak" if finding.tier <= Tier::Plausible => Action::Block,
                "interception" => Action::Block,
                "suspicious" | "evasion" if finding.severity >= Severity::Medium => Action::Block,
                _ => Action::Log,
            },
        }
    }
}

/// What policy may know about a flow.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub key: &'a FlowKey,
    pub app: Option<&'a str>,
    pub hostname: Option<&'a str>,
    pub protocol: Option<&'a str>,
    pub service: Option<&'a str>,
    pub category: Option<&'a str>,
}

/// A profile and the user's rules.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    profile: Profile,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(default)]
    profile: Profile,
    #[serde(default)]
    rule: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    action: Action,
    #[serde(default)]
    app: Vec<String>,
    #[serde(default)]
    domain: Vec<String>,
    #[serde(default)]
    address: Vec<Network>,
    #[serde(default)]
    protocol: Vec<String>,
    #[serde(default)]
    service: Vec<String>,
    #[serde(default)]
    category: Vec<String>,
    #[serde(default)]
    finding: Vec<String>,
}

/// Why a policy file was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError(String);

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PolicyError {}

impl Policy {
    pub const fn new(profile: Profile) -> Self {
        Self { profile, rules: Vec::new() }
    }

    /// Reads a policy file's text.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let source: Source = toml::from_str(text).map_err(|error| PolicyError(error.to_string()))?;
        if source.rule.len() > limits::POLICY_RULES {
            return Err(PolicyError(format!(
                "{} rules are more than the {} a policy may have; put domains into a list instead",
                source.rule.len(),
                limits::POLICY_RULES
            )));
        }
        if let Some(rule) = source.rule.iter().find(|rule| rule.has_no_condition()) {
            return Err(PolicyError(format!(
                "rule \"{}\" has no condition and would decide every flow; give it one of app, domain, address, \
                 protocol, service, category or finding",
                rule.name
            )));
        }
        Ok(Self { profile: source.profile, rules: source.rule })
    }

    /// The same rules under another profile.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// What happens to a flow with these findings, and why.
    pub fn decide<'a>(
        &self,
        subject: &Subject<'_>,
        findings: impl Iterator<Item = &'a Finding> + Clone,
    ) -> Verdict {
        for rule in self.rules.iter().filter(|rule| rule.fits(subject)) {
            let decides = if rule.finding.is_empty() {
                true
            } else {
                rule.action != Action::Allow && findings.clone().any(|finding| rule.names(finding))
            };
            if decides {
                return Verdict { action: rule.action, because: format!("rule: {}", rule.name).into() };
            }
        }
        let local = subject.key.server.address.is_local();
        findings
            .filter(|finding| !self.sets_aside(subject, finding))
            .map(|finding| (self.profile.action(finding, local), finding))
            .max_by(|(a, left), (b, right)| a.cmp(b).then(left.severity.cmp(&right.severity)))
            .map_or_else(Verdict::allow, |(action, finding)| Verdict { action, because: finding.id.into() })
    }

    /// An `allow` rule for this very finding stands before any other.
    fn sets_aside(&self, subject: &Subject<'_>, finding: &Finding) -> bool {
        self.rules
            .iter()
            .filter(|rule| rule.action == Action::Allow && !rule.finding.is_empty() && rule.fits(subject))
            .any(|rule| rule.names(finding))
    }
}

impl Rule {
    fn has_no_condition(&self) -> bool {
        self.app.is_empty()
            && self.domain.is_empty()
            && self.address.is_empty()
            && self.protocol.is_empty()
            && self.service.is_empty()
            && self.category.is_empty()
            && self.finding.is_empty()
    }

    fn fits(&self, subject: &Subject<'_>) -> bool {
        let is = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|pattern| glob(pattern, value)))
        };
        let domain_fits = self.domain.is_empty()
            || subject.hostname.is_some_and(|host| self.domain.iter().any(|domain| within(host, domain)));
        let server = subject.key.server.address.ip();
        let address_fits = self.address.is_empty() || self.address.iter().any(|net| net.contains(server));
        domain_fits
            && address_fits
            && is(&self.app, subject.app)
            && is(&self.protocol, subject.protocol)
            && is(&self.service, subject.service)
            && is(&self.category, subject.category)
    }

    fn names(&self, finding: &Finding) -> bool {
        self.finding.iter().any(|pattern| glob(pattern, finding.id))
    }
}

/// `leak.*` fits everything that begins with `leak.`; anything else must be equal.
fn glob(pattern: &str, value: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => value.starts_with(prefix),
        None => value == pattern,
    }
}

/// Whether `host` is `domain` or lies below it.
fn within(host: &str, domain: &str) -> bool {
    let host = host.trim_end_matches('.').as_bytes();
    let domain = domain.trim_end_matches('.').as_bytes();
    let Some(start) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    host[start..].eq_ignore_ascii_case(domain) && (start == 0 || host[start - 1] == b'.')
}

/// An address with a prefix length: `192.0.2.0/24`, `2001:db8::/32`, or one address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Network {
    base: IpAddr,
    bits: u8,
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is not an address or network such as 192.0.2.0/24 or 2001:db8::/32");
        let (address, bits) = text.split_once('/').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
        let base: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most).ok_or_else(wrong)?,
            None => most,
        };
        Ok(Self { base, bits })
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differ = u32::from(base) ^ u32::from(address);
                differ.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differ = u128::from(base) ^ u128::from(address);
                differ.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
