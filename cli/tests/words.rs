//! Help, explanations and lists: what the command says about itself.

mod common;

use serde_json::Value;

use common::{stderr, stdout, weir};

#[test]
fn every_subcommand_explains_itself_with_an_example() {
    let general = stdout(&weir(&["--help"]));
    for name in ["replay", "explain", "protocols", "bench", "completions", "man"] {
        assert!(general.contains(&format!("\n  {name} ")), "{name} in {general}");
        let output = weir(&[name, "--help"]);
        let help = stdout(&output);
        assert!(output.status.success());
        assert!(help.contains("Usage: weir ") && help.contains("Example"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn wrong_usage_has_its_own_code() {
    for arguments in [
        &["replay"][..],
        &["nonsense"],
        &["replay", "a", "--json", "--csv"],
        &["replay", "a", "--fail-on", "much"],
        &["explain", "no.such-finding"],
        &["protocols", "no-such-protocol"],
    ] {
        let output = weir(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn findings_are_explained() {
    let list = stdout(&weir(&["explain"]));
    assert!(list.starts_with("leak\n") || list.contains("\nleak\n"), "{list}");
    let page = stdout(&weir(&["explain", "leak.password"]));
    for heading in ["(leak.password)", "What it means", "What to do", "How Weir knows"] {
        assert!(page.contains(heading), "{page}");
    }
    let one: Value =
        serde_json::from_str(&stdout(&weir(&["explain", "leak.password", "--json"]))).expect("JSON");
    assert_eq!(one["id"], "leak.password");
    let family: Value = serde_json::from_str(&stdout(&weir(&["explain", "leak", "--json"]))).expect("JSON");
    assert!(family.as_array().is_some_and(|all| !all.is_empty()));
    assert!(stderr(&weir(&["explain", "leak.pasword"])).contains("did you mean leak.password"));
}

#[test]
fn protocols_are_listed_with_what_is_read() {
    let list = stdout(&weir(&["protocols"]));
    assert!(list.lines().any(|line| line.starts_with("tls ")), "{list}");
    let page = stdout(&weir(&["protocols", "tls"]));
    assert!(page.contains("tls.sni") && page.contains("names the server"), "{page}");
    let all: Value = serde_json::from_str(&stdout(&weir(&["protocols", "--json"]))).expect("JSON");
    let names: Vec<&str> =
        all.as_array().expect("a list").iter().filter_map(|protocol| protocol["name"].as_str()).collect();
    assert!(names.is_sorted() && names.contains(&"dns"));
}

#[test]
fn shells_and_manual_readers_get_theirs() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&weir(&["completions", shell])).contains("replay"));
    }
    assert!(stdout(&weir(&["man"])).contains(".TH weir 1"));
    let folder = common::Folder::new("man");
    let path = folder.path().display().to_string();
    assert!(weir(&["man", &path]).status.success());
    for page in ["weir.1", "weir-replay.1"] {
        assert!(folder.path().join(page).is_file(), "{page}");
    }
}
