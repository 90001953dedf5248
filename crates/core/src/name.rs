//! Names of people and of rooms: what is shown, and the key by which two of them are the same.
//!
//! A name is cleaned as RFC 8266 (PRECIS Nickname) says, with two differences: its normal form is NFC, not
//! NFKC, so that it is shown as its owner wrote it (the key has NFKC); and what keyboards slip in without being
//! seen is taken out, not refused. `docs/reference/names.md` states the rules in full.

use std::fmt;
use std::sync::LazyLock;

use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

use crate::key;
use crate::precis::{self, Label, Verdict, ZWJ, ZWNJ};

/// Who gives no name, in any case of letters. Nobody's name, and never taken.
const ANONYMOUS: &str = "anonymous";
/// The room of who gives no room.
const GENERAL: &str = "general";
/// Whom nobody may pass for: the server's own voice, in English and in Persian.
const RESERVED: [&str; 4] = ["system", "سیستم", "hamhame", "همهمه"];

/// The longest name of a person: graphemes, and bytes of UTF-8.
pub const NAME_MAX: (usize, usize) = (32, 128);
/// The longest name of a room: graphemes, and bytes of UTF-8.
pub const ROOM_NAME_MAX: (usize, usize) = (64, 256);

static RESERVED_KEYS: LazyLock<[String; 4]> = LazyLock::new(|| RESERVED.map(key::of_name));
static ANONYMOUS_KEY: LazyLock<String> = LazyLock::new(|| key::of_name(ANONYMOUS));

/// The name of a person. Two are the same if their [`Name::key`] is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Name {
    text: String,
    key: String,
}

/// The name of a room. Two are the same room if their [`RoomName::key`] is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RoomName {
    text: String,
    key: String,
}

/// A character that is refused, and where it stands in the cleaned name: how many characters (Unicode scalar values) are before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Culprit {
    /// The character.
    pub c: char,
    /// Its place.
    pub at: usize,
}

/// Why a name is refused. The text of each says what is wrong and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NameError {
    /// There is nothing in it, or nothing that can be seen.
    Empty,
    /// The percent-encoding is broken, or what it encodes is not UTF-8.
    BadEncoding,
    /// It is longer than the limit.
    TooLong {
        /// Its graphemes.
        graphemes: usize,
        /// Its bytes of UTF-8.
        bytes: usize,
        /// How many graphemes and bytes it may have.
        max: (usize, usize),
    },
    /// It holds a control character.
    Control(Culprit),
    /// It holds a character that changes the direction of the text around it.
    Bidi(Culprit),
    /// It holds an emoji made of several with a joiner (ZWJ), or a joiner elsewhere.
    Joiner(Culprit),
    /// It mixes the digits of Arabic (٤٥٦) with those of Persian (۴۵۶).
    MixedDigits(Culprit),
    /// It holds a character that may not stand there, or in any name.
    Refused(Culprit),
    /// It is, or looks like, a name that the server keeps for itself.
    Reserved,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => {
                f.write_str("The name has nothing in it that can be seen; write one with letters.")
            }
            Self::BadEncoding => {
                f.write_str("The name in the address is not percent-encoded UTF-8; encode it anew.")
            }
            Self::TooLong { graphemes, max, .. } if *graphemes > max.0 => {
                write!(
                    f,
                    "The name is too long: {graphemes} characters, at most {} may be used.",
                    max.0
                )
            }
            Self::TooLong { bytes, max, .. } => {
                write!(f, "The name is too long: {bytes} bytes, at most {} may be used.", max.1)
            }
            Self::Control(culprit) => {
                write!(f, "The name holds the control character {culprit}; write it without.")
            }
            Self::Bidi(culprit) => {
                write!(f, "The name holds the invisible direction mark {culprit}; type it anew.")
            }
            Self::Joiner(culprit) => {
                write!(
                    f,
                    "The name holds an emoji that is joined from several ({culprit}); choose a simple one."
                )
            }
            Self::MixedDigits(culprit) => {
                write!(
                    f,
                    "The name mixes Arabic and Persian digits ({culprit}); use one kind of them."
                )
            }
            Self::Refused(culprit)
                if culprit.c.is_alphanumeric() || culprit.c.is_ascii_graphic() =>
            {
                write!(
                    f,
                    "The character {} ({culprit}) may not stand there in a name; leave it out.",
                    culprit.c
                )
            }
            Self::Refused(culprit) => {
                write!(f, "The character {culprit} may not be used in a name; leave it out.")
            }
            Self::Reserved => f.write_str(
                "This name, or one that looks the same, is the server's; choose another.",
            ),
        }
    }
}

