//! Syslog: RFC 5424, BSD syslog (RFC 3164) and the dialects between, over UDP (RFC 5426) and TCP (RFC 6587).
//!
//! Read: priority, header, message. A priority alone proves nothing; a timestamp behind it does, or the registered port.

use super::line::{self, Lines};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::BODY_BYTES;
use crate::packet::Transport;

pub(super) static PROTOCOL: Syslog = Syslog;

static FACILITY: Field = Field::meta("syslog.facility", "facility");
static SEVERITY: Field = Field::meta("syslog.severity", "severity");
static TIMESTAMP: Field = Field::meta("syslog.timestamp", "timestamp");
static HOST: Field = Field::meta("syslog.host", "hostname");
static APP_NAME: Field = Field::meta("syslog.app_name", "app_name");
static PROCESS_ID: Field = Field::meta("syslog.process_id", "process_id");
static MESSAGE_ID: Field = Field::meta("syslog.message_id", "message_id");
static CONTENT: Field = Field::new("syslog.content", Role::Content);
static FIELDS: &[&Field] =
    &[&FACILITY, &SEVERITY, &TIMESTAMP, &HOST, &APP_NAME, &PROCESS_ID, &MESSAGE_ID, &CONTENT];

const PORTS: &[u16] = &[514, 601, 1514, 5514, 10514];

#[derive(Debug)]
pub(super) struct Syslog;

impl Protocol for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn about(&self) -> &'static str {
        "Syslog, RFC 5424 and RFC 3164"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::UDP, Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        PORTS
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        // '<' of a priority, or a digit of an octet count.
        FirstByte::Range(b'1', b'<')
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        let bytes = opening.newest();
        let on_port = PORTS.iter().any(|&port| opening.flow.has_port(port));
        if opening.is_datagram() {
            return match probe_message(bytes, on_port) {
                // A short datagram is a whole message.
                Probe::NeedMore if on_port && Header::parse(bytes).is_some() => Probe::Match,
                Probe::NeedMore => Probe::Mismatch,
                probe => probe,
            };
        }
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match bytes.get(digits..) {
            _ if digits > 5 => Probe::Mismatch,
            None | Some([]) => Probe::NeedMore,
            // Octet counting: "123 <34>1 …".
            Some([b' ', message @ ..]) if digits > 0 => probe_message(message, on_port),
            Some(message) if digits == 0 => probe_message(message, on_port),
            Some(_) => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(SyslogParser::default())
    }
}

fn probe_message(bytes: &[u8], on_port: bool) -> Probe {
    let Some((_, rest)) = priority(bytes) else {
        let fits = match bytes {
            [b'<', digits @ ..] => digits.len() < 4 && digits.iter().all(u8::is_ascii_digit),
            _ => bytes.is_empty(),
        };
        return if fits { Probe::NeedMore } else { Probe::Mismatch };
    };
    let evident = match rest {
        // VERSION is 1, TIMESTAMP may be missing: then the whole header must be there.
        [b'1', b' ', header @ ..] => {
            let (stamp, behind) = line::split_word(header);
            is_iso_timestamp(stamp) || (stamp == b"-" && behind.split(|&byte| byte == b' ').count() >= 5)
        }
        _ => is_bsd_timestamp(rest) || is_iso_timestamp(line::split_word(rest).0),
    };
    let text = rest.get(..64).unwrap_or(rest);
    let is_text = text.iter().all(|&byte| line::is_text(&[byte]) || matches!(byte, b'\r' | b'\n' | 0));
    if evident || (on_port && is_text && rest.len() >= 16) {
        Probe::Match
    } else if rest.len() < 32 && is_text {
        Probe::NeedMore
    } else {
        Probe::Mismatch
    }
}

/// `<PRI>`: facility × 8 + severity, 0 to 191, without leading zeros.
fn priority(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|&byte| byte == b'>')?;
    let (digits, rest) = rest.split_at(end);
    if digits.len() > 1 && digits.starts_with(b"0") {
        return None;
    }
    let priority = u8::try_from(line::decimal(digits)?).ok().filter(|priority| *priority <= 191)?;
    Some((priority, rest.get(1..)?))
}

/// `2026-11-23T05:57:52.047981+00:00`, RFC 3339.
fn is_iso_timestamp(word: &[u8]) -> bool {
    matches!(
        word,
        [y, _, _, _, b'-', m, _, b'-', d, _, b'T' | b't', h, _, b':', mi, _, b':', s, _, ..]
            if [y, m, d, h, mi, s].iter().all(|digit| digit.is_ascii_digit())
    )
}

/// `Jan  2 15:04:05 `, also with the year or milliseconds that some devices add.
fn is_bsd_timestamp(text: &[u8]) -> bool {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let is_month = text.get(..3).is_some_and(|month| MONTHS.contains(&month));
    let Some([b' ', b' ' | b'0'..=b'3', b'0'..=b'9' | b' ', rest @ ..]) = text.get(3..) else {
        return false;
    };
    let clock = rest.trim_ascii_start();
    let clock = match clock {
        [b'1' | b'2', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b' ', clock @ ..] => clock,
        clock => clock,
    };
    is_month
        && matches!(
            clock,
            [b'0'..=b'2', b'0'..=b'9', b':', b'0'..=b'5', b'0'..=b'9', b':', b'0'..=b'6', b'0'..=b'9', ..]
        )
}

