//! Lightweight Directory Access Protocol, RFC 4511, its version 2 (RFC 1777), and CLDAP over UDP (RFC 3352).
//!
//! Read: operations, simple binds, SASL mechanisms, searches, the strings of what is added, changed and found. Not read:
//! what a SASL security layer protects.

use super::line;
use super::pieces::Pieces;
use super::sasl::{self, Exchange};
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen, Value};
use crate::bytes::Reader;
use crate::flow::{Chunk, Direction, FlowKey};
use crate::limits::PENDING_BYTES;
use crate::packet::Transport;

mod filter;

pub(super) static PROTOCOL: Ldap = Ldap;

// Suricata 8's record nests the same way.
static MESSAGE_ID: Field = Field::meta("ldap.message_id", "request.message_id");
static OPERATION: Field = Field::meta("ldap.operation", "request.operation");
static VERSION: Field = Field::meta("ldap.version", "request.bind_request.version");
static BIND_NAME: Field = Field::meta("ldap.bind_name", "request.bind_request.name");
static SASL_MECHANISM: Field = Field::meta("ldap.sasl_mechanism", "request.bind_request.sasl.mechanism");
static BASE_OBJECT: Field = Field::meta("ldap.base_object", "request.search_request.base_object");
static SCOPE: Field = Field::meta("ldap.scope", "request.search_request.scope");
static FILTER: Field = Field::meta("ldap.filter", "request.search_request.filter");
static ATTRIBUTE: Field = Field::meta("ldap.attribute", "request.search_request.attributes[]");
static EXTENDED_NAME: Field = Field::meta("ldap.extended_name", "request.extended_request.name");
static RESPONSE: Field = Field::meta("ldap.response", "responses[].operation");
static RESULT_CODE: Field = Field::meta("ldap.result_code", "responses[].result_code");
static USERNAME: Field = Field::new("ldap.username", Role::Username);
static PASSWORD: Field = Field::new("ldap.password", Role::Password);
static CONTENT: Field = Field::new("ldap.content", Role::Content);
static FIELDS: &[&Field] = &[
    &MESSAGE_ID,
    &OPERATION,
    &VERSION,
    &BIND_NAME,
    &SASL_MECHANISM,
    &BASE_OBJECT,
    &SCOPE,
    &FILTER,
    &ATTRIBUTE,
    &EXTENDED_NAME,
    &RESPONSE,
    &RESULT_CODE,
    &USERNAME,
    &PASSWORD,
    &CONTENT,
];

const LOGIN: sasl::Fields = sasl::Fields { username: &USERNAME, password: &PASSWORD };

const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// RFC 3062.
const PASSWORD_MODIFY: &[u8] = b"1.3.6.1.4.1.4203.1.11.1";

/// Tags of BER, X.690 §8.1.2.
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;
const CONTROLS: u8 = 0xa0;

/// `protocolOp`, RFC 4511 §4.1.1: application tags and Suricata's names.
const OPERATIONS: &[(u8, &str)] = &[
    (0x60, "bind_request"),
    (0x61, "bind_response"),
    (0x42, "unbind_request"),
    (0x63, "search_request"),
    (0x64, "search_result_entry"),
    (0x65, "search_result_done"),
    (0x73, "search_result_reference"),
    (0x66, "modify_request"),
    (0x67, "modify_response"),
    (0x68, "add_request"),
    (0x69, "add_response"),
    (0x4a, "del_request"),
    (0x6b, "del_response"),
    (0x6c, "mod_dn_request"),
    (0x6d, "mod_dn_response"),
    (0x6e, "compare_request"),
    (0x6f, "compare_response"),
    (0x50, "abandon_request"),
    (0x77, "extended_request"),
    (0x78, "extended_response"),
    (0x79, "intermediate_response"),
];

#[derive(Debug)]
pub(super) struct Ldap;

impl Protocol for Ldap {
    fn name(&self) -> &'static str {
        "ldap"
    }

    fn about(&self) -> &'static str {
        "Lightweight Directory Access Protocol, RFC 4511, and CLDAP"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP, Transport::UDP]
    }

    fn ports(&self) -> &'static [u16] {
        &[389, 3268, 636, 3269]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[SEQUENCE])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        if opening.is_datagram() {
            return match probe_message(opening.newest()) {
                Probe::NeedMore => Probe::Mismatch,
                probe => probe,
            };
        }
        match [opening.to_server, opening.to_client].map(probe_message) {
            [Probe::Mismatch, _] | [_, Probe::Mismatch] => Probe::Mismatch,
            [Probe::Match, _] | [_, Probe::Match] => Probe::Match,
            _ => Probe::NeedMore,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(LdapParser::default())
    }
}

