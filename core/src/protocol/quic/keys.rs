//! The keys of Initial packets, which anybody can derive, RFC 9001 §5.2: they keep middleboxes from meddling, not
//! from reading.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit as _};
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::AeadInOut;
use hkdf::Hkdf;
use sha2::Sha256;

use super::packet::{Family, LongPacket, Version};

/// What one version derives its keys with.
#[derive(Debug)]
pub(super) struct Suite {
    salt: [u8; 20],
    /// HKDF-Expand-Label's information for key, iv and header protection.
    labels: [&'static [u8]; 3],
}

// Output length, length of the label, label, length of the context; RFC 8446 §7.1.
const CLIENT: &[u8] = b"\x00\x20\x0ftls13 client in\x00";
const SERVER: &[u8] = b"\x00\x20\x0ftls13 server in\x00";
const LABELS: [&[u8]; 3] =
    [b"\x00\x10\x0etls13 quic key\x00", b"\x00\x0c\x0dtls13 quic iv\x00", b"\x00\x10\x0dtls13 quic hp\x00"];
const LABELS_2: [&[u8]; 3] = [
    b"\x00\x10\x10tls13 quicv2 key\x00",
    b"\x00\x0c\x0ftls13 quicv2 iv\x00",
    b"\x00\x10\x0ftls13 quicv2 hp\x00",
];

const fn suite(salt: u128, last: u32, labels: [&'static [u8]; 3]) -> Suite {
    let (high, low) = (salt.to_be_bytes(), last.to_be_bytes());
    let mut bytes = [0; 20];
    let (first, second) = bytes.split_at_mut(16);
    first.copy_from_slice(&high);
    second.copy_from_slice(&low);
    Suite { salt: bytes, labels }
}

/// RFC 9001 §5.2, and drafts 33 and 34.
const V1: &Suite = &suite(0x3876_2cf7_f559_34b3_4d17_9ae6_a4c8_0cad, 0xccbb_7f0a, LABELS);
const DRAFT_29: &Suite = &suite(0xafbf_ec28_9993_d24c_9e97_86f1_9c61_11e0, 0x4390_a899, LABELS);
const DRAFT_23: &Suite = &suite(0xc3ee_f712_c72e_bb5a_11a7_d243_2bb4_6365, 0xbef9_f502, LABELS);
const DRAFT_22: &Suite = &suite(0x7fbc_db0e_7c66_bbe9_193a_96cd_2151_9ebd, 0x7a02_644a, LABELS);
/// RFC 9369 §3.3.1.
const V2: &Suite = &suite(0x0ded_e3de_f700_a6db_8193_81be_6e26_9dcb, 0xf9bd_2ed9, LABELS_2);
const V2_DRAFT: &Suite = &suite(0xa707_c203_a59b_4718_4a1d_62ca_5704_06ea, 0x7ae3_e5d3, LABELS_2);
const Q050: &Suite = &suite(0x5045_74ef_d066_fe2f_9d94_5cfc_dbd3_a7f0, 0xd3b5_6b45, LABELS);
const T050: &Suite = &suite(0x7ff5_79e5_acd0_7291_5580_304c_43a2_367c, 0x6048_8310, LABELS);
const T051: &Suite = &suite(0x7a4e_def4_e7cc_ee5f_a450_6c19_124f_c8cc, 0xda6e_033d, LABELS);

/// What to try for a version, the most likely first.
fn suites(version: Version) -> &'static [&'static Suite] {
    match (version.0, version.family()) {
        (1 | 0xff00_0021 | 0xff00_0022, _) => &[V1],
        (0xff00_001d..=0xff00_0020, _) => &[DRAFT_29],
        (0xff00_0017..=0xff00_001c, _) => &[DRAFT_23],
        (0xff00_0016, _) => &[DRAFT_22],
        (0xface_b001, _) => &[DRAFT_22, DRAFT_23],
        (0x6b33_43cf, _) => &[V2],
        (0x5130_3530, _) => &[Q050],
        (0x5430_3530, _) => &[T050],
        (0x5430_3531, _) => &[T051],
        (_, Family::Two) => &[V2_DRAFT, V2],
        // mvfst's later numbers, versions of grease, and strangers.
        _ => &[V1, DRAFT_29, DRAFT_23, DRAFT_22],
    }
}

/// The Initial secrets of one connection.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    client: Keys,
    server: Option<Keys>,
    suite: &'static Suite,
    destination: [u8; 20],
    destination_length: u8,
}

/// Keys of one side.
#[derive(Debug, Clone)]
struct Keys {
    key: [u8; 16],
    iv: [u8; 12],
    header: [u8; 16],
}

impl Secrets {
    /// Opens a client's Initial with the keys that its own destination id gives, whatever salt fits.
    pub(super) fn discover(packet: &LongPacket<'_>, plain: &mut Vec<u8>) -> Option<Self> {
        let destination = packet.destination;
        suites(packet.version).iter().find_map(|suite| {
            let client = suite.keys(destination, CLIENT)?;
            client.open(packet, plain)?;
            let mut secrets = Self {
                client,
                server: None,
                suite,
                destination: [0; 20],
                destination_length: destination.len() as u8,
            };
            secrets.destination.get_mut(..destination.len())?.copy_from_slice(destination);
            Some(secrets)
        })
    }

