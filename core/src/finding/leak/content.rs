//! Takes what is said in the clear apart and looks for personal data in it.

use super::contacts::{Crowd, People};
use super::decode;
use super::device::{Class, Device};
use super::form;
use super::json::{self, Token, Tokens};
use super::key::Key;
use super::known::Hit;
use super::location::{self, Pair, Position};
use super::multipart;
use super::secret::{self, Sort};
use super::trail::{Step, Trail};
use super::{advertising_id, digits, email, explanations, hardware, iban, login, mask, payment_card, phone, xml};
use crate::finding::{Detector, Explanation, Finding, Scene, Severity, Tier};
use crate::flow::Direction;
use crate::limits;
use crate::protocol::{Fact, Field, Role, Value};

/// Reports personal data that goes to a server in the clear.
#[derive(Debug)]
pub struct Content;

pub static DETECTOR: Content = Content;

impl Detector for Content {
    fn name(&self) -> &'static str {
        "content"
    }

    fn explains(&self) -> &'static [Explanation] {
        explanations::ALL
    }

    fn wants(&self, field: &Field) -> bool {
        field.role == Role::Content
    }

    fn inspect(&self, scene: &Scene<'_>, fact: &Fact<'_>, out: &mut dyn FnMut(Finding)) {
        if fact.direction != Direction::ToServer {
            return;
        }
        let mut search = Search::new(fact.field.name, &scene.rules.device);
        let field = Trail::new(fact.field.name);
        match fact.value {
            Value::Number(_) => return,
            Value::Pair(name, value) => search.header(name, capped(value), &field),
            Value::Bytes(_) | Value::Text(_) if fact.field.name.ends_with(".bearer") => {
                search.bearer(fact.value.bytes(), &field);
            }
            Value::Bytes(_) | Value::Text(_) => search.document(capped(fact.value.bytes()), &field),
        }
        search.finish().into_iter().for_each(out);
    }
}

fn capped(value: &[u8]) -> &[u8] {
    value.get(..limits::SEARCHED_BYTES).unwrap_or(value)
}

/// Protocols whose every message names its sender and its receivers: there an address is no leak, unless it is the phone's own.
static ADDRESSED: &[&str] = &["smtp.", "imap.", "pop3.", "nntp.", "sip.", "xmpp.", "irc.", "sdp.", "ldap.", "ftp.", "whois.", "git."];

/// The search through one fact.
struct Search<'a> {
    device: &'a Device,
    /// Addresses of strangers are findings.
    addresses_count: bool,
    found: Vec<Finding>,
    /// The device's values that were reported, and by which hash.
    reported: Vec<(usize, Option<&'static str>)>,
    people: People,
    names: Names,
    /// Leaves looked at so far.
    leaf: usize,
    /// Decoded bytes and decoded texts that may still be made.
    bytes_left: usize,
    texts_left: usize,
}

/// Where the first and the last name were last seen; both together are a name.
#[derive(Debug, Default)]
struct Names {
    first: Option<(usize, usize)>,
    last: Option<(usize, usize)>,
}

/// What is known of a value besides itself.
#[derive(Clone, Copy)]
struct Leaf<'l> {
    key: Key,
    value: &'l [u8],
    trail: &'l Trail<'l>,
    /// The value is all that its key or element holds, not a piece of free text.
    whole: bool,
}

impl<'a> Search<'a> {
    fn new(field: &'static str, device: &'a Device) -> Self {
        Self {
            device,
            addresses_count: !ADDRESSED.iter().any(|protocol| field.starts_with(protocol)),
            found: Vec::new(),
            reported: Vec::new(),
            people: People::default(),
            names: Names::default(),
            leaf: 0,
            bytes_left: limits::DECODED_BYTES,
            texts_left: limits::DECODED_TEXTS,
        }
    }

    /// Many people in one message are an address book; then nobody of them is reported alone.
    fn finish(mut self) -> Vec<Finding> {
        let Some(crowd) = self.people.crowd().filter(|crowd| self.addresses_count || *crowd != Crowd::Others) else {
            return self.found;
        };
        let (tier, shown) = match crowd {
            Crowd::Own(count) => (Tier::Exact, format!("{count} of your contacts")),
            Crowd::Others => (Tier::Validated, "five people or more".to_owned()),
        };
        let is_person = |finding: &Finding| finding.tier > Tier::Exact && matches!(finding.id, "leak.email" | "leak.phone");
        let place = self.found.iter().find(|finding| is_person(finding)).map(|finding| finding.place.clone());
        self.found.retain(|finding| !is_person(finding));
        self.found.push(Finding {
            id: "leak.contacts",
            kind: None,
            tier,
            severity: Severity::High,
            place: place.unwrap_or_else(|| self.people.place().to_owned()),
            encoding: Vec::new(),
            shown,
            rule: None,
        });
        self.found
    }

