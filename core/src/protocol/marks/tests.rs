use super::*;
use crate::protocol::testing::{TO_CLIENT, TO_SERVER, flow, keeps_promises, probe};

/// A message that has the mark, on which transport and port.
fn samples() -> Vec<(&'static Marked, Transport, u16, Vec<u8>)> {
    let tcp = |marked, port, bytes: &[u8]| (marked, Transport::TCP, port, bytes.to_vec());
    let udp = |marked, port, bytes: &[u8]| (marked, Transport::UDP, port, bytes.to_vec());
    let raknet = [&b"\x05"[..], b"\0\xff\xff\0\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78\x0a"].concat();
    let mut key = 171;
    let tplink: Vec<u8> = b"{\"system\":{}}"
        .iter()
        .map(|byte| {
            key ^= byte;
            key
        })
        .collect();
    let mut ptp = b"\x0b\x02\0\x40".to_vec();
    ptp.resize(64, 0);
    vec![
        tcp(&AJP, 4000, b"\x12\x34\0\x01\x0a"),
        tcp(&BITCOIN, 4000, b"\xf9\xbe\xb4\xd9version\0\0\0\0\0\x55\0\0\0"),
        udp(&BJNP, 4000, b"BJNP\x02\x01\0\0\x17\xa4\0\0\0\0\0\0"),
        tcp(&CEPH, 4000, b"ceph v027"),
        tcp(&CHECKMK, 4000, b"<<<check_mk>>>\n"),
        tcp(&CORBA, 4000, b"GIOP\x01\x02\0\0\0\0\0\xd8"),
        tcp(&DRDA, 4000, b"\0\x89\xd0\x41\0\x01\0\x83\x10\x41"),
        udp(&DROPBOX, 4000, b"{\"version\": [2, 0], \"port\": 17500, \"host_int\": 33}"),
        tcp(&FASTCGI, 4000, b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0"),
        tcp(&FIX, 4000, b"8=FIX.4.2\x019=65\x0135=A\x01"),
        tcp(&GEARMAN, 4000, b"\0REQ\0\0\0\x01\0\0\0\x02wc"),
        tcp(&IPERF, 4000, b"7adfn5shs7inqchflwdaypuxociaxdstuplj\0"),
        tcp(&JRMI, 4000, b"JRMI\0\x02K"),
        tcp(&KISMET, 4000, b"*KISMET: 0.0.0 1144004381\n"),
        udp(&MEGACO, 4000, b"!/1 <mg>\nT=1{C=-{AV=a{AT{M}}}}"),
        tcp(&NOMACHINE, 4000, b"NXSH-8.2.3\n"),
        tcp(&OPENFLOW, 4000, b"\x06\0\0\x10\0\0\0\x01\0\x01\0\x08\0\0\0\x40"),
        tcp(&ORACLE, 4000, b"\0\x4a\0\0\x01\0\0\0\x01\x3b\x01\x2c\0\0\x08\0\x7f\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0(DESCRIPTION=(CONNECT_DATA=(SID=x)))    "),
        tcp(&RADMIN, 4000, b"\x01\0\0\0\x01\0\0\0\x08\x08"),
        udp(&RAKNET, 4000, &raknet),
        udp(&RMCP, 623, b"\x06\0\xff\x07\0\0\0\0\0\0\0\0\0\x09\x20\x18"),
        udp(&SOURCE_ENGINE, 4000, b"\xff\xff\xff\xffTSource Engine Query\0"),
        udp(&SPOTIFY, 4000, b"SpotUdp0\xdc\x15\x74\x28"),
        udp(&SYNCTHING, 4000, b"\x2e\xa7\xd9\x0b\x0a\x20"),
        udp(&TEAMSPEAK, 4000, b"TS3INIT1\0\x65\0\0\x88"),
        tcp(&TEAMVIEWER, 5938, b"\x17\x24\x0a\x20\0\0\0\0"),
        tcp(&THRIFT, 4000, b"\x80\x01\0\x01\0\0\0\x04ping\0\0\0\0\0"),
        tcp(&TINC, 4000, b"0 node_a 17.7\n"),
        tcp(&C37118, 4000, b"\xaa\x41\0\x12\0\x01\0\0\0\0\0\0\0\0\0\x02\xce\x00"),
        tcp(&DNP3, 4000, b"\x05\x64\x05\xc0\x01\0\0\x04\xe9\x21"),
        tcp(&ENIP, 44818, b"\x65\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0"),
        tcp(&FINS, 4000, b"FINS\0\0\0\x0c\0\0\0\0\0\0\0\0"),
        udp(&HART_IP, 5094, b"\x01\0\0\0\0\x02\0\x0d\x01\0\0\x75\x30"),
        tcp(&HISLIP, 4000, b"HS\0\0\x01\0RS\0\0\0\0\0\0\0\x07hislip0"),
        udp(&KNX, 4000, b"\x06\x10\x02\x01\0\x0e\x08\x01\xc0\xa8\x58\xe7\xa1\x7f"),
        udp(&PTP, 320, &ptp),
        udp(&SOMEIP, 4000, b"\x12\x34\0\x08\0\0\0\x09\0\0\0\x01\x01\x01\x01\0\xab"),
        udp(&TPLINK, 4000, &tplink),
        udp(&TUYA, 4000, b"\0\0\x55\xaa\0\0\0\0\0\0\0\x13\0\0\0\x9c\0\0\0\0\0\0\xaa\x55"),
    ]
}

/// Only its own checksum makes the sample of IEEE C37.118 whole.
fn with_checksum(mut frame: Vec<u8>) -> Vec<u8> {
    let body = frame.len() - 2;
    let sum =
        frame[..body].iter().fold(0xffff_u16, |sum, byte| {
            (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| {
                if sum & 0x8000 != 0 { sum << 1 ^ 0x1021 } else { sum << 1 }
            })
        });
    frame[body..].copy_from_slice(&sum.to_be_bytes());
    frame
}

fn checked(marked: &Marked, bytes: Vec<u8>) -> Vec<u8> {
    if std::ptr::eq(marked, &raw const C37118) { with_checksum(bytes) } else { bytes }
}

#[test]
fn every_mark_is_known_and_no_other_protocols() {
    for (marked, transport, port, bytes) in samples() {
        let bytes = checked(marked, bytes);
        let flow = flow(transport, port);
        assert_eq!(probe(marked, &flow, TO_SERVER, &bytes), Probe::Match, "{}", marked.name);
        for (other, ..) in samples() {
            if other.transports.contains(&transport) && other.name != marked.name {
                assert_ne!(
                    probe(other, &flow, TO_SERVER, &bytes),
                    Probe::Match,
                    "{} is taken for {}",
                    marked.name,
                    other.name
                );
            }
        }
        keeps_promises(marked, &flow, &[(TO_SERVER, &bytes)]);
    }
}

#[test]
fn streams_wait_for_the_whole_mark() {
    for (marked, transport, port, bytes) in samples() {
        let bytes = checked(marked, bytes);
        if transport != Transport::TCP {
            continue;
        }
        for cut in 0..bytes.len() {
            assert_ne!(
                probe(marked, &flow(transport, port), TO_SERVER, &bytes[..cut]),
                Probe::Mismatch,
                "{} cut at {cut}",
                marked.name
            );
        }
    }
}

#[test]
fn common_beginnings_have_no_mark() {
    let others: [&[u8]; 9] = [
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03abcdefghijklmnopqrstuvwxyz",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.example.org ESMTP ready\r\n",
        b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01",
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
        &[0; 64],
        &[0xff; 64],
        b"{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":[1,2,3],\"id\":1}\n",
    ];
    for (marked, transport, port, _) in samples() {
        for bytes in others {
            assert_ne!(
                probe(marked, &flow(transport, port), TO_SERVER, bytes),
                Probe::Match,
                "{}",
                marked.name
            );
        }
    }
}

fn two(marked: &Marked, first: &[u8], second: &[u8]) -> Probe {
    let flow = flow(Transport::UDP, 4000);
    marked.probe(&Opening {
        flow: &flow,
        direction: TO_CLIENT,
        to_server: b"",
        to_client: second,
        previous: Some(Chunk { direction: TO_SERVER, bytes: first }),
    })
}

#[test]
fn two_packets_must_agree_where_one_is_too_little() {
    let sealed = b"\x9d\xb8\x0a\xe9\xcd\x88\x6f\xd8\x95\x74\x9d\xda\x3e\x30\xde\x95\x42\x41\x80\xf0\x4f\x2b\x23\x64\x61\xca\x3c\xfe\x58\xa0\xe1\xb2";
    let client = [&[0; 8][..], sealed].concat();
    let server = [&[0x80, 0, 0, 0, 0, 0, 0, 0][..], sealed].concat();
    assert_eq!(two(&MOSH, &client, &server), Probe::Match);
    assert_eq!(two(&MOSH, &client, &client), Probe::Mismatch);
    let mut edge = b"\x03\x02\0\x01community".to_vec();
    edge.resize(40, 0);
    let mut other = b"\x03\x02\0\x01somewhere".to_vec();
    other.resize(40, 0);
    assert_eq!(two(&N2N, &edge, &edge), Probe::Match);
    assert_eq!(two(&N2N, &edge, &other), Probe::Mismatch);
}
