use super::google::testing::chlo;
use super::keys::testing::seal;
use super::{FACTS, PROTOCOL, USER_AGENT, VERSION};
use crate::flow::FlowKey;
use crate::packet::Transport;
use crate::protocol::testing::{
    Conversation, TO_CLIENT, TO_SERVER, Transcript, feed, flow, keeps_promises, probe,
};
use crate::protocol::tls::testing::{Hello, server_hello};
use crate::protocol::{Probe, Unseen};

const DESTINATION: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const SOURCE: [u8; 4] = [0xde, 0xad, 0xbe, 0xef];
const VERSION_2: u32 = 0x6b33_43cf;

fn udp() -> FlowKey {
    flow(Transport::UDP, 443)
}

fn read(conversation: Conversation<'_>) -> Transcript {
    feed(&PROTOCOL, &udp(), conversation)
}

fn hello() -> Vec<u8> {
    // user_agent 0x3129, and max_idle_timeout before it.
    let parameters = [&[0x01, 0x02, 0x44, 0xb0, 0x71, 0x29, 0x06][..], b"Chrome"].concat();
    Hello::default()
        .no_ciphers()
        .ciphers(&[0x1301])
        .sni(b"h3.example")
        .alpn(&[b"h3"])
        .versions(&[0x0304])
        .extension(0x39, &parameters)
        .message()
}

/// A CRYPTO frame; offsets and lengths in four bytes.
fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    let long = |number: usize| (number as u32 | 0x8000_0000).to_be_bytes();
    [&[6][..], &long(offset), &long(data.len()), data].concat()
}

/// An Initial padded to 1200 bytes; `keys` is the destination that the keys come from.
fn initial_with(version: u32, keys: &[u8], destination: &[u8], is_client: bool, frames: &[u8]) -> Vec<u8> {
    let first = if matches!(version, VERSION_2 | 0x709a_50c4) { 0xd3 } else { 0xc3 };
    let mut frames = frames.to_vec();
    frames.resize(frames.len().max(1170), 0);
    let length = (4 + frames.len() + 16) as u16 | 0x4000;
    let header = [
        &[first][..],
        &version.to_be_bytes(),
        &[destination.len() as u8],
        destination,
        &[4],
        &SOURCE,
        &[0],
        &length.to_be_bytes(),
    ]
    .concat();
    seal(version, keys, is_client, &header, &frames)
}

fn initial(version: u32, frames: &[u8]) -> Vec<u8> {
    initial_with(version, &DESTINATION, &DESTINATION, true, frames)
}

fn name(conversation: Conversation<'_>) -> Vec<String> {
    read(conversation).values(&FACTS.sni).into_iter().map(str::to_owned).collect()
}

#[test]
fn reads_both_hellos() {
    let client = initial(1, &crypto(0, &hello()));
    let server = initial_with(1, &DESTINATION, &SOURCE, false, &crypto(0, &server_hello(0x0304, 0x1301)));
    assert_eq!(probe(&PROTOCOL, &udp(), TO_SERVER, &client), Probe::Match);
    let conversation = [(TO_SERVER, &client[..]), (TO_CLIENT, &server)];
    let said = read(&conversation);
    assert_eq!(said.value(&VERSION), "1");
    assert_eq!(said.value(&USER_AGENT), "Chrome");
    assert_eq!(said.value(&FACTS.sni), "h3.example");
    assert_eq!(said.values(&FACTS.alpn), ["h3"]);
    assert!(said.value(&FACTS.ja4).starts_with("q13d0104h3_"));
    assert_eq!(said.value(&FACTS.version), "TLS 1.3");
    assert_eq!(said.value(&FACTS.cipher_name), "TLS_AES_128_GCM_SHA256");
    assert!(said.says("[unseen encrypted]") && said.says("[done]"));
    keeps_promises(&PROTOCOL, &udp(), &conversation);
}

#[test]
fn reads_every_version() {
    for version in [VERSION_2, 0x709a_50c4, 0xff00_0016, 0xff00_001b, 0xff00_001d, 0xff00_0022, 0xface_b002] {
        let client = initial(version, &crypto(0, &hello()));
        assert_eq!(probe(&PROTOCOL, &udp(), TO_SERVER, &client), Probe::Match, "{version:#x}");
        assert_eq!(name(&[(TO_SERVER, &client)]), ["h3.example"], "{version:#x}");
    }
}

#[test]
fn believes_a_strange_version_if_its_keys_fit() {
    for version in [0x1a2a_3a4a, 0x1234_5678] {
        let client = initial(version, &crypto(0, &hello()));
        assert_eq!(probe(&PROTOCOL, &udp(), TO_SERVER, &client), Probe::Match);
        let mut damaged = client;
        damaged[700] ^= 1;
        assert_eq!(probe(&PROTOCOL, &udp(), TO_SERVER, &damaged), Probe::Mismatch);
    }
}

