use super::*;
use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

const INVITE: &[u8] = b"INVITE sip:+49123;x=y@Example.org:5060;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060\r\nf: \"Marta\" <sip:marta@example.org>;tag=1\r\nt: <sip:anna@example.org>\r\n\
    i: abc@192.0.2.1\r\nUser-Agent: phone/1\r\n\
    Proxy-Authorization: Digest username=\"marta\", realm=\"example.org\"\r\nc: application/sdp\r\nl: 130\r\n\r\n\
    v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\n\
    m=image 5002 udptl t38\r\nc=IN IP4 192.0.2.3\r\n";
const OK: &[u8] = b"SIP/2.0 200 OK\r\nFrom: <sip:marta@example.org>;tag=1\r\nTo: <sip:anna@example.org>\r\nCall-ID: abc\r\n\
    Server: pbx\r\nContent-Type: application/sdp\r\nContent-Length: 53\r\n\r\n\
    v=0\r\nm=audio 6000 RTP/SAVP 0\r\nc=IN IP6 2001:db8::1\r\n\r\n";
const MESSAGE: &[u8] =
    b"MESSAGE sips:anna@192.0.2.9 SIP/2.0\r\nContent-Type: text/plain\r\n\r\nmeet me at six";

#[test]
fn reads_messages_in_datagrams_and_streams() {
    let datagrams: testing::Conversation<'_> = &[
        (TO_SERVER, b"\r\n\r\n"),
        (TO_SERVER, INVITE),
        (TO_CLIENT, OK),
        (TO_CLIENT, b"hello"),
        (TO_SERVER, MESSAGE),
    ];
    let flow = testing::flow(Transport::UDP, 5060);
    testing::keeps_promises(&PROTOCOL, &flow, datagrams);
    let transcript = testing::feed(&PROTOCOL, &flow, datagrams);
    assert_eq!(transcript.values(&METHOD), ["INVITE", "MESSAGE"]);
    assert_eq!(transcript.values(&HOST), ["example.org", "192.0.2.9"]);
    assert_eq!(transcript.values(&CALL_ID), ["abc@192.0.2.1", "abc"]);
    assert_eq!(transcript.values(&USER_AGENT), ["phone/1", "pbx"]);
    assert_eq!(transcript.value(&LOGIN.username), "marta");
    assert_eq!(transcript.values(&BODY)[2], "meet me at six");
    let expected: Vec<&str> = transcript.0.iter().filter_map(|line| line.strip_prefix("[expect ")).collect();
    assert_eq!(
        expected,
        [
            "rtp 192.0.2.1:49170]",
            "rtcp 192.0.2.1:49171]",
            "rtp [2001:db8::1]:6000]",
            "rtcp [2001:db8::1]:6001]"
        ]
    );

    let client = [b"\r\n\r\n", INVITE, b"\0\0\0\0", INVITE].concat();
    let stream: testing::Conversation<'_> = &[(TO_SERVER, &client), (TO_CLIENT, OK)];
    let flow = testing::flow(Transport::TCP, 5060);
    testing::keeps_promises(&PROTOCOL, &flow, stream);
    let transcript = testing::feed(&PROTOCOL, &flow, stream);
    assert_eq!(transcript.values(&METHOD), ["INVITE", "INVITE"]);
    assert_eq!(transcript.value(&STATUS), "200");
}

#[test]
fn is_told_from_its_relatives() {
    let flow = testing::flow(Transport::TCP, 5060);
    let probe = |bytes| testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes);
    for bytes in
        [INVITE, OK, MESSAGE, b"REGISTER sip:a", b"\r\nOPTIONS tel:+1 SIP/2.0\n", b"SIP/2.0 100 Trying"]
    {
        assert_eq!(probe(bytes), Probe::Match, "{bytes:?}");
    }
    for bytes in [&b""[..], b"\r\n\r\n", b"REG", b"SIP/2.0", b"OPTIONS "] {
        assert_eq!(probe(bytes), Probe::NeedMore, "{bytes:?}");
    }
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"OPTIONS * RTSP/1.0\r\n",
        b"NOTIFY * HTTP/1.1\r\n",
        b"SIP/1.0 200 OK\r\n",
        b"SSH-2.0-x\r\n",
        b"hello",
        b"\x80\0\0\x01",
    ] {
        assert_eq!(probe(bytes), Probe::Mismatch, "{bytes:?}");
    }
    let datagram = testing::flow(Transport::UDP, 5060);
    assert_eq!(testing::probe(&PROTOCOL, &datagram, TO_SERVER, b"REG"), Probe::Mismatch);
    assert_eq!(testing::probe(&PROTOCOL, &datagram, TO_SERVER, b"\0\0\0\0"), Probe::NeedMore);
    let elsewhere = testing::flow(Transport::UDP, 9);
    assert_eq!(testing::probe(&PROTOCOL, &elsewhere, TO_SERVER, b"\r\n\r\n"), Probe::Mismatch);
}
