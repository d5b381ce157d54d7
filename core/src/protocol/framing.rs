//! Streams of length-prefixed messages: what dissectors of binary protocols have in common.
//!
//! A dissector says how long a message is ([`Messages::size`]) and reads one complete message ([`Messages::message`]);
//! waiting, skipping what is too long to keep, and holes in the stream are dealt with here once.

use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::{LINE_BYTES, MESSAGE_BYTES};
use crate::protocol::{Parser, Progress, Sink, Unseen};

/// What the first bytes of a message say of its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// The length is not known before there are this many bytes.
    Needs(usize),
    /// The whole message, header included.
    Is(u64),
    /// No message begins like this.
    Broken(&'static str),
    /// Nothing more can be told apart in this direction, whatever its bytes: they are passed over.
    Opaque,
    /// No message: the stream turns into something else right here.
    Turns(After),
}

impl Size {
    /// A header of `header` bytes in front of `body` bytes.
    pub(super) fn of(header: u64, body: impl Into<u64>) -> Self {
        Self::Is(header.saturating_add(body.into()))
    }
}

impl Size {
    /// A line with its end, and `more` bytes behind it that the line itself announces.
    pub(super) fn line(bytes: &[u8], more: impl FnOnce(&[u8]) -> u64) -> Self {
        match memchr::memchr(b'\n', bytes) {
            Some(end) => {
                let line = bytes.get(..end).unwrap_or_default();
                Self::of(end as u64 + 1, more(line.strip_suffix(b"\r").unwrap_or(line)))
            }
            None if bytes.len() < LINE_BYTES => Self::Needs(bytes.len() + 1),
            None => Self::Broken("a line without an end"),
        }
    }
}

/// How the stream goes on behind a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Next,
    Done,
    /// It is the other protocol from here on.
    Become(&'static str),
    /// It goes on inside the other protocol.
    Secured(&'static str),
    Carries,
    Broken(&'static str),
}

/// One protocol's messages, and what must be remembered between them.
pub(super) trait Messages: std::fmt::Debug + Default + Send {
    /// How long the message is that starts with `bytes` (at least one).
    fn size(&self, direction: Direction, bytes: &[u8]) -> Size;

    /// Reads a message: all of it, or its first [`MESSAGE_BYTES`].
    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After;

    /// Reads a datagram, for protocols that also run on datagrams.
    fn datagram(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> After {
        self.message(direction, datagram, out)
    }
}

/// A parser made of [`Messages`].
#[derive(Debug, Default)]
pub(super) struct Framed<M> {
    messages: M,
    /// Bytes that belong to a message already read.
    skip: [u64; 2],
}

impl<M: Messages> Parser for Framed<M> {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        if flow.transport != crate::packet::Transport::TCP {
            let consumed = chunk.bytes.len();
            return match self.messages.datagram(chunk.direction, chunk.bytes, out) {
                After::Next => Progress::Consumed(consumed),
                after => end(after, 0, consumed),
            };
        }
        let mut at = 0;
        loop {
            at += self.skipped(chunk.direction, chunk.bytes.len() - at);
            let rest = chunk.bytes.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Progress::Consumed(at);
            }
            let (total, seen) = match self.messages.size(chunk.direction, rest) {
                Size::Is(total) if total > 0 => {
                    let seen = usize::try_from(total).map_or(MESSAGE_BYTES, |total| total.min(MESSAGE_BYTES));
                    (total, seen)
                }
                Size::Needs(need) => {
                    return Progress::NeedMore { consumed: at, need: need.max(rest.len() + 1) };
                }
                Size::Is(_) => return end(After::Broken("a message without bytes"), at, at),
                Size::Broken(what) => return end(After::Broken(what), at, at),
                Size::Turns(after) => return end(after, at, at),
                Size::Opaque => return Progress::Consumed(chunk.bytes.len()),
            };
            let Some(message) = rest.get(..seen) else {
                return Progress::NeedMore { consumed: at, need: seen };
            };
            let after = self.messages.message(chunk.direction, message, out);
            let start = at;
            at += seen;
            let unread = total - seen as u64;
            if unread > 0 {
                out.unseen(Unseen::Truncated);
                self.skip[chunk.direction.index()] = unread;
            }
            if after != After::Next {
                return end(after, start, at);
            }
        }
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        let skip = &mut self.skip[direction.index()];
        if *skip < missing && self.messages.size(direction, &[0; 16]) != Size::Opaque {
            return Progress::Done;
        }
        *skip = skip.saturating_sub(missing);
        Progress::Consumed(0)
    }
}

/// A protocol whose every datagram stands for itself.
pub(super) trait Datagram: std::fmt::Debug + Default + Send {
    /// Reads one datagram. `None` is the place where it stops making sense; what was stated stays.
    fn read(&mut self, direction: Direction, datagram: &[u8], out: &mut dyn Sink) -> Option<()>;
}

/// A parser made of [`Datagram`].
#[derive(Debug, Default)]
pub(super) struct Datagrams<D>(D);

impl<D: Datagram> Parser for Datagrams<D> {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        self.0.read(chunk.direction, chunk.bytes, out);
        out.end_record();
        Progress::Consumed(chunk.bytes.len())
    }
}

