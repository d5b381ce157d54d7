//! However many cores work, the output is the same to the byte.

use std::path::Path;
use std::process::{Command, Output};

fn replay(jobs: &str) -> Output {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures");
    Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(["replay", "--json", "--jobs", jobs])
        .arg("--device")
        .arg(captures.join("device.json"))
        .arg(&captures)
        .output()
        .expect("the command runs")
}

#[test]
fn any_number_of_jobs_writes_the_same() {
    let one = replay("1");
    assert!(one.stdout.len() > 100_000, "nothing was told");
    for jobs in ["1", "2", "4", "16"] {
        let many = replay(jobs);
        assert!(one.stdout == many.stdout, "{jobs} jobs tell something else than one");
        assert_eq!(
            String::from_utf8_lossy(&one.stderr),
            String::from_utf8_lossy(&many.stderr),
            "{jobs} jobs"
        );
        assert_eq!(one.status, many.status, "{jobs} jobs");
    }
}
