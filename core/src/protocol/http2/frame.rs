//! Frame headers, RFC 9113 §4.1 and §6.

use crate::bytes::Reader;

/// What a client begins with, RFC 9113 §3.4.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0x0;
pub(super) const HEADERS: u8 = 0x1;
pub(super) const PRIORITY: u8 = 0x2;
pub(super) const RST_STREAM: u8 = 0x3;
pub(super) const SETTINGS: u8 = 0x4;
pub(super) const PUSH_PROMISE: u8 = 0x5;
pub(super) const PING: u8 = 0x6;
pub(super) const GOAWAY: u8 = 0x7;
pub(super) const WINDOW_UPDATE: u8 = 0x8;
pub(super) const CONTINUATION: u8 = 0x9;

pub(super) const END_STREAM: u8 = 0x01;
pub(super) const END_HEADERS: u8 = 0x04;
pub(super) const PADDED: u8 = 0x08;
pub(super) const PRIORITY_FLAG: u8 = 0x20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Frame {
    pub(super) const HEADER_BYTES: usize = 9;

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        Some(Self {
            length: reader.u24()?,
            kind: reader.u8()?,
            flags: reader.u8()?,
            stream: reader.u32()? & 0x7fff_ffff,
        })
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) const fn is_settings(&self) -> bool {
        self.kind == SETTINGS
    }

    /// Whether its length and stream are what its type allows.
    pub(super) const fn is_sane(&self) -> bool {
        let on_stream = self.stream != 0;
        match self.kind {
            DATA | HEADERS | CONTINUATION => on_stream,
            PRIORITY => on_stream && self.length == 5,
            RST_STREAM => on_stream && self.length == 4,
            SETTINGS => !on_stream && self.length.is_multiple_of(6) && (!self.has(0x01) || self.length == 0),
            PUSH_PROMISE => on_stream && self.length >= 4,
            PING => !on_stream && self.length == 8,
            GOAWAY => !on_stream && self.length >= 8,
            WINDOW_UPDATE => self.length == 4,
            // ALTSVC, ORIGIN, PRIORITY_UPDATE; RFC 9113 §5.5 lets others be.
            _ => true,
        }
    }
}
