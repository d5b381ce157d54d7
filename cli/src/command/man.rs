//! `weir man`: the manual pages, made from the same words as `--help`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};

use crate::Cli;
use crate::exit::Exit;
use crate::output::print;

/// Write the manual pages.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weir man | man -l -            read weir(1)
  weir man /usr/share/man/man1   write one page per subcommand")]
pub(crate) struct Man {
    /// Folder for one page per subcommand; without it weir(1) goes to standard output.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self) -> Result<Exit> {
        match &self.folder {
            Some(folder) => write_all(folder)
                .with_context(|| format!("the manual pages cannot be written to {}", folder.display()))?,
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Cli::command()).render(&mut page)?;
                print(&String::from_utf8_lossy(&page))?;
            }
        }
        Ok(Exit::Clean)
    }
}

fn write_all(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
}
