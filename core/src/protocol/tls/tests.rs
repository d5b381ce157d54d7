use super::testing::{Hello, LEAF, certificate, message, record, server_hello};
use super::{CLEARTEXT, FACTS, PROTOCOL};
use crate::flow::FlowKey;
use crate::packet::Transport;
use crate::protocol::testing::{
    Conversation, TO_CLIENT, TO_SERVER, Transcript, feed, flow, keeps_promises, probe,
};
use crate::protocol::{Parser, Probe, Protocol};

const DATA: &[u8] = &[0x17, 3, 3, 0, 3, 0xaa, 0xbb, 0xcc];
const CHANGE_CIPHER_SPEC: &[u8] = &[0x14, 3, 3, 0, 1, 1];

fn tcp() -> FlowKey {
    flow(Transport::TCP, 443)
}

fn read(conversation: Conversation<'_>) -> Transcript {
    feed(&PROTOCOL, &tcp(), conversation)
}

fn hello() -> Hello {
    Hello::default().sni(b"Example.org").alpn(&[b"h2", b"http/1.1"]).versions(&[0x0304, 0x0303])
}

/// The server's first flight in TLS 1.2, its messages in one record.
fn flight(suite: u16) -> Vec<u8> {
    let messages = [
        server_hello(0x0303, suite),
        certificate(&[LEAF, b"not a certificate"]),
        message(12, &[1; 40]),
        message(14, &[]),
    ];
    record(22, &messages.concat())
}

#[test]
fn reads_a_tls_1_3_conversation() {
    let client = hello().record();
    let server = [record(22, &server_hello(0x0304, 0x1301)), CHANGE_CIPHER_SPEC.to_vec()].concat();
    let conversation = [(TO_SERVER, &client[..]), (TO_CLIENT, &server)];
    let said = read(&conversation);
    assert_eq!(said.value(&FACTS.sni), "example.org");
    assert_eq!(said.values(&FACTS.alpn), ["h2", "http/1.1"]);
    assert_eq!(said.value(&FACTS.client_version), "772");
    assert_eq!(said.value(&FACTS.version), "TLS 1.3");
    assert_eq!(said.value(&FACTS.cipher_name), "TLS_AES_128_GCM_SHA256");
    assert_eq!(said.value(&FACTS.ja3s).len(), 32);
    assert_eq!(said.0.iter().filter(|line| *line == "[end]").count(), 2);
    assert_eq!(said.0[said.0.len() - 2..], ["[unseen encrypted]", "[done]"]);
    keeps_promises(&PROTOCOL, &tcp(), &conversation);
}

#[test]
fn reads_a_tls_1_2_conversation_with_its_certificates() {
    let client = hello().record();
    let server = flight(0xc02f);
    let keys = [record(22, &message(16, &[1; 66])), CHANGE_CIPHER_SPEC.to_vec()].concat();
    let conversation = [
        (TO_SERVER, &client[..]),
        (TO_CLIENT, &server),
        (TO_SERVER, &keys),
        (TO_CLIENT, CHANGE_CIPHER_SPEC),
        (TO_SERVER, DATA),
    ];
    let said = read(&conversation);
    assert_eq!(said.value(&FACTS.version), "TLS 1.2");
    assert_eq!(said.value(&FACTS.subject), "C=DE, O=Weir Test, CN=host.example");
    assert_eq!(said.value(&FACTS.issuer), said.value(&FACTS.subject));
    assert_eq!(said.values(&FACTS.subject_alt_name).len(), 4);
    assert_eq!(said.value(&FACTS.fingerprint).len(), 59);
    assert_eq!(said.value(&FACTS.chain_certificate), "not a certificate");
    assert!(said.values(&FACTS.session_resumed).is_empty());
    assert!(said.says("[done]"));
    keeps_promises(&PROTOCOL, &tcp(), &conversation);
}

