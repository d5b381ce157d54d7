//! Fingerprints of TLS stacks: JA3 and JA3S (Salesforce, BSD-3-Clause) and JA4 (FoxIO, TLS client only,
//! BSD-3-Clause).
//!
//! The others of FoxIO's family (JA4S, JA4H, JA4X, …) have a licence that forbids commercial use, and are not here.

use std::mem;

use md5::Md5;
use sha2::digest::Output;
use sha2::{Digest, Sha256};

use super::client_hello::{ClientHello, extension, is_grease};
use super::server_hello::ServerHello;

/// What carries the ClientHello; JA4's first letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Tcp,
    Datagram,
    Quic,
}

/// A fingerprint in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint<const N: usize>([u8; N]);

impl<const N: usize> Fingerprint<N> {
    pub fn as_str(&self) -> &str {
        // Built from ASCII only.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// MD5 of `version,ciphers,extensions,groups,formats` in decimal, without GREASE.
pub fn ja3(hello: &ClientHello<'_>) -> Fingerprint<32> {
    let mut text = Text::<Md5>::new();
    text.decimal(hello.version);
    text.push(b',');
    text.decimals(hello.cipher_suites());
    text.push(b',');
    text.decimals(hello.extensions().map(|(number, _)| number));
    text.push(b',');
    text.decimals(hello.supported_groups());
    text.push(b',');
    text.decimals(hello.point_formats().iter().copied().map(u16::from));
    Fingerprint(hex(&text.digest()))
}

/// MD5 of `version,cipher,extensions` in decimal, of the server's answer.
pub fn ja3s(hello: &ServerHello<'_>) -> Fingerprint<32> {
    let mut text = Text::<Md5>::new();
    text.decimal(hello.version);
    text.push(b',');
    text.decimal(hello.cipher_suite);
    text.push(b',');
    text.decimals(hello.extension_numbers());
    Fingerprint(hex(&text.digest()))
}

/// `t13d1516h2_8daaf6152771_e5627efa2ab1`: FoxIO's specification, `technical_details/JA4.md`.
pub fn ja4(hello: &ClientHello<'_>, carrier: Carrier) -> Fingerprint<36> {
    let ciphers = || hello.cipher_suites().filter(|&number| !is_grease(number));
    let extensions = || hello.extensions().map(|(number, _)| number).filter(|&number| !is_grease(number));

    let [version_0, version_1] = version(hello);
    let [cipher_0, cipher_1] = two_digits(ciphers().count());
    let [extension_0, extension_1] = two_digits(extensions().count());
    let [alpn_0, alpn_1] = alpn(hello.alpn().next().unwrap_or_default());
    let carrier = match carrier {
        Carrier::Tcp => b't',
        Carrier::Datagram => b'd',
        Carrier::Quic => b'q',
    };
    let name = if hello.server_name.is_some() { b'd' } else { b'i' };

    let ciphers_hash = sorted(ciphers(), |list| {
        let mut text = Text::<Sha256>::new();
        text.hexes(list.iter().copied());
        text.digest_or_none(list.is_empty())
    });
    let rest = extensions().filter(|&number| number != extension::SERVER_NAME && number != extension::ALPN);
    let extensions_hash = sorted(rest, |list| {
        let mut text = Text::<Sha256>::new();
        text.hexes(list.iter().copied());
        let mut algorithms = hello.signature_algorithms().filter(|&number| !is_grease(number)).peekable();
        if algorithms.peek().is_some() {
            text.push(b'_');
            text.hexes(algorithms);
        }
        text.digest_or_none(list.is_empty())
    });

    let mut out = [b'_'; 36];
    out[..10].copy_from_slice(&[
        carrier,
        version_0,
        version_1,
        name,
        cipher_0,
        cipher_1,
        extension_0,
        extension_1,
        alpn_0,
        alpn_1,
    ]);
    out[11..23].copy_from_slice(&ciphers_hash);
    out[24..].copy_from_slice(&extensions_hash);
    Fingerprint(out)
}

/// The highest version offered, by its number: for DTLS, whose numbers count down, that is the oldest, and every
/// implementation of JA4 does so.
fn version(hello: &ClientHello<'_>) -> [u8; 2] {
    let highest = hello.versions().filter(|&number| !is_grease(number)).max();
    *match highest {
        Some(0x0304) => b"13",
        Some(0x0303) => b"12",
        Some(0x0302) => b"11",
        Some(0x0301) => b"10",
        Some(0x0300) => b"s3",
        Some(0x0002) => b"s2",
        Some(0xfeff) => b"d1",
        Some(0xfefd) => b"d2",
        Some(0xfefc) => b"d3",
        _ => b"00",
    }
}

/// The same fingerprint as nDPI 4.x writes it, for flows that are compared with nDPI's: where FoxIO's JA4 takes the first
/// and the last character of the first application protocol, nDPI takes the first two of the whole list (and `0` for
/// the second of a list of two characters); it says `d` also where no name was sent, `i` where the name is an address; and
/// it hashes an empty list instead of writing zeros.
pub fn ja4_as_ndpi(ja4: &Fingerprint<36>, hello: &ClientHello<'_>) -> Fingerprint<36> {
    const EMPTY_SHA256: &[u8; 12] = b"e3b0c44298fc";
    let mut out = ja4.0;
    let address = hello
        .server_name
        .is_some_and(|name| str::from_utf8(name).is_ok_and(|name| name.parse::<std::net::IpAddr>().is_ok()));
    out[3] = if address { b'i' } else { b'd' };
    let mut names = hello.alpn();
    let first = names.next().unwrap_or_default();
    let listed_length = first.len() + names.map(|name| name.len() + 1).sum::<usize>();
    if let [letter, second, ..] = first {
        out[8] = *letter;
        out[9] = if listed_length > 2 { *second } else { b'0' };
    }
    for hash in [11..23, 24..36] {
        if out[hash.clone()] == *b"000000000000" {
            out[hash].copy_from_slice(EMPTY_SHA256);
        }
    }
    Fingerprint(out)
}

/// First and last character of the first protocol offered; of its hexadecimal form if one of them is not
/// alphanumeric.
fn alpn(name: &[u8]) -> [u8; 2] {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else {
        return *b"00";
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [first, last]
    } else {
        [hex_digit(first >> 4), hex_digit(last)]
    }
}

fn two_digits(count: usize) -> [u8; 2] {
    let count = count.min(99) as u8;
    [b'0' + count / 10, b'0' + count % 10]
}

/// Calls `then` with the numbers in order. Every real client's lists fit the stack.
fn sorted<R>(numbers: impl Iterator<Item = u16>, then: impl FnOnce(&[u16]) -> R) -> R {
    let mut few = [0; 128];
    let mut count = 0;
    let mut many = Vec::new();
    for number in numbers {
        if let Some(place) = few.get_mut(count) {
            *place = number;
        } else {
            if many.is_empty() {
                many.extend_from_slice(&few);
            }
            many.push(number);
        }
        count += 1;
    }
    let list = if many.is_empty() { &mut few[..count] } else { &mut many[..] };
    list.sort_unstable();
    then(list)
}

const fn hex_digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[(nibble & 0xf) as usize]
}

/// As many hexadecimal digits as fit `N`.
fn hex<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [b'0'; N];
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = hex_digit(byte >> 4);
        pair[1] = hex_digit(*byte);
    }
    out
}

