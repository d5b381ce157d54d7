//! File Transfer Protocol's control connection, RFC 959, with AUTH TLS (RFC 2228, RFC 4217), EPRT and EPSV (RFC 2428).
//!
//! Read: commands and replies, logins, and where the data connections will be. The content of files travels there, see
//! [`ftp_data`](super::ftp_data). Not read: GSSAPI-protected commands (`MIC`, `ENC`, `CONF`).

use std::net::IpAddr;

use super::line::{self, Line, Lines, Sides};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::{Address, Endpoint, Transport};

pub(super) static PROTOCOL: Ftp = Ftp;

static COMMAND: Field = Field::meta("ftp.command", "command");
static COMMAND_DATA: Field = Field::meta("ftp.command_data", "command_data");
static REPLY: Field = Field::meta("ftp.reply", "reply[]");
static COMPLETION_CODE: Field = Field::meta("ftp.completion_code", "completion_code[]");
static MODE: Field = Field::meta("ftp.mode", "mode");
static DYNAMIC_PORT: Field = Field::meta("ftp.dynamic_port", "dynamic_port");
static USERNAME: Field = Field::new("ftp.username", Role::Username);
static PASSWORD: Field = Field::new("ftp.password", Role::Password);
static CONTENT: Field = Field::new("ftp.content", Role::Content);
static FIELDS: &[&Field] = &[
    &COMMAND,
    &COMMAND_DATA,
    &REPLY,
    &COMPLETION_CODE,
    &MODE,
    &DYNAMIC_PORT,
    &USERNAME,
    &PASSWORD,
    &CONTENT,
];

/// RFC 959 §4.1, RFC 1639, 2228, 2389, 2428, 2640, 3659, 7151 and the X commands of RFC 775.
const COMMANDS: &[&[u8]] = &[
    b"ABOR", b"ACCT", b"ADAT", b"ALLO", b"APPE", b"AUTH", b"CCC", b"CDUP", b"CLNT", b"CWD", b"DELE", b"EPRT",
    b"EPSV", b"FEAT", b"HELP", b"HOST", b"LANG", b"LIST", b"LPRT", b"LPSV", b"MDTM", b"MFMT", b"MKD",
    b"MLSD", b"MLST", b"MODE", b"NLST", b"NOOP", b"OPTS", b"PASS", b"PASV", b"PBSZ", b"PORT", b"PROT",
    b"PWD", b"QUIT", b"REIN", b"REST", b"RETR", b"RMD", b"RNFR", b"RNTO", b"SITE", b"SIZE", b"SMNT", b"STAT",
    b"STOR", b"STOU", b"STRU", b"SYST", b"TYPE", b"USER", b"XCUP", b"XCWD", b"XMKD", b"XPWD", b"XRMD",
];

/// Commands that stand alone on their line and that no other protocol has.
const LONE_COMMANDS: &[&[u8]] = &[
    b"FEAT",
    b"SYST",
    b"PASV",
    b"EPSV",
    b"PWD",
    b"XPWD",
    b"CDUP",
    b"AUTH TLS",
    b"AUTH SSL",
    b"AUTH TLS-C",
    b"TYPE I",
    b"TYPE A",
    b"TYPE A N",
    b"MODE S",
    b"STRU F",
    b"PBSZ 0",
    b"PROT P",
    b"PROT C",
    b"OPTS UTF8 ON",
    b"OPTS UTF8",
    b"EPSV ALL",
    b"MLSD",
];

/// Words of a greeting that say which service answers `220`.
const GREETING_WORDS: &[&[u8]] = &[b"FTP", b"FileZilla", b"Serv-U", b"(vsFTPd", b"NcFTPd", b"WU-"];
const OTHER_GREETING_WORDS: &[&[u8]] = &[b"SMTP", b"LMTP", b"Postfix", b"Exim", b"Sendmail"];

#[derive(Debug)]
pub(super) struct Ftp;

impl Protocol for Ftp {
    fn name(&self) -> &'static str {
        "ftp"
    }

    fn about(&self) -> &'static str {
        "File Transfer Protocol, control connection, RFC 959"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[21]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        // A digit of a reply, or a letter of a command.
        FirstByte::Range(b'1', b'z')
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let on_port = opening.flow.has_port(21);
        let sides = [opening.to_server, opening.to_client].map(|bytes| probe_side(bytes, on_port));
        match sides {
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(FtpParser::default())
    }
}

fn probe_side(bytes: &[u8], on_port: bool) -> Probe {
    match bytes {
        [] => Probe::NeedMore,
        [b'1'..=b'5', ..] => probe_replies(bytes, on_port),
        _ => probe_commands(bytes, on_port),
    }
}

