//! Internet Relay Chat, RFC 1459 and RFC 2812, with IRCv3's message tags, capabilities and SASL.
//!
//! Read: registration, logins (PASS, OPER, SASL, messages to the services), channels, what is written. Not read: DCC
//! connections and most numeric replies.

use super::line::{self, Lines};
use super::sasl::{self, Exchange};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

pub(super) static PROTOCOL: Irc = Irc;

static COMMAND: Field = Field::meta("irc.command", "command");
static NICK: Field = Field::meta("irc.nick", "nick");
static USER: Field = Field::meta("irc.user", "user");
static REAL_NAME: Field = Field::new("irc.real_name", Role::Content);
static CHANNEL: Field = Field::meta("irc.channel", "channel");
static TARGET: Field = Field::meta("irc.target", "target");
static SERVER: Field = Field::meta("irc.server_name", "server");
static USERNAME: Field = Field::new("irc.username", Role::Username);
static PASSWORD: Field = Field::new("irc.password", Role::Password);
static CONTENT: Field = Field::new("irc.content", Role::Content);
static FIELDS: &[&Field] =
    &[&COMMAND, &NICK, &USER, &REAL_NAME, &CHANNEL, &TARGET, &SERVER, &USERNAME, &PASSWORD, &CONTENT];

const LOGIN: sasl::Fields = sasl::Fields { username: &USERNAME, password: &PASSWORD };

/// RFC 2812 §3 and IRCv3: what a client may begin with.
const CLIENT_COMMANDS: &[&[u8]] = &[
    b"PASS",
    b"NICK",
    b"USER",
    b"CAP",
    b"AUTHENTICATE",
    b"JOIN",
    b"PRIVMSG",
    b"NOTICE",
    b"STARTTLS",
    b"WEBIRC",
    b"PING",
    b"PONG",
    b"MODE",
    b"WHO",
    b"PROTOCTL",
    b"SERVER",
];
/// What a server may begin with, without a prefix.
const SERVER_COMMANDS: &[&[u8]] = &[b"NOTICE", b"ERROR", b"PING", b"AUTHENTICATE"];
/// RPL_STARTTLS of the tls extension.
const STARTTLS_OK: &[u8] = b"670";
/// 400 bytes of base64 mean that more follow (IRCv3 SASL 3.1).
const AUTHENTICATE_BYTES: usize = 400;
/// Longest response that is put together.
const RESPONSE_BYTES: usize = 4096;

#[derive(Debug)]
pub(super) struct Irc;

impl Protocol for Irc {
    fn name(&self) -> &'static str {
        "irc"
    }

    fn about(&self) -> &'static str {
        "Internet Relay Chat, RFC 2812"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[6667, 6660, 6661, 6662, 6663, 6664, 6665, 6666, 6668, 6669, 7000, 194]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b":@PNUCAJSWMEpnucajswme")
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let sides = [opening.to_server, opening.to_client].map(probe_side);
        match sides {
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(IrcParser::default())
    }
}

fn probe_side(bytes: &[u8]) -> Probe {
    for line in line::complete_lines(bytes) {
        match Message::parse(line).map(|message| probe_message(&message)) {
            Some(Probe::NeedMore) => {}
            Some(Probe::Match) => return Probe::Match,
            Some(Probe::Mismatch) | None => return Probe::Mismatch,
        }
    }
    let last = bytes.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    let fits = match last {
        [b':' | b'@', ..] => true,
        _ => {
            let (command, _) = line::split_word(last);
            line::could_become(command, CLIENT_COMMANDS) || line::could_become(command, SERVER_COMMANDS)
        }
    };
    if fits && line::is_text(last.trim_ascii_end()) && last.len() < 1024 {
        Probe::NeedMore
    } else {
        Probe::Mismatch
    }
}

