//! Headers: what one frame costs, by shape.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weir_benches::frames::{SHAPE_PAYLOAD, SHAPE_PORT, shapes};
use weir_core::packet::{self, LinkType, Parsed};

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packet/parse");
    group.throughput(Throughput::Elements(1));
    for (name, frame) in shapes() {
        let Ok(Parsed::Packet(packet)) = packet::parse(LinkType::ETHERNET, &frame) else {
            panic!("{name} is a whole packet");
        };
        assert_eq!(packet.destination.port, SHAPE_PORT, "{name}");
        assert_eq!(packet.payload, [0x5a; SHAPE_PAYLOAD], "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| packet::parse(LinkType::ETHERNET, black_box(&frame)).is_ok());
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
