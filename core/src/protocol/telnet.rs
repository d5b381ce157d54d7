//! Telnet, RFC 854: option negotiation, and what is typed between.
//!
//! Read: terminal type (RFC 1091), window size (RFC 1073), logins by their prompts, typed lines, the server's lines.
//! Typing is followed like a terminal's line editor: backspace and kill. Not read: what follows ENCRYPT (RFC 2946).

use super::line;
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::LINE_BYTES;
use crate::packet::Transport;

pub(super) static PROTOCOL: Telnet = Telnet;

static TERMINAL_TYPE: Field = Field::meta("telnet.terminal_type", "terminal_type");
static WINDOW_WIDTH: Field = Field::meta("telnet.window_width", "window.width");
static WINDOW_HEIGHT: Field = Field::meta("telnet.window_height", "window.height");
static USERNAME: Field = Field::new("telnet.username", Role::Username);
static PASSWORD: Field = Field::new("telnet.password", Role::Password);
static CONTENT: Field = Field::new("telnet.content", Role::Content);
static FIELDS: &[&Field] = &[&TERMINAL_TYPE, &WINDOW_WIDTH, &WINDOW_HEIGHT, &USERNAME, &PASSWORD, &CONTENT];

/// "Interpret as command" and the commands of RFC 854.
const IAC: u8 = 0xff;
const DONT: u8 = 0xfe;
const DO: u8 = 0xfd;
const WILL: u8 = 0xfb;
const SB: u8 = 0xfa;
const SE: u8 = 0xf0;

/// Options, IANA "Telnet Options".
const TERMINAL_TYPE_OPTION: u8 = 24;
const WINDOW_SIZE_OPTION: u8 = 31;
const ENCRYPT_OPTION: u8 = 38;
const START_TLS_OPTION: u8 = 46;

/// Bytes of a subnegotiation that are kept.
const SUBNEGOTIATION_BYTES: usize = 64;

#[derive(Debug)]
pub(super) struct Telnet;

impl Protocol for Telnet {
    fn name(&self) -> &'static str {
        "telnet"
    }

    fn about(&self) -> &'static str {
        "Telnet, RFC 854"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[23, 2323]
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn first_byte(&self, direction: Direction) -> FirstByte {
        match direction {
            Direction::ToServer => FirstByte::OneOf(&[IAC]),
            // A host without options may begin with its banner.
            Direction::ToClient => FirstByte::Any,
        }
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let on_port = opening.flow.has_port(23) || opening.flow.has_port(2323);
        let server_spoke = !opening.to_client.is_empty();
        let sides = Direction::BOTH.map(|direction| {
            let bytes = opening.of(direction);
            match bytes {
                [] => Probe::NeedMore,
                [IAC, ..] => probe_negotiation(bytes, on_port),
                // What is typed proves nothing, and neither does it contradict.
                _ if on_port && direction == Direction::ToServer && server_spoke => Probe::NeedMore,
                _ if on_port => probe_prompt(bytes),
                _ => Probe::Mismatch,
            }
        });
        match sides {
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(TelnetParser::default())
    }
}

/// Two well-formed commands, or one and text behind it or Telnet's port.
fn probe_negotiation(bytes: &[u8], on_port: bool) -> Probe {
    let mut rest = bytes;
    let mut commands = 0;
    loop {
        rest = match rest {
            [] | [IAC] | [IAC, WILL..=DONT] => return Probe::NeedMore,
            [IAC, WILL..=DONT, option, behind @ ..] if is_option(*option) => behind,
            [IAC, SB] => return Probe::NeedMore,
            [IAC, SB, option, behind @ ..] if is_option(*option) => {
                let Some(end) = memchr::memmem::find(behind, &[IAC, SE]) else {
                    let fits = behind.len() < SUBNEGOTIATION_BYTES * 8;
                    return if fits { Probe::NeedMore } else { Probe::Mismatch };
                };
                behind.get(end + 2..).unwrap_or_default()
            }
            [byte, ..] if commands > 0 && *byte != IAC => {
                let text = rest.split(|&byte| byte == IAC).next().unwrap_or_default();
                return if is_terminal_text(text) { Probe::Match } else { Probe::Mismatch };
            }
            _ => return Probe::Mismatch,
        };
        commands += 1;
        if commands > 1 || on_port {
            return Probe::Match;
        }
    }
}

/// IANA's options up to FORWARD_X, the pragma ones, and the extended list.
const fn is_option(option: u8) -> bool {
    matches!(option, 0..=49 | 69..=70 | 85..=86 | 90..=93 | 138..=140 | 200..=201 | 255)
}

