//! `lists/*.toml` and plain lists: names, and what being on the list means.
//!
//! ```toml
//! id = "example-list"
//! title = "Example list"
//! class = "suspicious.known-bad-domain"   # what a hit is; `tracker` makes no finding
//! severity = "high"                       # info, low, medium, high, critical
//! report-only = false                     # optional: hits are never blocked
//! source = "https://example.com/list"     # who says so
//! licence = "CC0-1.0"                     # an SPDX expression
//! domains = ["bad.example.com"]           # each with all below it; "=name" for that host alone
//! ```

use std::net::IpAddr;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use weir_core::limits;
use weir_core::names::{DomainList, EntryError, ListClass, ListId};
use weir_core::severity::Severity;

use crate::error::{LoadError, Source};
use crate::loader::{Loader, TRACKERS, check_text, each_sorted, one_of, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ListFile {
    id: Spanned<String>,
    title: Spanned<String>,
    class: Spanned<String>,
    severity: Spanned<String>,
    #[serde(default)]
    report_only: bool,
    source: Spanned<String>,
    licence: Spanned<String>,
    domains: Vec<Spanned<String>>,
}

pub(crate) fn load_toml(loader: &mut Loader, source: Source<'_>) -> Result<(), LoadError> {
    let file: ListFile = parse(source)?;
    let id = add_list(loader, source, &file)?;
    if file.domains.is_empty() {
        return Err(source.error(None, "names no domain: add one to `domains`, or remove the file"));
    }
    let lists = &mut loader.lists;
    each_sorted(source, &file.domains, |host| lists.add_host(id, host).map_err(|why| why.to_string()))
}

/// One name per line, or the lines of a hosts file. In any order and with duplicates, as such lists are.
pub(crate) fn load_plain(loader: &mut Loader, source: Source<'_>) -> Result<(), LoadError> {
    let mut header = ListFile::plain(source.file);
    let mut list = None;
    let mut end = 0;
    for line in source.text.split_inclusive('\n') {
        let start = end;
        end += line.len();
        if line.len() > limits::LINE_BYTES {
            return Err(
                source.error(Some(source.line(start)), "is far too long for a line of names: break it")
            );
        }
        let (names, comment) = line.split_once('#').unwrap_or((line, ""));
        if names.trim().is_empty() {
            if list.is_none() {
                header.describe(source, comment, start)?;
            }
            continue;
        }
        let id = match list {
            Some(id) => id,
            None => *list.insert(add_list(loader, source, &header)?),
        };
        for host in hosts(names) {
            loader.lists.add_host(id, host).map_err(|why| source.error_at(start, host, why))?;
        }
    }
    match list {
        Some(_) => Ok(()),
        None => Err(source.error(None, "names no domain: write one name per line")),
    }
}

/// The names on a line. A hosts file begins each with an address, and its names for this machine are not listed ones.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    let mut words = line.split_whitespace().peekable();
    let of_hosts_file = words.clone().count() > 1 && words.next_if(|word| is_address(word)).is_some();
    words.filter(move |word| !(of_hosts_file && is_own(word)))
}

fn is_address(word: &str) -> bool {
    word.parse::<IpAddr>().is_ok()
}

fn is_own(word: &str) -> bool {
    !word.contains('.') || word == "localhost.localdomain" || is_address(word)
}

fn add_list(loader: &mut Loader, source: Source<'_>, file: &ListFile) -> Result<ListId, LoadError> {
    for text in [&file.title, &file.source, &file.licence] {
        check_text(source, text)?;
    }
    let list = DomainList {
        id: file.id.get_ref().as_str().into(),
        title: file.title.get_ref().as_str().into(),
        class: one_of(source, &file.class, ListClass::from_name, ListClass::ALL.map(ListClass::name))?,
        severity: one_of(source, &file.severity, Severity::from_name, Severity::ALL.map(Severity::name))?,
        report_only: file.report_only,
        source: file.source.get_ref().as_str().into(),
        licence: file.licence.get_ref().as_str().into(),
    };
    let added = if &*list.id == TRACKERS { Err(EntryError::Taken(list.id)) } else { loader.lists.add(list) };
    added.map_err(|why| {
        let why = match why {
            EntryError::Taken(_) => "is another list's id already: choose another one".to_owned(),
            why => why.to_string(),
        };
        source.error_at(file.id.span().start, file.id.get_ref(), why)
    })
}

impl ListFile {
    /// What is taken for granted of a plain list that says nothing about itself.
    fn plain(file: &str) -> Self {
        let word = |text: &str| Spanned::new(0..0, text.to_owned());
        let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or(file);
        let id = stem.to_ascii_lowercase().replace(['_', ' '], "-");
        Self {
            id: word(&id),
            title: word(stem),
            class: word(ListClass::KnownBadDomain.name()),
            severity: word(Severity::High.name()),
            report_only: false,
            source: word(file),
            licence: word("LicenseRef-unknown"),
            domains: Vec::new(),
        }
    }

    /// Takes `key: value` from a comment at byte `offset`; any other comment is left to its reader.
    fn describe(&mut self, source: Source<'_>, comment: &str, offset: usize) -> Result<(), LoadError> {
        let Some((key, value)) = comment.split_once(':') else {
            return Ok(());
        };
        let value = Spanned::new(offset..offset, value.trim().to_owned());
        match key.trim() {
            "id" => self.id = value,
            "title" => self.title = value,
            "class" => self.class = value,
            "severity" => self.severity = value,
            "source" => self.source = value,
            "licence" => self.licence = value,
            "report-only" => {
                let known = ["true", "false"];
                self.report_only = one_of(source, &value, |word| word.parse().ok(), known)?;
            }
            _ => {}
        }
        Ok(())
    }
}
