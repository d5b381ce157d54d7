//! X Window System protocol, version 11: screens over the network.
//!
//! Read: the connection's set-up with the name of its authorisation. What is drawn is passed over.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::{Field, Opening, Parser, Probe, Protocol, Sink, Value};

/// Byte orders.
const BIG: u8 = b'B';
const LITTLE: u8 = b'l';
const SETUP: u64 = 12;

static AUTHORIZATION: Field = Field::meta("x11.authorization", "authorization");
static VENDOR: Field = Field::meta("x11.vendor", "vendor");

static FIELDS: &[&Field] = &[&AUTHORIZATION, &VENDOR];

pub(super) static PROTOCOL: X11 = X11;

#[derive(Debug)]
pub(super) struct X11;

impl Protocol for X11 {
    fn name(&self) -> &'static str {
        "x11"
    }

    fn about(&self) -> &'static str {
        "X Window System protocol 11, screens over the network"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[6000]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

/// A set-up: order, version 11.0, lengths; or a server's success with the same version.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let fits = match *bytes {
        [LITTLE, 0, 11, 0, 0, 0, name, 0, data, 0, 0, 0, ..]
        | [BIG, 0, 0, 11, 0, 0, 0, name, 0, data, 0, 0, ..] => name <= 64 && data <= 128,
        // Success, 11.0, the length of what follows in words, release number, masks.
        [1, 0, 11, 0, 0, 0, _, _, ..] | [1, 0, 0, 11, 0, 0, _, _, ..] if bytes.len() >= 40 => {
            server_fits(bytes).unwrap_or(false)
        }
        _ => {
            let open = [
                &[LITTLE, 0, 11, 0, 0, 0][..],
                &[BIG, 0, 0, 11, 0, 0],
                &[1, 0, 11, 0, 0, 0],
                &[1, 0, 0, 11, 0, 0],
            ];
            let both = |start: &&[u8]| {
                let both = bytes.len().min(start.len());
                bytes[..both] == start[..both]
            };
            let short = bytes.len() < SETUP as usize || (bytes.first() == Some(&1) && bytes.len() < 40);
            return if short && open.iter().any(both) { Probe::NeedMore } else { Probe::Mismatch };
        }
    };
    if fits { Probe::Match } else { Probe::Mismatch }
}

/// Whether a set-up's answer has at least one screen, and bitmap units of 8, 16 or 32.
fn server_fits(bytes: &[u8]) -> Option<bool> {
    let [roots, formats, image, bitmap, unit, pad] = *bytes.get(28..34)? else {
        return None;
    };
    let unit_fits = |unit| matches!(unit, 8 | 16 | 32);
    Some(roots > 0 && formats > 0 && image <= 1 && bitmap <= 1 && unit_fits(unit) && unit_fits(pad))
}

#[derive(Debug, Default)]
struct Session {
    set_up: [bool; 2],
    big: bool,
}

impl Session {
    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let mut reader = Reader::new(bytes.get(at..)?);
        if self.big { reader.u16() } else { reader.u16_le() }
    }
}

impl Messages for Session {
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
        if self.set_up[direction.index()] {
            return Size::Opaque;
        }
        match *bytes {
            [order @ (BIG | LITTLE), ..] => {
                let read = |at: usize| {
                    let pair = bytes.get(at..at + 2)?;
                    let pair = [pair[0], pair[1]];
                    Some(if order == BIG { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
                };
                match (read(6), read(8)) {
                    (Some(name), Some(data)) => {
                        let padded = |length: u16| u64::from(length).next_multiple_of(4);
                        Size::of(SETUP, padded(name) + padded(data))
                    }
                    _ => Size::Needs(SETUP as usize),
                }
            }
            _ => match self.u16(bytes, 6) {
                Some(words) => Size::of(8, u64::from(words) * 4),
                None => Size::Needs(8),
            },
        }
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        self.set_up[direction.index()] = true;
        match message.first() {
            Some(order @ &(BIG | LITTLE)) => {
                self.big = *order == BIG;
                let length = self.u16(message, 6).unwrap_or(0);
                let name = message.get(12..12 + usize::from(length)).unwrap_or_default();
                let name = if name.is_empty() { b"none" } else { name };
                out.fact(&AUTHORIZATION, direction, Value::Bytes(name));
            }
            Some(1) => {
                let length = self.u16(message, 24).unwrap_or(0);
                if let Some(vendor) = message.get(40..40 + usize::from(length)) {
                    out.fact(&VENDOR, direction, Value::Bytes(vendor));
                }
            }
            _ => {}
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const OPEN: &[u8] = b"l\0\x0b\0\0\0\x12\0\x10\0\0\0MIT-MAGIC-COOKIE-1\0\x000123456789abcdef";

    fn success() -> Vec<u8> {
        let mut answer = vec![1, 0, 11, 0, 0, 0, 9, 0];
        answer.resize(24, 0);
        answer.extend([4, 0, 0xff, 0xff, 1, 7, 0, 0, 32, 32, 8, 255, 0, 0, 0, 0]);
        answer.extend(b"X.Or");
        answer
    }

    #[test]
    fn reads_the_set_up() {
        let tcp = flow(Transport::TCP, 6000);
        let success = success();
        let conversation: &[(Direction, &[u8])] = &[(TO_SERVER, OPEN), (TO_CLIENT, &success)];
        let transcript = feed(&PROTOCOL, &tcp, conversation);
        assert_eq!(transcript.value(&AUTHORIZATION), "MIT-MAGIC-COOKIE-1");
        assert_eq!(transcript.value(&VENDOR), "X.Or");
        keeps_promises(&PROTOCOL, &tcp, conversation);
    }

    #[test]
    fn is_known_by_order_and_version() {
        let odd = flow(Transport::TCP, 4000);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, OPEN), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &success()), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &OPEN[..8]), Probe::NeedMore);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"list all of them\r\n"), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &[1; 64]), Probe::Mismatch);
    }
}
