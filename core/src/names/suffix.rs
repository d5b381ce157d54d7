use crate::limits;

use super::{EntryError, check_host, is_public_suffix};

/// Host names with a value each, found by the longest one that a host ends in.
///
/// An entry covers its name and everything below it; an entry written `=name` covers that host alone. Case and one
/// trailing dot do not matter.
///
/// A look-up walks the host once, from its last octet to its first, over one running hash: at every label boundary the
/// hash of the suffix so far is looked up in an open-addressing table, and a hit is confirmed against the entry's text.
/// So it costs one multiplication per octet and one or two cache lines per label, never allocates, and stops at the
/// depth of the deepest entry, however long the host is. Names are kept back to back in one string: eight bytes and a
/// slot per entry beside the text.
#[derive(Debug, Clone)]
pub struct SuffixTable<T> {
    /// All names, lower-case, without separators.
    text: String,
    /// In the order they were inserted.
    entries: Vec<Entry<T>>,
    /// Zero, or a tag of the hash above the entry's index plus one. A power of two long.
    slots: Vec<u32>,
    /// Labels of the deepest entry.
    deepest: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry<T> {
    start: u32,
    length: u8,
    exact: bool,
    value: T,
}

/// An entry that covers a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'t, T> {
    /// The entry's name, without `=`.
    pub name: &'t str,
    /// Whether the entry covers this host alone.
    pub exact: bool,
    pub value: T,
}

const INDEX_BITS: u32 = 21;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
const _: () = assert!(limits::HOST_ENTRIES < INDEX_MASK as usize, "an index plus one fits its bits");
const _: () = assert!(limits::HOST_BYTES <= u8::MAX as usize, "a length fits its octet");
const _: () =
    assert!(limits::HOST_ENTRIES * limits::HOST_BYTES <= u32::MAX as usize, "a start fits its bits");

impl<T> Default for SuffixTable<T> {
    fn default() -> Self {
        Self { text: String::new(), entries: Vec::new(), slots: Vec::new(), deepest: 0 }
    }
}

impl<T: Copy> SuffixTable<T> {
    /// Adds `name` or `=name`, and gives the value that stood there before, if one did.
    ///
    /// # Errors
    /// Where it is not a host name or a public suffix, and where the table is full.
    pub fn insert(&mut self, name: &str, value: T) -> Result<Option<T>, EntryError> {
        let (name, exact) = name.strip_prefix('=').map_or((name, false), |name| (name, true));
        let name = name.strip_suffix('.').unwrap_or(name);
        check_host(name)?;
        if is_public_suffix(name) {
            return Err(EntryError::PublicSuffix);
        }
        let hash = hash_entry(name.as_bytes(), exact);
        if let Some(entry) = self.locate(hash, name.as_bytes(), exact).and_then(|at| self.entries.get_mut(at))
        {
            return Ok(Some(std::mem::replace(&mut entry.value, value)));
        }
        self.append(name, exact, hash, value)?;
        Ok(None)
    }

    /// The longest entry that covers the host; one for this host alone before one for everything below it.
    pub fn find(&self, host: impl AsRef<[u8]>) -> Option<Match<'_, T>> {
        self.matches(host.as_ref()).last()
    }

    /// Every entry that covers the host, shortest first.
    pub fn matches<'t, 'h>(&'t self, host: &'h [u8]) -> Matches<'t, 'h, T> {
        let host = host.strip_suffix(b".").unwrap_or(host);
        Matches { table: self, host, unread: host.len(), hash: SEED, labels: self.deepest, whole: false }
    }

    /// All entries in the order they were inserted.
    pub fn iter(&self) -> impl Iterator<Item = Match<'_, T>> {
        self.entries.iter().map(|entry| self.matched(entry))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn matched(&self, entry: &Entry<T>) -> Match<'_, T> {
        Match { name: self.name(entry), exact: entry.exact, value: entry.value }
    }

    fn name(&self, entry: &Entry<T>) -> &str {
        let start = entry.start as usize;
        self.text.get(start..start + usize::from(entry.length)).unwrap_or_default()
    }

    fn append(&mut self, name: &str, exact: bool, hash: u64, value: T) -> Result<(), EntryError> {
        if self.entries.len() >= limits::HOST_ENTRIES {
            return Err(EntryError::Full(limits::HOST_ENTRIES));
        }
        let start = u32::try_from(self.text.len()).map_err(|_| EntryError::Full(limits::HOST_ENTRIES))?;
        let length = u8::try_from(name.len()).map_err(|_| EntryError::TooLong)?;
        self.text.extend(name.chars().map(|c| c.to_ascii_lowercase()));
        self.entries.push(Entry { start, length, exact, value });
        self.deepest = self.deepest.max(name.split('.').count());
        // At most three quarters full: a miss, the usual case, ends after a slot or two.
        if self.entries.len() * 4 > self.slots.len() * 3 {
            self.grow();
        } else {
            occupy(&mut self.slots, hash, self.entries.len());
        }
        Ok(())
    }

    fn grow(&mut self) {
        let mut slots = vec![0; (self.slots.len() * 2).max(8)];
        for (index, entry) in self.entries.iter().enumerate() {
            occupy(&mut slots, hash_entry(self.name(entry).as_bytes(), entry.exact), index + 1);
        }
        self.slots = slots;
    }

    /// The index of the entry of that very name.
    #[inline]
    fn locate(&self, hash: u64, name: &[u8], exact: bool) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let (home, tag) = place(hash);
        for step in 0..self.slots.len() {
            let slot = *self.slots.get((home + step) & mask)?;
            if slot == 0 {
                return None;
            }
            if slot >> INDEX_BITS != tag {
                continue;
            }
            let index = (slot & INDEX_MASK) as usize - 1;
            let entry = self.entries.get(index)?;
            if entry.exact == exact && name.eq_ignore_ascii_case(self.name(entry).as_bytes()) {
                return Some(index);
            }
        }
        None
    }
}

