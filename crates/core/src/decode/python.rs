//! JSON as Python's `json` module reads it, and values as Python's `str()` and `repr()` write them.
//!
//! Only what the seed dialect needs: the text of one member of an object. The differences from strict JSON
//! are Python's: `NaN`, `Infinity` and `-Infinity` are numbers, integers have any number of digits, and half a
//! surrogate pair is no error (it becomes U+FFFD here, because our text is always Unicode).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// How deep values may be nested. Python's own limit depends on its version; past ours a text is no object.
const DEPTH_MAX: u32 = 128;

/// What a text has as its `content`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    /// The text of the member's value.
    Text(String),
    /// It is an object without that member.
    Absent,
    /// It is not a JSON object.
    NoObject,
}

/// Reads `text` as a JSON object and gives `str()` of its member `content`; of several, the last one.
pub(crate) fn content(text: &str) -> Content {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.skip_space();
    let Some(members) = reader.members() else { return Content::NoObject };
    reader.skip_space();
    if reader.at < text.len() {
        return Content::NoObject;
    }
    let found = members.into_iter().find(|(name, _)| name == "content");
    found.map_or(Content::Absent, |(_, value)| Content::Text(value.into_str()))
}

/// A value. It is written when all of it is read, so that what is nested deep is copied once and not at each level.
enum Value {
    /// What Python writes for a number, a truth value or nothing.
    Word(Cow<'static, str>),
    String(String),
    List(Vec<Value>),
    /// A name that comes twice stands in its first place with its last value, as in a `dict`.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// `str()`: a string is itself.
    fn into_str(self) -> String {
        if let Value::String(text) = self {
            return text;
        }
        let mut text = String::new();
        self.write_repr(&mut text);
        text
    }

    /// `repr()`: a string is quoted. `{'a': 1, 'b': [2]}`.
    fn write_repr(&self, out: &mut String) {
        match self {
            Value::Word(word) => out.push_str(word),
            Value::String(text) => write_quoted(text, out),
            Value::List(values) => {
                out.push('[');
                for (place, value) in values.iter().enumerate() {
                    out.push_str(if place > 0 { ", " } else { "" });
                    value.write_repr(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (place, (name, value)) in members.iter().enumerate() {
                    out.push_str(if place > 0 { ", " } else { "" });
                    write_quoted(name, out);
                    out.push_str(": ");
                    value.write_repr(out);
                }
                out.push('}');
            }
        }
    }
}

/// Reads from `at`. Every method gives `None` where the text is not JSON.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    fn value(&mut self) -> Option<Value> {
        match self.peek()? {
            b'"' => self.string().map(Value::String),
            b'{' => self.members().map(Value::Object),
            b'[' => self.list().map(Value::List),
            _ => {
                const WORDS: [(&str, &str); 6] = [
                    ("true", "True"),
                    ("false", "False"),
                    ("null", "None"),
                    ("NaN", "nan"),
                    ("Infinity", "inf"),
                    ("-Infinity", "-inf"),
                ];
                let word = WORDS.iter().find(|(json, _)| self.take_word(json));
                let word = word.map(|(_, python)| Cow::Borrowed(*python));
                word.or_else(|| self.number().map(Cow::Owned)).map(Value::Word)
            }
        }
    }

    fn members(&mut self) -> Option<Vec<(String, Value)>> {
        self.take(b'{')?;
        self.go_deeper()?;
        let mut members: Vec<(String, Value)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        self.skip_space();
        if self.take(b'}').is_none() {
            loop {
                self.skip_space();
                let name = self.string()?;
                self.skip_space();
                self.take(b':')?;
                self.skip_space();
                let value = self.value()?;
                match places.get(&name) {
                    Some(&place) => members[place].1 = value,
                    None => {
                        places.insert(name.clone(), members.len());
                        members.push((name, value));
                    }
                }
                self.skip_space();
                if self.take(b',').is_none() {
                    break;
                }
            }
            self.take(b'}')?;
        }
        self.depth -= 1;
        Some(members)
    }

    fn list(&mut self) -> Option<Vec<Value>> {
        self.take(b'[')?;
        self.go_deeper()?;
        let mut values = Vec::new();
        self.skip_space();
        if self.take(b']').is_none() {
            loop {
                self.skip_space();
                values.push(self.value()?);
                self.skip_space();
                if self.take(b',').is_none() {
                    break;
                }
            }
            self.take(b']')?;
        }
        self.depth -= 1;
        Some(values)
    }

    fn go_deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= DEPTH_MAX).then_some(())
    }

    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut value = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ')?;
            value.push_str(&rest[..plain]);
            self.at += plain + 1;
            match rest.as_bytes()[plain] {
                b'"' => return Some(value),
                b'\\' => value.push(self.escape()?),
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode_escape()?,
            _ => return None,
        })
    }

    fn unicode_escape(&mut self) -> Option<char> {
        let unit = self.four_digits()?;
        if let 0xd800..0xdc00 = unit {
            let before = self.at;
            if self.take_word("\\u") {
                if let low @ 0xdc00..0xe000 = self.four_digits()? {
                    return char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
                }
                // No pair: what follows stands for itself.
                self.at = before;
            }
        }
        Some(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        let value = digits
            .iter()
            .try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))?;
        self.at += 4;
        Some(value)
    }

    fn number(&mut self) -> Option<String> {
        let start = self.at;
        let _ = self.take(b'-');
        match self.peek()? {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        let whole = self.at;
        if self.peek() == Some(b'.') && self.digit_at(self.at + 1) {
            self.at += 1;
            self.digits();
        }
        if let Some(b'e' | b'E') = self.peek() {
            let sign =
                usize::from(matches!(self.text.as_bytes().get(self.at + 1), Some(b'+' | b'-')));
            if self.digit_at(self.at + 1 + sign) {
                self.at += 1 + sign;
                self.digits();
            }
        }
        let number = &self.text[start..self.at];
        if self.at > whole {
            return number.parse().ok().map(repr_float);
        }
        // An integer of any length keeps its digits; there is no negative zero among them.
        Some(if number == "-0" { "0".to_owned() } else { number.to_owned() })
    }

    fn digit_at(&self, at: usize) -> bool {
        self.text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
    }

    fn digits(&mut self) {
        while self.digit_at(self.at) {
            self.at += 1;
        }
    }
}