/// Printable, or what terminals are told.
fn is_terminal_text(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, 0 | 0x07..=0x0d | 0x1b | 0x20..=0x7e | 0x80..=0xfe))
}

fn probe_prompt(bytes: &[u8]) -> Probe {
    let text = bytes.split(|&byte| byte == IAC).next().unwrap_or_default();
    // Nothing that a server of a banner-first protocol says: replies, greetings of other protocols.
    let is_other = matches!(bytes, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..])
        || bytes.starts_with(b"SSH-")
        || bytes.starts_with(b"HTTP/")
        || line::first_line(bytes).is_some_and(|line| memchr::memmem::find(line, b" HTTP/").is_some());
    // A character may be cut off where the bytes end.
    let is_utf8 = std::str::from_utf8(text).map_or_else(|error| error.error_len().is_none(), |_| true);
    if is_other || !is_utf8 || !is_terminal_text(text) {
        return Probe::Mismatch;
    }
    let last = bytes.rsplit(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    match bytes.get(text.len()..) {
        // Options behind the banner.
        Some(negotiation @ [_, ..]) => probe_negotiation(negotiation, false),
        _ if Prompt::of(last).is_some() => Probe::Match,
        _ => Probe::NeedMore,
    }
}

/// What a server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prompt {
    Username,
    Password,
}

impl Prompt {
    fn of(line: &[u8]) -> Option<Self> {
        let text = line.trim_ascii_end();
        let asks = |words: &[&[u8]]| {
            words.iter().any(|word| {
                let tail = text.len().checked_sub(word.len()).and_then(|start| text.get(start..));
                tail.is_some_and(|tail| tail.eq_ignore_ascii_case(word))
            })
        };
        let passwords: [&[u8]; 6] =
            [b"password:", b"passwd:", b"passcode:", b"pass:", b"passwort:", b"kennwort:"];
        let usernames: [&[u8]; 8] = [
            b"login:",
            b"username:",
            b"user name:",
            b"user:",
            b"userid:",
            b"user id:",
            b"logon:",
            b"account:",
        ];
        if asks(&passwords) || (text.ends_with(b":") && line::contains_ignore_case(text, b"password for ")) {
            Some(Self::Password)
        } else if asks(&usernames) {
            Some(Self::Username)
        } else {
            None
        }
    }
}

/// Where one direction stands between data and commands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Iac,
    /// WILL, WONT, DO or DONT was read: its option follows.
    Negotiation,
    Subnegotiation,
    SubnegotiationIac,
}

#[derive(Debug, Default)]
struct Side {
    state: State,
    /// The negotiation being read says WILL or DO.
    agrees: bool,
    subnegotiation: Vec<u8>,
    /// The line being typed, or being written by the server.
    line: Vec<u8>,
    after_cr: bool,
}

#[derive(Debug, Default)]
struct TelnetParser {
    to_server: Side,
    to_client: Side,
    /// What the server asked for when the client began to type its line.
    asked: Option<Prompt>,
    typing: bool,
    /// The sides that agreed to ENCRYPT, with WILL or DO.
    encrypt: [bool; 2],
    /// The sides that said FOLLOWS for START_TLS.
    tls: [bool; 2],
}

/// What a byte led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    Data,
    Tls,
    Encrypted,
}

impl Parser for TelnetParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        for (at, &byte) in chunk.bytes.iter().enumerate() {
            match self.step(byte, chunk.direction, out) {
                Step::Nothing => {}
                Step::Data if chunk.direction == Direction::ToServer => self.typed(byte, out),
                Step::Data => self.written(byte, out),
                Step::Tls => {
                    return Progress::Become { protocol: "tls", consumed: at + 1 };
                }
                Step::Encrypted => {
                    out.unseen(Unseen::Encrypted);
                    return Progress::Done;
                }
            }
        }
        Progress::Consumed(chunk.bytes.len())
    }

    fn gap(&mut self, direction: Direction, _: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        *self.side(direction) = Side::default();
        Progress::Consumed(0)
    }

    fn undecided(&self, direction: Direction) -> usize {
        // Who types waits for the echo of every key, except in a password.
        let waits = direction == Direction::ToServer && self.asked == Some(Prompt::Password);
        if waits { self.to_server.line.len() } else { 0 }
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        if !self.to_client.line.is_empty() {
            self.end_written(out);
        }
    }
}

