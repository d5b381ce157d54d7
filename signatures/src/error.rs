use std::fmt;

/// What keeps a file from being loaded: where, what stands there, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    pub file: Box<str>,
    /// Counted from one.
    pub line: Option<usize>,
    /// The text that cannot stand, if it is a single one.
    pub entry: Option<Box<str>>,
    pub why: Box<str>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match &self.entry {
            // The entry may come from anywhere: `escape_debug` keeps it from talking to a terminal.
            Some(entry) => write!(f, ": `{}` {}", entry.escape_debug(), self.why),
            None => write!(f, ": {}", self.why),
        }
    }
}

impl std::error::Error for LoadError {}

/// A file being read: its name and text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// An error about `entry`, which begins at byte `offset`.
    pub(crate) fn error_at(&self, offset: usize, entry: &str, why: impl fmt::Display) -> LoadError {
        LoadError { entry: Some(entry.into()), ..self.error(Some(self.line(offset)), why) }
    }

    pub(crate) fn error(&self, line: Option<usize>, why: impl fmt::Display) -> LoadError {
        LoadError { file: self.file.into(), line, entry: None, why: why.to_string().into() }
    }

    pub(crate) fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }
}
