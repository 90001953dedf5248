//! What names promise beyond the golden vectors of `testdata/wire`.

use std::collections::HashMap;

use super::*;

fn at(at: usize, c: char) -> Culprit {
    Culprit { c, at }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn shown(text: &str) -> String {
    name(text).as_str().to_owned()
}

fn same(one: &str, other: &str) -> bool {
    name(one).key() == name(other).key()
}

#[test]
fn persian_names_stay_as_they_are_written() {
    for text in [
        "علی\u{200c}رضا",
        "می\u{200c}نا",
        "آرش",
        "مُحَمَّد",
        "رؤیا",
        "خانهٔ مریم",
        "گل\u{200c}نسا ۲",
        "نیلوفر 🌸",
        "كاظم",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn a_zwnj_stays_where_it_parts_letters_and_goes_elsewhere() {
    assert_eq!(shown("\u{200c}علی\u{200c}"), "علی", "at the ends");
    assert_eq!(shown("علی\u{200c}\u{200c}رضا"), "علی\u{200c}رضا", "twice");
    assert_eq!(shown("برادر\u{200c}ها"), "برادرها", "after a letter that joins nothing");
    assert_eq!(shown("علی\u{200c} رضا"), "علی رضا", "before a space");
    assert_eq!(shown("a\u{200c}b"), "ab", "between letters that never join");
    assert_eq!(shown("مِ\u{200c}نا"), "مِ\u{200c}نا", "a vowel mark between does not matter");
    assert_eq!(shown("क्\u{200c}ष"), "क्\u{200c}ष", "after a virama");
}

#[test]
fn spaces_are_single_and_inside() {
    assert_eq!(shown(" \u{3000}مریم \u{a0}\u{2003} بانو\t\n"), "مریم بانو");
    assert_eq!(shown("مریم \u{200c} بانو"), "مریم بانو", "whatever stood between them");
    assert_eq!(Name::parse("a\u{9}b"), Err(NameError::Control(at(1, '\t'))));
    assert_eq!(Name::parse("a\nb"), Err(NameError::Control(at(1, '\n'))));
    assert_eq!(Name::parse("a\0b"), Err(NameError::Control(at(1, '\0'))));
}

#[test]
fn names_are_shown_in_nfc_and_compared_in_nfkc() {
    assert_eq!(shown("e\u{301}"), "é");
    assert_eq!(shown("آرش".replace('آ', "ا\u{653}").as_str()), "آرش");
    assert_eq!(shown("Ａｌｉ"), "Ａｌｉ");
    assert!(same("Ａｌｉ", "ali"));
    assert!(same("ﻋﻠﻲ", "علی"), "presentation forms");
}

#[test]
fn two_spellings_of_a_persian_name_are_one_name() {
    for (one, other) in [
        ("علي", "علی"),
        ("عيسى", "عیسی"),
        ("كاظم", "کاظم"),
        ("علی\u{200c}رضا", "علیرضا"),
        ("مُحَمَّد", "محمد"),
        ("سـارا", "سارا"),
        ("خانهٔ", "خانه"),
        ("خانۀ", "خانه"),
        ("رحمٰن", "رحمن"),
        ("علی۱۲", "علی12"),
        ("علی٤", "علی۴"),
        ("ALI", "ali"),
        ("STRASSE", "straße"),
        ("STRAẞE", "straße"),
        ("علی \u{64e}", "علی"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("Ali  Reza", "ali reza"),
    ] {
        assert!(same(one, other), "{one} {other}");
    }
}

#[test]
fn look_alikes_are_one_name() {
    for (one, other) in [
        ("раураl", "paypal"),
        ("аli", "ali"),
        ("maryam", "rnaryam"),
        ("user1", "userl"),
        ("Ω", "Ω"),
        // In capitals: what looks alike there does not in small letters.
        ("SYSTEMA", "SYSTEМА"),
        ("MAPK", "МАРК"),
        ("MAPK", "марк"),
        ("BEHTA", "ВЕНТА"),
        ("TOHKO", "тонко"),
        ("ΝΙΝΑ", "NINA"),
        ("νova", "nova".replace('n', "v").as_str()),
        ("ΖΕΤΑ", "ZETA"),
        ("ΥΗΜ", "YHM"),
        ("ՍՕԼ", "UOL".replace('L', "Լ").as_str()),
        ("ᎠᎡᎢ", "DRT"),
        ("ⲤⲞⲢ", "COP"),
        ("ꓢꓮꓟ", "SAM"),
        ("ᴍᴀʀᴋ", "mark"),
        ("ＭＡＲＫ", "mark"),
        ("𝐌𝐀𝐑𝐊", "mark"),
        ("𝓂𝒶𝓇𝓀", "MARK"),
        ("paypaI", "paypal"),
        ("АLІ", "ALI"),
        ("O0o", "ооо"),
        // Letters of the Arabic script that other languages have.
        ("زهره", "زھرە"),
        ("زهره", "زہرہ"),
        ("علی", "علې"),
        ("علی", "علے"),
        ("علی", "على"),
        ("کیان", "ڪيان"),
        ("کیان", "كېان"),
        ("خانه", "خانۀ"),
        ("فاطمه", "فاطمة"),
        ("علی۱۲۳", "علی١٢٣"),
        ("سارا۵", "سارا٥"),
    ] {
        assert!(same(one, other), "{one} {other}");
    }
}

#[test]
fn different_names_stay_different() {
    let persian = [
        "علی",
        "عالی",
        "رضا",
        "زهرا",
        "مریم",
        "مرضیه",
        "راضیه",
        "هادی",
        "هانیه",
        "هانی",
        "آرش",
        "ارش",
        "آریا",
        "اریا",
        "پارسا",
        "پرسا",
        "سارا",
        "سرا",
        "نرگس",
        "نگار",
        "نگین",
        "مهدی",
        "مهتاب",
        "مهناز",
        "محمد",
        "حمید",
        "حامد",
        "احمد",
        "محمود",
        "مسعود",
        "سعید",
        "سعیده",
        "فاطمه",
        "فاطیما",
        "کیان",
        "کیانا",
        "گلناز",
        "گلنار",
        "رویا",
        "رؤیا",
        "پویا",
        "پوریا",
        "امیر",
        "امین",
        "یاسین",
        "یاسمن",
        "بهار",
        "بهاره",
        "نهال",
        "الهه",
        "الهام",
        "ثریا",
        "ژاله",
        "لاله",
        "هاله",
        "شیرین",
        "شروین",
        "تارا",
        "ترانه",
        "نازنین",
        "نازی",
        "دریا",
        "دلارا",
        "سینا",
        "مینا",
        "مانی",
        "مانا",
        "ماني۲",
    ];
    let numbered = (1..=300).map(|n| format!("user{n}")).chain((0..100).map(|n| format!("u{n}")));
    let numbered = numbered.chain((1..=300).map(|n| format!("دانشجو{n}")));
    let mut keys: HashMap<String, String> = HashMap::new();
    for text in persian.into_iter().map(str::to_owned).chain(numbered) {
        let key = name(&text).key().to_owned();
        if let Some(other) = keys.insert(key, text.clone()) {
            panic!("{text} and {other} are one name");
        }
    }
}

#[test]
fn a_rooms_key_knows_no_look_alikes() {
    let key = |text: &str| RoomName::parse(text).unwrap().key().to_owned();
    assert_ne!(key("room1"), key("rooml"));
    assert_ne!(key("0"), key("O"));
    assert_ne!(key("torn"), key("tom"));
    assert_eq!(key("Room ۱"), key("room 1"));
    assert_eq!(key("كلاس\u{200c}ها"), key("کلاسها"));
    assert_eq!(key("کلاس"), "کلاس", "and is the name itself where nothing is to be unified");
    assert_eq!(RoomName::general().key(), key("General"));
    assert!(RoomName::parse("system").is_ok(), "a room may have any name");
}

#[test]
fn nobody_passes_for_the_server() {
    for text in [
        "system",
        "SYSTEM",
        "System",
        " sYsTeM ",
        "ѕуѕtem",
        "ＳＹＳＴＥＭ",
        "sys\u{200c}tem",
        "ｓystem",
        "systern",
        "𝐬𝐲𝐬𝐭𝐞𝐦",
        "ꜱyꜱtem",
        "sуstеm",
        "سیستم",
        "سيستم",
        "سی\u{200c}ستم",
        "سیــستم",
        "سِیستِم",
        "hamhame",
        "Hаmhаmе",
        "همهمه",
        "هَمهَمه",
        "SYSTEМ",
        "ЅУЅТЕМ",
        "ЅYЅTЕМ",
        "HАМHАМЕ",
        "ѕуѕтем",
        "ꜱʏꜱᴛᴇᴍ",
        "ＳＹＳＴＥМ",
        "𝖲𝖸𝖲𝖳𝖤𝖬",
        "ΗΑΜΗΑΜΕ",
        "sy\u{323}stem",
        "s\u{331}y\u{331}s\u{331}t\u{331}e\u{331}m\u{331}",
        "sýstèm",
        "ŠYŠTĖM",
        "sуstеm\u{308}",
        "hámhàmê",
        "ЅУЅТЕ\u{301}М",
        "سيسٺم".replace('ٺ', "ت").as_str(),
        "سېستم",
        "ھمھمە",
        "ہمہمہ",
        "ةمةمة",
    ] {
        assert_eq!(Name::parse(text), Err(NameError::Reserved), "{text}");
    }
    for text in ["systems", "sys tem", "ecosystem", "سیستماتیک", "Sýstemа2", "همهمه\u{200c}ها"]
    {
        assert!(Name::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn direction_marks_and_what_cannot_be_seen_are_refused() {
    for c in "\u{200e}\u{200f}\u{61c}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".chars() {
        assert_eq!(Name::parse(&format!("ع{c}لی")), Err(NameError::Bidi(at(1, c))));
        assert_eq!(RoomName::parse(&format!("{c}کلاس")), Err(NameError::Bidi(at(0, c))));
    }
    for c in [
        '\u{200b}',
        '\u{feff}',
        '\u{2060}',
        '\u{ad}',
        '\u{2800}',
        '\u{3164}',
        '\u{e0041}',
        '\u{e000}',
        '\u{ffff}',
    ] {
        assert_eq!(Name::parse(&format!("a{c}b")), Err(NameError::Refused(at(1, c))));
    }
    for text in ["", " ", "\u{200c}", "ـ", "\u{64e}", "\u{fe0f}"] {
        assert_eq!(Name::parse(text), Err(NameError::Empty), "{text:?}");
        assert_eq!(RoomName::parse(text), Err(NameError::Empty), "{text:?}");
    }
}

#[test]
fn one_emoji_is_a_name_and_joined_ones_are_refused_with_a_reason() {
    for text in ["😀", "🧕", "🇮🇷", "👍🏽", "🫶"] {
        assert_eq!(shown(text), text);
    }
    assert_eq!(shown("❤\u{fe0f}"), "❤", "the selector that a phone adds is no part of the name");
    assert_eq!(Name::parse("👩\u{200d}🏫"), Err(NameError::Joiner(at(1, ZWJ))));
    assert_eq!(Name::parse("ع\u{200d}لی"), Err(NameError::Joiner(at(1, ZWJ))));
}

#[test]
fn the_two_kinds_of_arabic_digits_are_not_mixed() {
    assert_eq!(Name::parse("علی۴٤"), Err(NameError::MixedDigits(at(3, '۴'))));
    assert_eq!(shown("علی۴4"), "علی۴4");
}

#[test]
fn lengths_are_counted_in_graphemes_and_bytes() {
    assert!(Name::parse(&"س".repeat(32)).is_ok());
    let error = Name::parse(&"س".repeat(33)).unwrap_err();
    assert_eq!(error, NameError::TooLong { graphemes: 33, bytes: 66, max: NAME_MAX });
    assert_eq!(error.to_string(), "The name is too long: 33 characters, at most 32 may be used.");
    assert!(Name::parse(&"😀".repeat(32)).is_ok(), "128 bytes");
    let error = Name::parse(&format!("e{}", "\u{301}".repeat(65))).unwrap_err();
    assert_eq!(error.to_string(), "The name is too long: 130 bytes, at most 128 may be used.");
    assert!(RoomName::parse(&"😀".repeat(64)).is_ok(), "256 bytes");
    assert!(matches!(
        RoomName::parse(&"a".repeat(65)),
        Err(NameError::TooLong { graphemes: 65, .. })
    ));
    assert!(
        Name::parse(&format!("  {}  ", "س".repeat(32))).is_ok(),
        "what is trimmed does not count"
    );
}

#[test]
fn what_is_far_too_long_is_refused_as_it_came() {
    let joined = |n: usize| format!("ب{}ب", "\u{200c}".repeat(n));
    assert_eq!(shown(&joined(160)), "ب\u{200c}ب");
    let text = joined(170);
    let expected = NameError::TooLong { graphemes: 172, bytes: text.len(), max: NAME_MAX };
    assert_eq!(Name::parse(&text), Err(expected));
    assert!(Name::parse(&"\u{1112}\u{1161}\u{11ab}".repeat(32)).is_ok(), "Hangul as letters");
    assert_eq!(shown(&format!("{}علی", "\u{3000}".repeat(1_000))), "علی");
}

#[test]
fn a_refusal_says_which_rule_and_where() {
    for (text, rule, place) in [
        ("", "empty", None),
        ("system", "reserved", None),
        ("سلا\u{202e}م", "bidi", Some((3, 0x202e))),
        ("  a  b\u{7}", "control", Some((3, 7))),
        ("علی۴٤", "mixed_digits", Some((3, 0x6f4))),
        ("👩\u{200d}🏫", "joiner", Some((1, 0x200d))),
        ("ab\u{200b}", "refused", Some((2, 0x200b))),
    ] {
        let error = Name::parse(text).unwrap_err();
        let found = error.culprit().map(|culprit| (culprit.at, u32::from(culprit.c)));
        assert_eq!((error.rule(), found), (rule, place), "{text:?}");
    }
    let told = Name::parse("سلا\u{202e}م").unwrap_err().to_string();
    assert!(told.contains("U+202E at 3"), "{told}");
}

#[test]
fn a_path_is_decoded_strictly() {
    assert_eq!(Name::from_path("%D9%85%D8%B1%DB%8C%D9%85").unwrap().as_str(), "مریم");
    assert_eq!(Name::from_path("مریم").unwrap().as_str(), "مریم");
    assert_eq!(Name::from_path("a%2Fb+c%25").unwrap().as_str(), "a/b+c%");
    assert_eq!(Name::from_path("a%20%20b").unwrap().as_str(), "a b");
    for segment in ["%", "a%2", "%zz", "%+1", "%D9", "%ff", "%C0%80", "%ED%A0%80"] {
        assert_eq!(Name::from_path(segment), Err(NameError::BadEncoding), "{segment}");
        assert_eq!(RoomName::from_path(segment), Err(NameError::BadEncoding), "{segment}");
    }
}

#[test]
fn who_gives_no_name_is_anonymous_and_in_general() {
    for segment in ["", "%20", "%E2%80%8C", "%20%20%09"] {
        assert_eq!(Name::from_path(segment), Ok(Name::anonymous()), "{segment}");
        assert_eq!(RoomName::from_path(segment), Ok(RoomName::general()), "{segment}");
    }
    assert_eq!(Name::anonymous().as_str(), "anonymous");
    assert_eq!(RoomName::general().as_str(), "general");
    for text in ["anonymous", "Anonymous", "ANONYMOUS"] {
        assert!(name(text).is_anonymous());
    }
    assert!(!name("anonymous2").is_anonymous());
}

#[test]
fn every_refusal_says_what_is_wrong_and_what_to_do() {
    for text in ["", "a\0", "a\u{202e}", "👩\u{200d}🏫", "۴٤", "a\u{200b}", "a·b", "system"]
    {
        let said = Name::parse(text).unwrap_err().to_string();
        assert!(said.starts_with("Th") && said.ends_with('.') && said.contains(';'), "{said}");
        assert!(!said.chars().any(char::is_control), "{said:?}");
    }
}
