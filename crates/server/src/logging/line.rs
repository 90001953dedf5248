//! One line of the log: bounded, and without characters that could pass for another line or change the terminal.

use std::fmt::{self, Debug, Write};

use hamhame_core::event;
use serde_json::{Map, Value, json};
use tracing::Level;
use tracing::field::{Field, Visit};

use crate::clock;

/// Bytes of one value; the rest is an ellipsis.
const VALUE: usize = 512;

/// Values of one line.
const VALUES: usize = 12;

/// What an event says.
#[derive(Default)]
pub struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    /// Words alone.
    pub fn of(words: &str) -> Fields {
        Fields { message: bounded(format_args!("{words}")), others: Vec::new() }
    }

    /// The words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.message.is_empty() && self.others.is_empty()
    }

    fn push(&mut self, field: &Field, value: Value) {
        if self.others.len() < VALUES {
            self.others.push((field.name(), value));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = bounded(format_args!("{value:?}"));
        if field.name() == "message" {
            self.message = text;
        } else {
            self.push(field, text.into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value.into());
    }
}

/// For people.
pub fn text(level: &Level, target: &str, fields: &Fields, coloured: bool) -> String {
    let colour = match *level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        _ => "34",
    };
    let (dim, paint, plain) = match coloured {
        true => ("\x1b[2m", format!("\x1b[{colour}m"), "\x1b[0m"),
        false => ("", String::new(), ""),
    };
    let time = event::timestamp(clock::micros());
    let mut line = format!(
        "{dim}{time}{plain} {paint}{level:>5}{plain} {dim}{target}:{plain} {}",
        fields.message
    );
    for (name, value) in &fields.others {
        // Writing into memory cannot fail.
        let _ = match value {
            Value::String(text) if !text.contains([' ', '"', '=']) => {
                write!(line, " {name}={text}")
            }
            value => write!(line, " {name}={value}"),
        };
    }
    line + "\n"
}

/// For machines.
pub fn json(level: &Level, target: &str, fields: &Fields) -> String {
    let mut all = Map::new();
    all.insert("message".into(), fields.message.as_str().into());
    all.extend(fields.others.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let line = json!({
        "timestamp": event::timestamp(clock::micros()),
        "level": level.as_str(),
        "fields": all,
        "target": target,
    });
    format!("{line}\n")
}

/// What is written, cut short and with escapes for what cannot be seen.
fn bounded(what: fmt::Arguments<'_>) -> String {
    let mut text = Bounded(String::new());
    // It fails where the text is full, and nothing more is written then.
    if text.write_fmt(what).is_err() {
        text.0.push('…');
    }
    text.0
}

struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for character in part.chars() {
            if self.0.len() >= VALUE {
                return Err(fmt::Error);
            }
            if is_unseen(character) {
                write!(self.0, "{}", character.escape_unicode())?;
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

/// Controls of terminals, of lines, and of the direction of text.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_line_passes_for_another_line_or_speaks_to_the_terminal() {
        let said = "a\nb\r\x1b[31mc\u{9b}d\u{202e}e\u{2028}f\u{7f}\t\0 سلام\u{200c}ها";
        let fields = Fields::of(said);
        for line in [text(&Level::WARN, "t", &fields, false), json(&Level::WARN, "t", &fields)] {
            assert_eq!(line.matches('\n').count(), 1);
            assert!(line.ends_with('\n'));
            assert!(!line.trim_end().contains(is_unseen), "{line:?}");
            assert!(line.contains("u{1b}[31mc"), "{line}");
            assert!(line.contains("سلام\u{200c}ها"), "{line}");
        }
    }

    #[test]
    fn a_line_is_bounded_whatever_is_said() {
        for said in ["x", "\"\\", "\u{1}", "😀"] {
            let fields = Fields::of(&said.repeat(100_000));
            assert!(fields.message().len() < VALUE + 16);
            for line in [text(&Level::WARN, "t", &fields, true), json(&Level::WARN, "t", &fields)] {
                assert!(line.len() < 3 * VALUE, "{}", line.len());
            }
        }
    }

    #[test]
    fn a_line_for_machines_is_one_object() {
        let line = json(&Level::INFO, "hamhame::run", &Fields::of("said \"so\""));
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["fields"]["message"], "said \"so\"");
        assert_eq!((&value["level"], &value["target"]), (&"INFO".into(), &"hamhame::run".into()));
    }
}
