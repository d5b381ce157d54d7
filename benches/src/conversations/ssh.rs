//! The key exchange of SSH (RFC 4253 sections 4.2, 7 and 8; RFC 8731), up to where encryption begins.

use super::{DOWN, Messages, UP};
use crate::wire::{noise, u32_list};

const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
const KEX_ECDH_INIT: u8 = 30;
const KEX_ECDH_REPLY: u8 = 31;

const KEX: &[u8] =
    b"sntrup761x25519-sha512@openssh.com,curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256";
const HOST_KEYS: &[u8] = b"ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256";
const CIPHERS: &[u8] =
    b"chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com";
const MACS: &[u8] = b"umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512,hmac-sha1";
const COMPRESSION: &[u8] = b"none,zlib@openssh.com";

pub(super) fn key_exchange() -> Messages {
    let key = [u32_list(b"ssh-ed25519"), u32_list(&noise(30, 32))].concat();
    let signature = [u32_list(b"ssh-ed25519"), u32_list(&noise(31, 64))].concat();
    let reply = [u32_list(&key), u32_list(&noise(32, 32)), u32_list(&signature)].concat();
    vec![
        (UP, [&b"SSH-2.0-OpenSSH_9.6\r\n"[..], &kexinit(33)].concat()),
        (DOWN, [&b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..], &kexinit(34)].concat()),
        (UP, packet(KEX_ECDH_INIT, &u32_list(&noise(35, 32)))),
        (DOWN, [packet(KEX_ECDH_REPLY, &reply), packet(NEWKEYS, &[]), noise(36, 44)].concat()),
        (UP, [packet(NEWKEYS, &[]), noise(37, 44)].concat()),
    ]
}

fn kexinit(seed: u64) -> Vec<u8> {
    let lists = [KEX, HOST_KEYS, CIPHERS, CIPHERS, MACS, MACS, COMPRESSION, COMPRESSION, b"", b""];
    let mut payload = noise(seed, 16);
    payload.extend(lists.into_iter().flat_map(u32_list));
    // No guessed packet follows, and a reserved number.
    payload.extend([0; 5]);
    packet(KEXINIT, &payload)
}

/// A binary packet without a MAC, padded to a multiple of eight with at least four bytes.
fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
    let unpadded = 4 + 1 + 1 + payload.len();
    let padding = 8 - unpadded % 8;
    let padding = if padding < 4 { padding + 8 } else { padding };
    let padding_length = u8::try_from(padding).expect("below sixteen");
    u32_list(&[&[padding_length, kind][..], payload, &vec![0; padding]].concat())
}
