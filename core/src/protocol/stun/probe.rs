//! Is it STUN?

use std::ops::ControlFlow;

use super::message::{self, HEADER, Header, MAGIC_COOKIE};
use crate::bytes::Reader;
use crate::flow::FlowKey;
use crate::protocol::{Opening, Probe};

/// A TURN channel's number and length (RFC 8656 §12.4; numbers above 0x4fff are RFC 5766's).
pub(super) fn channel(reader: &mut Reader<'_>) -> Option<(u16, usize)> {
    let number = reader.u16()?;
    let length = usize::from(reader.u16()?);
    (0x4000..0x8000).contains(&number).then_some((number, length))
}

pub(super) fn datagram(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let mut reader = Reader::new(bytes);
    if let Some(header) = Header::read(&mut reader) {
        if header.cookie == MAGIC_COOKIE {
            let whole = header.length <= reader.remaining();
            return decide(whole || header.method_name().is_some());
        }
        return classic(opening, header, reader);
    }
    let mut reader = Reader::new(bytes);
    match channel(&mut reader) {
        Some((number, length)) if fills(length, reader.remaining()) => channel_again(opening, number),
        _ => Probe::Mismatch,
    }
}

const fn decide(is_stun: bool) -> Probe {
    if is_stun { Probe::Match } else { Probe::Mismatch }
}

/// On UDP the padding may be left out.
fn fills(length: usize, remaining: usize) -> bool {
    length > 0 && (remaining == length || remaining == length.next_multiple_of(4))
}

/// Data on a channel whose binding was not seen: believed when two datagrams of a side name the same channel.
fn channel_again(opening: &Opening<'_>, number: u16) -> Probe {
    let again = opening.previous.is_some_and(|previous| {
        let mut reader = Reader::new(previous.bytes);
        channel(&mut reader).is_some_and(|(before, length)| {
            before == number && fills(length, reader.remaining()) && previous.bytes != opening.newest()
        })
    });
    if again { Probe::Match } else { Probe::NeedMore }
}

/// RFC 3489 had no cookie: the type, the length, and attributes it knew must do. A request without any needs the port or
/// an answer of the same transaction.
fn classic(opening: &Opening<'_>, header: Header, body: Reader<'_>) -> Probe {
    if !matches!(header.kind, 0x0001 | 0x0002 | 0x0101 | 0x0102 | 0x0111 | 0x0112)
        || header.length != body.remaining()
    {
        return Probe::Mismatch;
    }
    if header.length == 0 {
        return if is_empty_request(header) && has_stun_port(opening.flow) {
            Probe::Match
        } else if is_empty_request(header) {
            Probe::NeedMore
        } else {
            Probe::Mismatch
        };
    }
    let mut known = 0;
    let walked = message::attributes(body, |kind, _| match kind {
        1..=0x0b | 0x20 => {
            known += 1;
            ControlFlow::Continue(())
        }
        0x0c..=0x1f | 0x8000.. => ControlFlow::Continue(()),
        // Applications' own (Zoom's 0x0101).
        _ if has_stun_port(opening.flow) => {
            known += 1;
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Break(()),
    });
    decide(walked.is_some() && known > 0)
}

fn is_empty_request(header: Header) -> bool {
    header.kind == 0x0001 && (header.cookie, header.transaction) != (0, [0; 12])
}

const fn has_stun_port(flow: &FlowKey) -> bool {
    flow.has_port(3478) || flow.has_port(3479)
}

/// How messages are told apart on TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// By their own lengths (RFC 8489 §6.2.2).
    Own,
    /// By two octets of length before each, as ICE on TCP does (RFC 6544 §3, RFC 4571).
    Prefixed,
}

impl Framing {
    /// Enough octets to see a cookie at either place.
    pub(super) const NEED: usize = 10;

    /// Where the cookie stands.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let prefixed = Reader::new(bytes.get(6..).unwrap_or_default()).u32();
        if prefixed == Some(MAGIC_COOKIE) { Self::Prefixed } else { Self::Own }
    }
}

pub(super) fn stream(bytes: &[u8]) -> Probe {
    if begins_message(bytes, None) {
        return more_until(bytes, HEADER);
    }
    let mut reader = Reader::new(bytes);
    let Some(length) = reader.u16() else {
        return Probe::NeedMore;
    };
    if begins_message(reader.peek(), Some(length)) {
        return more_until(bytes, 2 + HEADER);
    }
    Probe::Mismatch
}

fn more_until(bytes: &[u8], enough: usize) -> Probe {
    if bytes.len() < enough { Probe::NeedMore } else { Probe::Match }
}

/// Whether these, as far as they go, can be a header with the cookie, of a message that fills the frame.
fn begins_message(bytes: &[u8], frame: Option<u16>) -> bool {
    let mut reader = Reader::new(bytes);
    let Some(kind) = reader.u16() else {
        return bytes.first().is_none_or(|first| first >> 6 == 0);
    };
    if kind >> 14 != 0 {
        return false;
    }
    let Some(length) = reader.u16() else {
        return true;
    };
    if length % 4 != 0 || frame.is_some_and(|frame| usize::from(frame) != usize::from(length) + HEADER) {
        return false;
    }
    let cookie = MAGIC_COOKIE.to_be_bytes();
    reader.peek().iter().zip(cookie).all(|(octet, expected)| *octet == expected)
}
