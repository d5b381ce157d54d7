use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::severity::Severity;

fn table(entries: &[&str]) -> SuffixTable<usize> {
    let mut table = SuffixTable::default();
    for (at, entry) in entries.iter().enumerate() {
        assert_eq!(table.insert(entry, at), Ok(None), "{entry}");
    }
    table
}

fn found<'t>(table: &'t SuffixTable<usize>, host: &str) -> Option<&'t str> {
    table.find(host).map(|found| found.name)
}

fn service(name: &str) -> Service {
    Service {
        name: Arc::from(name),
        title: Arc::from(name),
        owner: Arc::from("Example Inc."),
        category: Category::Other,
    }
}

fn list(id: &str, severity: Severity) -> DomainList {
    DomainList {
        id: Box::from(id),
        title: Box::from(id),
        class: ListClass::KnownBadDomain,
        severity,
        report_only: false,
        source: Box::from("https://example.com/"),
        licence: Box::from("CC0-1.0"),
    }
}

#[test]
fn the_longest_entry_decides() {
    let table = table(&["example.com", "ads.example.com"]);
    assert_eq!(found(&table, "api.ads.example.com"), Some("ads.example.com"));
    assert_eq!(found(&table, "ads.example.com"), Some("ads.example.com"));
    assert_eq!(found(&table, "www.example.com"), Some("example.com"));
    assert_eq!(found(&table, "example.com"), Some("example.com"));
    let all: Vec<_> = table.matches(b"a.ads.example.com").map(|found| found.name).collect();
    assert_eq!(all, ["example.com", "ads.example.com"]);
}

#[test]
fn an_entry_never_matches_inside_a_label() {
    let table = table(&["youtube.com"]);
    for host in [
        "notyoutube.com",
        "youtube.com.evil.example",
        "youtube.co",
        "outube.com",
        "com",
        "",
        ".",
        "youtube.com..",
    ] {
        assert_eq!(found(&table, host), None, "{host}");
    }
}

#[test]
fn case_and_a_trailing_dot_do_not_matter() {
    let table = table(&["Example.COM.", "xn--bcher-kva.example"]);
    assert_eq!(found(&table, "WWW.eXample.com."), Some("example.com"));
    assert_eq!(found(&table, "XN--BCHER-KVA.example"), Some("xn--bcher-kva.example"));
    assert_eq!(found(&table, "bücher.example"), None);
    assert!(table.find(b"\xff\x00.example.com").is_some());
}

#[test]
fn an_exact_entry_covers_that_host_alone() {
    let table = table(&["=www.example.com", "example.org", "=example.org"]);
    assert_eq!(found(&table, "www.example.com"), Some("www.example.com"));
    assert_eq!(found(&table, "WWW.example.com."), Some("www.example.com"));
    assert_eq!(found(&table, "a.www.example.com"), None);
    assert_eq!(found(&table, "example.com"), None);
    assert_eq!(table.find("example.org").map(|found| found.value), Some(2));
    assert_eq!(table.find("a.example.org").map(|found| found.value), Some(1));
    assert_eq!(found(&table, "=www.example.com"), None);
}

#[test]
fn an_empty_table_finds_nothing() {
    assert!(SuffixTable::<u8>::default().find("example.com").is_none());
}

#[test]
fn inserting_a_name_again_gives_the_value_it_had() {
    let mut table = table(&["example.com"]);
    assert_eq!(table.insert("EXAMPLE.com", 7), Ok(Some(0)));
    assert_eq!(table.find("example.com").map(|found| found.value), Some(7));
    assert_eq!(table.len(), 1);
}

#[test]
fn entries_keep_their_order() {
    let names = ["b.example", "a.example", "c.example"];
    let table = table(&names);
    assert!(table.iter().map(|entry| entry.name).eq(names));
}

