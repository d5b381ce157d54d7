//! `weir replay` as a user and a script see it.

mod common;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

use common::{Folder, OK, conversation, header, login, pcap, stderr, stdout, weir};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

#[test]
fn exit_codes_say_what_was_found() {
    let folder = Folder::new("codes");
    let leaky = folder.write("leaky.pcap", &pcap(&login(40_000)));
    let harmless = b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
    let clean = folder.write("clean.pcap", &pcap(&conversation(40_000, harmless, OK)));
    let code = |arguments: &[&str]| weir(&[&["replay"], arguments].concat()).status.code();
    assert_eq!(code(&[&clean]), Some(0));
    assert_eq!(code(&[&leaky]), Some(1));
    assert_eq!(code(&[&leaky, "--fail-on", "never"]), Some(0));
    assert_eq!(code(&[&leaky, "--fail-on", "critical"]), Some(0));
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&[&clean, "--policy", "no such file"]), Some(2));
    assert_eq!(code(&["no such file"]), Some(3));
}

#[test]
fn the_summary_says_who_and_what_without_the_secret() {
    let folder = Folder::new("summary");
    let capture = folder.write("a.pcap", &pcap(&login(40_000)));
    let output = weir(&["replay", &capture]);
    let text = stdout(&output);
    for words in [
        "6 packets · 1 flow · ",
        "Who talked to whom",
        "example.org",
        "← gave something away",
        "Given away",
        "balanced would have",
        "#4",
        "weir explain leak.",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    assert!(!text.contains("sesame") && !text.contains("QWxhZGRpbjpvcGVuIHNlc2FtZQ"));
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    assert!(text.lines().all(|line| line == line.trim_end()));
    assert_eq!(text, stdout(&weir(&["replay", &capture])), "the same every time");
}

#[test]
fn what_came_off_the_wire_cannot_command_a_terminal_or_a_page() {
    let folder = Folder::new("hostile");
    let request = "GET /\u{202e}gpj.exe HTTP/1.1\r\nHost: a\u{1b}[2J\u{1b}]0;x\u{7}b\u{202e}.example\u{2028}</script>.org\r\n\
                   User-Agent: \u{1b}[31mred\u{9b}32m\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
    let capture = folder.write("a.pcap", &pcap(&conversation(40_000, request.as_bytes(), OK)));
    let page = folder.path().join("report.html").display().to_string();
    let hostile = |c: char| {
        c.is_control() && c != '\n' && c != '\r'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    for form in [&["--html", &page][..], &["--json"], &["--csv"]] {
        let text = stdout(&weir(&[&["replay", &capture], form].concat()));
        assert!(!text.contains(hostile), "{form:?}: {text:?}");
    }
    let page = std::fs::read_to_string(&page).expect("a page");
    assert!(!page.contains(hostile));
    assert_eq!(page.matches("</script>").count(), 2);
}

#[test]
fn json_is_a_record_per_line_and_statistics_at_the_end() {
    let folder = Folder::new("json");
    let capture = folder.write("a.pcap", &pcap(&login(40_000)));
    let records = lines(&stdout(&weir(&["replay", "--json", &capture])));
    let kinds: Vec<&str> = records.iter().filter_map(|record| record["event_type"].as_str()).collect();
    assert_eq!(kinds.len(), records.len());
    for kind in ["flow", "alert", "http"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    assert_eq!(kinds.last(), Some(&"stats"));
    assert_eq!(records.last().map(|stats| &stats["stats"]["decoder"]["pkts"]), Some(&6.into()));
    let flow = records.iter().find(|record| record["event_type"] == "flow").expect("a flow");
    assert_eq!(flow["app_proto"], "http");
    assert_eq!(flow["weir"]["hostname"], "login.example.org");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let folder = Folder::new("jobs");
    let packets: Vec<Vec<u8>> = (0..400).flat_map(|flow| login(20_000 + flow)).collect();
    let capture = folder.write("a.pcap", &pcap(&packets));
    for form in ["--json", "--csv"] {
        let one = weir(&["replay", form, "--jobs", "1", &capture]);
        assert!(one.stdout.len() > 10_000);
        for jobs in ["2", "4", "64"] {
            let many = weir(&["replay", form, "--jobs", jobs, &capture]);
            assert!(one.stdout == many.stdout, "{form} with {jobs} jobs differs");
        }
    }
}

#[test]
fn csv_has_a_header_and_a_line_per_flow() {
    let folder = Folder::new("csv");
    let capture = folder.write("a.pcap", &pcap(&login(40_000)));
    let text = stdout(&weir(&["replay", "--csv", &capture]));
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    let [head, flow] = lines[..] else { panic!("{lines:?}") };
    assert!(head.starts_with("flow_id,start,end,src_ip"));
    assert!(flow.contains(",198.51.100.7,40000,192.0.2.80,80,tcp,http,,dpi,login.example.org,"));
    assert_eq!(head.split(',').count(), flow.split(',').count());
}

#[test]
fn a_broken_capture_is_told_up_to_the_break() {
    let folder = Folder::new("broken");
    let mut bytes = pcap(&login(40_000));
    bytes.truncate(bytes.len() - 10);
    let capture = folder.write("a.pcap", &bytes);
    let output = weir(&["replay", &capture]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stdout(&output).contains("5 packets · 1 flow"), "{}", stdout(&output));
    assert!(stdout(&output).contains("Given away"));
    let error = stderr(&output);
    assert!(error.starts_with("weir: ") && error.contains("packet 6 at byte "), "{error}");
}

#[test]
fn one_capture_that_cannot_be_read_does_not_hide_the_others() {
    let folder = Folder::new("several");
    folder.write("a.pcap", b"this is no capture");
    folder.write("b.pcap", &pcap(&login(40_000)));
    let path = folder.path().display().to_string();
    let output = weir(&["replay", &path]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stdout(&output).contains("Given away"));
    assert!(stdout(&output).contains("blocked #4"), "{}", stdout(&output));
    assert!(stderr(&output).contains("a.pcap: not a capture"));
}

#[test]
fn a_link_type_that_is_not_read_is_said() {
    let folder = Folder::new("link");
    let mut bytes = header(147);
    bytes.extend([0; 8]);
    bytes.extend([4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4]);
    let capture = folder.write("a.pcap", &bytes);
    let output = weir(&["replay", &capture]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("link type 147"), "{}", stderr(&output));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let folder = Folder::new("pipe");
    let packets: Vec<Vec<u8>> = (0..2000).flat_map(|flow| login(20_000 + flow)).collect();
    let capture = folder.write("a.pcap", &pcap(&packets));
    for jobs in ["1", "3"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(["replay", "--json", "--jobs", jobs, &capture])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("weir runs");
        let mut out = child.stdout.take().expect("a pipe");
        out.read_exact(&mut [0; 100]).expect("a beginning");
        drop(out);
        let output = child.wait_with_output().expect("an end");
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stderr(&output), "");
    }
}

#[test]
fn a_dash_is_standard_input() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(["replay", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("weir runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(&pcap(&login(40_000))).expect("weir reads");
    drop(input);
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("login.example.org"));
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_the_work() {
    let folder = Folder::new("page");
    let capture = folder.write("a.pcap", &pcap(&login(40_000)));
    let output = weir(&["replay", &capture, "--html", "/no such folder/report.html"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("report.html cannot be written"));
}

#[test]
fn a_policy_is_obeyed_and_named() {
    let folder = Folder::new("policy");
    let capture = folder.write("a.pcap", &pcap(&login(40_000)));
    let rules =
        b"profile = \"monitor\"\n\n[[rule]]\nname = \"mine\"\ndomain = [\"example.org\"]\naction = \"ask\"\n";
    let policy = folder.write("policy.toml", rules);
    let text = stdout(&weir(&["replay", &capture, "--policy", &policy]));
    assert!(text.contains("your policy would have") && text.contains("asked"), "{text}");
    let text = stdout(&weir(&["replay", &capture, "--profile", "monitor"]));
    assert!(text.contains("monitor would have") && text.contains("logged"), "{text}");
}
