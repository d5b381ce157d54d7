//! A query for www.example.org and its answer (RFC 1035): an alias and four addresses, with compressed names.

use super::{DOWN, Messages, UP};
use crate::wire::u16_list;

const A: u8 = 1;
const CNAME: u8 = 5;
/// Where the question's name begins in every message here.
const QUESTION_NAME: u8 = 12;

pub(super) fn over_udp() -> Messages {
    vec![(UP, query()), (DOWN, answer())]
}

pub(super) fn over_tcp() -> Messages {
    vec![(UP, u16_list(&query())), (DOWN, u16_list(&answer()))]
}

/// `www.example.org`, type A, class IN.
const QUESTION: &[u8] = b"\x03www\x07example\x03org\x00\x00\x01\x00\x01";
/// EDNS with a payload size of 1232, RFC 6891 section 6.1.2.
const OPT: [u8; 11] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0];

fn query() -> Vec<u8> {
    let header = [0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1];
    [&header[..], QUESTION, &OPT].concat()
}

fn answer() -> Vec<u8> {
    let header = [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 5, 0, 0, 0, 1];
    // "edge" in front of "example.org", which stands four bytes behind the question's name.
    let alias = [&b"\x04edge"[..], &[0xc0, QUESTION_NAME + 4]].concat();
    let mut message = [&header[..], QUESTION, &record(QUESTION_NAME, CNAME, &alias)].concat();
    // The alias is the content of the record, which ends where the next begins.
    let target = u8::try_from(message.len() - alias.len()).expect("short");
    for host in 1..=4 {
        message.extend(record(target, A, &[198, 51, 100, host]));
    }
    message.extend(OPT);
    message
}

/// A record of class IN that lives for five minutes and belongs to the name at that offset.
fn record(name: u8, kind: u8, content: &[u8]) -> Vec<u8> {
    [&[0xc0, name, 0, kind, 0, 1, 0, 0, 1, 44][..], &u16_list(content)].concat()
}