/// A message whose lengths agree and whose operation begins as RFC 4511 says.
fn probe_message(bytes: &[u8]) -> Probe {
    let mut reader = Reader::new(bytes);
    match probe_envelope(&mut reader) {
        Some(probe) => probe,
        // Bytes ran out while all was well.
        None if reader.is_empty() || reader.remaining() < 8 => Probe::NeedMore,
        None => Probe::Mismatch,
    }
}

fn probe_envelope(reader: &mut Reader<'_>) -> Option<Probe> {
    const MISMATCH: Option<Probe> = Some(Probe::Mismatch);
    if reader.u8()? != SEQUENCE {
        return MISMATCH;
    }
    let Some(total) = length(reader)? else {
        return MISMATCH;
    };
    let end = reader.offset().checked_add(total)?;
    if total < 5 || reader.u8()? != INTEGER {
        return MISMATCH;
    }
    // INTEGER (0 .. 2^31-1)
    let id_length = usize::from(reader.u8()?);
    let id = match id_length {
        1..=4 => reader.take(id_length)?,
        _ => return MISMATCH,
    };
    let tag = reader.u8()?;
    if id.first().is_none_or(|byte| *byte >= 0x80) || operation(tag).is_none() {
        return MISMATCH;
    }
    let Some(op_length) = length(reader)? else {
        return MISMATCH;
    };
    let op_end = reader.offset().checked_add(op_length)?;
    if op_end > end || (op_end < end && end - op_end < 2) {
        return MISMATCH;
    }
    let fits = match tag {
        0x60 => bind_begins(reader, op_length)?,
        0x63 | 0x64 | 0x66 | 0x68 | 0x6c | 0x6e => op_length >= 2 && reader.u8()? == OCTET_STRING,
        // A result is an enumerated code of one byte.
        0x61 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x78 => {
            op_length >= 7 && reader.u8()? == ENUMERATED && reader.u8()? == 1
        }
        0x77 => op_length >= 2 && reader.u8()? == 0x80,
        0x42 => op_length == 0 && (op_end == end || reader.u8()? == CONTROLS),
        0x50 => (1..=4).contains(&op_length),
        _ => op_length > 0,
    };
    Some(if fits { Probe::Match } else { Probe::Mismatch })
}

/// `version INTEGER (1 .. 127), name LDAPDN, …`
fn bind_begins(reader: &mut Reader<'_>, op_length: usize) -> Option<bool> {
    if op_length < 7 {
        return Some(false);
    }
    let [tag, size, version, name] = reader.array()?;
    Some(tag == INTEGER && size == 1 && matches!(version, 2 | 3) && name == OCTET_STRING)
}

/// A BER length. `Some(None)` for what LDAP forbids (RFC 4511 §5.1): the indefinite form; and for absurd sizes.
fn length(reader: &mut Reader<'_>) -> Option<Option<usize>> {
    let first = reader.u8()?;
    let count = match first {
        0..=0x7f => return Some(Some(first.into())),
        0x81..=0x84 => usize::from(first & 0x7f),
        _ => return Some(None),
    };
    let bytes = reader.take(count)?;
    let size = bytes.iter().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    Some(usize::try_from(size).ok().filter(|size| *size < 1 << 31))
}

/// A complete element: its tag and its content.
fn element<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let tag = reader.u8()?;
    let size = length(reader)??;
    Some((tag, reader.take(size)?))
}

/// The content of the next element if it has this tag.
fn content<'a>(reader: &mut Reader<'a>, wanted: u8) -> Option<&'a [u8]> {
    element(reader).filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn operation(tag: u8) -> Option<&'static str> {
    OPERATIONS.iter().find(|(known, _)| *known == tag).map(|(_, name)| *name)
}

#[derive(Debug, Default)]
struct LdapParser {
    /// Bytes of a message that is too long to be read.
    skip: [u64; 2],
    /// A SASL bind is under way or done: what follows may be protected.
    is_sasl: bool,
    /// The message that asked for TLS.
    start_tls: Option<(u64, Direction)>,
}

