use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

use super::*;

const MAIL: &[u8] = br#"{"email":"marta@example.org"}"#;

/// A gzip member with a file's name (RFC 1952 §2.3); the trailer's sum is not looked at.
fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut member = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03a.json\0".to_vec();
    member.extend(compress_to_vec(plain, 6));
    member.extend([0; 8]);
    member
}

fn pieces_of(encoding: &str, coded: &[u8], cap: usize, step: usize) -> Vec<Vec<u8>> {
    let mut codings = Codings::default();
    codings.add(encoding.as_bytes());
    let mut content = Content::new(codings, cap);
    let mut pieces = Vec::new();
    let mut emit = |piece: &[u8]| pieces.push(piece.to_vec());
    for part in coded.chunks(step) {
        content.push(part, &mut emit);
    }
    content.finish(&mut emit);
    pieces
}

#[track_caller]
fn decodes(encoding: &str, coded: &[u8], plain: &[u8]) {
    for step in [1, 2, 7, coded.len()] {
        assert_eq!(pieces_of(encoding, coded, 1 << 20, step), [plain], "{encoding} by {step}");
    }
}

#[test]
fn every_coding_is_undone_however_it_arrives() {
    decodes("identity", MAIL, MAIL);
    decodes("gzip", &gzip(MAIL), MAIL);
    decodes("x-gzip", &[gzip(MAIL), gzip(MAIL)].concat(), &MAIL.repeat(2));
    decodes("deflate", &compress_to_vec_zlib(MAIL, 6), MAIL);
    decodes("deflate", &compress_to_vec(MAIL, 6), MAIL);
    // `MAIL` four times, from `zlib.brotliCompressSync` of Node.js.
    decodes("br", BROTLI, &MAIL.repeat(4));
    decodes("deflate, gzip", &gzip(&compress_to_vec_zlib(MAIL, 6)), MAIL);
}

#[test]
fn what_is_not_coded_as_it_says_is_searched_as_it_is() {
    decodes("gzip", MAIL, MAIL);
    decodes("br", b"\xff\xff\xff\xff", b"\xff\xff\xff\xff");
    decodes("zstd", MAIL, MAIL);
}

#[test]
fn a_truncated_body_gives_what_there_was() {
    let coded = gzip(MAIL);
    let pieces = pieces_of("gzip", &coded[..coded.len() - 12], 1 << 20, 5);
    assert!(MAIL.starts_with(&pieces[0]) && !pieces[0].is_empty());
}

#[test]
fn a_bomb_ends_at_the_cap() {
    let zeros = vec![b'a'; 10_000_000];
    let bomb = gzip(&zeros);
    let total = |encoding, coded: &[u8]| -> usize {
        pieces_of(encoding, coded, BODY_BYTES, 4096).iter().map(Vec::len).sum()
    };
    assert_eq!(total("gzip", &bomb), BODY_BYTES);
    assert!(total("gzip, gzip, gzip", &gzip(&gzip(&bomb))) <= BODY_BYTES);
    assert_eq!(total("br", BROTLI_BOMB), BODY_BYTES);
}

#[test]
fn long_content_comes_in_pieces_that_overlap() {
    let long: Vec<u8> = (0..=255).cycle().take(BODY_BYTES + 1000).collect();
    for step in [1000, BODY_BYTES, long.len()] {
        let pieces = pieces_of("", &long, 1 << 20, step);
        assert_eq!(pieces[0], long[..BODY_BYTES]);
        assert_eq!(pieces[1], long[BODY_BYTES - PIECE_OVERLAP_BYTES..]);
        assert_eq!(pieces.len(), 2);
    }
    assert_eq!(pieces_of("", &long[..BODY_BYTES], 1 << 20, 100).len(), 1);
    assert_eq!(pieces_of("", &long, BODY_BYTES + 10, 100)[1].len(), PIECE_OVERLAP_BYTES + 10);
}

const BROTLI: &[u8] = &[
    0x1b, 0x73, 0x00, 0xd8, 0x1c, 0x09, 0x76, 0x0c, 0xb1, 0x06, 0x91, 0x89, 0x0b, 0xab, 0x45, 0xc2, 0xe8,
    0xf6, 0xa4, 0x4e, 0x5b, 0x5f, 0x01, 0xc9, 0xb5, 0x20, 0x94, 0xf4, 0x82, 0x99, 0xc4, 0xc3, 0x62, 0x90,
    0x03, 0x82, 0x9c, 0x28, 0xdf, 0x21, 0x1f,
];

/// Ten million times `a`.
const BROTLI_BOMB: &[u8] = &[
    0xcb, 0xff, 0xff, 0x3f, 0xf8, 0x25, 0xc2, 0xe2, 0xb1, 0x40, 0x20, 0xf7, 0xfe, 0x2f, 0xff, 0x2c, 0x31,
    0xf0, 0x4b, 0x00, 0xc4, 0x61, 0x11, 0x80, 0x8e, 0x23, 0x06,
];
