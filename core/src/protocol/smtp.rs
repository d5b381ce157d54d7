//! Simple Mail Transfer Protocol, RFC 5321, submission and LMTP (RFC 2033), with STARTTLS (RFC 3207), AUTH (RFC 4954)
//! and BDAT (RFC 3030).
//!
//! Read: greeting, extensions, logins, envelopes, and the messages with their transfer encodings undone, see
//! [`mail`]. Not read: what a server says besides its codes.

use super::line::{self, Line, Lines, Sides};
use super::mail::{self, Message};
use super::sasl::{self, Exchange};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

pub(super) static PROTOCOL: Smtp = Smtp;

static BANNER: Field = Field::meta("smtp.banner", "");
static SERVER_NAME: Field = Field::meta("smtp.server_name", "");
static HELO: Field = Field::meta("smtp.helo", "helo");
static EXTENSION: Field = Field::meta("smtp.extension", "");
static AUTH_MECHANISM: Field = Field::meta("smtp.auth_mechanism", "");
static MAIL_FROM: Field = Field::meta("smtp.mail_from", "mail_from");
static RCPT_TO: Field = Field::meta("smtp.rcpt_to", "rcpt_to[]");
static REPLY_CODE: Field = Field::meta("smtp.reply_code", "");
static FROM: Field = Field::meta("smtp.email.from", "email.from");
static TO: Field = Field::meta("smtp.email.to", "email.to[]");
static SUBJECT: Field = Field::meta("smtp.email.subject", "email.subject");
static USERNAME: Field = Field::new("smtp.username", Role::Username);
static PASSWORD: Field = Field::new("smtp.password", Role::Password);
static CONTENT: Field = Field::new("smtp.content", Role::Content);
static FIELDS: &[&Field] = &[
    &BANNER,
    &SERVER_NAME,
    &HELO,
    &EXTENSION,
    &AUTH_MECHANISM,
    &MAIL_FROM,
    &RCPT_TO,
    &REPLY_CODE,
    &FROM,
    &TO,
    &SUBJECT,
    &USERNAME,
    &PASSWORD,
    &CONTENT,
];

const LOGIN: sasl::Fields = sasl::Fields { username: &USERNAME, password: &PASSWORD };
const MESSAGE: mail::Fields = mail::Fields { from: &FROM, to: &TO, subject: &SUBJECT, content: &CONTENT };

const PORTS: &[u16] = &[25, 587, 465, 2525];
/// Commands that begin a session; all take an argument.
const HELLOS: &[&[u8]] = &[b"EHLO", b"HELO", b"LHLO"];
/// Words of a greeting that say which service answers `220`.
const GREETING_WORDS: &[&[u8]] = &[b"SMTP", b"LMTP", b"Postfix", b"Exim", b"Sendmail"];
const OTHER_GREETING_WORDS: &[&[u8]] = &[b"FTP", b"FileZilla"];
/// Service extensions of a reply to EHLO, IANA "SMTP Service Extensions".
const EXTENSIONS: &[&[u8]] = &[
    b"PIPELINING",
    b"SIZE",
    b"8BITMIME",
    b"STARTTLS",
    b"AUTH",
    b"ENHANCEDSTATUSCODES",
    b"CHUNKING",
    b"DSN",
    b"ETRN",
    b"VRFY",
    b"SMTPUTF8",
    b"BINARYMIME",
    b"DELIVERBY",
];

#[derive(Debug)]
pub(super) struct Smtp;

impl Protocol for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn about(&self) -> &'static str {
        "Simple Mail Transfer Protocol and submission, RFC 5321"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        PORTS
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"245EeHhLlMmRr")
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let on_port = PORTS.iter().any(|&port| opening.flow.has_port(port));
        let sides = [opening.to_server, opening.to_client].map(|bytes| match bytes {
            [] => Probe::NeedMore,
            [b'2' | b'4' | b'5', ..] => probe_replies(bytes, on_port),
            _ => probe_commands(bytes),
        });
        match sides {
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(SmtpParser::default())
    }
}

