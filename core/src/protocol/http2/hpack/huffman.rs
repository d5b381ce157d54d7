//! The Huffman code of RFC 7541 Appendix B.
//!
//! The code is canonical: codes of one length are consecutive numbers in the order of their symbols. So the lengths say
//! everything, and a symbol is found by comparing the next bits with the last code of each length.

const SYMBOLS: usize = 257;
const LONGEST: usize = 30;

/// Bits of each symbol's code; the last is EOS.
#[rustfmt::skip]
static LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// The codes of one length, left-aligned in 32 bits.
#[derive(Clone, Copy)]
struct Codes {
    bits: u32,
    /// The first code that is too high to be of this length.
    end: u64,
    first: u32,
    /// Where the symbols of this length begin in `Table::symbols`.
    at: usize,
}

struct Table {
    codes: [Codes; LONGEST],
    lengths: usize,
    symbols: [u16; SYMBOLS],
}

static TABLE: Table = Table::new();

impl Table {
    const fn new() -> Self {
        const NONE: Codes = Codes { bits: 0, end: 0, first: 0, at: 0 };
        let mut table = Self { codes: [NONE; LONGEST], lengths: 0, symbols: [0; SYMBOLS] };
        let (mut bits, mut code, mut at) = (1, 0_u64, 0);
        while bits <= LONGEST {
            let shift = 32 - bits;
            let (first, start) = (code, at);
            let mut symbol = 0;
            while symbol < SYMBOLS {
                if LENGTHS[symbol] as usize == bits {
                    table.symbols[at] = symbol as u16;
                    at += 1;
                    code += 1 << shift;
                }
                symbol += 1;
            }
            if at > start {
                table.codes[table.lengths] =
                    Codes { bits: bits as u32, end: code, first: first as u32, at: start };
                table.lengths += 1;
            }
            bits += 1;
        }
        table
    }

    /// The symbol that `window` begins with, and its length.
    fn find(&self, window: u32) -> Option<(u16, u32)> {
        let codes = self.codes.get(..self.lengths)?.iter();
        let codes = codes.into_iter().find(|codes| u64::from(window) < codes.end)?;
        let offset = (window.checked_sub(codes.first)?) >> (32 - codes.bits);
        let symbol = self.symbols.get(codes.at + offset as usize)?;
        Some((*symbol, codes.bits))
    }
}

/// Decodes a string onto the end of `out`. `None` for what RFC 7541 §5.2 forbids: an EOS, and padding that is not the
/// beginning of one or longer than 7 bits.
pub(super) fn decode(coded: &[u8], out: &mut Vec<u8>) -> Option<()> {
    const EOS: u16 = 256;
    let mut bytes = coded.iter();
    let (mut window, mut count) = (0_u64, 0_u32);
    loop {
        while count <= 32 {
            let Some(byte) = bytes.next() else { break };
            window |= u64::from(*byte) << (56 - count);
            count += 8;
        }
        // What is missing is read as ones, which is what padding is made of.
        let filled = window | u64::MAX.checked_shr(count).unwrap_or(0);
        let (symbol, bits) = TABLE.find((filled >> 32) as u32)?;
        if bits > count {
            return (count < 8 && filled == u64::MAX).then_some(());
        }
        if symbol == EOS {
            return None;
        }
        out.push(u8::try_from(symbol).ok()?);
        window <<= bits;
        count -= bits;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        decode(coded, &mut out).map(|()| out)
    }

    #[test]
    fn the_code_is_complete() {
        let filled: u64 = LENGTHS.iter().map(|bits| 1_u64 << (32 - bits)).sum();
        assert_eq!(filled, 1 << 32);
        // RFC 7541 Appendix B: '0', '\\', 255 and EOS.
        assert_eq!(TABLE.find(0), Some((48, 5)));
        assert_eq!(TABLE.find(0x7fff0 << 13), Some((92, 19)));
        assert_eq!(TABLE.find(0x03ff_ffee << 6), Some((255, 26)));
        assert_eq!(TABLE.find(0x3fff_ffff << 2), Some((256, 30)));
    }

    #[test]
    fn padding_is_short_and_made_of_ones() {
        // RFC 7541 C.4.1.
        let coded = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decoded(&coded).as_deref(), Some(&b"www.example.com"[..]));
        assert_eq!(decoded(&[0x07]).as_deref(), Some(&b"0"[..]));
        assert_eq!(decoded(&[]).as_deref(), Some(&b""[..]));
        assert_eq!(decoded(&[0x00]), None, "zeros for padding");
        assert_eq!(decoded(&[0x07, 0xff]), None, "eleven bits of padding");
        assert_eq!(decoded(&[0xff; 8]), None, "an EOS");
    }
}
