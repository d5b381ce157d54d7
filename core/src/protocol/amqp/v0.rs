//! AMQP 0-9-1: frames (§4.2.3), methods of the classes connection, queue, exchange and basic, content headers, bodies.

use super::{
    ADDRESS, BODY, HEADER, MECHANISM, MECHANISMS, METHOD, PASSWORD, PRODUCT, PRODUCT_VERSION, REPLY,
    USERNAME, VHOST, plain, state,
};
use crate::bytes::Reader;
use crate::flow::Direction;
use crate::protocol::framing::{After, Size};
use crate::protocol::{Probe, Sink, Value};

const METHOD_FRAME: u8 = 1;
const HEADER_FRAME: u8 = 2;
const BODY_FRAME: u8 = 3;
const HEARTBEAT_FRAME: u8 = 8;
/// Type, channel and size in front of a frame, the end mark behind it.
const AROUND: u64 = 8;
const FRAME_END: u8 = 0xce;

/// Length of the frame that begins with `bytes`.
pub(super) fn size(bytes: &[u8]) -> Size {
    let mut reader = Reader::new(bytes);
    let kind = reader.u8();
    let Some(length) = reader.skip(2).and_then(|()| reader.u32()) else {
        return Size::Needs(7);
    };
    match kind {
        Some(METHOD_FRAME..=BODY_FRAME | HEARTBEAT_FRAME) => Size::of(AROUND, length),
        _ => Size::Broken("an AMQP frame of an unknown type"),
    }
}

/// A server's first frame is `connection.start`; a connection that was under way has complete frames of known methods.
pub(super) fn probe(bytes: &[u8]) -> Probe {
    let mut reader = Reader::new(bytes);
    let (Some(kind), Some(channel), Some(length)) = (reader.u8(), reader.u16(), reader.u32()) else {
        return Probe::NeedMore;
    };
    let fits = match kind {
        METHOD_FRAME => (4..1 << 20).contains(&length),
        HEARTBEAT_FRAME => channel == 0 && length == 0,
        _ => false,
    };
    if !fits {
        return Probe::Mismatch;
    }
    if kind == METHOD_FRAME {
        let mut payload = reader;
        let (Some(class), Some(method)) = (payload.u16(), payload.u16()) else {
            return Probe::NeedMore;
        };
        if method_name(class, method).is_none() || (class == 10) != (channel == 0) {
            return Probe::Mismatch;
        }
    }
    match reader.skip(length as usize).and_then(|()| reader.u8()) {
        Some(FRAME_END) => Probe::Match,
        Some(_) => Probe::Mismatch,
        None => Probe::NeedMore,
    }
}

/// Reads one frame. `body` counts down what the content header promised, so that a record ends with its message.
pub(super) fn frame(body: &mut [u64; 2], direction: Direction, frame: &[u8], out: &mut dyn Sink) -> After {
    let mut reader = Reader::new(frame);
    let (Some(kind), Some(_), Some(length)) = (reader.u8(), reader.u16(), reader.u32()) else {
        return After::Next;
    };
    let whole = frame.len() as u64 == AROUND + u64::from(length);
    if whole && frame.last() != Some(&FRAME_END) {
        return After::Broken("an AMQP frame without its end mark");
    }
    let Some(mut payload) = reader.sub((length as usize).min(reader.remaining())) else {
        return After::Next;
    };
    let left = &mut body[direction.index()];
    match kind {
        // What a body belongs to comes in the same record as the body.
        METHOD_FRAME if method(&mut payload, direction, out) == Some(Kind::Alone) => out.end_record(),
        HEADER_FRAME => {
            *left = header(&mut payload, direction, out).unwrap_or(0);
            if *left == 0 {
                out.end_record();
            }
        }
        BODY_FRAME => {
            out.fact(&BODY, direction, Value::Bytes(payload.rest()));
            *left = left.saturating_sub(length.into());
            if *left == 0 {
                out.end_record();
            }
        }
        _ => {}
    }
    After::Next
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Alone,
    WithBody,
}

/// The methods that are read or make a probe sure, by class and method, §1.2.
fn method_name(class: u16, method: u16) -> Option<&'static str> {
    Some(match (class, method) {
        (10, 10) => "connection.start",
        (10, 11) => "connection.start-ok",
        (10, 20) => "connection.secure",
        (10, 21) => "connection.secure-ok",
        (10, 30) => "connection.tune",
        (10, 31) => "connection.tune-ok",
        (10, 40) => "connection.open",
        (10, 41) => "connection.open-ok",
        (10, 50) => "connection.close",
        (10, 51) => "connection.close-ok",
        (20, 10) => "channel.open",
        (20, 11) => "channel.open-ok",
        (20, 20) => "channel.flow",
        (20, 40) => "channel.close",
        (20, 41) => "channel.close-ok",
        (40, 10) => "exchange.declare",
        (40, 11) => "exchange.declare-ok",
        (50, 10) => "queue.declare",
        (50, 11) => "queue.declare-ok",
        (50, 20) => "queue.bind",
        (50, 21) => "queue.bind-ok",
        (60, 10) => "basic.qos",
        (60, 11) => "basic.qos-ok",
        (60, 20) => "basic.consume",
        (60, 21) => "basic.consume-ok",
        (60, 40) => "basic.publish",
        (60, 50) => "basic.return",
        (60, 60) => "basic.deliver",
        (60, 70) => "basic.get",
        (60, 71) => "basic.get-ok",
        (60, 72) => "basic.get-empty",
        (60, 80) => "basic.ack",
        (60, 90) => "basic.reject",
        (60, 120) => "basic.nack",
        (85, 10) => "confirm.select",
        (85, 11) => "confirm.select-ok",
        (90, 10) => "tx.select",
        _ => return None,
    })
}

