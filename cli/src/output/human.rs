//! The summary on a terminal.
//!
//! Colour marks severity only, and only there; a pipe gets the same text without it.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;
use weir_core::policy::Action;
use weir_core::protocol::Unseen;
use weir_core::report::{Found, Talk};
use weir_core::severity::Severity;

use super::table::{Cell, Column, Table};
use super::units::{bytes, count, counted, duration};
use super::{Heard, Output, Summary};

/// Width where there is no terminal to ask.
const WIDTH: usize = 100;
/// Rows shown of who talked to whom; those that gave something away always are.
const TALKS: usize = 24;
/// Rows looked through for those.
const TALKS_LEAKING: usize = 1000;
/// Rows shown of each kind of findings.
const FINDINGS: usize = 40;
/// Captures named one by one.
const CAPTURES: usize = 12;

const HEADING: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();

#[derive(Debug)]
pub(crate) struct Human {
    /// Where the page is written to, if it is.
    pub(crate) page: Option<PathBuf>,
}

impl Output for Human {
    fn finish(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        let terminal = terminal_size::terminal_size_of(io::stdout());
        let width = terminal.map_or(WIDTH, |(width, _)| usize::from(width.0).max(40));
        let mut text = render(summary, width, terminal.is_some());
        write_hint(summary, self.page.as_deref(), &mut text);
        super::print(&text)
    }
}

/// The whole text. How long it took is said on a terminal only: elsewhere the same input gives the same bytes.
fn render(summary: &Summary<'_>, width: usize, timed: bool) -> String {
    let mut out = String::new();
    write_captures(summary, width, timed, &mut out);
    if summary.totals.packets > 0 {
        write_talks(summary, width, &mut out);
        write_given_away(summary, width, &mut out);
        write_suspicious(summary, width, &mut out);
        write_not_seen(summary, width, &mut out);
    }
    out
}

fn write_captures(summary: &Summary<'_>, width: usize, timed: bool, out: &mut String) {
    let captures = summary.captures;
    let flows = counted(summary.report.flows, "flow");
    if let [only] = captures {
        let what = format!("{} · {flows} · {}", counted(only.packets, "packet"), covers(only));
        line(&only.name, &what, timed.then_some(only), width, out);
        return;
    }
    for heard in captures.iter().take(CAPTURES) {
        let what = format!("{} · {}", counted(heard.packets, "packet"), covers(heard));
        line(&heard.name, &what, timed.then_some(heard), width, out);
    }
    if let Some(more) = captures.len().checked_sub(CAPTURES).filter(|more| *more > 0) {
        let _ = writeln!(out, "… and {} more", count(more as u64));
    }
    let _ = writeln!(
        out,
        "{}  {} · {flows}",
        counted(captures.len() as u64, "capture"),
        counted(summary.totals.packets, "packet"),
    );
}

/// `2 m 06 s of traffic`
fn covers(heard: &Heard) -> String {
    match (heard.first, heard.last) {
        (Some(first), Some(last)) => format!("{} of traffic", duration(last.since(first))),
        _ => "no traffic".to_owned(),
    }
}

fn line(name: &str, what: &str, timed: Option<&Heard>, width: usize, out: &mut String) {
    let text = format!("{name}  {what}");
    out.push_str(&text);
    if let Some(heard) = timed {
        let took = duration(heard.took);
        let room = width.saturating_sub(text.width() + took.width());
        let _ = write!(out, "{}{QUIET}{took}{QUIET:#}", " ".repeat(room.max(2)));
    }
    out.push('\n');
}

fn write_talks(summary: &Summary<'_>, width: usize, out: &mut String) {
    out.push('\n');
    let talks = summary.report.talks();
    let mut table = Table::new(
        "Who talked to whom",
        [
            Column::fixed(""),
            Column::text(""),
            Column::text(""),
            Column::text(""),
            Column::figure("flows"),
            Column::figure("sent"),
            Column::figure("received"),
            Column::fixed(""),
        ],
    );
    let room = if talks.len() == TALKS + 1 { TALKS + 1 } else { TALKS };
    let (mut more, mut flows, mut volume) = (0, 0, 0);
    for (at, talk) in talks.into_iter().enumerate() {
        if at < room || talk.leaking > 0 && at < TALKS_LEAKING {
            table.row(talk_row(talk));
        } else {
            more += 1;
            flows += talk.flows;
            volume += talk.bytes[0] + talk.bytes[1];
        }
    }
    table.write(width, HEADING, out);
    if more > 0 {
        let _ = writeln!(
            out,
            "  … and {} more with {} and {}",
            count(more),
            counted(flows, "flow"),
            bytes(volume)
        );
    }
}

