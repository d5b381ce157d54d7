//! A request and its response on one stream, and the messages of a gRPC call.

use super::{FIELDS, GRPC, hpack};
use crate::flow::Direction;
use crate::limits::{BODY_BYTES, REQUEST_BODY_BYTES};
use crate::protocol::http::authority::Authority;
use crate::protocol::http::content::{Codings, Content};
use crate::protocol::http::lines::decimal;
use crate::protocol::{Field, Sink, Value};

#[derive(Debug, Default)]
pub(super) struct Stream {
    request: Message,
    response: Message,
}

/// One half of a stream.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) is_request: bool,
    pub(super) is_over: bool,
    has_head: bool,
    is_grpc: bool,
    /// `Content-Encoding`, or `grpc-encoding` of a gRPC call.
    codings: Codings,
    content: Option<Box<Content>>,
    prefix: Prefix,
}

/// Of a gRPC message: whether it is compressed, and its length. gRPC over HTTP2, "Length-Prefixed-Message".
#[derive(Debug, Default)]
struct Prefix {
    bytes: [u8; 5],
    known: usize,
    /// Bytes of the message that are still to come.
    left: u32,
}

impl Stream {
    pub(super) const fn half(&mut self, is_request: bool) -> &mut Message {
        if is_request { &mut self.request } else { &mut self.response }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.request.is_over && self.response.is_over
    }

    pub(super) fn finish(&mut self, out: &mut dyn Sink) {
        self.request.finish(out);
        self.response.finish(out);
    }
}

impl Message {
    pub(super) const fn is_known(&self) -> bool {
        self.has_head
    }

    /// Takes bytes of DATA.
    pub(super) fn push(&mut self, data: &[u8], out: &mut dyn Sink) {
        if self.is_grpc {
            self.push_grpc(data, out);
        } else {
            self.gather(data, self.codings, out);
        }
    }

    fn push_grpc(&mut self, data: &[u8], out: &mut dyn Sink) {
        let mut rest = data;
        while !rest.is_empty() {
            let prefix = &mut self.prefix;
            if prefix.left == 0 {
                let Some((free, (byte, after))) = prefix.bytes.get_mut(prefix.known).zip(rest.split_first())
                else {
                    return;
                };
                *free = *byte;
                prefix.known += 1;
                rest = after;
                if prefix.known == prefix.bytes.len() {
                    let [_, length @ ..] = prefix.bytes;
                    prefix.left = u32::from_be_bytes(length);
                    prefix.known = 0;
                }
                continue;
            }
            let now = rest.len().min(prefix.left as usize);
            let (message, after) = rest.split_at(now);
            prefix.left -= now as u32;
            let (is_coded, is_whole) = (prefix.bytes[0] & 1 != 0, prefix.left == 0);
            rest = after;
            let codings = if is_coded { self.codings } else { Codings::default() };
            self.gather(message, codings, out);
            if is_whole {
                self.finish(out);
            }
        }
    }

    fn gather(&mut self, data: &[u8], codings: Codings, out: &mut dyn Sink) {
        let cap = if self.is_request { REQUEST_BODY_BYTES } else { BODY_BYTES };
        let (field, direction) = self.body();
        let content = self.content.get_or_insert_with(|| Box::new(Content::new(codings, cap)));
        if !content.is_full() {
            content.push(data, &mut |piece| out.fact(field, direction, Value::Bytes(piece)));
        }
    }

    /// States the last piece of the body, or of the gRPC message.
    pub(super) fn finish(&mut self, out: &mut dyn Sink) {
        let (field, direction) = self.body();
        if let Some(mut content) = self.content.take() {
            content.finish(&mut |piece| out.fact(field, direction, Value::Bytes(piece)));
        }
    }

    /// Bytes are missing: what comes is searched as it is.
    pub(super) fn interrupt(&mut self, out: &mut dyn Sink) {
        self.finish(out);
        self.is_grpc = false;
        self.codings = Codings::default();
    }

    fn body(&self) -> (&'static Field, Direction) {
        if self.is_request {
            (&FIELDS.request_body, Direction::ToServer)
        } else {
            (&FIELDS.response_body, Direction::ToClient)
        }
    }
}

/// States a header block and notes in `message` what matters for the DATA behind it. Answers whether it belongs to a
/// request: pseudo-header fields tell (RFC 9113 §8.3), `expected` where there are none.
pub(super) fn state_block(
    hpack: &mut hpack::Decoder,
    block: &[u8],
    expected: bool,
    message: &mut Message,
    out: &mut dyn Sink,
) -> Result<bool, &'static str> {
    let mut head = Head { is_request: expected, host: None, message };
    let result = hpack.decode(block, &mut |name, value| head.field(name, value, out));
    let is_request = head.is_request;
    out.end_record();
    result.map(|()| is_request)
}

struct Head<'a> {
    is_request: bool,
    host: Option<Vec<u8>>,
    message: &'a mut Message,
}

impl Head<'_> {
    fn field(&mut self, name: &[u8], value: &[u8], out: &mut dyn Sink) {
        let state = |out: &mut dyn Sink, field| out.fact(field, Direction::ToServer, Value::Bytes(value));
        match name {
            b":status" => {
                self.is_request = false;
                if let Some(status) = decimal(value) {
                    // An interim response is followed by the one that counts.
                    self.message.has_head = status >= 200;
                    out.fact(&FIELDS.status, Direction::ToClient, Value::Number(status));
                }
            }
            b":method" => {
                self.is_request = true;
                self.message.has_head = true;
                state(out, &FIELDS.method);
            }
            b":path" => {
                self.is_request = true;
                state(out, &FIELDS.target);
                out.fact(&FIELDS.version, Direction::ToServer, Value::Text("HTTP/2"));
                if out.wants_content() {
                    state(out, &FIELDS.query);
                }
            }
            b":authority" => self.host(value, out),
            b"host" if self.is_request => self.host(value, out),
            [b':', ..] => {}
            _ if self.is_request => {
                self.note(name, value, out);
                FIELDS.state_request_header(name, value, out);
            }
            _ => {
                self.note(name, value, out);
                if name == b"content-length"
                    && let Some(length) = decimal(value)
                {
                    out.fact(&FIELDS.length, Direction::ToClient, Value::Number(length));
                }
                FIELDS.state_response_header(name, value, out);
            }
        }
    }

    fn host(&mut self, value: &[u8], out: &mut dyn Sink) {
        let Some(authority) = Authority::parse(value) else {
            out.fact(&FIELDS.anomaly, Direction::ToServer, Value::Text("bad-host"));
            return;
        };
        match &self.host {
            None => authority.state_host(&FIELDS.host, out),
            Some(host) if **host == *authority.name() => {}
            Some(_) => out.fact(&FIELDS.anomaly, Direction::ToServer, Value::Text("host-differs-from-uri")),
        }
        self.host.get_or_insert_with(|| authority.name().into_owned());
    }

    /// What says how DATA is to be read.
    fn note(&mut self, name: &[u8], value: &[u8], out: &mut dyn Sink) {
        match name {
            b"content-encoding" | b"grpc-encoding" => self.message.codings.add(value),
            b"content-type" if is_grpc(value) => {
                self.message.is_grpc = true;
                out.refine(GRPC);
            }
            _ => {}
        }
    }
}

/// `application/grpc`, also `application/grpc+proto`.
fn is_grpc(content_type: &[u8]) -> bool {
    content_type
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest, [] | [b'+' | b';' | b' ', ..]))
}