fn method(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<Kind> {
    let class = reader.u16()?;
    let method = reader.u16()?;
    let name = method_name(class, method)?;
    match name {
        "connection.tune" | "connection.tune-ok" | "channel.open" | "channel.open-ok" | "channel.flow"
        | "basic.qos" | "basic.qos-ok" | "basic.ack" | "basic.reject" | "basic.nack" => return None,
        _ => state(&METHOD, Some(name.as_bytes()), direction, out),
    }
    match name {
        "connection.start" => {
            reader.skip(2)?;
            let properties = Reader::new(long_string(reader)?);
            state(&PRODUCT, string_in(properties, b"product"), direction, out);
            state(&PRODUCT_VERSION, string_in(properties, b"version"), direction, out);
            state(&MECHANISMS, long_string(reader), direction, out);
        }
        "connection.start-ok" => {
            long_string(reader)?;
            let mechanism = short_string(reader)?;
            state(&MECHANISM, Some(mechanism), direction, out);
            let response = long_string(reader)?;
            match mechanism {
                b"PLAIN" => plain(response, direction, out),
                b"AMQPLAIN" => {
                    state(&USERNAME, string_in(Reader::new(response), b"LOGIN"), direction, out);
                    state(&PASSWORD, string_in(Reader::new(response), b"PASSWORD"), direction, out);
                }
                _ => {}
            }
        }
        "connection.open" => state(&VHOST, short_string(reader), direction, out),
        "connection.close" | "channel.close" => {
            reader.skip(2)?;
            state(&REPLY, short_string(reader), direction, out);
        }
        "exchange.declare" | "queue.declare" | "basic.consume" | "basic.get" => {
            reader.skip(2)?;
            state(&ADDRESS, short_string(reader), direction, out);
        }
        "queue.bind" => {
            reader.skip(2)?;
            for _ in 0..3 {
                state(&ADDRESS, short_string(reader), direction, out);
            }
        }
        "basic.publish" => {
            reader.skip(2)?;
            state(&ADDRESS, short_string(reader), direction, out);
            state(&ADDRESS, short_string(reader), direction, out);
            return Some(Kind::WithBody);
        }
        "basic.return" => {
            reader.skip(2)?;
            state(&REPLY, short_string(reader), direction, out);
            return Some(Kind::WithBody);
        }
        "basic.deliver" => {
            short_string(reader)?;
            reader.skip(9)?;
            state(&ADDRESS, short_string(reader), direction, out);
            state(&ADDRESS, short_string(reader), direction, out);
            return Some(Kind::WithBody);
        }
        "basic.get-ok" => return Some(Kind::WithBody),
        _ => {}
    }
    Some(Kind::Alone)
}

/// A content header, §4.2.6.1: the body's size and the message's properties.
fn header(reader: &mut Reader<'_>, direction: Direction, out: &mut dyn Sink) -> Option<u64> {
    reader.skip(4)?;
    let size = reader.u64()?;
    let flags = reader.u16()?;
    // Bit 15 is the first property, §1.8.3 in this order.
    const PROPERTIES: [&str; 14] = [
        "content-type",
        "content-encoding",
        "headers",
        "delivery-mode",
        "priority",
        "correlation-id",
        "reply-to",
        "expiration",
        "message-id",
        "timestamp",
        "type",
        "user-id",
        "app-id",
        "cluster-id",
    ];
    for (bit, name) in PROPERTIES.into_iter().enumerate() {
        if flags & (0x8000 >> bit) == 0 {
            continue;
        }
        let read = match name {
            "headers" => long_string(reader).map(|table| {
                each_string(Reader::new(table), |key, value| {
                    out.fact(&HEADER, direction, Value::Pair(key, value));
                });
            }),
            "delivery-mode" | "priority" => reader.skip(1),
            "timestamp" => reader.skip(8),
            _ => short_string(reader)
                .map(|value| out.fact(&HEADER, direction, Value::Pair(name.as_bytes(), value))),
        };
        if read.is_none() {
            break;
        }
    }
    Some(size)
}

fn short_string<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    reader.sub_u8().map(|mut string| string.rest())
}

fn long_string<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.u32()?;
    reader.take(usize::try_from(length).ok()?)
}

/// The string of that key in a field table.
fn string_in<'a>(table: Reader<'a>, wanted: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    each_string(table, |key, value| {
        if key == wanted {
            found = Some(value);
        }
    });
    found
}

/// Walks the strings of a field table (§4.2.5.5, with RabbitMQ's types); nested tables are stepped over.
fn each_string<'a>(mut table: Reader<'a>, mut each: impl FnMut(&'a [u8], &'a [u8])) {
    while let Some(key) = short_string(&mut table) {
        let stepped = match table.u8() {
            Some(b'S' | b'x') => long_string(&mut table).map(|value| each(key, value)),
            Some(b'F' | b'A') => long_string(&mut table).map(drop),
            Some(b't' | b'b' | b'B') => table.skip(1),
            Some(b's' | b'u') => table.skip(2),
            Some(b'I' | b'i' | b'f') => table.skip(4),
            Some(b'D') => table.skip(5),
            Some(b'l' | b'L' | b'd' | b'T') => table.skip(8),
            Some(b'V') => Some(()),
            _ => None,
        };
        if stepped.is_none() {
            return;
        }
    }
}
