use super::{Action, Policy, Profile, Subject, Verdict};
use crate::finding::{Finding, Severity, Tier};
use crate::flow::FlowKey;
use crate::packet::{Address, Endpoint, IpVersion, LinkId, Transport};

fn key(server: [u8; 4]) -> FlowKey {
    FlowKey {
        client: Endpoint::new(Address::v4([10, 0, 0, 2]), 40_000),
        server: Endpoint::new(Address::v4(server), 80),
        link: LinkId(0),
        transport: Transport::TCP,
        version: IpVersion::V4,
    }
}

fn finding(id: &'static str, tier: Tier, severity: Severity) -> Finding {
    Finding {
        id,
        kind: None,
        tier,
        severity,
        place: String::new(),
        encoding: Vec::new(),
        shown: String::new(),
        rule: None,
    }
}

fn decide(policy: &Policy, key: &FlowKey, hostname: Option<&str>, findings: &[Finding]) -> Verdict {
    let subject = Subject {
        key,
        app: Some("org.example.weather"),
        hostname,
        protocol: Some("http"),
        service: None,
        category: Some("advertising"),
    };
    policy.decide(&subject, findings.iter())
}

#[test]
fn monitor_stops_nothing_and_balanced_stops_a_certain_leak() {
    let key = key([198, 51, 100, 2]);
    let leak = [finding("leak.imei", Tier::Exact, Severity::High)];
    assert_eq!(decide(&Policy::new(Profile::Monitor), &key, None, &leak).action, Action::Log);
    let verdict = decide(&Policy::new(Profile::Balanced), &key, None, &leak);
    assert_eq!((verdict.action, &*verdict.because), (Action::Block, "leak.imei"));
}

#[test]
fn balanced_only_logs_a_plausible_value_and_strict_stops_it() {
    let key = key([198, 51, 100, 2]);
    let leak = [finding("leak.payment-card", Tier::Plausible, Severity::Medium)];
    assert_eq!(decide(&Policy::new(Profile::Balanced), &key, None, &leak).action, Action::Log);
    assert_eq!(decide(&Policy::new(Profile::Strict), &key, None, &leak).action, Action::Block);
}

#[test]
fn the_first_rule_that_fits_decides_and_gives_its_name() {
    let policy = Policy::parse(
        r#"
        [[rule]]
        name = "the printer"
        address = ["198.51.100.0/24"]
        action = "allow"

        [[rule]]
        name = "no trackers"
        category = ["advertising"]
        action = "block"
        "#,
    )
    .expect("a valid policy");
    let leak = [finding("leak.imei", Tier::Exact, Severity::High)];
    let verdict = decide(&policy, &key([198, 51, 100, 2]), None, &leak);
    assert_eq!((verdict.action, &*verdict.because), (Action::Allow, "rule: the printer"));
    let verdict = decide(&policy, &key([203, 0, 113, 9]), None, &[]);
    assert_eq!((verdict.action, &*verdict.because), (Action::Block, "rule: no trackers"));
}

#[test]
fn an_allowed_finding_is_set_aside_and_the_others_still_count() {
    let policy = Policy::parse(
        "[[rule]]\nname = \"known\"\nfinding = [\"leak.email\"]\ndomain = [\"example.org\"]\naction = \"allow\"\n",
    )
    .expect("a valid policy");
    let key = key([198, 51, 100, 2]);
    let email = finding("leak.email", Tier::Exact, Severity::Medium);
    let imei = finding("leak.imei", Tier::Exact, Severity::High);
    assert_eq!(
        decide(&policy, &key, Some("www.example.org"), std::slice::from_ref(&email)),
        Verdict::allow()
    );
    assert_eq!(&*decide(&policy, &key, Some("www.example.org"), &[email.clone(), imei]).because, "leak.imei");
    assert_eq!(decide(&policy, &key, Some("notexample.org"), &[email]).action, Action::Block);
}

#[test]
fn a_rule_without_conditions_and_a_misspelt_one_are_refused_with_a_sentence() {
    let error = Policy::parse("[[rule]]\nname = \"all\"\naction = \"block\"\n").expect_err("no condition");
    assert!(error.to_string().contains("has no condition"), "{error}");
    let error =
        Policy::parse("[[rule]]\nname = \"x\"\ndomian = [\"a\"]\naction = \"block\"\n").expect_err("typo");
    assert!(error.to_string().contains("domian"), "{error}");
    let error = Policy::parse("[[rule]]\nname = \"x\"\naddress = [\"1.2.3.4/40\"]\naction = \"block\"\n")
        .expect_err("forty bits");
    assert!(error.to_string().contains("1.2.3.4/40"), "{error}");
}
