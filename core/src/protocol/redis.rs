//! Redis' serialization protocol RESP2 and RESP3 (<https://redis.io/docs/latest/develop/reference/protocol-spec/>), with inline
//! commands.
//!
//! Read: commands, logins (AUTH, HELLO), every argument and every string of a reply. Not read: nothing follows a reply's
//! nesting; its strings are read one after another.

use super::line::{self, Lines};
use super::pieces::Pieces;
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

pub(super) static PROTOCOL: Redis = Redis;

static COMMAND: Field = Field::meta("redis.command", "command");
static ERROR: Field = Field::meta("redis.error", "error");
static USERNAME: Field = Field::new("redis.username", Role::Username);
static PASSWORD: Field = Field::new("redis.password", Role::Password);
static CONTENT: Field = Field::new("redis.content", Role::Content);
static FIELDS: &[&Field] = &[&COMMAND, &ERROR, &USERNAME, &PASSWORD, &CONTENT];

/// Arguments that may be a user name or a password, and how much of them is kept.
const KEPT_ARGUMENTS: usize = 6;
const ARGUMENT_BYTES: usize = 512;

/// Inline commands that a session may begin with.
const INLINE_COMMANDS: &[&[u8]] =
    &[b"PING", b"INFO", b"AUTH", b"SELECT", b"QUIT", b"HELLO", b"COMMAND", b"GET", b"SET", b"KEYS"];
/// Replies that only Redis gives.
const EVIDENT_REPLIES: &[&[u8]] = &[
    b"+PONG\r\n",
    b"-NOAUTH ",
    b"-WRONGPASS ",
    b"-DENIED Redis",
    b"-ERR unknown command",
    b"-ERR Client sent AUTH",
    b"-WRONGTYPE ",
    b"-LOADING ",
    b"-MOVED ",
    b"-READONLY ",
    b"%7\r\n$6\r\nserver\r\n",
    b"*14\r\n$6\r\nserver\r\n",
    b"$3\r\n$5\r\nredis",
];

#[derive(Debug)]
pub(super) struct Redis;

impl Protocol for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn about(&self) -> &'static str {
        "Redis serialization protocol, RESP2 and RESP3"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[6379, 26379]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"*+-:$%>~PIASQHCGKpiasqhcgk")
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let on_port = opening.flow.has_port(6379) || opening.flow.has_port(26379);
        let sides = [opening.to_server, opening.to_client].map(|bytes| probe_side(bytes, on_port));
        match sides {
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(RedisParser::default())
    }
}

fn probe_side(bytes: &[u8], on_port: bool) -> Probe {
    match bytes {
        [] => Probe::NeedMore,
        _ if EVIDENT_REPLIES.iter().any(|reply| bytes.starts_with(reply)) => Probe::Match,
        [b'*', ..] => probe_array(bytes),
        [b'+' | b'-' | b':' | b'$' | b'%' | b'>' | b'~', ..] => probe_reply(bytes, on_port),
        _ if on_port => probe_inline(bytes),
        _ => Probe::Mismatch,
    }
}

/// An array whose first element is a string, a number, or again an array.
fn probe_array(bytes: &[u8]) -> Probe {
    let mut rest = bytes;
    for _ in 0..4 {
        let header = match first_header(rest) {
            Ok(header) => header,
            Err(probe) => return probe,
        };
        let (kind, number, behind) = header;
        match (kind, number, behind) {
            (b'*', 1.., [_, ..]) => rest = behind,
            (b'*', 1.., []) => return Probe::NeedMore,
            (b'$' | b':' | b'+', ..) if rest.len() < bytes.len() => return Probe::Match,
            _ => return Probe::Mismatch,
        }
    }
    Probe::Mismatch
}

/// `*12\r\n`: type, number, and what stands behind.
fn first_header(bytes: &[u8]) -> Result<(u8, u32, &[u8]), Probe> {
    let [kind, rest @ ..] = bytes else {
        return Err(Probe::NeedMore);
    };
    if !matches!(kind, b'*' | b'$' | b':') {
        return Err(Probe::Mismatch);
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, behind) = rest.split_at(digits);
    match behind {
        [] | [b'\r'] if digits < 10 => Err(Probe::NeedMore),
        [b'\r', b'\n', behind @ ..] => {
            let number = line::decimal(number).ok_or(Probe::Mismatch)?;
            Ok((*kind, number, behind))
        }
        _ => Err(Probe::Mismatch),
    }
}

