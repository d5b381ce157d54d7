//! The name of a value, taken apart into words: `deviceImei`, `device_imei` and `user[device.imei]` all speak of an IMEI.

/// Longest key that is looked at; more of it says nothing.
const LENGTH: usize = 64;

/// A key, lower-case and without separators, and where its words begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    letters: [u8; LENGTH],
    length: usize,
    /// Bit `n`: a word begins at letter `n`. The end counts as the beginning of one more.
    begins: u128,
}

impl Key {
    pub(super) fn new(name: &[u8]) -> Self {
        let mut key = Self { letters: [0; LENGTH], length: 0, begins: 0 };
        let mut before = b' ';
        for &byte in name {
            if byte.is_ascii_alphanumeric() || byte >= 0x80 {
                let Some(slot) = key.letters.get_mut(key.length) else {
                    break;
                };
                *slot = byte.to_ascii_lowercase();
                if begins_word(before, byte) {
                    key.begins |= 1 << key.length;
                }
                key.length += 1;
            }
            before = byte;
        }
        key.begins |= 1 << key.length;
        key
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn letters(&self) -> &[u8] {
        self.letters.get(..self.length).unwrap_or_default()
    }

    /// Whether one of these stands in the key as whole words. Lower-case, without separators.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.find(word.as_bytes(), false))
    }

    /// Whether one of these stands in the key as a single word.
    pub(super) fn has_word(&self, words: &[&str]) -> bool {
        words.iter().any(|word| {
            let inner = (1u128 << word.len().clamp(1, LENGTH)) - 2;
            let starts =
                (0..self.length).filter(|at| self.begins >> at & 1 == 1 && self.begins >> at & inner == 0);
            starts.into_iter().any(|at| {
                let rest = self.letters().get(at..).unwrap_or_default();
                rest.starts_with(word.as_bytes()) && self.begins >> (at + word.len()) & 1 == 1
            })
        })
    }

    /// Whether the key ends with one of these as whole words (`newPassword`, but not `password_reset`). A number may follow.
    pub(super) fn ends_with(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.find(word.as_bytes(), true))
    }

    /// Whether the key is one of these and nothing else.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.letters() == word.as_bytes())
    }

    /// Where words begin.
    fn beginnings(&self) -> impl Iterator<Item = usize> {
        let mut rest = self.begins;
        std::iter::from_fn(move || {
            let at = rest.trailing_zeros();
            rest &= rest.wrapping_sub(1);
            usize::try_from(at).ok().filter(|at| *at < 128)
        })
    }

    fn find(&self, word: &[u8], at_end: bool) -> bool {
        let letters = self.letters();
        let Some(last) = letters.len().checked_sub(word.len()) else {
            return false;
        };
        self.beginnings().take_while(|at| *at <= last).any(|at| {
            let rest = letters.get(at..).unwrap_or_default();
            // Most words differ in their first letter already.
            if rest.first() != word.first() {
                return false;
            }
            let Some(behind) = rest.strip_prefix(word) else {
                return false;
            };
            let end = at + word.len();
            self.begins >> end & 1 == 1 && (!at_end || behind.iter().all(u8::is_ascii_digit))
        })
    }
}

/// `before` ends a word and `byte` begins one: a separator stood between, `xY`, or a number began.
fn begins_word(before: u8, byte: u8) -> bool {
    !(before.is_ascii_alphanumeric() || before >= 0x80)
        || (before.is_ascii_lowercase() && byte.is_ascii_uppercase())
        || (before.is_ascii_alphabetic() && byte.is_ascii_digit())
        || (before.is_ascii_digit() && byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn words_are_found_however_they_are_joined() {
        for name in ["deviceImei", "device_imei", "X-Device-IMEI", "user[device.imei]", "imei1", "imei"] {
            assert!(Key::new(name.as_bytes()).has(&["imei"]), "{name}");
        }
        assert!(Key::new(b"google_advertising_id").has(&["advertisingid"]));
        assert!(Key::new(b"advertisingId").has(&["advertisingid"]));
    }

    #[test]
    fn a_word_inside_another_is_not_found() {
        assert!(!Key::new(b"latency").has(&["lat"]));
        assert!(!Key::new(b"flat").has(&["lat"]));
        assert!(!Key::new(b"password_reset_url").ends_with(&["password"]));
        assert!(Key::new(b"new_password2").ends_with(&["password"]));
    }

    #[test]
    fn a_key_of_any_length_is_cut() {
        let key = Key::new(&[b'a'; 500]);
        assert!(!key.has(&["a"]));
        assert!(Key::new(b"").is_empty());
    }
}