#[test]
fn reads_the_servers_side_alone() {
    let server = [flight(0xc02f), CHANGE_CIPHER_SPEC.to_vec(), DATA.to_vec()].concat();
    for direction in [TO_SERVER, TO_CLIENT] {
        assert_eq!(probe(&PROTOCOL, &tcp(), direction, &server), Probe::Match);
        let said = read(&[(direction, &server)]);
        assert_eq!(said.values(&FACTS.certificate).len(), 1);
        assert_eq!(said.values(&FACTS.chain_certificate).len(), 1);
        assert!(said.says("[unseen encrypted]"));
    }
}

#[test]
fn waits_for_the_certificate_after_the_clients_early_data() {
    let client = [hello().extension(42, &[]).record(), CHANGE_CIPHER_SPEC.to_vec(), DATA.to_vec()].concat();
    let said = read(&[(TO_SERVER, &client)]);
    assert!(!said.says("[done]"));
    // Without the announcement it means that the server's side is not to be seen.
    let client = [hello().record(), CHANGE_CIPHER_SPEC.to_vec(), DATA.to_vec()].concat();
    assert!(read(&[(TO_SERVER, &client)]).says("[done]"));
}

#[test]
fn a_second_hello_changes_nothing() {
    let retry = [
        &[3, 3][..],
        &sha2::Sha256::digest(b"HelloRetryRequest"),
        &[0, 0x13, 0x01, 0, 0, 6, 0, 43, 0, 2, 3, 4],
    ]
    .concat();
    let first = hello().record();
    let retry = [record(22, &message(2, &retry)), CHANGE_CIPHER_SPEC.to_vec()].concat();
    let second = [CHANGE_CIPHER_SPEC.to_vec(), hello().sni(b"other.example").record()].concat();
    let server = record(22, &server_hello(0x0304, 0x1302));
    let conversation =
        [(TO_SERVER, &first[..]), (TO_CLIENT, &retry), (TO_SERVER, &second), (TO_CLIENT, &server)];
    let said = read(&conversation);
    assert_eq!(said.value(&FACTS.sni), "example.org");
    assert_eq!(said.value(&FACTS.hello_retry), "1");
    assert_eq!(said.value(&FACTS.cipher), 0x1302.to_string());
    keeps_promises(&PROTOCOL, &tcp(), &conversation);
}

/// The hello in records of one byte, each with another version, as evaders send it.
fn crumbs() -> Vec<u8> {
    hello()
        .message()
        .iter()
        .enumerate()
        .flat_map(|(index, byte)| [22, 3, (index % 0x9a) as u8, 0, 1, *byte])
        .collect()
}

#[test]
fn reads_the_name_of_a_client_hello_split_over_records() {
    let crumbs = crumbs();
    assert_eq!(probe(&PROTOCOL, &tcp(), TO_SERVER, &crumbs[..36]), Probe::Match);
    assert_eq!(read(&[(TO_SERVER, &crumbs)]), read(&[(TO_SERVER, &hello().record())]));
    keeps_promises(&PROTOCOL, &tcp(), &[(TO_SERVER, &crumbs)]);
}

#[test]
fn is_not_misled_by_records_between() {
    let message = hello().message();
    let (first, second) = message.split_at(30);
    let empty = record(22, &[]).repeat(1000);
    let stream =
        [empty, record(22, first), CHANGE_CIPHER_SPEC.to_vec(), record(21, &[1, 90]), record(22, second)]
            .concat();
    let said = read(&[(TO_SERVER, &stream)]);
    assert_eq!(said.value(&FACTS.sni), "example.org");
    assert_eq!(said.value(&FACTS.alert), "90");
}

#[test]
fn reads_a_hello_of_sixty_thousand_bytes_and_skips_a_longer_one() {
    let big = hello().extension(0x15, &vec![0; 60_000]);
    let records: Vec<u8> = big.message().chunks(16_000).flat_map(|piece| record(22, piece)).collect();
    assert_eq!(read(&[(TO_SERVER, &records)]).value(&FACTS.sni), "example.org");

    let mut stream: Vec<u8> =
        message(11, &vec![0; 200_000]).chunks(16_000).flat_map(|piece| record(22, piece)).collect();
    stream.extend(record(22, &server_hello(0x0303, 0xc02f)));
    let said = read(&[(TO_CLIENT, &stream)]);
    assert!(said.values(&FACTS.certificate).is_empty());
    assert_eq!(said.value(&FACTS.version), "TLS 1.2");
}

