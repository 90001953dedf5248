//! The golden vectors of `testdata/wire` and the schema of `docs/reference`, against the code.

mod support;

use std::borrow::Cow;
use std::collections::BTreeSet;

use hamhame_core::codes::{CloseCode, ErrorCode, may_reconnect};
use hamhame_core::command::Command;
use hamhame_core::decode::decode;
use hamhame_core::dialect::Dialect;
use hamhame_core::name::{Name, NameError, RoomName};
use hamhame_core::position::Position;
use hamhame_core::text::{TextError, TextLimits, clean};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{schema, validator, vectors};

#[test]
fn every_command_of_a_client_is_decoded_as_it_says() {
    for vector in vectors("client.v1.json") {
        let input = vector["input"].as_str().expect("a text");
        let found = match decode(Dialect::V1, input) {
            Ok(command) => json!({ "command": as_json(command.expect("v1 ignores nothing")) }),
            Err(error) => {
                let mut found = json!({ "code": error.code.name() });
                if let Some(id) = error.id {
                    found["id"] = id.into();
                }
                json!({ "error": found })
            }
        };
        assert_eq!(found, vector["expect"], "{}", vector["name"]);
    }
}

/// A command as the members of its message.
fn as_json(command: Command<'_>) -> Value {
    match command {
        Command::Join { token, after, attempt, history } => {
            let mut members = json!({ "type": "join" });
            if let Some(token) = token {
                members["token"] = token.into();
            }
            if let Some(after) = after {
                members["after"] = after.to_string().into();
            }
            if let Some(attempt) = attempt {
                members["attempt"] = attempt.into();
            }
            if let Some(history) = history {
                members["history"] = history.into();
            }
            members
        }
        Command::Send { id, content } => json!({ "type": "send", "id": id, "content": content }),
        Command::Typing(typing) => json!({ "type": "typing", "typing": typing }),
        Command::Heartbeat => json!({ "type": "heartbeat" }),
    }
}

#[test]
fn what_a_client_of_the_seeds_sends_has_the_content_it_says() {
    for vector in vectors("client.seed.json") {
        let input = vector["input"].as_str().expect("a text");
        let found = match decode(Dialect::Seed, input).expect("the seed dialect refuses nothing") {
            Some(Command::Send { id: None, content }) => json!({ "content": content }),
            None => json!({ "ignored": true }),
            Some(other) => panic!("{other:?}"),
        };
        assert_eq!(found, vector["expect"], "{}", vector["name"]);
    }
}

#[test]
fn messages_of_the_server_are_valid_by_the_schema_or_not_as_they_say() {
    let server = validator("serverMessage");
    for vector in vectors("server.v1.json") {
        let found = server.is_valid(&vector["json"]);
        assert_eq!(found, vector["expect"]["valid"], "{}", vector["name"]);
    }
}

#[test]
fn every_message_of_the_schema_has_a_vector() {
    for (file, def, member) in
        [("client.v1.json", "clientMessage", "input"), ("server.v1.json", "serverMessage", "json")]
    {
        let messages: Vec<Value> = vectors(file)
            .into_iter()
            .filter(|vector| {
                vector["expect"]["valid"] == true || vector["expect"]["command"].is_object()
            })
            .map(|vector| match &vector[member] {
                Value::String(text) => serde_json::from_str(text).expect("a command is JSON"),
                value => value.clone(),
            })
            .collect();
        for branch in schema()["$defs"][def]["oneOf"].as_array().expect("a list") {
            let name = branch["$ref"].as_str().expect("a reference").trim_start_matches("#/$defs/");
            let branch = validator(name);
            assert!(
                messages.iter().any(|message| branch.is_valid(message)),
                "{name} has no vector"
            );
        }
    }
}

#[test]
fn the_schema_and_the_decoder_take_the_same_commands() {
    let client = validator("clientMessage");
    for vector in vectors("client.v1.json") {
        let input = vector["input"].as_str().expect("a text");
        let valid = serde_json::from_str(input).is_ok_and(|message| client.is_valid(&message));
        assert_eq!(valid, vector["expect"]["command"].is_object(), "{}", vector["name"]);
    }
}

#[test]
fn the_schema_knows_the_error_codes_of_the_table() {
    let known: Vec<&str> = ErrorCode::all().iter().map(|code| code.name()).collect();
    assert_eq!(schema()["$defs"]["errorCode"]["enum"], json!(known));
}

#[test]
fn positions_are_read_as_they_say() {
    let by_schema = validator("position");
    for vector in vectors("positions.json") {
        let input = vector["input"].as_str().expect("a text");
        let found = match input.parse::<Position>() {
            Ok(Position { epoch, offset }) => {
                json!({ "epoch": epoch.to_string(), "offset": offset })
            }
            Err(_) => json!({ "invalid": true }),
        };
        assert_eq!(found, vector["expect"], "{}", vector["name"]);
        assert_eq!(
            by_schema.is_valid(&vector["input"]),
            found["invalid"].is_null(),
            "{}",
            vector["name"]
        );
    }
}

