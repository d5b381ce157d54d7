//! Logins that anybody on the way can read.
//!
//! Every dissector that has a login states its parts with [`Role::Username`] and [`Role::Password`]; this detector needs to
//! know none of them. A name alone is no finding. CATALOGUE L-22, L-23, L-38.

use crate::finding::{Detector, Explanation, Finding, Scene, Severity, Tier};
use crate::protocol::{Fact, Field, Role};
use crate::text;

/// Reports passwords sent in the clear.
#[derive(Debug)]
pub struct Credentials;

pub static DETECTOR: Credentials = Credentials;

static EXPLANATIONS: &[Explanation] = &[
    Explanation {
        id: "leak.password",
        title: "Password in the clear",
        meaning: "A password was sent without encryption. Everybody between the phone and the server could read it and \
                  log in with it.",
        advice: "Change the password and use the encrypted form of the service (https, ftps or sftp, IMAP and SMTP with \
                 TLS, mqtts). If the app offers none, do without it.",
        method: "The login of the protocol itself is read: USER and PASS, AUTH, LOGIN, CONNECT, bind, and passwords in \
                 forms and JSON. Certain.",
    },
    Explanation {
        id: "leak.basic-auth",
        title: "Web login in the clear",
        meaning: "A user name and password went out in an unencrypted web request (HTTP Basic). The encoding hides \
                  nothing.",
        advice: "Use https for this address, and change the password.",
        method: "The Authorization header of an unencrypted request is decoded. Certain.",
    },
    Explanation {
        id: "suspicious.cleartext-login",
        title: "Login without encryption",
        meaning: "The app logged in over a connection that anybody on the way can read and change.",
        advice: "Use the encrypted form of the service.",
        method: "A login was seen in a protocol without encryption. Certain.",
    },
];

impl Detector for Credentials {
    fn name(&self) -> &'static str {
        "credentials"
    }

    fn explains(&self) -> &'static [Explanation] {
        EXPLANATIONS
    }

    fn wants(&self, field: &Field) -> bool {
        field.role == Role::Password
    }

    fn inspect(&self, _: &Scene<'_>, fact: &Fact<'_>, out: &mut dyn FnMut(Finding)) {
        let secret = fact.value.bytes();
        if secret.is_empty() || secret.iter().all(|byte| *byte == b'*') {
            return;
        }
        let basic = fact.field.name.starts_with("http");
        out(Finding {
            id: if basic { "leak.basic-auth" } else { "leak.password" },
            kind: None,
            tier: Tier::Exact,
            severity: Severity::High,
            place: fact.field.name.to_owned(),
            encoding: Vec::new(),
            shown: text::mask(&String::from_utf8_lossy(secret)),
            rule: None,
        });
        out(Finding {
            id: "suspicious.cleartext-login",
            kind: None,
            tier: Tier::Exact,
            severity: Severity::Medium,
            place: fact.field.name.to_owned(),
            encoding: Vec::new(),
            shown: "a login without encryption".to_owned(),
            rule: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, Detector};
    use crate::finding::testing::inspect;
    use crate::protocol::{Field, Role, Value};

    static PASSWORD: Field = Field::new("ftp.password", Role::Password);

    #[test]
    fn a_password_is_reported_and_never_repeated() {
        let found = inspect(&Credentials, &PASSWORD, Value::Bytes(b"Tr0ub4dor&3x"));
        assert_eq!(
            found.iter().map(|finding| finding.id).collect::<Vec<_>>(),
            ["leak.password", "suspicious.cleartext-login"]
        );
        assert!(
            found.iter().all(|finding| !finding.shown.contains("Tr0ub") && !finding.place.contains("Tr0ub"))
        );
    }

    #[test]
    fn an_empty_or_starred_out_password_is_none() {
        assert!(inspect(&Credentials, &PASSWORD, Value::Bytes(b"")).is_empty());
        assert!(inspect(&Credentials, &PASSWORD, Value::Bytes(b"****")).is_empty());
        assert!(Credentials.wants(&PASSWORD));
    }
}
