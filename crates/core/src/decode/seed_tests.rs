//! What the seed dialect promises beyond the golden vectors of `testdata/wire`. The texts of values were made
//! with Python itself.

use proptest::prelude::*;

use super::*;

fn said(text: &str) -> Option<String> {
    match decode(text) {
        Some(Command::Send { id: None, content }) => Some(content.into_owned()),
        None => None,
        Some(other) => panic!("{other:?}"),
    }
}

fn value(json: &str) -> String {
    said(&format!(r#"{{"content": {json}}}"#)).unwrap()
}

#[test]
fn what_is_no_object_is_itself_the_content() {
    for text in [
        "سلام",
        "  hi ",
        "42",
        "-1.5",
        "true",
        "null",
        "NaN",
        r#""quoted""#,
        "[1, 2]",
        "{",
        "{]",
        "{content: 1}",
        r#"{"content": "x""#,
        r#"{"content": "x"} y"#,
        r#"{"content": "x",}"#,
        r#"{'content': 'x'}"#,
        r#"{"content": 01}"#,
        "{\"content\": \"a\nb\"}",
        r#"{"content": "\x41"}"#,
        "\u{feff}{}",
    ] {
        assert_eq!(said(text).as_deref(), Some(text));
    }
}

#[test]
fn a_string_is_taken_and_borrowed_where_it_can_be() {
    assert!(matches!(
        decode(r#"{"content":"سلام","more":[{"content":"not this"}]}"#),
        Some(Command::Send { content: Cow::Borrowed("سلام"), .. })
    ));
    assert_eq!(said(" {\"content\" : \"a\\nb\\u0633\"} \n").as_deref(), Some("a\nbس"));
    assert_eq!(said(r#"{"content":"a","content":"b"}"#).as_deref(), Some("b"));
    assert_eq!(said(r#"{"content":"a","content":1}"#).as_deref(), Some("1"));
    assert_eq!(said(r#"{"content":1,"content":"b"}"#).as_deref(), Some("b"));
}

#[test]
fn an_object_without_content_and_what_is_empty_are_ignored() {
    for text in
        ["", " \n ", "{}", r#"{"text":"x"}"#, r#"{"content":""}"#, r#"{"content":" \u3000\n"}"#]
    {
        assert_eq!(said(text), None, "{text:?}");
    }
}

#[test]
fn numbers_become_the_text_that_python_gives_them() {
    for (json, text) in [
        ("42", "42"),
        ("-7", "-7"),
        ("0", "0"),
        ("-0", "0"),
        ("1.5", "1.5"),
        ("1.0", "1.0"),
        ("-0.0", "-0.0"),
        ("1e5", "100000.0"),
        ("1E+2", "100.0"),
        ("1e-5", "1e-05"),
        ("0.0001", "0.0001"),
        ("1e15", "1000000000000000.0"),
        ("1e16", "1e+16"),
        ("1.25e100", "1.25e+100"),
        ("5e-324", "5e-324"),
        ("1e400", "inf"),
        ("-1e400", "-inf"),
        ("NaN", "nan"),
        ("Infinity", "inf"),
        ("-Infinity", "-inf"),
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("100000000000000000.0", "1e+17"),
    ] {
        assert_eq!(value(json), text, "{json}");
    }
}

#[test]
fn words_lists_and_objects_become_the_text_that_python_gives_them() {
    for (json, text) in [
        ("true", "True"),
        ("false", "False"),
        ("null", "None"),
        ("[]", "[]"),
        ("{}", "{}"),
        (r#"["a", 1, null, true, {"b": "it's"}]"#, r#"['a', 1, None, True, {'b': "it's"}]"#),
        (r#"{"a":null,"b":[1.0,[]]}"#, "{'a': None, 'b': [1.0, []]}"),
        (r#"{"a":1,"b":2,"a":3}"#, "{'a': 3, 'b': 2}"),
        (
            r#"["\u200c","é","😀","\u0007","'\"","\\","\n\t"]"#,
            r#"['\u200c', 'é', '😀', '\x07', '\'"', '\\', '\n\t']"#,
        ),
        (r#"["سلام","\u00a0","\ue000","\udb40\udc01"]"#, r"['سلام', '\xa0', '\ue000', '\U000e0001']"),
        ("[1,\n 2]", "[1, 2]"),
    ] {
        assert_eq!(value(json), text, "{json}");
    }
}

#[test]
fn half_a_surrogate_pair_does_not_take_the_message_with_it() {
    assert_eq!(value(r#""a\ud83d""#), "a\u{fffd}");
    assert_eq!(value(r#""\ude00a""#), "\u{fffd}a");
    assert_eq!(value(r#""\ud83d\u0041""#), "\u{fffd}A");
    assert_eq!(value(r#""\ud83d\ud83d\ude00""#), "\u{fffd}😀");
}

#[test]
fn no_nesting_overflows_the_stack() {
    let nested =
        |deep: usize| format!(r#"{{"content": {}{}}}"#, "[".repeat(deep), "]".repeat(deep));
    assert_eq!(said(&nested(127)), Some(format!("{}{}", "[".repeat(127), "]".repeat(127))));
    for deep in [128, 1_000_000] {
        assert_eq!(
            said(&nested(deep)),
            Some(nested(deep)),
            "too deep is no JSON, so it is the content"
        );
    }
    let open = format!(r#"{{"content":{}"#, r#"{"a":"#.repeat(1_000_000));
    assert_eq!(said(&open), Some(open.clone()));
}

/// JSON values of every kind, as text.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>()
            .prop_filter("JSON has no such number", |value| value.is_finite())
            .prop_map(|value| format!("{value:e}")),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let member = (any::<String>(), inner.clone())
            .prop_map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name)));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(member, 0..4)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_decoder_panic_and_none_is_lost(text: String) {
        let object = text.trim_start().starts_with('{');
        match said(&text) {
            Some(content) => prop_assert!(object || content == text),
            None => prop_assert!(object || text.trim().is_empty()),
        }
    }

    #[test]
    fn the_quick_pass_and_pythons_way_agree(json in json()) {
        let text = format!(r#"{{"a":0,"content":{json}}}"#);
        if let Ok(Simple(content)) = serde_json::from_str(&text) {
            prop_assert_eq!(python::content(&text), Content::Text(content.into_owned()));
        }
    }

    #[test]
    fn every_json_object_is_read_as_one(json in json()) {
        let text = format!(r#"{{"content":{json}}}"#);
        prop_assert!(matches!(python::content(&text), Content::Text(_)), "{}", text);
        let other = format!(r#"{{"other":{json}}}"#);
        prop_assert_eq!(python::content(&other), Content::Absent);
    }

    #[test]
    fn a_float_keeps_its_value_in_its_text(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
        let text = value(&format!("{number:e}"));
        prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits());
    }
}
