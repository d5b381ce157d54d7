//! Writes a small corpus for every target: `cargo run --example seeds -- CORPUS [CAPTURE…]`.
//!
//! The conversations of the benches become seeds, and so do the captures that are named.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use weir_benches::conversations;
use weir_benches::reading::{flow, probe};
use weir_benches::{bodies, frames};
use weir_capture::Capture;
use weir_core::flow::table::key_of_first;
use weir_core::flow::{Direction, FlowKey};
use weir_core::packet::{self, LinkType, Parsed};
use weir_core::protocol::{self, Probe};
use weir_fuzz::{link, script};

/// Seeds beyond this slow a fuzzer down more than they help it.
const LONGEST: usize = 32 * 1024;
/// The doors of the target `engine`.
const PACKETS: u8 = 0;
const STREAM: u8 = 2;
const DATAGRAMS: u8 = 1;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let corpus = Corpus(arguments.next().unwrap_or_else(|| "corpus".into()));
    corpus.conversations()?;
    corpus.shapes()?;
    corpus.texts()?;
    for capture in arguments {
        corpus.capture(&capture)?;
    }
    Ok(())
}

struct Corpus(PathBuf);

impl Corpus {
    /// Writes one seed under a name made of its content.
    fn add(&self, target: &str, seed: &[u8]) -> io::Result<()> {
        if seed.len() > LONGEST {
            return Ok(());
        }
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        let name = seed.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
        fs::write(folder.join(format!("seed-{name:016x}")), seed)
    }

    /// A flow for the targets `protocol` and `engine`.
    fn flow(&self, protocol: &str, key: &FlowKey, said: &[(Direction, Vec<u8>)]) -> io::Result<()> {
        let script: Vec<u8> =
            said.iter().flat_map(|(direction, bytes)| script::write(*direction, bytes)).collect();
        let which = protocol::all().iter().position(|known| known.name() == protocol);
        if let Some(which) = which {
            let transports = protocol::all()[which].transports();
            let how = transports.iter().position(|transport| *transport == key.transport);
            self.add("protocol", &[&[which as u8, how.unwrap_or(0) as u8][..], &script].concat())?;
        }
        let door = if key.transport == packet::Transport::TCP { STREAM } else { DATAGRAMS };
        self.add("engine", &[&[door][..], &script].concat())
    }

    fn conversations(&self) -> io::Result<()> {
        conversations::all().iter().try_for_each(|conversation| {
            let key = flow(conversation.transport, conversation.port);
            self.flow(conversation.protocol, &key, &conversation.messages)
        })
    }

    fn shapes(&self) -> io::Result<()> {
        frames::shapes().iter().try_for_each(|(_, frame)| {
            let input = link::write(LinkType::ETHERNET, frame).unwrap_or_default();
            self.add("packet", &input)?;
            self.add("engine", &[&[PACKETS][..], &input].concat())
        })
    }

    fn texts(&self) -> io::Result<()> {
        let policy = "profile = \"strict\"\n[[rule]]\nname = \"a\"\naddress = [\"192.0.2.0/24\"]\ndomain = [\"example.org\"]\n\
                      finding = [\"leak.*\"]\naction = \"ask\"\n";
        let list = "id = \"l\"\ntitle = \"L\"\nclass = \"tracker\"\nseverity = \"low\"\nsource = \"s\"\nlicence = \"CC0-1.0\"\n\
                    domains = [\"bad.example.com\"]\n";
        let device = r#"{"email":"a@b.example","latitude":1.5,"longitude":2.5,"contacts":[{"name":"A B","phone":"+49160555"}]}"#;
        self.add("policy", &[&[0][..], policy.as_bytes()].concat())?;
        self.add("policy", &[&[1][..], device.as_bytes()].concat())?;
        self.add("policy", &[&[2][..], list.as_bytes()].concat())?;
        self.add("policy", &[&[3][..], b"# title: L\n0.0.0.0 bad.example.com\n"].concat())?;
        let leak =
            br#"{"mail":"zoe.quill@mailbox.example","pos":[48.13715,11.57612],"card":"4111111111111111"}"#;
        for value in
            [&bodies::json(600)[..], &bodies::form(300), leak, b"Authorization: Basic em9lOnNlY3JldA=="]
        {
            for shape in 0..2 {
                self.add("finding", &[&[0, 0, shape][..], value].concat())?;
            }
        }
        Ok(())
    }

    /// The capture itself, its first frames, and its flows.
    fn capture(&self, path: &Path) -> io::Result<()> {
        let file = fs::read(path)?;
        self.add("capture", &file)?;
        if file.len() <= LONGEST {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&file)?;
            self.add("capture", &gzip.finish()?)?;
        }
        let Ok(mut capture) = Capture::open(path) else {
            return Ok(());
        };
        let mut input = Vec::new();
        let mut flows: HashMap<FlowKey, Vec<(Direction, Vec<u8>)>> = HashMap::new();
        while let Some(Ok(frame)) = capture.next_frame() {
            let Some(written) = link::write(frame.link, frame.bytes) else {
                continue;
            };
            if input.len() + written.len() < LONGEST {
                input.extend(&written);
            }
            if let Ok(Parsed::Packet(packet)) = packet::parse(frame.link, frame.bytes) {
                let key = key_of_first(&packet);
                let reverse = FlowKey { client: key.server, server: key.client, ..key };
                let key = if flows.contains_key(&reverse) { reverse } else { key };
                let direction = Direction::BOTH[usize::from(key.client != packet.source)];
                let said = flows.entry(key).or_default();
                if !packet.payload.is_empty() {
                    said.push((direction, packet.payload.to_vec()));
                }
            }
        }
        self.add("packet", &input)?;
        self.add("engine", &[&[PACKETS][..], &input].concat())?;
        flows.iter().try_for_each(|(key, said)| self.flow(spoken(key, said), key, said))
    }
}

/// Whoever recognises a flow's first message; in doubt the first protocol of all.
fn spoken(key: &FlowKey, said: &[(Direction, Vec<u8>)]) -> &'static str {
    let Some((direction, first)) = said.first() else {
        return "";
    };
    protocol::all()
        .iter()
        .filter(|protocol| protocol.transports().contains(&key.transport))
        .find(|protocol| probe(**protocol, key, *direction, first) == Probe::Match)
        .map_or("", |protocol| protocol.name())
}
