//! The peer protocol on TCP (BEP 3): a handshake, then messages behind their lengths.
//!
//! Of the messages only the extension handshake (BEP 10) is read, which names the program; pieces are counted over.

use super::bencode::Dictionary;
use super::{CLIENT, INFO_HASH, KIND, PEER_ID, state_hash};
use crate::bytes::Reader;
use crate::flow::Direction;
use crate::limits::PENDING_BYTES;
use crate::protocol::{Progress, Sink, Value};

pub(super) const PROTOCOL_NAME: &[u8] = b"\x13BitTorrent protocol";
/// Name, eight reserved octets, torrent and peer.
const HANDSHAKE: usize = 68;
/// Larger than any message: pieces have 16 KiB, bit fields at most a bit per piece.
const MAX_MESSAGE: u32 = 1 << 24;

/// One side of a connection between peers.
#[derive(Debug, Default)]
pub(super) struct Side {
    is_open: bool,
    /// Octets of the current message that need not be looked at.
    skip: u64,
}

impl Side {
    pub(super) fn feed(&mut self, bytes: &[u8], direction: Direction, out: &mut dyn Sink) -> Progress {
        let mut reader = Reader::new(bytes);
        if !self.is_open {
            if bytes.len() < HANDSHAKE {
                return Progress::NeedMore { consumed: 0, need: HANDSHAKE };
            }
            if handshake(&mut reader, direction, out).is_none() {
                return Progress::Malformed {
                    what: "a peer does not begin with BitTorrent's handshake",
                    at: 0,
                };
            }
            self.is_open = true;
        }
        loop {
            let skipped =
                usize::try_from(self.skip).map_or(reader.remaining(), |skip| skip.min(reader.remaining()));
            let _ = reader.skip(skipped);
            self.skip -= skipped as u64;
            let consumed = reader.offset();
            if self.skip > 0 {
                return Progress::Consumed(consumed);
            }
            match self.message(&mut reader, direction, out) {
                Ok(()) => {}
                Err(Stop::NeedMore(need)) => return Progress::NeedMore { consumed, need },
                Err(Stop::TooLong) => {
                    return Progress::Malformed {
                        what: "a message longer than any peer sends",
                        at: consumed,
                    };
                }
            }
        }
    }

    fn message(
        &mut self,
        reader: &mut Reader<'_>,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> Result<(), Stop> {
        const EXTENDED: u8 = 20;
        let mut ahead = *reader;
        let length = ahead.u32().ok_or(Stop::NeedMore(4))?;
        if length > MAX_MESSAGE {
            return Err(Stop::TooLong);
        }
        let octets = length as usize;
        let kind = match ahead.peek().first() {
            Some(kind) if length > 0 => *kind,
            None if length > 0 => return Err(Stop::NeedMore(5)),
            _ => 0,
        };
        if kind == EXTENDED && octets + 4 <= PENDING_BYTES {
            let message = ahead.take(octets).ok_or(Stop::NeedMore(octets + 4))?;
            extended(message, direction, out);
        } else {
            self.skip = length.into();
        }
        *reader = ahead;
        Ok(())
    }

    /// Bytes were lost. Inside a piece that is no harm.
    pub(super) fn gap(&mut self, missing: u64) -> Option<()> {
        self.skip = self.skip.checked_sub(missing).filter(|_| self.is_open)?;
        Some(())
    }
}

enum Stop {
    NeedMore(usize),
    TooLong,
}

/// States what a handshake names; `None` if it is none.
pub(super) fn handshake(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    if reader.take(PROTOCOL_NAME.len())? != PROTOCOL_NAME {
        return None;
    }
    reader.skip(8)?;
    let info_hash = reader.take(20)?;
    let peer_id = reader.take(20)?;
    out.fact(&KIND, direction, Value::Text("handshake"));
    state_hash(&INFO_HASH, info_hash, direction, out);
    out.fact(&PEER_ID, direction, Value::Bytes(peer_id));
    out.end_record();
    Some(())
}

/// Message 20 with number 0 is a dictionary with the program's name under `v`.
fn extended(message: &[u8], direction: Direction, out: &mut dyn Sink) {
    let Some(dictionary) = message.strip_prefix(&[20, 0]).and_then(Dictionary::read) else {
        return;
    };
    if let Some(client) = dictionary.string(b"v") {
        out.fact(&KIND, direction, Value::Text("extended"));
        out.fact(&CLIENT, direction, Value::Bytes(client));
        out.end_record();
    }
}
