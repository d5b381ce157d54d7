//! HPACK, RFC 7541: header fields out of a header block.

mod huffman;
mod static_table;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::static_table::STATIC_TABLE;
use crate::bytes::Reader;
use crate::limits::{HEADER_LIST_BYTES, HPACK_TABLE_BYTES};

/// What is counted for an entry beyond its text, RFC 7541 §4.1.
const ENTRY_OVERHEAD: usize = 32;
/// `SETTINGS_HEADER_TABLE_SIZE` until somebody says otherwise, RFC 9113 §6.5.2.
const DEFAULT_TABLE_BYTES: usize = 4096;

/// Reads the header blocks of one direction, in their order.
#[derive(Debug)]
pub(super) struct Decoder {
    table: VecDeque<Entry>,
    used: usize,
    size: usize,
    name: Vec<u8>,
    value: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    name: usize,
}

impl Entry {
    fn new(name: &[u8], value: &[u8]) -> Self {
        Self { text: [name, value].concat().into(), name: name.len() }
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        self.text.split_at_checked(self.name).unwrap_or_default()
    }

    fn size(&self) -> usize {
        self.text.len() + ENTRY_OVERHEAD
    }
}

/// How a field is written, RFC 7541 §6.
enum Representation {
    Indexed(usize),
    /// The index of its name, or 0, and whether it is kept.
    Literal {
        name: usize,
        is_kept: bool,
    },
    TableSize(usize),
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            table: VecDeque::new(),
            used: 0,
            size: DEFAULT_TABLE_BYTES,
            name: Vec::new(),
            value: Vec::new(),
        }
    }
}

impl Decoder {
    /// Hands every field of a block to `emit`. An index that points nowhere, as happens where a capture has lost the
    /// beginning, is passed over, or an empty name if it is one. `Err` says what is wrong with the block; no later block can be read then.
    pub(super) fn decode(
        &mut self,
        block: &[u8],
        emit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<(), &'static str> {
        const CUT: &str = "a header block that is cut off";
        let mut reader = Reader::new(block);
        let mut room = HEADER_LIST_BYTES;
        let mut spend = |name: &[u8], value: &[u8]| {
            room = room.checked_sub(name.len() + value.len() + ENTRY_OVERHEAD)?;
            Some(())
        };
        while !reader.is_empty() {
            match representation(&mut reader).ok_or(CUT)? {
                Representation::Indexed(index) => {
                    if let Some((name, value)) = self.entry(index) {
                        spend(name, value).ok_or("a header list without end")?;
                        emit(name, value);
                    }
                }
                Representation::TableSize(size) => {
                    if size > HPACK_TABLE_BYTES {
                        return Err("a dynamic table beyond every setting");
                    }
                    self.size = size;
                    self.evict(0);
                }
                Representation::Literal { name: index, is_kept } => {
                    let (mut name, mut value) =
                        (std::mem::take(&mut self.name), std::mem::take(&mut self.value));
                    name.clear();
                    value.clear();
                    if index == 0 {
                        string(&mut reader, &mut name).ok_or(CUT)?;
                    } else if let Some((known, _)) = self.entry(index) {
                        name.extend_from_slice(known);
                    }
                    string(&mut reader, &mut value).ok_or(CUT)?;
                    spend(&name, &value).ok_or("a header list without end")?;
                    emit(&name, &value);
                    if is_kept {
                        self.keep(Entry::new(&name, &value));
                    }
                    (self.name, self.value) = (name, value);
                }
            }
        }
        Ok(())
    }

    fn entry(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let index = index.checked_sub(1)?;
        match index.checked_sub(STATIC_TABLE.len()) {
            None => STATIC_TABLE.get(index).copied(),
            Some(index) => self.table.get(index).map(Entry::parts),
        }
    }

    /// RFC 7541 §4.4: an entry larger than the table empties it.
    fn keep(&mut self, entry: Entry) {
        self.evict(entry.size());
        if entry.size() <= self.size {
            self.used += entry.size();
            self.table.push_front(entry);
        }
    }

    /// Makes room for so many bytes.
    fn evict(&mut self, wanted: usize) {
        while self.used.saturating_add(wanted) > self.size {
            let Some(oldest) = self.table.pop_back() else {
                return;
            };
            self.used = self.used.saturating_sub(oldest.size());
        }
    }
}

fn representation(reader: &mut Reader<'_>) -> Option<Representation> {
    let first = reader.u8()?;
    Some(match first {
        0x80.. => Representation::Indexed(integer(reader, first, 7)?),
        0x40..0x80 => Representation::Literal { name: integer(reader, first, 6)?, is_kept: true },
        0x20..0x40 => Representation::TableSize(integer(reader, first, 5)?),
        // Without indexing, and never to be indexed.
        0x00..0x20 => Representation::Literal { name: integer(reader, first, 4)?, is_kept: false },
    })
}

/// RFC 7541 §5.1: the low `bits` of `first`, and seven more in every byte that follows. Numbers beyond 32 bits mean
/// nothing here and are refused.
fn integer(reader: &mut Reader<'_>, first: u8, bits: u32) -> Option<usize> {
    let mask = (1_u32 << bits) - 1;
    let mut number = u32::from(first) & mask;
    if number < mask {
        return usize::try_from(number).ok();
    }
    for shift in (0..32).step_by(7) {
        let byte = reader.u8()?;
        let more = u32::from(byte & 0x7f);
        let added = more.checked_shl(shift).filter(|added| added >> shift == more)?;
        number = number.checked_add(added)?;
        if byte & 0x80 == 0 {
            return usize::try_from(number).ok();
        }
    }
    None
}

/// RFC 7541 §5.2.
fn string(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Option<()> {
    let first = reader.u8()?;
    let length = integer(reader, first, 7)?;
    let text = reader.take(length)?;
    if first & 0x80 == 0 {
        out.extend_from_slice(text);
        return Some(());
    }
    huffman::decode(text, out)
}
