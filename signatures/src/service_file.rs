//! `services/*.toml`: the services of one category.
//!
//! ```toml
//! category = "video"
//!
//! [[service]]
//! name = "example"                    # lower-case, the field's usual name
//! title = "Example TV"
//! owner = "Example Inc."
//! domains = ["cdn.example.net", "example.com"]    # each with all below it; "=name" for that host alone
//! addresses = ["192.0.2.0/24"]        # optional: ranges that the owner publishes as this service's
//! ```

use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use weir_core::names::{Category, EntryError, Prefix, Service};

use crate::error::{LoadError, Source};
use crate::loader::{Loader, category, check_text, each_sorted, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceFile {
    category: Spanned<String>,
    service: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    title: Spanned<String>,
    owner: Spanned<String>,
    domains: Vec<Spanned<String>>,
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
}

pub(crate) fn load(loader: &mut Loader, source: Source<'_>) -> Result<(), LoadError> {
    let file: ServiceFile = parse(source)?;
    let category = category(source, &file.category)?;
    let mut previous = "";
    for entry in &file.service {
        let name = entry.name.get_ref();
        if name.as_str() < previous {
            let why = format_args!("stands behind `{previous}`: sort the services").to_string();
            return Err(source.error_at(entry.name.span().start, name, why));
        }
        previous = name;
        add(loader, source, category, entry)?;
    }
    Ok(())
}

fn add(loader: &mut Loader, source: Source<'_>, category: Category, entry: &Entry) -> Result<(), LoadError> {
    let name = entry.name.get_ref();
    let fail = |why: String| source.error_at(entry.name.span().start, name, why);
    check_text(source, &entry.title)?;
    check_text(source, &entry.owner)?;
    if entry.domains.is_empty() && entry.addresses.is_empty() {
        return Err(fail("has neither domains nor addresses: give it one".into()));
    }
    let service = Service {
        name: Arc::from(name.as_str()),
        title: Arc::from(entry.title.get_ref().as_str()),
        owner: loader.owner(entry.owner.get_ref()),
        category,
    };
    let id = loader.services.add(service).map_err(|why| match why {
        EntryError::Taken(_) => fail("is another service's name already: choose another one".into()),
        why => fail(why.to_string()),
    })?;
    let services = &mut loader.services;
    each_sorted(source, &entry.domains, |host| services.add_host(id, host).map_err(|why| why.to_string()))?;
    for range in &entry.addresses {
        let text = range.get_ref();
        let added = text.parse::<Prefix>().and_then(|prefix| services.add_addresses(id, prefix));
        added.map_err(|why| source.error_at(range.span().start, text, why))?;
    }
    Ok(())
}
