//! Looks at one value: is it the phone's own, or does it validate as personal data?

use super::super::device::Class;
use super::super::key::Key;
use super::super::known::Hit;
use super::super::location::{self, Pair, Position};
use super::super::secret::{self, Sort};
use super::super::trail::Trail;
use super::super::{advertising_id, decode, digits, email, hardware, iban, login, mask, payment_card, phone};
use super::{Leaf, Search};
use crate::finding::{Finding, Severity, Tier};

impl Search<'_> {
    /// A value with a name: what it is, and what may be hidden in it.
    pub(super) fn value(&mut self, name: &[u8], value: &[u8], trail: &Trail<'_>, pair: &mut Pair) {
        let value = value.trim_ascii();
        if value.is_empty() {
            return;
        }
        self.leaf += 1;
        let hits = self.hits(value, trail);
        let key = Key::new(name);
        self.position(&key, value, trail, pair);
        if value.len() >= 6 || !hits.is_empty() || !key.is_empty() {
            self.keyed(&Leaf { key, value, trail, whole: true }, &hits);
        }
        if value.len() < 4 {
            return;
        }
        self.secrets(value, trail);
        self.crowd(&key, value, trail);
        self.undo(name, value, trail);
    }

    /// Text that is no leaf of anything: the phone's own values, secrets, and what a word beside it explains.
    pub(super) fn free(&mut self, text: &[u8], trail: &Trail<'_>) {
        self.leaf += 1;
        let hits = self.hits(text, trail);
        self.secrets(text, trail);
        let key = Key::new(b"");
        if let Some(position) = location::in_text(&key, text, &self.device.positions) {
            self.located(&position, trail);
        }
        if decode::is_text(text) {
            self.numbers(&Leaf { key, value: text, trail, whole: false }, &hits);
            self.crowd(&key, text, trail);
        }
    }

    /// The phone's own values in a text.
    pub(super) fn hits(&mut self, text: &[u8], trail: &Trail<'_>) -> Vec<Hit> {
        if self.absent.known {
            return Vec::new();
        }
        let hits = self.device.known.hits(text);
        for hit in &hits {
            let Some(value) = self.device.values.get(hit.value) else {
                continue;
            };
            match value.class {
                Class::Contact => {
                    self.people.own(value.contact, trail);
                }
                Class::FirstName | Class::LastName | Class::Name if is_in_address(text, hit) => {}
                Class::FirstName => self.names.first = Some((self.leaf, hit.start)),
                Class::LastName => self.names.last = Some((self.leaf, hit.start)),
                class => self.own(hit, class, value.text.as_bytes(), trail),
            }
        }
        self.first_and_last_name(trail);
        hits
    }

    pub(super) fn own(&mut self, hit: &Hit, class: Class, value: &[u8], trail: &Trail<'_>) {
        let hash =
            hit.encoding.iter().copied().find(|encoding| matches!(*encoding, "md5" | "sha1" | "sha256"));
        let Some((id, severity)) = meaning(class) else {
            return;
        };
        if self.reported.contains(&(hit.value, hash)) {
            return;
        }
        self.reported.push((hit.value, hash));
        let shown = match class {
            Class::Email => mask::email(value),
            Class::Name => mask::name(value),
            Class::Password => crate::text::mask(&String::from_utf8_lossy(value)),
            _ => mask::head(value),
        };
        let mut encoding = trail.encodings();
        encoding.extend_from_slice(hit.encoding);
        self.push(Finding {
            id,
            kind: None,
            tier: Tier::Exact,
            severity,
            place: trail.place(),
            encoding,
            shown,
            rule: None,
        });
    }

    fn first_and_last_name(&mut self, trail: &Trail<'_>) {
        if !self.names.are_together() || self.found.iter().any(|finding| finding.id == "leak.name") {
            return;
        }
        let of = |class| {
            self.device.values.iter().find(|value| value.class == class).map(|value| value.text.as_str())
        };
        let name = [of(Class::FirstName), of(Class::LastName)].map(Option::unwrap_or_default).join(" ");
        self.report("leak.name", Tier::Exact, Severity::Medium, trail, mask::name(name.as_bytes()));
    }

    pub(super) fn position(&mut self, key: &Key, value: &[u8], trail: &Trail<'_>, pair: &mut Pair) {
        let own = &self.device.positions;
        let position = pair.see(key, value, own).or_else(|| location::in_text(key, value, own));
        if let Some(position) = position {
            self.located(&position, trail);
        } else if let Some((latitude, longitude)) = location::own_geohash(key, value, own) {
            let shown = mask::position(latitude, longitude);
            self.report("leak.location", Tier::Exact, Severity::High, trail, shown);
        }
    }

    pub(super) fn located(&mut self, position: &Position, trail: &Trail<'_>) {
        let shown = mask::position(position.latitude, position.longitude);
        if position.is_own(&self.device.positions) {
            self.report("leak.location", Tier::Exact, Severity::High, trail, shown);
            return;
        }
        match position.precision() {
            Some(true) => self.report("leak.location", Tier::Validated, Severity::High, trail, shown),
            Some(false) => self.report("leak.location", Tier::Plausible, Severity::Low, trail, shown),
            None => {}
        }
    }

    /// What a key explains, as far as it is not one of the phone's own values.
    pub(super) fn keyed(&mut self, leaf: &Leaf<'_>, hits: &[Hit]) {
        let Leaf { key, value, trail, whole } = *leaf;
        if hits.iter().any(|hit| hit.start == 0 && hit.end == value.len() && self.is_reported_class(hit)) {
            return;
        }
        if whole && login::is_password(&key, value) {
            let shown = crate::text::mask(&String::from_utf8_lossy(value));
            self.report("leak.password", Tier::Exact, Severity::High, trail, shown);
        }
        if value.len() > 256 {
            return;
        }
        self.address(leaf);
        self.numbers(leaf, hits);
        if key.is_empty() {
            return;
        }
        if advertising_id::is_uuid(value) && advertising_id::is_named(&key) {
            self.report("leak.advertising-id", Tier::Validated, Severity::High, trail, mask::head(value));
        }
        if hardware::is_meid(value) && key.has(hardware::MEID_KEYS) {
            self.report("leak.imei", Tier::Validated, Severity::High, trail, mask::head(value));
        }
        if hardware::is_android_id(value) && key.has(hardware::ANDROID_ID_KEYS) {
            self.report("leak.android-id", Tier::Validated, Severity::High, trail, mask::head(value));
        }
        if let Some(octets) = hardware::mac(value) {
            let severity = if hardware::is_random_mac(octets) { Severity::Low } else { Severity::High };
            if key.has(hardware::BSSID_KEYS) {
                self.report("leak.bssid", Tier::Validated, Severity::High, trail, mask::head(value));
            } else if key.ends_with(hardware::MAC_KEYS) || value.len() == 17 && key.ends_with(&["mac"]) {
                self.report("leak.mac", Tier::Validated, severity, trail, mask::head(value));
            }
        }
        let phone = phone::international(value).filter(|_| self.addresses_count);
        if phone.is_some() && key.ends_with(phone::KEYS) {
            self.report("leak.phone", Tier::Validated, Severity::Medium, trail, mask::head(value));
        }
    }

    pub(super) fn is_reported_class(&self, hit: &Hit) -> bool {
        self.device.values.get(hit.value).is_some_and(|value| meaning(value.class).is_some())
    }

    pub(super) fn address(&mut self, leaf: &Leaf<'_>) {
        static KEYS: &[&str] = &[
            "email",
            "mail",
            "emailaddress",
            "user",
            "username",
            "login",
            "account",
            "recipient",
            "from",
            "to",
        ];
        // `celery@worker.example.org` under `hostname` is a machine.
        static MACHINES: &[&str] =
            &["host", "hostname", "node", "nodename", "worker", "server", "jid", "url", "uri"];
        if self.absent.addresses || !self.addresses_count || memchr::memchr(b'@', leaf.value).is_none() {
            return;
        }
        let explained = (leaf.whole || leaf.key.has(KEYS)) && !leaf.key.ends_with(MACHINES);
        let value = leaf.value.strip_prefix(b"mailto:").unwrap_or(leaf.value);
        if explained && email::is_personal(value) {
            self.report("leak.email", Tier::Validated, Severity::Medium, leaf.trail, mask::email(value));
        }
    }

    /// Identifiers made of digits, each with the word that explains it in the key or just before it.
    pub(super) fn numbers(&mut self, leaf: &Leaf<'_>, hits: &[Hit]) {
        let Leaf { key, value, trail, .. } = *leaf;
        if value.len() < 12 {
            return;
        }
        if leaf.whole && iban::is_iban(value) && hits.is_empty() {
            self.report("leak.iban", Tier::Validated, Severity::High, trail, mask::head(value));
            return;
        }
        for run in digits::runs(value, 12) {
            if hits.iter().any(|hit| hit.start < run.end && run.start < hit.end) {
                continue;
            }
            let explained = |words: &[&str], distance: usize| {
                key.has(words) || is_beside(value, run.start, run.end, words, distance)
            };
            let id = if hardware::is_imei(&run.digits) && explained(hardware::IMEI_KEYS, 40) {
                "leak.imei"
            } else if hardware::is_iccid(&run.digits) && explained(hardware::ICCID_KEYS, 40) {
                "leak.iccid"
            } else if hardware::is_imsi(&run.digits) && explained(hardware::IMSI_KEYS, 40) {
                "leak.imsi"
            } else if payment_card::is_card(&run.digits) && explained(payment_card::KEYS, 60) {
                "leak.payment-card"
            } else {
                continue;
            };
            self.report(id, Tier::Validated, Severity::High, trail, mask::head(&run.digits));
        }
    }

    pub(super) fn secrets(&mut self, text: &[u8], trail: &Trail<'_>) {
        if self.absent.secrets {
            return;
        }
        for secret in secret::secrets(text) {
            let shown = mask::head(secret.text);
            match secret.sort {
                Sort::ApiKey(kind) => {
                    let encoding = trail.encodings();
                    let (tier, severity) = (Tier::Validated, Severity::High);
                    let place = trail.place();
                    self.push(Finding {
                        id: "leak.api-key",
                        kind: Some(kind),
                        tier,
                        severity,
                        place,
                        encoding,
                        shown,
                        rule: None,
                    });
                }
                Sort::Jwt => self.report("leak.jwt", Tier::Validated, Severity::High, trail, shown),
                Sort::PrivateKey => {
                    self.report(
                        "leak.private-key",
                        Tier::Exact,
                        Severity::Critical,
                        trail,
                        "a private key".to_owned(),
                    );
                }
            }
        }
    }

    /// Counts the people in a value; many of them are an address book.
    pub(super) fn crowd(&mut self, key: &Key, text: &[u8], trail: &Trail<'_>) {
        if memchr::memchr2(b'@', b'+', text).is_none() {
            return;
        }
        if let Some(digits) = phone::international(text)
            && (text.starts_with(b"+") || key.ends_with(phone::KEYS))
        {
            self.people.phone(&digits, trail);
        }
        if !self.absent.addresses {
            for (_, address) in email::addresses(text).take(64) {
                self.people.email(address, trail);
            }
        }
        if text.len() > 24 {
            for word in text.split(|byte| b"\r\n,;:\t\"".contains(byte)).filter(|word| word.starts_with(b"+"))
            {
                if let Some(digits) = phone::international(word) {
                    self.people.phone(&digits, trail);
                }
            }
        }
    }
}