#[test]
fn what_is_no_host_name_is_refused_with_its_reason() {
    let refused = |entry: &str| SuffixTable::default().insert(entry, ()).unwrap_err();
    assert_eq!(refused(""), EntryError::Empty);
    assert_eq!(refused("="), EntryError::Empty);
    assert_eq!(refused("a..example"), EntryError::EmptyLabel);
    assert_eq!(refused(".example.com"), EntryError::EmptyLabel);
    assert_eq!(refused("*.example.com"), EntryError::Character('*'));
    assert_eq!(refused("https://example.com"), EntryError::Character(':'));
    assert_eq!(refused("bücher.example"), EntryError::Character('ü'));
    assert_eq!(refused("192.0.2.1"), EntryError::Address);
    assert_eq!(refused("2001:db8::1"), EntryError::Address);
    assert_eq!(refused(&format!("{}.example", "a".repeat(64))), EntryError::LongLabel);
    assert_eq!(refused(&"a.".repeat(200)), EntryError::TooLong);
    assert_eq!(
        refused("*.example.com").to_string(),
        "has a `*`: leave it out, a name covers every name below it"
    );
}

#[test]
fn a_public_suffix_is_refused_but_not_a_companys_own() {
    for suffix in ["com", "CO.UK", "co.uk.", "=github", "foo.ck"] {
        assert_eq!(table(&[]).insert(suffix, 0), Err(EntryError::PublicSuffix), "{suffix}");
    }
    assert!(table(&["cloudfront.net", "github.io", "bbc.co.uk"]).find("d1.cloudfront.net").is_some());
}

#[test]
fn a_registrable_domain_is_one_label_below_the_public_suffix() {
    assert_eq!(registrable_domain("www.BBC.co.uk"), Some("BBC.co.uk"));
    assert_eq!(registrable_domain("www.example.com."), Some("example.com"));
    assert_eq!(registrable_domain("a.b.github.io"), Some("b.github.io"));
    assert_eq!(registrable_domain("printer.office.internal"), Some("office.internal"));
    for host in [
        "co.uk",
        "com",
        "",
        ".",
        "192.0.2.1",
        "[2001:db8::1]",
        "::1",
        "a..com",
        "example.com:443",
        "bücher.de",
    ] {
        assert_eq!(registrable_domain(host), None, "{host}");
    }
    assert_eq!(registrable_domain(&format!("{}example.com", "a.".repeat(200))), None);
}

#[test]
fn a_host_belongs_to_one_service() {
    let mut services = Services::default();
    let one = services.add(service("one")).unwrap();
    let two = services.add(service("two")).unwrap();
    services.add_host(one, "example.com").unwrap();
    services.add_host(two, "mail.example.com").unwrap();
    assert_eq!(services.add_host(two, "example.com"), Err(EntryError::Taken("one".into())));
    assert_eq!(services.add(service("one")), Err(EntryError::Taken("one".into())));
    assert_eq!(services.add(service("No Name")), Err(EntryError::Identifier));
    assert_eq!(services.by_host("www.example.com"), Some(one));
    assert_eq!(services.by_host("imap.mail.example.com"), Some(two));
    assert_eq!(services.by_name("two"), Some(two));
    assert_eq!(services.get(two).map(|service| &*service.name), Some("two"));
}

#[test]
fn the_longest_prefix_of_an_address_decides() {
    let mut services = Services::default();
    let wide = services.add(service("wide")).unwrap();
    let narrow = services.add(service("narrow")).unwrap();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    for (id, prefix) in [
        (wide, "198.51.100.0/24"),
        (narrow, "198.51.100.128/25"),
        (narrow, "192.0.2.1"),
        (wide, "2001:db8::/32"),
    ] {
        services.add_addresses(id, prefix.parse().unwrap()).unwrap();
    }
    assert_eq!(services.by_address(ip("198.51.100.1")), Some(wide));
    assert_eq!(services.by_address(ip("198.51.100.200")), Some(narrow));
    assert_eq!(services.by_address(ip("192.0.2.1")), Some(narrow));
    assert_eq!(services.by_address(ip("192.0.2.2")), None);
    assert_eq!(services.by_address(ip("2001:db8:1::1")), Some(wide));
    assert_eq!(services.by_address(ip("2001:db9::1")), None);
    let again = services.add_addresses(narrow, "198.51.100.0/24".parse().unwrap());
    assert_eq!(again, Err(EntryError::Taken("wide".into())));
}

