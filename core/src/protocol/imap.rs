//! Internet Message Access Protocol, RFC 9051 and RFC 3501, with literals (RFC 7888) and SASL-IR (RFC 4959).
//!
//! Read: greeting, commands, logins, results, messages that are appended or fetched. Not read: COMPRESS=DEFLATE
//! (RFC 4978); what follows it is opaque.

use super::line::{self, Line, Lines, Sides};
use super::mail::{self, Message};
use super::pieces::Pieces;
use super::sasl::{self, Exchange};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::LINE_BYTES;
use crate::packet::Transport;

pub(super) static PROTOCOL: Imap = Imap;

static BANNER: Field = Field::meta("imap.banner", "banner");
static CAPABILITY: Field = Field::meta("imap.capability", "");
static TAG: Field = Field::meta("imap.tag", "tag");
static COMMAND: Field = Field::meta("imap.command", "command");
static STATUS: Field = Field::meta("imap.status", "status");
static AUTH_MECHANISM: Field = Field::meta("imap.auth_mechanism", "");
static FROM: Field = Field::meta("imap.email.from", "email.from");
static TO: Field = Field::meta("imap.email.to", "email.to[]");
static SUBJECT: Field = Field::meta("imap.email.subject", "email.subject");
static USERNAME: Field = Field::new("imap.username", Role::Username);
static PASSWORD: Field = Field::new("imap.password", Role::Password);
static CONTENT: Field = Field::new("imap.content", Role::Content);
static FIELDS: &[&Field] = &[
    &BANNER,
    &CAPABILITY,
    &TAG,
    &COMMAND,
    &STATUS,
    &AUTH_MECHANISM,
    &FROM,
    &TO,
    &SUBJECT,
    &USERNAME,
    &PASSWORD,
    &CONTENT,
];

const LOGIN: sasl::Fields = sasl::Fields { username: &USERNAME, password: &PASSWORD };
const MESSAGE: mail::Fields = mail::Fields { from: &FROM, to: &TO, subject: &SUBJECT, content: &CONTENT };

/// Longest literal that may be a user name or a password.
const WORD_BYTES: u64 = 4096;

/// Commands that only IMAP has; a tag in front of them is enough.
const EVIDENT_COMMANDS: &[&[u8]] = &[
    b"CAPABILITY",
    b"STARTTLS",
    b"AUTHENTICATE",
    b"LOGIN",
    b"SELECT",
    b"EXAMINE",
    b"LSUB",
    b"NAMESPACE",
    b"UNSELECT",
];
/// RFC 9051 §6 and common extensions: believed behind a tag with a digit.
const COMMANDS: &[&[u8]] = &[
    b"NOOP",
    b"LOGOUT",
    b"ID",
    b"ENABLE",
    b"CREATE",
    b"DELETE",
    b"RENAME",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"LIST",
    b"STATUS",
    b"APPEND",
    b"IDLE",
    b"CLOSE",
    b"EXPUNGE",
    b"SEARCH",
    b"FETCH",
    b"STORE",
    b"COPY",
    b"MOVE",
    b"UID",
    b"CHECK",
    b"GETQUOTA",
    b"GETQUOTAROOT",
    b"GETACL",
    b"COMPRESS",
];

#[derive(Debug)]
pub(super) struct Imap;

impl Protocol for Imap {
    fn name(&self) -> &'static str {
        "imap"
    }

    fn about(&self) -> &'static str {
        "Internet Message Access Protocol, RFC 9051"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[143, 993]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(b'*', b'z')
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let on_port = opening.flow.has_port(143);
        let sides = [opening.to_server, opening.to_client].map(|bytes| match bytes {
            [] => Probe::NeedMore,
            [b'*', ..] => probe_server(bytes),
            _ => probe_client(bytes, on_port),
        });
        match sides {
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(ImapParser::default())
    }
}

/// An untagged response, RFC 9051 §7.
fn probe_server(bytes: &[u8]) -> Probe {
    let starts: [&[u8]; 5] = [b"* OK ", b"* PREAUTH ", b"* BYE ", b"* CAPABILITY IMAP4", b"* FLAGS ("];
    let Some(line) = line::first_line(bytes) else {
        let fits = starts
            .iter()
            .any(|start| line::could_become(bytes, &[start]) || line::starts_with_ignore_case(bytes, start));
        return if fits && line::is_text(bytes.trim_ascii_end()) { Probe::NeedMore } else { Probe::Mismatch };
    };
    let fits = starts.iter().any(|start| line::starts_with_ignore_case(line, start));
    if fits && line::is_text(line) { Probe::Match } else { Probe::Mismatch }
}