impl Parser for LdapParser {
    fn feed(&mut self, flow: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        let mut rest = chunk.bytes;
        let is_datagram = flow.transport != Transport::TCP;
        while !rest.is_empty() {
            if let Some(skip) = self.skip.get_mut(chunk.direction.index()).filter(|skip| **skip > 0) {
                let skipped = usize::try_from(*skip).map_or(rest.len(), |skip| skip.min(rest.len()));
                rest = rest.get(skipped..).unwrap_or_default();
                *skip = skip.saturating_sub(skipped as u64);
                continue;
            }
            let consumed = chunk.bytes.len() - rest.len();
            if !rest.starts_with(&[SEQUENCE]) {
                // A security layer puts a length of four bytes first (RFC 4422 §3.7).
                if self.is_sasl {
                    out.unseen(Unseen::Encrypted);
                    return Progress::Done;
                }
                return Progress::Malformed {
                    what: "An LDAP message does not begin with a SEQUENCE",
                    at: consumed,
                };
            }
            let mut reader = Reader::new(rest);
            let header = reader.u8().and_then(|_| length(&mut reader));
            let total = match header {
                Some(Some(size)) => reader.offset() + size,
                Some(None) => {
                    return Progress::Malformed {
                        what: "An LDAP message has a length that is not allowed",
                        at: consumed,
                    };
                }
                None => break,
            };
            if total > PENDING_BYTES {
                out.unseen(Unseen::Truncated);
                if let Some(skip) = self.skip.get_mut(chunk.direction.index()) {
                    *skip = total as u64;
                }
                continue;
            }
            let Some(message) = rest.get(reader.offset()..total) else {
                if is_datagram {
                    break;
                }
                return Progress::NeedMore { consumed, need: total };
            };
            rest = rest.get(total..).unwrap_or_default();
            if self.message(message, chunk.direction, out) == Some(true) {
                return Progress::Become { protocol: "tls", consumed: chunk.bytes.len() - rest.len() };
            }
        }
        Progress::Consumed(if is_datagram { chunk.bytes.len() } else { chunk.bytes.len() - rest.len() })
    }

    fn gap(&mut self, direction: Direction, missing: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        match self.skip.get_mut(direction.index()) {
            Some(skip) if *skip >= missing && *skip > 0 => {
                *skip -= missing;
                Progress::Consumed(0)
            }
            _ => Progress::Done,
        }
    }
}

impl LdapParser {
    /// Answers whether TLS starts behind this message.
    fn message(&mut self, bytes: &[u8], direction: Direction, out: &mut dyn Sink) -> Option<bool> {
        let mut reader = Reader::new(bytes);
        let id = number(content(&mut reader, INTEGER)?);
        let (tag, body) = element(&mut reader)?;
        let name = operation(tag)?;
        let is_response =
            matches!(tag, 0x61 | 0x64 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x73 | 0x78 | 0x79);
        let mut body = Reader::new(body);
        if is_response {
            let starts_tls = self.response(tag, name, id, &mut body, direction, out);
            return Some(starts_tls);
        }
        out.fact(&MESSAGE_ID, direction, Value::Number(id));
        out.fact(&OPERATION, direction, Value::Text(name));
        match tag {
            0x60 => self.bind(&mut body, direction, out),
            0x63 => search(&mut body, direction, out),
            0x77 => self.extended(id, &mut body, direction, out),
            0x42 | 0x50 => Some(()),
            0x4a => {
                state_content(body.peek(), direction, out);
                Some(())
            }
            _ => {
                strings(body.peek(), direction, out);
                Some(())
            }
        };
        out.end_record();
        Some(false)
    }

    fn bind(&mut self, body: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
        let version = content(body, INTEGER)?;
        let name = content(body, OCTET_STRING)?;
        out.fact(&VERSION, direction, Value::Number(number(version)));
        out.fact(&BIND_NAME, direction, Value::Bytes(name));
        let (choice, credentials) = element(body)?;
        match choice {
            // simple; without a password it is anonymous (RFC 4513 §5.1).
            0x80 if !credentials.is_empty() => {
                out.fact(&USERNAME, direction, Value::Bytes(name));
                out.fact(&PASSWORD, direction, Value::Bytes(credentials));
            }
            0xa3 => {
                self.is_sasl = true;
                let mut sasl = Reader::new(credentials);
                let mechanism = content(&mut sasl, OCTET_STRING)?;
                out.fact(&SASL_MECHANISM, direction, Value::Bytes(mechanism));
                let response = content(&mut sasl, OCTET_STRING)?;
                Exchange::new(mechanism).respond_raw(response, LOGIN, direction, out);
            }
            _ => {}
        }
        Some(())
    }

