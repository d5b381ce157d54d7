//! What happens to one flow, step by step: a byte that says what and in which direction, a length, and the bytes.

use weir_core::bytes::Reader;
use weir_core::flow::Direction;

#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    Bytes(Direction, &'a [u8]),
    Gap(Direction, u64),
}

/// The steps of an input; the last bytes may be fewer than they say.
pub fn steps(input: &[u8]) -> impl Iterator<Item = Step<'_>> {
    let mut reader = Reader::new(input);
    std::iter::from_fn(move || {
        let (what, length) = (reader.u8()?, reader.u16()?);
        let direction = Direction::BOTH[usize::from(what & 1)];
        if what & 0x0e == GAP {
            return Some(Step::Gap(direction, length.into()));
        }
        let length = usize::from(length).min(reader.remaining());
        Some(Step::Bytes(direction, reader.take(length)?))
    })
}

/// Three bits must say it, so that it does not happen at every other step.
const GAP: u8 = 0x0e;

/// The other way round, for bytes; long ones become several steps.
pub fn write(direction: Direction, bytes: &[u8]) -> Vec<u8> {
    bytes
        .chunks(u16::MAX.into())
        .flat_map(|piece| {
            let length = (piece.len() as u16).to_be_bytes();
            [&[direction.index() as u8][..], &length, piece].concat()
        })
        .collect()
}
