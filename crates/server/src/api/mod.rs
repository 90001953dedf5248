//! The HTTP API: the door to rooms for clients without a WebSocket. `docs/reference/http-api.md` is its contract.

mod cors;
mod elsewhere;
mod events;
mod members;
mod messages;
pub mod openapi;
mod problem;
mod query;
mod request;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use hamhame_core::codes::ErrorCode;

use crate::server::Server;
use crate::session::lease::Leases;
use problem::Problem;

/// Most entries in one answer.
const LIST: usize = 1000;

/// What every request needs.
#[derive(Clone)]
pub struct Api {
    server: Arc<Server>,
    leases: Arc<Leases>,
}

/// All routes under `/api` but those of pages.
pub fn routes(server: Arc<Server>, leases: Arc<Leases>) -> Router {
    let api = Api { server, leases };
    let current = post(sessions::renew).delete(sessions::leave);
    Router::new()
        .route("/api/rooms/{room}/sessions", resource("POST", post(sessions::join)))
        .route("/api/rooms/{room}/sessions/current", resource("POST, DELETE", current))
        .route("/api/rooms/{room}/messages", resource("POST", post(messages::say)))
        .route("/api/rooms/{room}/typing", resource("POST", post(messages::typing)))
        .route("/api/rooms/{room}/events", resource("GET, HEAD", get(events::read)))
        .route("/api/rooms/{room}/members", resource("GET, HEAD", get(members::list)))
        .route("/api/openapi.json", resource("GET, HEAD", get(openapi::document)))
        .route("/api/{*path}", any(async || Problem::plain(ErrorCode::NotFound)))
        .layer(middleware::from_fn(never_stored))
        .layer(middleware::from_fn_with_state(api.clone(), cors::allow))
        .with_state(api)
}

/// A resource that has these methods, and says so to who asks for others.
fn resource(names: &'static str, methods: MethodRouter<Api>) -> MethodRouter<Api> {
    methods.fallback(async move |method: Method| {
        let mut response = match method {
            Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
            _ => Problem::plain(ErrorCode::MethodNotAllowed).into_response(),
        };
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(names));
        response
    })
}

async fn never_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to who has more connections or requests under way than it may.
pub fn over_limit() -> Response {
    let problem = Problem::plain(ErrorCode::TooManyConnections);
    ([(header::CACHE_CONTROL, "no-store")], problem).into_response()
}

/// The answer to who asks for another host than this server's.
pub fn misdirected(words: String) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Problem::misdirected(words)).into_response()
}

/// A segment of a path, percent-encoded.
fn encode(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    segment
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect()
}