/// Text that is hashed as it is written, in pieces big enough for the hash to be fast.
struct Text<D: Digest> {
    piece: [u8; 512],
    used: usize,
    hash: D,
}

impl<D: Digest> Text<D> {
    fn new() -> Self {
        Self { piece: [0; 512], used: 0, hash: D::new() }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if self.used == self.piece.len() {
            self.hash.update(self.piece);
            self.used = 0;
        }
        self.piece[self.used] = byte;
        self.used += 1;
    }

    #[inline]
    fn decimal(&mut self, number: u16) {
        let mut divisor = 10_000;
        while divisor > 1 && number < divisor {
            divisor /= 10;
        }
        while divisor > 0 {
            self.push(b'0' + (number / divisor % 10) as u8);
            divisor /= 10;
        }
    }

    /// JA3's lists: `-` between, GREASE left out.
    fn decimals(&mut self, numbers: impl Iterator<Item = u16>) {
        let mut is_first = true;
        for number in numbers.filter(|&number| !is_grease(number)) {
            if !mem::take(&mut is_first) {
                self.push(b'-');
            }
            self.decimal(number);
        }
    }

    /// JA4's lists: four digits each, `,` between.
    fn hexes(&mut self, numbers: impl Iterator<Item = u16>) {
        let mut is_first = true;
        for number in numbers {
            if !mem::take(&mut is_first) {
                self.push(b',');
            }
            for shift in [12, 8, 4, 0] {
                self.push(hex_digit((number >> shift) as u8));
            }
        }
    }

    fn digest(mut self) -> Output<D> {
        self.hash.update(&self.piece[..self.used]);
        self.hash.finalize()
    }

