//! Dissectors: recognising a flow's first message among all protocols, and reading a whole conversation.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weir_benches::conversations;
use weir_benches::reading::{Count, Notes, flow, probe, read};
use weir_core::protocol::{self, Probe};

fn dissectors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("protocol/read");
    for conversation in conversations::all() {
        let mut notes = Notes::default();
        read(&conversation, &mut notes);
        for (field, value) in conversation.states {
            assert!(notes.has(field, value), "{field}={value} is missing in {notes:#?}");
        }
        group.throughput(Throughput::Bytes(conversation.bytes() as u64));
        group.bench_function(format!("{}, {}", conversation.protocol, conversation.about), |bencher| {
            bencher.iter(|| {
                let mut count = Count::default();
                read(black_box(&conversation), &mut count);
                count.bytes
            });
        });
    }
    group.finish();
}

/// Every protocol is asked, as for a first byte that rules nobody out.
fn recognition(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("protocol/probe");
    for name in ["tls", "quic", "http", "dns", "ssh"] {
        let conversation = conversations::of(name);
        let flow = flow(conversation.transport, conversation.port);
        let (direction, first) = &conversation.messages[0];
        let first_match = || {
            protocol::all()
                .iter()
                .filter(|protocol| protocol.transports().contains(&flow.transport))
                .find(|protocol| probe(**protocol, &flow, *direction, first) == Probe::Match)
                .map(|protocol| protocol.name())
        };
        assert_eq!(first_match(), Some(name));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(first_match())));
    }
    group.finish();
}

criterion_group!(benches, dissectors, recognition);
criterion_main!(benches);
