//! Whom a flow talked to, in the words of a person.

use std::sync::Arc;

use crate::event::FlowEvent;
use crate::flow::FlowKey;
use crate::names::registrable_domain;
use crate::packet::Transport;

/// Whom a flow talked to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Party {
    /// The service, else the domain, else the address; or a few words for who has no name of its own.
    pub name: Arc<str>,
    pub owner: Option<Arc<str>>,
    pub category: Option<&'static str>,
}

impl Party {
    pub(super) fn of(flow: &FlowEvent) -> Self {
        let unnamed = |name: &str| Self { name: name.into(), owner: None, category: None };
        let server = flow.key.server.address;
        if server.is_multicast() {
            return unnamed("everybody on the network");
        }
        if let Some(what) = flow.protocol.and_then(asks_about) {
            return if server.is_local() { unnamed(what) } else { unnamed(&server.to_string()) };
        }
        if let Some(service) = &flow.service {
            return Self {
                name: Arc::clone(&service.name),
                owner: Some(Arc::clone(&service.owner)),
                category: Some(service.category),
            };
        }
        match flow.hostname.as_deref() {
            Some(host) => unnamed(registrable_domain(host).unwrap_or(host)),
            None => unnamed(&address(&flow.key)),
        }
    }

    pub(super) fn others() -> Self {
        Self { name: "more than can be told apart".into(), owner: None, category: None }
    }
}

/// The server's address, with its port if the transport has ports.
pub(super) fn address(key: &FlowKey) -> String {
    match key.transport {
        Transport::TCP | Transport::UDP | Transport::SCTP => key.server.to_string(),
        _ => key.server.address.to_string(),
    }
}

/// Who answers, for protocols whose name is what was asked about and not the server's own.
fn asks_about(protocol: &str) -> Option<&'static str> {
    match protocol {
        "dns" => Some("your resolver"),
        "dhcp" | "dhcpv6" | "netbios-ns" | "nbns" => Some("your network"),
        _ => None,
    }
}
