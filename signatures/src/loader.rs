use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use toml::Spanned;
use weir_core::limits;
use weir_core::names::{Category, DomainList, ListClass, Lists, Services};
use weir_core::severity::Severity;

use crate::error::{LoadError, Source};
use crate::{Signatures, embedded, list_file, service_file};

/// The identifier of the list that is made of the services which track.
pub(crate) const TRACKERS: &str = "trackers";

/// Tables being filled.
#[derive(Debug, Default)]
pub(crate) struct Loader {
    pub(crate) services: Services,
    pub(crate) lists: Lists,
    /// One allocation per owner, not per service.
    owners: HashSet<Arc<str>>,
}

impl Loader {
    /// Everything that ships.
    pub(crate) fn shipped() -> Result<Self, LoadError> {
        let mut loader = Self::default();
        for &(file, text) in embedded::SERVICES {
            service_file::load(&mut loader, Source { file, text })?;
        }
        for &(file, text) in embedded::LISTS {
            list_file::load_toml(&mut loader, Source { file, text })?;
        }
        Ok(loader)
    }

    /// Somebody's own file, of whichever kind.
    pub(crate) fn file(&mut self, file: &str, text: &str) -> Result<(), LoadError> {
        /// Enough of a file to tell its kind.
        #[derive(Deserialize)]
        struct Kind {
            service: Option<IgnoredAny>,
        }

        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source { file, text };
        if text.len() > limits::SIGNATURE_FILE_BYTES {
            let cap = limits::SIGNATURE_FILE_BYTES / 1024 / 1024;
            return Err(source.error(None, format_args!("is larger than {cap} MiB: split it")));
        }
        let is_toml = file.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("toml"));
        if !is_toml {
            return list_file::load_plain(self, source);
        }
        match parse::<Kind>(source)?.service {
            Some(_) => service_file::load(self, source),
            None => list_file::load_toml(self, source),
        }
    }

    pub(crate) fn finish(mut self) -> Signatures {
        self.add_trackers();
        Signatures { services: Arc::new(self.services), lists: Arc::new(self.lists) }
    }

    pub(crate) fn owner(&mut self, name: &str) -> Arc<str> {
        if let Some(owner) = self.owners.get(name) {
            return Arc::clone(owner);
        }
        let owner = Arc::<str>::from(name);
        self.owners.insert(Arc::clone(&owner));
        owner
    }

    /// The services which track are a list too, so that a name can be asked for both at once. It comes last: any other
    /// list of the same severity says more.
    fn add_trackers(&mut self) {
        let list = DomainList {
            id: TRACKERS.into(),
            title: "Advertising, analytics and telemetry".into(),
            class: ListClass::Tracker,
            severity: Severity::Info,
            report_only: false,
            source: "Weir's table of services".into(),
            licence: env!("CARGO_PKG_LICENSE").into(),
        };
        let Ok(id) = self.lists.add(list) else { return };
        let tracks =
            |service| self.services.get(service).is_some_and(|service| service.category.is_tracking());
        for host in self.services.hosts().iter().filter(|host| tracks(host.value)) {
            // It was a good entry a moment ago; only a full table could refuse it, and then the real lists matter more.
            let entry = if host.exact { format!("={}", host.name) } else { host.name.to_owned() };
            let _ = self.lists.add_host(id, &entry);
        }
    }
}

/// Reads TOML, with the line of what is wrong with it.
pub(crate) fn parse<T: DeserializeOwned>(source: Source<'_>) -> Result<T, LoadError> {
    toml::from_str(source.text).map_err(|error| {
        let line = error.span().map(|span| source.line(span.start));
        source.error(line, error.message())
    })
}

/// Calls `add` for every entry, and wants them sorted: a diff is then small and a duplicate stands beside its twin.
pub(crate) fn each_sorted(
    source: Source<'_>,
    entries: &[Spanned<String>],
    mut add: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), LoadError> {
    let mut previous: Option<&str> = None;
    for entry in entries {
        let text = entry.get_ref().as_str();
        let fail = |why: &str| source.error_at(entry.span().start, text, why);
        match previous {
            Some(previous) if previous == text => return Err(fail("stands here twice: remove one")),
            Some(previous) if previous > text => {
                return Err(fail(&format!("stands behind `{previous}`: sort the entries")));
            }
            _ => previous = Some(text),
        }
        add(text).map_err(|why| fail(&why))?;
    }
    Ok(())
}

/// A title, an owner or a source: short, and only printable characters.
pub(crate) fn check_text(source: Source<'_>, text: &Spanned<String>) -> Result<(), LoadError> {
    let value = text.get_ref();
    let fail = |why: &str| Err(source.error_at(text.span().start, value, why));
    if value.trim().is_empty() {
        return fail("is empty: write a few words");
    }
    if value.len() > limits::TITLE_BYTES {
        return fail(&format!("is longer than {} octets: shorten it", limits::TITLE_BYTES));
    }
    if value.chars().any(char::is_control) {
        return fail("has a control character: remove it");
    }
    Ok(())
}

/// What a word of a fixed set means, or an error that lists the set.
pub(crate) fn one_of<T>(
    source: Source<'_>,
    word: &Spanned<String>,
    meaning: impl Fn(&str) -> Option<T>,
    known: impl IntoIterator<Item = &'static str>,
) -> Result<T, LoadError> {
    meaning(word.get_ref()).ok_or_else(|| {
        let known: Vec<_> = known.into_iter().collect();
        let why = format_args!("is not known: write one of {}", known.join(", ")).to_string();
        source.error_at(word.span().start, word.get_ref(), why)
    })
}

pub(crate) fn category(source: Source<'_>, word: &Spanned<String>) -> Result<Category, LoadError> {
    one_of(source, word, Category::from_name, Category::ALL.map(Category::name))
}
