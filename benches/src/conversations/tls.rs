//! Handshakes of TLS 1.3 (RFC 8446) and 1.2 (RFC 5246), as a browser on a phone begins them.

use super::{DOWN, Messages, UP};
use crate::wire::{noise, numbers, u8_list, u16_list, u24_list};

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CHANGE_CIPHER_SPEC: u8 = 20;

pub(super) fn version_13() -> Messages {
    let server = [
        record(
            HANDSHAKE,
            &server_hello(0x1301, &[extension(43, &[3, 4]), extension(51, &key_share_entry())]),
        ),
        record(CHANGE_CIPHER_SPEC, &[1]),
        record(APPLICATION_DATA, &noise(1, 3200)),
    ]
    .concat();
    let client = [
        record(CHANGE_CIPHER_SPEC, &[1]),
        record(APPLICATION_DATA, &noise(2, 53)),
        record(APPLICATION_DATA, &noise(3, 420)),
    ]
    .concat();
    vec![
        (UP, record(HANDSHAKE, &client_hello(b"www.example.org", &[b"h2", b"http/1.1"], &[]))),
        (DOWN, server),
        (UP, client),
        (DOWN, record(APPLICATION_DATA, &noise(4, 1300))),
    ]
}

pub(super) fn version_12() -> Messages {
    let chain = u24_list(&u24_list(&certificate()));
    let server = [
        record(HANDSHAKE, &server_hello(0xc02f, &[extension(0xff01, &[0])])),
        record(HANDSHAKE, &message(11, &chain)),
        record(HANDSHAKE, &message(12, &noise(5, 329))),
        record(HANDSHAKE, &message(14, &[])),
    ]
    .concat();
    let client = [
        record(HANDSHAKE, &message(16, &u8_list(&noise(6, 65)))),
        record(CHANGE_CIPHER_SPEC, &[1]),
        record(HANDSHAKE, &noise(7, 40)),
    ]
    .concat();
    vec![
        (UP, record(HANDSHAKE, &client_hello(b"www.example.org", &[b"http/1.1"], &[]))),
        (DOWN, server),
        (UP, client),
        (DOWN, [record(CHANGE_CIPHER_SPEC, &[1]), record(HANDSHAKE, &noise(8, 40))].concat()),
    ]
}

/// A ClientHello with its handshake header; `more` stands behind the usual extensions.
pub(super) fn client_hello(name: &[u8], alpn: &[&[u8]], more: &[u8]) -> Vec<u8> {
    let protocols: Vec<u8> = alpn.iter().flat_map(|protocol| u8_list(protocol)).collect();
    let name = [&[0][..], &u16_list(name)].concat();
    let extensions = [
        // GREASE, RFC 8701.
        extension(0x2a2a, &[]),
        extension(0, &u16_list(&name)),
        extension(23, &[]),
        extension(0xff01, &[0]),
        // x25519mlkem768, x25519, secp256r1, secp384r1.
        extension(10, &u16_list(&numbers(&[0x11ec, 0x001d, 0x0017, 0x0018]))),
        extension(11, &[1, 0]),
        extension(35, &[]),
        extension(16, &u16_list(&protocols)),
        extension(5, &[1, 0, 0, 0, 0]),
        extension(13, &u16_list(&numbers(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]))),
        extension(51, &u16_list(&key_share_entry())),
        extension(45, &[1, 1]),
        extension(43, &u8_list(&numbers(&[0x0304, 0x0303]))),
        more.to_vec(),
    ]
    .concat();
    let suites = [
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
        0x009d,
    ];
    let body = [
        &[3, 3][..],
        &noise(9, 32),
        &u8_list(&noise(10, 32)),
        &u16_list(&numbers(&suites)),
        &[1, 0],
        &u16_list(&extensions),
    ]
    .concat();
    message(1, &body)
}

/// A ServerHello with its handshake header.
pub(super) fn server_hello(suite: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let [high, low] = suite.to_be_bytes();
    let body = [
        &[3, 3][..],
        &noise(11, 32),
        &u8_list(&noise(10, 32)),
        &[high, low, 0],
        &u16_list(&extensions.concat()),
    ]
    .concat();
    message(2, &body)
}

/// An x25519 share.
pub(super) fn key_share_entry() -> Vec<u8> {
    [&[0, 0x1d][..], &u16_list(&noise(12, 32))].concat()
}

pub(super) fn extension(number: u16, content: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &u16_list(content)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &u24_list(body)].concat()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &u16_list(content)].concat()
}

/// An X.509 certificate for www.example.org (RFC 5280 section 4.1), with a key and a signature of noise.
fn certificate() -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    // rsaEncryption and sha256WithRSAEncryption, RFC 8017 appendix A; both with NULL for parameters.
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    let sequence = |parts: &[Vec<u8>]| der(SEQUENCE, &parts.concat());
    let algorithm = |number: &[u8]| sequence(&[der(6, number), der(5, &[])]);
    let bits = |content: &[u8]| der(3, &[&[0], content].concat());
    let common_name = |text: &[u8]| {
        let attribute = sequence(&[der(6, &[0x55, 4, 3]), der(12, text)]);
        sequence(&[der(0x31, &attribute)])
    };
    let mut modulus = noise(13, 256);
    modulus[0] = 0x7f;
    let key = sequence(&[der(2, &modulus), der(2, &[1, 0, 1])]);
    let names = sequence(&[der(0x82, b"www.example.org"), der(0x82, b"example.org")]);
    let alternative_names = sequence(&[der(6, &[0x55, 0x1d, 17]), der(4, &names)]);
    let body = sequence(&[
        der(0xa0, &der(2, &[2])),
        der(2, &[0x01, 0x23, 0x45]),
        algorithm(SHA256_WITH_RSA),
        common_name(b"Example CA"),
        sequence(&[der(23, b"260101000000Z"), der(23, b"270101000000Z")]),
        common_name(b"www.example.org"),
        sequence(&[algorithm(RSA), bits(&key)]),
        der(0xa3, &sequence(&[alternative_names])),
    ]);
    sequence(&[body, algorithm(SHA256_WITH_RSA), bits(&noise(14, 256))])
}

/// A tag, a length of up to two bytes, and the content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("short");
    let [high, low] = length.to_be_bytes();
    let head = match length {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [&head[..], content].concat()
}