fn probe_client(bytes: &[u8], on_port: bool) -> Probe {
    let line = line::first_line(bytes);
    let (tag, rest) = line::split_word(line.unwrap_or(bytes).trim_ascii_end());
    let (command, argument) = line::split_word(rest);
    let is_tag = (1..=32).contains(&tag.len())
        && tag.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !is_tag || !line::is_text(line.unwrap_or(bytes).trim_ascii_end()) {
        return Probe::Mismatch;
    }
    let has_digit = on_port || tag.iter().any(u8::is_ascii_digit);
    let evident = line::is_one_of(command, EVIDENT_COMMANDS);
    let known = evident || (has_digit && line::is_one_of(command, COMMANDS));
    if line.is_none() {
        let could = line::could_become(command, EVIDENT_COMMANDS) || line::could_become(command, COMMANDS);
        return if known || (could && argument.is_empty()) { Probe::NeedMore } else { Probe::Mismatch };
    }
    if known { Probe::Match } else { Probe::Mismatch }
}

/// Untagged, a continuation, or the status of a tagged command.
fn looks_like_response(text: &[u8]) -> bool {
    let (tag, rest) = line::split_word(text);
    let (status, _) = line::split_word(rest);
    tag == b"*" || tag == b"+" || line::is_one_of(status, &[b"OK", b"NO", b"BAD"])
}

/// What the next bytes of one side are, apart from lines.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Literal {
    #[default]
    None,
    /// A user name, a password, a mailbox name.
    Word(u64),
    /// A message on its way to the server.
    Message(u64),
    /// Something on its way to the client, or too long for a word.
    Other(u64),
}

#[derive(Debug, Default)]
struct ImapParser {
    lines: [Lines; 2],
    sides: Sides,
    literals: [Literal; 2],
    /// The words of the command being read; literals are words too.
    words: Vec<Vec<u8>>,
    /// Bytes in `words`.
    words_bytes: usize,
    /// Bytes of the last literal among `words`. What stands before it must be let go, or the server never asks for it.
    held: usize,
    message: Option<Box<Message>>,
    fetched: Option<Box<Pieces>>,
    exchange: Option<Exchange>,
    /// The tag of STARTTLS or COMPRESS, until it is answered.
    upgrade: Option<(Vec<u8>, Upgrade)>,
    greeted: bool,
    open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upgrade {
    Tls,
    Compress,
}

impl Parser for ImapParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        let mut rest = chunk.bytes;
        loop {
            if !self.literal(&mut rest, direction, out) {
                break;
            }
            let Some(line) = self.lines.get_mut(direction.index()).and_then(|lines| lines.next(&mut rest))
            else {
                break;
            };
            let is_reply = self.sides.is_reply(direction, looks_like_response(line.text));
            if !is_reply {
                self.client_line(line, direction, out);
                continue;
            }
            match self.server_line(line, direction, out) {
                None => {}
                Some(Upgrade::Tls) => {
                    return Progress::Become { protocol: "tls", consumed: chunk.bytes.len() - rest.len() };
                }
                Some(Upgrade::Compress) => {
                    out.unseen(Unseen::Truncated);
                    return Progress::Done;
                }
            }
        }
        Progress::Consumed(chunk.bytes.len() - rest.len())
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        let (Some(literal), Some(lines)) =
            (self.literals.get_mut(direction.index()), self.lines.get_mut(direction.index()))
        else {
            return Progress::Done;
        };
        match literal {
            Literal::Message(left) | Literal::Other(left) if *left > missing => *left -= missing,
            _ => {
                *literal = Literal::None;
                lines.lose();
            }
        }
        Progress::Consumed(0)
    }

    fn undecided(&self, direction: Direction) -> usize {
        let message = self.message.as_ref().map_or(0, |message| message.undecided());
        if self.sides.is_client(direction) { self.held + message } else { 0 }
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        self.end_content(out);
        self.end_record(out);
    }
}

impl ImapParser {
    fn end_record(&mut self, out: &mut dyn Sink) {
        if std::mem::take(&mut self.open) {
            out.end_record();
        }
    }

    fn end_content(&mut self, out: &mut dyn Sink) {
        if let Some(mut message) = self.message.take() {
            message.finish(out);
            self.open = true;
        }
        if let Some(mut fetched) = self.fetched.take() {
            fetched.finish(out);
            self.open = true;
        }
    }

