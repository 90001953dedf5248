//! Identifiers: 64 bits, shown as 11 characters of base64url without padding (RFC 4648, section 5).
//!
//! Members, sessions and epochs share this text form. It needs no escape in JSON, in a URL or in a header.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How many characters an identifier has.
pub const TEXT_LEN: usize = 11;

/// The public identifier of a member or of a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(u64);

impl Id {
    /// The identifier with these 64 bits; where they come from is the caller's business.
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The text form in a buffer on the stack, for writers that count every nanosecond.
    pub fn text(self) -> IdText {
        IdText(encode(self.0))
    }
}

/// The text form of an identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdText([u8; TEXT_LEN]);

impl IdText {
    /// The eleven characters.
    pub fn as_str(&self) -> &str {
        // The alphabet is ASCII, so this cannot fail; an empty string would be the answer if it did.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl AsRef<str> for IdText {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Why a text is no identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdError {
    /// It has not exactly [`TEXT_LEN`] characters.
    Length,
    /// It holds a character that is not of base64url.
    Character,
    /// Its last character has bits that an identifier of 64 bits does not have.
    Excess,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "an identifier has exactly 11 characters",
            Self::Character => "an identifier is of A-Z, a-z, 0-9, \"-\" and \"_\" only",
            Self::Excess => "an identifier's last character has bits that do not belong to it",
        })
    }
}

impl std::error::Error for IdError {}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        decode(text).map(Self)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Eleven characters hold 66 bits: the 64 in big-endian order, then two zero bits.
fn encode(bits: u64) -> [u8; TEXT_LEN] {
    let mut text = [0; TEXT_LEN];
    let wide = u128::from(bits) << 2;
    for (place, byte) in text.iter_mut().enumerate() {
        let shift = 6 * (TEXT_LEN - 1 - place);
        *byte = ALPHABET[(wide >> shift) as usize & 63];
    }
    text
}

fn decode(text: &str) -> Result<u64, IdError> {
    if text.len() != TEXT_LEN {
        return Err(IdError::Length);
    }
    let mut wide: u128 = 0;
    for &byte in text.as_bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return Err(IdError::Character),
        };
        wide = wide << 6 | u128::from(value);
    }
    // One text per identifier: else two texts would name the same session.
    if wide & 3 != 0 {
        return Err(IdError::Excess);
    }
    Ok((wide >> 2) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_form_is_base64url_of_the_big_endian_bytes() {
        // RFC 4648 by hand: 00 00 .. 00, ff .. ff, and 01 23 45 67 89 ab cd ef.
        assert_eq!(Id::new(0).to_string(), "AAAAAAAAAAA");
        assert_eq!(Id::new(u64::MAX).to_string(), "__________8");
        assert_eq!(Id::new(0x0123_4567_89ab_cdef).to_string(), "ASNFZ4mrze8");
    }

    #[test]
    fn a_text_that_no_identifier_has_is_refused_with_its_reason() {
        assert_eq!("AAAAAAAAAA".parse::<Id>(), Err(IdError::Length));
        assert_eq!("AAAAAAAAAAAA".parse::<Id>(), Err(IdError::Length));
        assert_eq!("AAAAA AAAAA".parse::<Id>(), Err(IdError::Character));
        assert_eq!("AAAAA+AAAAA".parse::<Id>(), Err(IdError::Character));
        assert_eq!("AAAAAAAAAAB".parse::<Id>(), Err(IdError::Excess));
        assert_eq!(
            "سسسسس1".parse::<Id>(),
            Err(IdError::Character),
            "eleven bytes are not eleven characters"
        );
    }

    proptest! {
        #[test]
        fn every_identifier_survives_its_text_form(bits: u64) {
            let id = Id::new(bits);
            prop_assert_eq!(id.to_string().parse::<Id>(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<Id>(&json).unwrap(), id);
        }

        #[test]
        fn what_parses_is_the_only_text_of_its_identifier(text in "[A-Za-z0-9_-]{11}") {
            if let Ok(id) = text.parse::<Id>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
