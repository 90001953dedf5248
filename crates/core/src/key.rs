//! The keys of names: two names are the same if their keys are.
//!
//! In this order: NFKC; the marks and joiners that Persian writes or leaves out go; letters and digits that
//! Persian and Arabic keyboards have twice become one; case folding. A person's name goes through the skeleton
//! of UTS 39 after that (look-alikes become one text) and is folded again, for the skeleton has capitals in
//! it. A room's name does not: `room1` and `rooml` are two rooms.

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use crate::precis::is_default_ignorable;

/// The key of a person's name.
pub(crate) fn of_name(text: &str) -> String {
    let folded = of_room(text);
    fold(skeleton(&folded))
}

/// The key of a room's name.
pub(crate) fn of_room(text: &str) -> String {
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
