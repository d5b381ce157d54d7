//! Address books: many people in one message. CATALOGUE L-14.

use super::trail::Trail;

/// Different numbers, or different addresses, from which a message is an address book.
const MANY: usize = 5;
/// Contacts of the phone's own from which a message is its address book.
const OWN: usize = 3;

/// The people seen in one fact.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Where the first of them was seen.
    place: Option<String>,
    own: Vec<u16>,
    phones: Vec<Box<[u8]>>,
    emails: Vec<Box<[u8]>>,
}

/// What they amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crowd {
    /// So many of the phone's own contacts.
    Own(usize),
    Others,
}

impl People {
    pub(super) fn own(&mut self, contact: u16, trail: &Trail<'_>) {
        self.begin(trail);
        if !self.own.contains(&contact) && self.own.len() < 64 {
            self.own.push(contact);
        }
    }

    pub(super) fn phone(&mut self, digits: &[u8], trail: &Trail<'_>) {
        self.begin(trail);
        note(&mut self.phones, digits);
    }

    pub(super) fn email(&mut self, address: &[u8], trail: &Trail<'_>) {
        self.begin(trail);
        note(&mut self.emails, address);
    }

    fn begin(&mut self, trail: &Trail<'_>) {
        if self.place.is_none() {
            self.place = Some(trail.place());
        }
    }

    pub(super) fn place(&self) -> &str {
        self.place.as_deref().unwrap_or_default()
    }

    pub(super) fn crowd(&self) -> Option<Crowd> {
        if self.own.len() >= OWN {
            return Some(Crowd::Own(self.own.len()));
        }
        (self.phones.len() >= MANY || self.emails.len() >= MANY).then_some(Crowd::Others)
    }
}

fn note(seen: &mut Vec<Box<[u8]>>, value: &[u8]) {
    if seen.len() < MANY && !seen.iter().any(|old| old.eq_ignore_ascii_case(value)) {
        seen.push(value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::{Crowd, People, Trail};

    #[test]
    fn one_person_many_times_is_no_crowd() {
        let mut people = People::default();
        let trail = &Trail::new("test.content");
        for _ in 0..9 {
            people.email(b"a@example.org", trail);
            people.own(1, trail);
        }
        assert_eq!(people.crowd(), None);
        for name in [b"b@example.org", b"c@example.org", b"d@example.org", b"e@example.org"] {
            people.email(name, trail);
        }
        assert_eq!(people.crowd(), Some(Crowd::Others));
        people.own(2, trail);
        people.own(3, trail);
        assert_eq!(people.crowd(), Some(Crowd::Own(3)));
    }
}
