//! The content of messages: cleaned, bounded, and unable to reorder what stands around it.

use std::borrow::Cow;
use std::fmt;

use unicode_segmentation::UnicodeSegmentation;

/// How long a message may be. Both hold for the cleaned text; what has more than twice the bytes before it is cleaned,
/// white space at its ends not counted, is not cleaned at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TextLimits {
    /// What a reader counts as characters (extended grapheme clusters, UAX 29).
    pub graphemes: usize,
    /// Bytes of UTF-8.
    pub bytes: usize,
}

impl Default for TextLimits {
    /// 4,000 graphemes and 16 KiB.
    fn default() -> Self {
        Self { graphemes: 4000, bytes: 16 * 1024 }
    }
}

/// Why a content is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TextError {
    /// There is nothing in it that could be seen.
    Empty,
    /// It is longer than the limits allow.
    TooLong {
        /// Its graphemes. They are not counted in what has more than twice the bytes.
        graphemes: Option<usize>,
        /// Its bytes.
        bytes: usize,
        /// What would have been allowed.
        limit: TextLimits,
    },
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("The message is empty."),
            Self::TooLong { graphemes: Some(graphemes), limit, .. }
                if *graphemes > limit.graphemes =>
            {
                write!(
                    f,
                    "The message is too long: {graphemes} characters, at most {} may be sent.",
                    limit.graphemes
                )
            }
            Self::TooLong { bytes, limit, .. } => {
                write!(
                    f,
                    "The message is too long: {bytes} bytes, at most {} may be sent.",
                    limit.bytes
                )
            }
        }
    }
}

impl std::error::Error for TextError {}

/// Cleans a message's content; borrowed when there is nothing to change.
///
/// White space at the ends goes, a line ends with `\n` alone, and control characters other than `\n` and `\t`
/// go. In each paragraph, bidi embeddings, overrides and isolates (UAX 9) that are still open at its end are
/// closed there, and closers that close nothing go: so no message changes the direction of another. Everything
/// else stays, ZWNJ and emoji joiners included.
///
/// It takes time linear in the bytes of `content`. What is far too long is refused first: cleaning takes something away
/// (controls, closers of nothing) and adds something (closers), but nobody types as much of that as of text. So the length
/// is judged twice, each time without white space at the ends: as it came, at twice the limit of bytes, and cleaned.
///
/// # Errors
///
/// [`TextError::Empty`] if nothing visible is left, [`TextError::TooLong`] above the limits.
pub fn clean<'a>(content: &'a str, limits: &TextLimits) -> Result<Cow<'a, str>, TextError> {
    let trimmed = content.trim();
    if trimmed.len() > limits.bytes.saturating_mul(2) {
        return Err(TextError::TooLong { graphemes: None, bytes: trimmed.len(), limit: *limits });
    }
    let cleaned = if may_need_change(trimmed.as_bytes()) {
        let kept = without_controls(trimmed);
        let balanced = balance(kept.trim());
        // A closer that went may have stood between the white space and the end.
        let text = balanced.trim();
        if text == trimmed { Cow::Borrowed(trimmed) } else { Cow::Owned(text.to_owned()) }
    } else {
        Cow::Borrowed(trimmed)
    };
    if cleaned.chars().all(is_blank) {
        return Err(TextError::Empty);
    }
    measure(&cleaned, limits)?;
    Ok(cleaned)
}

fn measure(text: &str, limits: &TextLimits) -> Result<(), TextError> {
    // A grapheme has at least one character and a character at least one byte: most texts need no count.
    let bytes = text.len();
    if bytes <= limits.bytes
        && (bytes <= limits.graphemes || text.chars().count() <= limits.graphemes)
    {
        return Ok(());
    }
    let graphemes = text.graphemes(true).count();
    if bytes > limits.bytes || graphemes > limits.graphemes {
        return Err(TextError::TooLong { graphemes: Some(graphemes), bytes, limit: *limits });
    }
    Ok(())
}

