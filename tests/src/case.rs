//! Captures and what is expected of them: a folder `<protocol>/<case>` with `capture.pcap` or `capture.pcapng` and
//! `expect.toml`. Dropping in a folder adds a case.

use std::fs;
use std::path::{Path, PathBuf};

use weir_capture::{Capture, CaptureError};
use weir_core::engine::Frame;
use weir_core::packet::LinkType;
use weir_core::time::Timestamp;

use crate::expectation::Expectation;

/// One folder.
#[derive(Debug)]
pub struct Case {
    /// `tls/openssl-13`.
    pub name: String,
    pub capture: PathBuf,
    /// Where the expectation stands, for messages.
    pub expect: PathBuf,
}

/// Every case, sorted by name. A folder that lacks one of its files, or has others, fails the test that asks.
pub fn all() -> Vec<Case> {
    let root = crate::captures();
    let mut cases = Vec::new();
    for protocol in folders(&root) {
        for case in folders(&protocol) {
            cases.push(Case::new(&root, &case));
        }
    }
    assert!(!cases.is_empty(), "{} holds no case", root.display());
    cases
}

/// The cases that can be read to their end, with their frames.
pub fn readable() -> Vec<(Case, Recording)> {
    all()
        .into_iter()
        .map(|case| {
            let recording = case.read();
            (case, recording)
        })
        .filter(|(_, recording)| recording.error.is_none())
        .collect()
}

/// The case of that name.
pub fn named(name: &str) -> Recording {
    let root = crate::captures();
    Case::new(&root, &root.join(name)).read()
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_dir() && !path.ends_with("make"))
        .collect();
    found.sort();
    found
}

impl Case {
    fn new(root: &Path, folder: &Path) -> Self {
        let (mut capture, mut expect) = (None, None);
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            match path.file_name().and_then(|name| name.to_str()) {
                Some("capture.pcap" | "capture.pcapng") if capture.is_none() => capture = Some(path),
                Some("expect.toml") => expect = Some(path),
                _ => panic!("{} does not belong into a case", path.display()),
            }
        }
        let name = folder.strip_prefix(root).expect("a folder below the captures");
        Self {
            name: name.display().to_string(),
            capture: capture.unwrap_or_else(|| panic!("{} has no capture", folder.display())),
            expect: expect.unwrap_or_else(|| panic!("{} has no expect.toml", folder.display())),
        }
    }

    pub fn read(&self) -> Recording {
        Recording::read(&self.capture)
    }

    /// What is expected, or why that cannot be told.
    pub fn expectation(&self) -> Result<Expectation, String> {
        let text = fs::read_to_string(&self.expect).map_err(|error| error.to_string())?;
        Expectation::parse(&text)
    }
}

/// The frames of a capture, in memory.
#[derive(Debug, Default)]
pub struct Recording {
    pub frames: Vec<Recorded>,
    /// Why it could not be read to its end.
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Recorded {
    pub at: Timestamp,
    pub link: LinkType,
    pub length: u32,
    pub bytes: Vec<u8>,
}

impl Recording {
    pub fn read(path: &Path) -> Self {
        let mut recording = Self::default();
        if let Err(error) = recording.append(path) {
            recording.error = Some(error.to_string());
        }
        recording
    }

    fn append(&mut self, path: &Path) -> Result<(), CaptureError> {
        Capture::open(path)?.for_each(|frame| {
            self.frames.push(Recorded {
                at: frame.time,
                link: frame.link,
                length: frame.original_length.max(frame.bytes.len() as u32),
                bytes: frame.bytes.to_vec(),
            });
        })
    }
}

impl Recorded {
    /// The frame as the engine takes it, the `number`th.
    pub fn borrow(&self, number: u64) -> Frame<'_> {
        Frame { id: number, number, at: self.at, link: self.link, length: self.length, bytes: &self.bytes }
    }
}