impl TelnetParser {
    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    fn step(&mut self, byte: u8, direction: Direction, out: &mut dyn Sink) -> Step {
        let side = self.side(direction);
        let (state, step) = match (side.state, byte) {
            (State::Data, IAC) => (State::Iac, Step::Nothing),
            (State::Data, _) => (State::Data, Step::Data),
            // A doubled IAC is the byte itself.
            (State::Iac, IAC) => (State::Data, Step::Data),
            (State::Iac, WILL..=DONT) => {
                side.agrees = matches!(byte, WILL | DO);
                (State::Negotiation, Step::Nothing)
            }
            (State::Negotiation, ENCRYPT_OPTION) if side.agrees => {
                side.state = State::Data;
                if let Some(agreed) = self.encrypt.get_mut(direction.index()) {
                    *agreed = true;
                }
                return Step::Nothing;
            }
            (State::Iac, SB) => {
                side.subnegotiation.clear();
                (State::Subnegotiation, Step::Nothing)
            }
            (State::Iac | State::Negotiation, _) => (State::Data, Step::Nothing),
            (State::Subnegotiation, IAC) => (State::SubnegotiationIac, Step::Nothing),
            (State::SubnegotiationIac, SE) => {
                side.state = State::Data;
                return self.subnegotiated(direction, out);
            }
            (State::Subnegotiation | State::SubnegotiationIac, _) => {
                if side.subnegotiation.len() < SUBNEGOTIATION_BYTES {
                    side.subnegotiation.push(byte);
                }
                (State::Subnegotiation, Step::Nothing)
            }
        };
        side.state = state;
        step
    }

    fn subnegotiated(&mut self, direction: Direction, out: &mut dyn Sink) -> Step {
        let said = std::mem::take(&mut self.side(direction).subnegotiation);
        match said[..] {
            // IS
            [TERMINAL_TYPE_OPTION, 0, ref name @ ..] => {
                out.fact(&TERMINAL_TYPE, direction, Value::Bytes(name));
                out.end_record();
            }
            [WINDOW_SIZE_OPTION, a, b, c, d] => {
                out.fact(&WINDOW_WIDTH, direction, Value::Number(u16::from_be_bytes([a, b]).into()));
                out.fact(&WINDOW_HEIGHT, direction, Value::Number(u16::from_be_bytes([c, d]).into()));
                out.end_record();
            }
            // START: everything behind is encrypted.
            [ENCRYPT_OPTION, 3, ..] if self.encrypt == [true, true] => return Step::Encrypted,
            // FOLLOWS: TLS starts when both sides have said so.
            [START_TLS_OPTION, 1] => {
                if let Some(said) = self.tls.get_mut(direction.index()) {
                    *said = true;
                }
                if self.tls == [true, true] {
                    return Step::Tls;
                }
            }
            _ => {}
        }
        Step::Nothing
    }

    fn typed(&mut self, byte: u8, out: &mut dyn Sink) {
        let after_cr = std::mem::replace(&mut self.to_server.after_cr, byte == b'\r');
        // CR LF and CR NUL are one end of line.
        if after_cr && matches!(byte, b'\n' | 0) {
            return;
        }
        if !std::mem::replace(&mut self.typing, true) {
            self.asked = Prompt::of(&self.to_client.line);
        }
        let line = &mut self.to_server.line;
        match byte {
            b'\r' | b'\n' => self.end_typed(out),
            0x08 | 0x7f => {
                line.pop();
            }
            // Control-U and Control-C throw the line away.
            0x15 | 0x03 => line.clear(),
            0 => {}
            _ if line.len() < LINE_BYTES => line.push(byte),
            _ => {}
        }
    }

    fn end_typed(&mut self, out: &mut dyn Sink) {
        let line = std::mem::take(&mut self.to_server.line);
        self.typing = false;
        let field = match self.asked.take() {
            Some(Prompt::Username) => &USERNAME,
            Some(Prompt::Password) => &PASSWORD,
            None => &CONTENT,
        };
        if !line.is_empty() {
            out.fact(field, Direction::ToServer, Value::Bytes(&line));
            out.end_record();
        }
    }

    fn written(&mut self, byte: u8, out: &mut dyn Sink) {
        match byte {
            b'\n' => self.end_written(out),
            b'\r' | 0 => {}
            _ => {
                if self.to_client.line.len() == LINE_BYTES {
                    self.end_written(out);
                }
                self.to_client.line.push(byte);
            }
        }
    }

    fn end_written(&mut self, out: &mut dyn Sink) {
        let line = std::mem::take(&mut self.to_client.line);
        if !line.trim_ascii().is_empty() {
            out.fact(&CONTENT, Direction::ToClient, Value::Bytes(&line));
            out.end_record();
        }
    }
}

#[cfg(test)]
mod tests;
