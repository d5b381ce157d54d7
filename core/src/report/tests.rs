use std::sync::Arc;

use super::Report;
use crate::event::{AlertEvent, Confidence, Event, FlowEvent, ServiceName};
use crate::finding::{Finding, Severity, Sighting, Tier};
use crate::flow::FlowId;
use crate::limits;
use crate::packet::Transport;
use crate::policy::{Action, Verdict};
use crate::protocol::Unseen;
use crate::protocol::testing::flow as key;
use crate::time::Timestamp;

fn flow(protocol: &'static str, hostname: Option<&str>, bytes: [u64; 2]) -> FlowEvent {
    FlowEvent {
        id: FlowId(1),
        key: key(Transport::TCP, 443),
        tunnel: None,
        start: Timestamp(0),
        end: Timestamp(1),
        packets: [1, 1],
        bytes,
        protocol: Some(protocol),
        inner: None,
        confidence: Confidence::Dpi,
        hostname: hostname.map(Into::into),
        hostname_cached: false,
        service: None,
        ja4: None,
        app: None,
        findings: Vec::new(),
        verdict: Verdict::allow(),
        unseen: vec![Unseen::Encrypted],
    }
}

fn sighting(id: &'static str, severity: Severity, packet: u64) -> Sighting {
    Sighting {
        packet,
        at: Timestamp(0),
        protocol: Some("http"),
        hostname: None,
        finding: Finding {
            id,
            kind: None,
            tier: Tier::Exact,
            severity,
            place: "http.request.body".to_owned(),
            encoding: Vec::new(),
            shown: "a•••".to_owned(),
            rule: None,
        },
    }
}

fn alert(sighting: Sighting, action: Action) -> Event {
    Event::Alert(Box::new(AlertEvent {
        id: FlowId(1),
        key: key(Transport::TCP, 80),
        protocol: sighting.protocol,
        hostname: None,
        verdict: Verdict { action, because: sighting.finding.id.into() },
        sighting,
    }))
}

#[test]
fn flows_are_added_up_by_protocol_and_party() {
    let mut report = Report::default();
    for (host, bytes) in
        [("www.example.org", [10, 1]), ("cdn.example.org", [5, 5]), ("example.net", [100, 100])]
    {
        report.add(&Event::Flow(Box::new(flow("tls", Some(host), bytes))));
    }
    let talks: Vec<_> =
        report.talks().iter().map(|talk| (talk.party.name.to_string(), talk.flows, talk.bytes)).collect();
    assert_eq!(talks, [("example.net".to_owned(), 1, [100, 100]), ("example.org".to_owned(), 2, [15, 6])]);
    assert_eq!((report.flows, report.bytes, report.unseen(Unseen::Encrypted)), (3, [115, 106], 3));
}

#[test]
fn a_service_stands_before_the_name_and_its_owner_with_it() {
    let mut report = Report::default();
    let mut event = flow("quic", Some("r1.video.example"), [1, 1]);
    event.service =
        Some(ServiceName { name: Arc::from("video"), owner: Arc::from("Example"), category: "video" });
    report.add(&Event::Flow(Box::new(event)));
    let talks = report.talks();
    assert_eq!(&*talks[0].party.name, "video");
    assert_eq!(talks[0].party.owner.as_deref(), Some("Example"));
}

#[test]
fn what_a_resolver_is_asked_about_is_not_who_was_talked_to() {
    let mut report = Report::default();
    let mut event = flow("dns", Some("tracker.example"), [1, 1]);
    event.key.server.address = crate::packet::Address::v4([192, 168, 1, 1]);
    report.add(&Event::Flow(Box::new(event)));
    assert_eq!(&*report.talks()[0].party.name, "your resolver");
}

#[test]
fn like_findings_are_counted_and_the_worst_come_first() {
    let mut report = Report::default();
    report.add(&alert(sighting("leak.email", Severity::Medium, 3), Action::Log));
    report.add(&alert(sighting("leak.email", Severity::Medium, 5), Action::Block));
    report.add(&alert(sighting("leak.imei", Severity::High, 9), Action::Block));
    report.add(&alert(sighting("suspicious.beacon", Severity::Low, 9), Action::Log));
    let given: Vec<_> = report
        .given_away()
        .iter()
        .map(|found| (found.finding.id, found.times, found.packet, found.action))
        .collect();
    assert_eq!(given, [("leak.imei", 1, 9, Action::Block), ("leak.email", 2, 3, Action::Block)]);
    assert_eq!(report.suspicious().len(), 1);
    assert_eq!(report.worst(), Some(Severity::High));
}

#[test]
fn a_stranger_cannot_make_it_grow_for_ever() {
    let mut report = Report::default();
    for number in 0..limits::REPORT_TALKS + 10 {
        let host = format!("host{number}.test");
        report.add(&Event::Flow(Box::new(flow("tls", Some(&host), [1, 0]))));
    }
    for number in 0..limits::REPORT_FINDINGS + 10 {
        let mut sighting = sighting("leak.email", Severity::Medium, 1);
        sighting.finding.shown = number.to_string();
        report.add(&alert(sighting, Action::Log));
    }
    let talks = report.talks();
    assert_eq!(talks.len(), limits::REPORT_TALKS + 1);
    assert_eq!(talks.last().map(|talk| talk.flows), Some(10));
    assert_eq!(report.given_away().len(), limits::REPORT_FINDINGS);
    assert_eq!(report.findings_beyond(), 10);
}
