//! Who is asked about a flow's first bytes: a table by transport, direction and first byte, built once from the registry,
//! so that a packet meets two or three probes and not a hundred. Ports only move a protocol to the front.

use foldhash::HashMap;

use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::{self, FirstByte, Opening, Probe, Protocol};

/// A set of protocols, by their place in the registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Set([u64; 4]);

impl Set {
    const CAPACITY: usize = 256;

    fn insert(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    fn remove(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    fn contains(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn intersect(&mut self, other: &Self) {
        for (word, mask) in self.0.iter_mut().zip(other.0) {
            *word &= mask;
        }
    }

    fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                (bits != 0).then(|| {
                    let bit = bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    word * 64 + bit
                })
            })
        })
    }
}

/// What all probes together say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The registry index of the protocol.
    Is(usize),
    NeedMore,
    Unknown,
}

/// The registry, arranged for probing.
#[derive(Debug)]
pub(super) struct Index {
    /// By stream or datagram, direction, first byte.
    first: Vec<Set>,
    /// Protocols of all other transports.
    others: Vec<(Transport, Set)>,
    ports: HashMap<(bool, u16), Vec<usize>>,
    names: HashMap<&'static str, usize>,
}

impl Index {
    pub(super) fn new() -> Self {
        let all = protocol::all();
        assert!(all.len() <= Set::CAPACITY, "widen index::Set to hold {} protocols", all.len());
        let mut index = Self {
            first: vec![Set::default(); 2 * 2 * 256],
            others: Vec::new(),
            ports: HashMap::default(),
            names: all.iter().enumerate().map(|(at, protocol)| (protocol.name(), at)).collect(),
        };
        for (at, protocol) in all.iter().enumerate() {
            for &transport in protocol.transports() {
                index.add(at, *protocol, transport);
            }
        }
        index
    }

    fn add(&mut self, at: usize, protocol: &dyn Protocol, transport: Transport) {
        if transport != Transport::TCP && transport != Transport::UDP {
            match self.others.iter_mut().find(|(known, _)| *known == transport) {
                Some((_, set)) => set.insert(at),
                None => {
                    let mut set = Set::default();
                    set.insert(at);
                    self.others.push((transport, set));
                }
            }
            return;
        }
        let datagram = transport == Transport::UDP;
        for &port in protocol.ports() {
            self.ports.entry((datagram, port)).or_default().push(at);
        }
        for direction in Direction::BOTH {
            for byte in 0..=u8::MAX {
                let possible = match protocol.first_byte(direction) {
                    FirstByte::Any => true,
                    FirstByte::OneOf(bytes) => bytes.contains(&byte),
                    FirstByte::Range(low, high) => (low..=high).contains(&byte),
                };
                if possible {
                    self.first[slot(datagram, direction, byte)].insert(at);
                }
            }
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Who could speak what begins with these bytes.
    pub(super) fn candidates(&self, transport: Transport, direction: Direction, first: u8) -> Set {
        match transport {
            Transport::TCP => self.first[slot(false, direction, first)],
            Transport::UDP => self.first[slot(true, direction, first)],
            other => {
                self.others.iter().find(|(known, _)| *known == other).map(|(_, set)| *set).unwrap_or_default()
            }
        }
    }

    /// Asks every candidate, those of the flow's ports first. A match counts only when nobody with a stronger claim (an
    /// earlier place in the registry) is still undecided; whoever says no is not asked again.
    pub(super) fn ask(&self, opening: &Opening<'_>, candidates: &mut Set) -> Answer {
        self.narrow(opening, candidates);
        let datagram = opening.is_datagram();
        let hinted = |port| self.ports.get(&(datagram, port)).map_or(&[][..], Vec::as_slice);
        let (server, client) = (hinted(opening.flow.server.port), hinted(opening.flow.client.port));
        let mut asked = Set::default();
        let mut undecided: Option<usize> = None;
        let waits = |undecided: &mut Option<usize>, at: usize| {
            *undecided = Some(undecided.map_or(at, |first| first.min(at)));
        };
        for at in server.iter().chain(client).copied() {
            if !candidates.contains(at) || asked.contains(at) {
                continue;
            }
            asked.insert(at);
            match protocol::all()[at].probe(opening) {
                Probe::Match => return Answer::Is(at),
                Probe::NeedMore => waits(&mut undecided, at),
                Probe::Mismatch => candidates.remove(at),
            }
        }
        for at in candidates.iter() {
            if asked.contains(at) {
                continue;
            }
            match protocol::all()[at].probe(opening) {
                Probe::Match if undecided.is_none_or(|first| at < first) => return Answer::Is(at),
                Probe::Match => {}
                Probe::NeedMore => waits(&mut undecided, at),
                Probe::Mismatch => candidates.remove(at),
            }
        }
        if undecided.is_some() { Answer::NeedMore } else { Answer::Unknown }
    }

    /// The best match among those still undecided, once there will be no more bytes to wait for.
    pub(super) fn settle_for(&self, opening: &Opening<'_>, candidates: &Set) -> Option<usize> {
        candidates.iter().find(|at| protocol::all()[*at].probe(opening) == Probe::Match)
    }

    /// Both directions' first bytes must be possible.
    fn narrow(&self, opening: &Opening<'_>, candidates: &mut Set) {
        for direction in Direction::BOTH {
            if let Some(&first) = opening.of(direction).first() {
                candidates.intersect(&self.candidates(opening.flow.transport, direction, first));
            }
        }
    }
}

const fn slot(datagram: bool, direction: Direction, byte: u8) -> usize {
    (datagram as usize * 2 + direction.index()) * 256 + byte as usize
}

#[cfg(test)]
mod tests {
    use super::Set;

    #[test]
    fn a_set_gives_its_members_in_order() {
        let mut set = Set::default();
        for index in [200, 3, 64, 63] {
            set.insert(index);
        }
        set.remove(63);
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 64, 200]);
        assert!(set.contains(200) && !set.contains(63));
    }
}
