//! Whether a stream begins like TLS.
//!
//! A hello is evidence enough at its twelfth byte. A capture may also begin in the middle of a conversation, where
//! records are all there is to see: then two headers have to agree with each other, or a record with the end of the
//! bytes.

use super::{
    HEADER, LONGEST, client_hello, content_type, flaw, message, record_length, ssl2_server_certificate,
};
use crate::bytes::Reader;
use crate::limits;
use crate::protocol::Probe;

/// What stands in the records of a stream so far.
#[derive(Default)]
struct Records {
    /// Records that are complete.
    complete: usize,
    /// Handshake content, at most the first bytes, across records.
    handshake: [u8; 6],
    gathered: usize,
    /// Content of the first handshake record.
    first_handshake: usize,
}

pub(super) fn probe(stream: &[u8]) -> Probe {
    match stream {
        [] => Probe::NeedMore,
        [0x80..=0xff, ..] => probe_ssl2(stream),
        _ => probe_records(stream),
    }
}

fn probe_records(stream: &[u8]) -> Probe {
    let mut reader = Reader::new(stream);
    let mut records = Records::default();
    while !reader.is_empty() {
        let Some(header) = reader.array::<HEADER>() else {
            return partial_header(reader.peek());
        };
        let length = record_length(&header);
        // 0x99 is the most that tricksters write, and lenient servers accept.
        if flaw(&header).is_some() || header[2] > 0x99 || header[0] == content_type::HEARTBEAT {
            return Probe::Mismatch;
        }
        let content = reader.take(length.min(reader.remaining())).unwrap_or_default();
        match header[0] {
            content_type::CHANGE_CIPHER_SPEC if !matches!((length, content), (1, [] | [1])) => {
                return Probe::Mismatch;
            }
            content_type::ALERT if records.complete == 0 && !(2..=64).contains(&length) => {
                return Probe::Mismatch;
            }
            content_type::HANDSHAKE => {
                if records.first_handshake == 0 {
                    records.first_handshake = length;
                }
                records.gather(content);
                if let Some(answer) = records.hello() {
                    return answer;
                }
            }
            _ => {}
        }
        if content.len() < length {
            return incomplete(stream, &header, &records);
        }
        records.complete += 1;
        if records.complete >= 3 {
            return Probe::Match;
        }
    }
    at_the_end_of_a_record(stream, &records)
}

/// The stream ends inside a header.
const fn partial_header(header: &[u8]) -> Probe {
    match *header {
        [kind] if is_type(kind) => Probe::NeedMore,
        [kind, 3, ..] if is_type(kind) => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

const fn is_type(byte: u8) -> bool {
    matches!(byte, content_type::CHANGE_CIPHER_SPEC..=content_type::APPLICATION_DATA)
}

/// The last record is not all there.
fn incomplete(stream: &[u8], header: &[u8; HEADER], records: &Records) -> Probe {
    let is_usual = matches!(header[2], 0..=4);
    // A second header behind a whole record is evidence already.
    if records.complete > 0 && is_usual {
        return Probe::Match;
    }
    // A record may be longer than what is kept for probing; then its header has to do.
    let is_full = stream.len() >= limits::PROBE_BYTES;
    match (is_full, header[0]) {
        (false, _) => Probe::NeedMore,
        (true, content_type::APPLICATION_DATA)
            if matches!(header[2], 1..=3) && record_length(header) <= LONGEST =>
        {
            Probe::Match
        }
        (true, _) => Probe::Mismatch,
    }
}

/// All bytes so far are whole records.
const fn at_the_end_of_a_record(stream: &[u8], records: &Records) -> Probe {
    match (stream, records.complete) {
        ([], _) | (_, 0) => Probe::NeedMore,
        // One record, with a usual version, and it ends where the bytes end.
        ([_, 3, 0..=4, ..], _) => Probe::Match,
        _ => Probe::NeedMore,
    }
}

impl Records {
    fn gather(&mut self, content: &[u8]) {
        let room = self.handshake.get_mut(self.gathered..).unwrap_or_default();
        let count = room.len().min(content.len());
        for (place, byte) in room.iter_mut().zip(content) {
            *place = *byte;
        }
        self.gathered += count;
    }

    /// An answer, as soon as the first handshake message begins like a hello.
    fn hello(&self) -> Option<Probe> {
        if self.gathered < self.handshake.len() {
            return None;
        }
        let [kind, a, b, c, major, _] = self.handshake;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        // A draft's ServerHello says 0x7fxx.
        let is_version = major == 3 || (major == 0x7f && kind == message::SERVER_HELLO);
        match kind {
            // A ClientHello stands alone, so that its record cannot be longer.
            message::CLIENT_HELLO
                if is_version
                    && (38..limits::HANDSHAKE_BYTES * 2).contains(&length)
                    && length + 4 >= self.first_handshake =>
            {
                Some(Probe::Match)
            }
            message::SERVER_HELLO if is_version && (36..=LONGEST).contains(&length) => Some(Probe::Match),
            // The others, where a capture begins late: one message fills the record.
            kind if message::is_known(kind) && length + 4 == self.first_handshake && self.complete == 0 => {
                Some(Probe::Match)
            }
            _ => None,
        }
    }
}

fn probe_ssl2(stream: &[u8]) -> Probe {
    let Some((header, rest)) = stream.split_first_chunk::<2>() else {
        return Probe::NeedMore;
    };
    let length = usize::from(u16::from_be_bytes(*header) & 0x7fff);
    match *rest {
        [] => return Probe::NeedMore,
        [1] | [4] => {}
        [1, 0 | 3, ..] | [4, 0 | 1, ..] => {}
        _ => return Probe::Mismatch,
    }
    if !(25..limits::PROBE_BYTES - 2).contains(&length) {
        return Probe::Mismatch;
    }
    let Some(message) = rest.get(..length) else {
        return Probe::NeedMore;
    };
    if client_hello::parse_ssl2(message).is_some() || ssl2_server_certificate(message).is_some() {
        Probe::Match
    } else {
        Probe::Mismatch
    }
}