#[test]
fn puts_the_hello_together_from_frames_in_any_order() {
    let hello = hello();
    let ping = [1];
    let ack = [2, 0, 0, 0, 0];
    let pieces = [
        &crypto(40, &hello[40..])[..],
        &ping,
        &[0; 7],
        &crypto(10, &hello[10..50]),
        &ack,
        &crypto(0, &hello[..12]),
    ];
    assert_eq!(name(&[(TO_SERVER, &initial(1, &pieces.concat()))]), ["h3.example"]);
    // Over two datagrams, the second half first.
    let first = initial(1, &crypto(60, &hello[60..]));
    let second = initial(1, &crypto(0, &hello[..60]));
    let conversation = [(TO_SERVER, &first[..]), (TO_SERVER, &second)];
    assert_eq!(name(&conversation), ["h3.example"]);
    keeps_promises(&PROTOCOL, &udp(), &conversation);
}

#[test]
fn follows_the_servers_connection_id_and_a_retry() {
    let hello = hello();
    let first = initial(1, &crypto(0, &hello[..60]));
    // The server chose another id: the keys stay.
    let second = initial_with(1, &DESTINATION, b"server's", true, &crypto(60, &hello[60..]));
    assert_eq!(name(&[(TO_SERVER, &first), (TO_SERVER, &second)]), ["h3.example"]);
    // After a Retry everything begins anew, with its id.
    let retry = [&[0xf0, 0, 0, 0, 1, 4][..], &SOURCE, &[5], b"retry", &[9; 40]].concat();
    let again = initial_with(1, b"retry", b"retry", true, &crypto(0, &hello));
    let conversation = [(TO_SERVER, &first[..]), (TO_CLIENT, &retry), (TO_SERVER, &again)];
    assert_eq!(name(&conversation), ["h3.example"]);
}

#[test]
fn takes_the_client_to_be_whoever_sends_a_clients_initial() {
    let client = initial(1, &crypto(0, &hello()));
    let server = initial_with(1, &DESTINATION, &SOURCE, false, &crypto(0, &server_hello(0x0304, 0x1302)));
    let said = read(&[(TO_CLIENT, &client), (TO_SERVER, &server)]);
    assert_eq!(said.value(&FACTS.sni), "h3.example");
    assert_eq!(said.value(&FACTS.cipher), 0x1302.to_string());
}

#[test]
fn lets_the_real_hello_decide_after_a_damaged_one() {
    let client = initial(1, &crypto(0, &hello()));
    let mut damaged = client.clone();
    damaged[600] ^= 1;
    assert_eq!(name(&[(TO_SERVER, &damaged), (TO_SERVER, &client)]), ["h3.example"]);
    let said = read(&[(TO_SERVER, &damaged)]);
    assert!(said.says("[unseen quic-undecryptable]"));
    assert_eq!(said.value(&VERSION), "1");
}

#[test]
fn says_when_the_hello_stays_incomplete() {
    let said = read(&[(TO_SERVER, &initial(1, &crypto(0, &hello()[..60])))]);
    assert!(said.says(&format!("[unseen {}]", Unseen::Truncated.name())));
}

#[test]
fn reads_google_quic() {
    let chlo = chlo(b"WWW.example.org", b"Chrome/60");
    let q043 = [&[0x09][..], &[7; 8], b"Q043", &[1], &[0; 12], &[0xa0, 1, 0x40, 0], &chlo].concat();
    assert_eq!(probe(&PROTOCOL, &udp(), TO_SERVER, &q043), Probe::Match);
    let said = read(&[(TO_SERVER, &q043)]);
    assert_eq!(said.value(&VERSION), "Q043");
    assert_eq!(said.value(&FACTS.sni), "www.example.org");
    assert_eq!(said.value(&USER_AGENT), "Chrome/60");
    assert!(said.says("[done]"));
    keeps_promises(&PROTOCOL, &udp(), &[(TO_SERVER, &q043)]);

    let mut frame = crypto(0, &chlo);
    frame[0] = 8;
    let q050 = initial(u32::from_be_bytes(*b"Q050"), &frame);
    let said = read(&[(TO_SERVER, &q050)]);
    assert_eq!(said.value(&VERSION), "Q050");
    assert_eq!(said.value(&FACTS.sni), "www.example.org");
}

#[test]
fn tells_others_apart() {
    let long = [&[0xc0, 0, 0, 0, 1, 8][..], &[1; 8], &[0, 0, 0x44, 0xd0], &[0; 100]].concat();
    let others: [&[u8]; 9] = [
        &[],
        &[0xc3],
        // A length that lies.
        &long,
        // A short header.
        &[0x45; 60],
        // DNS, STUN, RTP, DTLS, WireGuard
        &[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, b'w', b'w', b'w', 0],
        &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        &[0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff, 0xff],
        &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4],
        &[1, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
    ];
    for bytes in others {
        for direction in [TO_SERVER, TO_CLIENT] {
            assert_eq!(probe(&PROTOCOL, &udp(), direction, bytes), Probe::Mismatch, "{bytes:x?}");
        }
    }
    let mut state = 7_u64;
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..1250)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert_eq!(probe(&PROTOCOL, &udp(), TO_SERVER, &bytes), Probe::Mismatch);
    }
}
