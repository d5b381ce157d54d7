//! Exit codes that scripts can use, and the last words of a command.

use std::io;
use std::process::ExitCode;

use weir_capture::CaptureError;

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
    anstream::eprintln!("weir: {error:#}");
    let input = error.chain().any(|cause| cause.is::<CaptureError>());
    if input {
        Exit::Unreadable.into()
    } else {
        Exit::Usage.into()
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
