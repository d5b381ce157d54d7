use std::time::Duration;

use weir_core::report::Report;
use weir_core::time::Timestamp;

use super::render;
use crate::output::{Heard, Summary};
use crate::pipeline::Totals;

fn heard(name: &str, packets: u64) -> Heard {
    Heard {
        name: name.to_owned(),
        packets,
        first: Some(Timestamp::from_seconds(10)),
        last: Some(Timestamp::from_seconds(136)),
        took: Duration::from_millis(12),
    }
}

fn rendered(captures: &[Heard], timed: bool) -> String {
    let totals = Totals { packets: captures.iter().map(|heard| heard.packets).sum(), ..Totals::default() };
    let summary = Summary { captures, totals: &totals, report: &Report::default(), judge: "balanced" };
    render(&summary, 100, timed)
}

#[test]
fn silence_is_never_called_safety() {
    let text = rendered(&[heard("phone.pcapng", 4812)], false);
    assert!(text.starts_with("phone.pcapng  4,812 packets · 0 flows · 2 m 06 s of traffic\n"), "{text}");
    assert!(text.contains("nothing that Weir recognises in what it could see"));
    assert!(!text.contains("safe") && !text.contains("secure"));
}

#[test]
fn how_long_it_took_is_said_on_terminals_only() {
    assert!(!rendered(&[heard("a.pcap", 1)], false).contains("12 ms"));
    assert!(rendered(&[heard("a.pcap", 1)], true).contains("12 ms"));
}

#[test]
fn several_captures_have_a_line_each_and_a_sum() {
    let text = rendered(&[heard("a.pcap", 1), heard("b.pcap", 2)], false);
    assert!(text.contains("a.pcap  1 packet · "), "{text}");
    assert!(text.contains("2 captures  3 packets · 0 flows\n"), "{text}");
}
