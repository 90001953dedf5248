//! Whether a message of the server is one that `docs/reference/schema/hamhame.v1.json` knows.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// One validator for each message of the server, by its `type`: the same as `serverMessage` says, without trying all.
static VALIDATORS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/schema/hamhame.v1.json");
    let text = std::fs::read_to_string(&file).expect("the schema can be read");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let known: Vec<String> = schema["$defs"]["serverMessage"]["oneOf"]
        .as_array()
        .expect("serverMessage is one of several")
        .iter()
        .map(|part| part["$ref"].as_str().expect("a reference").to_owned())
        .collect();
    let of = |kind, def| {
        let reference = format!("#/$defs/{def}");
        let inside =
            ["message", "system"].contains(&def) && known.contains(&"#/$defs/event".into());
        assert!(inside || known.contains(&reference), "{def} is no message of the server");
        let mut schema = schema.clone();
        let root = schema.as_object_mut().expect("the schema is an object");
        root.remove("anyOf");
        root.insert("$ref".into(), json!(reference));
        (kind, jsonschema::draft202012::new(&schema).expect("the schema is a schema"))
    };
    [
        "welcome",
        "message",
        "system",
        "ack",
        "error",
        "presence",
        "typing",
        "heartbeat",
        "gap",
        "shutdown",
    ]
    .into_iter()
    .map(|kind| of(kind, kind))
    .collect()
});

/// Panics, saying why, unless `message` is what the schema says.
pub fn check(message: &Value) {
    let kind = message["type"].as_str().unwrap_or_default();
    let Some(validator) = VALIDATORS.get(kind) else {
        panic!("the schema knows no such message: {message}")
    };
    if let Err(error) = validator.validate(message) {
        panic!("{error} at {}: {message}", error.instance_path());
    }
}
