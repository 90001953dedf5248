//! Which characters a name may hold: the FreeformClass of PRECIS (RFC 8264, section 4.3), on current Unicode.
//!
//! Derived here from general categories, as section 8 says it is to be done, because the tables of the
//! published crates stop at Unicode 6.3 and would refuse every emoji since 2013. Where both know a character,
//! a test compares them.

use unicode_joining_type::{JoiningType, get_joining_type};
use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

/// The zero width non-joiner.
pub(crate) const ZWNJ: char = '\u{200c}';
/// The zero width joiner.
pub(crate) const ZWJ: char = '\u{200d}';

/// The combining class of viramas (UAX 44).
const VIRAMA: u8 = 9;

/// What PRECIS says of a character in free text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It may stand anywhere.
    Valid,
    /// It may stand where [`Label::allows`] says so.
    Context,
    /// It may not be used.
    Disallowed,
    /// This Unicode does not know it.
    Unassigned,
}

/// The derived property of RFC 8264, section 8, in its order. `BackwardCompatible` (9.7) is empty.
pub(crate) fn verdict(c: char) -> Verdict {
    use GeneralCategory as Category;
    if let Some(exception) = exception(c) {
        return exception;
    }
    let category = c.general_category();
    if category == Category::Unassigned {
        return if is_noncharacter(c) { Verdict::Disallowed } else { Verdict::Unassigned };
    }
    match c {
        '!'..='~' => return Verdict::Valid,
        ZWNJ | ZWJ => return Verdict::Context,
        _ if is_old_hangul_jamo(c) || is_default_ignorable(c) => return Verdict::Disallowed,
        _ => {}
    }
    match category {
        Category::Control => Verdict::Disallowed,
        // HasCompat (9.17) is asked before the categories, so that what has a compatible form passes.
        Category::Format | Category::Surrogate | Category::PrivateUse => {
            valid_if(has_compatible_form(c))
        }
        Category::LineSeparator | Category::ParagraphSeparator => valid_if(has_compatible_form(c)),
        _ => Verdict::Valid,
    }
}

fn valid_if(valid: bool) -> Verdict {
    if valid { Verdict::Valid } else { Verdict::Disallowed }
}

/// Exceptions (RFC 8264, section 9.6, which is RFC 5892, section 2.6).
fn exception(c: char) -> Option<Verdict> {
    match c {
        '\u{df}' | '\u{3c2}' | '\u{6fd}' | '\u{6fe}' | '\u{f0b}' | '\u{3007}' => {
            Some(Verdict::Valid)
        }
        '\u{b7}' | '\u{375}' | '\u{5f3}' | '\u{5f4}' | '\u{30fb}' => Some(Verdict::Context),
        '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}' => Some(Verdict::Context),
        '\u{640}' | '\u{7fa}' | '\u{302e}' | '\u{302f}' | '\u{3031}'..='\u{3035}' | '\u{303b}' => {
            Some(Verdict::Disallowed)
        }
        _ => None,
    }
}

fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

/// Hangul_Syllable_Type L, V or T (RFC 8264, section 9.9).
fn is_old_hangul_jamo(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97c}' | '\u{d7b0}'..='\u{d7c6}' | '\u{d7cb}'..='\u{d7fb}')
}

/// Default_Ignorable_Code_Point (UAX 44): what shows nothing where it is not understood.
pub(crate) fn is_default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// HasCompat (RFC 8264, section 9.17): NFKC makes another text of it.
fn has_compatible_form(c: char) -> bool {
    !std::iter::once(c).nfkc().eq(std::iter::once(c))
}

/// A text, with what the rules of RFC 5892, appendix A, ask of all of it: read once, so that no character has to look far.
pub(crate) struct Label {
    chars: Vec<char>,
    /// For each place, the nearest character before it and after it that is not [transparent](is_transparent).
    neighbours: Vec<(Option<char>, Option<char>)>,
    has_arabic_digit: bool,
    has_persian_digit: bool,
    has_kana_or_han: bool,
}

