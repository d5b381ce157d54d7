//! Leaks: personal data on its way out.
//!
//! [`content`] takes a fact apart into leaves (`json`, `form`, `xml`, `multipart`), undoes their encodings
//! (`decode`), and asks of every leaf whether it holds one of the phone's own values (`known`) or something that
//! validates as personal data, one file per kind. Only what goes to the server is looked at.

mod advertising_id;
mod contacts;
pub mod content;
pub mod credentials;
mod decode;
pub mod device;
mod digits;
mod email;
mod explanations;
mod form;
mod gate;
mod hardware;
mod iban;
mod json;
mod key;
mod known;
mod location;
mod login;
mod mask;
mod multipart;
mod payment_card;
mod phone;
mod secret;
mod trail;
mod xml;
