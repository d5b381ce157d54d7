//! `weir protocols`: what Weir recognises and reads.

use std::fmt::Write;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use weir_core::protocol::{self, Field, Protocol, Role};

use crate::exit::{self, Exit};
use crate::output::print;

/// List the protocols that Weir recognises, and what it reads of each.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weir protocols         list them
  weir protocols tls     one of them, with its fields
  weir protocols --json  for programs")]
pub(crate) struct Protocols {
    /// A protocol's name.
    name: Option<String>,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

impl Protocols {
    pub(crate) fn run(self) -> Result<Exit> {
        let text = match &self.name {
            None if self.json => format!("{:#}\n", sorted().into_iter().map(object).collect::<Value>()),
            None => list(),
            Some(name) => match named(name) {
                Some(protocol) if self.json => format!("{:#}\n", object(protocol)),
                Some(protocol) => page(protocol),
                None => {
                    let name: String = name.chars().flat_map(char::escape_debug).take(80).collect();
                    exit::complain(&format!(
                        "there is no protocol `{name}`; `weir protocols` lists them all"
                    ));
                    return Ok(Exit::Usage);
                }
            },
        };
        print(&text)?;
        Ok(Exit::Clean)
    }
}

/// By its own name, or by that of one of its variants.
fn named(name: &str) -> Option<&'static dyn Protocol> {
    let name = name.to_ascii_lowercase();
    protocol::named(&name)
        .or_else(|| protocol::all().iter().copied().find(|protocol| protocol.variants().contains(&&*name)))
}

fn sorted() -> Vec<&'static dyn Protocol> {
    let mut all = protocol::all().to_vec();
    all.sort_unstable_by_key(|protocol| protocol.name());
    all
}

fn list() -> String {
    let mut text = String::new();
    let all = sorted();
    let widest = all.iter().map(|protocol| protocol.name().len()).max().unwrap_or(0);
    for protocol in all {
        let _ = writeln!(text, "{:<widest$}  {}", protocol.name(), protocol.about());
        if !protocol.variants().is_empty() {
            let _ = writeln!(text, "{:<widest$}  also told apart: {}", "", protocol.variants().join(", "));
        }
    }
    text
}

fn page(protocol: &dyn Protocol) -> String {
    let mut text = format!("{}\n  {}\n\n", protocol.name(), protocol.about());
    let _ = writeln!(text, "Runs on     {}", names(protocol.transports()));
    if !protocol.ports().is_empty() {
        let _ = writeln!(text, "Ports       {} (a hint, never proof)", names(protocol.ports()));
    }
    if !protocol.variants().is_empty() {
        let _ = writeln!(text, "Told apart  {}", protocol.variants().join(", "));
    }
    if protocol.is_encrypted() {
        text.push_str("Content     encrypted: Weir reads what is said before that\n");
    }
    if !protocol.fields().is_empty() {
        text.push_str("\nFields\n");
    }
    let widest = protocol.fields().iter().map(|field| field.name.len()).max().unwrap_or(0);
    for field in protocol.fields() {
        let _ = writeln!(text, "{}", format!("  {:<widest$}  {}", field.name, good_for(field)).trim_end());
    }
    text
}

fn names<T: ToString>(values: &[T]) -> String {
    let names: Vec<String> = values.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// What a field is used for, where that is more than being told.
const fn good_for(field: &Field) -> &'static str {
    match field.role {
        Role::Meta => "",
        Role::Hostname => "names the server",
        Role::Username => "who logs in",
        Role::Password => "a secret; never shown",
        Role::Content => "searched for personal data; never shown whole",
        Role::Certificate => "a certificate",
        Role::Address => "an address that a name stands for",
        Role::Ja4 => "the client's fingerprint",
    }
}

const fn role(field: &Field) -> &'static str {
    match field.role {
        Role::Meta => "meta",
        Role::Hostname => "hostname",
        Role::Username => "username",
        Role::Password => "password",
        Role::Content => "content",
        Role::Certificate => "certificate",
        Role::Address => "address",
        Role::Ja4 => "ja4",
    }
}

fn object(protocol: &dyn Protocol) -> Value {
    let fields: Vec<Value> = protocol
        .fields()
        .iter()
        .map(|field| json!({ "name": field.name, "role": role(field), "eve": field.eve }))
        .collect();
    let transports: Vec<String> = protocol.transports().iter().map(ToString::to_string).collect();
    json!({
        "name": protocol.name(),
        "about": protocol.about(),
        "transports": transports,
        "ports": protocol.ports(),
        "variants": protocol.variants(),
        "encrypted": protocol.is_encrypted(),
        "fields": fields,
    })
}