    /// Reads on in a literal. Answers whether a line comes next.
    fn literal(&mut self, rest: &mut &[u8], direction: Direction, out: &mut dyn Sink) -> bool {
        let side = direction.index();
        let literal = self.literals.get(side).copied().unwrap_or_default();
        let (Literal::Word(left) | Literal::Message(left) | Literal::Other(left)) = literal else {
            return true;
        };
        let window = usize::try_from(left).map_or(*rest, |left| rest.get(..left).unwrap_or(rest));
        let is_complete = window.len() as u64 == left;
        let read = match literal {
            Literal::Word(_) => {
                self.add_to_word(window);
                window.len()
            }
            Literal::Message(_) => self.message_bytes(window, is_complete, direction, out),
            _ => {
                if let Some(fetched) = &mut self.fetched {
                    fetched.push(window, out);
                }
                window.len()
            }
        };
        *rest = rest.get(read..).unwrap_or_default();
        let left = left.saturating_sub(read as u64);
        if let Some(slot) = self.literals.get_mut(side) {
            *slot = match literal {
                _ if is_complete => Literal::None,
                Literal::Word(_) => Literal::Word(left),
                Literal::Message(_) => Literal::Message(left),
                _ => Literal::Other(left),
            };
        }
        if is_complete && matches!(literal, Literal::Message(_)) {
            self.end_content(out);
        }
        is_complete
    }

