//! NTLMSSP (MS-NLMP): the login inside SMB and others. Only its last message says who logs in.

use memchr::memmem;

use crate::bytes::Reader;
use crate::protocol::strings::utf16_le;

/// AUTHENTICATE_MESSAGE, §2.2.1.3.
const AUTHENTICATE: u32 = 3;
const NEGOTIATE_UNICODE: u32 = 1;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) domain: String,
    pub(super) user: String,
    pub(super) workstation: String,
}

/// The login of the first NTLMSSP message in `bytes`, wherever it stands.
pub(super) fn login(bytes: &[u8]) -> Option<Login> {
    let message = bytes.get(memmem::find(bytes, b"NTLMSSP\0")?..)?;
    let mut reader = Reader::new(message);
    reader.skip(8)?;
    if reader.u32_le()? != AUTHENTICATE {
        return None;
    }
    // The two responses.
    reader.skip(16)?;
    let unicode = Reader::new(message.get(60..)?).u32_le()? & NEGOTIATE_UNICODE != 0;
    let mut field = || {
        let length = usize::from(reader.u16_le()?);
        reader.skip(2)?;
        let offset = usize::try_from(reader.u32_le()?).ok()?;
        let bytes = message.get(offset..offset.checked_add(length)?)?;
        Some(if unicode { utf16_le(bytes) } else { String::from_utf8_lossy(bytes).into_owned() })
    };
    Some(Login { domain: field()?, user: field()?, workstation: field()? })
}
