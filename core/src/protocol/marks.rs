//! Protocols that are recognised and not read: each has a mark in its first bytes that nothing else has.
//!
//! A mark is a function from the opening to a verdict; [`Marked`] makes a protocol of it. Where a protocol deserves to be
//! read, it gets a file of its own and leaves this one.

use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;
use crate::protocol::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Sink};

mod machines;
mod services;

pub(super) use machines::{C37118, DNP3, ENIP, FINS, HART_IP, HISLIP, KNX, PTP, SOMEIP, TPLINK, TUYA};
pub(super) use services::{
    AJP, BITCOIN, BJNP, CEPH, CHECKMK, CORBA, DRDA, DROPBOX, FASTCGI, FIX, GEARMAN, IPERF, JRMI, KISMET,
    MEGACO, MOSH, N2N, NOMACHINE, OPENFLOW, ORACLE, RADMIN, RAKNET, RMCP, SOURCE_ENGINE, SPOTIFY, SYNCTHING,
    TEAMSPEAK, TEAMVIEWER, THRIFT, TINC,
};

/// A protocol that is only known by its mark.
#[derive(Debug)]
pub(super) struct Marked {
    name: &'static str,
    about: &'static str,
    transports: &'static [Transport],
    ports: &'static [u16],
    first: FirstByte,
    mark: fn(&Opening<'_>) -> Probe,
}

impl Protocol for Marked {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn transports(&self) -> &'static [Transport] {
        self.transports
    }

    fn ports(&self) -> &'static [u16] {
        self.ports
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        self.first
    }

    fn fields(&self) -> &'static [&'static Field] {
        &[]
    }

    fn probe(&self, opening: &Opening<'_>) -> Probe {
        (self.mark)(opening)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(Unread)
    }
}

/// Lets everything pass.
#[derive(Debug)]
struct Unread;

impl Parser for Unread {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, _: &mut dyn Sink) -> Progress {
        Progress::Consumed(chunk.bytes.len())
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut dyn Sink) -> Progress {
        Progress::Consumed(0)
    }
}

const TCP: &[Transport] = &[Transport::TCP];
const UDP: &[Transport] = &[Transport::UDP];
const BOTH: &[Transport] = &[Transport::TCP, Transport::UDP];

/// Whether the newest bytes begin with one of `starts`.
fn begins(opening: &Opening<'_>, starts: &[&[u8]]) -> Probe {
    let bytes = opening.newest();
    if starts.iter().any(|start| bytes.starts_with(start)) {
        Probe::Match
    } else if !opening.is_datagram() && starts.iter().any(|start| start.starts_with(bytes)) {
        Probe::NeedMore
    } else {
        Probe::Mismatch
    }
}

/// The verdict of a reader: `None` where its bytes end. A datagram does not go on.
fn verdict(opening: &Opening<'_>, fits: Option<bool>) -> Probe {
    match fits {
        Some(true) => Probe::Match,
        None if !opening.is_datagram() => Probe::NeedMore,
        _ => Probe::Mismatch,
    }
}

#[cfg(test)]
mod tests;
