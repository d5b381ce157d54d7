use super::*;
use crate::flow::FlowKey;
use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

fn broker() -> FlowKey {
    flow(Transport::TCP, 1883)
}

/// CONNECT of MQTT 3.1.1: will, user name and password, keep-alive 60.
const CONNECT_4: &[u8] =
    b"\x10\x2c\0\x04MQTT\x04\xc4\0\x3c\0\x07phone-1\0\x04gone\0\x03bye\0\x04anna\0\x06secret";
const CONNACK_OK: &[u8] = b"\x20\x02\0\0";
/// PUBLISH, QoS 0.
const PUBLISH_0: &[u8] = b"\x30\x12\0\x08home/gpshello 52";
/// PUBLISH, QoS 1, packet identifier 7.
const PUBLISH_1: &[u8] = b"\x32\x07\0\x01t\0\x07hi";
const SUBSCRIBE_2: &[u8] = b"\x82\x0e\0\x01\0\x03a/#\0\0\x03b/+\x01";

/// CONNECT of MQTT 5 with a user property and an empty client id; PUBLISH with one.
const CONNECT_5: &[u8] = b"\x10\x17\0\x04MQTT\x05\x02\0\x3c\x0a\x26\0\x01k\0\x04imei\0\0";
const PUBLISH_5: &[u8] = b"\x30\x0c\0\x01t\x07\x26\0\x01a\0\x01bz";

#[test]
fn reads_credentials_and_will_of_a_connect() {
    let transcript = feed(&PROTOCOL, &broker(), &[(TO_SERVER, CONNECT_4), (TO_CLIENT, CONNACK_OK)]);
    assert_eq!(
        transcript.0,
        [
            "mqtt.type=connect",
            "mqtt.protocol_string=MQTT",
            "mqtt.protocol_version=4",
            "mqtt.client_id=phone-1",
            "mqtt.will.topic=gone",
            "mqtt.will.message=bye",
            "mqtt.username=anna",
            "mqtt.password=secret",
            "[end]",
            "mqtt.type=connack",
            "mqtt.session_present=0",
            "mqtt.return_code=0",
            "[end]",
        ]
    );
}

#[test]
fn reads_topics_and_payloads() {
    let transcript = feed(
        &PROTOCOL,
        &broker(),
        &[(TO_SERVER, PUBLISH_0), (TO_SERVER, PUBLISH_1), (TO_SERVER, SUBSCRIBE_2)],
    );
    assert_eq!(transcript.values(&TOPIC), ["home/gps", "t"]);
    assert_eq!(transcript.values(&MESSAGE), ["hello 52", "hi"]);
    assert_eq!(transcript.values(&FILTER), ["a/#", "b/+"]);
}

#[test]
fn steps_over_the_properties_of_version_5() {
    let transcript = feed(&PROTOCOL, &broker(), &[(TO_SERVER, CONNECT_5), (TO_SERVER, PUBLISH_5)]);
    assert_eq!(transcript.values(&USER_PROPERTY), ["k: imei", "a: b"]);
    assert_eq!(transcript.value(&MESSAGE), "z");
}

#[test]
fn is_known_by_its_connect_on_any_port() {
    let odd = flow(Transport::TCP, 443);
    for connect in [
        CONNECT_4,
        CONNECT_5,
        b"\x10\x0e\0\x06MQIsdp\x03\x02\0\x3c\0\0",
        b"\x10\x0c\0\x04MQTT\x84\x02\0\x3c\0\0",
    ] {
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, connect), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &connect[..5]), Probe::NeedMore);
    }
}

#[test]
fn a_brokers_answer_alone_is_known_with_company_or_port() {
    let odd = flow(Transport::TCP, 5000);
    assert_eq!(probe(&PROTOCOL, &broker(), TO_CLIENT, CONNACK_OK), Probe::Match);
    assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, CONNACK_OK), Probe::NeedMore);
    let with_publish = [CONNACK_OK, PUBLISH_0].concat();
    assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &with_publish), Probe::Match);
    assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, PUBLISH_0), Probe::NeedMore);
    let under_way = [b"\xc0\0", PUBLISH_0].concat();
    assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &under_way), Probe::Match);
    assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, b"\xc0\0\xc0\0"), Probe::NeedMore);
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x10\x0c\0\x04MQTX\x04\x02\0\x3c\0\0",
        b"\x10\x0c\0\x04MQTT\x09\x02\0\x3c\0\0",
        b"\x10\x0c\0\x04MQTT\x04\x03\0\x3c\0\0",
        b"220 mail.example.org ESMTP\r\n",
    ] {
        let odd = flow(Transport::TCP, 443);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Mismatch);
    }
}

#[test]
fn says_when_a_packet_is_broken() {
    let transcript = feed(&PROTOCOL, &broker(), &[(TO_SERVER, b"\x30\x03\0\x09a")]);
    assert!(transcript.says("[malformed an MQTT packet shorter than its fields]"));
}

#[test]
fn keeps_a_dissectors_promises() {
    keeps_promises(
        &PROTOCOL,
        &broker(),
        &[
            (TO_SERVER, CONNECT_4),
            (TO_CLIENT, CONNACK_OK),
            (TO_SERVER, PUBLISH_0),
            (TO_SERVER, SUBSCRIBE_2),
            (TO_SERVER, PUBLISH_1),
        ],
    );
    keeps_promises(&PROTOCOL, &broker(), &[(TO_SERVER, CONNECT_5), (TO_SERVER, PUBLISH_5)]);
}
