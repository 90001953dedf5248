//! The API's description (OpenAPI 3.1), from the types and handlers that make it up. The shapes that it shares with
//! `hamhame.v1` are those of that protocol's schema.

use std::sync::OnceLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{events, members, messages, sessions};

/// The schema of the messages of `hamhame.v1`.
const MESSAGES: &str = include_str!("../../../../docs/reference/schema/hamhame.v1.json");

#[derive(OpenApi)]
#[openapi(
    info(
        title = "hamhame",
        description = "Rooms for clients without a WebSocket. What it promises stands in docs/reference/http-api.md.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        sessions::join, sessions::renew, sessions::leave, messages::say, messages::typing, events::read, members::list,
    ),
    modifiers(&Security)
)]
struct Api;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of a session"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// `GET /api/openapi.json`
pub async fn document() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| format!("{:#}\n", with_messages()));
    ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response()
}

/// The document with the schemas of `hamhame.v1` among its own.
fn with_messages() -> Value {
    let mut document = json!(Api::openapi());
    let messages = MESSAGES.replace("#/$defs/", "#/components/schemas/");
    let mut messages: Value = serde_json::from_str(&messages).unwrap_or_default();
    let Some(Value::Object(shapes)) = messages.get_mut("$defs").map(Value::take) else {
        return document;
    };
    let mut session = shapes["welcome"].clone();
    add(
        &mut session,
        "missed",
        false,
        json!({ "description": "So many events after `after` are gone.", "type": "integer", "minimum": 1 }),
    );
    add(
        &mut session,
        "states",
        true,
        json!({ "description": "Versions of presence and typing, for reading them.", "type": "string" }),
    );
    add(
        &mut session,
        "lease",
        true,
        json!({ "description": "Seconds for which the member is here after its last request.", "type": "number" }),
    );
    let schemas = &mut document["components"]["schemas"];
    for (name, shape) in shapes {
        schemas[name] = shape;
    }
    schemas["session"] = session;
    document
}

fn add(shape: &mut Value, name: &str, required: bool, property: Value) {
    shape["properties"][name] = property;
    if let Some(names) = shape["required"].as_array_mut().filter(|_| required) {
        names.push(name.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_the_document_refers_to_is_in_it() {
        let document = with_messages();
        let text = document.to_string();
        let mut references = 0;
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap_or_default();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            references += 1;
        }
        assert!(references > 20, "{references}");
        assert!(!text.contains("$defs"), "shapes are where OpenAPI has them");
    }
}