impl Label {
    pub(crate) fn new(text: &str) -> Label {
        let chars: Vec<char> = text.chars().collect();
        let mut neighbours = vec![(None, None); chars.len()];
        if chars.contains(&ZWNJ) {
            let (mut left, mut right) = (None, None);
            for (at, &c) in chars.iter().enumerate() {
                neighbours[at].0 = left;
                left = if is_transparent(c) { left } else { Some(c) };
            }
            for (at, &c) in chars.iter().enumerate().rev() {
                neighbours[at].1 = right;
                right = if is_transparent(c) { right } else { Some(c) };
            }
        }
        let has = |is: fn(&char) -> bool| chars.iter().any(is);
        Label {
            has_arabic_digit: has(|c| matches!(c, '\u{660}'..='\u{669}')),
            has_persian_digit: has(|c| matches!(c, '\u{6f0}'..='\u{6f9}')),
            has_kana_or_han: has(|c| {
                matches!(c.script(), Script::Hiragana | Script::Katakana | Script::Han)
            }),
            neighbours,
            chars,
        }
    }

    /// Whether the character at `at`, whose verdict is [`Verdict::Context`], may stand there.
    pub(crate) fn allows(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map(|before| self.chars[before]);
        let after = self.chars.get(at + 1).copied();
        match self.chars[at] {
            ZWNJ => {
                let (left, right) = self.neighbours[at];
                zwnj_does_something(before, left, right)
            }
            ZWJ => before.is_some_and(is_virama),
            // Catalan: between two l.
            '\u{b7}' => before == Some('l') && after == Some('l'),
            '\u{375}' => after.is_some_and(|c| c.script() == Script::Greek),
            '\u{5f3}' | '\u{5f4}' => before.is_some_and(|c| c.script() == Script::Hebrew),
            '\u{30fb}' => self.has_kana_or_han,
            // The two kinds of Arabic digits are not mixed: half of them look the same.
            '\u{660}'..='\u{669}' => !self.has_persian_digit,
            '\u{6f0}'..='\u{6f9}' => !self.has_arabic_digit,
            _ => false,
        }
    }
}

/// Whether a ZWNJ does something (RFC 5892, appendix A.1): it follows a virama, or it parts two letters that
/// would otherwise join, which is what Persian needs it for. `before` is the character before it, `left` and
/// `right` are the next to either side that are not [transparent](is_transparent).
pub(crate) fn zwnj_does_something(
    before: Option<char>,
    left: Option<char>,
    right: Option<char>,
) -> bool {
    use JoiningType::{DualJoining, LeftJoining, RightJoining};
    before.is_some_and(is_virama)
        || (left.is_some_and(|c| matches!(get_joining_type(c), LeftJoining | DualJoining))
            && right.is_some_and(|c| matches!(get_joining_type(c), RightJoining | DualJoining)))
}

/// Whether letters join across the character, as they do across the marks over them.
pub(crate) fn is_transparent(c: char) -> bool {
    get_joining_type(c) == JoiningType::Transparent
}

fn is_virama(c: char) -> bool {
    canonical_combining_class(c) == VIRAMA
}

#[cfg(test)]
mod tests {
    use precis_core::{DerivedPropertyValue, FreeformClass, StringClass};

    use super::*;

    #[test]
    fn what_the_published_tables_know_is_judged_alike() {
        let published = FreeformClass::default();
        let mut compared = 0;
        let mut different = Vec::new();
        for c in '\0'..=char::MAX {
            let expected = match published.get_value_from_char(c) {
                DerivedPropertyValue::PValid | DerivedPropertyValue::SpecClassPval => {
                    Verdict::Valid
                }
                DerivedPropertyValue::ContextJ | DerivedPropertyValue::ContextO => Verdict::Context,
                DerivedPropertyValue::Disallowed | DerivedPropertyValue::SpecClassDis => {
                    Verdict::Disallowed
                }
                // Unicode has grown since.
                DerivedPropertyValue::Unassigned => continue,
            };
            compared += 1;
            if verdict(c) != expected {
                different.push((c, expected, verdict(c)));
            }
        }
        assert!(compared > 240_000, "{compared}");
        assert_eq!(different, []);
    }

    #[test]
    fn emoji_of_this_decade_are_characters() {
        for c in ['🤔', '🥰', '🧕', '🫡', '🫠'] {
            assert_eq!(verdict(c), Verdict::Valid, "{c}");
        }
    }
}
