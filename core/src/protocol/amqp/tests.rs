use super::*;
use crate::flow::FlowKey;
use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

fn broker() -> FlowKey {
    flow(Transport::TCP, 5672)
}

/// A frame of AMQP 0-9-1.
fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(channel.to_be_bytes());
    frame.extend((payload.len() as u32).to_be_bytes());
    frame.extend(payload);
    frame.push(0xce);
    frame
}

/// A frame of AMQP 1.0 on channel 0.
fn frame_1(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32 + 8).to_be_bytes().to_vec();
    frame.extend([2, kind, 0, 0]);
    frame.extend(body);
    frame
}

/// connection.start: version 0-9, properties `product` and `version`, mechanisms, locales.
fn start() -> Vec<u8> {
    frame(
        1,
        0,
        b"\0\x0a\0\x0a\0\x09\0\0\0\x25\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x03\x33.8\0\0\0\x0eAMQPLAIN PLAIN\0\0\0\x05en_US",
    )
}

fn start_ok_plain() -> Vec<u8> {
    frame(1, 0, b"\0\x0a\0\x0b\0\0\0\0\x05PLAIN\0\0\0\x0c\0anna\0secret\x05en_US")
}

fn start_ok_amqplain() -> Vec<u8> {
    frame(
        1,
        0,
        b"\0\x0a\0\x0b\0\0\0\0\x08AMQPLAIN\0\0\0\x23\x05LOGINS\0\0\0\x04anna\x08PASSWORDS\0\0\0\x06secret\x05en_US",
    )
}

/// basic.publish to exchange `ex` with key `k`, its header (content-type and a headers table) and body in two frames.
fn publish() -> Vec<u8> {
    [
        frame(1, 1, b"\0\x3c\0\x28\0\0\x02ex\x01k\0"),
        frame(2, 1, b"\0\x3c\0\0\0\0\0\0\0\0\0\x05\xa0\0\x04text\0\0\0\x0c\x04userS\0\0\0\x02me"),
        frame(3, 1, b"hel"),
        frame(3, 1, b"lo"),
    ]
    .concat()
}

#[test]
fn reads_a_login_and_a_published_message() {
    let transcript = feed(
        &PROTOCOL,
        &broker(),
        &[
            (TO_SERVER, b"AMQP\0\0\x09\x01"),
            (TO_CLIENT, &start()),
            (TO_SERVER, &start_ok_plain()),
            (TO_SERVER, &frame(1, 0, b"\0\x0a\0\x28\x01/\0\0")),
            (TO_SERVER, &publish()),
        ],
    );
    assert_eq!(
        transcript.0,
        [
            "amqp.version=0-9-1",
            "[end]",
            "amqp.method=connection.start",
            "amqp.product=RabbitMQ",
            "amqp.product_version=3.8",
            "amqp.mechanisms=AMQPLAIN PLAIN",
            "[end]",
            "amqp.method=connection.start-ok",
            "amqp.mechanism=PLAIN",
            "amqp.username=anna",
            "amqp.password=secret",
            "[end]",
            "amqp.method=connection.open",
            "amqp.vhost=/",
            "[end]",
            "amqp.method=basic.publish",
            "amqp.address=ex",
            "amqp.address=k",
            "amqp.header=content-type: text",
            "amqp.header=user: me",
            "amqp.body=hel",
            "amqp.body=lo",
            "[end]",
        ]
    );
}

#[test]
fn reads_amqplain_logins() {
    let transcript = feed(&PROTOCOL, &broker(), &[(TO_SERVER, &start_ok_amqplain())]);
    assert_eq!(transcript.value(&USERNAME), "anna");
    assert_eq!(transcript.value(&PASSWORD), "secret");
}