fn probe_reply(bytes: &[u8], on_port: bool) -> Probe {
    let Some(line) = line::first_line(bytes) else {
        let fits = bytes.len() < 512 && line::is_text(bytes.trim_ascii_end());
        return if fits { Probe::NeedMore } else { Probe::Mismatch };
    };
    let fits = match line {
        [b':' | b'$' | b'%' | b'>' | b'~', number @ ..] => {
            line::decimal(number.strip_prefix(b"-").unwrap_or(number)).is_some()
        }
        [b'+', word @ ..] => !word.is_empty() && line::is_text(word),
        [b'-', word @ ..] => word.iter().take_while(|byte| byte.is_ascii_uppercase()).count() > 2,
        _ => false,
    };
    match (fits && line::is_text(line), on_port) {
        (false, _) => Probe::Mismatch,
        (true, true) => Probe::Match,
        (true, false) => Probe::NeedMore,
    }
}

fn probe_inline(bytes: &[u8]) -> Probe {
    let line = line::first_line(bytes);
    let (command, argument) = line::split_word(line.unwrap_or(bytes).trim_ascii_end());
    let is_known = line::is_one_of(command, INLINE_COMMANDS) && !argument.ends_with(b"HTTP/1.1");
    match line {
        Some(_) if is_known => Probe::Match,
        None if is_known || line::could_become(command, INLINE_COMMANDS) => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

/// What one side's next bytes are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Expected {
    #[default]
    Line,
    /// So many bytes of a string.
    String(u64),
    /// The CR LF behind a string.
    End(u8),
}

#[derive(Debug, Default)]
struct Side {
    lines: Lines,
    expected: Expected,
}

#[derive(Debug, Default)]
struct RedisParser {
    sides: [Side; 2],
    client: Option<Direction>,
    /// Something to the client was seen.
    heard: bool,
    /// Arguments of the client's array that have not come.
    left: u32,
    command: Vec<u8>,
    /// The first arguments behind the command.
    arguments: Vec<Vec<u8>>,
    /// Arguments begun so far, with the command.
    count: usize,
    content: [Option<Pieces>; 2],
}

impl Parser for RedisParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        let mut rest = chunk.bytes;
        if !self.find_client(chunk) {
            return Progress::Consumed(0);
        }
        let is_client = self.client == Some(direction);
        while let Some(side) = self.sides.get_mut(direction.index()) {
            match side.expected {
                Expected::Line => {
                    let Some(line) = side.lines.next(&mut rest) else {
                        break;
                    };
                    if is_client {
                        self.client_line(line.text, line.starts, direction, out);
                    } else if line.starts {
                        self.server_line(line.text, direction, out);
                    }
                }
                Expected::String(0) => side.expected = Expected::End(2),
                Expected::String(left) => {
                    if rest.is_empty() {
                        break;
                    }
                    let window = usize::try_from(left).map_or(rest, |left| rest.get(..left).unwrap_or(rest));
                    rest = rest.get(window.len()..).unwrap_or_default();
                    side.expected = Expected::String(left.saturating_sub(window.len() as u64));
                    self.string(window, is_client, direction, out);
                }
                Expected::End(0) => {
                    side.expected = Expected::Line;
                    if is_client {
                        self.end_argument(direction, out);
                    } else {
                        self.push(b"\n", direction, out);
                    }
                }
                Expected::End(left) => {
                    let Some(behind) = rest.get(1..) else {
                        break;
                    };
                    rest = behind;
                    side.expected = Expected::End(left - 1);
                }
            }
        }
        Progress::Consumed(chunk.bytes.len() - rest.len())
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        let Some(side) = self.sides.get_mut(direction.index()) else {
            return Progress::Done;
        };
        match side.expected {
            Expected::String(left) if left > missing => side.expected = Expected::String(left - missing),
            _ => {
                side.expected = Expected::Line;
                side.lines.lose();
                if self.client == Some(direction) {
                    self.clear();
                }
            }
        }
        Progress::Consumed(0)
    }

    fn undecided(&self, direction: Direction) -> usize {
        // Where a reply ends is not known, so none is waited for.
        if self.client != Some(direction) {
            return 0;
        }
        let content = self.content.get(direction.index()).and_then(Option::as_ref);
        let arguments: usize = self.arguments.iter().map(Vec::len).sum();
        content.map_or(0, Pieces::undecided) + self.command.len() + arguments
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        let mut said = false;
        for content in self.content.iter_mut().flatten() {
            said |= content.finish(out);
        }
        if said {
            out.end_record();
        }
    }
}

impl RedisParser {
    /// A client sends arrays of strings or inline words, a server everything else; the client opened the flow, unless
    /// the capture began in the middle. Answers whether that is known.
    fn find_client(&mut self, chunk: Chunk<'_>) -> bool {
        let Some(&first) = chunk.bytes.first() else {
            return false;
        };
        let is_reply = matches!(first, b'+' | b'-' | b':' | b'$' | b'%' | b'>' | b'~');
        let client = match chunk.direction {
            // A client that answers instead of asking is found out by the server's first answer.
            Direction::ToClient if !std::mem::replace(&mut self.heard, true) && is_reply => {
                self.client = Some(Direction::ToServer);
                return true;
            }
            Direction::ToClient if first.is_ascii_alphabetic() => Direction::ToClient,
            Direction::ToServer if is_reply => Direction::ToClient,
            _ => Direction::ToServer,
        };
        self.client.get_or_insert(client);
        true
    }

