//! Extensible Messaging and Presence Protocol, RFC 6120, with STARTTLS and SASL.
//!
//! Read by a small scanner of tags and texts that keeps no tree: stream headers, logins, and every text of a stanza. Not
//! read: attributes of stanzas, compressed streams (XEP-0138).

use super::pieces::Pieces;
use super::sasl::{self, Exchange};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::LINE_BYTES;
use crate::packet::Transport;

pub(super) static PROTOCOL: Xmpp = Xmpp;

static TO: Field = Field::hostname("xmpp.to", "to");
static FROM: Field = Field::hostname("xmpp.from", "from");
static NAMESPACE: Field = Field::meta("xmpp.namespace", "namespace");
static FEATURE: Field = Field::meta("xmpp.feature", "features[]");
static MECHANISM: Field = Field::meta("xmpp.mechanism", "mechanism");
static USERNAME: Field = Field::new("xmpp.username", Role::Username);
static PASSWORD: Field = Field::new("xmpp.password", Role::Password);
static CONTENT: Field = Field::new("xmpp.content", Role::Content);
static FIELDS: &[&Field] = &[&TO, &FROM, &NAMESPACE, &FEATURE, &MECHANISM, &USERNAME, &PASSWORD, &CONTENT];

const LOGIN: sasl::Fields = sasl::Fields { username: &USERNAME, password: &PASSWORD };

const STREAMS_NAMESPACE: &[u8] = b"http://etherx.jabber.org/streams";

#[derive(Debug)]
pub(super) struct Xmpp;

impl Protocol for Xmpp {
    fn name(&self) -> &'static str {
        "xmpp"
    }

    fn about(&self) -> &'static str {
        "Extensible Messaging and Presence Protocol, RFC 6120"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[5222, 5269, 5223, 5298]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        // A byte order mark or white space may stand before the first tag.
        FirstByte::OneOf(b"<\xef \t\r\n")
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        match [opening.to_server, opening.to_client].map(probe_side) {
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(XmppParser::default())
    }
}

/// The first tag behind the XML declaration is a stream's, and says so in its namespaces.
fn probe_side(bytes: &[u8]) -> Probe {
    let mut rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if rest.starts_with(b"<?xml") {
        let Some(end) = memchr::memmem::find(rest, b"?>") else {
            return if rest.len() < 256 { Probe::NeedMore } else { Probe::Mismatch };
        };
        rest = rest.get(end + 2..).unwrap_or_default().trim_ascii_start();
    }
    if rest.is_empty() || b"<?xml".starts_with(rest) {
        return Probe::NeedMore;
    }
    let Some(tag) = rest.strip_prefix(b"<") else {
        return Probe::Mismatch;
    };
    let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'>');
    let Some(end) = end else {
        let fits = tag.len() < 32 && tag.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b':');
        return if fits { Probe::NeedMore } else { Probe::Mismatch };
    };
    if local_name(tag.get(..end).unwrap_or_default()) != b"stream" {
        return Probe::Mismatch;
    }
    let behind = tag.get(end..).unwrap_or_default();
    let tag = behind.split(|&byte| byte == b'>').next().unwrap_or_default();
    if memchr::memmem::find(tag, STREAMS_NAMESPACE).is_some() {
        Probe::Match
    } else if tag.len() == behind.len() {
        Probe::NeedMore
    } else {
        Probe::Mismatch
    }
}

fn local_name(name: &[u8]) -> &[u8] {
    name.rsplit(|&byte| byte == b':').next().unwrap_or_default()
}

/// A tag without its angle brackets.
#[derive(Debug, Clone, Copy)]
struct Tag<'a> {
    name: &'a [u8],
    attributes: &'a [u8],
    is_end: bool,
    is_empty: bool,
}

impl<'a> Tag<'a> {
    fn parse(text: &'a [u8]) -> Self {
        let (is_end, text) = text.strip_prefix(b"/").map_or((false, text), |text| (true, text));
        let (is_empty, text) = text.strip_suffix(b"/").map_or((false, text), |text| (true, text));
        let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        let (name, attributes) = text.split_at(end);
        Self { name: local_name(name), attributes, is_end, is_empty }
    }

    fn attribute(&self, wanted: &[u8]) -> Option<&'a [u8]> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_ascii_start();
            let equals = memchr::memchr(b'=', rest)?;
            let name = rest.get(..equals)?.trim_ascii_end();
            let value = rest.get(equals + 1..)?.trim_ascii_start();
            let [quote @ (b'"' | b'\''), value @ ..] = value else {
                return None;
            };
            let end = memchr::memchr(*quote, value)?;
            if name == wanted {
                return value.get(..end);
            }
            rest = value.get(end + 1..)?;
        }
    }
}