impl<M> Framed<M> {
    /// How many of `there` bytes belong to a message already read.
    fn skipped(&mut self, direction: Direction, there: usize) -> usize {
        let skip = &mut self.skip[direction.index()];
        let step = usize::try_from(*skip).map_or(there, |skip| skip.min(there));
        *skip -= step as u64;
        step
    }
}

fn end(after: After, start: usize, consumed: usize) -> Progress {
    match after {
        After::Next => Progress::Consumed(consumed),
        After::Done => Progress::Done,
        After::Become(protocol) => Progress::Become { protocol, consumed },
        After::Secured(protocol) => Progress::Secured { protocol, consumed },
        After::Carries => Progress::Carries { consumed },
        After::Broken(what) => Progress::Malformed { what, at: start },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Transport;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, flow};
    use crate::protocol::{Field, Value};

    #[derive(Debug, Default)]
    struct Letters(Vec<usize>);

    impl Messages for Letters {
        fn size(&self, direction: Direction, bytes: &[u8]) -> Size {
            match *bytes {
                _ if direction == TO_CLIENT => Size::Opaque,
                [b'!', ..] => Size::Broken("shouting"),
                [high, low, ..] => Size::of(2, u64::from(u16::from_be_bytes([high, low])) * 16),
                _ => Size::Needs(2),
            }
        }

        fn message(&mut self, _: Direction, message: &[u8], _: &mut dyn Sink) -> After {
            self.0.push(message.len());
            After::Next
        }
    }

    struct Deaf;

    impl Sink for Deaf {
        fn fact(&mut self, _: &'static Field, _: Direction, _: Value<'_>) {}
        fn end_record(&mut self) {}
        fn refine(&mut self, _: &'static str) {}
        fn inner(&mut self, _: &'static str) {}
        fn expect(&mut self, _: Transport, _: crate::packet::Endpoint, _: &'static str) {}
        fn unseen(&mut self, _: Unseen) {}
    }

    fn feed(parser: &mut Framed<Letters>, direction: Direction, bytes: &[u8]) -> Progress {
        parser.feed(&flow(Transport::TCP, 1), Chunk { direction, bytes }, &mut Deaf)
    }

    #[test]
    fn waits_for_the_header_and_then_for_the_message() {
        let mut parser = Framed::<Letters>::default();
        let needs = |consumed, need| Progress::NeedMore { consumed, need };
        assert_eq!(feed(&mut parser, TO_SERVER, &[0]), needs(0, 2));
        assert_eq!(feed(&mut parser, TO_SERVER, &[0, 0, 0, 1, 7]), needs(2, 18));
        assert_eq!(parser.messages.0, [2]);
    }

    #[test]
    fn counts_past_what_is_too_long_to_keep() {
        let mut parser = Framed::<Letters>::default();
        let mut bytes = vec![0xff; MESSAGE_BYTES];
        assert_eq!(feed(&mut parser, TO_SERVER, &bytes), Progress::Consumed(MESSAGE_BYTES));
        let left = 2 + 0xffff * 16 - MESSAGE_BYTES;
        bytes.resize(left, 0xff);
        assert_eq!(feed(&mut parser, TO_SERVER, &bytes), Progress::Consumed(left));
        assert_eq!(feed(&mut parser, TO_SERVER, &[0, 0]), Progress::Consumed(2));
        assert_eq!(parser.messages.0, [MESSAGE_BYTES, 2]);
    }

    #[test]
    fn a_hole_inside_a_skipped_message_is_survived() {
        let mut parser = Framed::<Letters>::default();
        feed(&mut parser, TO_SERVER, &vec![0xff; MESSAGE_BYTES]);
        assert_eq!(parser.gap(TO_SERVER, 1000, &mut Deaf), Progress::Consumed(0));
        assert_eq!(parser.gap(TO_SERVER, 10_000_000, &mut Deaf), Progress::Done);
        assert_eq!(parser.gap(TO_CLIENT, 1000, &mut Deaf), Progress::Consumed(0));
    }

    #[test]
    fn says_where_a_message_is_broken() {
        let mut parser = Framed::<Letters>::default();
        assert_eq!(feed(&mut parser, TO_SERVER, b"\0\0!"), Progress::Malformed { what: "shouting", at: 2 });
    }
}