/// Whether a hit is part of an e-mail address: a name in there is the address's.
fn is_in_address(text: &[u8], hit: &Hit) -> bool {
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"._-+".contains(byte);
    let behind = text.get(hit.end..).unwrap_or_default();
    let before = text.get(..hit.start).unwrap_or_default();
    let after = behind.iter().take(64).take_while(part).count();
    let ahead = before.iter().rev().take(64).take_while(part).count();
    behind.get(after) == Some(&b'@')
        || before.len().checked_sub(ahead + 1).and_then(|at| before.get(at)) == Some(&b'@')
}

/// Whether one of these words stands within so many bytes before a number, or shortly behind it.
fn is_beside(text: &[u8], start: usize, end: usize, words: &[&str], distance: usize) -> bool {
    let before = text.get(start.saturating_sub(distance)..start).unwrap_or_default();
    let behind = text.get(end..end.saturating_add(distance).min(text.len())).unwrap_or_default();
    [before, behind].into_iter().any(|near| {
        near.split(|byte| !byte.is_ascii_alphanumeric())
            .any(|word| words.iter().any(|wanted| word.eq_ignore_ascii_case(wanted.as_bytes())))
    })
}

/// The finding that a value of the phone's is.
const fn meaning(class: Class) -> Option<(&'static str, Severity)> {
    Some(match class {
        Class::AndroidId => ("leak.android-id", Severity::High),
        Class::AdvertisingId => ("leak.advertising-id", Severity::High),
        Class::Imei => ("leak.imei", Severity::High),
        Class::Imsi => ("leak.imsi", Severity::High),
        Class::Iccid => ("leak.iccid", Severity::High),
        Class::Serial => ("leak.serial", Severity::High),
        Class::Mac => ("leak.mac", Severity::High),
        Class::Ssid => ("leak.ssid", Severity::Medium),
        Class::Bssid => ("leak.bssid", Severity::High),
        Class::Email => ("leak.email", Severity::Medium),
        Class::Phone => ("leak.phone", Severity::Medium),
        Class::Name => ("leak.name", Severity::Medium),
        Class::Password => ("leak.password", Severity::High),
        Class::Card => ("leak.payment-card", Severity::High),
        Class::Iban => ("leak.iban", Severity::High),
        Class::FirstName | Class::LastName | Class::Username | Class::Model | Class::Contact => return None,
    })
}