fn talk_row(talk: &Talk) -> [Cell; 8] {
    let party = &talk.party;
    let mark = if talk.leaking > 0 {
        Cell::styled("← gave something away", talk.worst.map_or(QUIET, style))
    } else {
        match talk.worst {
            Some(severity) if severity >= Severity::Medium => Cell::styled("← suspicious", style(severity)),
            _ => Cell::default(),
        }
    };
    [
        talk.protocol.into(),
        (&*party.name).into(),
        party.owner.as_deref().unwrap_or_default().into(),
        party.category.and_then(worth_saying).unwrap_or_default().into(),
        count(talk.flows).into(),
        bytes(talk.bytes[0]).into(),
        bytes(talk.bytes[1]).into(),
        mark,
    ]
}

/// Categories that say something about the user's privacy; the others can be told from the name.
fn worth_saying(category: &'static str) -> Option<&'static str> {
    matches!(category, "advertising" | "analytics" | "telemetry").then_some(category)
}

fn write_given_away(summary: &Summary<'_>, width: usize, out: &mut String) {
    let found = summary.report.given_away();
    write_findings("Given away", [2, 6], &found, summary, width, out);
}

fn write_suspicious(summary: &Summary<'_>, width: usize, out: &mut String) {
    let found = summary.report.suspicious();
    write_findings("Suspicious", [6, 4], &found, summary, width, out);
    let beyond = summary.report.findings_beyond();
    if beyond > 0 {
        let _ = writeln!(out, "  … and {} more than can be listed", counted(beyond, "finding"));
    }
}

/// `[shown, place]`: how much of the room the value and its place are worth.
fn write_findings(
    title: &str,
    [shown, place]: [usize; 2],
    found: &[&Found],
    summary: &Summary<'_>,
    width: usize,
    out: &mut String,
) {
    out.push('\n');
    if found.is_empty() {
        let _ =
            writeln!(out, "{HEADING}{title}{HEADING:#}  nothing that Weir recognises in what it could see");
        return;
    }
    let mut table = Table::new(
        title,
        [
            Column::fixed(""),
            Column::fixed(""),
            Column::text("").weighing(shown),
            Column::text("").weighing(place),
            Column::fixed(""),
            Column::text("").weighing(3),
        ],
    );
    table.label(4, format!("{} would have", summary.judge));
    let room = if found.len() == FINDINGS + 1 { FINDINGS + 1 } else { FINDINGS };
    for found in found.iter().take(room) {
        table.row(finding_row(found, summary.captures));
    }
    table.write(width, HEADING, out);
    if let Some(more) = found.len().checked_sub(room).filter(|more| *more > 0) {
        let _ = writeln!(out, "  … and {} more", count(more as u64));
    }
}

fn finding_row(found: &Found, captures: &[Heard]) -> [Cell; 6] {
    let finding = &found.finding;
    let often = if found.times > 1 { format!(" ×{}", count(found.times)) } else { String::new() };
    let capture = match captures {
        [] | [_] => "",
        several => several.get(found.capture).map_or("", |heard| base_name(&heard.name)),
    };
    [
        Cell::styled(short(finding.severity), style(finding.severity)),
        what(found).into(),
        finding.shown.as_str().into(),
        place(found).into(),
        format!("{:<7} #{}{often}", done(found.action), found.packet).into(),
        capture.into(),
    ]
}

/// To whom; of what was given away also where it stood and how it was wrapped.
fn place(found: &Found) -> String {
    let finding = &found.finding;
    if found.family() != "leak" {
        return found.to.to_string();
    }
    let encoding = if finding.encoding.is_empty() {
        String::new()
    } else {
        format!(" ({})", finding.encoding.join(", "))
    };
    format!("{} {}{encoding}", found.to, finding.place)
}

/// `advertising id`, `api key (aws)`, `certificate expired`
fn what(found: &Found) -> String {
    let id = found.finding.id;
    let name = id.split_once('.').map_or(id, |(_, name)| name).replace('-', " ");
    let name = match found.family() {
        "evasion" | "malformed" => format!("{} {name}", found.family()),
        _ => name,
    };
    match found.finding.kind {
        Some(kind) => format!("{name} ({kind})"),
        None => name,
    }
}

const fn short(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "crit",
        Severity::Medium => "med",
        other => other.name(),
    }
}

