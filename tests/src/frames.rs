//! Frames made up for a test.
