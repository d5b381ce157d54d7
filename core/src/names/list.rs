use std::fmt;

use crate::limits;
use crate::severity::Severity;

use super::{EntryError, SuffixTable, check_identifier};

/// What being on a list means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListClass {
    /// Learns about users of other people's programs and pages. Nothing suspicious by itself.
    Tracker,
    /// Serves malware or phishing, or gives orders to it.
    KnownBadDomain,
    /// Lets somebody else's machine earn a currency.
    Mining,
    /// Lets somebody else use the device's screen and keys.
    RemoteAccess,
    /// Hides where traffic goes.
    Anonymizer,
    /// Answers DNS past the resolver that the network gave.
    DnsBypass,
}

impl ListClass {
    pub const ALL: [Self; 6] = [
        Self::Tracker,
        Self::KnownBadDomain,
        Self::Mining,
        Self::RemoteAccess,
        Self::Anonymizer,
        Self::DnsBypass,
    ];

    /// The id of the finding that a hit makes, or `tracker`, which makes none.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tracker => "tracker",
            Self::KnownBadDomain => "suspicious.known-bad-domain",
            Self::Mining => "suspicious.mining",
            Self::RemoteAccess => "suspicious.remote-access",
            Self::Anonymizer => "suspicious.anonymizer",
            Self::DnsBypass => "suspicious.dns-bypass",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for ListClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A list of host names and what it says about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainList {
    /// Lower-case, unique: `historic-malware`.
    pub id: Box<str>,
    pub title: Box<str>,
    pub class: ListClass,
    pub severity: Severity,
    /// Hits are reported and never blocked: without an answer from these names the harm is worse (a kill switch).
    pub report_only: bool,
    /// Who says so: a publication, or the list's home.
    pub source: Box<str>,
    /// An SPDX expression.
    pub licence: Box<str>,
}

/// A list of one [`Lists`] table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId(u16);

const _: () = assert!(limits::DOMAIN_LISTS <= u16::MAX as usize, "a list's number fits");

/// Every list in force, in one table: a look-up costs the same for one list as for a hundred.
///
/// A name on several lists counts for the most severe of them, the first one added where they are equal. So a list that
/// is switched off must be left out when the table is built.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    lists: Vec<DomainList>,
    hosts: SuffixTable<ListId>,
}

impl Lists {
    /// The most severe list that covers this host, and the name on it that does. [`ListClass::Tracker`] included.
    pub fn blocked(&self, host: impl AsRef<[u8]>) -> Option<(&DomainList, &str)> {
        let hits = self.hosts.matches(host.as_ref()).filter_map(|hit| Some((self.get(hit.value)?, hit.name)));
        // The longest name of the most severe ones: `max_by_key` keeps the last.
        hits.max_by_key(|(list, _)| list.severity)
    }

    pub fn get(&self, id: ListId) -> Option<&DomainList> {
        self.lists.get(usize::from(id.0))
    }

    /// All lists in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (ListId, &DomainList)> {
        (0..).map(ListId).zip(&self.lists)
    }

    /// All host names, with the list that each counts for.
    pub const fn hosts(&self) -> &SuffixTable<ListId> {
        &self.hosts
    }

    pub fn len(&self) -> usize {
        self.lists.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// # Errors
    /// Where its id is no identifier or taken, and where the table is full.
    pub fn add(&mut self, list: DomainList) -> Result<ListId, EntryError> {
        check_identifier(&list.id)?;
        if self.lists.iter().any(|other| other.id == list.id) {
            return Err(EntryError::Taken(list.id));
        }
        let id = u16::try_from(self.lists.len()).ok().filter(|&id| usize::from(id) < limits::DOMAIN_LISTS);
        let id = ListId(id.ok_or(EntryError::Full(limits::DOMAIN_LISTS))?);
        self.lists.push(list);
        Ok(id)
    }

    /// Puts a host name (`name`, or `=name` without what is below it) on a list.
    ///
    /// # Errors
    /// Where it is no host name or a public suffix.
    pub fn add_host(&mut self, id: ListId, host: &str) -> Result<(), EntryError> {
        let severity = |id| self.get(id).map(|list| list.severity);
        let new = severity(id);
        let Some(old) = self.hosts.insert(host, id)? else {
            return Ok(());
        };
        if self.get(old).map(|list| list.severity) >= new {
            self.hosts.insert(host, old)?;
        }
        Ok(())
    }
}
