//! Whose name is this? Host names and addresses become services, owners, categories and list hits.
//!
//! Pure tables, filled once by `weir-signatures` and then only read: [`Services`] and [`Lists`] stand on
//! [`SuffixTable`], which finds the longest entry that a host name ends in, by whole labels. No look-up allocates.
//!
//! A host name is compared as the octets that stand on the wire, ASCII letters in either case. Names in other scripts
//! are A-labels there (RFC 5890, `xn--…`) and are written so in the tables.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use crate::limits;

mod address;
mod category;
mod list;
mod service;
mod suffix;

pub use address::{Prefix, PrefixTable};
pub use category::Category;
pub use list::{DomainList, ListClass, ListId, Lists};
pub use service::{Service, ServiceId, Services};
pub use suffix::{Match, Matches, SuffixTable};

/// The part of a host name that somebody registered: one label more than its public suffix.
///
/// `None` where there is no such part: for an address, a public suffix itself and what is not a host name. A name under
/// an unknown top-level domain counts by its last two labels (publicsuffix.org, rule `*`).
pub fn registrable_domain(host: &str) -> Option<&str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if check_host(host).is_err() {
        return None;
    }
    // The public suffix list is lower-case.
    let mut buffer = [0; limits::HOST_BYTES];
    let name = buffer.get_mut(..host.len())?;
    name.copy_from_slice(host.as_bytes());
    name.make_ascii_lowercase();
    let length = psl::domain(name)?.as_bytes().len();
    host.get(host.len().checked_sub(length)?..)
}

/// Why a table refused an entry. The sentence goes on from the entry: "`co.uk` is a public suffix: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryError {
    Empty,
    TooLong,
    EmptyLabel,
    LongLabel,
    Character(char),
    Address,
    PublicSuffix,
    /// The entry belongs to the service of that name already.
    Taken(Box<str>),
    Prefix,
    HostBits,
    Full(usize),
    Identifier,
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty: write a host name, such as ads.example.com"),
            Self::TooLong => write!(f, "is longer than the {} octets of a host name", limits::HOST_BYTES),
            Self::EmptyLabel => f.write_str("has nothing between two dots: remove one of them"),
            Self::LongLabel => {
                write!(f, "has a label longer than {} octets, which no host has", limits::LABEL_BYTES)
            }
            Self::Character('*') => f.write_str("has a `*`: leave it out, a name covers every name below it"),
            Self::Character(c) if c.is_ascii() => {
                write!(
                    f,
                    "has {c:?}, which no host name has: write the bare name, without scheme, port and path"
                )
            }
            Self::Character(c) => write!(f, "has {c:?}: write the name as on the wire, in A-labels (xn--…)"),
            Self::Address => f.write_str("is an address: tables of names hold names"),
            Self::PublicSuffix => f.write_str(
                "is a public suffix, below which anybody registers names: name the domain below it",
            ),
            Self::Taken(by) => write!(f, "belongs to `{by}` already: remove it from one of the two"),
            Self::Prefix => {
                f.write_str("is no address prefix: write one such as 192.0.2.0/24 or 2001:db8::/32")
            }
            Self::HostBits => f.write_str("has bits set behind its prefix length: set them to zero"),
            Self::Full(cap) => write!(f, "is one more than the {cap} that fit"),
            Self::Identifier => write!(
                f,
                "is no identifier: write 1 to {} lower-case letters, digits, `-` and `.`, the first and the last a letter or digit",
                limits::IDENTIFIER_BYTES
            ),
        }
    }
}

impl std::error::Error for EntryError {}

/// Whether this may be a host name: labels of letters, digits, `-` and `_` (which DNS-SD and many CDNs use).
fn check_host(host: &str) -> Result<(), EntryError> {
    if host.is_empty() {
        return Err(EntryError::Empty);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(c) = host.chars().find(|&c| !allowed(c)) {
        let is_address = host.trim_matches(['[', ']']).parse::<Ipv6Addr>().is_ok();
        return Err(if is_address { EntryError::Address } else { EntryError::Character(c) });
    }
    if host.len() > limits::HOST_BYTES {
        return Err(EntryError::TooLong);
    }
    let mut last = "";
    for label in host.split('.') {
        if label.is_empty() {
            return Err(EntryError::EmptyLabel);
        }
        if label.len() > limits::LABEL_BYTES {
            return Err(EntryError::LongLabel);
        }
        last = label;
    }
    // RFC 3696 section 2: no top-level domain is all digits, so this tells an IPv4 address from a name.
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EntryError::Address);
    }
    Ok(())
}

/// Whether everybody may register names below this one. Of the public suffix list only the registries' part counts:
/// a company's own suffix (`cloudfront.net`, `github.io`) belongs to that company.
fn is_public_suffix(host: &str) -> bool {
    let mut lower = Cow::Borrowed(host.as_bytes());
    if lower.iter().any(u8::is_ascii_uppercase) {
        lower.to_mut().make_ascii_lowercase();
    }
    !lower.contains(&b'.')
        || psl::suffix(&lower)
            .is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == &*lower)
}

/// Whether a text can be an identifier in records, rules and on the command line.
fn check_identifier(text: &str) -> Result<(), EntryError> {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    let good = bytes.len() <= limits::IDENTIFIER_BYTES
        && ends.into_iter().all(|end| end.is_some_and(alphanumeric))
        && bytes.iter().all(|byte| alphanumeric(byte) || matches!(byte, b'-' | b'.'));
    if good { Ok(()) } else { Err(EntryError::Identifier) }
}

#[cfg(test)]
mod tests;
