use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use proptest::prelude::*;
use weir_core::names::{Category, ListClass};
use weir_core::severity::Severity;

use super::*;

fn service<'s>(signatures: &'s Signatures, host: &str) -> Option<&'s str> {
    let services = &signatures.services;
    services.by_host(host).and_then(|id| services.get(id)).map(|service| &*service.name)
}

fn refused(name: &str, text: &str) -> String {
    load([(name, text)]).unwrap_err().to_string()
}

#[test]
fn everything_that_ships_loads() {
    assert!(Loader::shipped().is_ok(), "{}", Loader::shipped().unwrap_err());
    assert!(builtin().services.len() > 500);
}

#[test]
fn every_file_in_the_folders_ships() {
    for (folder, shipped) in [("services", embedded::SERVICES), ("lists", embedded::LISTS)] {
        let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
        let files: BTreeSet<_> =
            files.map(|file| format!("{folder}/{}", file.unwrap().file_name().to_string_lossy())).collect();
        assert!(shipped.iter().map(|(name, _)| *name).eq(files), "compare {folder}/ with src/embedded.rs");
    }
}

#[test]
fn a_file_holds_the_services_of_the_category_it_is_named_for() {
    for (name, text) in embedded::SERVICES {
        let category = name.trim_start_matches("services/").trim_end_matches(".toml");
        assert!(text.starts_with(&format!("category = \"{category}\"\n")), "{name}");
    }
}

#[test]
fn every_domain_leads_to_its_own_service() {
    let services = builtin().services;
    for host in services.hosts().iter() {
        assert_eq!(services.by_host(host.name), Some(host.value), "{}", host.name);
        if !host.exact {
            assert_eq!(services.by_host(format!("x.{}", host.name)), Some(host.value), "{}", host.name);
        }
        assert_eq!(
            services.by_host(format!("{}.", host.name.to_uppercase())),
            Some(host.value),
            "{}",
            host.name
        );
        let glued = services.by_host(format!("not{}", host.name));
        assert!(glued.is_none() || host.name.matches('.').count() > 1, "{}", host.name);
    }
}

#[test]
fn no_domain_stands_below_another_one_of_its_service() {
    let services = builtin().services;
    for host in services.hosts().iter() {
        let above = host.name.split_once('.').and_then(|(_, above)| services.by_host(above));
        assert_ne!(above, Some(host.value), "{} is covered already", host.name);
    }
}

#[test]
fn every_range_leads_to_its_own_service() {
    let services = builtin().services;
    assert!(services.addresses().iter().count() > 50);
    let name = |ip: &str| {
        let id = services.by_address(ip.parse::<IpAddr>().unwrap());
        id.and_then(|id| services.get(id)).map(|service| &*service.name)
    };
    assert_eq!(name("149.154.167.51"), Some("telegram"));
    assert_eq!(name("2001:67c:4e8:f002::a"), Some("telegram"));
    assert_eq!(name("1.1.1.1"), Some("cloudflare-dns"));
    assert_eq!(name("162.159.192.7"), Some("cloudflare-warp"));
    assert_eq!(name("162.159.200.1"), Some("cloudflare"));
    assert_eq!(name("192.0.2.1"), None);
}

#[test]
fn well_known_hosts_have_their_names() {
    let signatures = builtin();
    for (host, name) in [
        ("rr3---sn-4g5e6nz7.googlevideo.com", Some("youtube")),
        ("WWW.YouTube.com.", Some("youtube")),
        ("notyoutube.com", None),
        ("youtube.com.evil.example", None),
        ("www.google.co.uk", Some("google")),
        ("co.uk", None),
        ("googleads.g.doubleclick.net", Some("doubleclick")),
        ("app-measurement.com", Some("google-analytics")),
        ("graph.facebook.com", Some("facebook")),
        ("an.facebook.com", Some("meta-audience-network")),
        ("mmg.whatsapp.net", Some("whatsapp")),
        ("d111111abcdef8.cloudfront.net", Some("cloudfront")),
        ("courier.push.apple.com", Some("apple-push")),
        ("mask.icloud.com", Some("icloudprivaterelay")),
        ("", None),
        ("192.0.2.1", None),
    ] {
        assert_eq!(service(&signatures, host), name, "{host}");
    }
}

#[test]
fn known_bad_names_are_on_their_list() {
    let lists = builtin().lists;
    let hit = |host: &str| lists.blocked(host).map(|(list, name)| (&*list.id, list.class, name));
    let bad = ListClass::KnownBadDomain;
    assert_eq!(hit("Malware.WICAR.org."), Some(("test-domains", bad, "wicar.org")));
    assert_eq!(hit("u.axclick.store"), Some(("historic-malware", bad, "axclick.store")));
    assert_eq!(hit("xmr.nanopool.org"), Some(("mining-pools", ListClass::Mining, "nanopool.org")));
    assert_eq!(hit("ads.doubleclick.net"), Some(("trackers", ListClass::Tracker, "doubleclick.net")));
    assert_eq!(hit("www.example.com"), None);
    assert_eq!(hit("www.google.com"), None);
    let (list, _) = lists.blocked("www.iuqerfsodp9ifjaposdfjhgosurijfaewrwergwea.com").unwrap();
    assert!(list.report_only);
}

#[test]
fn trackers_are_the_services_that_track() {
    let Signatures { services, lists } = builtin();
    for host in services.hosts().iter() {
        let category = services.get(host.value).map_or(Category::Other, |service| service.category);
        let listed = lists.blocked(host.name).is_some_and(|(list, _)| list.class == ListClass::Tracker);
        assert_eq!(listed, category.is_tracking(), "{}", host.name);
    }
}