fn probe_replies(bytes: &[u8], on_port: bool) -> Probe {
    let mut greeting: Option<u16> = None;
    for line in line::complete_lines(bytes) {
        let Some(reply) = line::reply(line) else {
            // Inside a reply of several lines anything may stand.
            if greeting.is_some() && line::is_text(line) {
                continue;
            }
            return Probe::Mismatch;
        };
        if !line::is_text(reply.text) {
            return Probe::Mismatch;
        }
        let first = greeting.is_none();
        let code = *greeting.get_or_insert(reply.code);
        let only_ftp = match reply.code {
            227 => host_port(reply.text).is_some(),
            229 => extended_port(reply.text).is_some(),
            331 => !first || on_port || line::contains_ignore_case(reply.text, b"password"),
            230 | 257 | 226 | 215 => !first && matches!(code, 120 | 220),
            _ => false,
        };
        if only_ftp {
            return Probe::Match;
        }
        if matches!(code, 120 | 220 | 421 | 530) {
            let says =
                |words: &[&[u8]]| words.iter().any(|word| line::contains_ignore_case(reply.text, word));
            if says(GREETING_WORDS) && !says(OTHER_GREETING_WORDS) {
                return Probe::Match;
            }
            if says(OTHER_GREETING_WORDS) && !on_port {
                return Probe::Mismatch;
            }
            if on_port && reply.is_last {
                return Probe::Match;
            }
        } else if first {
            return Probe::Mismatch;
        }
    }
    if greeting.is_none() && (!fits_reply(bytes) || !line::is_text(bytes.trim_ascii_end())) {
        return Probe::Mismatch;
    }
    Probe::NeedMore
}

/// Whether the beginning of an incomplete line could be a reply.
fn fits_reply(bytes: &[u8]) -> bool {
    bytes.iter().zip(0..4).all(|(byte, at)| match at {
        3 => matches!(byte, b' ' | b'-' | b'\r' | b'\n'),
        _ => byte.is_ascii_digit(),
    })
}

fn probe_commands(bytes: &[u8], on_port: bool) -> Probe {
    let mut after_user = false;
    for line in line::complete_lines(bytes) {
        let (command, argument) = line::split_word(line);
        if !line::is_text(line) || !line::is_one_of(command, COMMANDS) {
            return Probe::Mismatch;
        }
        // `USER a b c :d` is IRC's.
        if command.eq_ignore_ascii_case(b"USER") && !argument.contains(&b':') {
            after_user = true;
        }
        let evident = line::is_one_of(line.trim_ascii_end(), LONE_COMMANDS)
            || (command.eq_ignore_ascii_case(b"PORT") && host_port(argument).is_some())
            || (command.eq_ignore_ascii_case(b"EPRT") && extended_endpoint(argument).is_some());
        if evident || (after_user && on_port) {
            return Probe::Match;
        }
    }
    let last = bytes.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    let (command, _) = line::split_word(last);
    if line::is_text(last.trim_ascii_end()) && line::could_become(command.trim_ascii_end(), COMMANDS) {
        Probe::NeedMore
    } else {
        Probe::Mismatch
    }
}

#[derive(Debug, Default)]
struct FtpParser {
    lines: [Lines; 2],
    sides: Sides,
    /// The code of a reply of several lines that has not ended.
    inside_reply: Option<u16>,
    wants_tls: bool,
    /// Facts were stated that no record holds yet.
    open: bool,
}

impl Parser for FtpParser {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let direction = chunk.direction;
        let mut rest = chunk.bytes;
        while let Some(line) = self.lines.get_mut(direction.index()).and_then(|lines| lines.next(&mut rest)) {
            let is_reply = self.sides.is_reply(direction, line::reply(line.text).is_some());
            if !is_reply {
                self.command(line, direction, out);
            } else if self.reply(flow, line, direction, out) {
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
        self.end_record(out);
    }
}

impl FtpParser {
    fn end_record(&mut self, out: &mut dyn Sink) {
        if std::mem::take(&mut self.open) {
            out.end_record();
        }
    }

    fn command(&mut self, line: Line<'_>, direction: Direction, out: &mut dyn Sink) {
        let text = without_telnet(line.text);
        let (command, _) = line::split_word(text);
        if !line.is_whole() || !(3..=4).contains(&command.len()) || !command.is_ascii() {
            return;
        }
        // Passwords may begin or end with spaces: only the one separator goes.
        let argument = text.get(command.len() + 1..).unwrap_or_default();
        self.end_record(out);
        self.open = true;
        self.wants_tls = false;
        out.fact(&COMMAND, direction, Value::Bytes(command));
        let is = |name: &[u8]| command.eq_ignore_ascii_case(name);
        if is(b"PASS") || is(b"ACCT") {
            if !argument.is_empty() {
                out.fact(&PASSWORD, direction, Value::Bytes(argument));
            }
            return;
        }
        if !argument.is_empty() && !is(b"ADAT") {
            out.fact(&COMMAND_DATA, direction, Value::Bytes(argument));
        }
        if is(b"USER") {
            out.fact(&USERNAME, direction, Value::Bytes(argument));
        } else if is(b"AUTH") {
            let mechanisms: [&[u8]; 4] = [b"TLS", b"SSL", b"TLS-C", b"TLS-P"];
            self.wants_tls = line::is_one_of(argument.trim_ascii(), &mechanisms);
        } else if is(b"PORT") {
            announce(
                host_port(argument).map(|(address, port)| Endpoint::new(address, port)),
                "active",
                direction,
                out,
            );
        } else if is(b"EPRT") {
            announce(extended_endpoint(argument), "active", direction, out);
        } else if is(b"LPRT") || is(b"TYPE") || is(b"OPTS") || is(b"PROT") || is(b"PBSZ") {
            // Nothing of theirs is about a person.
        } else if !argument.is_empty() {
            out.fact(&CONTENT, direction, Value::Bytes(argument));
        }
    }

