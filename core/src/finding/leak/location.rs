//! Positions. One number is nothing; two that belong together and are precise enough are where somebody is.
//! CATALOGUE L-10 and section 1.5.

use super::key::Key;

/// How far from the phone's own position a position may be and still be its own, in degrees: about a kilometre.
const NEAR: f64 = 0.01;
/// Decimals from which a position is precise: eleven metres.
const PRECISE: u8 = 4;
/// Decimals below which a position says no more than the part of a country.
const COARSE: u8 = 2;

static LATITUDE: &[&str] = &["lat", "latitude"];
static LONGITUDE: &[&str] = &["lon", "lng", "long", "longitude"];
/// Keys of two coordinates in a list. A game's positions and points are lists as well.
static LISTS: &[&str] =
    &["ll", "latlng", "latlon", "latlong", "location", "loc", "geo", "geolocation", "gps", "coordinates"];
/// Keys of two coordinates in one text.
static TEXTS: &[&str] = &[
    "ll",
    "latlng",
    "latlon",
    "latlong",
    "location",
    "loc",
    "geo",
    "geolocation",
    "gps",
    "coordinates",
    "coordinate",
    "coords",
    "coord",
    "position",
    "pos",
    "point",
    "cll",
];

/// A number that could be a coordinate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Degrees {
    value: f64,
    decimals: u8,
}

/// Two coordinates that belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Position {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    decimals: u8,
    /// Its parts stand under keys that name them.
    named: bool,
}

/// The coordinates seen so far among values that stand side by side.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pair {
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
    last: Option<Degrees>,
}

impl Pair {
    /// Takes the next value; a position if it completes one. Positions without names count only if they are `own`.
    pub(super) fn see(&mut self, key: &Key, value: &[u8], own: &[(f64, f64)]) -> Option<Position> {
        let Some(degrees) = degrees(key, value) else {
            self.last = None;
            return None;
        };
        let before = self.last.replace(degrees);
        if key.ends_with(LATITUDE) || is_scaled(key, LATITUDE) {
            self.latitude = Some(degrees);
        } else if key.ends_with(LONGITUDE) || is_scaled(key, LONGITUDE) {
            self.longitude = Some(degrees);
        }
        let named = self
            .latitude
            .zip(self.longitude)
            .and_then(|(latitude, longitude)| position(latitude, longitude, true));
        if named.is_some() {
            (self.latitude, self.longitude) = (None, None);
            return named;
        }
        let in_list = key.ends_with(LISTS);
        either_order(before?, degrees, own, in_list)
    }
}

impl Position {
    pub(super) fn is_own(&self, own: &[(f64, f64)]) -> bool {
        let exact_enough = self.decimals >= if self.named { COARSE } else { 3 };
        let near = |a: f64, b: f64| (a - b).abs() <= NEAR;
        exact_enough
            && own.iter().any(|(latitude, longitude)| {
                near(self.latitude, *latitude) && near(self.longitude, *longitude)
            })
    }

    /// Precise enough to tell the house; `None` if it does not even tell the town.
    pub(super) fn precision(&self) -> Option<bool> {
        (self.named && self.decimals >= COARSE).then_some(self.decimals >= PRECISE)
    }
}

/// Every position written as two numbers side by side: `52.516275,13.377704`. `named` says whether the key speaks of one.
pub(super) fn in_text(key: &Key, text: &[u8], own: &[(f64, f64)]) -> Option<Position> {
    memchr::memchr(b'.', text)?;
    let named = key.ends_with(TEXTS);
    if !named && own.is_empty() {
        return None;
    }
    let mut before: Option<(usize, Degrees)> = None;
    for (start, end, degrees) in decimals(text) {
        if let Some((gap, first)) = before.replace((end, degrees))
            && text.get(gap..start).is_some_and(|between| is_joint(between, named))
            && let Some(position) = either_order(first, degrees, own, named)
        {
            return Some(position);
        }
    }
    None
}