/// The entries that cover one host, shortest first. Made by [`SuffixTable::matches`].
#[derive(Debug, Clone)]
pub struct Matches<'t, 'h, T> {
    table: &'t SuffixTable<T>,
    host: &'h [u8],
    /// Octets in front of those that were hashed.
    unread: usize,
    hash: u64,
    /// Labels that may still be read before no entry is as deep.
    labels: usize,
    /// All of the host was read: only an entry for this host alone is left to look for.
    whole: bool,
}

impl<'t, T: Copy> Iterator for Matches<'t, '_, T> {
    type Item = Match<'t, T>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let table = self.table;
        let found = |index: usize| table.entries.get(index).map(|entry| table.matched(entry));
        while !self.whole {
            self.labels = self.labels.checked_sub(1)?;
            self.read_label();
            let suffix = self.host.get(self.unread..)?;
            let index = table.locate(self.hash, suffix, false);
            self.whole = self.unread == 0;
            if let Some(index) = index {
                return found(index);
            }
        }
        // An entry for this host alone is the last one; taking the host makes sure that it is given once.
        let host = std::mem::take(&mut self.host);
        let hash = mix(self.hash, b'=');
        table.locate(hash, host, true).and_then(found)
    }
}

impl<T> Matches<'_, '_, T> {
    /// Hashes the dot in front of what was read and the label in front of that.
    #[inline]
    fn read_label(&mut self) {
        let unread = self.host.get(..self.unread).unwrap_or_default();
        let mut octets = unread.iter().rev();
        if self.unread < self.host.len()
            && let Some(&dot) = octets.next()
        {
            self.hash = mix(self.hash, dot);
            self.unread -= 1;
        }
        for &octet in octets.take_while(|&&octet| octet != b'.') {
            self.hash = mix(self.hash, octet);
            self.unread -= 1;
        }
    }
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// One step of FNV-1a with 64 bits. Tables are built from files that were checked, so it need not resist an adversary;
/// what a stranger sends is only looked up, and a slot's chain does not grow from that.
#[inline]
const fn mix(hash: u64, octet: u8) -> u64 {
    (hash ^ octet.to_ascii_lowercase() as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

fn hash_entry(name: &[u8], exact: bool) -> u64 {
    let hash = name.iter().rev().fold(SEED, |hash, &octet| mix(hash, octet));
    if exact { mix(hash, b'=') } else { hash }
}

/// Where a hash's chain of slots begins, and its tag.
#[inline]
const fn place(hash: u64) -> (usize, u32) {
    // Fibonacci hashing: the upper bits are the well mixed ones.
    let spread = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((spread >> 40) as usize, (spread >> 29) as u32 & (u32::MAX >> INDEX_BITS))
}

/// Puts an entry's index plus one into the first free slot of its chain.
fn occupy(slots: &mut [u32], hash: u64, number: usize) {
    let (home, tag) = place(hash);
    let mask = slots.len() - 1;
    let number = u32::try_from(number).unwrap_or_default() & INDEX_MASK;
    for step in 0..slots.len() {
        if let Some(slot @ 0) = slots.get_mut((home + step) & mask) {
            *slot = tag << INDEX_BITS | number;
            return;
        }
    }
}