#[test]
fn a_prefix_is_strict() {
    for text in ["", "192.0.2.0/33", "192.0.2", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/-1"] {
        assert_eq!(text.parse::<Prefix>(), Err(EntryError::Prefix), "{text}");
    }
    assert_eq!("192.0.2.1/24".parse::<Prefix>(), Err(EntryError::HostBits));
    assert!("0.0.0.0/0".parse::<Prefix>().unwrap().contains("203.0.113.1".parse().unwrap()));
    assert!("::/0".parse::<Prefix>().unwrap().contains("203.0.113.1".parse().unwrap()));
}

#[test]
fn the_most_severe_list_decides_then_the_longest_name() {
    let mut lists = Lists::default();
    let mild = lists.add(list("mild", Severity::Low)).unwrap();
    let grave = lists.add(list("grave", Severity::High)).unwrap();
    for (id, host) in [
        (mild, "ads.example.com"),
        (grave, "example.com"),
        (grave, "on-both.example"),
        (mild, "on-both.example"),
    ] {
        lists.add_host(id, host).unwrap();
    }
    let blocked = |host: &str| lists.blocked(host).map(|(list, name)| (&*list.id, name));
    assert_eq!(blocked("a.ads.example.com"), Some(("grave", "example.com")));
    assert_eq!(blocked("on-both.example"), Some(("grave", "on-both.example")));
    assert_eq!(blocked("example.org"), None);
}

#[test]
fn names_of_categories_and_classes_lead_back_to_them() {
    for category in Category::ALL {
        assert_eq!(Category::from_name(category.name()), Some(category));
    }
    assert!(Category::ALL.map(Category::name).is_sorted());
    for class in ListClass::ALL {
        assert_eq!(ListClass::from_name(class.name()), Some(class));
    }
}

/// What the table must answer, said as simply as possible.
fn naive<'e>(entries: &'e BTreeMap<String, usize>, host: &str) -> Option<(&'e str, usize)> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let covers = |entry: &str| match entry.strip_prefix('=') {
        Some(name) => host == name,
        None => host == entry || host.ends_with(&format!(".{entry}")),
    };
    let hits = entries.iter().filter(|(entry, _)| covers(entry));
    hits.max_by_key(|(entry, _)| (entry.trim_start_matches('=').len(), entry.starts_with('=')))
        .map(|(entry, value)| (entry.trim_start_matches('='), *value))
}

/// Few letters and labels, so that hosts and entries meet often.
fn host() -> impl Strategy<Value = String> {
    proptest::collection::vec("[abAB]{0,2}|a-|xn--a", 1..6).prop_map(|labels| labels.join("."))
}

proptest! {
    #[test]
    fn finds_what_a_naive_search_finds(
        entries in proptest::collection::vec(("=?", host()), 0..60),
        hosts in proptest::collection::vec((host(), "\\.?"), 1..20),
    ) {
        let mut table = SuffixTable::default();
        let mut known = BTreeMap::new();
        for (value, (exact, name)) in entries.iter().enumerate() {
            let entry = format!("{exact}{name}");
            if table.insert(&entry, value).is_ok() {
                let name = entry.strip_suffix('.').unwrap_or(&entry);
                known.insert(name.to_ascii_lowercase(), value);
            }
        }
        for (host, dot) in hosts {
            let host = host + &dot;
            let found = table.find(&host).map(|found| (found.name, found.value));
            prop_assert_eq!(found, naive(&known, &host), "{}", host);
        }
    }

    #[test]
    fn nothing_panics_on_any_text(host in "\\PC{0,300}", bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let table = table(&["example.com", "=a.example.com"]);
        let _ = (table.find(&host), table.find(&bytes), registrable_domain(&host));
        let _ = (SuffixTable::default().insert(&host, ()), host.parse::<Prefix>());
    }
}