fn probe_message(message: &Message<'_>) -> Probe {
    let is = |name: &[u8]| message.command.eq_ignore_ascii_case(name);
    let first = message.params(0);
    let is_channel = matches!(first, [b'#' | b'&' | b'+' | b'!', _, ..]);
    let is_numeric = message.command.len() == 3 && message.command.iter().all(u8::is_ascii_digit);
    let evident = match message.prefix {
        // ":irc.example 001 nick :Welcome": a numeric reply names its receiver.
        Some(_) if is_numeric => message.count >= 2 && (first == b"*" || is_nick(first)),
        Some(_) if is(b"NOTICE") || is(b"PRIVMSG") => message.count == 2,
        Some(prefix) if is(b"JOIN") || is(b"QUIT") || is(b"PART") || is(b"NICK") || is(b"MODE") => {
            prefix.contains(&b'!')
        }
        Some(_) => return Probe::Mismatch,
        None if is(b"USER") => message.count == 4,
        None if is(b"NICK") => message.count == 1 && is_nick(first),
        None if is(b"CAP") => line::is_one_of(first, &[b"LS", b"REQ", b"LIST", b"END"]),
        None if is(b"NOTICE") => message.count == 2 && (first == b"AUTH" || first == b"*" || is_channel),
        None if is(b"JOIN") => is_channel,
        None if is(b"PRIVMSG") => message.count == 2 && (is_channel || is_nick(first)),
        None if is(b"ERROR") => line::starts_with_ignore_case(first, b"Closing Link"),
        None => {
            let known = line::is_one_of(message.command, CLIENT_COMMANDS);
            let has_params = message.count > 0 || is(b"STARTTLS");
            return if known && has_params { Probe::NeedMore } else { Probe::Mismatch };
        }
    };
    if evident { Probe::Match } else { Probe::Mismatch }
}

/// RFC 2812 §2.3.1, with the length and the letters that today's networks allow.
fn is_nick(word: &[u8]) -> bool {
    (1..=64).contains(&word.len())
        && word
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || byte >= 0x80 || b"-_[]\\`^{}|~".contains(&byte))
}

/// `@tags :prefix COMMAND param param :last param`
#[derive(Debug)]
struct Message<'a> {
    prefix: Option<&'a [u8]>,
    command: &'a [u8],
    params: [&'a [u8]; 15],
    count: usize,
}

impl<'a> Message<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        if !line.iter().all(|&byte| is_formatting(byte) || line::is_text(&[byte])) {
            return None;
        }
        let mut rest = line.trim_ascii_end();
        if rest.starts_with(b"@") {
            rest = line::split_word(rest).1;
        }
        let mut prefix = None;
        if let Some(behind) = rest.strip_prefix(b":") {
            let (word, behind) = line::split_word(behind);
            prefix = Some(word).filter(|word| !word.is_empty());
            prefix?;
            rest = behind;
        }
        let (command, mut rest) = line::split_word(rest);
        if command.is_empty() || !command.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let mut params: [&[u8]; 15] = [b""; 15];
        let mut count = 0;
        for param in &mut params {
            if rest.is_empty() {
                break;
            }
            count += 1;
            if let Some(last) = rest.strip_prefix(b":") {
                *param = last;
                break;
            }
            (*param, rest) = line::split_word(rest);
        }
        Some(Self { prefix, command, params, count })
    }

    fn params(&self, index: usize) -> &'a [u8] {
        self.params.get(index).copied().unwrap_or_default()
    }

    fn is(&self, name: &[u8]) -> bool {
        self.command.eq_ignore_ascii_case(name)
    }
}

/// Bold, colour, CTCP and the like stand inside of texts.
const fn is_formatting(byte: u8) -> bool {
    matches!(byte, 0x01..=0x04 | 0x0f | 0x11 | 0x16 | 0x1d..=0x1f)
}

#[derive(Debug, Default)]
struct IrcParser {
    lines: [Lines; 2],
    exchange: Option<Exchange>,
    /// Base64 of a SASL response that comes in several lines.
    response: Vec<u8>,
    /// A password was sent for the connection, so the names that follow log in.
    has_password: bool,
    server_named: bool,
}

impl Parser for IrcParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        let mut rest = chunk.bytes;
        while let Some(line) = self.lines.get_mut(direction.index()).and_then(|lines| lines.next(&mut rest)) {
            let Some(message) = Message::parse(line.text).filter(|_| line.is_whole()) else {
                continue;
            };
            if message.command == STARTTLS_OK && direction == Direction::ToClient {
                return Progress::Become { protocol: "tls", consumed: chunk.bytes.len() - rest.len() };
            }
            if self.message(&message, direction, out) {
                out.end_record();
            }
        }
        Progress::Consumed(chunk.bytes.len() - rest.len())
    }

    fn gap(&mut self, direction: Direction, _: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        if let Some(lines) = self.lines.get_mut(direction.index()) {
            lines.lose();
        }
        Progress::Consumed(0)
    }
}