    pub(super) fn open_client(&self, packet: &LongPacket<'_>, plain: &mut Vec<u8>) -> Option<()> {
        self.client.open(packet, plain)
    }

    pub(super) fn open_server(&mut self, packet: &LongPacket<'_>, plain: &mut Vec<u8>) -> Option<()> {
        if self.server.is_none() {
            let destination = self.destination.get(..self.destination_length.into())?;
            self.server = self.suite.keys(destination, SERVER);
        }
        self.server.as_ref()?.open(packet, plain)
    }
}

impl Suite {
    fn keys(&self, destination: &[u8], side: &[u8]) -> Option<Keys> {
        let mut secret = [0; 32];
        Hkdf::<Sha256>::new(Some(&self.salt), destination).expand(side, &mut secret).ok()?;
        let secret = Hkdf::<Sha256>::from_prk(&secret).ok()?;
        let mut keys = Keys { key: [0; 16], iv: [0; 12], header: [0; 16] };
        let [key, iv, header] = self.labels;
        secret.expand(key, &mut keys.key).ok()?;
        secret.expand(iv, &mut keys.iv).ok()?;
        secret.expand(header, &mut keys.header).ok()?;
        Some(keys)
    }
}

impl Keys {
    /// Removes header protection (RFC 9001 §5.4) and encryption (§5.3). `plain` then holds the frames.
    fn open(&self, packet: &LongPacket<'_>, plain: &mut Vec<u8>) -> Option<()> {
        const TAG: usize = 16;
        const LONGEST_NUMBER: usize = 4;
        let at = packet.number_at;
        let sample: [u8; 16] = packet.bytes.get(at + LONGEST_NUMBER..)?.first_chunk().copied()?;
        let mut mask = sample.into();
        Aes128::new(&self.header.into()).encrypt_block(&mut mask);

        plain.clear();
        plain.extend_from_slice(packet.bytes);
        *plain.first_mut()? ^= mask[0] & 0x0f;
        let number_length = usize::from(plain.first()? & 3) + 1;
        let mut nonce = self.iv;
        let number = plain.get_mut(at..at + number_length)?;
        for (byte, mask) in number.iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
        }
        for (place, byte) in nonce.iter_mut().rev().zip(number.iter().rev()) {
            *place ^= byte;
        }

        let (header, content) = plain.split_at_mut_checked(at + number_length)?;
        let (content, tag) = content.split_at_mut_checked(content.len().checked_sub(TAG)?)?;
        let tag: [u8; TAG] = (&*tag).try_into().ok()?;
        Aes128Gcm::new(&self.key.into())
            .decrypt_inout_detached(&nonce.into(), header, content.into(), &tag.into())
            .ok()?;
        let frames = at + number_length..plain.len() - TAG;
        plain.truncate(frames.end);
        plain.drain(..frames.start);
        Some(())
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::{AeadInOut as _, Aes128, Aes128Gcm, BlockCipherEncrypt as _, CLIENT, SERVER, suites};
    use crate::protocol::quic::packet::Version;
    use aes_gcm::KeyInit as _;

    /// Protects an Initial: `header` up to the packet number of four bytes, which is zero.
    pub(in crate::protocol::quic) fn seal(
        version: u32,
        destination: &[u8],
        is_client: bool,
        header: &[u8],
        frames: &[u8],
    ) -> Vec<u8> {
        let side = if is_client { CLIENT } else { SERVER };
        let keys = suites(Version(version))[0].keys(destination, side).expect("fixed lengths");
        let mut content = frames.to_vec();
        let mut packet = [header, &[0; 4]].concat();
        let tag = Aes128Gcm::new(&keys.key.into())
            .encrypt_inout_detached(&keys.iv.into(), &packet, content.as_mut_slice().into())
            .expect("short");
        packet.extend(content);
        packet.extend(tag);
        let at = header.len();
        let sample: [u8; 16] = packet[at + 4..at + 20].try_into().expect("sixteen");
        let mut mask = sample.into();
        Aes128::new(&keys.header.into()).encrypt_block(&mut mask);
        packet[0] ^= mask[0] & 0x0f;
        for (byte, mask) in packet[at..at + 4].iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
        }
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::{CLIENT, SERVER, V1, V2};

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    const DESTINATION: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    #[test]
    fn derives_the_keys_of_rfc_9001() {
        let client = V1.keys(&DESTINATION, CLIENT).expect("fixed lengths");
        assert_eq!(hex(&client.key), "1f369613dd76d5467730efcbe3b1a22d");
        assert_eq!(hex(&client.iv), "fa044b2f42a3fd3b46fb255c");
        assert_eq!(hex(&client.header), "9f50449e04a0e810283a1e9933adedd2");
        let server = V1.keys(&DESTINATION, SERVER).expect("fixed lengths");
        assert_eq!(hex(&server.key), "cf3a5331653c364c88f0f379b6067e37");
    }

    #[test]
    fn derives_the_keys_of_rfc_9369() {
        let client = V2.keys(&DESTINATION, CLIENT).expect("fixed lengths");
        assert_eq!(hex(&client.key), "8b1a0bc121284290a29e0971b5cd045d");
        assert_eq!(hex(&client.iv), "91f73e2351d8fa91660e909f");
    }
}
