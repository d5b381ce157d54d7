use super::wire::capability::{
    CONNECT_ATTRS, CONNECT_WITH_DB, PLUGIN_AUTH, PROTOCOL_41, SECURE_CONNECTION, SSL,
};
use super::*;
use crate::flow::FlowKey;
use crate::protocol::testing::{TO_CLIENT, TO_SERVER, feed, flow, keeps_promises, probe};

fn server() -> FlowKey {
    flow(Transport::TCP, 3306)
}

fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = (body.len() as u32).to_le_bytes()[..3].to_vec();
    packet.push(sequence);
    packet.extend(body);
    packet
}

fn greeting() -> Vec<u8> {
    packet(
        0,
        b"\x0a8.0.36\0\x07\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0caching_sha2_password\0",
    )
}

fn login(more: u32, rest: &[u8]) -> Vec<u8> {
    let mut body = (PROTOCOL_41 | SECURE_CONNECTION | more).to_le_bytes().to_vec();
    body.extend([0, 0, 0, 1, 0x21]);
    body.extend([0; 23]);
    body.extend(rest);
    packet(1, &body)
}

const OK: &[u8] = b"\0\0\0\x02\0\0\0";

#[test]
fn reads_a_login_and_a_query() {
    let transcript = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_CLIENT, &greeting()),
            (
                TO_SERVER,
                &login(
                    CONNECT_WITH_DB | PLUGIN_AUTH | CONNECT_ATTRS,
                    b"anna\0\x03\x01\x02\x03shop\0caching_sha2_password\0\x08\x03_os\x03bsd",
                ),
            ),
            (TO_CLIENT, &packet(2, OK)),
            (TO_SERVER, &packet(0, b"\x03SELECT 1")),
            (TO_CLIENT, &packet(1, b"\xff\x7a\x04#42S02no table")),
        ],
    );
    assert_eq!(
        transcript.0,
        [
            "mysql.version=8.0.36",
            "[end]",
            "mysql.user=anna",
            "mysql.database=shop",
            "mysql.auth_plugin=caching_sha2_password",
            "mysql.attribute=_os: bsd",
            "[end]",
            "mysql.command=query",
            "mysql.query=SELECT 1",
            "[end]",
            "mysql.error_code=1146",
            "mysql.error_message=no table",
            "[end]",
        ]
    );
}

#[test]
fn reads_cleartext_passwords() {
    let at_once = feed(
        &PROTOCOL,
        &server(),
        &[(TO_SERVER, &login(PLUGIN_AUTH, b"anna\0\x07secret\0mysql_clear_password\0"))],
    );
    assert_eq!(at_once.value(&PASSWORD), "secret");
    let asked = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_CLIENT, &greeting()),
            (TO_SERVER, &login(PLUGIN_AUTH, b"anna\0\0mysql_native_password\0")),
            (TO_CLIENT, &packet(2, b"\xfemysql_clear_password\0")),
            (TO_SERVER, &packet(3, b"secret\0")),
            (TO_CLIENT, &packet(4, OK)),
        ],
    );
    assert_eq!(asked.value(&PASSWORD), "secret");
}

#[test]
fn reads_statements_and_files() {
    let transcript = feed(
        &PROTOCOL,
        &server(),
        &[
            (TO_CLIENT, &greeting()),
            (TO_SERVER, &login(0, b"anna\0\0")),
            (TO_CLIENT, &packet(2, OK)),
            (TO_SERVER, &packet(0, b"\x16INSERT INTO t VALUES (?)")),
            (TO_SERVER, &packet(0, b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\xfd\0\x02hi")),
            (TO_SERVER, &packet(0, b"\x03LOAD DATA LOCAL INFILE 'a' INTO TABLE t")),
            (TO_CLIENT, &packet(1, b"\xfba")),
            (TO_SERVER, &packet(2, b"1,2\n")),
            (TO_SERVER, &packet(3, b"")),
        ],
    );
    assert_eq!(transcript.values(&QUERY).len(), 2);
    assert_eq!(transcript.values(&PARAMETERS).len(), 1);
    assert_eq!(transcript.value(&FILE), "1,2\n");
}

#[test]
fn hands_tls_on_behind_an_ssl_request() {
    let transcript = feed(&PROTOCOL, &server(), &[(TO_CLIENT, &greeting()), (TO_SERVER, &login(SSL, b""))]);
    assert!(transcript.says("[secured by tls]"));
}

#[test]
fn is_known_by_either_sides_first_packet() {
    let odd = flow(Transport::TCP, 7000);
    let refusal = packet(0, b"\xff\x69\x04Host '192.0.2.1' is not allowed");
    for bytes in [&greeting(), &login(0, b"anna\0\0"), &login(SSL, b""), &refusal] {
        assert_eq!(probe(&PROTOCOL, &odd, TO_CLIENT, bytes), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, bytes), Probe::Match);
        assert_eq!(probe(&PROTOCOL, &odd, TO_SERVER, &bytes[..6]), Probe::NeedMore);
    }
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    for bytes in [
        &b"\x49\0\0\0\x0a\x01\x02\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
        b"\x20\0\0\x01\x85\xa6\xff\x01\0\0\0\x01\x21abcdefghijklmnopqrstuvw",
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"\0\0\0\x85\xffSMB\x72\0\0\0\0",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        assert_eq!(probe(&PROTOCOL, &server(), TO_SERVER, bytes), Probe::Mismatch);
    }
}

#[test]
fn keeps_a_dissectors_promises() {
    keeps_promises(
        &PROTOCOL,
        &server(),
        &[
            (TO_CLIENT, &greeting()),
            (TO_SERVER, &login(PLUGIN_AUTH, b"anna\0\0mysql_native_password\0")),
            (TO_CLIENT, &packet(2, b"\xfemysql_clear_password\0")),
            (TO_SERVER, &packet(3, b"secret\0")),
            (TO_CLIENT, &packet(4, OK)),
            (TO_SERVER, &packet(0, b"\x03SELECT 1")),
            (TO_CLIENT, &packet(1, b"\xff\x7a\x04#42S02no table")),
        ],
    );
}
