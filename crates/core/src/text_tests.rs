//! What [`super::clean`] promises.

use proptest::prelude::*;

use super::*;

fn cleaned(content: &str) -> String {
    clean(content, &TextLimits::default()).unwrap().into_owned()
}

fn is_borrowed(content: &str) -> bool {
    matches!(clean(content, &TextLimits::default()), Ok(Cow::Borrowed(_)))
}

#[test]
fn persian_stays_as_it_was_typed() {
    for text in [
        "سلام بر همه",
        "می‌روم به خانه‌ها",
        "نمی‌دانم… «شاید»",
        "كتاب عربي",
        "۱۲۳ و ١٢٣",
        "👩‍👩‍👧‍👦 سلام",
        "مَدرِسه",
    ] {
        assert_eq!(cleaned(text), text);
        assert!(is_borrowed(text), "{text} needs no copy");
    }
}

#[test]
fn white_space_at_the_ends_goes_without_a_copy() {
    assert_eq!(cleaned("  \n سلام\u{00a0}\u{3000}\t"), "سلام");
    assert!(is_borrowed("  سلام  "));
    assert!(is_borrowed("خط یک\n\tخط دو"));
}

#[test]
fn what_shows_nothing_is_empty() {
    for text in [
        "",
        "   ",
        "\n\t\r\n",
        "\0",
        "\u{200c}",
        "\u{200b}\u{feff}",
        "\u{202e}",
        "\u{2067}\u{2069}",
        "\u{3164}",
    ] {
        assert_eq!(clean(text, &TextLimits::default()), Err(TextError::Empty), "{text:?}");
    }
}

#[test]
fn control_characters_go_and_lines_stay() {
    assert_eq!(cleaned("a\0b\u{7}c\u{1b}[31m\u{7f}\u{9b}d"), "abc[31md");
    assert_eq!(cleaned("یک\r\nدو\rسه\n\nچهار\tپنج"), "یک\nدو\nسه\n\nچهار\tپنج");
    assert_eq!(cleaned("\0 سلام \0"), "سلام", "white space that a control character hid goes too");
}

#[test]
fn what_a_message_opens_it_closes() {
    assert_eq!(cleaned("\u{202e}abc"), "\u{202e}abc\u{202c}");
    assert_eq!(cleaned("\u{2067}abc"), "\u{2067}abc\u{2069}");
    assert_eq!(
        cleaned("\u{2066}\u{202b}abc"),
        "\u{2066}\u{202b}abc\u{202c}\u{2069}",
        "the inner one first"
    );
    assert_eq!(cleaned("\u{202e}abc\ndef"), "\u{202e}abc\u{202c}\ndef", "in its own paragraph");
    assert_eq!(cleaned("\u{202e}abc\r\n\u{2068}def"), "\u{202e}abc\u{202c}\n\u{2068}def\u{2069}");
    assert_eq!(cleaned("\u{202e}a\u{2029}b"), "\u{202e}a\u{202c}\u{2029}b");
}

#[test]
fn balanced_text_is_not_touched() {
    for text in [
        "\u{2067}abc\u{2069} d",
        "\u{202a}a\u{202c}b",
        "\u{2066}\u{202b}a\u{2069}b",
        "\u{200e}a\u{200f}b\u{061c}",
    ] {
        assert_eq!(cleaned(text), text);
        assert!(is_borrowed(text), "{text:?}");
    }
}

#[test]
fn a_closer_that_closes_nothing_goes() {
    assert_eq!(cleaned("a\u{202c}b\u{2069}c"), "abc");
    assert_eq!(
        cleaned("\u{202e}\u{2066}a\u{202c}b"),
        "\u{202e}\u{2066}ab\u{2069}\u{202c}",
        "a PDF does not reach out of an isolate"
    );
    assert_eq!(
        cleaned("\u{2067}a\nb\u{2069}"),
        "\u{2067}a\u{2069}\nb",
        "nor a PDI out of its paragraph"
    );
}

#[test]
fn four_thousand_graphemes_pass_however_they_are_made() {
    let family = "👨‍👩‍👧‍👦"; // 25 bytes, so the byte limit is met first
    let marked = "مَ"; // two characters, one grapheme
    for (unit, count) in
        [("a", 4000), ("س", 4000), (marked, 4000), ("😀", 4000), ("e\u{301}", 4000), (family, 655)]
    {
        let text = unit.repeat(count);
        assert_eq!(cleaned(&text).len(), text.len(), "{unit}");
    }
}

#[test]
fn one_grapheme_more_is_too_long_and_the_numbers_are_told() {
    for unit in ["a", "س", "مَ", "😀", "e\u{301}"] {
        let text = unit.repeat(4001);
        let Err(TextError::TooLong { graphemes, bytes, limit }) =
            clean(&text, &TextLimits::default())
        else {
            panic!("{unit} × 4001 passed");
        };
        assert_eq!((graphemes, bytes, limit), (Some(4001), text.len(), TextLimits::default()));
    }
}