    fn extended(
        &mut self,
        id: u64,
        body: &mut Reader<'_>,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> Option<()> {
        let name = content(body, 0x80)?;
        out.fact(&EXTENDED_NAME, direction, Value::Bytes(name));
        if name == START_TLS {
            self.start_tls = Some((id, direction));
        }
        let value = content(body, 0x81)?;
        if name != PASSWORD_MODIFY {
            state_content(value, direction, out);
            return Some(());
        }
        let mut parts = Reader::new(content(&mut Reader::new(value), SEQUENCE)?);
        while let Some((tag, value)) = element(&mut parts) {
            let field = if tag == 0x80 { &USERNAME } else { &PASSWORD };
            out.fact(field, direction, Value::Bytes(value));
        }
        Some(())
    }

    fn response(
        &mut self,
        tag: u8,
        name: &'static str,
        id: u64,
        body: &mut Reader<'_>,
        direction: Direction,
        out: &mut dyn Sink,
    ) -> bool {
        out.fact(&RESPONSE, direction, Value::Text(name));
        if matches!(tag, 0x64 | 0x73 | 0x79) {
            strings(body.peek(), direction, out);
            out.end_record();
            return false;
        }
        let code = content(body, ENUMERATED).map(number);
        if let Some(code) = code {
            out.fact(&RESULT_CODE, direction, Value::Number(code));
        }
        out.end_record();
        // A server seen alone names what it agrees to: responseName [10].
        let mut behind = body.peek();
        let says_tls = loop {
            let mut reader = Reader::new(behind);
            match element(&mut reader) {
                Some((0x8a, START_TLS)) => break true,
                Some(_) => behind = reader.peek(),
                None => break false,
            }
        };
        let asked = self.start_tls.take_if(|asked| *asked == (id, direction.opposite())).is_some();
        let says_tls = says_tls && direction == Direction::ToClient;
        tag == 0x78 && code == Some(0) && (asked || says_tls)
    }
}

/// `baseObject, scope, derefAliases, sizeLimit, timeLimit, typesOnly, filter, attributes`
fn search(body: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<()> {
    let base = content(body, OCTET_STRING)?;
    out.fact(&BASE_OBJECT, direction, Value::Bytes(base));
    let scope = match content(body, ENUMERATED)? {
        [0] => "base_object",
        [1] => "single_level",
        [2] => "whole_subtree",
        _ => "subordinate_subtree",
    };
    out.fact(&SCOPE, direction, Value::Text(scope));
    for tag in [ENUMERATED, INTEGER, INTEGER, 0x01] {
        content(body, tag)?;
    }
    let mut text = Vec::new();
    filter::write(body, &mut text, 0)?;
    out.fact(&FILTER, direction, Value::Bytes(&text));
    state_content(&text, direction, out);
    let mut attributes = Reader::new(content(body, SEQUENCE)?);
    while let Some(attribute) = content(&mut attributes, OCTET_STRING) {
        out.fact(&ATTRIBUTE, direction, Value::Bytes(attribute));
    }
    Some(())
}

fn state_content(bytes: &[u8], direction: Direction, out: &mut dyn Sink) {
    if !bytes.is_empty() {
        out.fact(&CONTENT, direction, Value::Bytes(bytes));
    }
}

/// States every string of an operation, one to a line, whatever its nesting.
fn strings(bytes: &[u8], direction: Direction, out: &mut dyn Sink) {
    let mut pieces = Pieces::new(&CONTENT, direction);
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let mut inside = reader;
        let Some(tag) = inside.u8() else {
            break;
        };
        // A constructed element is walked into by leaving its header behind.
        if tag & 0x20 != 0 {
            if length(&mut inside).is_none() {
                break;
            }
            reader = inside;
            continue;
        }
        let Some((tag, value)) = element(&mut reader) else {
            break;
        };
        if (tag == OCTET_STRING || tag & 0x80 != 0) && line::is_text(value) {
            pieces.push(value, out);
            pieces.push(b"\n", out);
        }
    }
    pieces.finish(out);
}

#[cfg(test)]
mod tests;