/// What stands before the message.
#[derive(Debug, Default)]
struct Header<'a> {
    priority: u8,
    timestamp: &'a [u8],
    host: &'a [u8],
    app_name: &'a [u8],
    process_id: &'a [u8],
    message_id: &'a [u8],
    /// Structured data and the text.
    message: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (priority, rest) = priority(bytes)?;
        let mut header = Self { priority, message: rest, ..Self::default() };
        if let [b'1', b' ', rest @ ..] = rest {
            let (timestamp, rest) = line::split_word(rest);
            let (host, rest) = line::split_word(rest);
            let (app_name, rest) = line::split_word(rest);
            let (process_id, rest) = line::split_word(rest);
            let (message_id, rest) = line::split_word(rest);
            return Some(Self { priority, timestamp, host, app_name, process_id, message_id, message: rest });
        }
        if is_bsd_timestamp(rest) {
            // The clock's last digit ends the timestamp.
            let end =
                rest.windows(3).position(|window| matches!(window, [b':', b'0'..=b'9', b'0'..=b'9']))? + 6;
            header.timestamp = rest.get(..end)?;
            header.message = rest.get(end..)?;
        } else if is_iso_timestamp(line::split_word(rest).0) {
            (header.timestamp, header.message) = line::split_word(rest);
        } else {
            return Some(header);
        }
        header.host_and_tag();
        Some(header)
    }

    /// RFC 3164 §4.1: `host tag[pid]: text`; some senders leave the host out.
    fn host_and_tag(&mut self) {
        let message = self.message.trim_ascii_start();
        let (host, rest) = line::split_word(message);
        self.message = message;
        if host.ends_with(b":") || host.is_empty() {
            return;
        }
        self.host = host;
        self.message = rest;
        let (tag, _) = line::split_word(rest);
        if let Some(tag) = tag.strip_suffix(b":") {
            let name = tag.iter().position(|&byte| byte == b'[').unwrap_or(tag.len());
            self.app_name = tag.get(..name).unwrap_or_default();
            let id = tag.get(name..).unwrap_or_default();
            self.process_id = id.strip_prefix(b"[").and_then(|id| id.strip_suffix(b"]")).unwrap_or_default();
        }
    }

    fn state(&self, direction: Direction, out: &mut dyn Sink) {
        out.fact(&FACILITY, direction, Value::Number((self.priority >> 3).into()));
        out.fact(&SEVERITY, direction, Value::Number((self.priority & 7).into()));
        for (field, value) in [
            (&TIMESTAMP, self.timestamp),
            (&HOST, self.host),
            (&APP_NAME, self.app_name),
            (&PROCESS_ID, self.process_id),
            (&MESSAGE_ID, self.message_id),
        ] {
            // "-" is RFC 5424's NILVALUE.
            if !value.is_empty() && value != b"-" {
                out.fact(field, direction, Value::Bytes(value));
            }
        }
    }
}

fn message(bytes: &[u8], direction: Direction, out: &mut dyn Sink) {
    let header = Header::parse(bytes);
    let text = match &header {
        Some(header) => {
            header.state(direction, out);
            header.message
        }
        None => bytes,
    };
    let text = text.trim_ascii_end();
    if !text.is_empty() {
        out.fact(&CONTENT, direction, Value::Bytes(text));
    }
    if header.is_some() || !text.is_empty() {
        out.end_record();
    }
}

#[derive(Debug, Default)]
struct SyslogParser {
    lines: [Lines; 2],
    /// Bytes of a counted message that is too long to be read.
    skip: [u64; 2],
}

impl Parser for SyslogParser {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        if flow.transport != Transport::TCP {
            message(chunk.bytes, chunk.direction, out);
            return Progress::Consumed(chunk.bytes.len());
        }
        let direction = chunk.direction;
        let side = direction.index();
        let mut rest = chunk.bytes;
        while !rest.is_empty() {
            let consumed = chunk.bytes.len() - rest.len();
            let (Some(skip), Some(lines)) = (self.skip.get_mut(side), self.lines.get_mut(side)) else {
                break;
            };
            if *skip > 0 {
                let skipped = usize::try_from(*skip).map_or(rest.len(), |skip| skip.min(rest.len()));
                rest = rest.get(skipped..).unwrap_or_default();
                *skip = skip.saturating_sub(skipped as u64);
                continue;
            }
            match frame(rest) {
                Frame::Unknown => return Progress::Consumed(consumed),
                Frame::Line => match lines.next(&mut rest) {
                    Some(line) => message(line.text, direction, out),
                    None => break,
                },
                Frame::Counted { header, size } if size <= BODY_BYTES - header => {
                    let Some(text) = rest.get(header..header + size) else {
                        return Progress::NeedMore { consumed, need: header + size };
                    };
                    message(text, direction, out);
                    rest = rest.get(header + size..).unwrap_or_default();
                }
                Frame::Counted { header, size } => {
                    out.unseen(Unseen::Truncated);
                    *skip = (header + size) as u64;
                }
            }
        }
        Progress::Consumed(chunk.bytes.len() - rest.len())
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        let side = direction.index();
        match (self.skip.get_mut(side), self.lines.get_mut(side)) {
            (Some(skip), _) if *skip > missing => *skip -= missing,
            (Some(skip), Some(lines)) => {
                *skip = 0;
                lines.lose();
            }
            _ => {}
        }
        Progress::Consumed(0)
    }
}

/// How the next message is delimited, RFC 6587 §3.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Line,
    /// `size SP`, `header` bytes long, and so many bytes.
    Counted {
        header: usize,
        size: usize,
    },
    /// Only digits have come.
    Unknown,
}

fn frame(bytes: &[u8]) -> Frame {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let count = bytes.get(..digits).and_then(line::decimal);
    match (count, bytes.get(digits..)) {
        (Some(_), None | Some([] | [b' '])) if digits < 7 => Frame::Unknown,
        (Some(size), Some([b' ', b'<', ..])) if digits < 7 => {
            Frame::Counted { header: digits + 1, size: usize::try_from(size).unwrap_or(usize::MAX) }
        }
        _ => Frame::Line,
    }
}

#[cfg(test)]
mod tests;