fn probe_replies(bytes: &[u8], on_port: bool) -> Probe {
    let mut first = None;
    for line in line::complete_lines(bytes) {
        let Some(reply) = line::reply(line).filter(|reply| line::is_text(reply.text)) else {
            return Probe::Mismatch;
        };
        let code = *first.get_or_insert(reply.code);
        let says = |words: &[&[u8]]| words.iter().any(|word| line::contains_ignore_case(reply.text, word));
        let (keyword, _) = line::split_word(reply.text);
        match reply.code {
            250 if line::is_one_of(keyword, EXTENSIONS) => return Probe::Match,
            220 | 421 | 521 | 554 if says(GREETING_WORDS) && !says(OTHER_GREETING_WORDS) => {
                return Probe::Match;
            }
            220 | 421 | 554 if says(OTHER_GREETING_WORDS) => return Probe::Mismatch,
            220 | 421 | 521 | 554 if on_port && reply.is_last => return Probe::Match,
            _ if !matches!(code, 220 | 250 | 421 | 521 | 554) => return Probe::Mismatch,
            _ => {}
        }
    }
    let fits = bytes.iter().zip(0..4).all(|(byte, at)| match at {
        3 => matches!(byte, b' ' | b'-' | b'\r' | b'\n'),
        _ => byte.is_ascii_digit(),
    });
    let begins = matches!(bytes, [_, b'2' | b'5', ..] | [_]);
    if first.is_none() && !(fits && begins && line::is_text(bytes.trim_ascii_end())) {
        return Probe::Mismatch;
    }
    Probe::NeedMore
}

fn probe_commands(bytes: &[u8]) -> Probe {
    let Some(line) = line::first_line(bytes) else {
        let (command, argument) = line::split_word(bytes);
        let fits =
            line::is_one_of(command, HELLOS) || (argument.is_empty() && line::could_become(bytes, HELLOS));
        let envelope: [&[u8]; 2] = [b"MAIL FROM:", b"RCPT TO:"];
        let fits = fits
            || line::could_become(bytes, &envelope)
            || envelope.iter().any(|prefix| line::starts_with_ignore_case(bytes, prefix));
        return if fits && line::is_text(bytes.trim_ascii_end()) { Probe::NeedMore } else { Probe::Mismatch };
    };
    let (command, argument) = line::split_word(line);
    let is_hello = line::is_one_of(command, HELLOS) && !argument.is_empty();
    let is_envelope = path(line, b"MAIL FROM:").or_else(|| path(line, b"RCPT TO:")).is_some();
    if line::is_text(line) && (is_hello || is_envelope) { Probe::Match } else { Probe::Mismatch }
}

/// `<mailbox>` behind `MAIL FROM:` or `RCPT TO:`, with or without a space that the RFC forbids and programs write.
fn path<'a>(line: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    if !line::starts_with_ignore_case(line, prefix) {
        return None;
    }
    let rest = line.get(prefix.len()..)?.trim_ascii_start();
    if !rest.starts_with(b"<") {
        return Some(line::split_word(rest).0).filter(|word| word.contains(&b'@'));
    }
    let end = memchr::memchr(b'>', rest)?;
    rest.get(..=end)
}

/// What the client's next bytes are.
#[derive(Debug, Default)]
enum Client {
    #[default]
    Commands,
    Authentication(Exchange),
    /// Lines up to a lone dot.
    Data,
    /// So many bytes of a BDAT chunk.
    Chunk {
        left: u64,
        is_last: bool,
    },
}

#[derive(Debug, Default)]
struct SmtpParser {
    lines: [Lines; 2],
    sides: Sides,
    client: Client,
    message: Option<Box<Message>>,
    /// Lines of the message so far were seen, or the server answered 354.
    in_data: bool,
    /// The last line of the message ended with CR LF.
    after_cr: bool,
    /// The client ends its commands with a bare LF, so its message may end like that too.
    bare_lf: bool,
    wants_tls: bool,
    greeted: bool,
    helo: bool,
    open: bool,
}

