//! Post Office Protocol version 3, RFC 1939, with CAPA (RFC 2449), STLS (RFC 2595) and AUTH (RFC 5034).
//!
//! Read: greeting, commands, logins, and the messages that are fetched.

use std::collections::VecDeque;

use super::line::{self, Line, Lines, Sides};
use super::mail::{self, Message};
use super::sasl::{self, Exchange};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

pub(super) static PROTOCOL: Pop3 = Pop3;

// Suricata 8 nests POP3's records the same way.
static COMMAND: Field = Field::meta("pop3.command", "request.command");
static ARGUMENT: Field = Field::meta("pop3.argument", "request.args[]");
static STATUS: Field = Field::meta("pop3.status", "response.status");
static HEADER: Field = Field::meta("pop3.header", "response.header");
static CAPABILITY: Field = Field::meta("pop3.capability", "response.data[]");
static AUTH_MECHANISM: Field = Field::meta("pop3.auth_mechanism", "");
static FROM: Field = Field::meta("pop3.email.from", "email.from");
static TO: Field = Field::meta("pop3.email.to", "email.to[]");
static SUBJECT: Field = Field::meta("pop3.email.subject", "email.subject");
static USERNAME: Field = Field::new("pop3.username", Role::Username);
static PASSWORD: Field = Field::new("pop3.password", Role::Password);
static CONTENT: Field = Field::new("pop3.content", Role::Content);
static FIELDS: &[&Field] = &[
    &COMMAND,
    &ARGUMENT,
    &STATUS,
    &HEADER,
    &CAPABILITY,
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

const COMMANDS: &[&[u8]] = &[
    b"USER", b"PASS", b"APOP", b"AUTH", b"CAPA", b"STLS", b"UIDL", b"TOP", b"STAT", b"LIST", b"RETR",
    b"DELE", b"NOOP", b"RSET", b"QUIT", b"UTF8", b"LANG", b"XTND",
];
/// Commands that no other protocol has.
const EVIDENT_COMMANDS: &[&[u8]] = &[b"CAPA", b"STLS", b"UIDL"];
/// Pipelined commands (RFC 2449 §6.8) that are remembered until they are answered.
const MOST_PENDING: usize = 64;

#[derive(Debug)]
pub(super) struct Pop3;

impl Protocol for Pop3 {
    fn name(&self) -> &'static str {
        "pop3"
    }

    fn about(&self) -> &'static str {
        "Post Office Protocol version 3, RFC 1939"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[110, 995]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(b'+', b'x')
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let on_port = opening.flow.has_port(110);
        let sides = [(opening.to_server, opening.to_client), (opening.to_client, opening.to_server)].map(
            |(bytes, other)| match bytes {
                [] => Probe::NeedMore,
                [b'+' | b'-', ..] => probe_server(bytes, other, on_port),
                _ => probe_client(bytes, on_port),
            },
        );
        match sides {
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(Pop3Parser::default())
    }
}

fn probe_server(bytes: &[u8], other: &[u8], on_port: bool) -> Probe {
    let Some(line) = line::first_line(bytes) else {
        let starts: [&[u8]; 2] = [b"+OK ", b"-ERR "];
        let fits = starts
            .iter()
            .any(|start| line::could_become(bytes, &[start]) || line::starts_with_ignore_case(bytes, start));
        let fits = (fits || bytes == b"+OK\r") && line::is_text(bytes.trim_ascii_end());
        return if fits { Probe::NeedMore } else { Probe::Mismatch };
    };
    let (status, said) = line::split_word(line);
    if !line::is_one_of(status, &[b"+OK", b"-ERR"]) || !line::is_text(line) {
        return Probe::Mismatch;
    }
    if on_port {
        return Probe::Match;
    }
    // Redis and NATS answer a bare "+OK", and only after the client spoke.
    let greets = status.eq_ignore_ascii_case(b"+OK") && !said.is_empty() && other.is_empty();
    if greets { Probe::Match } else { Probe::NeedMore }
}

fn probe_client(bytes: &[u8], on_port: bool) -> Probe {
    let mut user = false;
    let mut login = false;
    for line in line::complete_lines(bytes) {
        let (command, argument) = line::split_word(line.trim_ascii_end());
        let is = |name: &[u8]| command.eq_ignore_ascii_case(name);
        if !line::is_text(line) || !line::is_one_of(command, COMMANDS) {
            return Probe::Mismatch;
        }
        let digest = argument.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
        let is_apop = is(b"APOP") && digest.len() == 32 && digest.iter().all(u8::is_ascii_hexdigit);
        // Behind a login these have no argument or a number, unlike FTP's.
        let is_mailbox = is(b"STAT") && argument.is_empty()
            || (is(b"RETR") || is(b"LIST") || is(b"DELE")) && line::decimal(argument).is_some();
        let evident = line::is_one_of(command, EVIDENT_COMMANDS) || is_apop || (login && is_mailbox);
        if evident || (on_port && !argument.contains(&b':')) {
            return Probe::Match;
        }
        login |= user && is(b"PASS");
        user |= is(b"USER") && !argument.contains(&b' ');
    }
    let last = bytes.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    let (command, _) = line::split_word(last);
    if line::is_text(last.trim_ascii_end()) && line::could_become(command.trim_ascii_end(), COMMANDS) {
        Probe::NeedMore
    } else {
        Probe::Mismatch
    }
}

/// What the answer to a command will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// One line.
    Line,
    /// A message up to a lone dot.
    Message,
    /// A list up to a lone dot.
    List,
    Capabilities,
    Tls,
}

