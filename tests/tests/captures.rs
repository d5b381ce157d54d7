//! Every capture says what is expected of it.

use weir_core::engine::Depth;
use weir_tests::{case, config, replay};

#[test]
fn every_capture_is_told_as_its_expectation_says() {
    let config = config(Depth::Records);
    let mut complaints = Vec::new();
    for case in case::all() {
        let expectation = match case.expectation() {
            Ok(expectation) => expectation,
            Err(error) => {
                complaints.push(format!("{}: {error}", case.expect.display()));
                continue;
            }
        };
        let recording = case.read();
        let found = expectation.complaints(&recording, &replay(&recording, &config));
        complaints
            .extend(found.into_iter().map(|complaint| format!("{}: {complaint}", case.expect.display())));
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