#[test]
fn sixteen_kibibytes_bound_what_few_graphemes_can_hold() {
    let text = format!("e{}", "\u{301}".repeat(8191));
    assert_eq!(text.len(), 16_383);
    assert_eq!(cleaned(&text), text, "one grapheme of 16 KiB");
    let error = clean(&format!("{text}\u{301}"), &TextLimits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "The message is too long: 16385 bytes, at most 16384 may be sent."
    );
    let error = clean(&"س".repeat(4001), &TextLimits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "The message is too long: 4001 characters, at most 4000 may be sent."
    );
}

#[test]
fn closers_that_are_added_count() {
    let limits = TextLimits { graphemes: 100, bytes: 8 };
    assert_eq!(clean("\u{202e}ab", &limits).unwrap(), "\u{202e}ab\u{202c}");
    assert!(clean("\u{202e}abc", &limits).is_err());
}

#[test]
fn what_is_far_too_long_is_refused_as_it_came() {
    let most = 2 * TextLimits::default().bytes;
    // Cleaned, each of them would be the letter at its end.
    for unit in ["\0", "\u{2069}", "\u{202c}", "\u{9b}"] {
        let fits = format!("{}a", unit.repeat((most - 1) / unit.len()));
        assert_eq!(cleaned(&fits), "a", "{unit:?}");
        let text = format!("{}a", unit.repeat(most / unit.len() + 1));
        let limit = TextLimits::default();
        let expected = TextError::TooLong { graphemes: None, bytes: text.len(), limit };
        assert_eq!(clean(&text, &limit), Err(expected.clone()), "{unit:?}");
        let told =
            format!("The message is too long: {} bytes, at most 16384 may be sent.", text.len());
        assert_eq!(expected.to_string(), told);
    }
    let spaced = format!("{}a{}", " ".repeat(most), "\n".repeat(most));
    assert_eq!(cleaned(&spaced), "a", "white space at the ends is no text");
}

#[test]
fn limits_may_be_lifted() {
    let limits = TextLimits { graphemes: usize::MAX, bytes: usize::MAX };
    assert!(clean(&"س".repeat(100_000), &limits).is_ok());
}

/// Whether every paragraph closes what it opens, written apart from the code it judges.
fn is_balanced(text: &str) -> bool {
    text.split(['\n', '\u{2029}']).all(|paragraph| {
        let mut open = String::new();
        for c in paragraph.chars() {
            match c {
                '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}' => open.push('e'),
                '\u{2066}' | '\u{2067}' | '\u{2068}' => open.push('i'),
                '\u{202c}' if !open.ends_with('e') => return false,
                '\u{202c}' => drop(open.pop()),
                '\u{2069}' => match open.rfind('i') {
                    Some(at) => open.truncate(at),
                    None => return false,
                },
                _ => {}
            }
        }
        open.is_empty()
    })
}

/// Text with many bidi controls, line ends and control characters.
fn bidi_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\u{202a}"),
        Just("\u{202b}"),
        Just("\u{202c}"),
        Just("\u{202d}"),
        Just("\u{202e}"),
        Just("\u{2066}"),
        Just("\u{2067}"),
        Just("\u{2068}"),
        Just("\u{2069}"),
        Just("\n"),
        Just("\r"),
        Just("\r\n"),
        Just("\u{2029}"),
        Just("\0"),
        Just("\u{85}"),
        Just(" "),
        Just("a"),
        Just("س"),
        Just("\u{200c}"),
        Just("\u{301}"),
        Just("👩‍👩‍👧"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_cleaned_text_is_balanced_and_clean(text in prop_oneof![any::<String>(), bidi_text()]) {
        if let Ok(once) = clean(&text, &TextLimits::default()) {
            prop_assert!(is_balanced(&once));
            prop_assert!(once.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            prop_assert_eq!(once.trim(), &*once);
            let twice = clean(&once, &TextLimits::default());
            prop_assert_eq!(twice.as_deref(), Ok(&*once), "cleaning again changes nothing");
        }
    }

    #[test]
    fn nothing_but_controls_and_white_space_is_ever_taken_away(text in any::<String>()) {
        let visible = |text: &str| -> String {
            let steering = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            text.chars().filter(|c| !c.is_control() && !c.is_whitespace() && !steering(c)).collect()
        };
        if let Ok(cleaned) = clean(&text, &TextLimits { graphemes: usize::MAX, bytes: usize::MAX }) {
            prop_assert_eq!(visible(&cleaned), visible(&text));
        }
    }
}
