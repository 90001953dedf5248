//! Positions: `epoch:offset`, a point in a room's log.
//!
//! The epoch names one life of the log; the offset counts its events from 1. Offset 0 is the point before
//! the first event. "After `e:41`" means from event 42 on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::id::{Id, IdError};

/// One life of a room's log. Opaque to clients: it is only ever compared.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with these 64 bits; the caller makes them unlikely to be met again.
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Id::new(self.0), f)
    }
}

impl FromStr for Epoch {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse::<Id>().map(|id| Self(id.get()))
    }
}

/// A point in a room's log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// Which life of the log.
    pub epoch: Epoch,
    /// The event the point stands after; 0 is before the first.
    pub offset: u64,
}

/// How many digits an offset has at most: every such number is exact in JavaScript, and a log that grows by a
/// million events a second fills them in thirty years.
pub const OFFSET_DIGITS: usize = 15;

/// Why a text is no position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PositionError {
    /// There is no colon in it.
    NoColon,
    /// What stands before the colon is no epoch.
    Epoch(IdError),
    /// What stands after the colon is not a decimal number of at most [`OFFSET_DIGITS`] digits.
    Offset,
}

impl fmt::Display for PositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoColon => f.write_str("a position is an epoch, a colon and an offset"),
            Self::Epoch(reason) => write!(f, "the epoch before the colon is not one: {reason}"),
            Self::Offset => f.write_str("the offset after the colon is not a whole number"),
        }
    }
}

impl std::error::Error for PositionError {}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (epoch, offset) = text.split_once(':').ok_or(PositionError::NoColon)?;
        let epoch = epoch.parse().map_err(PositionError::Epoch)?;
        // `u64::from_str` takes "+1" and "01"; one position has one text.
        let canonical = offset.len() <= OFFSET_DIGITS
            && offset.bytes().all(|byte| byte.is_ascii_digit())
            && (offset == "0" || !offset.starts_with('0'));
        if !canonical {
            return Err(PositionError::Offset);
        }
        let offset = offset.parse().map_err(|_| PositionError::Offset)?;
        Ok(Self { epoch, offset })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_position_of_the_protocol_page_is_one() {
        let position: Position = "k3J9x0aQ2Zc:41".parse().unwrap();
        assert_eq!(position.offset, 41);
        assert_eq!(position.to_string(), "k3J9x0aQ2Zc:41");
    }

    #[test]
    fn what_is_wrong_with_a_position_is_said() {
        let reason = |text: &str| text.parse::<Position>().unwrap_err();
        assert_eq!(reason(""), PositionError::NoColon);
        assert_eq!(reason("k3J9x0aQ2Zc"), PositionError::NoColon);
        assert_eq!(reason("k3J9:41"), PositionError::Epoch(IdError::Length));
        for offset in ["", "+1", "-1", "01", "1.0", " 1", "۴۱", "1:1", "1000000000000000"] {
            assert_eq!(
                reason(&format!("k3J9x0aQ2Zc:{offset}")),
                PositionError::Offset,
                "{offset:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_position_survives_its_text_form(bits: u64, offset in 0u64..1_000_000_000_000_000) {
            let position = Position { epoch: Epoch::new(bits), offset };
            prop_assert_eq!(position.to_string().parse::<Position>(), Ok(position));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }
}