    // --- documents -------------------------------------------------------------------------------------------------

    fn header(&mut self, name: &[u8], value: &[u8], field: &Trail<'_>) {
        if name.eq_ignore_ascii_case(b"cookie") {
            let mut pair = Pair::default();
            for (name, value) in form::cookies(value) {
                let trail = field.then(Step::Key("cookie", name));
                if login::is_session(&Key::new(name), value) {
                    self.report("leak.session-cookie", Tier::Plausible, Severity::Low, &trail, mask::head(value));
                }
                self.parameter(name, value, &trail, &mut pair, false);
            }
            return;
        }
        let trail = field.then(Step::Key("", name));
        if name.eq_ignore_ascii_case(b"authorization") || name.eq_ignore_ascii_case(b"proxy-authorization") {
            // The credentials of other schemes are the login's to report.
            let (scheme, token) = value.split_at_checked(7).unwrap_or((value, &[]));
            if scheme.eq_ignore_ascii_case(b"bearer ") {
                self.bearer(token, &trail);
            }
            return;
        }
        if form::is_target(value) {
            self.document(value, &trail);
        } else {
            self.value(name, value, &trail, &mut Pair::default());
        }
    }

    fn bearer(&mut self, token: &[u8], trail: &Trail<'_>) {
        let token = token.trim_ascii();
        self.hits(token, trail);
        let before = self.found.len();
        self.secrets(token, trail);
        if self.found.len() == before && token.len() >= 8 {
            self.report("leak.bearer-token", Tier::Validated, Severity::High, trail, mask::head(token));
        }
    }

    /// A whole body, or what an encoded value turned out to be.
    fn document(&mut self, data: &[u8], trail: &Trail<'_>) {
        if trail.depth() > limits::TRAIL_STEPS {
            return;
        }
        if self.packed(data, trail) {
            return;
        }
        if json::is_json(data) {
            self.json(data, trail);
        } else if xml::is_xml(data) {
            self.xml(data, trail);
        } else if let Some(boundary) = multipart::boundary(data) {
            self.multipart(data, boundary, trail);
        } else if form::is_target(data) {
            self.target(data, trail);
        } else if form::is_form(data) {
            self.form(data, trail);
        } else {
            self.text(data, trail);
        }
    }

    /// Compressed data and UTF-16, which nothing can be seen in before they are undone.
    fn packed(&mut self, data: &[u8], trail: &Trail<'_>) -> bool {
        let unpacked = decode::inflate(data, self.bytes_left).or_else(|| Some(("utf-16", decode::utf16(data)?)));
        let Some((name, text)) = unpacked.filter(|_| self.texts_left > 0) else { return false };
        self.decoded(name, &text, trail);
        true
    }

    fn decoded(&mut self, name: &'static str, data: &[u8], trail: &Trail<'_>) {
        if trail.layers() >= limits::DECODE_LAYERS || self.texts_left == 0 || data.len() > self.bytes_left {
            return;
        }
        self.texts_left -= 1;
        self.bytes_left -= data.len();
        self.document(data, &trail.then(Step::Decoded(name)));
    }

    fn target(&mut self, target: &[u8], trail: &Trail<'_>) {
        let end = memchr::memchr2(b'?', b'#', target).unwrap_or(target.len());
        let (path, query) = target.split_at_checked(end).unwrap_or((target, &[]));
        let path_trail = trail.then(Step::Key("path", b""));
        let decoded = decode::percent(path, false);
        let path = decoded.as_deref().unwrap_or(path);
        self.free(path, &path_trail);
        for segment in path.split(|byte| *byte == b'/').filter(|segment| segment.len() >= 16) {
            self.undo(&Key::new(b""), segment, &path_trail);
        }
        for part in query.split(|byte| matches!(byte, b'?' | b'#')) {
            self.form(part, trail);
        }
    }