/// What may stand between the two numbers: little, and where no key speaks of a position, no other number.
fn is_joint(between: &[u8], named: bool) -> bool {
    let most = if named { 4 } else { 24 };
    (1..=most).contains(&between.len()) && !between.iter().any(u8::is_ascii_digit)
}

fn either_order(first: Degrees, second: Degrees, own: &[(f64, f64)], named: bool) -> Option<Position> {
    let straight = position(first, second, named);
    let swapped = position(second, first, named);
    [straight, swapped]
        .into_iter()
        .flatten()
        .find(|position| position.is_own(own))
        .or(straight.or(swapped).filter(|_| named))
}

fn position(latitude: Degrees, longitude: Degrees, named: bool) -> Option<Position> {
    let in_range = latitude.value.abs() <= 90.0 && longitude.value.abs() <= 180.0;
    let nowhere = latitude.value == longitude.value || (latitude.value == 0.0 || longitude.value == 0.0);
    let fine = latitude.decimals.max(longitude.decimals);
    let coarse = latitude.decimals.min(longitude.decimals);
    // A final zero is often left out, so the finer one counts as long as the other is not a round number.
    let decimals = if coarse == 0 { 0 } else { fine };
    (in_range && !nowhere).then_some(Position {
        latitude: latitude.value,
        longitude: longitude.value,
        decimals,
        named,
    })
}

