//! The files that people write: policies, device values, lists and services. A text is taken or refused, with words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_core::finding::leak::device::Device;
use weir_core::policy::Policy;

fuzz_target!(|input: &[u8]| {
    let Some((which, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let refusal = match which % 4 {
        0 => Policy::parse(text).err().map(|error| error.to_string()),
        1 => Device::parse(text).err().map(|error| error.to_string()),
        2 => weir_signatures::load([("fuzz.toml", text)]).err().map(|error| error.to_string()),
        _ => weir_signatures::load([("fuzz.txt", text)]).err().map(|error| error.to_string()),
    };
    assert_ne!(refusal.as_deref(), Some(""));
});