#[test]
fn states_names_that_are_none() {
    let client = Hello::default().sni(b"exa mple.org").record();
    let said = read(&[(TO_SERVER, &client)]);
    assert_eq!(said.value(&FACTS.sni_malformed), "exa mple.org");
    assert!(said.values(&FACTS.sni).is_empty());

    let client = Hello::default().sni(b"a.example").sni(b"b.example").record();
    let said = read(&[(TO_SERVER, &client)]);
    assert_eq!(said.value(&FACTS.sni), "a.example");
    assert_eq!(said.value(&FACTS.sni_malformed), "b.example");
}

#[test]
fn says_that_a_name_is_hidden_only_where_that_is_known() {
    let grease = read(&[(TO_SERVER, &hello().extension(0xfe0d, &[0]).record())]);
    assert_eq!(grease.value(&FACTS.ech), "1");
    assert!(!grease.says("[unseen ech]"));
    let outer = Hello::default().sni(b"cloudflare-ech.com").extension(0xfe0d, &[0]).record();
    assert!(read(&[(TO_SERVER, &outer)]).says("[unseen ech]"));
    let esni = Hello::default().extension(0xffce, &[0]).record();
    assert!(read(&[(TO_SERVER, &esni)]).says("[unseen ech]"));
}

#[test]
fn tells_a_resumed_session() {
    let server = [record(22, &server_hello(0x0303, 0xc02f)), CHANGE_CIPHER_SPEC.to_vec()].concat();
    let said = read(&[(TO_SERVER, &hello().record()), (TO_CLIENT, &server)]);
    assert_eq!(said.value(&FACTS.session_resumed), "1");
}

#[test]
fn reads_the_clients_certificate() {
    let keys = record(22, &[certificate(&[LEAF]), message(16, &[1; 66])].concat());
    let said = read(&[(TO_SERVER, &hello().record()), (TO_CLIENT, &flight(0xc02f)), (TO_SERVER, &keys)]);
    assert_eq!(said.values(&FACTS.client_certificate).len(), 1);
    assert_eq!(said.values(&FACTS.certificate).len(), 1);
    assert_eq!(said.values(&FACTS.chain_certificate).len(), 1);
}

#[test]
fn reads_on_under_a_null_cipher() {
    let client = hello().record();
    let server = [flight(0x0002), CHANGE_CIPHER_SPEC.to_vec()].concat();
    let data = [CHANGE_CIPHER_SPEC.to_vec(), record(23, b"imei=490154203237518")].concat();
    let conversation = [(TO_SERVER, &client[..]), (TO_CLIENT, &server), (TO_SERVER, &data)];
    let said = read(&conversation);
    assert_eq!(said.value(&CLEARTEXT), "imei=490154203237518");
    assert!(!said.says("[unseen encrypted]"));
    keeps_promises(&PROTOCOL, &tcp(), &conversation);
}

#[test]
fn reads_the_hellos_of_ssl_2() {
    let client = [
        &[0x80, 0x2e, 0x01, 0x00, 0x02, 0, 21, 0, 0, 0, 16][..],
        &[7, 0, 0xc0, 5, 0, 0x80, 3, 0, 0x80, 1, 0, 0x80, 6, 0, 0x40, 4, 0, 0x80, 2, 0, 0x80],
        &[9; 16],
    ]
    .concat();
    let server =
        [&[0x80, 0x1e, 0x04, 0, 1, 0x00, 0x02, 0, 0, 0, 3, 0, 16][..], &[7, 0, 0xc0], &[8; 16]].concat();
    assert_eq!(probe(&PROTOCOL, &tcp(), TO_SERVER, &client), Probe::Match);
    let conversation = [(TO_SERVER, &client[..]), (TO_CLIENT, &server)];
    let said = read(&conversation);
    assert_eq!(said.value(&FACTS.client_version), "2");
    assert_eq!(said.value(&FACTS.version), "SSLv2");
    keeps_promises(&PROTOCOL, &tcp(), &conversation);
}