#[test]
fn no_service_is_called_bad() {
    let Signatures { services, lists } = builtin();
    for host in services.hosts().iter() {
        let class = lists.blocked(host.name).map_or(ListClass::Tracker, |(list, _)| list.class);
        assert_eq!(class, ListClass::Tracker, "{}", host.name);
    }
}

#[test]
fn loading_twice_gives_the_same_order() {
    let names = |signatures: &Signatures| -> Vec<String> {
        signatures.services.hosts().iter().map(|host| host.name.to_owned()).collect()
    };
    assert_eq!(names(&builtin()), names(&builtin()));
}

#[test]
fn sources_are_named_with_their_licences() {
    let attribution = builtin().attribution();
    assert!(attribution.iter().any(|one| &*one.licence == "MPL-2.0"));
    assert!(
        attribution
            .iter()
            .all(|one| !one.title.is_empty() && !one.source.is_empty() && !one.licence.is_empty())
    );
}

#[test]
fn an_own_list_stands_beside_what_ships() {
    let text = "\u{feff}# title: What we do not want\r\n# class: suspicious.anonymizer\n# severity: low\n#\n\n\
                bad.example.com  # why\n0.0.0.0 other.example\n127.0.0.1 localhost\n=www.example.org\nbad.example.com\n";
    let lists = load([("/etc/weir/our_list.txt", text)]).unwrap().lists;
    let (list, name) = lists.blocked("a.bad.example.com").unwrap();
    assert_eq!((&*list.id, &*list.title, name), ("our-list", "What we do not want", "bad.example.com"));
    assert_eq!((list.class, list.severity), (ListClass::Anonymizer, Severity::Low));
    assert!(lists.blocked("other.example").is_some());
    assert!(lists.blocked("www.example.org").is_some());
    assert!(lists.blocked("a.www.example.org").is_none());
    assert!(lists.blocked("localhost").is_none());
    assert!(lists.blocked("wicar.org").is_some());
}

#[test]
fn own_services_stand_beside_what_ships() {
    let text = "category = \"productivity\"\n[[service]]\nname = \"intranet\"\ntitle = \"Intranet\"\n\
                owner = \"Example Inc.\"\ndomains = [\"corp.example\"]\naddresses = [\"192.0.2.0/24\"]\n";
    let signatures = load([("ours.toml", text)]).unwrap();
    assert_eq!(service(&signatures, "wiki.corp.example"), Some("intranet"));
    assert_eq!(service(&signatures, "youtube.com"), Some("youtube"));
    assert_eq!(
        signatures.services.by_address("192.0.2.7".parse().unwrap()),
        signatures.services.by_name("intranet")
    );
}

fn services(domains: &str) -> String {
    format!(
        "category = \"video\"\n[[service]]\nname = \"example\"\ntitle = \"E\"\nowner = \"E\"\ndomains = {domains}\n"
    )
}

#[test]
fn an_error_says_where_and_what_to_do() {
    for (name, text, error) in [
        (
            "a.toml",
            services("[\"co.uk\"]"),
            "a.toml:6: `co.uk` is a public suffix, below which anybody registers names: name the domain below it",
        ),
        (
            "a.toml",
            services("[\"b.example\",\n\"a.example\"]"),
            "a.toml:7: `a.example` stands behind `b.example`: sort the entries",
        ),
        (
            "a.toml",
            services("[\"a.example\", \"a.example\"]"),
            "a.toml:6: `a.example` stands here twice: remove one",
        ),
        (
            "a.toml",
            services("[\"youtube.com\"]"),
            "a.toml:6: `youtube.com` belongs to `youtube` already: remove it from one of the two",
        ),
        ("a.toml", services("[]"), "a.toml:3: `example` has neither domains nor addresses: give it one"),
        (
            "list.txt",
            "ok.example\nhttp://bad.example/\n".into(),
            "list.txt:2: `http://bad.example/` has ':', which no host name has: write the bare name, without scheme, port and path",
        ),
        (
            "list.txt",
            "# class: nonsense\nok.example\n".into(),
            "list.txt:1: `nonsense` is not known: write one of tracker, suspicious.known-bad-domain, suspicious.mining, suspicious.remote-access, suspicious.anonymizer, suspicious.dns-bypass",
        ),
        (
            "list.txt",
            "192.0.2.1\n".into(),
            "list.txt:1: `192.0.2.1` is an address: tables of names hold names",
        ),
        ("list.txt", "# nothing\n".into(), "list.txt: names no domain: write one name per line"),
        (
            "trackers.txt",
            "ok.example\n".into(),
            "trackers.txt:1: `trackers` is another list's id already: choose another one",
        ),
    ] {
        assert_eq!(refused(name, &text), error);
    }
}

#[test]
fn an_unknown_category_or_key_is_refused() {
    let text = services("[\"a.example\"]").replace("\"video\"", "\"vidoe\"");
    assert!(
        refused("a.toml", &text)
            .starts_with("a.toml:1: `vidoe` is not known: write one of adult, advertising, ")
    );
    let text = services("[\"a.example\"]").replace("owner", "ownr");
    assert!(
        refused("a.toml", &text).starts_with("a.toml:5: unknown field `ownr`"),
        "{}",
        refused("a.toml", &text)
    );
    assert!(refused("a.toml", "category = ").starts_with("a.toml:1: "));
}

#[test]
fn an_entry_cannot_talk_to_the_terminal() {
    assert!(!refused("list.txt", "ok.example\n\x1b[2Jevil\n").contains('\x1b'));
}

proptest! {
    #[test]
    fn nothing_panics_on_any_file(text in "(\\PC|\n|#|\\.){0,200}") {
        let mut loader = Loader::default();
        let _ = loader.file("a.txt", &text);
        let _ = loader.file("a.toml", &text);
    }
}