fn version_1() -> Vec<(Direction, Vec<u8>)> {
    vec![
        (TO_SERVER, b"AMQP\x03\x01\0\0".to_vec()),
        (TO_CLIENT, b"AMQP\x03\x01\0\0".to_vec()),
        // sasl-mechanisms: PLAIN; sasl-init: PLAIN, \0anna\0secret, no host name.
        (TO_CLIENT, frame_1(1, b"\0\x53\x40\xc0\x08\x01\xa3\x05PLAIN")),
        (TO_SERVER, frame_1(1, b"\0\x53\x41\xc0\x17\x03\xa3\x05PLAIN\xa0\x0c\0anna\0secret\x40")),
        (TO_SERVER, b"AMQP\0\x01\0\0".to_vec()),
        (TO_SERVER, frame_1(0, b"\0\x53\x10\xc0\x13\x02\xa1\x02me\xa1\x0cbus.test.org")),
        // attach: name l, handle 0, role sender, no settle modes, no source, target `queue`.
        (
            TO_SERVER,
            frame_1(
                0,
                b"\0\x53\x12\xc0\x16\x07\xa1\x01l\x43\x42\x40\x40\x40\0\x53\x29\xc0\x08\x01\xa1\x05queue",
            ),
        ),
        // transfer: handle 0; a data section.
        (TO_SERVER, frame_1(0, b"\0\x53\x14\xc0\x02\x01\x43\0\x53\x75\xa0\x02hi")),
    ]
}

#[test]
fn reads_version_1() {
    let owned = version_1();
    let conversation: Vec<_> = owned.iter().map(|(side, bytes)| (*side, &bytes[..])).collect();
    let transcript = feed(&PROTOCOL, &broker(), &conversation);
    assert_eq!(transcript.value(&VERSION), "1.0");
    assert_eq!(transcript.value(&USERNAME), "anna");
    assert_eq!(transcript.value(&PASSWORD), "secret");
    assert_eq!(transcript.value(&HOSTNAME), "bus.test.org");
    assert_eq!(transcript.values(&ADDRESS), ["l", "queue"]);
    // The data section with its constructor, in hex because that is no text.
    assert_eq!(transcript.value(&BODY), "005375a0026869");
    keeps_promises(&PROTOCOL, &broker(), &conversation);
}

#[test]
fn hands_tls_on_when_both_agreed() {
    let transcript =
        feed(&PROTOCOL, &broker(), &[(TO_SERVER, b"AMQP\x02\x01\0\0"), (TO_CLIENT, b"AMQP\x02\x01\0\0")]);
    assert!(transcript.says("[secured by tls]"));
}

#[test]
fn is_known_by_its_header_or_by_a_servers_first_frame() {
    let odd = flow(Transport::TCP, 4000);
    for header in [&b"AMQP\0\0\x09\x01"[..], b"AMQP\x01\x01\0\x0a", b"AMQP\x03\x01\0\0"] {
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, header), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &header[..6]), Probe::NeedMore);
    }
    assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, &start()), Probe::Match);
    assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &publish()), Probe::Match);
    assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, b"\x08\0\0\0\0\0\0\xce"), Probe::Match);
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    for bytes in [
        &b"AMQP\x07\x07\x07\x07"[..],
        b"AUTH PLAIN\r\n",
        b"\x01\0\0\0\0\0\x08\0\x0a\0\x63aaaa\xce",
        b"\x01\0\0\0\0\0\x08\0\x0a\0\x0aaaaa\xcf",
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
        b"\x08\0\0\0\0\0\0\xcd",
    ] {
        assert_eq!(probe(&PROTOCOL, &broker(), TO_SERVER, bytes), Probe::Mismatch);
    }
}

#[test]
fn keeps_a_dissectors_promises() {
    keeps_promises(
        &PROTOCOL,
        &broker(),
        &[
            (TO_SERVER, b"AMQP\0\0\x09\x01"),
            (TO_CLIENT, &start()),
            (TO_SERVER, &start_ok_amqplain()),
            (TO_SERVER, &publish()),
        ],
    );
}