    fn form(&mut self, text: &[u8], trail: &Trail<'_>) {
        let mut pair = Pair::default();
        for (name, value) in form::pairs(text) {
            self.parameter(name, value, &trail.then(Step::Key("", name)), &mut pair, true);
        }
    }

    /// A value that may be percent-encoded, as all are that stand in a URL, a form or a cookie.
    fn parameter(&mut self, name: &[u8], value: &[u8], trail: &Trail<'_>, pair: &mut Pair, plus: bool) {
        let name_decoded = decode::percent(name, plus);
        let name = name_decoded.as_deref().unwrap_or(name);
        self.hits(name, trail);
        match decode::percent(value, plus) {
            Some(plain) => {
                let undone = trail.then(Step::Decoded("percent"));
                let trail = if memchr::memchr(b'%', value).is_some() { &undone } else { trail };
                self.value(name, &plain, trail, pair);
                // A plus may also be meant: in numbers and in addresses it often is.
                if plus && memchr::memchr2(b'@', b'%', value).is_some() && memchr::memchr(b'+', value).is_some() {
                    let exact = decode::percent(value, false);
                    self.hits(exact.as_deref().unwrap_or(value), trail);
                }
            }
            None => self.value(name, value, trail, pair),
        }
    }

    fn multipart(&mut self, body: &[u8], boundary: &[u8], trail: &Trail<'_>) {
        let mut pair = Pair::default();
        for part in multipart::parts(body, boundary) {
            self.value(part.name, part.content, &trail.then(Step::Key("part", part.name)), &mut pair);
        }
    }

    fn xml(&mut self, text: &[u8], trail: &Trail<'_>) {
        let mut pair = Pair::default();
        xml::leaves(text, |name, value| {
            self.value(name, value, &trail.then(Step::Key("xml", name)), &mut pair);
        });
    }

    fn json(&mut self, text: &[u8], trail: &Trail<'_>) {
        // The objects and arrays around the current value: their keys, and the coordinates seen among their members.
        let mut keys: Vec<&[u8]> = vec![b""];
        let mut pairs = vec![Pair::default()];
        let mut objects = vec![false];
        let mut expects_key = false;
        let mut hidden = 0usize;
        for token in Tokens::new(text) {
            let is_object = objects.last().copied().unwrap_or_default();
            match token {
                Token::OpenObject | Token::OpenArray if keys.len() >= limits::JSON_DEPTH => hidden += 1,
                Token::OpenObject | Token::OpenArray => {
                    keys.push(b"");
                    pairs.push(Pair::default());
                    objects.push(token == Token::OpenObject);
                    expects_key = token == Token::OpenObject;
                }
                Token::Close if hidden > 0 => hidden -= 1,
                Token::Close => {
                    if keys.len() > 1 {
                        keys.pop();
                        pairs.pop();
                        objects.pop();
                    }
                    expects_key = false;
                }
                Token::Comma => expects_key = is_object,
                Token::Colon => expects_key = false,
                Token::String(key) if expects_key && is_object => {
                    if key.len() >= 6 {
                        self.hits(key, &trail.then(Step::Json(keys.get(..keys.len() - 1).unwrap_or_default())));
                    }
                    if let Some(slot) = keys.last_mut() {
                        *slot = key;
                    }
                }
                Token::String(value) | Token::Scalar(value) => {
                    let plain = matches!(token, Token::String(_)).then(|| decode::json_string(value)).flatten();
                    let value = plain.as_deref().unwrap_or(value);
                    // An array's elements go by the key that the array has.
                    let name = keys.iter().rev().find(|key| !key.is_empty()).copied().unwrap_or_default();
                    let mut pair = pairs.pop().unwrap_or_default();
                    self.value(name, value, &trail.then(Step::Json(&keys)), &mut pair);
                    pairs.push(pair);
                }
                Token::Garbage(rest) => self.text(rest, trail),
            }
        }
    }

    /// Text of no known structure, or bytes.
    fn text(&mut self, text: &[u8], trail: &Trail<'_>) {
        self.free(text, trail);
        if !decode::is_text(text) {
            return;
        }
        let mut pair = Pair::default();
        for (name, value) in form::words(text) {
            let key = Key::new(name);
            if name.is_empty() {
                self.undo(&key, value, trail);
                continue;
            }
            let trail = trail.then(Step::Key("", name));
            self.keyed(&Leaf { key, value, trail: &trail, whole: false }, &[]);
            self.position(&key, value, &trail, &mut pair);
            self.undo(&key, value, &trail);
        }
    }