impl Parser for SmtpParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        let mut rest = chunk.bytes;
        loop {
            if self.sides.is_client(direction)
                && let Client::Chunk { left, is_last } = self.client
            {
                if left > 0 && rest.is_empty() {
                    break;
                }
                if !self.chunk(left, is_last, &mut rest, direction, out) {
                    break;
                }
                continue;
            }
            let Some(line) = self.next_line(direction, &mut rest) else {
                break;
            };
            let is_reply = self.sides.is_reply(direction, line::reply(line.text).is_some());
            if !is_reply {
                self.client_line(line, direction, out);
            } else if self.reply(line, direction, out) {
                return Progress::Become { protocol: "tls", consumed: chunk.bytes.len() - rest.len() };
            }
        }
        Progress::Consumed(chunk.bytes.len() - rest.len())
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        let is_client = self.sides.is_client(direction);
        if let Client::Chunk { left, is_last } = self.client
            && is_client
        {
            self.client = Client::Chunk { left: left.saturating_sub(missing), is_last };
        }
        if let Some(lines) = self.lines.get_mut(direction.index()) {
            lines.lose();
        }
        Progress::Consumed(0)
    }

    fn undecided(&self, direction: Direction) -> usize {
        let message = self.message.as_ref().filter(|_| self.sides.is_client(direction));
        message.map_or(0, |message| message.undecided())
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        self.end_message(out);
        self.end_record(out);
    }
}

