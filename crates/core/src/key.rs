//! The keys of names: two names are the same if their keys are.
//!
//! In this order: NFKC; the marks and joiners that Persian writes or leaves out go; letters and digits that
//! Persian and Arabic keyboards have twice become one; case folding. A room's key is that: `room1` and `rooml` are two
//! rooms.
//!
//! In a person's name look-alikes become one text, by the skeleton of UTS 39. What a letter looks like is asked before its
//! case is folded, as М looks like M and its small form м does not: so a name that looks like ASCII as it is written
//! has the key of that. In any other name each letter is taken for what its small form looks like, or else its capital.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::skeleton;

use crate::precis::is_default_ignorable;

/// What becomes of each character of ASCII in the key of a person's name.
static ASCII_LOOKS: LazyLock<[Option<Box<str>>; 128]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let text = char::from(code as u8).to_string();
        Some(settled(text)).filter(|made| made.is_ascii()).map(Box::from)
    })
});

/// The key of a person's name.
pub(crate) fn of_name(text: &str) -> String {
    let plain = is_plain(text).then(|| ascii_looks(&of_room(text))).flatten();
    plain.unwrap_or_else(|| of_any_name(text))
}

/// A key without the marks over and under its letters.
pub(crate) fn without_marks(key: &str) -> String {
    key.nfd().filter(|c| c.general_category_group() != GeneralCategoryGroup::Mark).collect()
}

/// The key of a text of ASCII, if it is of ASCII too: then nothing in it can compose, and each character stands for
/// itself.
fn ascii_looks(folded: &str) -> Option<String> {
    let mut key = String::with_capacity(folded.len() + 8);
    for byte in folded.bytes() {
        key.push_str(ASCII_LOOKS.get(usize::from(byte))?.as_deref()?);
    }
    Some(key)
}

/// How often a text is made simpler at most. What needs more than three times is not known to exist.
const TURNS: usize = 8;

fn of_any_name(text: &str) -> String {
    let mut key = looked_at(text);
    for _ in 0..TURNS {
        let next = looked_at(&key);
        if next == key {
            break;
        }
        key = next;
    }
    key
}

fn looked_at(text: &str) -> String {
    let written: String = written(text).map(twin).collect();
    let written = spaced(written.nfkc());
    let seen = settled(skeleton(&written).collect());
    if seen.is_ascii() {
        return seen;
    }
    let folded = fold(written.chars());
    settled(folded.nfkd().map(look).collect())
}

/// What looks like it among the letters of ASCII, if it is a letter with a capital or a small form that looks like one.
fn look(c: char) -> Look {
    if c.is_ascii() || (c.to_lowercase().eq([c]) && c.to_uppercase().eq([c])) {
        return Look::Itself(c);
    }
    let as_ascii =
        |text: String| Some(settled(skeleton(&text).collect())).filter(|seen| seen.is_ascii());
    let small = as_ascii(c.to_string());
    let seen = small.or_else(|| as_ascii(c.to_uppercase().collect()));
    seen.map_or(Look::Itself(c), Look::Text)
}

/// What a character is taken for.
enum Look {
    Itself(char),
    Text(String),
}

impl FromIterator<Look> for String {
    fn from_iter<I: IntoIterator<Item = Look>>(looks: I) -> String {
        let mut text = String::new();
        for look in looks {
            match look {
                Look::Itself(c) => text.push(c),
                Look::Text(seen) => text.push_str(&seen),
            }
        }
        text
    }
}

