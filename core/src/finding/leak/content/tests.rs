use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use md5::{Digest, Md5};
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use sha1::Sha1;
use sha2::Sha256;

use super::{Content, DETECTOR, Detector};
use crate::finding::leak::device::Device;
use crate::finding::testing::inspect_for;
use crate::finding::{Finding, Tier};
use crate::protocol::{Field, Role, Value};
use crate::rules::RuleSet;

static QUERY: Field = Field::new("http.request.query", Role::Content);
static HEADER: Field = Field::new("http.request.header", Role::Content);
static BODY: Field = Field::new("http.request.body", Role::Content);
static BEARER: Field = Field::new("http.bearer", Role::Content);
static MAIL: Field = Field::new("smtp.content", Role::Content);
static QUESTION: Field = Field::new("dns.question.content", Role::Content);

const DEVICE: &str = r#"{
    "android_id": "b3f1c05d7e92a846", "gaid": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "imei": "490154203237518",
    "imsi": "310150123456789", "iccid": "8991101200003204510", "serial": "HT85G1A01234", "mac": "a4:77:33:1c:9e:05",
    "ssid": "Lindenhof-5G", "bssid": "f4:f2:6d:0a:1b:2c", "email": "ines.okafor@mail-haus.example.com", "phone": "+447700900123",
    "first_name": "Ines", "last_name": "Okafor", "latitude": 48.208493, "longitude": 16.373118, "password": "c0rrect-h0rse",
    "username": "ineso", "card": "5425233430109903", "iban": "GB29NWBK60161331926819", "model": "Pixel 7",
    "contacts": [{"name": "Ada Quist", "phone": "+4790000001", "email": "ada@quist.example"},
                 {"name": "Bo Ek", "phone": "+46700000002"}, {"name": "Cy Moe", "email": "cy@moe.example"}]
}"#;

/// Every value that is an identifier by itself, and the finding that it is.
const VALUES: [(&str, &str); 15] = [
    ("leak.android-id", "b3f1c05d7e92a846"),
    ("leak.advertising-id", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    ("leak.imei", "490154203237518"),
    ("leak.imsi", "310150123456789"),
    ("leak.iccid", "8991101200003204510"),
    ("leak.serial", "HT85G1A01234"),
    ("leak.mac", "a4:77:33:1c:9e:05"),
    ("leak.bssid", "f4:f2:6d:0a:1b:2c"),
    ("leak.email", "ines.okafor@mail-haus.example.com"),
    ("leak.phone", "+447700900123"),
    ("leak.password", "c0rrect-h0rse"),
    ("leak.payment-card", "5425233430109903"),
    ("leak.iban", "GB29NWBK60161331926819"),
    ("leak.ssid", "Lindenhof-5G"),
    ("leak.name", "Ines Okafor"),
];

static RULES: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet { device: Device::parse(DEVICE).unwrap(), ..RuleSet::default() });

fn known(field: &'static Field, value: Value<'_>) -> Vec<Finding> {
    inspect_for(&Content, None, &RULES, field, value)
}

/// What is found without knowing the phone.
fn stranger(field: &'static Field, value: Value<'_>) -> Vec<Finding> {
    inspect_for(&Content, None, &RuleSet::default(), field, value)
}

fn ids(found: &[Finding]) -> Vec<&'static str> {
    found.iter().map(|finding| finding.id).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An encoding and its steps as a finding lists them.
type Encode = (&'static [&'static str], fn(&str) -> String);

static ENCODINGS: &[Encode] = &[
    (&[], str::to_owned),
    (&["percent"], percent),
    (&["hex"], |text| hex(text.as_bytes())),
    (&["hex"], |text| hex(text.as_bytes()).to_uppercase()),
    (&["base64"], |text| STANDARD.encode(text)),
    (&["base64"], |text| URL_SAFE_NO_PAD.encode(text)),
    (&["md5"], |text| hex(&Md5::digest(text))),
    (&["sha1"], |text| hex(&Sha1::digest(text))),
    (&["sha256"], |text| hex(&Sha256::digest(text)).to_uppercase()),
    (&["base64", "sha256"], |text| STANDARD.encode(Sha256::digest(text))),
    (&["base64", "base64"], |text| STANDARD.encode(STANDARD.encode(format!("{{\"id\":\"{text}\"}}")))),
];