    /// JA4's twelve digits; zeros for an empty list.
    fn digest_or_none(self, is_empty: bool) -> [u8; 12] {
        if is_empty { [b'0'; 12] } else { hex(&self.digest()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Carrier, alpn, ja3, ja3s, ja4};
    use crate::protocol::tls::client_hello::{parse, parse_datagram};
    use crate::protocol::tls::server_hello;
    use crate::protocol::tls::testing::Hello;

    /// The lists that the specification's example is made of.
    fn example() -> Hello {
        Hello::default()
            .ciphers(&[
                0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                0x009c, 0x009d, 0x002f, 0x0035,
            ])
            .extension(0x001b, &[])
            .sni(b"example.com")
            .extension(0x0033, &[])
            .alpn(&[b"h2"])
            .extension(0x4469, &[])
            .extension(0x0017, &[])
            .extension(0x002d, &[])
            .signature_algorithms(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601])
            .extension(0x0005, &[])
            .extension(0x0023, &[])
            .extension(0x0012, &[])
            .versions(&[0x0a0a, 0x0304, 0x0303])
            .extension(0xff01, &[])
            .extension(0x000b, &[])
            .extension(0x000a, &[])
            .extension(0x0015, &[])
    }

    fn of(hello: &Hello, carrier: Carrier) -> String {
        ja4(&parse(&hello.body()).expect("complete"), carrier).as_str().to_owned()
    }

    #[test]
    fn ja4_of_the_specification() {
        assert_eq!(of(&example(), Carrier::Tcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(of(&example(), Carrier::Quic), "q13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn grease_changes_nothing() {
        let greased = example().extension(0x3a3a, &[]).ciphers(&[0x8a8a]);
        assert_eq!(of(&greased, Carrier::Tcp), of(&example(), Carrier::Tcp));
    }

    #[test]
    fn ja4_without_signature_algorithms_ends_without_an_underscore() {
        // The specification's list without 000d's content; 6d807ffa2a79 is its published hash.
        let mut hello = example();
        hello.replace_extension(0x000d, &[]);
        assert_eq!(of(&hello, Carrier::Tcp), "t13d1516h2_8daaf6152771_6d807ffa2a79");
    }

    #[test]
    fn ja4_of_empty_lists_is_zeros() {
        assert_eq!(of(&Hello::default().no_ciphers(), Carrier::Tcp), "t12i000000_000000000000_000000000000");
        let only_name = Hello::default().no_ciphers().sni(b"a.example");
        assert_eq!(of(&only_name, Carrier::Tcp), "t12d000100_000000000000_000000000000");
    }

    #[test]
    fn ja4_counts_to_ninety_nine() {
        let many: Vec<u16> = (0x4000..0x4100).collect();
        assert!(of(&Hello::default().no_ciphers().ciphers(&many), Carrier::Tcp).starts_with("t12i990000_"));
    }

    #[test]
    fn ja4_takes_the_ends_of_the_first_protocol() {
        let cases: [(&[u8], &[u8; 2]); 10] = [
            (b"", b"00"),
            (b"h2", b"h2"),
            (b"http/1.1", b"h1"),
            (b"x", b"xx"),
            (b"\xab", b"ab"),
            (b"\xab\xcd", b"ad"),
            (b"\x30\xab", b"3b"),
            (b"\x30\x31\xab\xcd", b"3d"),
            (b"\x30\xab\xcd\x31", b"01"),
            (b"h2-", b"6d"),
        ];
        for (name, ends) in cases {
            assert_eq!(&alpn(name), ends, "{name:x?}");
        }
    }

    #[test]
    fn ja4_of_a_datagram_says_so() {
        let body = Hello::datagram(0xfefd).body();
        let hello = parse_datagram(&body).expect("complete");
        assert!(ja4(&hello, Carrier::Datagram).as_str().starts_with("dd2i0100"));
    }

    #[test]
    fn ja3_of_its_authors_examples() {
        // 769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0
        let body = Hello::default()
            .version(769)
            .no_ciphers()
            .ciphers(&[47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4])
            .sni(b"example.org")
            .extension(10, &[0, 6, 0, 23, 0, 24, 0, 25])
            .extension(11, &[1, 0])
            .body();
        assert_eq!(ja3(&parse(&body).expect("complete")).as_str(), "ada70206e40642a3e4461f35503241d5");
        // 769,4-5-10-9-100-98-3-6-19-18-99,,,
        let body = Hello::default()
            .version(769)
            .no_ciphers()
            .ciphers(&[4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99])
            .body();
        assert_eq!(ja3(&parse(&body).expect("complete")).as_str(), "de350869b8c85de67a350c8d186f11e6");
    }

    #[test]
    fn ja3s_of_an_answer_that_is_everywhere() {
        // 771,4865,43-51
        let body = [&[3, 3][..], &[9; 32], &[0, 0x13, 0x01, 0, 0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 29]]
            .concat();
        let hello = server_hello::parse(&body).expect("complete");
        assert_eq!(ja3s(&hello).as_str(), "f4febc55ea12b31ae17cfb7e614afda8");
    }
}