/// What the text being read is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Text {
    #[default]
    Content,
    /// A SASL response.
    Response,
    /// jabber:iq:auth (XEP-0078) and jabber:iq:register.
    Username,
    Password,
    /// Of no interest: challenges, digests.
    Ignored,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Tag,
    /// Inside of a tag's quotes.
    Quoted(u8),
}

#[derive(Debug)]
struct Side {
    state: State,
    /// The tag being read, at most [`LINE_BYTES`] of it.
    tag: Vec<u8>,
    /// The text being read, stated whenever it is [`LINE_BYTES`] long.
    text: Vec<u8>,
    kind: Text,
    content: Pieces,
    header_seen: bool,
    /// Open elements inside of the stream.
    depth: u32,
    open: bool,
}

#[derive(Debug)]
struct XmppParser {
    sides: [Side; 2],
    exchange: Option<Exchange>,
}

impl Default for XmppParser {
    fn default() -> Self {
        Self {
            sides: Direction::BOTH.map(|direction| Side {
                state: State::Text,
                tag: Vec::new(),
                text: Vec::new(),
                kind: Text::Content,
                content: Pieces::new(&CONTENT, direction),
                header_seen: false,
                depth: 0,
                open: false,
            }),
            exchange: None,
        }
    }
}

/// What starts behind a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Stream,
    Tls,
    Compressed,
}

impl Parser for XmppParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let Self { sides, exchange } = self;
        let Some(side) = sides.get_mut(chunk.direction.index()) else {
            return Progress::Done;
        };
        for (at, &byte) in chunk.bytes.iter().enumerate() {
            if !side.step(byte) {
                if side.text.len() == LINE_BYTES {
                    side.end_text(exchange, chunk.direction, out);
                }
                continue;
            }
            match side.end_tag(exchange, chunk.direction, out) {
                Next::Stream => {}
                Next::Tls => {
                    return Progress::Become { protocol: "tls", consumed: at + 1 };
                }
                Next::Compressed => {
                    out.unseen(Unseen::Truncated);
                    return Progress::Done;
                }
            }
        }
        Progress::Consumed(chunk.bytes.len())
    }

    fn gap(&mut self, direction: Direction, _: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        if let Some(side) = self.sides.get_mut(direction.index()) {
            side.state = State::Text;
            side.tag.clear();
            side.text.clear();
            side.kind = Text::Content;
            side.content.gap(out);
        }
        Progress::Consumed(0)
    }

    fn undecided(&self, direction: Direction) -> usize {
        let side = self.sides.first().filter(|_| direction == Direction::ToServer);
        side.map_or(0, |side| {
            // White space keeps a connection alive; nothing comes behind it.
            let text = side.text.trim_ascii_start().len();
            side.tag.len() + text + side.content.undecided()
        })
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        for side in &mut self.sides {
            side.end_stanza(out);
        }
    }
}

impl Side {
    /// Takes one byte. Answers whether it ended a tag.
    fn step(&mut self, byte: u8) -> bool {
        const CDATA: &[u8] = b"![CDATA[";
        match (self.state, byte) {
            (State::Text, b'<') => {
                self.state = State::Tag;
                self.tag.clear();
                return false;
            }
            (State::Text, _) => {
                self.text.push(byte);
                return false;
            }
            (State::Tag, b'>') => {
                let is_cdata = self.tag.starts_with(CDATA);
                if !is_cdata || self.tag.ends_with(b"]]") {
                    self.state = State::Text;
                    return true;
                }
            }
            (State::Tag, b'"' | b'\'') if !self.tag.starts_with(b"!") => self.state = State::Quoted(byte),
            (State::Quoted(quote), _) if byte == quote => self.state = State::Tag,
            _ => {}
        }
        if self.tag.len() < LINE_BYTES {
            self.tag.push(byte);
        } else if byte == b']' {
            // Keeps the end of an overlong CDATA section in sight.
            self.tag.rotate_left(1);
            self.tag.truncate(LINE_BYTES - 1);
            self.tag.push(byte);
        }
        false
    }

