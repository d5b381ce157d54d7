//! Numbers of the phone, its SIM and its radios, recognised by their check digits and a key that names them.
//! CATALOGUE L-01, L-03 to L-05, L-07, L-08.

use super::digits::luhn;

pub(super) static IMEI_KEYS: &[&str] = &["imei", "imeisv", "deviceimei", "imeinumber"];
pub(super) static MEID_KEYS: &[&str] = &["meid", "esn", "imei"];
pub(super) static IMSI_KEYS: &[&str] = &["imsi", "subscriberid"];
pub(super) static ICCID_KEYS: &[&str] = &["iccid", "simserial", "simserialnumber", "simsn"];
pub(super) static ANDROID_ID_KEYS: &[&str] = &["androidid", "ssaid"];
pub(super) static MAC_KEYS: &[&str] =
    &["macaddr", "macaddress", "wifimac", "wlanmac", "btmac", "bluetoothmac", "hwaddr", "ethaddr"];
pub(super) static BSSID_KEYS: &[&str] = &["bssid"];

/// Fifteen digits, a reporting body's prefix, Luhn: 3GPP TS 23.003 section 6.
pub(super) fn is_imei(digits: &[u8]) -> bool {
    let body = matches!(
        digits,
        [b'0', b'1', ..]
            | [b'3', b'3' | b'5', ..]
            | [b'4', b'4' | b'5' | b'9', ..]
            | [b'5', b'0'..=b'4', ..]
            | [b'8', b'6', ..]
            | [b'9', b'1' | b'8' | b'9', ..]
    );
    digits.len() == 15 && body && luhn(digits) && super::digits::distinct(digits) > 2
}

/// Fourteen hexadecimal digits beginning with A to F: 3GPP2 S.R0048.
pub(super) fn is_meid(value: &[u8]) -> bool {
    value.len() == 14
        && value.iter().all(u8::is_ascii_hexdigit)
        && value.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Fourteen or fifteen digits beginning with a country's code, 200 to 799: ITU-T E.212.
pub(super) fn is_imsi(digits: &[u8]) -> bool {
    matches!(digits.len(), 14 | 15) && matches!(digits.first(), Some(b'2'..=b'7'))
}

/// Nineteen or twenty digits beginning with 89, Luhn: ITU-T E.118.
pub(super) fn is_iccid(digits: &[u8]) -> bool {
    matches!(digits.len(), 19 | 20) && digits.starts_with(b"89") && luhn(digits)
}

/// Sixteen hexadecimal digits that are not one and the same, nor the value that broken firmwares shared.
pub(super) fn is_android_id(value: &[u8]) -> bool {
    value.len() == 16
        && value.iter().all(u8::is_ascii_hexdigit)
        && value.windows(2).any(|pair| matches!(pair, [a, b] if a != b))
        && value != b"9774d56d682e549c"
}

/// The six octets of a MAC address that can be a device's: not all equal, not the placeholder that Android
/// gives to apps, not multicast.
pub(super) fn mac(value: &[u8]) -> Option<[u8; 6]> {
    let separator = match value.len() {
        12 => None,
        17 => Some(*value.get(2)?).filter(|byte| matches!(byte, b':' | b'-')),
        _ => return None,
    };
    if value.len() == 17 && separator.is_none() {
        return None;
    }
    let step = if separator.is_some() { 3 } else { 2 };
    let mut octets = [0; 6];
    for (at, octet) in octets.iter_mut().enumerate() {
        let [high, low] = *value.get(at * step..at * step + 2)? else {
            return None;
        };
        if at > 0 && separator.is_some() && value.get(at * step - 1) != separator.as_ref() {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *octet = digit(high)? << 4 | digit(low)?;
    }
    let placeholder = octets == [2, 0, 0, 0, 0, 0] || octets.iter().all(|octet| *octet == octets[0]);
    (!placeholder && octets[0] & 1 == 0).then_some(octets)
}

/// Whether the address was made up for one network, as phones do since Android 10.
pub(super) const fn is_random_mac(octets: [u8; 6]) -> bool {
    octets[0] & 2 != 0
}

#[cfg(test)]
mod tests {
    use super::{is_android_id, is_iccid, is_imei, is_imsi, is_meid, mac};

    #[test]
    fn identifiers_and_what_is_none() {
        assert!(is_imei(b"356938035643809") && !is_imei(b"356938035643808") && !is_imei(b"000000000000000"));
        assert!(
            is_iccid(b"89490200000123456787")
                && !is_iccid(b"89490200000123456788")
                && !is_iccid(b"1718031234567000000")
        );
        assert!(is_imsi(b"262019876543210") && !is_imsi(b"171803123456789"));
        assert!(is_meid(b"a0000012345678") && !is_meid(b"12345678901234"));
        assert!(
            is_android_id(b"a1b2c3d4e5f60718")
                && !is_android_id(b"0000000000000000")
                && !is_android_id(b"9774d56d682e549c")
        );
    }

    #[test]
    fn addresses_of_radios() {
        assert!(
            mac(b"02:9f:c2:7a:31:e4").is_some()
                && mac(b"02-9F-C2-7A-31-E4").is_some()
                && mac(b"029fc27a31e4").is_some()
        );
        assert!(mac(b"02:00:00:00:00:00").is_none() && mac(b"ff:ff:ff:ff:ff:ff").is_none());
        assert!(
            mac(b"01:00:5e:00:00:fb").is_none()
                && mac(b"02:9f:c2-7a:31:e4").is_none()
                && mac(b"12 34 56 78 90 12").is_none()
        );
    }
}