    // --- leaves ----------------------------------------------------------------------------------------------------

    /// A value with a name: what it is, and what may be hidden in it.
    fn value(&mut self, name: &[u8], value: &[u8], trail: &Trail<'_>, pair: &mut Pair) {
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
        self.undo(&key, value, trail);
    }

    /// Text that is no leaf of anything: the phone's own values, secrets, and what a word beside it explains.
    fn free(&mut self, text: &[u8], trail: &Trail<'_>) {
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
    fn hits(&mut self, text: &[u8], trail: &Trail<'_>) -> Vec<Hit> {
        let hits = self.device.known.hits(text);
        for hit in &hits {
            let Some(value) = self.device.values.get(hit.value) else { continue };
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

    fn own(&mut self, hit: &Hit, class: Class, value: &[u8], trail: &Trail<'_>) {
        let hash = hit.encoding.iter().copied().find(|encoding| matches!(*encoding, "md5" | "sha1" | "sha256"));
        let Some((id, severity)) = meaning(class) else { return };
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
        self.push(Finding { id, kind: None, tier: Tier::Exact, severity, place: trail.place(), encoding, shown, rule: None });
    }

    /// First and last name within forty bytes, or in neighbouring leaves.
    fn first_and_last_name(&mut self, trail: &Trail<'_>) {
        let (Some((first_leaf, first)), Some((last_leaf, last))) = (self.names.first, self.names.last) else { return };
        let together = if first_leaf == last_leaf { first.abs_diff(last) <= 40 } else { first_leaf.abs_diff(last_leaf) <= 2 };
        let is_known = self.found.iter().any(|finding| finding.id == "leak.name");
        if together && first != last && !is_known || together && first_leaf != last_leaf && !is_known {
            let of = |class| self.device.values.iter().find(|value| value.class == class).map(|value| value.text.as_str());
            let name = [of(Class::FirstName), of(Class::LastName)].map(Option::unwrap_or_default).join(" ");
            self.report("leak.name", Tier::Exact, Severity::Medium, trail, mask::name(name.as_bytes()));
        }
    }

    fn position(&mut self, key: &Key, value: &[u8], trail: &Trail<'_>, pair: &mut Pair) {
        let own = &self.device.positions;
        let position = pair.see(key, value, own).or_else(|| location::in_text(key, value, own));
        if let Some(position) = position {
            self.located(&position, trail);
        } else if let Some((latitude, longitude)) = location::own_geohash(key, value, own) {
            let shown = mask::position(latitude, longitude);
            self.report("leak.location", Tier::Exact, Severity::High, trail, shown);
        }
    }

    fn located(&mut self, position: &Position, trail: &Trail<'_>) {
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
    fn keyed(&mut self, leaf: &Leaf<'_>, hits: &[Hit]) {
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
        if advertising_id::is_uuid(value) && key.has(advertising_id::KEYS) {
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
            } else if key.ends_with(hardware::MAC_KEYS) {
                self.report("leak.mac", Tier::Validated, severity, trail, mask::head(value));
            }
        }
        if key.ends_with(phone::KEYS)
            && self.addresses_count
            && phone::international(value).is_some()
        {
            self.report("leak.phone", Tier::Validated, Severity::Medium, trail, mask::head(value));
        }
    }

    fn is_reported_class(&self, hit: &Hit) -> bool {
        self.device.values.get(hit.value).is_some_and(|value| meaning(value.class).is_some())
    }

    fn address(&mut self, leaf: &Leaf<'_>) {
        static KEYS: &[&str] = &["email", "mail", "emailaddress", "user", "username", "login", "account", "recipient", "from", "to"];
        let explained = leaf.whole || leaf.key.has(KEYS);
        let value = leaf.value.strip_prefix(b"mailto:").unwrap_or(leaf.value);
        if self.addresses_count && explained && memchr::memchr(b'@', value).is_some() && email::is_personal(value) {
            self.report("leak.email", Tier::Validated, Severity::Medium, leaf.trail, mask::email(value));
        }
    }

    /// Identifiers made of digits, each with the word that explains it in the key or just before it.
    fn numbers(&mut self, leaf: &Leaf<'_>, hits: &[Hit]) {
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
            let explained = |words: &[&str], distance: usize| key.has(words) || is_beside(value, run.start, run.end, words, distance);
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

    fn secrets(&mut self, text: &[u8], trail: &Trail<'_>) {
        for secret in secret::secrets(text) {
            let shown = mask::head(secret.text);
            match secret.sort {
                Sort::ApiKey(kind) => {
                    let encoding = trail.encodings();
                    let (tier, severity) = (Tier::Validated, Severity::High);
                    let place = trail.place();
                    self.push(Finding { id: "leak.api-key", kind: Some(kind), tier, severity, place, encoding, shown, rule: None });
                }
                Sort::Jwt => self.report("leak.jwt", Tier::Validated, Severity::High, trail, shown),
                Sort::PrivateKey => {
                    self.report("leak.private-key", Tier::Exact, Severity::Critical, trail, "a private key".to_owned());
                }
            }
        }
    }

    /// Counts the people in a value; many of them are an address book.
    fn crowd(&mut self, key: &Key, text: &[u8], trail: &Trail<'_>) {
        if memchr::memchr2(b'@', b'+', text).is_none() {
            return;
        }
        if let Some(digits) = phone::international(text)
            && (text.starts_with(b"+") || key.ends_with(phone::KEYS))
        {
            self.people.phone(&digits, trail);
        }
        for (_, address) in email::addresses(text).take(64) {
            self.people.email(address, trail);
        }
        if text.len() > 24 {
            for word in text.split(|byte| b"\r\n,;:\t\"".contains(byte)).filter(|word| word.starts_with(b"+")) {
                if let Some(digits) = phone::international(word) {
                    self.people.phone(&digits, trail);
                }
            }
        }
    }

    /// Looks for what is hidden in a value: another document, or an encoding of one.
    fn undo(&mut self, _: &Key, value: &[u8], trail: &Trail<'_>) {
        if value.len() < 6 || trail.depth() > limits::TRAIL_STEPS {
            return;
        }
        if self.packed(value, trail) {
            return;
        }
        let is_document = match value.first() {
            Some(b'{' | b'[') => json::is_json(value),
            Some(b'<') => xml::is_xml(value),
            Some(_) => form::is_target(value) && memchr::memchr(b'?', value).is_some() || value.contains(&b'&') && form::is_form(value),
            None => false,
        };
        if is_document {
            self.document(value, &trail.then(Step::Key("", b"")));
            return;
        }
        if let Some(plain) = decode::percent(value, false) {
            self.decoded("percent", &plain, trail);
            return;
        }
        if value.len() < 16 {
            return;
        }
        for (name, decode) in LADDER {
            if let Some(plain) = decode(value).filter(|plain| is_worthwhile(plain)) {
                self.decoded(name, &plain, trail);
                return;
            }
        }
    }

    fn report(&mut self, id: &'static str, tier: Tier, severity: Severity, trail: &Trail<'_>, shown: String) {
        let finding = Finding { id, kind: None, tier, severity, place: trail.place(), encoding: trail.encodings(), shown, rule: None };
        self.push(finding);
    }

    /// Keeps one finding per kind and value; the surer one of two.
    fn push(&mut self, finding: Finding) {
        let known = self.found.iter().any(|old| {
            old.id == finding.id && old.kind == finding.kind && old.shown == finding.shown
                && (old.encoding == finding.encoding || old.tier < finding.tier)
        });
        if !known && self.found.len() < limits::FLOW_FINDINGS {
            self.found.push(finding);
        }
    }
}

type Undo = fn(&[u8]) -> Option<Vec<u8>>;

/// Hexadecimal first: its digits are all letters of base64.
static LADDER: [(&str, Undo); 2] = [("hex", decode::hex), ("base64", decode::base64)];

/// Whether decoded bytes are anything: text, or compressed data.
fn is_worthwhile(plain: &[u8]) -> bool {
    decode::is_text(plain) || matches!(plain, [0x1f, 0x8b, 8, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
}

/// Whether a hit is part of an e-mail address: a name in there is the address's.
fn is_in_address(text: &[u8], hit: &Hit) -> bool {
    let part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"._-+".contains(byte);
    let behind = text.get(hit.end..).unwrap_or_default();
    let before = text.get(..hit.start).unwrap_or_default();
    let after = behind.iter().take(64).take_while(part).count();
    let ahead = before.iter().rev().take(64).take_while(part).count();
    behind.get(after) == Some(&b'@') || before.len().checked_sub(ahead + 1).and_then(|at| before.get(at)) == Some(&b'@')
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
