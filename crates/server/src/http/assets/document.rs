//! The page before any script: `index.html`, or `fault.html`, with the texts of a language in it. The build and the debug server both make it so.
//!
//! Elements of `index.html` say what they hold: `data-t` a text's key (with `a|b` the one for Persian and the one for English),
//! `data-placeholder`, `data-title` and `data-label` the same for attributes, `data-icon` an icon's name, `data-only` the door that
//! they are for, or a kind of fault (`fault.html`). The script of the page finds the same marks, and goes on with the elements that are there.

use std::collections::BTreeMap;

/// What a file holds, by its path in `web/`.
pub type Read<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The languages of the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Persian.
    Fa,
    /// English.
    En,
}

impl Language {
    /// Both.
    pub const ALL: [Language; 2] = [Language::Fa, Language::En];

    /// As `lang` says it.
    pub fn code(self) -> &'static str {
        match self {
            Language::Fa => "fa",
            Language::En => "en",
        }
    }

    /// The direction of its script.
    pub fn direction(self) -> &'static str {
        match self {
            Language::Fa => "rtl",
            Language::En => "ltr",
        }
    }
}

/// What the form asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// A name and a room.
    Start,
    /// A name, for the room of the link.
    Room,
}

impl Door {
    /// As `data-only` says it.
    pub fn code(self) -> &'static str {
        match self {
            Door::Start => "start",
            Door::Room => "room",
        }
    }
}

/// A page, its texts and its icons.
pub struct Document {
    markup: String,
    texts: [BTreeMap<String, String>; 2],
    icons: BTreeMap<String, String>,
}

impl Document {
    /// Read from `web/`. The error names what is missing.
    pub fn read(markup: &str, read: Read) -> Result<Document, String> {
        let file = |path: &str| read(path).ok_or_else(|| format!("{path} is missing"));
        Ok(Document {
            markup: file(markup)?,
            texts: [entries(&file("i18n/fa.js")?), entries(&file("i18n/en.js")?)],
            icons: entries(&file("ui/widgets/icons.js")?),
        })
    }

    /// The page in `language`, with what is for `only` shown. `preset` is for the script, which knows what the visitor chose.
    pub fn fill(&self, language: Language, only: &str, preset: &str) -> Result<String, String> {
        let mut page = String::with_capacity(self.markup.len() * 2);
        let mut elsewhere = BTreeMap::new();
        let mut pieces = self.markup.split('<');
        page.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let (tag, rest) =
                piece.split_once('>').ok_or_else(|| format!("<{piece} is not a tag"))?;
            page.push('<');
            if tag.starts_with("html") {
                let (lang, dir) = (language.code(), language.direction());
                page.push_str(&format!(
                    r#"html lang="{lang}" dir="{dir}" data-lang-default="{preset}""#
                ));
            } else {
                page.push_str(tag);
            }
            for (mark, names) in [
                ("data-placeholder", &["placeholder"][..]),
                ("data-title", &["title", "aria-label"]),
                ("data-label", &["aria-label"]),
            ] {
                let Some(key) = attribute(tag, mark) else { continue };
                let text = escaped(self.text(key, language, &mut elsewhere)?);
                for name in names {
                    page.push_str(&format!(" {name}=\"{text}\""));
                }
            }
            if attribute(tag, "data-only").is_some_and(|whose| whose != only) {
                page.push_str(" hidden");
            }
            page.push('>');
            if let Some(name) = attribute(tag, "data-icon") {
                let path = self.icons.get(name).ok_or_else(|| format!("no icon is {name}"))?;
                page.push_str(&format!("<path d=\"{path}\"></path>"));
            }
            if let Some(key) = attribute(tag, "data-t") {
                let text = escaped(self.text(key, language, &mut elsewhere)?);
                page.push_str(&text.replace("{room}", "<bdi data-room></bdi>"));
            }
            page.push_str(rest);
        }
        // For who chose the other language earlier: the script that runs before the first paint puts them in.
        Ok(page
            .replace("data-texts=\"\"", &format!("data-texts=\"{}\"", escaped(&json(&elsewhere)))))
    }

    /// A text of the language; the other language's is noted.
    fn text<'a>(
        &'a self,
        key: &'a str,
        language: Language,
        elsewhere: &mut BTreeMap<&'a str, &'a str>,
    ) -> Result<&'a str, String> {
        let (fa, en) = key.split_once('|').unwrap_or((key, key));
        let one = |texts: &'a BTreeMap<String, String>, key: &str| {
            texts.get(key).map(String::as_str).ok_or_else(|| format!("no text is {key}"))
        };
        let (fa, en) = (one(&self.texts[0], fa)?, one(&self.texts[1], en)?);
        let (text, other) = if language == Language::Fa { (fa, en) } else { (en, fa) };
        elsewhere.insert(key, other);
        Ok(text)
    }
}

/// The lines `"key": "text",` and `key: "text",` of a table in JavaScript. Others are none of ours.
fn entries(script: &str) -> BTreeMap<String, String> {
    let mut entries = BTreeMap::new();
    // A text that is too long for the line of its key stands on the next.
    let script = script.replace(":\n", ": ");
    for line in script.lines() {
        let Some((key, value)) = line.split_once(": ") else { continue };
        let value = value.trim();
        let value = value.strip_suffix(',').unwrap_or(value);
        let key = key.trim().trim_matches('"');
        if let Ok(text) = serde_json::from_str::<String>(value) {
            entries.insert(key.to_owned(), text);
        }
    }
    entries
}

fn json(texts: &BTreeMap<&str, &str>) -> String {
    serde_json::to_string(texts).unwrap_or_default()
}

/// The value of an attribute of a tag that is written as ours are: between double quotes.
pub fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// As text of an element or an attribute.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