/// Bytes with which something that [`clean`] changes may begin: a control character, or the lead byte of
/// U+0080–U+00BF or of U+2000–U+2FFF.
const SUSPECT: [bool; 256] = {
    let mut suspect = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        suspect[byte] = byte != b'\n' as usize && byte != b'\t' as usize;
        byte += 1;
    }
    suspect[0x7f] = true;
    suspect[0xc2] = true;
    suspect[0xe2] = true;
    suspect
};

/// A scan that costs little: false means that [`clean`] has nothing to do but trim.
fn may_need_change(bytes: &[u8]) -> bool {
    // U+200C and much punctuation share their lead byte with the bidi controls, so a suspicion is looked into.
    bytes.iter().enumerate().any(|(at, &byte)| {
        SUSPECT[usize::from(byte)]
            && match (byte, bytes.get(at + 1), bytes.get(at + 2)) {
                (0xc2, Some(next), _) => matches!(next, 0x80..=0x9f),
                (0xe2, Some(0x80), Some(last)) => matches!(last, 0xaa..=0xae),
                (0xe2, Some(0x81), Some(last)) => matches!(last, 0xa6..=0xa9),
                (0xe2, ..) => false,
                _ => true,
            }
    })
}

fn without_controls(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' => {
                if rest.peek() != Some(&'\n') {
                    kept.push('\n');
                }
            }
            '\n' | '\t' => kept.push(c),
            c if c.is_control() => {}
            c => kept.push(c),
        }
    }
    kept
}

/// What a bidi control opens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// LRE, RLE, LRO, RLO: closed by PDF.
    Embedding,
    /// LRI, RLI, FSI: closed by PDI.
    Isolate,
}

const PDF: char = '\u{202c}';
const PDI: char = '\u{2069}';

/// What is open in a paragraph.
#[derive(Default)]
struct Nesting {
    open: Vec<Open>,
    /// Where in `open` the isolates stand, so that no closer has to look for its opener.
    isolates: Vec<usize>,
}

impl Nesting {
    fn begin(&mut self, kind: Open) {
        if kind == Open::Isolate {
            self.isolates.push(self.open.len());
        }
        self.open.push(kind);
    }

    /// A PDF closes the last embedding, but not through an isolate that began after it. False if it closes nothing.
    fn end_embedding(&mut self) -> bool {
        let closes = self.open.last() == Some(&Open::Embedding);
        if closes {
            self.open.pop();
        }
        closes
    }

    /// A PDI closes the last isolate and every embedding that is open inside it. False if it closes nothing.
    fn end_isolate(&mut self) -> bool {
        let start = self.isolates.pop();
        if let Some(start) = start {
            self.open.truncate(start);
        }
        start.is_some()
    }

    /// Closes everything, the inner ones first.
    fn end_all(&mut self, text: &mut String) {
        self.isolates.clear();
        while let Some(kind) = self.open.pop() {
            text.push(match kind {
                Open::Embedding => PDF,
                Open::Isolate => PDI,
            });
        }
    }
}

/// Closes in each paragraph what is open at its end (UAX 9, rules X1–X8) and drops closers of nothing.
fn balance(text: &str) -> String {
    let mut balanced = String::with_capacity(text.len() + 6);
    let mut nesting = Nesting::default();
    for c in text.chars() {
        let stays = match c {
            '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}' => {
                nesting.begin(Open::Embedding);
                true
            }
            '\u{2066}'..='\u{2068}' => {
                nesting.begin(Open::Isolate);
                true
            }
            PDF => nesting.end_embedding(),
            PDI => nesting.end_isolate(),
            '\n' | '\u{2029}' => {
                nesting.end_all(&mut balanced);
                true
            }
            _ => true,
        };
        if stays {
            balanced.push(c);
        }
    }
    nesting.end_all(&mut balanced);
    balanced
}

/// Whether the character alone shows nothing: white space, and the invisible characters that steer others.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
