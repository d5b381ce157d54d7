//! Passwords under their usual keys, and cookies that stand for a login. CATALOGUE L-22, L-24.

use super::key::Key;

static PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "passcode",
    "pwd",
    "userpass",
    "loginpass",
    "kennwort",
    "motdepasse",
    "contraseña",
    "пароль",
    "senha",
];

static SESSIONS: &[&str] = &[
    "sessionid",
    "phpsessid",
    "jsessionid",
    "aspnetsessionid",
    "connectsid",
    "laravelsession",
    "authtoken",
    "sid",
    "session",
    "sessiontoken",
    "accesstoken",
    "refreshtoken",
    "idtoken",
];

/// Words that stand where a password would, and are none.
static PLACEHOLDERS: &[&[u8]] =
    &[b"true", b"false", b"null", b"none", b"undefined", b"0", b"1", b"yes", b"no", b"required", b"optional"];

/// Whether this value is a password: its key ends with the word, and it is not empty or starred out.
pub(super) fn is_password(key: &Key, value: &[u8]) -> bool {
    let named = key.ends_with(PASSWORDS) || key.is(&["pass", "pw"]);
    let starred = value.iter().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X'))
        || value.starts_with("•".as_bytes());
    named
        && (1..=256).contains(&value.len())
        && !starred
        && !matches!(value.first(), Some(b'{' | b'['))
        && !PLACEHOLDERS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether this cookie stands for a login: a name that says so, and a value that cannot be guessed.
pub(super) fn is_session(name: &Key, value: &[u8]) -> bool {
    name.is(SESSIONS) && (16..=4096).contains(&value.len()) && super::secret::entropy(value) >= 3.0
}

#[cfg(test)]
mod tests {
    use super::{Key, is_password, is_session};

    #[test]
    fn passwords_and_placeholders() {
        let password = |key: &str, value: &str| is_password(&Key::new(key.as_bytes()), value.as_bytes());
        assert!(
            password("password", "Tr0ub4dor&3x")
                && password("user[password]", "x1")
                && password("newPassword", "a")
        );
        assert!(password("pass", "a") && password("login_pwd", "a"));
        assert!(
            !password("password", "****")
                && !password("has_password", "true")
                && !password("password_reset", "abc")
        );
        assert!(!password("compass", "north") && !password("passenger", "2") && !password("password", ""));
    }

    #[test]
    fn session_cookies_cannot_be_guessed() {
        assert!(is_session(&Key::new(b"PHPSESSID"), b"9f3k2lq8v7t1m5n0a6b4c2d8e1"));
        assert!(
            !is_session(&Key::new(b"sid"), b"s_81")
                && !is_session(&Key::new(b"theme"), b"9f3k2lq8v7t1m5n0a6b4c2d8e1")
        );
    }
}