#[test]
fn goes_on_with_the_server_when_the_clients_bytes_are_lost() {
    use crate::flow::Chunk;
    use crate::protocol::{Fact, Field, Progress, Sink, Unseen, Value};
    #[derive(Default)]
    struct Certificates(usize);
    impl Sink for Certificates {
        fn fact(&mut self, field: &'static Field, direction: crate::flow::Direction, value: Value<'_>) {
            let fact = Fact { field, value, direction };
            self.0 += usize::from(std::ptr::eq(fact.field, &FACTS.certificate));
        }
        fn end_record(&mut self) {}
        fn refine(&mut self, _: &'static str) {}
        fn inner(&mut self, _: &'static str) {}
        fn expect(&mut self, _: Transport, _: crate::packet::Endpoint, _: &'static str) {}
        fn unseen(&mut self, _: Unseen) {}
    }
    let mut parser: Box<dyn Parser> = PROTOCOL.parser();
    let mut out = Certificates::default();
    assert_eq!(parser.gap(TO_SERVER, 100, &mut out), Progress::Consumed(0));
    let bytes = flight(0xc02f);
    let chunk = Chunk { direction: TO_CLIENT, bytes: &bytes };
    parser.feed(&tcp(), chunk, &mut out);
    assert_eq!(out.0, 1);
}

#[test]
fn recognises_the_middle_of_a_conversation() {
    let two = [record(23, &[0xaa; 300]), record(23, &[0xbb; 400])].concat();
    let late = |bytes: &[u8]| probe(&PROTOCOL, &tcp(), TO_SERVER, bytes);
    assert_eq!(late(&two), Probe::Match);
    assert_eq!(late(&two[..200]), Probe::NeedMore);
    assert_eq!(late(&two[..310]), Probe::Match);
    assert_eq!(late(&two[..305]), Probe::Match);
    assert_eq!(late(&[&two[..305], b"GET / HTTP/1.1\r\n"].concat()), Probe::Mismatch);
    assert_eq!(late(&record(21, &[2, 40])), Probe::Match);
    assert_eq!(late(&record(22, &message(16, &[1; 66]))), Probe::Match);
    assert_eq!(late(&[CHANGE_CIPHER_SPEC, &[22, 3, 3, 0, 40, 9]].concat()), Probe::Match);
    let said = read(&[(TO_SERVER, &two)]);
    assert_eq!(said.0, ["[unseen encrypted]", "[done]"]);
}

#[test]
fn tells_others_apart() {
    let others: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example ESMTP\r\n",
        &[0x16, 0x03, 0x01, 0x50, 0x00],
        // A ClientHello whose body is shorter than its record.
        &[0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0, 0, 40, 3, 3, 0x04],
        // DTLS, RDP in TPKT, MySQL, MQTT, PPTP
        &[0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x30],
        &[0x03, 0x00, 0x00, 0x13, 0x0e, 0xe0],
        &[0x4a, 0, 0, 0, 0x0a, b'8', b'.', b'0'],
        &[0x10, 0x0c, 0, 4, b'M', b'Q', b'T', b'T'],
        &[0x00, 0x9c, 0x00, 0x01, 0x1a, 0x2b, 0x3c, 0x4d],
        &[0x80, 0x00, 0x00, 0x28, 0x72, 0xfe, 0x1d, 0x13],
        &[0x17, 0x02, 0x03, 0x00, 0x10],
    ];
    for bytes in others {
        for direction in [TO_SERVER, TO_CLIENT] {
            assert_ne!(probe(&PROTOCOL, &tcp(), direction, bytes), Probe::Match, "{bytes:x?}");
        }
    }
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..24)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert_ne!(probe(&PROTOCOL, &tcp(), TO_SERVER, &bytes), Probe::Match, "{bytes:x?}");
    }
}

#[test]
fn names_its_first_bytes() {
    for bytes in [hello().record(), crumbs(), record(23, &[0; 9])] {
        match PROTOCOL.first_byte(TO_SERVER) {
            crate::protocol::FirstByte::OneOf(list) => assert!(list.contains(&bytes[0])),
            other => panic!("{other:?}"),
        }
    }
}

use sha2::Digest;
