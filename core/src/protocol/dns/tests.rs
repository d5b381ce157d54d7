use super::{FIELDS, PROTOCOL};
use crate::flow::FlowKey;
use crate::packet::{Address, Transport};
use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};
use crate::protocol::{Probe, llmnr, mdns};

/// A message of `counts` records: header, then the rest as given.
fn message(flags: u16, counts: [u16; 4], rest: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    bytes.extend_from_slice(&flags.to_be_bytes());
    counts.iter().for_each(|count| bytes.extend_from_slice(&count.to_be_bytes()));
    rest.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A record owned by the name at offset 12, of class IN, living 60 seconds.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xc0\x0c".to_vec();
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(b"\0\x01\0\0\0\x3c");
    bytes.extend_from_slice(&(data.len() as u16).to_be_bytes());
    bytes.extend_from_slice(data);
    bytes
}

const NAME: &[u8] = b"\x03wWw\x07example\x03org\0";
const A_IN: &[u8] = b"\0\x01\0\x01";

fn query() -> Vec<u8> {
    message(0x0100, [1, 0, 0, 0], &[NAME, A_IN])
}

fn with_length(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

fn udp(port: u16) -> FlowKey {
    testing::flow(Transport::UDP, port)
}

fn read(message: &[u8]) -> testing::Transcript {
    testing::feed(&PROTOCOL, &udp(53), &[(TO_CLIENT, message)])
}

#[test]
fn reads_a_query() {
    let said = testing::feed(&PROTOCOL, &udp(53), &[(TO_SERVER, &query())]);
    assert_eq!(
        said.0,
        [
            "dns.kind=query",
            "dns.txid=4660",
            "dns.flags=0100",
            "dns.question.content=wWw.example.org",
            "dns.question.name=www.example.org",
            "dns.question.type=A",
            "[end]"
        ]
    );
}

#[test]
fn reads_answers_and_their_addresses() {
    let answer = message(
        0x8180,
        [1, 2, 0, 0],
        &[NAME, A_IN, &record(5, b"\x03cdn\xc0\x10"), &record(1, &[192, 0, 2, 7])],
    );
    let said = read(&answer);
    assert_eq!(said.values(&FIELDS.answers.data), ["cdn.example.org", "192.0.2.7"]);
    assert_eq!(said.values(&FIELDS.answers.kind), ["CNAME", "A"]);
    assert_eq!(said.values(&FIELDS.answers.ttl), ["60", "60"]);
    assert_eq!(said.value(&FIELDS.rcode), "NOERROR");
    assert_eq!(said.values(&FIELDS.address).len(), 1);
    assert!(said.values(&FIELDS.content).is_empty());
}

#[test]
fn reads_every_common_type_as_text() {
    let parts = [
        record(28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        record(15, b"\0\x0a\x02mx\xc0\x10"),
        record(33, b"\0\x01\0\x02\x13\xc4\x03sip\xc0\x10"),
        record(16, b"\x02v=\x04spf1"),
        record(6, b"\x02ns\xc0\x10\x01h\xc0\x10\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05"),
        record(4711, b"raw"),
    ];
    let all: Vec<&[u8]> = [NAME, A_IN].into_iter().chain(parts.iter().map(|part| &part[..])).collect();
    let said = read(&message(0x8180, [1, 6, 0, 0], &all));
    assert_eq!(
        said.values(&FIELDS.answers.data),
        [
            "2001:db8::1",
            "10 mx.example.org",
            "1 2 5060 sip.example.org",
            "v=spf1",
            "ns.example.org h.example.org 1 2 3 4 5",
            "raw"
        ]
    );
    assert_eq!(said.values(&FIELDS.answers.kind)[5], "TYPE4711");
}

#[test]
fn reads_service_bindings_with_ech() {
    let data =
        b"\0\x01\0\0\x01\0\x06\x02h2\x02h3\0\x03\0\x02\x20\xfb\0\x04\0\x04\xc0\0\x02\x01\0\x05\0\x03ech";
    let answer = message(0x8180, [1, 1, 0, 0], &[NAME, b"\0\x41\0\x01", &record(65, data)]);
    let said = read(&answer);
    assert_eq!(said.value(&FIELDS.answers.data), "1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1 ech");
    assert_eq!(said.value(&FIELDS.ech), "ech");
    assert_eq!(said.value(&FIELDS.question_type), "HTTPS");
}

#[test]
fn reads_the_client_subnet_of_edns() {
    // OPT of 1232 octets with CLIENT-SUBNET 192.0.2.0/24.
    let opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0\xc0\0\x02";
    let said = read(&message(0x0100, [1, 0, 0, 1], &[NAME, A_IN, opt]));
    assert_eq!(said.value(&FIELDS.payload_size), "1232");
    assert_eq!(said.value(&FIELDS.client_subnet), "192.0.2.0/24");
}

#[test]
fn says_what_it_read_before_a_message_broke() {
    let looping = message(0x8180, [1, 1, 0, 0], &[NAME, A_IN, &record(5, b"\xc0\x2d")]);
    let said = read(&looping);
    assert_eq!(said.value(&FIELDS.question), "www.example.org");
    assert!(said.says("[end]"));
    assert!(said.says("[malformed a compression pointer that does not lead backwards]"));
}

#[test]
fn recognises_messages_on_any_port() {
    let flow = udp(4444);
    assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &query()), Probe::Match);
    let answer = message(0x8180, [1, 1, 0, 0], &[NAME, A_IN, &record(1, &[192, 0, 2, 7])]);
    assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &answer), Probe::Match, "one-sided");
}