/// Where values travel: a query, a form, JSON, XML, a cookie, a header, a path, a part, a line of a log.
static CARRIERS: &[(&Field, &str)] = &[
    (&QUERY, "/track?ev=open&v={}&x=1"),
    (&QUERY, "/users/{}/profile.png"),
    (&BODY, "action=submit&v={}&lang=en"),
    (&BODY, "{\"event\": \"open\", \"user\": {\"v\": [\"{}\"]}, \"os\": 13}"),
    (&BODY, "<r><v a='1'>{}</v></r>"),
    (&BODY, "--b\r\nContent-Disposition: form-data; name=\"v\"; filename=\"f\"\r\n\r\n{}\r\n--b--\r\n"),
    (&BODY, "<13>1 vm app: user login v={} ok"),
    (&BODY, "sent {} to you"),
    (&HEADER, "Cookie: sid=s_81; v={}; theme=dark"),
    (&HEADER, "X-V: {}"),
];

fn carried(field: &'static Field, text: &str) -> Vec<Finding> {
    let value = match text.split_once(": ").filter(|_| field == &HEADER) {
        Some((name, value)) => Value::Pair(name.as_bytes(), value.as_bytes()),
        None => Value::Bytes(text.as_bytes()),
    };
    known(field, value)
}

#[test]
fn every_value_is_found_in_every_encoding_and_carrier() {
    for (id, value) in VALUES {
        for (steps, encode) in ENCODINGS {
            for (field, carrier) in CARRIERS {
                let text = carrier.replace("{}", &encode(value));
                let found = carried(field, &text);
                let hit = found.iter().find(|finding| finding.id == id);
                let hit = hit.unwrap_or_else(|| panic!("{id} is not found in {text}: {found:?}"));
                assert_eq!(hit.tier, Tier::Exact, "{text}");
                let hash =
                    |steps: &[&str]| steps.iter().any(|step| step.starts_with("sha") || *step == "md5");
                assert_eq!(hash(&hit.encoding), hash(steps), "{text}: {:?}", hit.encoding);
                assert!(found.iter().all(|finding| is_discreet(finding, value)), "{found:?} shows {value}");
            }
        }
    }
}

/// A finding never holds more than a third of a value in one piece.
fn is_discreet(finding: &Finding, value: &str) -> bool {
    let most = value.len().div_ceil(3).max(5);
    let pieces = value.as_bytes().windows(most + 1);
    pieces.into_iter().all(|piece| {
        let piece = String::from_utf8_lossy(piece);
        !finding.shown.contains(&*piece) && !finding.place.contains(&*piece)
    })
}

#[test]
fn a_finding_says_where_and_how() {
    let json = r#"{"user": {"mail": "aW5lcy5va2Fmb3JAbWFpbC1oYXVzLmV4YW1wbGUuY29t"}}"#;
    let found = known(&BODY, Value::Bytes(json.as_bytes()));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].place, "http.request.body: json /user/mail");
    assert_eq!(
        (found[0].encoding.as_slice(), found[0].shown.as_str()),
        (["base64"].as_slice(), "i•••@m•••.com")
    );
    let cookie = known(&HEADER, Value::Pair(b"Cookie", b"a=1; uid=490154203237518"));
    assert_eq!(cookie[0].place, "http.request.header: cookie uid");
    assert_eq!(cookie[0].shown, "4901•••");
}

