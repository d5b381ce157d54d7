//! The flow table: looking up one of a hundred thousand flows, in an order that no cache foresees.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weir_benches::frames::Wire;
use weir_core::flow::table::{FlowTable, Found, Seed, key_of_first};
use weir_core::flow::{Direction, FlowId};
use weir_core::packet::{self, LinkType, Packet, Parsed};
use weir_core::time::Timestamp;

const FLOWS: u32 = 100_000;

fn look_up(criterion: &mut Criterion) {
    let frames: Vec<Vec<u8>> =
        (0..FLOWS).map(|number| Wire { number, server_port: 443 }.udp(Direction::ToServer, b"one")).collect();
    let packets: Vec<Packet<'_>> = frames.iter().map(|frame| whole(frame)).collect();
    let seed = Seed::default();
    let mut table: FlowTable<u64> = FlowTable::new(FLOWS as usize);
    for (packet, id) in packets.iter().zip(1..) {
        assert_eq!(table.find(seed.hash(packet), packet), Found::New);
        table.insert(seed.hash(packet), key_of_first(packet), FlowId(id), Timestamp(0));
    }
    assert_eq!(table.len(), FLOWS as usize);
    let reply = Wire { number: 17, server_port: 443 }.udp(Direction::ToClient, b"two");
    let reply = whole(&reply);
    assert!(matches!(table.find(seed.hash(&reply), &reply), Found::Known(_, Direction::ToClient)));

    let mut group = criterion.benchmark_group("flow");
    group.throughput(Throughput::Elements(1));
    // A step that has no factor in common with the number of flows visits them all, far apart.
    let mut at = 0;
    group.bench_function("find one of 100000", |bencher| {
        bencher.iter(|| {
            at = (at + 61_803) % packets.len();
            let packet = &packets[at];
            black_box(table.find(seed.hash(packet), packet))
        });
    });
    group.finish();
}

fn whole(frame: &[u8]) -> Packet<'_> {
    match packet::parse(LinkType::ETHERNET, frame) {
        Ok(Parsed::Packet(packet)) => packet,
        other => panic!("a whole packet, not {other:?}"),
    }
}

criterion_group!(benches, look_up);
criterion_main!(benches);