impl std::error::Error for NameError {}

impl fmt::Display for Culprit {
    /// `U+202E at 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X} at {}", u32::from(self.c), self.at)
    }
}

impl NameError {
    /// The rule that is broken, in a word for programs.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::BadEncoding => "bad_encoding",
            Self::TooLong { .. } => "too_long",
            Self::Control(_) => "control",
            Self::Bidi(_) => "bidi",
            Self::Joiner(_) => "joiner",
            Self::MixedDigits(_) => "mixed_digits",
            Self::Refused(_) => "refused",
            Self::Reserved => "reserved",
        }
    }

    /// The character that breaks it, where it is a single one.
    pub fn culprit(&self) -> Option<Culprit> {
        match self {
            Self::Control(culprit)
            | Self::Bidi(culprit)
            | Self::Joiner(culprit)
            | Self::MixedDigits(culprit)
            | Self::Refused(culprit) => Some(*culprit),
            Self::Empty | Self::BadEncoding | Self::TooLong { .. } | Self::Reserved => None,
        }
    }
}

impl Name {
    /// Cleans a name and judges it.
    ///
    /// # Errors
    ///
    /// Says which rule of `docs/reference/names.md` the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = cleaned(text, NAME_MAX)?;
        let key = key::of_name(&text);
        if key.is_empty() {
            return Err(NameError::Empty);
        }
        if is_reserved(&text, &key) {
            return Err(NameError::Reserved);
        }
        Ok(Self { text, key })
    }

    /// The name in a URL's path, percent-encoded as it came. What is empty is [`Name::anonymous`].
    ///
    /// # Errors
    ///
    /// [`NameError::BadEncoding`], and what [`Name::parse`] says.
    pub fn from_path(segment: &str) -> Result<Self, NameError> {
        let text = percent_decoded(segment)?;
        if shows_nothing(&text) { Ok(Self::anonymous()) } else { Self::parse(&text) }
    }

    /// Who gives no name.
    pub fn anonymous() -> Self {
        Self { text: ANONYMOUS.to_owned(), key: ANONYMOUS_KEY.clone() }
    }

    /// Whether this is nobody's name, which any number of members may have at once.
    pub fn is_anonymous(&self) -> bool {
        self.key == *ANONYMOUS_KEY
    }

    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// By which it is compared. Never shown: it is no text that anyone would read.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl RoomName {
    /// Cleans a room's name and judges it.
    ///
    /// # Errors
    ///
    /// Says which rule of `docs/reference/names.md` the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = cleaned(text, ROOM_NAME_MAX)?;
        let key = key::of_room(&text);
        if key.is_empty() {
            return Err(NameError::Empty);
        }
        Ok(Self { text, key })
    }

    /// The room in a URL's path, percent-encoded as it came. What is empty is [`RoomName::general`].
    ///
    /// # Errors
    ///
    /// [`NameError::BadEncoding`], and what [`RoomName::parse`] says.
    pub fn from_path(segment: &str) -> Result<Self, NameError> {
        let text = percent_decoded(segment)?;
        if shows_nothing(&text) { Ok(Self::general()) } else { Self::parse(&text) }
    }

    /// The room of who gives none.
    pub fn general() -> Self {
        Self { text: GENERAL.to_owned(), key: GENERAL.to_owned() }
    }

    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// By which it is compared.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Whether it is the server's name, or looks like it: also with marks over or under the letters, which are easily overlooked.
fn is_reserved(text: &str, key: &str) -> bool {
    let is_one = |key: &String| RESERVED_KEYS.contains(key);
    RESERVED_KEYS.iter().any(|reserved| reserved == key)
        || (!key::is_plain(text)
            && is_one(&key::without_marks(&key::of_name(&key::without_marks(text)))))
}

/// Undoes percent-encoding (RFC 3986, section 2.1), strictly: `%` is followed by two hex digits, and the bytes
/// are UTF-8. A `+` is a plus.
fn percent_decoded(segment: &str) -> Result<String, NameError> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(NameError::BadEncoding);
        };
        bytes.push((high << 4 | low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| NameError::BadEncoding)
}

