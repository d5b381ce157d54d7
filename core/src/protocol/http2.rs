//! HTTP/2 in the clear, RFC 9113, with prior knowledge or upgraded from HTTP/1.1, and gRPC in it.
//!
//! Read are header blocks (HPACK, RFC 7541), logins, and what DATA carries, per stream and out of its content coding; of
//! gRPC, each message for itself. A server's SETTINGS are enough to begin with, so that one side of a connection will do;
//! a connection that is joined later has no HPACK tables and is not recognised.

mod connection;
mod frame;
mod hpack;
mod stream;
#[cfg(test)]
mod tests;

use super::http::semantics::{self, Fields};
use super::{Field, FirstByte, Opening, Parser, Probe, Protocol};
use crate::flow::Direction;
use crate::packet::Transport;

use self::frame::{Frame, PREFACE};

const GRPC: &str = "grpc";

static FIELDS: Fields = semantics::fields!("http2");
static ALL_FIELDS: [&Field; 22] = FIELDS.all();

/// HTTP/2 without TLS.
#[derive(Debug)]
pub(super) struct Http2;

pub(super) static PROTOCOL: Http2 = Http2;

impl Protocol for Http2 {
    fn name(&self) -> &'static str {
        "http2"
    }

    fn about(&self) -> &'static str {
        "Hypertext Transfer Protocol 2 without TLS (RFC 9113), and gRPC"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[80, 8080, 50051]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(b"P\0")
    }

    fn variants(&self) -> &'static [&'static str] {
        &[GRPC]
    }

    fn fields(&self) -> &'static [&'static Field] {
        &ALL_FIELDS
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        match [opening.to_server, opening.to_client].map(probe_side) {
            [Some(Probe::Match), _] | [_, Some(Probe::Match)] => Probe::Match,
            [Some(Probe::NeedMore), _] | [_, Some(Probe::NeedMore)] | [None, None] => Probe::NeedMore,
            _ => Probe::Mismatch,
        }
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::<connection::Connection>::default()
    }
}

/// What one side's first bytes say, if there are any.
fn probe_side(bytes: &[u8]) -> Option<Probe> {
    /// `PRI * HTTP/2.0`, which is said in no other protocol.
    const ENOUGH: usize = 14;
    if bytes.is_empty() {
        return None;
    }
    let known = PREFACE.len().min(bytes.len());
    if bytes.get(..known) == PREFACE.get(..known) {
        return Some(if known >= ENOUGH { Probe::Match } else { Probe::NeedMore });
    }
    Some(probe_settings(bytes))
}

/// RFC 9113 §3.4: a server's first frame is SETTINGS. If that is empty, the frame behind it has to be one as well.
fn probe_settings(bytes: &[u8]) -> Probe {
    let Some(first) = Frame::parse(bytes) else {
        // Two zero bytes of a short length, and the type and flags.
        let fits =
            bytes.iter().zip([Some(0), None, None, Some(4), Some(0), Some(0), Some(0), Some(0), Some(0)]);
        let fits = fits.into_iter().all(|(byte, wanted)| wanted.is_none_or(|wanted| wanted == *byte));
        return if fits { Probe::NeedMore } else { Probe::Mismatch };
    };
    if !first.is_settings() || first.flags != 0 || first.length > 256 || !first.is_sane() {
        return Probe::Mismatch;
    }
    let rest = bytes.get(Frame::HEADER_BYTES..).unwrap_or_default();
    let length = first.length as usize;
    let settings = rest.get(..length.min(rest.len())).unwrap_or_default();
    if !settings.chunks_exact(6).all(is_setting) {
        return Probe::Mismatch;
    }
    if rest.len() < length {
        return Probe::NeedMore;
    }
    if length > 0 {
        return Probe::Match;
    }
    match Frame::parse(rest) {
        Some(second) if second.is_sane() && second.length <= 16_384 => Probe::Match,
        Some(_) => Probe::Mismatch,
        None => Probe::NeedMore,
    }
}

/// RFC 9113 §6.5.2: what the values of known settings can be.
fn is_setting(setting: &[u8]) -> bool {
    let [high, low, value @ ..] = setting else {
        return false;
    };
    let Ok(value) = value.try_into().map(u32::from_be_bytes) else {
        return false;
    };
    match u16::from_be_bytes([*high, *low]) {
        0 => false,
        // ENABLE_PUSH, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES.
        2 | 8 | 9 => value <= 1,
        // INITIAL_WINDOW_SIZE.
        4 => value <= 0x7fff_ffff,
        // MAX_FRAME_SIZE.
        5 => (0x4000..=0x00ff_ffff).contains(&value),
        _ => true,
    }
}
