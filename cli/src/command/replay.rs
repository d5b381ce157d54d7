//! `weir replay`
use crate::{exit::Exit, pipeline::Pipeline, setup::Setup};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;
use weir_core::engine::Depth;
use weir_core::event::Event;

/// Tell what is in captures.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[arg(long)]
    json: bool,
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    #[command(flatten)]
    setup: Setup,
}

impl Replay {
    pub(crate) fn run(self) -> Result<Exit> {
        let config = self
            .setup
            .config(if self.json { Depth::Records } else { Depth::Detect })?;
        let mut pipeline = Pipeline::new(&config, self.jobs);
        let mut tell = |event: Event| {
            if let Event::Flow(flow) = &event {
                let findings: Vec<_> = flow.findings.iter().map(|s| serde_json::json!({"id": s.finding.id, "kind": s.finding.kind, "encoding": s.finding.encoding, "where": s.finding.place, "shown": s.finding.shown})).collect();
                println!(
                    "{}",
                    serde_json::json!({"event_type":"flow","src_ip":flow.key.client.address.to_string(),"src_port":flow.key.client.port,"dest_ip":flow.key.server.address.to_string(),"dest_port":flow.key.server.port,"proto":flow.key.transport.to_string(),"app_proto":flow.protocol.unwrap_or("unknown"),
                "weir":{"hostname":flow.hostname,"service":flow.service.as_ref().map(|s|&*s.name),"ja4":flow.ja4,"confidence":flow.confidence.name(),"findings":findings,"inner":flow.inner,"packets":flow.packets}})
                );
            }
        };
        let mut exit = Exit::Clean;
        for input in weir_capture::inputs(&self.paths)? {
            let r = input
                .open()
                .and_then(|mut c| pipeline.capture(&mut c, &mut tell, &mut |_| true));
            if let Err(e) = r {
                eprintln!("weir: {e}");
                exit = Exit::Unreadable;
            }
        }
        pipeline.finish(&mut tell);
        Ok(exit)
    }
}