    fn end_tag(&mut self, exchange: &mut Option<Exchange>, direction: Direction, out: &mut dyn Sink) -> Next {
        let text = std::mem::take(&mut self.tag);
        if let Some(cdata) = text.strip_prefix(b"![CDATA[") {
            let room = LINE_BYTES.saturating_sub(self.text.len() + 1);
            self.text.extend(cdata.iter().take(cdata.len().saturating_sub(2).min(room)));
            return Next::Stream;
        }
        self.end_text(exchange, direction, out);
        // The XML declaration opens nothing.
        if text.starts_with(b"?") || text.starts_with(b"!") {
            return Next::Stream;
        }
        let tag = Tag::parse(&text);
        self.kind = Text::Content;
        if tag.is_end || tag.is_empty {
            match tag.name {
                // Only the server's word counts.
                b"proceed" if direction == Direction::ToClient => return Next::Tls,
                b"compressed" if direction == Direction::ToClient => return Next::Compressed,
                b"message" | b"iq" | b"presence" | b"features" | b"auth" | b"response" | b"authenticate" => {
                    self.end_stanza(out);
                }
                b"success" | b"failure" => *exchange = None,
                _ => {}
            }
        }
        if tag.name != b"stream" && !tag.is_empty {
            self.depth = if tag.is_end { self.depth.saturating_sub(1) } else { self.depth.saturating_add(1) };
            if tag.is_end && self.depth == 0 {
                self.end_stanza(out);
            }
        }
        if !tag.is_end {
            self.start(tag, exchange, direction, out);
        }
        Next::Stream
    }

    fn start(
        &mut self,
        tag: Tag<'_>,
        exchange: &mut Option<Exchange>,
        direction: Direction,
        out: &mut dyn Sink,
    ) {
        match tag.name {
            b"stream" => self.header(tag, direction, out),
            b"starttls" if direction == Direction::ToClient => {
                out.fact(&FEATURE, direction, Value::Text("starttls"));
                self.open = true;
            }
            b"auth" | b"authenticate" => {
                let Some(mechanism) = tag.attribute(b"mechanism") else {
                    return;
                };
                out.fact(&MECHANISM, direction, Value::Bytes(mechanism));
                self.open = true;
                *exchange = Some(Exchange::new(mechanism));
                self.kind = if tag.name == b"auth" { Text::Response } else { Text::Ignored };
            }
            b"response" | b"initial-response" => self.kind = Text::Response,
            b"username" => self.kind = Text::Username,
            b"password" => self.kind = Text::Password,
            b"challenge" | b"success" | b"digest" | b"mechanism" | b"hash" => self.kind = Text::Ignored,
            _ => {}
        }
    }

    fn header(&mut self, tag: Tag<'_>, direction: Direction, out: &mut dyn Sink) {
        if std::mem::replace(&mut self.header_seen, true) {
            return;
        }
        // Only the receiving side gives the stream an id (RFC 6120 §4.7.3).
        let (field, name) = if tag.attribute(b"id").is_some() {
            (&FROM, tag.attribute(b"from"))
        } else {
            (&TO, tag.attribute(b"to"))
        };
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            out.fact(field, direction, Value::Bytes(name));
        }
        if let Some(namespace) = tag.attribute(b"xmlns") {
            out.fact(&NAMESPACE, direction, Value::Bytes(namespace));
        }
        out.end_record();
    }

    fn end_text(&mut self, exchange: &mut Option<Exchange>, direction: Direction, out: &mut dyn Sink) {
        let text = std::mem::take(&mut self.text);
        let text = unescape(text.trim_ascii());
        if text.is_empty() {
            return;
        }
        match self.kind {
            Text::Content => {
                self.content.push(&text, out);
                self.content.push(b"\n", out);
            }
            Text::Response => {
                let is_over =
                    exchange.as_mut().is_some_and(|exchange| exchange.respond(&text, LOGIN, direction, out));
                if is_over {
                    *exchange = None;
                }
            }
            Text::Username => out.fact(&USERNAME, direction, Value::Bytes(&text)),
            Text::Password => out.fact(&PASSWORD, direction, Value::Bytes(&text)),
            Text::Ignored => return,
        }
        self.open = true;
    }

    fn end_stanza(&mut self, out: &mut dyn Sink) {
        self.content.finish(out);
        if std::mem::take(&mut self.open) {
            out.end_record();
        }
    }
}

/// Undoes XML's five entities; others stay as they are.
fn unescape(text: &[u8]) -> Vec<u8> {
    const ENTITIES: [(&[u8], u8); 5] =
        [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&amp;", b'&'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        let entity = ENTITIES.iter().find(|(name, _)| rest.starts_with(name));
        let (byte, behind) = entity
            .map_or((*byte, behind), |(name, byte)| (*byte, rest.get(name.len()..).unwrap_or_default()));
        plain.push(byte);
        rest = behind;
    }
    plain
}

#[cfg(test)]
mod tests;