#[test]
fn other_bytes_are_not_dns() {
    let flow = udp(4444);
    let netbios = message(0x0110, [1, 0, 0, 0], &[b"\x20", &[b'C'; 32], b"\0\0\x20\0\x01"]);
    let trailing = [&query()[..], b"more"].concat();
    let others: [&[u8]; 7] = [
        b"",
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0\0\0\0\0\0\0",
        &[0; 40],
        &[0xff; 40],
        &netbios,
        &trailing,
    ];
    for bytes in others {
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes), Probe::Mismatch, "{bytes:02x?}");
    }
}

#[test]
fn its_own_port_lets_pass_what_a_capture_cut_off() {
    let answer = message(0x8180, [1, 9, 0, 0], &[NAME, A_IN, &[0xc0, 0x0c, 0]]);
    assert_eq!(testing::probe(&PROTOCOL, &udp(53), TO_CLIENT, &answer), Probe::Match);
    assert_eq!(testing::probe(&PROTOCOL, &udp(4444), TO_CLIENT, &answer), Probe::Mismatch);
    assert_eq!(testing::probe(&PROTOCOL, &udp(53), TO_SERVER, &[0x38; 60]), Probe::Mismatch);
}

#[test]
fn reads_messages_of_a_stream() {
    let flow = testing::flow(Transport::TCP, 53);
    let query = with_length(&query());
    let answer = with_length(&message(0x8180, [1, 1, 0, 0], &[NAME, A_IN, &record(1, &[192, 0, 2, 7])]));
    let two = query.repeat(2);
    testing::keeps_promises(&PROTOCOL, &flow, &[(TO_SERVER, &two), (TO_CLIENT, &answer)]);
    let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, &two), (TO_CLIENT, &answer)]);
    assert_eq!(said.values(&FIELDS.question).len(), 3);
    for cut in 0..31 {
        assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &query[..cut]), Probe::NeedMore, "{cut}");
    }
    assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &query), Probe::Match);
}

#[test]
fn survives_damaged_datagrams() {
    let answer = message(
        0x8180,
        [1, 2, 0, 0],
        &[NAME, A_IN, &record(5, b"\x03cdn\xc0\x10"), &record(1, &[192, 0, 2, 7])],
    );
    testing::keeps_promises(&PROTOCOL, &udp(53), &[(TO_SERVER, &query()), (TO_CLIENT, &answer)]);
}

#[test]
fn neighbours_on_5353_speak_mdns_and_resolvers_there_dns() {
    let announcement = message(0x8400, [0, 1, 0, 0], &[NAME, A_IN, &[0, 0, 0, 60, 0, 4, 192, 0, 2, 7]]);
    let mut flow = udp(5353);
    assert_eq!(testing::probe(&mdns::PROTOCOL, &flow, TO_SERVER, &query()), Probe::Mismatch);
    assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, &query()), Probe::Match);
    flow.server.address = Address::v4([224, 0, 0, 251]);
    assert_eq!(testing::probe(&mdns::PROTOCOL, &flow, TO_SERVER, &announcement), Probe::Match);
    let said = testing::feed(&mdns::PROTOCOL, &flow, &[(TO_SERVER, &announcement)]);
    assert!(said.says("mdns.subject=www.example.org"));
}

#[test]
fn llmnr_is_told_by_its_port() {
    assert_eq!(testing::probe(&llmnr::PROTOCOL, &udp(5355), TO_SERVER, &query()), Probe::Match);
    assert_eq!(testing::probe(&llmnr::PROTOCOL, &udp(53), TO_SERVER, &query()), Probe::Mismatch);
    let said = testing::feed(&llmnr::PROTOCOL, &udp(5355), &[(TO_SERVER, &query())]);
    assert!(said.says("llmnr.question.name=www.example.org"));
}
