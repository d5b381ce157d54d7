//! The Initial packets of both sides (RFC 9000 section 17.2.2), protected as RFC 9001 section 5 says, and what follows.

use aes::cipher::BlockCipherEncrypt as _;
use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes128Gcm, KeyInit as _};
use hkdf::Hkdf;
use sha2::Sha256;

use super::tls;
use super::{DOWN, Messages, UP};
use crate::wire::{noise, u8_list};

/// The destination that the client chose; the keys of both sides come from it.
const DESTINATION: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const SOURCE: [u8; 8] = [0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5];
/// RFC 9001 section 5.2.
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];

pub(super) fn handshake() -> Messages {
    // initial_max_data 1 MiB and max_idle_timeout 30 s, RFC 9000 section 18.
    let parameters = tls::extension(0x39, &[0x04, 4, 0x80, 0x10, 0, 0, 0x01, 4, 0x80, 0, 0x75, 0x30]);
    let client = tls::client_hello(b"h3.example.org", &[b"h3"], &parameters);
    let server = tls::server_hello(
        0x1301,
        &[tls::extension(43, &[3, 4]), tls::extension(51, &tls::key_share_entry())],
    );
    vec![
        (UP, initial(b"client in", &DESTINATION, &[], &client)),
        (DOWN, initial(b"server in", &[], &SOURCE, &server)),
        (UP, short(20, 60)),
        (DOWN, short(21, 1200)),
    ]
}

/// A packet with the short header, of a connection that goes on.
pub(crate) fn short(seed: u64, length: usize) -> Vec<u8> {
    [&[0x41][..], &SOURCE, &noise(seed, length)].concat()
}

/// One Initial packet with one CRYPTO frame, padded to 1200 bytes.
fn initial(side: &[u8], destination: &[u8], source: &[u8], message: &[u8]) -> Vec<u8> {
    const TAG: usize = 16;
    const PACKET_NUMBER: usize = 4;
    let length = u16::try_from(message.len()).expect("short") | 0x4000;
    let mut content = [&[6, 0][..], &length.to_be_bytes(), message].concat();
    content.resize(content.len().max(1140), 0);
    let rest = u16::try_from(PACKET_NUMBER + content.len() + TAG).expect("short") | 0x4000;
    let header =
        [&[0xc3, 0, 0, 0, 1][..], &u8_list(destination), &u8_list(source), &[0], &rest.to_be_bytes()]
            .concat();

    let (initial, _) = Hkdf::<Sha256>::extract(Some(&SALT), &DESTINATION);
    let secret: [u8; 32] = expand(&initial, side);
    let (key, iv, header_key): ([u8; 16], [u8; 12], [u8; 16]) =
        (expand(&secret, b"quic key"), expand(&secret, b"quic iv"), expand(&secret, b"quic hp"));
    // The packet number is zero, so that the nonce is the IV itself.
    let mut packet = [&header[..], &[0; PACKET_NUMBER]].concat();
    let tag = Aes128Gcm::new(&key.into())
        .encrypt_inout_detached(&iv.into(), &packet, content.as_mut_slice().into())
        .expect("short");
    packet.extend(content);
    packet.extend(tag);

    let number = header.len();
    let sample: [u8; 16] = packet[number + 4..number + 20].try_into().expect("sixteen");
    let mut mask = sample.into();
    aes::Aes128::new(&header_key.into()).encrypt_block(&mut mask);
    packet[0] ^= mask[0] & 0x0f;
    for (byte, mask) in packet[number..number + PACKET_NUMBER].iter_mut().zip(&mask[1..]) {
        *byte ^= mask;
    }
    packet
}

/// HKDF-Expand-Label, RFC 8446 section 7.1.
fn expand<const N: usize>(secret: &[u8], label: &[u8]) -> [u8; N] {
    let length = u16::try_from(N).expect("short").to_be_bytes();
    let label = u8_list(&[b"tls13 ", label].concat());
    let mut out = [0; N];
    Hkdf::<Sha256>::from_prk(secret)
        .expect("32 bytes")
        .expand(&[&length[..], &label, &u8_list(&[])].concat(), &mut out)
        .expect("short");
    out
}
