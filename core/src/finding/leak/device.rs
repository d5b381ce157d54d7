//! The phone's own values: what a leak is compared with.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::known::Known;
use crate::limits;

/// What a value is. The order is that of the table of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    AndroidId,
    AdvertisingId,
    Imei,
    Imsi,
    Iccid,
    Serial,
    Mac,
    Ssid,
    Bssid,
    Email,
    Phone,
    FirstName,
    LastName,
    Name,
    Username,
    Password,
    Card,
    Iban,
    Model,
    /// Something that tells one of the contacts.
    Contact,
}

static KEYS: &[(&str, Class)] = &[
    ("android_id", Class::AndroidId),
    ("gaid", Class::AdvertisingId),
    ("imei", Class::Imei),
    ("imsi", Class::Imsi),
    ("iccid", Class::Iccid),
    ("serial", Class::Serial),
    ("mac", Class::Mac),
    ("ssid", Class::Ssid),
    ("bssid", Class::Bssid),
    ("email", Class::Email),
    ("phone", Class::Phone),
    ("first_name", Class::FirstName),
    ("last_name", Class::LastName),
    ("name", Class::Name),
    ("username", Class::Username),
    ("password", Class::Password),
    ("card", Class::Card),
    ("iban", Class::Iban),
    ("model", Class::Model),
];

/// One value.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) class: Class,
    pub(super) text: String,
    /// Whose it is, of a contact.
    pub(super) contact: u16,
}

/// The phone's own values, made ready for searching. The default knows nothing.
#[derive(Default)]
pub struct Device {
    pub(super) values: Vec<Value>,
    pub(super) positions: Vec<(f64, f64)>,
    pub(super) known: Known,
}

/// Why a file of device values was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceError(String);

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DeviceError {}

/// Values are not for logs.
impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({} values, {} positions)", self.values.len(), self.positions.len())
    }
}

impl Device {
    /// Whether one of the values stands somewhere in these bytes, in any encoding that is looked for.
    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        self.known.is_in(bytes)
    }

    /// Reads a file's text, JSON or TOML: each key one value or a list of them.
    pub fn parse(text: &str) -> Result<Self, DeviceError> {
        let source: Map<String, Json> = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| DeviceError(error.to_string()))?
        } else {
            toml::from_str(text).map_err(|error| DeviceError(error.to_string()))?
        };
        let mut device = Self::default();
        let mut latitudes = Vec::new();
        let mut longitudes = Vec::new();
        for (key, value) in &source {
            match key.as_str() {
                "latitude" => latitudes = degrees(key, value, 90.0)?,
                "longitude" => longitudes = degrees(key, value, 180.0)?,
                "contacts" => device.contacts(value)?,
                _ => {
                    let class = KEYS
                        .iter()
                        .find(|(name, _)| name == key)
                        .map(|(_, class)| *class)
                        .ok_or_else(|| unknown(key))?;
                    let texts = texts(key, value)?;
                    device.values.extend(texts.into_iter().map(|text| Value { class, text, contact: 0 }));
                }
            }
        }
        if latitudes.len() != longitudes.len() {
            return Err(DeviceError(format!(
                "there are {} values of \"latitude\" and {} of \"longitude\"; a position needs one of each",
                latitudes.len(),
                longitudes.len()
            )));
        }
        device.positions = latitudes.into_iter().zip(longitudes).collect();
        device.add_full_name();
        if device.values.len() > limits::DEVICE_VALUES {
            return Err(DeviceError(format!(
                "{} values are more than the {} that can be searched for at once",
                device.values.len(),
                limits::DEVICE_VALUES
            )));
        }
        device.known = Known::new(&device.values)
            .map_err(|error| DeviceError(format!("the values cannot be searched for: {error}")))?;
        Ok(device)
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.positions.is_empty()
    }

    fn contacts(&mut self, value: &Json) -> Result<(), DeviceError> {
        let wrong = || DeviceError("\"contacts\" must be a list of {name, phone, email}".to_owned());
        let people = value.as_array().ok_or_else(wrong)?;
        for (person, number) in people.iter().zip(0u16..) {
            for (key, value) in person.as_object().ok_or_else(wrong)? {
                if !matches!(key.as_str(), "name" | "phone" | "email") {
                    return Err(DeviceError(format!(
                        "a contact has no \"{key}\"; it may have name, phone and email"
                    )));
                }
                let texts = texts(key, value)?.into_iter();
                self.values.extend(texts.map(|text| Value { class: Class::Contact, text, contact: number }));
            }
        }
        Ok(())
    }

    /// First and last name make a full name, unless one is given.
    fn add_full_name(&mut self) {
        let of =
            |class| self.values.iter().find(|value| value.class == class).map(|value| value.text.as_str());
        if of(Class::Name).is_some() {
            return;
        }
        if let (Some(first), Some(last)) = (of(Class::FirstName), of(Class::LastName)) {
            let text = format!("{first} {last}");
            self.values.push(Value { class: Class::Name, text, contact: 0 });
        }
    }
}