    fn push(&mut self, bytes: &[u8], direction: Direction, out: &mut dyn Sink) {
        if let Some(content) = self.content.get_mut(direction.index()) {
            content.get_or_insert_with(|| Pieces::new(&CONTENT, direction)).push(bytes, out);
        }
    }

    fn clear(&mut self) {
        self.left = 0;
        self.count = 0;
        self.command.clear();
        self.arguments.clear();
    }

    fn expect_string(&mut self, size: u32, direction: Direction) {
        if let Some(side) = self.sides.get_mut(direction.index()) {
            side.expected = Expected::String(size.into());
        }
    }

    fn client_line(&mut self, text: &[u8], starts: bool, direction: Direction, out: &mut dyn Sink) {
        match text {
            [b'*', count @ ..] if starts => {
                self.clear();
                self.left = line::decimal(count).unwrap_or(0);
            }
            [b'$', size @ ..] if starts && self.left > 0 => {
                self.begin_argument();
                match line::decimal(size) {
                    Some(size) => self.expect_string(size, direction),
                    None => self.clear(),
                }
            }
            _ if starts && !text.is_empty() => {
                self.clear();
                let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                for word in words {
                    self.begin_argument();
                    self.string(word.trim_ascii(), true, direction, out);
                    self.separate(direction, out);
                }
                self.end_command(direction, out);
            }
            // The rest of an inline command that is too long.
            _ => self.push(text, direction, out),
        }
    }

    fn begin_argument(&mut self) {
        self.count = self.count.saturating_add(1);
        if (2..2 + KEPT_ARGUMENTS).contains(&self.count) {
            self.arguments.push(Vec::new());
        }
    }

    fn string(&mut self, bytes: &[u8], is_client: bool, direction: Direction, out: &mut dyn Sink) {
        if is_client {
            let kept = match self.count {
                1 => Some(&mut self.command),
                2..=7 => self.arguments.last_mut(),
                _ => None,
            };
            if let Some(kept) = kept {
                let room = ARGUMENT_BYTES.saturating_sub(kept.len());
                kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            if self.count <= 1 || self.is_login() {
                return;
            }
        }
        self.push(bytes, direction, out);
    }

    fn is_login(&self) -> bool {
        line::is_one_of(&self.command, &[b"AUTH", b"HELLO"])
    }

    fn end_argument(&mut self, direction: Direction, out: &mut dyn Sink) {
        self.separate(direction, out);
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.end_command(direction, out);
        }
    }

    fn separate(&mut self, direction: Direction, out: &mut dyn Sink) {
        if self.count > 1 && !self.is_login() {
            self.push(b" ", direction, out);
        }
    }

    fn end_command(&mut self, direction: Direction, out: &mut dyn Sink) {
        // What the server said before belongs to the command before.
        for side in [direction.opposite().index(), direction.index()] {
            if let Some(Some(content)) = self.content.get_mut(side) {
                content.finish(out);
            }
        }
        if self.command.is_empty() {
            return;
        }
        out.fact(&COMMAND, direction, Value::Bytes(&self.command));
        let login = match &self.arguments[..] {
            [secret] if self.command.eq_ignore_ascii_case(b"AUTH") => Some((None, secret)),
            [user, secret, ..] if self.command.eq_ignore_ascii_case(b"AUTH") => Some((Some(user), secret)),
            [_, auth, user, secret, ..] if auth.eq_ignore_ascii_case(b"AUTH") => Some((Some(user), secret)),
            // HELLO 3 SETNAME name AUTH user password
            [_, _, _, auth, user, secret] if auth.eq_ignore_ascii_case(b"AUTH") => Some((Some(user), secret)),
            _ => None,
        };
        if let Some((user, secret)) = login.filter(|_| self.is_login()) {
            if let Some(user) = user {
                out.fact(&USERNAME, direction, Value::Bytes(user));
            }
            out.fact(&PASSWORD, direction, Value::Bytes(secret));
        }
        out.end_record();
        self.clear();
    }

    fn server_line(&mut self, text: &[u8], direction: Direction, out: &mut dyn Sink) {
        match text {
            [b'$' | b'!' | b'=', size @ ..] => {
                if let Some(size) = line::decimal(size) {
                    self.expect_string(size, direction);
                }
            }
            [b'-', error @ ..] => {
                out.fact(&ERROR, direction, Value::Bytes(error));
                out.end_record();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
