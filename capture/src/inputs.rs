//! The captures that the paths on a command line mean.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::capture::Capture;
use crate::error::CaptureError;

/// One capture to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Stdin,
    File(PathBuf),
}

impl Input {
    pub fn open(&self) -> Result<Capture, CaptureError> {
        match self {
            Self::Stdin => Capture::stdin(),
            Self::File(path) => Capture::open(path),
        }
    }

    /// Bytes to read, for adding up a progress bar before anything is opened; `None` where nobody knows.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len()),
        }
    }
}

/// Endings that make a file in a folder a capture.
const ENDINGS: [&str; 4] = [".pcap", ".pcapng", ".cap", ".dmp"];
const COMPRESSED_ENDINGS: [&str; 2] = [".gz", ".zst"];

/// `-` is standard input, a file is itself whatever its name, and a folder is every capture below it, sorted by path.
///
/// Symbolic links are followed, and no folder is walked twice for one path, so links in a circle end. Whether a file
/// can be read is left to [`Input::open`]: one that cannot does not keep the others from being read.
pub fn inputs<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Vec<Input>, CaptureError> {
    let mut found = Vec::new();
    for path in paths {
        let path = path.as_ref();
        if path == "-" {
            found.push(Input::Stdin);
        } else if path.is_dir() {
            let before = found.len();
            walk(path, &mut found)?;
            if found.len() == before {
                return Err(CaptureError::NoCaptures { folder: path.display().to_string() });
            }
        } else {
            found.push(Input::File(path.to_path_buf()));
        }
    }
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<Input>) -> Result<(), CaptureError> {
    let mut walked = HashSet::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(path) = pending.pop() {
        // A link to nowhere, or a file that was just deleted, is no reason to stop.
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.is_file() && is_capture_name(path.file_name()) {
            found.push(Input::File(path));
        } else if metadata.is_dir() {
            let entries = entries(&path, &mut walked);
            pending.extend(
                entries.map_err(|source| CaptureError::Open { name: path.display().to_string(), source })?,
            );
        }
    }
    Ok(())
}

/// What is in a folder, the last name first; nothing if it was walked before under another name.
fn entries(folder: &Path, walked: &mut HashSet<PathBuf>) -> io::Result<Vec<PathBuf>> {
    if !walked.insert(folder.canonicalize()?) {
        return Ok(Vec::new());
    }
    let mut entries =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable_by(|a, b| b.cmp(a));
    Ok(entries)
}

fn is_capture_name(name: Option<&OsStr>) -> bool {
    let Some(name) = name else { return false };
    let name = name.to_string_lossy().to_ascii_lowercase();
    let name = COMPRESSED_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{Input, inputs};
    use crate::error::CaptureError;
    use crate::testing::Folder;

    fn found(folder: &Path) -> Vec<String> {
        let files = inputs([folder]).expect("a folder with captures");
        let relative = |input: &Input| match input {
            Input::Stdin => "-".to_owned(),
            Input::File(path) => path.strip_prefix(folder).expect("a path below").display().to_string(),
        };
        files.iter().map(relative).collect()
    }

    #[test]
    fn walks_a_folder_in_sorted_order_and_picks_captures_by_name() {
        let folder = Folder::new("walk");
        for name in [
            "b.pcap",
            "a/2.pcapng.gz",
            "a/1.CAP",
            "a/deep/x.dmp.zst",
            "c.pcap.bz2",
            "notes.txt",
            "pcap",
            "d.zst",
        ] {
            folder.write(name, b"");
        }
        assert_eq!(found(folder.path()), ["a/1.CAP", "a/2.pcapng.gz", "a/deep/x.dmp.zst", "b.pcap"]);
    }

    #[test]
    #[cfg(unix)]
    fn links_in_a_circle_end() {
        let folder = Folder::new("circle");
        folder.write("sub/a.pcap", b"");
        std::os::unix::fs::symlink(folder.path(), folder.path().join("sub/up")).expect("a link");
        std::os::unix::fs::symlink("nowhere", folder.path().join("dangling.pcap")).expect("a link");
        std::os::unix::fs::symlink("itself", folder.path().join("itself")).expect("a link");
        assert_eq!(found(folder.path()), ["sub/a.pcap"]);
    }

    #[test]
    fn a_file_named_outright_needs_no_ending_and_a_dash_is_standard_input() {
        let named = inputs(["-", "no such file", "-"]).expect("nothing is opened yet");
        assert_eq!(named, [Input::Stdin, Input::File(PathBuf::from("no such file")), Input::Stdin]);
    }

    #[test]
    fn a_folder_without_captures_is_an_error() {
        let folder = Folder::new("none");
        fs::create_dir_all(folder.path().join("empty")).expect("a folder");
        folder.write("readme", b"");
        let error = inputs([folder.path()]).expect_err("no captures");
        assert!(matches!(&error, CaptureError::NoCaptures { .. }), "{error}");
        assert!(error.to_string().starts_with(&format!("{} holds no capture", folder.path().display())));
    }
}
