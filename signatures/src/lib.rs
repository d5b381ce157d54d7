//! What Weir knows about names: the services and domain lists that ship, and the loader of anybody's own.
//!
//! Sources are text files (`services/*.toml`, `lists/*.toml`, plain lists of names); this crate turns them into the
//! tables of [`weir_core::names`]. It reads no file itself: what ships is compiled in, everything else comes as pairs of
//! a name for messages and the text.
//!
//! A file is taken whole or not at all: the first entry that cannot stand is an error that says where it is and what to do.

#![forbid(unsafe_code)]

use std::sync::Arc;

use weir_core::names::{Lists, Services};

mod embedded;
mod error;
mod list_file;
mod loader;
mod service_file;

pub use error::LoadError;

use loader::Loader;

/// Tables that are ready to be shared between threads, and swapped whole for newer ones.
#[derive(Debug, Clone, Default)]
pub struct Signatures {
    pub services: Arc<Services>,
    pub lists: Arc<Lists>,
}

/// Where data comes from, for those who are owed a mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    pub title: Box<str>,
    pub source: Box<str>,
    /// An SPDX expression.
    pub licence: Box<str>,
}

/// What ships with the program.
pub fn builtin() -> Signatures {
    // The files are part of the program: `everything_that_ships_loads` holds for every build that passed its tests.
    Loader::shipped().expect("the shipped files load").finish()
}

/// What ships, and these files on top: pairs of a name and a text.
///
/// A name that ends in `.toml` is a file of services if it has `[[service]]`, else a list. Any other one is a plain list:
/// one name per line or the lines of a hosts file, `#` before comments. Comments of the form `# title: …` (`id`, `title`,
/// `class`, `severity`, `report-only`, `source`, `licence`) in front of the first name describe the list.
///
/// # Errors
/// Where a file cannot stand as it is.
pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Signatures, LoadError> {
    let mut loader = Loader::shipped()?;
    for (name, text) in files {
        loader.file(name, text)?;
    }
    Ok(loader.finish())
}

impl Signatures {
    /// Every source of data in these tables.
    pub fn attribution(&self) -> Vec<Attribution> {
        let own = Attribution {
            title: "Services and their names".into(),
            source: "Weir".into(),
            licence: env!("CARGO_PKG_LICENSE").into(),
        };
        let suffixes = Attribution {
            title: "Public Suffix List".into(),
            source: "https://publicsuffix.org/".into(),
            licence: "MPL-2.0".into(),
        };
        let lists = self.lists.iter().map(|(_, list)| Attribution {
            title: list.title.clone(),
            source: list.source.clone(),
            licence: list.licence.clone(),
        });
        [own, suffixes].into_iter().chain(lists).collect()
    }
}

#[cfg(test)]
mod tests;