/// A whole value as degrees: a decimal, or an integer of micro- or ten-millionths of degrees where the key says so.
fn degrees(key: &Key, value: &[u8]) -> Option<Degrees> {
    let value = value.trim_ascii();
    if !(2..=24).contains(&value.len()) {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    match text.rsplit_once('.') {
        Some((_, fraction)) => Some(Degrees { value: number, decimals: u8::try_from(fraction.len()).ok()? })
            .filter(|_| number.abs() <= 180.0),
        None if key.has(&["e7"]) || key.has(&["e"]) && key.has(&["7"]) => {
            Some(Degrees { value: number / 1e7, decimals: 7 })
        }
        None if key.has(&["e6"]) || key.has(&["e"]) && key.has(&["6"]) => {
            Some(Degrees { value: number / 1e6, decimals: 6 })
        }
        None => None,
    }
}

/// `latitudeE7`, `lat_e6`: the unit stands behind the name.
fn is_scaled(key: &Key, names: &[&str]) -> bool {
    key.has(names) && key.has(&["e7", "e6", "e"])
}

/// Every decimal fraction in a text that could be a coordinate, with where it begins and ends.
fn decimals(text: &[u8]) -> impl Iterator<Item = (usize, usize, Degrees)> {
    let mut from = 0;
    memchr::memchr_iter(b'.', text).filter_map(move |dot| {
        if dot < from {
            return None;
        }
        let before = text.get(..dot)?.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let behind = text.get(dot + 1..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=3).contains(&before) || !(2..=17).contains(&behind) {
            return None;
        }
        let end = dot + 1 + behind;
        let mut start = dot - before;
        if let Some(sign) = start.checked_sub(1)
            && text.get(sign) == Some(&b'-')
        {
            start = sign;
        }
        // `1.2.3.4` is a version or an address.
        let joined = start
            .checked_sub(1)
            .and_then(|at| text.get(at))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
            || text.get(end) == Some(&b'.') && text.get(end + 1).is_some_and(u8::is_ascii_digit);
        from = end;
        let value: f64 = std::str::from_utf8(text.get(start..end)?).ok()?.parse().ok()?;
        (!joined && value.abs() <= 180.0).then_some((
            start,
            end,
            Degrees { value, decimals: u8::try_from(behind).ok()? },
        ))
    })
}

static GEOHASH_KEYS: &[&str] = &["geohash", "gh"];
const GEOHASH: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// Whether a value is the geohash of one of these positions, to about a kilometre. Short ones need a key that says so.
pub(super) fn own_geohash(key: &Key, value: &[u8], own: &[(f64, f64)]) -> Option<(f64, f64)> {
    if !(6..=12).contains(&value.len()) || (value.len() < 8 && !key.ends_with(GEOHASH_KEYS)) {
        return None;
    }
    let start = value.get(..6)?;
    own.iter()
        .copied()
        .find(|(latitude, longitude)| start.eq_ignore_ascii_case(&geohash(*latitude, *longitude)))
}

/// The first six characters: the halves of longitude and latitude in turn, five bits a character.
fn geohash(latitude: f64, longitude: f64) -> [u8; 6] {
    let mut ranges = [(-180.0, 180.0), (-90.0, 90.0)];
    let mut hash = [0; 6];
    let mut side = 0;
    for letter in &mut hash {
        let mut bits = 0;
        for _ in 0..5 {
            let (low, high) = ranges[side];
            let middle = (low + high) / 2.0;
            let upper = if side == 0 { longitude } else { latitude } >= middle;
            bits = bits << 1 | usize::from(upper);
            ranges[side] = if upper { (middle, high) } else { (low, middle) };
            side = 1 - side;
        }
        *letter = GEOHASH.get(bits).copied().unwrap_or_default();
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::{Key, Pair, geohash, in_text, own_geohash};

    const OWN: &[(f64, f64)] = &[(52.516_275, 13.377_704)];

    fn pair(values: &[(&str, &str)], own: &[(f64, f64)]) -> Option<(bool, Option<bool>)> {
        let mut pair = Pair::default();
        values
            .iter()
            .find_map(|(key, value)| pair.see(&Key::new(key.as_bytes()), value.as_bytes(), own))
            .map(|position| (position.is_own(own), position.precision()))
    }

    #[test]
    fn two_named_numbers_are_a_position() {
        assert_eq!(
            pair(&[("lat", "48.20849"), ("acc", "5"), ("lng", "16.37208")], &[]),
            Some((false, Some(true)))
        );
        assert_eq!(
            pair(&[("user_latitude", "48.21"), ("user_longitude", "16.37")], &[]),
            Some((false, Some(false)))
        );
        assert_eq!(
            pair(&[("latitudeE7", "482084900"), ("longitudeE7", "163720800")], &[]),
            Some((false, Some(true)))
        );
        assert_eq!(pair(&[("lon", "13.377704"), ("lat", "52.516275")], OWN), Some((true, Some(true))));
    }

    #[test]
    fn numbers_without_names_are_none_unless_they_are_ones_own() {
        assert_eq!(pair(&[("w", "52.5"), ("h", "13.4"), ("ratio", "1.777778"), ("dpr", "2.625")], OWN), None);
        assert_eq!(pair(&[("x", "52.5163"), ("y", "13.3777")], OWN), Some((true, None)));
        assert_eq!(pair(&[("lat", "0.0"), ("lon", "0.0")], &[]), None);
        assert_eq!(pair(&[("latency", "48.20849"), ("long", "16.37208")], &[]), None);
    }

    #[test]
    fn positions_in_text() {
        let own = |key: &str, text: &str| in_text(&Key::new(key.as_bytes()), text.as_bytes(), OWN).is_some();
        assert!(
            own("v", "52.516275,13.377704")
                && own("", "at 13.37771 / 52.51627")
                && own("ll", "48.2084,16.3720")
        );
        assert!(!own("v", "48.2084,16.3720") && !own("v", "10.2.3.4 13.0.1.2") && !own("ll", "1.25"));
        assert!(in_text(&Key::new(b"ll"), b"48.2084%2C16.3720".as_slice(), &[]).is_none());
    }

    #[test]
    fn a_geohash_is_a_position() {
        assert_eq!(&geohash(52.516_275, 13.377_704), b"u33db2");
        assert!(own_geohash(&Key::new(b"g"), b"u33db2abc", OWN).is_some());
        assert!(own_geohash(&Key::new(b"g"), b"u33db2", OWN).is_none());
        assert!(own_geohash(&Key::new(b"geohash"), b"u33db2", OWN).is_some());
    }
}
