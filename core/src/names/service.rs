use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::limits;

use super::{Category, EntryError, Prefix, PrefixTable, SuffixTable, check_identifier};

/// Something that people use by name: YouTube, DoubleClick, the pool of time servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Lower-case, the field's usual name: `google-play`.
    pub name: Arc<str>,
    /// As its maker writes it: "Google Play".
    pub title: Arc<str>,
    /// Who runs it: "Google".
    pub owner: Arc<str>,
    pub category: Category,
}

/// A service of one [`Services`] table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(u16);

const _: () = assert!(limits::SERVICES <= u16::MAX as usize, "a service's number fits");

/// Every known service, with the names and address ranges that are its own.
#[derive(Debug, Clone, Default)]
pub struct Services {
    services: Vec<Service>,
    names: HashMap<Arc<str>, ServiceId>,
    hosts: SuffixTable<ServiceId>,
    addresses: PrefixTable<ServiceId>,
}

impl Services {
    /// The service that this host belongs to, by the longest entry that covers it.
    pub fn by_host(&self, host: impl AsRef<[u8]>) -> Option<ServiceId> {
        self.hosts.find(host).map(|found| found.value)
    }

    /// The service that publishes this address as its own. Weaker evidence than a name.
    pub fn by_address(&self, ip: IpAddr) -> Option<ServiceId> {
        self.addresses.find(ip)
    }

    pub fn by_name(&self, name: &str) -> Option<ServiceId> {
        self.names.get(name).copied()
    }

    /// The service of an identifier that this table gave.
    pub fn get(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(usize::from(id.0))
    }

    /// All services in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        (0..).map(ServiceId).zip(&self.services)
    }

    /// All host names, with their services.
    pub const fn hosts(&self) -> &SuffixTable<ServiceId> {
        &self.hosts
    }

    pub const fn addresses(&self) -> &PrefixTable<ServiceId> {
        &self.addresses
    }

    pub fn len(&self) -> usize {
        self.services.len()
    }

    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// # Errors
    /// Where its name is no identifier or taken, and where the table is full.
    pub fn add(&mut self, service: Service) -> Result<ServiceId, EntryError> {
        check_identifier(&service.name)?;
        if self.names.contains_key(&service.name) {
            return Err(EntryError::Taken(Box::from(&*service.name)));
        }
        let id = u16::try_from(self.services.len()).ok().filter(|&id| usize::from(id) < limits::SERVICES);
        let id = ServiceId(id.ok_or(EntryError::Full(limits::SERVICES))?);
        self.names.insert(Arc::clone(&service.name), id);
        self.services.push(service);
        Ok(id)
    }

    /// Gives a host name (`name`, or `=name` without what is below it) to a service.
    ///
    /// # Errors
    /// Where it is no host name, a public suffix, or another service's.
    pub fn add_host(&mut self, id: ServiceId, host: &str) -> Result<(), EntryError> {
        match self.hosts.insert(host, id)? {
            None => Ok(()),
            Some(owner) => {
                self.hosts.insert(host, owner)?;
                Err(self.taken(owner))
            }
        }
    }

    /// Gives an address range to a service. A range inside another one is told from it.
    ///
    /// # Errors
    /// Where the very same range is another service's.
    pub fn add_addresses(&mut self, id: ServiceId, prefix: Prefix) -> Result<(), EntryError> {
        match self.addresses.insert(prefix, id)? {
            None => Ok(()),
            Some(owner) => {
                self.addresses.insert(prefix, owner)?;
                Err(self.taken(owner))
            }
        }
    }

    fn taken(&self, by: ServiceId) -> EntryError {
        EntryError::Taken(self.get(by).map(|service| Box::from(&*service.name)).unwrap_or_default())
    }
}
