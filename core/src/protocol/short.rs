//! A short text built without allocating: an address, a number in hex.

use std::fmt::{self, Write};

use super::Value;

/// Text of at most `SIZE` bytes on the stack. What does not fit is left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short<const SIZE: usize = 48> {
    bytes: [u8; SIZE],
    length: usize,
}

impl<const SIZE: usize> Short<SIZE> {
    /// The text of anything that displays: `Short::of(format_args!("{id:04x}"))`.
    pub(crate) fn of(what: impl fmt::Display) -> Self {
        let mut short = Self { bytes: [0; SIZE], length: 0 };
        // Only fails when full, and then the beginning is still worth stating.
        let _ = write!(short, "{what}");
        short
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(crate) fn value(&self) -> Value<'_> {
        Value::Bytes(self.bytes())
    }
}

impl<const SIZE: usize> Write for Short<SIZE> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Short;

    #[test]
    fn what_does_not_fit_is_left_out() {
        assert_eq!(Short::<4>::of(0xbeef).bytes(), b"");
        assert_eq!(Short::<4>::of(format_args!("{:x}", 0xbeef)).bytes(), b"beef");
    }
}