/// Whether cleaning would leave nothing: then the segment of a path counts as empty.
fn shows_nothing(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_slipped_in(c) || c == ZWNJ)
}

fn cleaned(text: &str, max: (usize, usize)) -> Result<String, NameError> {
    if !key::is_plain(text) {
        return cleaned_of_any(text, max);
    }
    // Every character is a grapheme of one byte, composes with nothing, and may stand anywhere.
    let text = key::with_plain_spaces(text);
    match text.len() {
        0 => Err(NameError::Empty),
        length if length > max.0.min(max.1) => {
            Err(NameError::TooLong { graphemes: length, bytes: length, max })
        }
        _ => Ok(text),
    }
}

/// How many times as long as the limit of bytes a name may be before it is cleaned, white space at its ends not counted. What
/// composes (a syllable of Hangul from three letters) becomes a third of it at most.
const RAW: usize = 4;

fn cleaned_of_any(text: &str, max: (usize, usize)) -> Result<String, NameError> {
    let text = text.trim();
    if text.len() > RAW * max.1 {
        // Counted in characters, which a glance at each byte tells: nothing that is so long is looked at closely.
        return Err(NameError::TooLong { graphemes: text.chars().count(), bytes: text.len(), max });
    }
    let spaced = with_single_spaces(text);
    let composed = if is_nfc(&spaced) { spaced } else { spaced.nfc().collect() };
    // A ZWNJ may have stood between two spaces.
    let text = with_single_spaces(&without_idle_zwnj(composed));
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let bytes = text.len();
    let graphemes = text.graphemes(true).count();
    if graphemes > max.0 || bytes > max.1 {
        return Err(NameError::TooLong { graphemes, bytes, max });
    }
    judge(&text)?;
    Ok(text)
}

/// What keyboards add without being asked, and what only stretches a word: variation selectors (a heart as
/// emoji), and the tatweel.
fn is_slipped_in(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{640}')
}

/// The additional mapping rule of RFC 8266, section 2.1: every space is U+0020, one at a time, none at an end.
fn with_single_spaces(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for c in text.trim().chars().filter(|c| !is_slipped_in(*c)) {
        if c.general_category() != GeneralCategory::SpaceSeparator {
            spaced.push(c);
        } else if !spaced.is_empty() && !spaced.ends_with(' ') {
            spaced.push(' ');
        }
    }
    spaced.truncate(spaced.trim_end().len());
    spaced
}

/// Takes out every ZWNJ that separates nothing: at the ends, after a letter that does not join, twice. What
/// cannot be seen must not make two names of one.
fn without_idle_zwnj(text: String) -> String {
    if !text.contains(ZWNJ) {
        return text;
    }
    let chars: Vec<char> = text.chars().collect();
    // For each place the next letter after it. A ZWNJ that follows may still go, so it does not count.
    let mut next: Vec<Option<char>> = vec![None; chars.len()];
    let mut right = None;
    for (at, &c) in chars.iter().enumerate().rev() {
        next[at] = right;
        if c != ZWNJ && !precis::is_transparent(c) {
            right = Some(c);
        }
    }
    let mut kept: Vec<char> = Vec::with_capacity(chars.len());
    let mut left = None;
    for (c, right) in chars.into_iter().zip(next) {
        if c != ZWNJ || precis::zwnj_does_something(kept.last().copied(), left, right) {
            kept.push(c);
            if !precis::is_transparent(c) {
                left = Some(c);
            }
        }
    }
    // What it stood between may compose now.
    kept.into_iter().nfc().collect()
}

fn judge(text: &str) -> Result<(), NameError> {
    let label = Label::new(text);
    for (at, c) in text.chars().enumerate() {
        let refused = match precis::verdict(c) {
            // The space is Valid in free text; the Braille blank is a symbol that shows nothing.
            Verdict::Valid => c == '\u{2800}',
            Verdict::Context => !label.allows(at),
            Verdict::Disallowed | Verdict::Unassigned => true,
        };
        if refused {
            let culprit = Culprit { c, at };
            return Err(match c {
                c if c.is_control() => NameError::Control(culprit),
                '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' => NameError::Bidi(culprit),
                ZWJ => NameError::Joiner(culprit),
                '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}' => NameError::MixedDigits(culprit),
                _ => NameError::Refused(culprit),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "name_properties.rs"]
mod properties;
#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
