use std::net::IpAddr;
use std::str::FromStr;

use crate::limits;

use super::EntryError;

/// An address range in CIDR notation (RFC 4632, RFC 4291 section 2.3); a bare address is a range of one.
///
/// Kept in sixteen bytes for both families, IPv4 mapped into IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// Bits of the sixteen bytes that count.
    length: u8,
    network: u128,
}

impl Prefix {
    pub fn contains(self, ip: IpAddr) -> bool {
        mapped(ip) & mask(self.length) == self.network
    }
}

impl FromStr for Prefix {
    type Err = EntryError;

    fn from_str(text: &str) -> Result<Self, EntryError> {
        let (ip, length) = text.split_once('/').map_or((text, None), |(ip, length)| (ip, Some(length)));
        let ip: IpAddr = ip.parse().map_err(|_| EntryError::Prefix)?;
        let (before, own) = if ip.is_ipv4() { (96, 32) } else { (0, 128) };
        let length: u8 = length.map_or(Ok(own), str::parse).map_err(|_| EntryError::Prefix)?;
        if length > own {
            return Err(EntryError::Prefix);
        }
        let prefix = Self { length: before + length, network: mapped(ip) };
        if prefix.network & !mask(prefix.length) != 0 {
            return Err(EntryError::HostBits);
        }
        Ok(prefix)
    }
}

/// Address ranges with a value each; the longest prefix decides.
///
/// Meant for a few hundred ranges: one binary search per prefix length in use.
#[derive(Debug, Clone)]
pub struct PrefixTable<T> {
    /// Sorted, longest prefix first.
    entries: Vec<(Prefix, T)>,
    /// The lengths in use, longest first.
    lengths: Vec<u8>,
    /// Which sixteen bits begin a range (of IPv4 the first two octets, of IPv6 likewise): most addresses stop here.
    beginnings: Beginnings,
}

/// A set of sixteen-bit numbers, folded to 1024 bits; may hold more than was put in.
#[derive(Debug, Clone, Copy, Default)]
struct Beginnings([u64; 16]);

impl Beginnings {
    fn insert(&mut self, prefix: Prefix) {
        let is_v4 = prefix.network >> 32 == 0xffff;
        let (shift, bits) = if is_v4 { (16, prefix.length.saturating_sub(96)) } else { (112, prefix.length) };
        // A range shorter than sixteen bits has many beginnings.
        for beginning in 0..1_u128 << 16_u8.saturating_sub(bits) {
            let (word, bit) = Self::place(prefix.network | beginning << shift);
            self.0[word] |= bit;
        }
    }

    fn may_hold(&self, address: u128) -> bool {
        let (word, bit) = Self::place(address);
        self.0[word] & bit != 0
    }

    const fn place(address: u128) -> (usize, u64) {
        let shift = if address >> 32 == 0xffff { 16 } else { 112 };
        let number = (address >> shift) as u16;
        let folded = number ^ (number >> 10);
        ((folded >> 6 & 15) as usize, 1 << (folded & 63))
    }
}

impl<T> Default for PrefixTable<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), lengths: Vec::new(), beginnings: Beginnings::default() }
    }
}

impl<T: Copy> PrefixTable<T> {
    /// Adds a range, and gives the value that stood there before, if one did.
    ///
    /// # Errors
    /// Where the table is full.
    pub fn insert(&mut self, prefix: Prefix, value: T) -> Result<Option<T>, EntryError> {
        let at = match self.search(prefix) {
            Ok(at) => {
                return Ok(self.entries.get_mut(at).map(|(_, old)| std::mem::replace(old, value)));
            }
            Err(at) => at,
        };
        if self.entries.len() >= limits::ADDRESS_PREFIXES {
            return Err(EntryError::Full(limits::ADDRESS_PREFIXES));
        }
        self.entries.insert(at, (prefix, value));
        self.beginnings.insert(prefix);
        if let Err(at) = self.lengths.binary_search_by(|length| prefix.length.cmp(length)) {
            self.lengths.insert(at, prefix.length);
        }
        Ok(None)
    }

    pub fn find(&self, ip: IpAddr) -> Option<T> {
        let address = mapped(ip);
        if !self.beginnings.may_hold(address) {
            return None;
        }
        self.lengths.iter().find_map(|&length| {
            let prefix = Prefix { length, network: address & mask(length) };
            let at = self.search(prefix).ok()?;
            self.entries.get(at).map(|&(_, value)| value)
        })
    }

    /// All ranges, longest prefix first.
    pub fn iter(&self) -> impl Iterator<Item = (Prefix, T)> {
        self.entries.iter().copied()
    }

    fn search(&self, prefix: Prefix) -> Result<usize, usize> {
        let order = |prefix: Prefix| (u8::MAX - prefix.length, prefix.network);
        self.entries.binary_search_by_key(&order(prefix), |&(prefix, _)| order(prefix))
    }
}

fn mapped(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

const fn mask(length: u8) -> u128 {
    match u128::MAX.checked_shr(length as u32) {
        Some(rest) => !rest,
        None => u128::MAX,
    }
}
