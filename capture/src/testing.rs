//! Captures written by hand, for the tests.

use std::fs;
use std::path::{Path, PathBuf};

/// Byte order of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    Big,
    Little,
}

pub(crate) const BOTH: [Writer; 2] = [Writer::Big, Writer::Little];

pub(crate) const MICROSECONDS: u32 = 0xa1b2_c3d4;
pub(crate) const NANOSECONDS: u32 = 0xa1b2_3c4d;
pub(crate) const MODIFIED: u32 = 0xa1b2_cd34;

impl Writer {
    pub(crate) fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Big => number.to_be_bytes(),
            Self::Little => number.to_le_bytes(),
        }
    }

    pub(crate) fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Big => number.to_be_bytes(),
            Self::Little => number.to_le_bytes(),
        }
    }

    fn words(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| self.u32(*number)).collect()
    }

    /// A pcap file header: version 2.4, time zone and accuracy 0, snapshot length 64 KiB.
    pub(crate) fn pcap(self, magic: u32, link: u32) -> Vec<u8> {
        let version = [self.u16(2), self.u16(4)].concat();
        [self.u32(magic).to_vec(), version, self.words(&[0, 0, 65_536, link])].concat()
    }

    pub(crate) fn record(self, seconds: u32, fraction: u32, original: u32, frame: &[u8]) -> Vec<u8> {
        let captured = u32::try_from(frame.len()).expect("a short frame");
        [self.words(&[seconds, fraction, captured, original]), frame.to_vec()].concat()
    }

    /// A pcapng block, its body padded and its length written on both sides.
    pub(crate) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let length = self.u32(u32::try_from(padded + 12).expect("a short block"));
        let mut block = [&self.u32(kind), &length, body].concat();
        block.resize(8 + padded, 0);
        block.extend(length);
        block
    }

    pub(crate) fn section(self) -> Vec<u8> {
        let version = [self.u16(1), self.u16(0)].concat();
        // A section of unknown length.
        let body = [self.u32(0x1a2b_3c4d).to_vec(), version, vec![0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    pub(crate) fn interface(self, link: u16, snapshot: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = [self.u16(link), self.u16(0)].concat();
        body.extend(self.u32(snapshot));
        for (code, value) in options {
            body.extend(self.option(*code, value));
        }
        self.block(1, &body)
    }

    pub(crate) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let length = self.u16(u16::try_from(value.len()).expect("a short option"));
        let mut option = [&self.u16(code), &length, value].concat();
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    /// An enhanced packet block with a comment behind the frame.
    pub(crate) fn enhanced(self, interface: u32, ticks: u64, original: u32, frame: &[u8]) -> Vec<u8> {
        let captured = u32::try_from(frame.len()).expect("a short frame");
        let mut body = self.words(&[interface, (ticks >> 32) as u32, ticks as u32, captured, original]);
        body.extend(frame);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.option(1, b"a comment"));
        body.extend(self.option(0, b""));
        self.block(6, &body)
    }

    pub(crate) fn simple(self, original: u32, frame: &[u8]) -> Vec<u8> {
        self.block(3, &[self.u32(original).as_slice(), frame].concat())
    }

    pub(crate) fn obsolete(self, interface: u16, ticks: u64, original: u32, frame: &[u8]) -> Vec<u8> {
        let captured = u32::try_from(frame.len()).expect("a short frame");
        let mut body = [self.u16(interface), self.u16(0xffff)].concat();
        body.extend(self.words(&[(ticks >> 32) as u32, ticks as u32, captured, original]));
        body.extend(frame);
        self.block(2, &body)
    }
}

/// A pcap of `frames` frames of growing length.
pub(crate) fn sample_pcap(frames: u32) -> Vec<u8> {
    let mut bytes = Writer::Little.pcap(MICROSECONDS, 1);
    for number in 0..frames {
        let frame = vec![number as u8; number as usize % 90];
        bytes.extend(Writer::Little.record(1_700_000_000 + number, number, 1500, &frame));
    }
    bytes
}

/// A pcapng with something of everything: two sections in different byte orders, all packet blocks, unknown blocks.
pub(crate) fn sample_pcapng() -> Vec<u8> {
    let mut bytes = Vec::new();
    for writer in BOTH {
        bytes.extend(writer.section());
        bytes.extend(writer.interface(1, 0, &[(2, b"eth0"), (9, &[9]), (0, b"")]));
        bytes.extend(writer.enhanced(0, 1_700_000_000_123_456_789, 60, b"ethernet"));
        bytes.extend(writer.block(4, b"names"));
        bytes.extend(writer.interface(101, 64, &[]));
        bytes.extend(writer.enhanced(1, 1_700_000_000_123_456, 5, b"raw"));
        bytes.extend(writer.block(0xbad, b"custom"));
        bytes.extend(writer.obsolete(1, 1_700_000_001_000_000, 9, b"obsolete."));
        bytes.extend(writer.simple(6, b"simple"));
        bytes.extend(writer.block(5, b"statistics"));
    }
    bytes
}

/// A folder that is gone when the test is.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("weir-capture-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a writable folder for temporary files");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder around it")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
