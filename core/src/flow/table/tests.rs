use std::collections::HashMap;

use proptest::prelude::*;

use super::{FlowTable, Found, Seed, key_of_first};
use crate::flow::{Direction, FlowId, FlowKey};
use crate::limits;
use crate::packet::{Address, Endpoint, IpVersion, LinkId, Packet, Tcp, Transport};
use crate::time::Timestamp;

/// A UDP packet between two of a few endpoints.
fn packet(source: u8, destination: u8) -> Packet<'static> {
    let endpoint = |n: u8| Endpoint::new(Address::v4([10, 0, 0, n / 4]), 5000 + u16::from(n % 4));
    Packet {
        source: endpoint(source),
        destination: endpoint(destination),
        link: LinkId(0),
        transport: Transport::UDP,
        version: IpVersion::V4,
        ttl: 64,
        tcp: Tcp::default(),
        payload: &[],
        missing: 0,
        tunnel: None,
    }
}

fn turned(key: FlowKey) -> FlowKey {
    FlowKey { client: key.server, server: key.client, ..key }
}

#[derive(Debug, Clone)]
enum Act {
    /// A packet comes, a second later than the last.
    Packet(u8, u8),
    /// The flow between these ends is taken out.
    Remove(u8, u8),
    /// Nothing comes for so many seconds.
    Wait(u16),
}

fn act() -> impl Strategy<Value = Act> {
    let end = 0..24_u8;
    prop_oneof![
        8 => (end.clone(), end.clone()).prop_map(|(a, b)| Act::Packet(a, b)),
        2 => (end.clone(), end).prop_map(|(a, b)| Act::Remove(a, b)),
        1 => (0..400_u16).prop_map(Act::Wait),
    ]
}

/// The same in a plain map: flows by the key of their first packet, with their number and last arrival.
#[derive(Default)]
struct Model(HashMap<FlowKey, (FlowId, Timestamp)>);

impl Model {
    fn find(&self, packet: &Packet<'_>) -> Option<(FlowKey, Direction)> {
        let key = FlowKey { client: packet.source, server: packet.destination, ..key_of_first(packet) };
        if self.0.contains_key(&key) {
            return Some((key, Direction::ToServer));
        }
        let key = turned(key);
        self.0.contains_key(&key).then_some((key, Direction::ToClient))
    }
}

proptest! {
    #[test]
    fn the_table_is_a_map(acts in prop::collection::vec(act(), 1..400), capacity in 4..64_usize, seed: [u64; 4]) {
        let seed = Seed(seed);
        let mut table: FlowTable<u32> = FlowTable::new(capacity);
        let mut model = Model::default();
        let mut now = Timestamp::from_seconds(1000);
        for (number, act) in acts.into_iter().enumerate() {
            now.0 += 1_000_000_000;
            match act {
                Act::Wait(seconds) => now.0 += u64::from(seconds) * 1_000_000_000,
                Act::Remove(a, b) => {
                    let packet = packet(a, b);
                    let found = table.find(seed.hash(&packet), &packet);
                    match (found, model.find(&packet)) {
                        (Found::Known(slot, _), Some((key, _))) => {
                            let record = table.remove(slot).expect("it was found");
                            prop_assert_eq!(record.key, key);
                            let (id, _) = model.0.remove(&key).expect("it is in the model");
                            prop_assert_eq!(record.id, id);
                            prop_assert!(table.remove(slot).is_none());
                        }
                        (Found::New, None) => {}
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
                Act::Packet(a, b) => {
                    if let Some(idle) = table.sweep(now) {
                        let (id, last) = model.0.remove(&idle.key).expect("a swept flow was there");
                        prop_assert_eq!(idle.id, id);
                        prop_assert!(now.since(last) > limits::IDLE_OTHER);
                    }
                    let packet = packet(a, b);
                    let hash = seed.hash(&packet);
                    prop_assert_eq!(hash, seed.hash(&super::tests::packet(b, a)), "both directions hash alike");
                    match (table.find(hash, &packet), model.find(&packet)) {
                        (Found::Known(slot, direction), Some((key, expected))) => {
                            prop_assert_eq!(direction, expected);
                            let record = table.get_mut(slot).expect("it was found");
                            prop_assert_eq!(record.key, key);
                            record.last = now;
                            model.0.get_mut(&key).expect("it is in the model").1 = now;
                        }
                        (Found::New, None) => {
                            if let Some(oldest) = table.make_room() {
                                prop_assert_eq!(model.0.len(), capacity, "only a full table gives up a flow");
                                prop_assert!(model.0.remove(&oldest.key).is_some());
                            }
                            let (key, id) = (key_of_first(&packet), FlowId(number as u64));
                            table.insert(hash, key, id, now);
                            model.0.insert(key, (id, now));
                        }
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
            prop_assert_eq!(table.len(), model.0.len());
            prop_assert!(table.len() <= capacity);
        }
        let mut left: Vec<FlowId> = model.0.values().map(|(id, _)| *id).collect();
        left.sort();
        let drained: Vec<FlowId> = table.drain().into_iter().map(|record| record.id).collect();
        prop_assert_eq!(drained, left);
        prop_assert!(table.is_empty());
    }
}

#[test]
fn nothing_is_swept_before_its_time() {
    let mut table: FlowTable<()> = FlowTable::new(8);
    let packet = packet(0, 7);
    let start = Timestamp::from_seconds(1000);
    table.insert(Seed::default().hash(&packet), key_of_first(&packet), FlowId(1), start);
    let at_the_limit = Timestamp::from_seconds(1000 + limits::IDLE_OTHER.as_secs());
    assert!(table.sweep(at_the_limit).is_none());
    assert!(table.sweep(Timestamp(0)).is_none(), "time ran backwards");
    assert!(table.sweep(Timestamp(at_the_limit.0 + 1)).is_some());
    assert!(table.is_empty());
}

#[test]
fn a_full_table_gives_up_the_longest_idle_of_a_few() {
    let mut table: FlowTable<()> = FlowTable::new(4);
    for (n, seconds) in [(0, 30), (1, 10), (2, 20), (3, 40)] {
        let packet = packet(n, 23);
        let at = Timestamp::from_seconds(seconds);
        assert!(table.make_room().is_none());
        table.insert(Seed::default().hash(&packet), key_of_first(&packet), FlowId(seconds), at);
    }
    assert_eq!(table.make_room().map(|record| record.id), Some(FlowId(10)));
    assert_eq!(table.len(), 3);
}
