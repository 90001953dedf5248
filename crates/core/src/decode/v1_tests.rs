//! What the decoder of `hamhame.v1` promises beyond the golden vectors of `testdata/wire`.

use proptest::prelude::*;

use super::*;

fn refused(text: &str) -> CommandError {
    decode(text).unwrap_err()
}

#[test]
fn a_send_is_borrowed_from_its_message() {
    let command = decode(r#"{"type":"send","id":"c1","content":"سلام","extra":{"a":[1,2]}}"#);
    let Ok(Command::Send { id: Some(Cow::Borrowed(id)), content: Cow::Borrowed(content) }) =
        command
    else {
        panic!("{command:?}");
    };
    assert_eq!((id, content), ("c1", "سلام"));
}

#[test]
fn escapes_are_undone_in_names_and_values() {
    let command =
        decode(r#"{"\u0074ype":"send","id":"\u0063","content":"\u0633\n\ud83d\ude00"}"#).unwrap();
    assert_eq!(command, Command::Send { id: Some("c".into()), content: "س\n😀".into() });
}

#[test]
fn of_members_with_the_same_name_the_last_counts() {
    let command =
        decode(r#"{"type":"heartbeat","type":"send","id":"a","id":"b","content":1,"content":"x"}"#);
    assert_eq!(command, Ok(Command::Send { id: Some("b".into()), content: "x".into() }));
}

#[test]
fn an_error_carries_the_id_wherever_it_stands() {
    for text in [
        r#"{"type":"send","id":"c1"}"#,
        r#"{"type":"send","content":["x"],"id":"c1"}"#,
        r#"{"id":"c1","type":"shout"}"#,
        r#"{"id":"c1"}"#,
    ] {
        assert_eq!(refused(text).id.as_deref(), Some("c1"), "{text}");
    }
    for text in
        [r#"{"type":"send","id":"","content":"x"}"#, r#"{"type":"send","id":"سلام","content":"x"}"#]
    {
        assert_eq!(refused(text).id, None, "what is no id is not told as one");
    }
}

#[test]
fn an_error_names_the_member_and_what_it_should_be() {
    for (text, message) in [
        (r#"{"type":"send","id":"c","content":42}"#, "\"content\" must be a string, not a number."),
        (r#"{"type":"send","id":"c","content":null}"#, "\"content\" must be a string, not null."),
        (r#"{"type":"send","id":7,"content":"x"}"#, "\"id\" must be a string, not a number."),
        (r#"{"type":"send","content":"x"}"#, "\"id\" is missing."),
        (r#"{"type":"typing"}"#, "\"typing\" is missing."),
        (r#"{"type":"typing","typing":"yes"}"#, "\"typing\" must be true or false, not a string."),
        (r#"{"type":["join"]}"#, "\"type\" must be a string, not a list."),
        (r#"{"type":"join","token":true}"#, "\"token\" must be a string, not a boolean."),
        (r#"{"type":"join","attempt":-1}"#, "\"attempt\" must be a whole number, not a number."),
        (
            r#"{"type":"join","attempt":9007199254740992}"#,
            "\"attempt\" must be at most 9007199254740991.",
        ),
        (r#"{"type":"join","history":-1}"#, "\"history\" must be a whole number, not a number."),
        (
            r#"{"type":"join","history":9007199254740992}"#,
            "\"history\" must be at most 9007199254740991.",
        ),
        (r#"{"type":"join","history":true}"#, "\"history\" must be a whole number, not a boolean."),
        (r#"{"type":"join","attempt":"2"}"#, "\"attempt\" must be a whole number, not a string."),
        (r#"{"type":"join","after":{}}"#, "\"after\" must be a string, not an object."),
        ("{}", "\"type\" is missing."),
        ("[]", "The message must be a JSON object, not a list."),
        ("42", "The message must be a JSON object, not a number."),
    ] {
        let error = refused(text);
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::BadRequest, message),
            "{text}"
        );
    }
}

#[test]
fn an_unknown_type_is_quoted_in_part_only() {
    let error = refused(&format!(r#"{{"type":"{}"}}"#, "x".repeat(60_000)));
    assert_eq!(error.code, ErrorCode::UnknownType);
    assert!(error.message.len() < 100, "{}", error.message);
}

#[test]
fn no_nesting_overflows_the_stack() {
    let deep = 1_000_000;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let value = format!("{}1{}", open.repeat(deep), close.repeat(deep));
        let unknown = format!(r#"{{"type":"heartbeat","extra":{value}}}"#);
        assert_eq!(
            decode(&unknown),
            Ok(Command::Heartbeat),
            "an unknown member is skipped at any depth"
        );
        assert_eq!(refused(&value).code, ErrorCode::BadRequest);
        let content = format!(r#"{{"type":"send","id":"c","content":{value}}}"#);
        assert_eq!(refused(&content).code, ErrorCode::BadRequest);
        assert_eq!(refused(&open.repeat(deep)).code, ErrorCode::InvalidJson);
    }
}

/// JSON that is a command, or nearly one.
fn nearly_a_command() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("type"),
        Just("id"),
        Just("content"),
        Just("token"),
        Just("after"),
        Just("attempt"),
        Just("history"),
        Just("typing"),
        Just("x"),
    ];
    let value = prop_oneof![
        Just(r#""join""#.to_owned()),
        Just(r#""send""#.to_owned()),
        Just(r#""typing""#.to_owned()),
        Just(r#""heartbeat""#.to_owned()),
        Just(r#""k3J9x0aQ2Zc:41""#.to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("7".to_owned()),
        Just("[{}]".to_owned()),
        Just("1e400".to_owned()),
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    prop::collection::vec((name, value), 0..6).prop_map(|members| {
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn any_text_is_a_command_or_an_error_for_people(text in prop_oneof![any::<String>(), nearly_a_command()]) {
        match decode(&text) {
            Ok(Command::Send { id, .. }) => prop_assert!(id.is_some_and(|id| is_valid_id(&id))),
            Ok(_) => {}
            Err(error) => {
                prop_assert!(error.message.ends_with('.') && error.message.len() < 400, "{}", error.message);
                prop_assert!(error.id.is_none_or(|id| is_valid_id(&id)));
            }
        }
    }

    #[test]
    fn every_content_arrives_as_it_was_sent(content: String) {
        let text = serde_json::json!({ "type": "send", "id": "c", "content": content }).to_string();
        prop_assert_eq!(decode(&text), Ok(Command::Send { id: Some("c".into()), content: content.into() }));
    }
}