impl SmtpParser {
    fn next_line<'a>(&mut self, direction: Direction, rest: &mut &'a [u8]) -> Option<Line<'a>> {
        self.lines.get_mut(direction.index())?.next(rest)
    }

    fn end_record(&mut self, out: &mut dyn Sink) {
        if std::mem::take(&mut self.open) {
            out.end_record();
        }
    }

    fn client_line(&mut self, line: Line<'_>, direction: Direction, out: &mut dyn Sink) {
        match &mut self.client {
            Client::Data => self.data_line(line, direction, out),
            Client::Authentication(exchange) => {
                self.open = true;
                if exchange.respond(line.text.trim_ascii(), LOGIN, direction, out) {
                    self.client = Client::Commands;
                }
            }
            Client::Commands | Client::Chunk { .. } => {
                if line.is_whole() {
                    self.command(line, direction, out);
                }
            }
        }
    }

    fn command(&mut self, line: Line<'_>, direction: Direction, out: &mut dyn Sink) {
        let text = line.text.trim_ascii_end();
        let (command, argument) = line::split_word(text);
        self.bare_lf = !line.has_cr;
        self.wants_tls = false;
        let is = |name: &[u8]| command.eq_ignore_ascii_case(name);
        if line::is_one_of(command, HELLOS) {
            self.state(&HELO, argument, direction, out);
            self.helo = true;
        } else if is(b"STARTTLS") {
            self.wants_tls = true;
        } else if is(b"AUTH") {
            self.authenticate(argument, direction, out);
        } else if let Some(path) = path(text, b"MAIL FROM:") {
            self.state(&MAIL_FROM, path, direction, out);
        } else if let Some(path) = path(text, b"RCPT TO:") {
            self.state(&RCPT_TO, path, direction, out);
        } else if is(b"DATA") {
            self.client = Client::Data;
            self.in_data = false;
            self.after_cr = true;
        } else if is(b"BDAT") {
            let (size, last) = line::split_word(argument);
            if let Some(size) = line::decimal(size) {
                self.client =
                    Client::Chunk { left: size.into(), is_last: last.eq_ignore_ascii_case(b"LAST") };
            }
        } else if is(b"QUIT") || is(b"RSET") {
            self.end_message(out);
            self.end_record(out);
        }
    }

    fn state(&mut self, field: &'static Field, value: &[u8], direction: Direction, out: &mut dyn Sink) {
        out.fact(field, direction, Value::Bytes(value));
        self.open = true;
    }

    fn authenticate(&mut self, argument: &[u8], direction: Direction, out: &mut dyn Sink) {
        let (mechanism, initial) = line::split_word(argument);
        self.state(&AUTH_MECHANISM, mechanism, direction, out);
        let mut exchange = Exchange::new(mechanism);
        let is_over = !initial.is_empty() && exchange.respond(initial, LOGIN, direction, out);
        if !is_over {
            self.client = Client::Authentication(exchange);
        }
    }

    fn data_line(&mut self, line: Line<'_>, direction: Direction, out: &mut dyn Sink) {
        let is_end = line.is_whole()
            && line.text == b"."
            && ((line.has_cr && self.after_cr) || (self.bare_lf && !line.has_cr));
        self.in_data = true;
        self.after_cr = line.ends && line.has_cr;
        if is_end {
            self.client = Client::Commands;
            self.end_message(out);
            return;
        }
        // RFC 5321 §4.5.2: the sender doubled a leading dot.
        let text = match line.text {
            [b'.', text @ ..] if line.starts => text,
            text => text,
        };
        self.message(direction).line(Line { text, ..line }, out);
    }

    fn message(&mut self, direction: Direction) -> &mut Message {
        self.open = true;
        self.message.get_or_insert_with(|| Box::new(Message::new(MESSAGE, direction)))
    }

    fn end_message(&mut self, out: &mut dyn Sink) {
        if let Some(mut message) = self.message.take() {
            message.finish(out);
        }
    }

    /// Reads on in a BDAT chunk. Answers whether the rest may be looked at.
    fn chunk(
        &mut self,
        left: u64,
        is_last: bool,
        rest: &mut &[u8],
        direction: Direction,
        out: &mut dyn Sink,
    ) -> bool {
        let window = usize::try_from(left).map_or(*rest, |left| rest.get(..left).unwrap_or(rest));
        let mut body = window;
        while let Some(line) = self.next_line(direction, &mut body) {
            self.message(direction).line(line, out);
        }
        let is_complete = u64::try_from(window.len()) == Ok(left);
        if is_complete {
            let lines = self.lines.get_mut(direction.index());
            if let Some(line) = lines.and_then(|lines| lines.last(&mut body)) {
                // The next chunk may go on with this line.
                self.message(direction).line(Line { ends: is_last, ..line }, out);
            }
        }
        let read = window.len() - body.len();
        *rest = rest.get(read..).unwrap_or_default();
        let left = left.saturating_sub(read as u64);
        if !is_complete {
            self.client = Client::Chunk { left, is_last };
            return false;
        }
        self.client = Client::Commands;
        if is_last {
            self.end_message(out);
        } else if let Some(message) = &mut self.message {
            message.pause(out);
        }
        true
    }

    /// Answers whether TLS starts behind this line.
    fn reply(&mut self, line: Line<'_>, direction: Direction, out: &mut dyn Sink) -> bool {
        let Some(reply) = line::reply(line.text).filter(|_| line.starts) else {
            return false;
        };
        if !self.greeted && matches!(reply.code, 220 | 421 | 521 | 554) {
            self.state(&BANNER, reply.text, direction, out);
            let (name, _) = line::split_word(reply.text);
            if reply.code == 220 && name.contains(&b'.') {
                self.state(&SERVER_NAME, name, direction, out);
            }
        } else if reply.code == 250 && self.helo && !(reply.is_last && reply.text.is_empty()) {
            self.state(&EXTENSION, reply.text, direction, out);
        }
        if !reply.is_last {
            return false;
        }
        if !(200..300).contains(&reply.code) || reply.code == 235 {
            self.state(&REPLY_CODE, reply.digits, direction, out);
        }
        let was_greeted = std::mem::replace(&mut self.greeted, true);
        if !was_greeted || std::mem::take(&mut self.helo) {
            self.end_record(out);
        }
        self.follow(reply.code, out);
        std::mem::take(&mut self.wants_tls) && reply.code == 220
    }

    /// What a complete reply says about the client's state.
    fn follow(&mut self, code: u16, out: &mut dyn Sink) {
        match (&self.client, code) {
            (_, 354) => {
                self.client = Client::Data;
                self.in_data = true;
            }
            (Client::Authentication(_), 334) => {}
            (Client::Authentication(_), _) => {
                self.client = Client::Commands;
                self.end_record(out);
            }
            // The server refuses DATA, or thinks that the message is over where this parser does not.
            (Client::Data, 400..) => {
                self.client = Client::Commands;
                self.end_message(out);
            }
            (Client::Commands, 235 | 421 | 500..) => self.end_record(out),
            (Client::Commands, 250) if self.message.is_none() && self.in_data => {
                self.in_data = false;
                self.end_record(out);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