    fn message_bytes(
        &mut self,
        window: &[u8],
        is_complete: bool,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> usize {
        let mut body = window;
        let Some(lines) = self.lines.get_mut(direction.index()) else {
            return window.len();
        };
        let message = self.message.get_or_insert_with(|| Box::new(Message::new(MESSAGE, direction)));
        while let Some(line) = lines.next(&mut body) {
            message.line(line, out);
        }
        if is_complete && let Some(line) = lines.last(&mut body) {
            message.line(line, out);
        }
        window.len() - body.len()
    }

    fn client_line(&mut self, line: Line<'_>, direction: Direction, out: &mut dyn Sink) {
        if let Some(exchange) = &mut self.exchange {
            if exchange.respond(line.text.trim_ascii(), LOGIN, direction, out) {
                self.exchange = None;
            }
            self.open = true;
            return;
        }
        let (text, literal) = literal_marker(line.text);
        self.held = 0;
        self.add_words(text);
        let Some(size) = literal else {
            let words = std::mem::take(&mut self.words);
            self.words_bytes = 0;
            if line.ends {
                self.command(&words, direction, out);
            }
            return;
        };
        let is_append = self
            .words
            .get(1)
            .is_some_and(|word| line::is_one_of(word, &[b"APPEND", b"REPLACE"]) && self.words.len() > 2);
        let literal = if is_append {
            self.open = true;
            Literal::Message(size)
        } else if size <= WORD_BYTES {
            self.words.push(Vec::new());
            Literal::Word(size)
        } else {
            Literal::Other(size)
        };
        if let Some(slot) = self.literals.get_mut(direction.index()) {
            *slot = literal;
        }
    }

    /// Cuts a line into atoms and quoted strings (RFC 9051 §4).
    fn add_words(&mut self, mut text: &[u8]) {
        loop {
            text = text.trim_ascii_start();
            let mut word = Vec::new();
            match text {
                [] => return,
                [b'"', quoted @ ..] => {
                    let mut bytes = quoted.iter();
                    while let Some(&byte) = bytes.next() {
                        match byte {
                            b'"' => break,
                            b'\\' => word.extend(bytes.next()),
                            _ => word.push(byte),
                        }
                    }
                    text = bytes.as_slice();
                }
                _ => {
                    let (atom, behind) = line::split_word(text);
                    word.extend_from_slice(atom);
                    text = behind;
                }
            }
            if self.words_bytes + word.len() > LINE_BYTES || self.words.len() > 256 {
                return;
            }
            self.words_bytes += word.len();
            self.words.push(word);
        }
    }

    fn add_to_word(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES.saturating_sub(self.words_bytes);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        self.words_bytes += bytes.len();
        self.held += bytes.len();
        if let Some(word) = self.words.last_mut() {
            word.extend_from_slice(bytes);
        }
    }

    fn command(&mut self, words: &[Vec<u8>], direction: Direction, out: &mut dyn Sink) {
        let [tag, command, arguments @ ..] = words else {
            return;
        };
        if !command.iter().all(u8::is_ascii_alphanumeric) {
            return;
        }
        out.fact(&TAG, direction, Value::Bytes(tag));
        out.fact(&COMMAND, direction, Value::Bytes(command));
        self.open = true;
        let is = |name: &[u8]| command.eq_ignore_ascii_case(name);
        match arguments {
            [username, password] if is(b"LOGIN") => {
                out.fact(&USERNAME, direction, Value::Bytes(username));
                out.fact(&PASSWORD, direction, Value::Bytes(password));
            }
            [mechanism, initial @ ..] if is(b"AUTHENTICATE") => {
                out.fact(&AUTH_MECHANISM, direction, Value::Bytes(mechanism));
                let mut exchange = Exchange::new(mechanism);
                let initial = initial.first();
                let is_over =
                    initial.is_some_and(|response| exchange.respond(response, LOGIN, direction, out));
                self.exchange = (!is_over).then_some(exchange);
            }
            _ if is(b"STARTTLS") => self.upgrade = Some((tag.clone(), Upgrade::Tls)),
            _ if is(b"COMPRESS") => self.upgrade = Some((tag.clone(), Upgrade::Compress)),
            [] => {}
            _ if is(b"LOGIN") => {}
            _ => out.fact(&CONTENT, direction, Value::Bytes(&arguments.join(&b' '))),
        }
    }

    /// Answers what starts behind this line, if anything does.
    fn server_line(&mut self, line: Line<'_>, direction: Direction, out: &mut dyn Sink) -> Option<Upgrade> {
        let (text, literal) = literal_marker(line.text);
        if let Some(size) = literal {
            self.fetched.get_or_insert_with(|| Box::new(Pieces::new(&CONTENT, direction)));
            if let Some(slot) = self.literals.get_mut(direction.index()) {
                *slot = Literal::Other(size);
            }
            return None;
        }
        if !line.is_whole() || text.starts_with(b"+") {
            return None;
        }
        let (tag, rest) = line::split_word(text);
        let (status, said) = line::split_word(rest);
        self.capabilities(status, said, rest, direction, out);
        let is_status = line::is_one_of(status, &[b"OK", b"NO", b"BAD", b"PREAUTH", b"BYE"]);
        if tag == b"*" {
            if is_status && !std::mem::replace(&mut self.greeted, true) {
                out.fact(&BANNER, direction, Value::Bytes(said));
                out.end_record();
            }
            return None;
        }
        if !is_status {
            return None;
        }
        self.greeted = true;
        self.exchange = None;
        // A refused command's literal never comes (RFC 9051 §4.3).
        if !status.eq_ignore_ascii_case(b"OK") {
            self.words.clear();
            self.words_bytes = 0;
            self.held = 0;
            self.literals = [Literal::None; 2];
        }
        self.end_content(out);
        out.fact(&STATUS, direction, Value::Bytes(status));
        out.end_record();
        self.open = false;
        let (_, upgrade) = self.upgrade.take_if(|(asked, _)| asked == tag)?;
        status.eq_ignore_ascii_case(b"OK").then_some(upgrade)
    }

    /// `* CAPABILITY IMAP4rev1 …`, or `[CAPABILITY …]` in another response.
    fn capabilities(
        &mut self,
        status: &[u8],
        said: &[u8],
        rest: &[u8],
        direction: Direction,
        out: &mut dyn Sink,
    ) {
        let code = b"[CAPABILITY ";
        let list = if status.eq_ignore_ascii_case(b"CAPABILITY") {
            said
        } else if let Some(at) = rest.windows(code.len()).position(|window| window.eq_ignore_ascii_case(code))
        {
            let behind = rest.get(at + code.len()..).unwrap_or_default();
            behind.split(|&byte| byte == b']').next().unwrap_or_default()
        } else {
            return;
        };
        out.fact(&CAPABILITY, direction, Value::Bytes(list));
        self.open = true;
    }
}

/// Cuts `{n}`, `{n+}` or `~{n}` off the end of a line.
fn literal_marker(text: &[u8]) -> (&[u8], Option<u64>) {
    let Some(open) = memchr::memrchr(b'{', text).filter(|_| text.ends_with(b"}")) else {
        return (text, None);
    };
    let digits = text.get(open + 1..text.len() - 1).unwrap_or_default();
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    match line::decimal(digits) {
        Some(size) => {
            let before = text.get(..open).unwrap_or_default();
            (before.strip_suffix(b"~").unwrap_or(before), Some(size.into()))
        }
        None => (text, None),
    }
}

#[cfg(test)]
mod tests;