#[test]
fn documents_inside_documents_are_opened() {
    let json = r#"{"imei": "490154203237518"}"#;
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    gzip.extend(miniz_oxide::deflate::compress_to_vec(json.as_bytes(), 6));
    let found =
        known(&BODY, Value::Bytes(format!("data={}&x=1", percent(&STANDARD.encode(&gzip))).as_bytes()));
    assert_eq!(ids(&found), ["leak.imei"]);
    assert_eq!(found[0].encoding, ["percent", "base64", "gzip"]);
    assert_eq!(found[0].place, "http.request.body: data json /imei");
    let utf16: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(ids(&known(&BODY, Value::Bytes(&utf16))), ["leak.imei"]);
    let escaped = br#"{"x": "{\"mail\": \"ines.okafor\u0040mail-haus.example.com\"}"}"#;
    assert_eq!(ids(&known(&BODY, Value::Bytes(escaped))), ["leak.email"]);
}

#[test]
fn values_in_binary_formats_are_found() {
    // Protocol buffers: field 5, fifteen bytes; the next field's tag is the digit 2.
    let protobuf = b"\x08\x01\x2a\x0f490154203237518\x32\x01x";
    assert_eq!(ids(&known(&BODY, Value::Bytes(protobuf))), ["leak.imei"]);
    // MessagePack: a map whose keys and values touch.
    let packed = b"\x82\xa6serial\xacHT85G1A01234\xa1x\x01";
    assert_eq!(ids(&known(&BODY, Value::Bytes(packed))), ["leak.serial"]);
}

#[test]
fn labels_of_a_name_are_opened() {
    let asked = |name: &str| ids(&known(&QUESTION, Value::Bytes(name.as_bytes())));
    assert_eq!(asked("b3f1c05d7e92a846.t.example.net"), ["leak.android-id"]);
    assert_eq!(asked(&format!("{}.t.example.net", hex(b"490154203237518"))), ["leak.imei"]);
    assert_eq!(asked("gq4tamjvgqzdamzsgm3tkmjy.t.example.net"), ["leak.imei"]);
    assert!(asked("www.example.net").is_empty());
}

