//! However a stream is cut, the same facts; of a beginning, a beginning of the facts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use weir_core::engine::{Config, Depth};
use weir_core::flow::Direction;
use weir_tests::conversation::{self, Conversation, told};
use weir_tests::{case, config};

/// Cuts of one conversation, and beginnings of it.
const CUTS: usize = 64;
/// Messages up to this size are split at every byte.
const MESSAGE: usize = 4096;
/// Bytes fed for the splits of one message; those of longer stories are spread.
const BUDGET: usize = 1 << 20;

type Piece<'a> = (Direction, &'a [u8]);

fn whole(conversation: &Conversation) -> Vec<Piece<'_>> {
    conversation.messages.iter().map(|(direction, bytes)| (*direction, &bytes[..])).collect()
}

/// The conversation with one more cut, `at` bytes from its beginning, and how many pieces stand before the cut.
fn cut(conversation: &Conversation, at: usize) -> (Vec<Piece<'_>>, usize) {
    let mut pieces = Vec::new();
    let (mut before, mut passed) = (0, 0);
    for (direction, bytes) in &conversation.messages {
        let inside = at.saturating_sub(passed).min(bytes.len());
        for piece in [&bytes[..inside], &bytes[inside..]] {
            if !piece.is_empty() {
                passed += piece.len();
                pieces.push((*direction, piece));
                before = if passed <= at { pieces.len() } else { before };
            }
        }
    }
    (pieces, before)
}

/// Runs a check on every conversation of every capture, on all cores; complains about all that fail.
fn for_each_conversation(check: impl Fn(&Conversation, &Config) -> Result<(), String> + Sync) {
    let config = config(Depth::Records);
    let cases = case::readable();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut complaints = Vec::new();
        while let Some((case, recording)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            for conversation in conversation::all(recording) {
                if let Err(complaint) = check(&conversation, &config) {
                    complaints.push(format!("{} {}: {complaint}", case.name, conversation.key.server));
                    break;
                }
            }
        }
        complaints
    };
    let mut complaints: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..thread::available_parallelism().map_or(1, usize::from)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    complaints.sort();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn a_cut_anywhere_changes_no_fact_and_a_beginning_tells_a_beginning() {
    for_each_conversation(|conversation, config| {
        let size: usize = conversation.messages.iter().map(|(_, bytes)| bytes.len()).sum();
        let uncut = told(conversation, whole(conversation), config, true);
        let unclosed = told(conversation, whole(conversation), config, false);
        for turn in 1..=CUTS.min(size) {
            let at = size * turn / CUTS.min(size);
            let (pieces, before) = cut(conversation, at);
            let found = told(conversation, pieces.iter().copied(), config, true);
            if found != uncut {
                return Err(difference(at, &uncut, &found));
            }
            let prefix = told(conversation, pieces[..before].iter().copied(), config, false);
            if unclosed.get(..prefix.len()) != Some(&prefix) {
                return Err(format!("beginning: {}", difference(at, &unclosed, &prefix)));
            }
        }
        Ok(())
    });
}

#[test]
fn every_split_of_every_message_tells_the_same() {
    for_each_conversation(|conversation, config| {
        let mut passed = 0;
        for (index, (_, bytes)) in conversation.messages.iter().enumerate() {
            let story = &conversation.messages[..=index];
            let until = Conversation { messages: story.to_vec(), ..*conversation };
            let size = passed + bytes.len();
            let splits = (BUDGET / size).clamp(1, MESSAGE);
            let stride = bytes.len().div_ceil(splits);
            if bytes.len() <= MESSAGE {
                let uncut = told(&until, whole(&until), config, false);
                for at in (passed + 1..size).step_by(stride) {
                    let found = told(&until, cut(&until, at).0, config, false);
                    if found != uncut {
                        return Err(difference(at, &uncut, &found));
                    }
                }
            }
            passed = size;
        }
        Ok(())
    });
}

#[test]
fn bytes_one_by_one_tell_the_same() {
    for_each_conversation(|conversation, config| {
        let uncut = told(conversation, whole(conversation), config, true);
        let bytes = whole(conversation)
            .into_iter()
            .flat_map(|(direction, bytes)| bytes.chunks(1).map(move |byte| (direction, byte)));
        let found = told(conversation, bytes, config, true);
        if found != uncut {
            return Err(difference(1, &uncut, &found));
        }
        Ok(())
    });
}

fn difference(at: usize, uncut: &[String], found: &[String]) -> String {
    let same = uncut.iter().zip(found).take_while(|(a, b)| a == b).count();
    format!(
        "cut at {at}, after {same} of {} events\n  whole: {}\n  cut:   {}",
        uncut.len(),
        uncut.get(same).map_or("nothing more", String::as_str),
        found.get(same).map_or("nothing more", String::as_str)
    )
}
