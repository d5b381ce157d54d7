use super::*;
use crate::protocol::testing::{self, Conversation, TO_SERVER};

const NEW: &[u8] =
    b"<165>1 2026-11-23T05:57:52.047981+00:00 vm app 42 ID7 [time@1 a=\"b\"] user id=356938035643809";
const OLD: &[u8] = b"<34>Oct 11 22:14:15 mymachine su[230]: 'su root' failed";

#[test]
fn reads_the_header_of_rfc_5424() {
    let udp = testing::flow(Transport::UDP, 514);
    let said = testing::feed(&PROTOCOL, &udp, &[(TO_SERVER, NEW)]);
    assert_eq!((said.value(&FACILITY), said.value(&SEVERITY)), ("20", "5"));
    assert_eq!(said.value(&HOST), "vm");
    assert_eq!(said.value(&APP_NAME), "app");
    assert_eq!(said.value(&MESSAGE_ID), "ID7");
    assert_eq!(said.value(&CONTENT), "[time@1 a=\"b\"] user id=356938035643809");
    testing::keeps_promises(&PROTOCOL, &udp, &[(TO_SERVER, NEW)]);
}

#[test]
fn reads_the_header_of_rfc_3164_and_of_dialects() {
    let udp = testing::flow(Transport::UDP, 514);
    let said = testing::feed(&PROTOCOL, &udp, &[(TO_SERVER, OLD)]);
    assert_eq!(said.value(&TIMESTAMP), "Oct 11 22:14:15");
    assert_eq!(said.value(&HOST), "mymachine");
    assert_eq!((said.value(&APP_NAME), said.value(&PROCESS_ID)), ("su", "230"));
    assert_eq!(said.value(&CONTENT), "su[230]: 'su root' failed");
    let said =
        testing::feed(&PROTOCOL, &udp, &[(TO_SERVER, b"<167>2016-05-24T09:50:52+02:00 ldap01 slapd: x")]);
    assert_eq!(said.value(&HOST), "ldap01");
    let said = testing::feed(&PROTOCOL, &udp, &[(TO_SERVER, b"<189>123: %SYS-5-CONFIG_I: by marta")]);
    assert_eq!(said.value(&CONTENT), "123: %SYS-5-CONFIG_I: by marta");
}

#[test]
fn both_framings_of_tcp_are_read() {
    let tcp = testing::flow(Transport::TCP, 601);
    let counted = format!("{} {}", OLD.len(), String::from_utf8_lossy(OLD));
    let lines = [OLD, b"\n", NEW, b"\n", counted.as_bytes(), counted.as_bytes(), b"6"].concat();
    let conversation: Conversation<'_> = &[(TO_SERVER, &lines)];
    let said = testing::feed(&PROTOCOL, &tcp, conversation);
    assert_eq!(said.values(&HOST), ["mymachine", "vm", "mymachine", "mymachine"]);
    testing::keeps_promises(&PROTOCOL, &tcp, conversation);
}

#[test]
fn a_timestamp_or_the_port_must_support_the_priority() {
    let odd = testing::flow(Transport::UDP, 9000);
    let usual = testing::flow(Transport::UDP, 514);
    let tcp = testing::flow(Transport::TCP, 9000);
    let probe = |flow, bytes| testing::probe(&PROTOCOL, flow, TO_SERVER, bytes);
    assert_eq!(probe(&odd, NEW), Probe::Match);
    assert_eq!(probe(&odd, OLD), Probe::Match);
    assert_eq!(probe(&tcp, NEW), Probe::Match);
    assert_eq!(probe(&tcp, b"96 <165>1 2026-11-23T05:57:52Z vm"), Probe::Match);
    assert_eq!(probe(&tcp, &NEW[..9]), Probe::NeedMore);
    assert_eq!(probe(&usual, b"<13>hello world"), Probe::Match);
    assert_eq!(probe(&odd, b"<13>hello world"), Probe::Mismatch);
    assert_eq!(probe(&odd, b"<1>1 - - - - - -"), Probe::Match);
}

#[test]
fn other_protocols_are_not_syslog() {
    let usual = testing::flow(Transport::TCP, 514);
    for bytes in [
        &b"<192>Oct 11 22:14:15 x"[..],
        b"<013>Oct 11 22:14:15 x",
        b"<?xml version='1.0'?>",
        b"<html>",
        b"1022\0root\0root\0ls\0",
        b"220 mx ESMTP\r\n",
        b"<13>\x00\x01\x02\x03\xff\xfe",
    ] {
        assert_eq!(testing::probe(&PROTOCOL, &usual, TO_SERVER, bytes), Probe::Mismatch, "{bytes:?}");
    }
}
