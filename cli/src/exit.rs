//! Exit codes that scripts can use, and the last words of a command.

use std::io;
use std::process::ExitCode;

use weir_capture::CaptureError;
use weir_core::text;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing was found at or above the chosen severity.
    Clean = 0,
    /// Something was.
    Findings = 1,
    /// The command was used wrongly; clap exits with the same number.
    Usage = 2,
    /// Some input could not be read, or not to its end.
    Unreadable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Says what went wrong, if anything, in one chain, and picks the code. A reader that went away ends quietly.
pub(crate) fn finish(result: anyhow::Result<Exit>) -> ExitCode {
    let error = match result {
        Ok(exit) => return exit.into(),
        Err(error) => error,
    };
    if is_broken_pipe(&error) {
        return Exit::Clean.into();
    }
    complain(&format!("{error:#}"));
    let capture = error.chain().find_map(|cause| cause.downcast_ref::<CaptureError>());
    match capture {
        None | Some(CaptureError::Filter { .. }) => Exit::Usage.into(),
        Some(_) => Exit::Unreadable.into(),
    }
}

/// A sentence on standard error, with whatever a terminal might obey taken out: paths and files are strangers' text too.
pub(crate) fn complain(sentence: &str) {
    let lines: Vec<String> = sentence.lines().map(|line| text::clean(line.as_bytes(), LINE)).collect();
    anstream::eprintln!("weir: {}", lines.join("\n"));
}

/// Characters of a line of an error, at most.
const LINE: usize = 2000;

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context;

    use super::{Exit, is_broken_pipe};

    #[test]
    fn codes_are_what_scripts_rely_on() {
        let codes = [Exit::Clean, Exit::Findings, Exit::Usage, Exit::Unreadable].map(|exit| exit as u8);
        assert_eq!(codes, [0, 1, 2, 3]);
    }

    #[test]
    fn a_broken_pipe_is_recognised_behind_its_context() {
        let broken: Result<(), _> = Err(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_broken_pipe(&broken.context("writing").expect_err("an error")));
        let other: Result<(), _> = Err(io::Error::from(io::ErrorKind::NotFound));
        assert!(!is_broken_pipe(&other.context("writing").expect_err("an error")));
    }
}