fn unknown(key: &str) -> DeviceError {
    let known: Vec<_> =
        KEYS.iter().map(|(name, _)| *name).chain(["latitude", "longitude", "contacts"]).collect();
    DeviceError(format!("\"{key}\" is not a value of a device; known are {}", known.join(", ")))
}

/// One text or number, or a list of them; empty ones are left out.
fn texts(key: &str, value: &Json) -> Result<Vec<String>, DeviceError> {
    each(value)
        .filter(|value| !value.is_null())
        .map(|value| match value {
            Json::String(text) => Ok(text.trim().to_owned()),
            Json::Number(number) => Ok(number.to_string()),
            _ => Err(DeviceError(format!("\"{key}\" must be a text or a list of texts"))),
        })
        .filter(|text| text.as_ref().is_ok_and(|text| !text.is_empty()) || text.is_err())
        .collect()
}

fn degrees(key: &str, value: &Json, most: f64) -> Result<Vec<f64>, DeviceError> {
    each(value)
        .map(|value| {
            let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
            number.filter(|number| number.abs() <= most).ok_or_else(|| {
                DeviceError(format!("\"{key}\" must be a number of degrees between -{most} and {most}"))
            })
        })
        .collect()
}

/// The values of a list, or the one value.
fn each(value: &Json) -> impl Iterator<Item = &Json> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

#[cfg(test)]
mod tests {
    use super::Device;

    #[test]
    fn json_and_toml_say_the_same() {
        let json = r#"{"imei": 356938035643809, "email": ["a@example.org", "b@example.org"], "latitude": 52.5, "longitude": "13.4",
            "contacts": [{"name": "Jonas Weber", "phone": "+491601234567"}], "first_name": "Marta", "last_name": "K", "ssid": ""}"#;
        let toml = "imei = 356938035643809\nemail = [\"a@example.org\", \"b@example.org\"]\nlatitude = 52.5\nlongitude = \"13.4\"\n\
            first_name = \"Marta\"\nlast_name = \"K\"\n[[contacts]]\nname = \"Jonas Weber\"\nphone = \"+491601234567\"\n";
        let (json, toml) = (Device::parse(json).unwrap(), Device::parse(toml).unwrap());
        assert_eq!(json.values.len(), 8);
        assert_eq!(json.values.len(), toml.values.len());
        assert_eq!(
            (json.positions.as_slice(), toml.positions.as_slice()),
            ([(52.5, 13.4)].as_slice(), [(52.5, 13.4)].as_slice())
        );
    }

    #[test]
    fn mistakes_are_told_in_sentences() {
        let error = |text: &str| Device::parse(text).unwrap_err().to_string();
        assert!(
            error(r#"{"imie": "1"}"#)
                .starts_with("\"imie\" is not a value of a device; known are android_id, gaid, imei")
        );
        assert_eq!(
            error(r#"{"latitude": 95, "longitude": 1}"#),
            "\"latitude\" must be a number of degrees between -90 and 90"
        );
        assert!(error(r#"{"latitude": 5}"#).contains("a position needs one of each"));
        assert!(error(r#"{"contacts": [{"fax": "1"}]}"#).contains("it may have name, phone and email"));
        assert!(!error("imei = ").is_empty() && !error("{").is_empty());
    }

    #[test]
    fn values_are_not_for_logs() {
        let device = Device::parse(r#"{"imei": "356938035643809"}"#).unwrap();
        assert_eq!(format!("{device:?}"), "Device(1 values, 0 positions)");
    }
}
