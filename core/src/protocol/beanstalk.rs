//! beanstalkd's protocol (beanstalkd's `protocol.txt`): a queue of jobs, in lines of text.
//!
//! Read: commands, tubes and jobs.

use crate::bytes::Reader;
use crate::flow::Direction;
use crate::packet::Transport;
use crate::protocol::framing::{After, Framed, Messages, Size};
use crate::protocol::strings::{decimal, word};
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Protocol, Role, Sink, Value};

static COMMAND: Field = Field::meta("beanstalk.command", "command");
static TUBE: Field = Field::meta("beanstalk.tube", "tube");
static JOB: Field = Field::new("beanstalk.job", Role::Content);

static FIELDS: &[&Field] = &[&COMMAND, &TUBE, &JOB];

pub(super) static PROTOCOL: Beanstalk = Beanstalk;

#[derive(Debug)]
pub(super) struct Beanstalk;

impl Protocol for Beanstalk {
    fn name(&self) -> &'static str {
        "beanstalk"
    }

    fn about(&self) -> &'static str {
        "beanstalkd's protocol, a queue of jobs"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[11300]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::Range(b'A', b'z')
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        probe(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<Framed<Session>>::default()
    }
}

/// A command or answer with as many words as it must have. Words that other protocols have need the registered port.
fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.newest();
    let head = &bytes[..bytes.len().min(256)];
    let Some(end) = memchr::memchr(b'\n', head) else {
        let fits = head.len() < 256 && head.iter().all(|byte| (b' '..0x7f).contains(byte) || *byte == b'\r');
        return if fits { Probe::NeedMore } else { Probe::Mismatch };
    };
    let Some(line) = head[..end].strip_suffix(b"\r") else {
        return Probe::Mismatch;
    };
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').take(6).collect();
    let numbers = |words: &[&[u8]]| words.iter().all(|word| decimal(word).is_some());
    let sure = match *words.as_slice() {
        [b"put", ref four @ ..] => four.len() == 4 && numbers(four),
        [b"reserve-with-timeout" | b"kick" | b"kick-job" | b"reserve-job" | b"stats-job", number] => {
            numbers(&[number])
        }
        [b"USING" | b"use", _] => true,
        [b"INSERTED" | b"WATCHING", number] => numbers(&[number]),
        [b"RESERVED" | b"FOUND", id, length] => numbers(&[id, length]),
        [
            b"list-tubes"
            | b"list-tube-used"
            | b"list-tubes-watched"
            | b"peek-ready"
            | b"peek-delayed"
            | b"peek-buried",
        ] => true,
        _ => false,
    };
    let likely = matches!(*words.as_slice(), [b"watch" | b"stats-tube", _] | [b"reserve" | b"stats"]);
    // `use` and `USING` alone are words of any language.
    let weak = matches!(*words.as_slice(), [b"use" | b"USING", ..]);
    if (sure && !weak) || ((sure || likely) && opening.flow.has_port(11300)) {
        Probe::Match
    } else {
        Probe::Mismatch
    }
}

/// The length that ends the line of a command or answer with a job behind it.
fn job_length(line: &[u8]) -> Option<u64> {
    match word(&mut &*line) {
        b"put" | b"RESERVED" | b"FOUND" | b"OK" => decimal(line.rsplit(|byte| *byte == b' ').next()?),
        _ => None,
    }
}

#[derive(Debug, Default)]
struct Session;

impl Messages for Session {
    fn size(&self, _: Direction, bytes: &[u8]) -> Size {
        Size::line(bytes, |line| job_length(line).map_or(0, |length| length.saturating_add(2)))
    }

    fn message(&mut self, direction: Direction, message: &[u8], out: &mut dyn Sink) -> After {
        let mut reader = Reader::new(message);
        let end = memchr::memchr(b'\n', message).unwrap_or(message.len());
        let line = reader.take(end).unwrap_or_default();
        let mut rest = line.strip_suffix(b"\r").unwrap_or(line);
        reader.skip(1);
        let command = word(&mut rest);
        out.fact(&COMMAND, direction, Value::Bytes(command));
        if matches!(command, b"use" | b"watch" | b"ignore" | b"stats-tube" | b"USING") {
            out.fact(&TUBE, direction, Value::Bytes(word(&mut rest)));
        }
        let job = reader.rest();
        let job = job.strip_suffix(b"\r\n").unwrap_or(job);
        if !job.is_empty() {
            out.fact(&JOB, direction, Value::Bytes(job));
        }
        out.end_record();
        After::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

    const CONVERSATION: &[(Direction, &[u8])] = &[
        (TO_SERVER, b"use jobs\r\nput 0 0 60 5\r\nhello\r\n"),
        (TO_CLIENT, b"USING jobs\r\nINSERTED 1\r\n"),
    ];

    #[test]
    fn reads_jobs() {
        let tcp = flow(Transport::TCP, 11300);
        let transcript = feed(&PROTOCOL, &tcp, CONVERSATION);
        assert_eq!(transcript.values(&TUBE), ["jobs", "jobs"]);
        assert_eq!(transcript.value(&JOB), "hello");
        keeps_promises(&PROTOCOL, &tcp, CONVERSATION);
    }

    #[test]
    fn common_words_need_the_port() {
        let (known, odd) = (flow(Transport::TCP, 11300), flow(Transport::TCP, 4000));
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"put 0 0 60 5\r\n"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &known, TO_SERVER, b"use jobs\r\n"), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"use jobs\r\n"), Probe::Mismatch);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"GET / HTTP/1.1\r\n"), Probe::Mismatch);
    }
}
