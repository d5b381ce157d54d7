//! HTTP/2 with prior knowledge (RFC 9113 section 3.3) and HPACK (RFC 7541): requests whose fields come from the static
//! table, from the dynamic table, and with Huffman codes.

use super::{DOWN, Messages, UP};
use crate::wire::{u8_list, u24_list};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Indexed fields of the static table, RFC 7541 appendix A.
const METHOD_GET: u8 = 0x82;
const SCHEME_HTTP: u8 = 0x86;
const STATUS_200: u8 = 0x88;
/// Literals with incremental indexing, whose names come from the static table.
const AUTHORITY: u8 = 0x41;
const PATH: u8 = 0x44;
const CONTENT_TYPE: u8 = 0x5f;
/// The newest field of the dynamic table.
const NEWEST: u8 = 0xbe;

/// `www.example.com` in Huffman codes, RFC 7541 appendix C.4.1.
const WWW_EXAMPLE_COM: [u8; 13] =
    [0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];

pub(super) fn requests() -> Messages {
    let opening =
        [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])].concat();
    let mut messages =
        vec![(UP, opening), (DOWN, [frame(SETTINGS, 0, 0, &[]), frame(SETTINGS, ACK, 0, &[])].concat())];
    for number in 0..32_u32 {
        let path = u8_list(format!("/v1/items/{number}").as_bytes());
        // From the second request on, the authority is what the one before left in the table, behind its path.
        let authority = match number {
            0 => [&[AUTHORITY][..], &WWW_EXAMPLE_COM].concat(),
            _ => vec![NEWEST],
        };
        // Without indexing (high nibble 0), so that the authority stays the newest.
        let block = [&[METHOD_GET, SCHEME_HTTP][..], &authority, &[PATH & 0x0f], &path].concat();
        let answer = match number {
            0 => [&[STATUS_200, CONTENT_TYPE][..], &u8_list(b"application/json")].concat(),
            _ => vec![STATUS_200, NEWEST],
        };
        let stream = number * 2 + 1;
        messages.push((UP, frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)));
        let response = [
            frame(HEADERS, END_HEADERS, stream, &answer),
            frame(DATA, END_STREAM, stream, br#"{"id":17,"title":"Umbrella","price":1290}"#),
        ];
        messages.push((DOWN, response.concat()));
    }
    messages
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u24_list(payload);
    [&length[..3], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
