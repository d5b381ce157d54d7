//! FTP's data connection, RFC 959 §3.2: the bytes of a file or a listing and nothing else.
//!
//! It has no format of its own, so it is never recognised from its bytes: the control connection announces it.

use super::pieces::Pieces;
use super::{Field, FirstByte, Opening, Parser, Probe, Progress, Protocol, Role, Sink, Unseen};
use crate::flow::{Chunk, Direction, FlowKey};
use crate::packet::Transport;

pub(super) static PROTOCOL: FtpData = FtpData;

static CONTENT: Field = Field::new("ftp-data.content", Role::Content);
static FIELDS: &[&Field] = &[&CONTENT];

#[derive(Debug)]
pub(super) struct FtpData;

impl Protocol for FtpData {
    fn name(&self) -> &'static str {
        "ftp-data"
    }

    fn about(&self) -> &'static str {
        "FTP data connection announced by a control connection, RFC 959"
    }

    fn transports(&self) -> &'static [Transport] {
        &[Transport::TCP]
    }

    fn ports(&self) -> &'static [u16] {
        &[20]
    }

    fn first_byte(&self, _: Direction) -> FirstByte {
        FirstByte::OneOf(&[])
    }

    fn fields(&self) -> &'static [&'static Field] {
        FIELDS
    }

    fn probe(&self, _: &Opening<'_>) -> Probe {
        Probe::Mismatch
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(FtpDataParser { sides: Direction::BOTH.map(|direction| Pieces::new(&CONTENT, direction)) })
    }
}

#[derive(Debug)]
struct FtpDataParser {
    sides: [Pieces; 2],
}

impl Parser for FtpDataParser {
    fn feed(&mut self, _: &FlowKey, chunk: Chunk<'_>, out: &mut dyn Sink) -> Progress {
        if let Some(side) = self.sides.get_mut(chunk.direction.index()) {
            side.push(chunk.bytes, out);
        }
        Progress::Consumed(chunk.bytes.len())
    }

    fn gap(&mut self, direction: Direction, _: u64, out: &mut dyn Sink) -> Progress {
        out.unseen(Unseen::Truncated);
        if let Some(side) = self.sides.get_mut(direction.index()) {
            side.gap(out);
        }
        Progress::Consumed(0)
    }

    fn undecided(&self, direction: Direction) -> usize {
        let side = self.sides.first().filter(|_| direction == Direction::ToServer);
        side.map_or(0, Pieces::undecided)
    }

    fn close(&mut self, _: &FlowKey, out: &mut dyn Sink) {
        let said = self.sides.each_mut().map(|side| side.finish(out));
        if said.contains(&true) {
            out.end_record();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{BODY_BYTES, CONTENT_OVERLAP};
    use crate::protocol::testing::{self, TO_CLIENT, TO_SERVER};

    #[test]
    fn a_small_upload_is_stated_when_the_connection_ends() {
        let flow = testing::flow(Transport::TCP, 42_015);
        let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, b"name;phone\n"), (TO_SERVER, b"Jo;123\n")]);
        assert_eq!(said.value(&CONTENT), "name;phone\nJo;123\n");
        assert!(said.says("[end]"));
    }

    #[test]
    fn a_long_file_comes_in_pieces_that_overlap() {
        let flow = testing::flow(Transport::TCP, 42_015);
        let file: Vec<u8> = (0..BODY_BYTES + 1000).map(|at| b'a' + (at % 23) as u8).collect();
        let said = testing::feed(&PROTOCOL, &flow, &[(TO_CLIENT, &file)]);
        let lengths: Vec<_> = said.values(&CONTENT).iter().map(|piece| piece.len()).collect();
        assert_eq!(lengths, [BODY_BYTES, 1000 + CONTENT_OVERLAP]);
        testing::keeps_promises(&PROTOCOL, &flow, &[(TO_CLIENT, &file), (TO_SERVER, b"x")]);
    }

    #[test]
    fn past_the_cap_it_is_only_counted() {
        let flow = testing::flow(Transport::TCP, 42_015);
        let file = vec![b'x'; 3 << 20];
        let said = testing::feed(&PROTOCOL, &flow, &[(TO_SERVER, &file)]);
        assert!(said.says("[unseen truncated]"));
        let stated: usize = said.values(&CONTENT).iter().map(|piece| piece.len()).sum();
        assert!(stated < (1 << 20) + (BODY_BYTES));
    }

    #[test]
    fn it_is_never_guessed() {
        let flow = testing::flow(Transport::TCP, 20);
        for bytes in [&b"drwxr-xr-x 2 166 0 4096 Nov 23 06:11 up\r\n"[..], b"", b"\xff\xd8\xff"] {
            assert_eq!(testing::probe(&PROTOCOL, &flow, TO_SERVER, bytes), Probe::Mismatch);
        }
    }
}
