//! Reads the golden vectors and the schema.

use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

fn text(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The vectors of one file; there are some.
pub fn vectors(file: &str) -> Vec<Value> {
    let Value::Array(vectors) = read(&format!("testdata/wire/{file}")) else {
        panic!("{file} is no list")
    };
    assert!(vectors.len() > 10, "{file}");
    vectors
}

/// The schema of `hamhame.v1`.
pub fn schema() -> Value {
    read("docs/reference/schema/hamhame.v1.json")
}

/// The AsyncAPI document, as text.
pub fn asyncapi() -> String {
    text("docs/reference/asyncapi.yaml")
}

/// A validator for one definition of the schema.
pub fn validator(def: &str) -> Validator {
    let mut schema = schema();
    let root = schema.as_object_mut().expect("a schema is an object");
    root.remove("anyOf");
    root.insert("$ref".to_owned(), json!(format!("#/$defs/{def}")));
    jsonschema::draft202012::new(&schema).expect("the schema is a schema")
}