const fn done(action: Action) -> &'static str {
    match action {
        Action::Allow => "allowed",
        Action::Log => "logged",
        Action::Ask => "asked",
        Action::Block => "blocked",
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn write_not_seen(summary: &Summary<'_>, width: usize, out: &mut String) {
    let report = summary.report;
    let verb = |number: u64, one: &'static str, many: &'static str| if number == 1 { one } else { many };
    let mut notes = Vec::new();
    let mut note = |what: Unseen, one, many| {
        let number = report.unseen(what);
        if number > 0 {
            notes.push(format!("{} {}", counted(number, "flow"), verb(number, one, many)));
        }
    };
    note(Unseen::Encrypted, "is encrypted (content unknown)", "are encrypted (content unknown)");
    note(Unseen::Ech, "hides its name (ECH)", "hide their names (ECH)");
    note(Unseen::QuicUndecryptable, "of QUIC cannot be read", "of QUIC cannot be read");
    note(Unseen::Truncated, "misses bytes", "miss bytes");
    if report.unknown > 0 {
        notes.push(format!(
            "{} {} no protocol that Weir knows",
            counted(report.unknown, "flow"),
            verb(report.unknown, "speaks", "speak")
        ));
    }
    let unparsed: u64 = summary.totals.unparsed.values().map(|(count, _)| count).sum();
    if let Some((reason, (_, first))) = summary.totals.unparsed.iter().max_by_key(|(_, (count, _))| *count) {
        notes.push(format!("{} could not be read (#{first}: {reason})", counted(unparsed, "packet")));
    }
    write_notes("Not seen", &notes, width, out);
    let tunnels: Vec<String> = report
        .tunnels
        .iter()
        .map(|(tunnel, flows)| format!("{} in {tunnel}", counted(*flows, "flow")))
        .collect();
    write_notes("Tunnels", &tunnels, width, out);
}

/// Notes behind a heading, in as many lines as they need.
fn write_notes(title: &str, notes: &[String], width: usize, out: &mut String) {
    if notes.is_empty() {
        return;
    }
    let _ = write!(out, "\n{HEADING}{title}{HEADING:#}  ");
    let indent = title.len() + 2;
    let mut used = indent;
    for (at, note) in notes.iter().enumerate() {
        let length = note.width() + 3;
        if at > 0 && used + length > width {
            let _ = write!(out, " ·\n{:indent$}", "");
            used = indent;
        } else if at > 0 {
            out.push_str(" · ");
        }
        out.push_str(note);
        used += length;
    }
    out.push('\n');
}

fn write_hint(summary: &Summary<'_>, page: Option<&Path>, out: &mut String) {
    let report = summary.report;
    let first = report.given_away().into_iter().chain(report.suspicious()).next();
    out.push('\n');
    if let Some(found) = first {
        let _ = write!(out, "Details: weir explain {} · ", found.finding.id);
    }
    let _ = match page {
        Some(page) => writeln!(out, "everything: --json · the page to share: {}", page.display()),
        None => writeln!(out, "everything: --json · a page to share: --html report.html"),
    };
}

const fn style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Critical | Severity::High => AnsiColor::Red,
        Severity::Medium => AnsiColor::Yellow,
        Severity::Low | Severity::Info => return Style::new(),
    };
    color.on_default()
}

#[cfg(test)]
mod tests;
