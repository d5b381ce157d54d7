//! Stage 2: packets become flows.
//!
//! A flow is one conversation between two endpoints. TCP payloads arrive here out of order and leave as in-order
//! [`Chunk`]s; datagrams leave as they are.

pub mod community_id;
pub mod defragment;
pub mod stream;
pub mod table;

use crate::packet::{Endpoint, IpVersion, LinkId, Transport};

/// What tells two flows apart. `client` is the side that opened the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowKey {
    pub client: Endpoint,
    pub server: Endpoint,
    pub link: LinkId,
    pub transport: Transport,
    pub version: IpVersion,
}

impl FlowKey {
    /// Whether one side uses this port; a hint, never a proof.
    pub const fn has_port(&self, port: u16) -> bool {
        self.client.port == port || self.server.port == port
    }
}

/// Names a flow within one run: the number of its first packet, counted from 1 over all inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    ToServer,
    ToClient,
}

impl Direction {
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];

    pub const fn opposite(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }

    /// 0 for the client's bytes, 1 for the server's.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// In-order bytes of one direction: a piece of a TCP stream, or one whole datagram.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    pub direction: Direction,
    pub bytes: &'a [u8],
}