impl IrcParser {
    /// Answers whether anything was stated.
    fn message(&mut self, message: &Message<'_>, direction: Direction, out: &mut dyn Sink) -> bool {
        let mut state = |field: &'static Field, value: &[u8]| {
            if !value.is_empty() {
                out.fact(field, direction, Value::Bytes(value));
            }
        };
        if message.is(b"001") {
            if std::mem::replace(&mut self.server_named, true) {
                return false;
            }
            state(&COMMAND, message.command);
            state(&SERVER, message.prefix.unwrap_or_default());
            state(&NICK, message.params(0));
            return true;
        }
        let (first, second) = (message.params(0), message.params(1));
        if message.is(b"PASS") {
            state(&COMMAND, message.command);
            state(&PASSWORD, first);
            self.has_password = true;
        } else if message.is(b"NICK") {
            state(&COMMAND, message.command);
            state(&NICK, first);
        } else if message.is(b"USER") && message.count >= 4 {
            state(&COMMAND, message.command);
            state(&USER, first);
            state(&REAL_NAME, message.params(3));
            if self.has_password {
                state(&USERNAME, first);
            }
        } else if message.is(b"OPER") && message.count >= 2 {
            state(&COMMAND, message.command);
            state(&USERNAME, first);
            state(&PASSWORD, second);
        } else if message.is(b"JOIN") || message.is(b"PART") || message.is(b"TOPIC") {
            state(&COMMAND, message.command);
            state(&CHANNEL, first);
            state(&CONTENT, second);
        } else if message.is(b"AUTHENTICATE") {
            return self.authenticate(first, direction, out);
        } else if message.is(b"PRIVMSG") || message.is(b"NOTICE") || message.is(b"SQUERY") {
            state(&COMMAND, message.command);
            state(&TARGET, first);
            if !services_login(first, second, direction, out) {
                out.fact(&CONTENT, direction, Value::Bytes(second));
            }
        } else if message.is(b"NICKSERV") || message.is(b"NS") || message.is(b"IDENTIFY") {
            state(&COMMAND, message.command);
            let words = message.params.get(..message.count).unwrap_or_default().join(&b' ');
            let words = if message.is(b"IDENTIFY") { [&b"IDENTIFY "[..], &words].concat() } else { words };
            services_login(b"NickServ", &words, direction, out);
        } else {
            return false;
        }
        true
    }

    /// `AUTHENTICATE PLAIN`, then `AUTHENTICATE` with base64 in lines of 400 bytes.
    fn authenticate(&mut self, param: &[u8], direction: Direction, out: &mut dyn Sink) -> bool {
        // The server's "+" asks for the response; from the client it ends one of exactly 400 bytes.
        let is_end = param == b"+" && !self.response.is_empty();
        if param == b"+" && !is_end {
            return false;
        }
        let Some(exchange) = &mut self.exchange else {
            self.exchange = Some(Exchange::new(param));
            return false;
        };
        if !is_end && self.response.len() < RESPONSE_BYTES {
            self.response.extend_from_slice(param);
        }
        if param.len() >= AUTHENTICATE_BYTES {
            return false;
        }
        let response = std::mem::take(&mut self.response);
        if exchange.respond(&response, LOGIN, direction, out) {
            self.exchange = None;
        }
        true
    }
}

/// `IDENTIFY [account] password` to NickServ, `AUTH account password` to Q and others. Answers whether it was a login.
fn services_login(target: &[u8], text: &[u8], direction: Direction, out: &mut dyn Sink) -> bool {
    let service = target.split(|byte| matches!(byte, b'@' | b'!')).next().unwrap_or_default();
    let services: [&[u8]; 7] = [b"NickServ", b"AuthServ", b"Q", b"X", b"UserServ", b"NS", b"ChanServ"];
    let mut words = text.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let Some(verb) = words.next() else {
        return false;
    };
    let verbs: [&[u8]; 8] =
        [b"IDENTIFY", b"ID", b"AUTH", b"LOGIN", b"GHOST", b"RECOVER", b"REGISTER", b"SIDENTIFY"];
    if !line::is_one_of(service, &services) || !line::is_one_of(verb, &verbs) {
        return false;
    }
    let (username, password) = match (words.next(), words.next()) {
        // REGISTER password mail
        (Some(password), _) if verb.eq_ignore_ascii_case(b"REGISTER") => (None, password),
        (Some(account), Some(password)) => (Some(account), password),
        (Some(password), None) => (None, password),
        (None, _) => return false,
    };
    if let Some(username) = username {
        out.fact(&USERNAME, direction, Value::Bytes(username));
    }
    out.fact(&PASSWORD, direction, Value::Bytes(password));
    true
}

#[cfg(test)]
mod tests;
