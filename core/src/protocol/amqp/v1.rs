//! AMQP 1.0: frames (§2.3), the type system (§1.6) as far as stepping over it, SASL (§5.3), open, attach and transfer.

use super::{ADDRESS, BODY, CONTAINER, HOSTNAME, MECHANISM, MECHANISMS, METHOD, plain, state};
use crate::bytes::Reader;
use crate::flow::Direction;
use crate::protocol::framing::Size;
use crate::protocol::{Sink, Value};

/// Length of the frame that begins with `bytes`.
pub(super) fn size(bytes: &[u8]) -> Size {
    match Reader::new(bytes).u32() {
        Some(size @ 8..) => Size::Is(size.into()),
        Some(_) => Size::Broken("an AMQP frame shorter than its header"),
        None => Size::Needs(8),
    }
}

/// Reads one frame; what cannot be read is left out.
pub(super) fn frame(direction: Direction, frame: &[u8], out: &mut dyn Sink) {
    let mut reader = Reader::new(frame);
    // Size, the data offset in words of four bytes, the type, the channel.
    let body =
        reader.skip(4).and_then(|()| reader.u8()).and_then(|offset| frame.get(usize::from(offset) * 4..));
    let Some(body) = body else {
        return;
    };
    let mut body = Reader::new(body);
    if let Some((code, fields)) = performative(&mut body) {
        read(code, fields, body.rest(), direction, out);
    }
}

fn read(code: u64, mut fields: Reader<'_>, payload: &[u8], direction: Direction, out: &mut dyn Sink) {
    let mut name = |name| out.fact(&METHOD, direction, Value::Text(name));
    match code {
        0x10 => {
            name("open");
            for field in [&CONTAINER, &HOSTNAME] {
                state(field, value(&mut fields), direction, out);
            }
        }
        0x12 => {
            name("attach");
            state(&ADDRESS, value(&mut fields), direction, out);
            // handle, role, snd-settle-mode, rcv-settle-mode; then source and target, whose first field is the address.
            for _ in 0..4 {
                value(&mut fields);
            }
            for _ in 0..2 {
                let mut ahead = fields;
                if let Some((_, mut end)) = performative(&mut ahead) {
                    state(&ADDRESS, value(&mut end), direction, out);
                    fields = ahead;
                } else {
                    value(&mut fields);
                }
            }
        }
        0x14 => {
            name("transfer");
            state(&BODY, Some(payload), direction, out);
        }
        0x40 => {
            name("sasl-mechanisms");
            state(&MECHANISMS, value(&mut fields), direction, out);
        }
        0x41 => {
            name("sasl-init");
            let mechanism = value(&mut fields);
            let response = value(&mut fields).unwrap_or_default();
            state(&MECHANISM, mechanism, direction, out);
            if mechanism == Some(b"PLAIN") {
                plain(response, direction, out);
            }
            state(&HOSTNAME, value(&mut fields), direction, out);
        }
        _ => return,
    }
    out.end_record();
}

/// A described list: its descriptor's code and its fields.
fn performative<'a>(reader: &mut Reader<'a>) -> Option<(u64, Reader<'a>)> {
    if reader.u8()? != 0 {
        return None;
    }
    let code = match reader.u8()? {
        0x53 => reader.u8()?.into(),
        0x80 => reader.u64()?,
        _ => return None,
    };
    let fields = match reader.u8()? {
        0x45 => Reader::new(&[]),
        0xc0 => {
            let mut list = reader.sub_u8()?;
            list.skip(1)?;
            list
        }
        0xd0 => {
            let size = reader.u32()?;
            let mut list = reader.sub(usize::try_from(size).ok()?)?;
            list.skip(4)?;
            list
        }
        _ => return None,
    };
    Some((code, fields))
}

/// The bytes of the next value, without its constructor and length; of null nothing, of a described value its value.
fn value<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut constructor = reader.u8()?;
    // A described value's descriptor is a symbol or a number; nesting is not walked into.
    if constructor == 0 {
        fixed(reader)?;
        constructor = reader.u8()?;
    }
    behind(constructor, reader)
}

fn fixed<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let constructor = reader.u8()?;
    behind(constructor, reader)
}

/// §1.2: the constructor's high half says how the value's length is told.
fn behind<'a>(constructor: u8, reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    match constructor >> 4 {
        4 => reader.take(0),
        5 => reader.take(1),
        6 => reader.take(2),
        7 => reader.take(4),
        8 => reader.take(8),
        9 => reader.take(16),
        0xa | 0xc | 0xe => reader.sub_u8().map(|mut value| value.rest()),
        0xb | 0xd | 0xf => {
            let length = reader.u32()?;
            reader.take(usize::try_from(length).ok()?)
        }
        _ => None,
    }
}
