use super::*;
use crate::protocol::testing::{self, Conversation, TO_CLIENT, TO_SERVER};

const OPEN: &[u8] =
    b"<?xml version='1.0'?><stream:stream to='chat.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const ANSWER: &[u8] =
    b"<stream:stream id='1' from='chat.example' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>\
      <stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";

fn flow() -> FlowKey {
    testing::flow(Transport::TCP, 5222)
}

#[test]
fn tls_starts_behind_proceed() {
    let conversation: Conversation<'_> = &[
        (TO_SERVER, OPEN),
        (TO_CLIENT, ANSWER),
        (TO_SERVER, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        (TO_CLIENT, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>"),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.value(&TO), "chat.example");
    assert_eq!(said.value(&FROM), "chat.example");
    assert_eq!(said.value(&FEATURE), "starttls");
    assert!(said.says("[become tls]"));
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn reads_logins_and_messages() {
    let conversation: Conversation<'_> = &[
        (TO_SERVER, OPEN),
        (TO_SERVER, b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGxhYgBsYWJwdw==</auth>"),
        (TO_CLIENT, b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
        (
            TO_SERVER,
            b"<message to='jo@chat.example' id='a>b'><body>call &lt;me&gt;: 42</body><x><![CDATA[a<b]]></x></message> ",
        ),
    ];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.value(&USERNAME), "lab");
    assert_eq!(said.value(&PASSWORD), "labpw");
    assert_eq!(said.value(&CONTENT), "call <me>: 42\na<b\n");
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
    let old: Conversation<'_> = &[(
        TO_SERVER,
        b"<iq type='set'><query xmlns='jabber:iq:auth'><username>lab</username><password>pw</password></query></iq>",
    )];
    let said = testing::feed(&PROTOCOL, &flow(), old);
    assert_eq!(said.value(&USERNAME), "lab");
    assert_eq!(said.value(&PASSWORD), "pw");
}

#[test]
fn every_stanza_is_stated_when_it_ends() {
    let conversation: Conversation<'_> =
        &[(TO_SERVER, OPEN), (TO_SERVER, b"<unknown xmlns='x'><a>call 42</a></unknown>")];
    let said = testing::feed(&PROTOCOL, &flow(), conversation);
    assert_eq!(said.0.last().map(String::as_str), Some("[end]"));
    assert_eq!(said.value(&CONTENT), "call 42\n");
    testing::keeps_promises(&PROTOCOL, &flow(), conversation);
}

#[test]
fn endless_tags_and_texts_are_bounded() {
    let endless = vec![b'a'; 100_000];
    let said = testing::feed(
        &PROTOCOL,
        &flow(),
        &[(TO_SERVER, b"<x "), (TO_SERVER, &endless), (TO_SERVER, b"><message><body>hi</body></message>")],
    );
    assert_eq!(said.value(&CONTENT), "hi\n");
}

#[test]
fn a_stream_header_is_recognised_and_other_xml_is_not() {
    let probe = |bytes| testing::probe(&PROTOCOL, &flow(), TO_SERVER, bytes);
    assert_eq!(probe(OPEN), Probe::Match);
    assert_eq!(probe(ANSWER), Probe::Match);
    assert_eq!(probe(b"<?xml vers"), Probe::NeedMore);
    assert_eq!(probe(b"<stream:str"), Probe::NeedMore);
    for bytes in [
        &b"<?xml version='1.0'?><soap:Envelope xmlns:soap='x'>"[..],
        b"<html><body>",
        b"<stream><a/></stream>",
        b"<13>Jan  1 00:00:00 x",
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
    ] {
        assert_eq!(probe(bytes), Probe::Mismatch, "{bytes:?}");
    }
}