/// The skeleton, folded, again and again until neither changes anything: the skeleton has capitals in it (that of `0` is
/// `O`), and what they fold to may have a skeleton of its own.
fn settled(mut text: String) -> String {
    for _ in 0..TURNS {
        let folded: String = fold(text.chars()).chars().map(small_capital).collect();
        let next: String = fold(skeleton(&folded)).chars().map(small_capital).collect();
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// What UTS 39 leaves apart. Small capitals are their letters. And as a capital `I` looks like `l` and is `i`, these are one:
/// else either `paypaI` would not be `paypal`, or `ALI` not `ali`.
fn small_capital(c: char) -> char {
    match c {
        'i' => 'l',
        'ᴀ' => 'a',
        'ʙ' => 'b',
        'ᴅ' => 'd',
        'ᴇ' => 'e',
        'ꜰ' => 'f',
        'ɢ' => 'g',
        'ʜ' => 'h',
        'ᴊ' => 'j',
        'ᴋ' | 'ĸ' => 'k',
        'ʟ' => 'l',
        // ʍ is what UTS 39 makes of ᴍ and м.
        'ᴍ' | 'ʍ' => 'm',
        'ɴ' => 'n',
        'ᴘ' => 'p',
        'ꞯ' => 'q',
        'ʀ' => 'r',
        'ᴛ' => 't',
        c => c,
    }
}

/// Letters of other languages in the Arabic script that look like one of Persian in some place of a word, or are how Arabic
/// spells it: teh marbuta (فاطمة) is heh; the yehs of Uyghur, Kashmiri and Pashto are yeh, and so is the beeh that looks like
/// them inside a word.
fn twin(c: char) -> char {
    match c {
        '\u{629}' | '\u{6c3}' => '\u{647}',
        '\u{620}' | '\u{67b}' | '\u{6cd}' | '\u{6d0}' | '\u{6d2}' => '\u{6cc}',
        c => c,
    }
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
    // Marks that went may have kept others from composing, so the form is made once more; and one that stood
    // on a space leaves it behind.
    spaced(fold(written(text)).nfkc())
}

/// What is written, without what makes no difference.
fn written(text: &str) -> impl Iterator<Item = char> {
    text.nfkc().filter(|c| !is_left_out(*c)).map(unified)
}

fn spaced(text: impl Iterator<Item = char>) -> String {
    let text: String = text.collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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

        #[test]
        fn the_key_of_a_key_is_itself(text in "\\PC{0,24}|[\\p{Greek}\\p{Cyrillic}\\p{Arabic}\\p{Latin}\\p{M}]{0,24}") {
            let key = of_name(&text);
            prop_assert_eq!(of_name(&key), key);
        }
    }

    /// Texts that the skeleton makes letters and digits of ASCII, and what it makes of them.
    fn confused_with_ascii() -> impl Iterator<Item = (char, String)> {
        ('\u{80}'..'\u{20000}').filter_map(|c| {
            let text = c.to_string();
            let seen: String = skeleton(&text).collect();
            let is_taken_as_it_is = written(&text).eq([c]) && twin(c) == c;
            (seen.bytes().all(|byte| byte.is_ascii_alphanumeric()) && is_taken_as_it_is)
                .then_some((c, seen))
        })
    }

    #[test]
    fn whatever_unicode_confuses_with_a_letter_or_digit_of_ascii_has_its_key_in_either_case() {
        let mut compared = 0;
        for (c, seen) in confused_with_ascii() {
            compared += 1;
            let key = of_name(&seen);
            for (text, other) in [
                (c.to_string(), seen.to_ascii_lowercase()),
                (c.to_string(), seen.to_ascii_uppercase()),
                (format!("x{c}"), format!("X{seen}")),
                (format!("é{c}"), format!("É{seen}")),
            ] {
                let differs_by_case = seen_otherwise(c).is_some_and(|other| other != key);
                if text.starts_with('é') && differs_by_case {
                    continue;
                }
                assert_eq!(of_name(&text), of_name(&other), "{c} U+{:04X} {seen}", u32::from(c));
            }
        }
        assert!(compared > 600, "{compared}");
    }

    /// What the other form of a letter is confused with, if that is of ASCII.
    fn seen_otherwise(c: char) -> Option<String> {
        let other: String = if c.to_lowercase().eq([c]) {
            c.to_uppercase().collect()
        } else {
            c.to_lowercase().collect()
        };
        Some(settled(skeleton(&other).collect())).filter(|seen| seen.is_ascii())
    }

    #[test]
    fn small_capitals_are_their_letters() {
        let small = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ";
        for (one, other) in small.chars().zip("abcdefghijklmnopqrstuvwyz".chars()) {
            assert_eq!(of_name(&one.to_string()), of_name(&other.to_string()), "{one}");
        }
    }
}
