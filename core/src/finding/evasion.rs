//! Tricks that make two receivers read the same packets differently. They are seen where packets are put together, by the
//! engine itself and not by a detector.

use super::{Explanation, Finding, Severity, Tier};

/// What these findings mean.
pub static EXPLANATIONS: &[Explanation] = &[Explanation {
    id: "evasion.overlap-differs",
    title: "Two versions of the same bytes",
    meaning: "The same place of a connection was sent twice with different content. A filter may read one version and the \
              server the other; broken networks hardly ever do that.",
    advice: "Look at the packets around the number told. On a network of your own, find out which device rewrites traffic.",
    method: "Overlapping TCP segments and IP fragments are compared where both versions are still known: those out of \
             order in full, the last segments by their first and last 32 bytes. The first version is the one inspected.",
}];

/// `layer` tells where: "tcp segments", "ip fragments".
pub fn overlap_differs(layer: &'static str) -> Finding {
    Finding {
        id: "evasion.overlap-differs",
        kind: None,
        tier: Tier::Exact,
        severity: Severity::Medium,
        place: layer.to_owned(),
        encoding: Vec::new(),
        shown: "the same bytes were sent twice with different content".to_owned(),
        rule: None,
    }
}
