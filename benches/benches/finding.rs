//! The content scan: ordinary bodies to a server, searched for a phone's own values and for whatever else validates as
//! personal data. The budget is 1 Gbit/s (125 MB/s) on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weir_benches::{bodies, reading};
use weir_core::finding::leak::content;
use weir_core::finding::leak::device::Device;
use weir_core::finding::{Detector as _, Finding, Scene};
use weir_core::flow::Direction;
use weir_core::limits;
use weir_core::packet::Transport;
use weir_core::protocol::{self, Fact, Field, Role, Value};
use weir_core::rules::RuleSet;
use weir_core::time::Timestamp;

fn content_scan(criterion: &mut Criterion) {
    let device = Device::parse(&bodies::device()).expect("a valid file");
    let rules = RuleSet { device, ..RuleSet::default() };
    let field = body_field();

    let leak = br#"{"user":{"mail":"zoe.quill@mailbox.example"}}"#;
    assert!(scan(&rules, field, leak).iter().any(|finding| finding.id == "leak.email"));

    let mut group = criterion.benchmark_group("finding/content");
    for (name, body) in [
        ("page", bodies::page(limits::BODY_BYTES - 1024)),
        ("json", bodies::json(limits::BODY_BYTES - 1024)),
        ("form", bodies::form(limits::BODY_BYTES - 1024)),
    ] {
        assert_eq!(scan(&rules, field, &body), [], "{name} holds nothing that is anybody's");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| scan(&rules, field, black_box(&body)).len());
        });
    }
    group.finish();
}

/// Where a request's body is stated.
fn body_field() -> &'static Field {
    protocol::named("http")
        .expect("registered")
        .fields()
        .iter()
        .find(|field| field.name == "http.request.body" && field.role == Role::Content)
        .expect("HTTP states bodies")
}

fn scan(rules: &RuleSet, field: &'static Field, body: &[u8]) -> Vec<Finding> {
    let flow = reading::flow(Transport::TCP, 80);
    let scene =
        Scene { at: Timestamp(0), flow: &flow, protocol: "http", hostname: Some("www.example.org"), rules };
    let fact = Fact { field, value: Value::Bytes(body), direction: Direction::ToServer };
    let mut found = Vec::new();
    content::DETECTOR.inspect(&scene, &fact, &mut |finding| found.push(finding));
    found
}

criterion_group!(benches, content_scan);
criterion_main!(benches);
