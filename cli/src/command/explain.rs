//! `weir explain`: what a finding means and what can be done.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use weir_core::finding::{self, Explanation};
use weir_core::report::family;

use crate::exit::{self, Exit};
use crate::output::print;

/// Names offered for one that does not exist.
const SUGGESTIONS: usize = 5;

/// Tell what a finding means, how it is recognised and what can be done.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weir explain                 list every finding
  weir explain leak.password   one of them
  weir explain leak --json     a family of them, for programs")]
pub(crate) struct Explain {
    /// A finding's id, or its family (leak, suspicious, interception, …).
    id: Option<String>,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(crate) fn run(self) -> Result<Exit> {
        let all = all();
        let wanted: Vec<&Explanation> = match &self.id {
            None => all.values().copied().collect(),
            Some(id) => all.values().copied().filter(|one| one.id == id || family(one.id) == id).collect(),
        };
        let Some(first) = wanted.first() else {
            let id = self.id.unwrap_or_default();
            exit::complain(&unknown(&id, all.keys().copied()));
            return Ok(Exit::Usage);
        };
        let exact = self.id.as_deref() == Some(first.id);
        let text = match (self.json, exact) {
            (true, true) => format!("{:#}\n", object(first)),
            (true, false) => format!("{:#}\n", Value::Array(wanted.iter().map(|one| object(one)).collect())),
            (false, true) => page(first),
            (false, false) => list(&wanted),
        };
        print(&text)?;
        Ok(Exit::Clean)
    }
}

fn all() -> BTreeMap<&'static str, &'static Explanation> {
    finding::explanations().map(|explanation| (explanation.id, explanation)).collect()
}

fn object(explanation: &Explanation) -> Value {
    json!({
        "id": explanation.id,
        "title": explanation.title,
        "meaning": explanation.meaning,
        "advice": explanation.advice,
        "method": explanation.method,
    })
}

fn page(explanation: &Explanation) -> String {
    let Explanation { id, title, meaning, advice, method } = explanation;
    let mut text = format!("{title} ({id})\n");
    for (heading, words) in [("What it means", meaning), ("What to do", advice), ("How Weir knows", method)] {
        let _ = writeln!(text, "\n{heading}");
        wrap(words, &mut text);
    }
    text
}

/// Lines of at most 78 characters, indented by two.
fn wrap(words: &str, out: &mut String) {
    let mut used = 0;
    for word in words.split_whitespace() {
        let length = word.chars().count() + 1;
        if used == 0 || used + length > 78 {
            out.push_str(if used == 0 { "  " } else { "\n  " });
            used = 1;
        } else {
            out.push(' ');
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
}

fn list(explanations: &[&Explanation]) -> String {
    let mut text = String::new();
    let widest = explanations.iter().map(|one| one.id.len()).max().unwrap_or(0);
    let mut last = "";
    for explanation in explanations {
        let family = family(explanation.id);
        if family != last {
            let gap = if last.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{family}");
            last = family;
        }
        let _ = writeln!(text, "  {:<widest$}  {}", explanation.id, explanation.title);
    }
    text
}

fn unknown(id: &str, known: impl Iterator<Item = &'static str>) -> String {
    let mut near: Vec<(usize, &str)> = known
        .map(|known| (distance(id, known), known))
        .filter(|(distance, known)| *distance <= 3.max(known.len() / 3))
        .collect();
    near.sort_unstable();
    let near: Vec<&str> = near.into_iter().map(|(_, id)| id).take(SUGGESTIONS).collect();
    let id: String = id.chars().flat_map(char::escape_debug).take(80).collect();
    if near.is_empty() {
        format!("there is no finding `{id}`; `weir explain` lists them all")
    } else {
        format!("there is no finding `{id}`; did you mean {}?", near.join(", "))
    }
}

/// How far what was typed is from an id, or from the part of it behind the family's dot.
fn distance(typed: &str, id: &str) -> usize {
    let name = id.split_once('.').map_or(id, |(_, name)| name);
    if !typed.is_empty() && id.contains(typed) {
        return 0;
    }
    edits(typed, id).min(edits(typed, name))
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{all, edits, page, unknown};

    const KNOWN: [&str; 3] = ["leak.email", "leak.password", "suspicious.beacon"];

    #[test]
    fn a_slip_is_understood() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert!(unknown("leak.pasword", KNOWN.into_iter()).ends_with("did you mean leak.password?"));
        assert!(unknown("email", KNOWN.into_iter()).contains("leak.email"));
        assert!(unknown("quite another thing", KNOWN.into_iter()).ends_with("lists them all"));
    }

    #[test]
    fn every_finding_has_a_page_that_fits_a_terminal() {
        for explanation in all().values() {
            let text = page(explanation);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }
}
