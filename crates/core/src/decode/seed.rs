//! Decodes what a client of the seeds sends (`docs/reference/seed-dialect.md`).
//!
//! The seeds' server is a Python program: it reads a message with `json.loads`, takes `content` out of an
//! object and makes it a text with `str()`. What `json.loads` refuses is itself the content, and so, here, is
//! JSON that is not an object.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::python::{self, Content};
use crate::command::Command;

pub(crate) fn decode(text: &str) -> Option<Command<'_>> {
    let content = content(text)?;
    // Cleaning comes later, but what is empty is ignored and not refused.
    if content.trim().is_empty() {
        return None;
    }
    Some(Command::Send { id: None, content })
}

fn content(text: &str) -> Option<Cow<'_, str>> {
    if !text.trim_start().starts_with('{') {
        return Some(Cow::Borrowed(text));
    }
    // Nearly every message is an object with a string: that is taken in one pass and without a copy. Whatever
    // that pass does not understand is read again in Python's way.
    if let Ok(Simple(content)) = serde_json::from_str(text) {
        return Some(content);
    }
    match python::content(text) {
        Content::Text(content) => Some(Cow::Owned(content)),
        Content::Absent => None,
        Content::NoObject => Some(Cow::Borrowed(text)),
    }
}

/// An object whose `content` is a string: of several, the last one.
struct Simple<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Simple<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SimpleVisitor)
    }
}

struct SimpleVisitor;

impl<'de> Visitor<'de> for SimpleVisitor {
    type Value = Simple<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a string as content")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Simple<'de>, A::Error> {
        let mut content = None;
        while let Some(Text(key)) = map.next_key()? {
            if key == "content" {
                content = Some(map.next_value::<Text<'de>>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        content.map(Simple).ok_or_else(|| serde::de::Error::missing_field("content"))
    }
}

/// A string, borrowed where it has no escape.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
#[path = "seed_tests.rs"]
mod tests;
