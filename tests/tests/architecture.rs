//! The stages' order, and what the core may not touch, read from its sources.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the core, and which others it may use. Stages only look back.
const MAY_USE: &[(&str, &[&str])] = &[
    ("bytes", &[]),
    ("limits", &[]),
    ("time", &[]),
    ("text", &["limits"]),
    ("severity", &[]),
    ("packet", &["bytes", "limits"]),
    ("flow", &["bytes", "limits", "time", "packet"]),
    ("protocol", &["bytes", "limits", "text", "time", "packet", "flow"]),
    ("names", &["limits", "severity", "packet"]),
    ("rules", &["limits", "names", "finding"]),
    (
        "finding",
        &["bytes", "limits", "text", "time", "severity", "packet", "flow", "protocol", "names", "rules"],
    ),
    ("policy", &["limits", "text", "time", "severity", "packet", "flow", "protocol", "names", "finding"]),
    ("event", &["limits", "text", "time", "severity", "packet", "flow", "protocol", "finding", "policy"]),
    (
        "report",
        &[
            "limits", "text", "time", "severity", "packet", "flow", "protocol", "names", "finding", "policy",
            "event",
        ],
    ),
    (
        "engine",
        &[
            "bytes", "limits", "text", "time", "severity", "packet", "flow", "protocol", "names", "rules",
            "finding", "policy", "event",
        ],
    ),
];

/// What needs a system below it. The core gets bytes and time as arguments.
const SYSTEM: &[&str] = &[
    "std::fs",
    "std::io",
    "std::env",
    "std::thread",
    "std::process",
    "std::os",
    "TcpStream",
    "UdpSocket",
    "Instant::now",
    "SystemTime",
    "println!",
    "eprintln!",
];

/// The files that may hold `unsafe` code.
const UNSAFE: &[&str] = &["capture/src/map.rs"];

/// Lines after which a file is too long to be about one thing.
const LINES: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// Every source below a folder, its path from the root and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut pending = vec![root().join(folder)];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of sources");
            pending.extend(entries.map(|entry| entry.expect("a readable folder").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).expect("a path below the root");
            let text = fs::read_to_string(&path).expect("a source");
            found.push((name.display().to_string(), text));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{folder} holds no sources");
    found
}

/// The lines that ship: no tests, no comments.
fn code(name: &str, text: &str) -> Vec<(usize, String)> {
    if name.ends_with("tests.rs") || name.ends_with("testing.rs") || name.contains("/tests/") {
        return Vec::new();
    }
    let shipped = text
        .lines()
        .collect::<Vec<_>>()
        .windows(2)
        .position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].trim().ends_with('{'))
        .unwrap_or(usize::MAX);
    text.lines()
        .enumerate()
        .take(shipped)
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default().to_owned()))
        .collect()
}

fn fail_with(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn stages_only_look_back() {
    let mut complaints = Vec::new();
    for (name, text) in sources("core/src") {
        let path = name.trim_start_matches("core/src/").trim_end_matches(".rs");
        let module = path.split('/').next().unwrap_or_default();
        if module == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(known, _)| *known == module) else {
            complaints.push(format!("{name}: give the module {module} its place in MAY_USE"));
            continue;
        };
        for (line, text) in code(&name, &text) {
            for used in text.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if !used.is_empty() && used != module && !allowed.contains(&&*used) {
                    complaints.push(format!("{name}:{line}: {module} must not use {used}"));
                }
            }
        }
    }
    fail_with(&complaints);
}

#[test]
fn only_whoever_runs_the_pipeline_knows_the_engine() {
    let mut complaints = Vec::new();
    for folder in ["capture/src", "signatures/src"] {
        for (name, text) in sources(folder) {
            for (line, text) in code(&name, &text) {
                for module in ["engine", "report", "event", "policy"] {
                    if text.contains(&format!("weir_core::{module}")) {
                        complaints.push(format!("{name}:{line}: uses weir_core::{module}"));
                    }
                }
            }
        }
    }
    fail_with(&complaints);
}

#[test]
fn the_core_knows_no_system() {
    let mut complaints = Vec::new();
    for (name, text) in sources("core/src") {
        for (line, text) in code(&name, &text) {
            for word in SYSTEM {
                if text.contains(word) {
                    complaints.push(format!("{name}:{line}: the core must not use {word}"));
                }
            }
        }
    }
    fail_with(&complaints);
}

#[test]
fn unsafe_code_stands_in_known_places_only() {
    let mut complaints = Vec::new();
    for folder in ["core", "capture/src", "signatures/src", "cli/src"] {
        for (name, text) in sources(folder) {
            for (line, text) in code(&name, &text) {
                let uses = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
                    .iter()
                    .any(|form| text.contains(form));
                if uses && !UNSAFE.contains(&&*name) {
                    complaints.push(format!("{name}:{line}: unsafe code is not expected here"));
                }
            }
        }
    }
    let lib = fs::read_to_string(root().join("core/src/lib.rs")).expect("the core");
    assert!(lib.contains("#![forbid(unsafe_code)]"));
    fail_with(&complaints);
}

#[test]
fn files_stay_readable() {
    let mut complaints = Vec::new();
    for folder in ["core/src", "capture/src", "signatures/src", "cli/src", "tests"] {
        for (name, text) in sources(folder) {
            let lines = text.lines().count();
            if lines > LINES {
                complaints.push(format!("{name} has {lines} lines"));
            }
        }
    }
    fail_with(&complaints);
}
