//! What holds of any text that is taken for a name.

use proptest::prelude::*;

use super::*;

/// Text with much of what names treat in their own way.
fn tricky() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\u{200c}"),
        Just(" "),
        Just("\u{a0}"),
        Just("ـ"),
        Just("\u{64e}"),
        Just("\u{654}"),
        Just("\u{653}"),
        Just("ا"),
        Just("ی"),
        Just("ي"),
        Just("و"),
        Just("ه"),
        Just("س"),
        Just("۴"),
        Just("٤"),
        Just("a"),
        Just("E"),
        Just("\u{301}"),
        Just("क"),
        Just("\u{94d}"),
        Just("ß"),
        Just("İ"),
        Just("ﷺ"),
        Just("\u{fe0f}"),
        Just("1"),
        Just("각"),
        Just("\u{11a8}"),
        Just("·"),
        Just("l"),
        Just("ϓ"),
        Just("\u{f43}"),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_short_way_for_ascii_cleans_and_refuses_alike(text in "[ -~]{0,140}| {0,3}[a-z]{0,36} {0,2}") {
        for max in [NAME_MAX, ROOM_NAME_MAX] {
            prop_assert_eq!(cleaned(&text, max), cleaned_of_any(&text, max));
        }
    }

    #[test]
    fn a_name_that_was_parsed_parses_to_itself(text in prop_oneof![any::<String>(), tricky()]) {
        if let Ok(once) = Name::parse(&text) {
            prop_assert_eq!(Name::parse(once.as_str()), Ok(once.clone()));
            prop_assert!(once.as_str().len() <= NAME_MAX.1 && !once.key().is_empty());
        }
        if let Ok(once) = RoomName::parse(&text) {
            prop_assert_eq!(RoomName::parse(once.as_str()), Ok(once.clone()));
        }
    }

    #[test]
    fn a_rooms_key_is_the_key_of_itself(text in prop_oneof![any::<String>(), tricky()]) {
        if let Ok(room) = RoomName::parse(&text) {
            prop_assert_eq!(crate::key::of_room(room.key()), room.key());
        }
    }

    #[test]
    fn case_makes_no_two_names(text in "[\\p{L}\\p{N} ]{1,20}") {
        if let (Ok(one), Ok(other)) = (Name::parse(&text), Name::parse(&text.to_uppercase())) {
            prop_assert_eq!(one.key(), other.key());
        }
    }

    #[test]
    fn a_path_gives_the_name_that_was_encoded(text in prop_oneof![any::<String>(), tricky()]) {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let direct = if shows_nothing(&text) { Ok(Name::anonymous()) } else { Name::parse(&text) };
        prop_assert_eq!(Name::from_path(&encoded), direct);
    }

    #[test]
    fn no_segment_makes_the_decoder_panic(segment in "[%0-9a-fA-F\\PC]{0,20}") {
        let _ = (Name::from_path(&segment), RoomName::from_path(&segment));
    }
}
