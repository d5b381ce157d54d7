//! The `weir` command. One file per subcommand, in `command/`.

mod command {
    pub(crate) mod bench;
    pub(crate) mod replay;
}
mod exit;
mod pipeline;
mod setup;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Exit;

/// See what an app on a phone gives away, and stop it.
#[derive(Debug, Parser)]
#[command(name = "weir", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(command::replay::Replay),
    Bench(command::bench::Bench),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Replay(replay) => replay.run(),
        Command::Bench(bench) => bench.run().map(|()| Exit::Clean),
    };
    exit::finish(result)
}