    /// Answers whether TLS starts behind this line.
    fn reply(&mut self, flow: &FlowKey, line: Line<'_>, direction: Direction, out: &mut dyn Sink) -> bool {
        let reply = line::reply(line.text);
        let Some(reply) = reply.filter(|reply| self.inside_reply.is_none_or(|code| code == reply.code))
        else {
            if line.starts && (self.inside_reply.is_some() || line::is_text(line.text)) {
                out.fact(&REPLY, direction, Value::Bytes(line.text.trim_ascii()));
                self.open = true;
            }
            return false;
        };
        if self.inside_reply.is_none() {
            out.fact(&COMPLETION_CODE, direction, Value::Bytes(reply.digits));
        }
        out.fact(&REPLY, direction, Value::Bytes(reply.text));
        self.open = true;
        self.inside_reply = (!reply.is_last).then_some(reply.code);
        if !reply.is_last {
            return false;
        }
        let server = match direction {
            Direction::ToClient => flow.server,
            Direction::ToServer => flow.client,
        };
        match reply.code {
            227 => {
                if let Some((address, port)) = host_port(reply.text) {
                    announce(Some(Endpoint::new(address, port)), "passive", direction, out);
                    // Behind a NAT the address in the reply is not the one that the client will use.
                    if address != server.address {
                        out.expect(Transport::TCP, Endpoint::new(server.address, port), "ftp-data");
                    }
                }
            }
            229 => {
                let endpoint = extended_port(reply.text).map(|port| Endpoint::new(server.address, port));
                announce(endpoint, "passive", direction, out);
            }
            _ => {}
        }
        // A preliminary reply (1yz) is followed by the one that ends the command.
        if !(100..200).contains(&reply.code) {
            self.end_record(out);
        }
        std::mem::take(&mut self.wants_tls) && reply.code == 234
    }
}

fn announce(endpoint: Option<Endpoint>, mode: &'static str, direction: Direction, out: &mut dyn Sink) {
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.port != 0) else {
        return;
    };
    out.fact(&MODE, direction, Value::Text(mode));
    out.fact(&DYNAMIC_PORT, direction, Value::Number(endpoint.port.into()));
    out.expect(Transport::TCP, endpoint, "ftp-data");
}

/// Before `ABOR` clients send Telnet's IP and SYNCH (RFC 959 §4.1.3), which are not part of the command.
fn without_telnet(text: &[u8]) -> &[u8] {
    let commands = text.iter().take_while(|&&byte| byte >= 0xf0).count();
    text.get(commands..).unwrap_or_default()
}

/// `h1,h2,h3,h4,p1,p2`, anywhere in the text: not every server writes the parentheses (RFC 1123 §4.1.2.6).
fn host_port(text: &[u8]) -> Option<(Address, u16)> {
    let start = text.iter().position(|&byte| byte == b',')?;
    let digits = text.get(..start)?.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let numbers = text.get(start - digits..)?;
    let end =
        numbers.iter().position(|byte| !byte.is_ascii_digit() && *byte != b',').unwrap_or(numbers.len());
    let mut bytes = [0; 6];
    let mut numbers = numbers.get(..end)?.split(|&byte| byte == b',');
    for byte in &mut bytes {
        *byte = u8::try_from(line::decimal(numbers.next()?)?).ok()?;
    }
    let [a, b, c, d, high, low] = bytes;
    numbers.next().is_none().then_some((Address::v4([a, b, c, d]), u16::from_be_bytes([high, low])))
}

/// `(|||port|)` of a reply to EPSV.
fn extended_port(text: &[u8]) -> Option<u16> {
    let open = memchr::memchr(b'(', text)?;
    let [delimiter, rest @ ..] = text.get(open + 1..)? else {
        return None;
    };
    let mut parts = rest.split(|byte| byte == delimiter);
    let (b"", b"") = (parts.next()?, parts.next()?) else {
        return None;
    };
    u16::try_from(line::decimal(parts.next()?)?).ok()
}

/// `|family|address|port|` of EPRT.
fn extended_endpoint(text: &[u8]) -> Option<Endpoint> {
    let [delimiter, rest @ ..] = text else {
        return None;
    };
    let mut parts = rest.split(|byte| byte == delimiter);
    let _family = parts.next().filter(|family| matches!(family, [b'1' | b'2']))?;
    let address: IpAddr = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let port = u16::try_from(line::decimal(parts.next()?)?).ok()?;
    Some(Endpoint::new(address.into(), port))
}

#[cfg(test)]
mod tests;
