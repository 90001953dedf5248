//! The keys of names: two names are the same if their keys are.
//!
//! In this order: NFKC; the marks and joiners that Persian writes or leaves out go; letters and digits that
//! Persian and Arabic keyboards have twice become one; case folding. A person's name goes through the skeleton
//! of UTS 39 after that (look-alikes become one text) and is folded again, for the skeleton has capitals in
//! it. A room's name does not: `room1` and `rooml` are two rooms.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use crate::precis::is_default_ignorable;

/// What the skeleton makes of each character of ASCII, folded; `None` if that is not of ASCII itself.
static ASCII_SKELETONS: LazyLock<[Option<Box<str>>; 128]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let text = char::from(code as u8).to_string();
        Some(fold(skeleton(&text))).filter(|made| made.is_ascii()).map(Box::from)
    })
});

/// The key of a person's name.
pub(crate) fn of_name(text: &str) -> String {
    let folded = of_room(text);
    ascii_skeleton(&folded).unwrap_or_else(|| fold(skeleton(&folded)))
}

/// The skeleton of a text of ASCII, if it is of ASCII too: then nothing in it can compose, and each character stands for
/// itself.
fn ascii_skeleton(folded: &str) -> Option<String> {
    let mut key = String::with_capacity(folded.len() + 8);
    for byte in folded.bytes() {
        key.push_str(ASCII_SKELETONS.get(usize::from(byte))?.as_deref()?);
    }
    Some(key)
}

/// The key of a room's name.
pub(crate) fn of_room(text: &str) -> String {
    if is_plain(text) { with_plain_spaces(text).to_ascii_lowercase() } else { of_any_room(text) }
}

/// Whether the text is of letters, digits, signs and spaces of ASCII: it is in every normal form, and what is folded or
/// looked up in it stays one byte each.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// A [plain](is_plain) text with one space where there were several, and none at its ends.
pub(crate) fn with_plain_spaces(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    spaced
}

fn of_any_room(text: &str) -> String {
    let written = text.nfkc().filter(|c| !is_left_out(*c)).map(unified);
    // Marks that went may have kept others from composing, so the form is made once more; and one that stood
    // on a space leaves it behind.
    let key: String = fold(written).nfkc().collect();
    key.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What makes no difference: characters that show nothing (ZWNJ and ZWJ among them), the tatweel, and the
/// marks over and under Arabic letters: harakat, a hamza or madda that did not compose, Quranic signs.
fn is_left_out(c: char) -> bool {
    is_default_ignorable(c)
        || matches!(c, '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}'
            | '\u{6df}'..='\u{6e4}' | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{898}'..='\u{89f}'
            | '\u{8ca}'..='\u{8e1}' | '\u{8e3}'..='\u{8ff}')
}

/// One letter and one digit for what different keyboards write differently.
fn unified(c: char) -> char {
    match c {
        // Arabic yeh and alef maksura: Persian yeh.
        '\u{64a}' | '\u{649}' => '\u{6cc}',
        // Arabic kaf: Persian keheh.
        '\u{643}' => '\u{6a9}',
        // Heh with a hamza (the "-ye" of خانهٔ, which goes as a mark), heh goal, ae: heh.
        '\u{6c0}' | '\u{6c1}' | '\u{6c2}' | '\u{6d5}' => '\u{647}',
        '\u{660}'..='\u{669}' => ascii_digit(c, '\u{660}'),
        '\u{6f0}'..='\u{6f9}' => ascii_digit(c, '\u{6f0}'),
        c => c,
    }
}

fn ascii_digit(c: char, zero: char) -> char {
    char::from(b'0' + (u32::from(c) - u32::from(zero)) as u8)
}

/// Folds case: every character to lower, to upper and to lower case again, so that ẞ and ß are ss, ς is σ, and
/// ı is i.
fn fold(text: impl Iterator<Item = char>) -> String {
    text.flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_any_name(text: &str) -> String {
        fold(skeleton(&of_any_room(text)))
    }

    #[test]
    fn every_character_of_ascii_has_the_key_that_it_would_have_in_any_text() {
        for code in 0..128u8 {
            let text = char::from(code).to_string();
            assert_eq!(of_name(&text), of_any_name(&text), "{text:?}");
            assert_eq!(of_room(&text), of_any_room(&text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_short_way_for_ascii_gives_the_same_keys(text in "[ -~]{0,40}|[ -~\\t\\n]{0,8}|\\PC{0,8}") {
            prop_assert_eq!(of_name(&text), of_any_name(&text));
            prop_assert_eq!(of_room(&text), of_any_room(&text));
        }
    }
}