#[test]
fn a_name_is_its_two_parts_together() {
    let found = |body: &str| ids(&known(&BODY, Value::Bytes(body.as_bytes())));
    assert_eq!(found("first=Ines&last=Okafor"), ["leak.name"]);
    assert_eq!(found(r#"{"n": {"given": "Ines", "family": "OKAFOR"}}"#), ["leak.name"]);
    assert_eq!(found("name=Okafor%2C+Ines"), ["leak.name"]);
    assert!(found("first=Ines").is_empty() && found("x=Inessa&y=Okaforsson").is_empty());
    assert_eq!(found("m=ines.okafor%40mail-haus.example.com"), ["leak.email"], "the name is the address's");
}

#[test]
fn the_phones_own_position_needs_no_name() {
    let found = |body: &str| known(&BODY, Value::Bytes(body.as_bytes()));
    for body in [
        r#"{"v": "48.208493,16.373118"}"#,
        r#"{"a": 48.2085, "b": 16.3731}"#,
        "x=16.37312&y=48.20849",
        "at 48.20849 16.37311",
        r#"{"geometry": {"coordinates": [16.373118, 48.208493]}}"#,
        r#"{"latitudeE7": 482084930, "longitudeE7": 163731180}"#,
        "h=u2edk80q",
    ] {
        let found = found(body);
        assert_eq!(ids(&found), ["leak.location"], "{body}");
        assert_eq!((found[0].tier, found[0].shown.as_str()), (Tier::Exact, "48.2•••, 16.3•••"), "{body}");
    }
    assert!(found("w=48.2&h=16.4").is_empty() && found("v=48.208493").is_empty());
}

#[test]
fn three_contacts_are_an_address_book() {
    let book = br#"[{"n": "Ada Quist", "p": "+4790000001"}, {"n": "Bo Ek"}, {"e": "cy@moe.example"}]"#;
    let found = known(&BODY, Value::Bytes(book));
    assert_eq!(ids(&found), ["leak.contacts"]);
    assert_eq!((found[0].tier, found[0].shown.as_str()), (Tier::Exact, "3 of your contacts"));
    let strangers: String = (10..16).map(|n| format!("{{\"phone\": \"+4366412345{n}\"}},")).collect();
    let found = stranger(&BODY, Value::Bytes(format!("[{strangers}]").as_bytes()));
    assert_eq!((ids(&found), found[0].tier), (vec!["leak.contacts"], Tier::Validated));
}

#[test]
fn personal_data_of_strangers_is_found_by_its_form() {
    let found = |text: &str| ids(&stranger(&BODY, Value::Bytes(text.as_bytes())));
    assert_eq!(found("user=jo%40example.org"), ["leak.email"]);
    assert_eq!(found(r#"{"device_imei": "356938035643809"}"#), ["leak.imei"]);
    assert_eq!(found("u=am9AZXhhbXBsZS5vcmc%3D"), ["leak.email"]);
    assert_eq!(found("imei=MzU2OTM4MDM1NjQzODA5"), ["leak.imei"]);
    assert_eq!(found("my imei is 35-693803-564380-9"), ["leak.imei"]);
    assert_eq!(found("idfa=38400000-8cf0-11bd-b23e-10b96e40000d"), ["leak.advertising-id"]);
    assert_eq!(found("card_number=5425+2334+3010+9903"), ["leak.payment-card"]);
    assert_eq!(found(r#"{"lat": 52.516275, "acc": 4, "lng": 13.377704}"#), ["leak.location"]);
    assert_eq!(found("ll=52.516275%2C13.377704"), ["leak.location"]);
    assert_eq!(
        found("imsi=262019876543210&simSerialNumber=89490200000123456787"),
        ["leak.imsi", "leak.iccid"]
    );
    assert_eq!(found("iban=DE89+3704+0044+0532+0130+00"), ["leak.iban"]);
    assert_eq!(
        found(r#"{"wifi": {"bssid": "c8:0e:14:5b:9d:02", "mac": "00:9f:c2:7a:31:e4"}}"#),
        ["leak.bssid", "leak.mac"]
    );
    assert_eq!(found("android_id=a1b2c3d4e5f60718"), ["leak.android-id"]);
    assert_eq!(found("phone=%2B4915112345678"), ["leak.phone"]);
    assert_eq!(found("user=u&pass=Tr0ub4dor%263x"), ["leak.password"]);
    assert_eq!(found("token=ghp_gzvb4CtFJllSovZ3bAAakIiaz9kIElxwZEiu"), ["leak.api-key"]);
}

#[test]
fn tokens_in_headers() {
    let header =
        |name: &str, value: &str| ids(&stranger(&HEADER, Value::Pair(name.as_bytes(), value.as_bytes())));
    assert_eq!(header("Authorization", "Bearer JmgBIO5nDvcDR9XyvI8dXPWSK1UwrUB2"), ["leak.bearer-token"]);
    assert_eq!(
        header(
            "authorization",
            "bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAibWFydGEuayJ9.rhTdFBol2v2MI54MtSsf"
        ),
        ["leak.jwt"]
    );
    assert_eq!(
        ids(&stranger(&BEARER, Value::Bytes(b"JmgBIO5nDvcDR9XyvI8dXPWSK1UwrUB2"))),
        ["leak.bearer-token"]
    );
    assert!(header("Authorization", "Basic bWFydGEuazpUcjB1YjRkb3ImM3g=").is_empty());
    assert_eq!(header("Cookie", "PHPSESSID=9f3k2lq8v7t1m5n0a6b4c2d8e1"), ["leak.session-cookie"]);
}

#[test]
fn ordinary_traffic_gives_nothing_away() {
    let image = STANDARD
        .encode([0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 1, 0, 0, 0]);
    for text in [
        r#"{"order": "4929004387615421", "ref": "358240051111119", "batch": [213956242772, 134184453495]}"#,
        r##"{"fg": "#1a2b3c", "accents": ["#872a19", "#4b9c1f"]}"##,
        r#"{"code": "DE88370400440532013000", "sku": "AT483200000012345864X"}"#,
        r#"{"deps": ["@scope/pkg@1.2.3", "lodash@4.17.21", "img@2x.png", "@angular/core@16.0.0"]}"#,
        r#"{"pin": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"}"#,
        r#"{"events": [{"t": 1718031234567, "d": 0}, {"t": 1718031235580, "d": 17}], "usec": 1718031234567000}"#,
        r#"{"request_id": "8a3e00a4-7223-5a9c-b05b-200fdd307b78", "ad_id": "8a3e00a4-7223-5a9c-b05b-200fdd307b78"}"#,
        r#"{"position": [12.5312, 45.2231], "scale": [1.0001, 2.25], "card": "hearts", "long": 12.34567}"#,
        r#"{"price": 1234.5678, "tel": "ext. 12", "email": "", "password": "", "show_password": true, "mail": "n/a"}"#,
        "body{background:url(a@2x.png);margin:0 auto}.b{color:#fff}@media(max-width:600px){a:b}",
        "/v1/data?w=52.5&h=13.4&ratio=1.777778&dpr=2.625&app=10.2.3.4&sdk=4.15.0.1",
        "/static/8a3e00a4-7223-5a9c-b05b-200fdd307b78/app.34c6fceca75e456f25e7.css",
        "/tiles/15/17602/10749@2x.png",
        "contact=support%40example.org&from=noreply%40example.com",
        "gaid=00000000-0000-0000-0000-000000000000&mac=02:00:00:00:00:00",
        "card=4111111111111111&card_id=1234567890123456",
        "key=AKIAIOSFODNN7EXAMPLE",
        &format!("{{\"image\": \"data:image/png;base64,{image}\", \"raw\": \"{image}\"}}"),
    ] {
        let found =
            stranger(if text.starts_with('/') { &QUERY } else { &BODY }, Value::Bytes(text.as_bytes()));
        assert!(found.is_empty(), "{text}: {found:?}");
        let found = known(&BODY, Value::Bytes(text.as_bytes()));
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn mail_names_its_sender_and_that_is_no_leak() {
    let mail = b"From: app@example.org\r\nTo: collect@example.net, b@example.net\r\n\r\nhello";
    assert!(stranger(&MAIL, Value::Bytes(mail)).is_empty());
    assert_eq!(
        ids(&known(&MAIL, Value::Bytes(b"To: x@example.org\r\n\r\ncall +44 7700 900123 or +447700900123"))),
        ["leak.phone"]
    );
}

#[test]
fn every_leak_is_explained() {
    for (id, _) in VALUES.iter().chain(&[
        ("leak.location", ""),
        ("leak.contacts", ""),
        ("leak.api-key", ""),
        ("leak.jwt", ""),
    ]) {
        assert!(crate::finding::explanation(id).is_some(), "{id}");
    }
    assert!(DETECTOR.wants(&BODY) && !DETECTOR.wants(&Field::meta("http.request.method", "")));
}

#[test]
fn bombs_and_deep_nesting_end() {
    let deep = "[".repeat(60_000);
    assert!(known(&BODY, Value::Bytes(deep.as_bytes())).is_empty());
    let mut nested = "x=490154203237518".to_owned();
    for _ in 0..40 {
        nested = format!("u={}", percent(&nested));
        nested.truncate(64_000);
    }
    known(&BODY, Value::Bytes(nested.as_bytes()));
    let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b'['; 1 << 22], 9);
    known(&BODY, Value::Bytes(&bomb));
    known(&BODY, Value::Bytes("u=".repeat(30_000).as_bytes()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_are_no_leak(data in prop::collection::vec(any::<u8>(), 0..2048)) {
        assert!(known(&BODY, Value::Bytes(&data)).is_empty());
        assert!(stranger(&HEADER, Value::Pair(&data, &data)).is_empty());
    }

    #[test]
    fn any_text_ends(text in "[\\[\\]{}\":,=&%+@.0-9a-fA-F\\\\/<>' -]{0,400}") {
        known(&BODY, Value::Bytes(text.as_bytes()));
        known(&QUERY, Value::Bytes(format!("/{text}").as_bytes()));
    }
}