#[test]
fn names_are_cleaned_compared_and_refused_as_they_say() {
    for vector in vectors("names.json") {
        let input = vector["input"].as_str().expect("a text");
        let is_path = vector["form"] == "path";
        let name = |name: Name| json!({ "text": name.as_str(), "key": name.key() });
        let room = |room: RoomName| json!({ "text": room.as_str(), "key": room.key() });
        let found = match vector["kind"].as_str() {
            Some("member") if is_path => Name::from_path(input).map(name),
            Some("member") => Name::parse(input).map(name),
            Some("room") if is_path => RoomName::from_path(input).map(room),
            Some("room") => RoomName::parse(input).map(room),
            kind => panic!("{kind:?}"),
        };
        let found = found.unwrap_or_else(|error| refused(&error));
        assert_eq!(found, vector["expect"], "{}", vector["name"]);
    }
}

fn refused(error: &NameError) -> Value {
    let mut refused = json!({ "error": error.rule() });
    if let Some(culprit) = error.culprit() {
        refused["at"] = culprit.at.into();
        refused["character"] = format!("U+{:04X}", u32::from(culprit.c)).into();
    }
    refused
}

#[test]
fn contents_are_cleaned_and_refused_as_they_say() {
    for vector in vectors("content.json") {
        let times = vector["times"].as_u64().unwrap_or(1) as usize;
        let input = vector["input"].as_str().expect("a text").repeat(times);
        let found = match clean(&input, &TextLimits::default()) {
            Ok(Cow::Borrowed(content)) if content == input => json!({ "unchanged": true }),
            Ok(content) => json!({ "content": content }),
            Err(TextError::Empty) => json!({ "error": "empty" }),
            Err(TextError::TooLong { .. }) => json!({ "error": "too_long" }),
        };
        assert_eq!(found, vector["expect"], "{}", vector["name"]);
    }
}

#[test]
fn close_codes_call_back_as_they_say() {
    let vectors = vectors("closes.json");
    for vector in &vectors {
        let code =
            vector["code"].as_u64().and_then(|code| u16::try_from(code).ok()).expect("a code");
        assert_eq!(may_reconnect(code), vector["expect"]["reconnect"], "{}", vector["name"]);
    }
    for code in CloseCode::all() {
        let listed = vectors
            .iter()
            .any(|vector| vector["code"] == code.code() && vector["name"] == code.name());
        assert!(listed, "{code:?} has no vector");
    }
}

/// A JSON object that is a command, or nearly one.
fn nearly_a_command() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        Just(json!("join")),
        Just(json!("send")),
        Just(json!("typing")),
        Just(json!("heartbeat")),
        Just(json!("x")),
        Just(json!(1)),
    ];
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(1.5)),
        Just(json!([])),
        Just(json!({})),
        "[ -~]{0,3}".prop_map(Value::from),
        "[ -~]{60,70}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[A-Za-z0-9_-]{11}:[0-9]{1,16}".prop_map(Value::from),
        "[A-Za-z0-9_-]{10}[AEIM]:[1-9][0-9]{0,14}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("id"),
        Just("content"),
        Just("token"),
        Just("after"),
        Just("typing"),
        Just("y")
    ];
    (prop::option::weighted(0.95, kind), prop::collection::vec((name, value), 0..5)).prop_map(
        |(kind, members)| {
            let mut object = serde_json::Map::new();
            object.extend(kind.map(|kind| ("type".to_owned(), kind)));
            object.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
            Value::Object(object)
        },
    )
}

#[test]
fn any_object_is_a_command_by_the_schema_if_and_only_if_it_is_decoded() {
    let client = validator("clientMessage");
    proptest!(ProptestConfig::with_cases(2000), |(message in nearly_a_command())| {
        let text = message.to_string();
        prop_assert_eq!(client.is_valid(&message), decode(Dialect::V1, &text).is_ok(), "{}", text);
    });
}

#[test]
fn the_asyncapi_document_refers_to_every_message_of_the_schema_and_to_no_other() {
    let referred: BTreeSet<String> = support::asyncapi()
        .split("hamhame.v1.json#/$defs/")
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect();
    let schema = schema();
    let mut messages = BTreeSet::new();
    for def in ["clientMessage", "serverMessage", "event"] {
        for branch in schema["$defs"][def]["oneOf"].as_array().expect("a list") {
            let name = branch["$ref"].as_str().expect("a reference").trim_start_matches("#/$defs/");
            messages.insert(name.to_owned());
        }
    }
    // An event is a message or a system event, and each of them is one of its own there.
    messages.remove("event");
    assert_eq!(referred, messages);
}