/// `repr(float)`: the fewest digits that give the number back, with an exponent below 1e-4 and from 1e16 on.
fn repr_float(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let exponent: i32 =
        scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    if (-4..16).contains(&exponent) {
        // `Display` never writes an exponent, and no ".0" after a whole number.
        let plain = format!("{number}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let (mantissa, _) = scientific.split_once('e').unwrap_or((&scientific, ""));
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// `repr(str)`: in single quotes unless only those occur in it, what is not printable escaped.
fn write_quoted(text: &str, quoted: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    quoted.reserve(text.len() + 2);
    quoted.push(quote);
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c == quote => quoted.extend(['\\', c]),
            c if is_printable(c) => quoted.push(c),
            c => {
                let code = u32::from(c);
                // Writing to a string does not fail.
                let _ = match code {
                    0..0x100 => write!(quoted, "\\x{code:02x}"),
                    0x100..0x1_0000 => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
        }
    }
    quoted.push(quote);
}

/// Python's `str.isprintable`: neither a separator, the space excepted, nor of the category "other".
fn is_printable(c: char) -> bool {
    use GeneralCategory as Category;
    c == ' '
        || !matches!(
            c.general_category(),
            Category::Control
                | Category::Format
                | Category::Surrogate
                | Category::PrivateUse
                | Category::Unassigned
                | Category::LineSeparator
                | Category::ParagraphSeparator
                | Category::SpaceSeparator
        )
}
