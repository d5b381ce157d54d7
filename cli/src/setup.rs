//! What every command that runs the engine shares: device values, lists, policy.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use std::hash::{BuildHasher, RandomState};
use weir_core::engine::{Config, Depth};
use weir_core::finding::leak::device::Device;
use weir_core::flow::table::Seed;
use weir_core::policy::{Policy, Profile};
use weir_core::rules::RuleSet;

/// Options of the engine.
#[derive(Debug, Default, Args)]
pub(crate) struct Setup {
    /// The phone's own values (IMEI, e-mail, …) to look for, in JSON or TOML.
    #[arg(long, value_name = "FILE")]
    pub(crate) device: Option<PathBuf>,
    /// Rules of your own, in TOML.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// What is stopped where no rule speaks: monitor, balanced or strict [default: balanced].
    #[arg(long, value_name = "PROFILE", value_parser = profile)]
    pub(crate) profile: Option<Profile>,
}

fn profile(name: &str) -> Result<Profile, String> {
    Profile::ALL
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or_else(|| "choose monitor, balanced or strict".to_owned())
}

impl Setup {
    pub(crate) fn config(&self, depth: Depth) -> Result<Config> {
        Ok(Config {
            rules: Arc::new(self.rules()?),
            policy: Arc::new(self.policy()?),
            depth,
            seed: random_seed(),
        })
    }

    /// Who decides, in the words of the summary.
    pub(crate) fn judge(&self, config: &Config) -> String {
        match self.policy {
            Some(_) => "your policy".to_owned(),
            None => config.policy.profile().name().to_owned(),
        }
    }

    fn rules(&self) -> Result<RuleSet> {
        let device = match &self.device {
            None => Device::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("the device values {} cannot be read", path.display()))?;
                Device::parse(&text)
                    .with_context(|| format!("the device values {} are not valid", path.display()))?
            }
        };
        let builtin = weir_signatures::builtin();
        Ok(RuleSet { services: builtin.services, lists: builtin.lists, device })
    }

    fn policy(&self) -> Result<Policy> {
        let policy = match &self.policy {
            None => Policy::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("the policy {} cannot be read", path.display()))?;
                Policy::parse(&text).with_context(|| format!("the policy {} is not valid", path.display()))?
            }
        };
        Ok(match self.profile {
            Some(profile) => policy.with_profile(profile),
            None => policy,
        })
    }
}

/// Keys that a stranger cannot know; the standard library draws its own at random for the same reason. The output never
/// depends on them.
fn random_seed() -> Seed {
    Seed(std::array::from_fn(|number| RandomState::new().hash_one(number)))
}