#[derive(Debug, Default)]
struct Pop3Parser {
    lines: [Lines; 2],
    sides: Sides,
    pending: VecDeque<Answer>,
    /// The answer whose lines are being read.
    inside: Option<Answer>,
    exchange: Option<Exchange>,
    message: Option<Box<Message>>,
    open: bool,
}

impl Parser for Pop3Parser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        let mut rest = chunk.bytes;
        while let Some(line) = self.lines.get_mut(direction.index()).and_then(|lines| lines.next(&mut rest)) {
            let is_reply = self.sides.is_reply(direction, matches!(line.text, [b'+' | b'-', ..]));
            if !is_reply {
                self.client_line(line, direction, out);
            } else if self.server_line(line, direction, out) {
                return Progress::Become { protocol: "tls", consumed: chunk.bytes.len() - rest.len() };
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

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        self.end_message(out);
        self.end_record(out);
    }
}

impl Pop3Parser {
    fn end_record(&mut self, out: &mut dyn Sink) {
        if std::mem::take(&mut self.open) {
            out.end_record();
        }
    }

    fn end_message(&mut self, out: &mut dyn Sink) {
        if let Some(mut message) = self.message.take() {
            message.finish(out);
            self.open = true;
        }
    }

    fn client_line(&mut self, line: Line<'_>, direction: Direction, out: &mut dyn Sink) {
        if let Some(exchange) = &mut self.exchange {
            self.open = true;
            if exchange.respond(line.text.trim_ascii(), LOGIN, direction, out) {
                self.exchange = None;
            }
            return;
        }
        let (command, arguments) = line::split_word(line.text);
        if !line.is_whole() || !command.iter().all(u8::is_ascii_alphanumeric) || command.is_empty() {
            return;
        }
        out.fact(&COMMAND, direction, Value::Bytes(command));
        self.open = true;
        let is = |name: &[u8]| command.eq_ignore_ascii_case(name);
        let mut answer = Answer::Line;
        if is(b"PASS") {
            // A password may hold spaces.
            let password = line.text.get(b"PASS ".len()..).unwrap_or_default();
            out.fact(&PASSWORD, direction, Value::Bytes(password));
        } else if is(b"USER") {
            out.fact(&USERNAME, direction, Value::Bytes(arguments));
        } else if is(b"APOP") {
            out.fact(&USERNAME, direction, Value::Bytes(line::split_word(arguments).0));
        } else if is(b"AUTH") {
            answer = self.authenticate(arguments, direction, out);
        } else {
            for argument in arguments.split(|&byte| byte == b' ').filter(|word| !word.is_empty()) {
                out.fact(&ARGUMENT, direction, Value::Bytes(argument));
            }
            answer = match () {
                () if is(b"STLS") => Answer::Tls,
                () if is(b"RETR") || is(b"TOP") => Answer::Message,
                () if is(b"CAPA") => Answer::Capabilities,
                () if (is(b"LIST") || is(b"UIDL")) && arguments.is_empty() => Answer::List,
                () => Answer::Line,
            };
        }
        if self.pending.len() < MOST_PENDING {
            self.pending.push_back(answer);
        }
    }

    fn authenticate(&mut self, arguments: &[u8], direction: Direction, out: &mut dyn Sink) -> Answer {
        if arguments.is_empty() {
            return Answer::List;
        }
        let (mechanism, initial) = line::split_word(arguments);
        out.fact(&AUTH_MECHANISM, direction, Value::Bytes(mechanism));
        let mut exchange = Exchange::new(mechanism);
        let is_over = !initial.is_empty() && exchange.respond(initial, LOGIN, direction, out);
        self.exchange = (!is_over).then_some(exchange);
        Answer::Line
    }

    /// Answers whether TLS starts behind this line.
    fn server_line(&mut self, line: Line<'_>, direction: Direction, out: &mut dyn Sink) -> bool {
        if let Some(inside) = self.inside {
            self.inside_line(inside, line, direction, out);
            return false;
        }
        let (status, said) = line::split_word(line.text);
        if !line.starts || !line::is_one_of(status, &[b"+OK", b"-ERR"]) {
            return false;
        }
        out.fact(&STATUS, direction, Value::Bytes(status.get(1..).unwrap_or_default()));
        if !said.is_empty() {
            out.fact(&HEADER, direction, Value::Bytes(said));
        }
        self.open = true;
        let answer = self.pending.pop_front().unwrap_or(Answer::Line);
        self.exchange = None;
        let is_ok = status.eq_ignore_ascii_case(b"+OK");
        if is_ok && matches!(answer, Answer::Message | Answer::List | Answer::Capabilities) {
            self.inside = Some(answer);
            return false;
        }
        self.end_record(out);
        is_ok && answer == Answer::Tls
    }

    fn inside_line(&mut self, inside: Answer, line: Line<'_>, direction: Direction, out: &mut dyn Sink) {
        if line.is_whole() && line.text == b"." {
            self.inside = None;
            self.end_message(out);
            self.end_record(out);
            return;
        }
        match inside {
            Answer::Message => {
                let text = match line.text {
                    [b'.', text @ ..] if line.starts => text,
                    text => text,
                };
                self.message
                    .get_or_insert_with(|| Box::new(Message::new(MESSAGE, direction)))
                    .line(Line { text, ..line }, out);
            }
            Answer::Capabilities if line.is_whole() => {
                out.fact(&CAPABILITY, direction, Value::Bytes(line.text));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
