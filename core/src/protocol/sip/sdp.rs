//! The addresses of media in a session description, RFC 8866 §5.7 and §5.14.

use std::net::IpAddr;

use crate::packet::{Address, Endpoint, Transport};
use crate::protocol::Sink;
use crate::protocol::http::lines::decimal;

/// More media in one description are not believed.
const MOST_MEDIA: usize = 16;

/// Media of a description: its port, and its own address if it has one.
struct Media {
    port: u16,
    address: Option<IpAddr>,
}

/// Says which flows a description announces: RTP to each of its addresses, and RTCP one port higher (RFC 3550 §11).
pub(super) fn announce(description: &[u8], out: &mut dyn Sink) {
    let mut session = None;
    let mut media: Vec<Media> = Vec::new();
    for line in description.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        match line {
            [b'c', b'=', rest @ ..] => match media.last_mut() {
                Some(media) => media.address = connection(rest),
                None => session = connection(rest),
            },
            [b'm', b'=', rest @ ..] if media.len() < MOST_MEDIA => {
                // Media that is not RTP still ends the one before.
                media.push(Media { port: rtp_port(rest).unwrap_or(0), address: None });
            }
            _ => {}
        }
    }
    for media in media.iter().filter(|media| media.port > 0) {
        let Some(address) = media.address.or(session).filter(|address| !address.is_unspecified()) else {
            continue;
        };
        let address = Address::from(address);
        out.expect(Transport::UDP, Endpoint::new(address, media.port), "rtp");
        if let Some(next) = media.port.checked_add(1) {
            out.expect(Transport::UDP, Endpoint::new(address, next), "rtcp");
        }
    }
}

/// `IN IP4 192.0.2.1`, of multicast with `/ttl` behind it.
fn connection(text: &[u8]) -> Option<IpAddr> {
    let address = std::str::from_utf8(text).ok()?.split_ascii_whitespace().nth(2)?;
    address.split('/').next()?.parse().ok()
}

/// `audio 49170 RTP/AVP 0`.
fn rtp_port(text: &[u8]) -> Option<u16> {
    let mut words = text.split(|byte| *byte == b' ');
    let port = words.nth(1)?.split(|byte| *byte == b'/').next()?;
    let protocol = words.next()?;
    memchr::memmem::find(protocol, b"RTP/")?;
    u16::try_from(decimal(port)?).ok()
}
