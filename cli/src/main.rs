//! The `weir` command: the engine with files, interfaces, threads and a terminal around it.
//!
//! One file per subcommand in `command/`, one per form of telling in `output/`. `pipeline` runs captures through one shard
//! per core and the ordered stage behind them; `setup` makes the engine's configuration from options; `exit` holds the
//! codes that scripts rely on. Nothing is judged here: what is told comes from `weir-core`.

mod command {
    pub(crate) mod bench;
    pub(crate) mod completions;
    pub(crate) mod explain;
    #[cfg(feature = "live")]
    pub(crate) mod live;
    pub(crate) mod man;
    pub(crate) mod protocols;
    pub(crate) mod replay;
}
mod exit;
mod output;
mod pipeline;
mod progress;
mod setup;
mod timeline;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Exit;

/// See what an app on a phone gives away, and stop it.
#[derive(Debug, Parser)]
#[command(name = "weir", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  weir replay phone.pcapng                      who talked to whom, what was given away
  weir replay phone.pcapng --html report.html   the same as a page to share
  weir explain leak.password                    what a finding means")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(command::replay::Replay),
    #[cfg(feature = "live")]
    Live(command::live::Live),
    Explain(command::explain::Explain),
    Protocols(command::protocols::Protocols),
    Bench(command::bench::Bench),
    Completions(command::completions::Completions),
    Man(command::man::Man),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Replay(replay) => replay.run(),
        #[cfg(feature = "live")]
        Command::Live(live) => live.run(),
        Command::Explain(explain) => explain.run(),
        Command::Protocols(protocols) => protocols.run(),
        Command::Bench(bench) => bench.run().map(|()| Exit::Clean),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    };
    exit::finish(result)
}
