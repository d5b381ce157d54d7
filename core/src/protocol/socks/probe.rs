//! Whether the first bytes are SOCKS. Its messages are short, so lengths have to agree exactly and, where a greeting alone
//! is all there is, the other side has to agree as well.

use super::{
    Destination, GSSAPI, LOGIN_VERSION, NO_AUTHENTICATION, NONE_ACCEPTABLE, V4, V4Request, V5, destination,
    greeting,
};
use crate::bytes::Reader;
use crate::protocol::{Opening, Probe};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Client,
    Proxy,
}

/// The methods of IANA's "SOCKS Methods", and private ones.
const fn is_method(method: u8) -> bool {
    matches!(method, 0x00..=0x09 | 0x80..=0xfe)
}

pub(super) fn probe(opening: &Opening<'_>) -> Probe {
    let (one, other) = (opening.to_server, opening.to_client);
    match (conversation(one, other), conversation(other, one)) {
        (Probe::Match, _) | (_, Probe::Match) => Probe::Match,
        (Probe::NeedMore, _) | (_, Probe::NeedMore) => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

/// Who has sent these first bytes; `None` if they do not tell yet.
pub(super) fn speaker(bytes: &[u8]) -> Option<Speaker> {
    match bytes {
        [] | [V5] => None,
        [0, ..] => Some(Speaker::Proxy),
        // A choice of "no authentication" looks like a greeting that offers nothing, which is not allowed.
        [V5, NO_AUTHENTICATION | NONE_ACCEPTABLE, ..] => Some(Speaker::Proxy),
        [V5, _] => None,
        [V5, method, ..] if follows_choice(bytes.get(2..).unwrap_or_default()) && !is_greeting(bytes) => {
            is_method(*method).then_some(Speaker::Proxy)
        }
        _ => Some(Speaker::Client),
    }
}

fn conversation(client: &[u8], proxy: &[u8]) -> Probe {
    match client {
        [] => proxy_alone(proxy),
        [V4, ..] => request_v4(client, proxy),
        [V5, ..] => greeting_v5(client, proxy),
        _ => Probe::Mismatch,
    }
}

fn request_v4(client: &[u8], proxy: &[u8]) -> Probe {
    /// Up to the address.
    const FIXED: usize = 8;
    let fits = match client {
        [_, 1 | 2, 0, 0, ..] => false,
        [_, 1 | 2, ..] | [_] => true,
        _ => false,
    };
    let text = client.get(FIXED..).unwrap_or_default();
    // Between the zeros stand a name and a user, which nobody writes in control characters.
    if !fits || client.len() > 600 || text.iter().any(|byte| matches!(byte, 1..0x20 | 0x7f)) {
        return Probe::Mismatch;
    }
    let Some(request) = V4Request::parse(client) else {
        return if proxy.is_empty() { Probe::NeedMore } else { Probe::Mismatch };
    };
    if let Destination::Name(name) = request.destination
        && !is_name(name)
    {
        return Probe::Mismatch;
    }
    let is_answered = match proxy {
        [] => None,
        [0, 0x5a..=0x5d, ..] => Some(true),
        _ => Some(false),
    };
    match is_answered {
        Some(true) => Probe::Match,
        Some(false) => Probe::Mismatch,
        None if request.len == client.len() => Probe::Match,
        None => Probe::Mismatch,
    }
}

fn greeting_v5(client: &[u8], proxy: &[u8]) -> Probe {
    let Some((length, methods)) = greeting(client) else {
        return match client {
            [_, 0, ..] => Probe::Mismatch,
            [_, _, methods @ ..] if !methods.iter().all(|method| is_method(*method)) => Probe::Mismatch,
            _ if proxy.is_empty() => Probe::NeedMore,
            _ => Probe::Mismatch,
        };
    };
    if methods.is_empty() || !methods.iter().all(|method| is_method(*method)) {
        return Probe::Mismatch;
    }
    match proxy {
        [] => {}
        [V5] => return Probe::NeedMore,
        [V5, method, ..] if methods.contains(method) || *method == NONE_ACCEPTABLE => return Probe::Match,
        _ => return Probe::Mismatch,
    }
    // Only the client's side is seen: a login or a request has to follow.
    match follows_greeting(client.get(length..).unwrap_or_default()) {
        Some(true) => Probe::Match,
        Some(false) => Probe::Mismatch,
        None => Probe::NeedMore,
    }
}

/// Whether this is a login or a request; `None` if there is too little to tell.
fn follows_greeting(bytes: &[u8]) -> Option<bool> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        LOGIN_VERSION => {
            let (user, password) = (reader.sub_u8()?, reader.sub_u8()?);
            Some(user.remaining() > 0 && password.remaining() > 0 && matches!(reader.u8(), None | Some(V5)))
        }
        V5 => {
            let (command, reserved) = (reader.u8()?, reader.u8()?);
            if !(1..=3).contains(&command) || reserved != 0 {
                return Some(false);
            }
            let destination = destination(&mut reader)?;
            reader.u16()?;
            Some(match destination {
                Ok(Destination::Name(name)) => is_name(name),
                Ok(Destination::Address(_)) => true,
                Err(_) => false,
            })
        }
        _ => Some(false),
    }
}

/// Whether only the proxy's side is seen: a choice, and a reply.
fn proxy_alone(proxy: &[u8]) -> Probe {
    match proxy {
        [] | [V5] => Probe::NeedMore,
        [V5, method, rest @ ..] if is_method(*method) && *method != GSSAPI => match rest {
            [] => Probe::NeedMore,
            rest if follows_choice(rest) => Probe::Match,
            [V5] | [V5, 0..=8] | [V5, 0..=8, 0, ..] | [LOGIN_VERSION] | [LOGIN_VERSION, 0]
                if rest.len() < 22 =>
            {
                Probe::NeedMore
            }
            [LOGIN_VERSION, 0, V5, ..] if rest.len() < 24 => Probe::NeedMore,
            _ => Probe::Mismatch,
        },
        _ => Probe::Mismatch,
    }
}

/// A reply as a whole (RFC 1928 §6), perhaps behind the answer to a login.
fn follows_choice(bytes: &[u8]) -> bool {
    let bytes = match bytes {
        [LOGIN_VERSION, 0, reply @ ..] => reply,
        _ => bytes,
    };
    let mut reader = Reader::new(bytes);
    let mut is_reply = || -> Option<bool> {
        let fits = reader.u8()? == V5 && reader.u8()? <= 8 && reader.u8()? == 0;
        let destination = destination(&mut reader)?;
        reader.u16()?;
        Some(fits && destination.is_ok())
    };
    is_reply().unwrap_or(false)
}

fn is_greeting(bytes: &[u8]) -> bool {
    greeting(bytes).is_some_and(|(length, methods)| {
        let rest = bytes.get(length..).unwrap_or_default();
        methods.iter().all(|method| is_method(*method))
            && (rest.is_empty() || follows_greeting(rest) == Some(true))
    })
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() || *byte >= 0x80)
}
