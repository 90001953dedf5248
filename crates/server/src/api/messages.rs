//! Saying something, and saying that one is about to.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use hamhame_core::decode;
use serde::{Deserialize, Serialize};

use super::Api;
use super::problem::{Problem, ProblemDetails};
use super::request::{Caller, InRoom, Json};
use crate::session::Refused;

/// Something to say.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct MessageRequest {
    /// Cleaned and measured by the server.
    #[schema(example = "سلام")]
    content: String,
    /// The client's own, 1–64 bytes of printable ASCII. The same session and `id` again store nothing.
    #[schema(example = "c1", min_length = 1, max_length = 64, pattern = "^[ -~]{1,64}$")]
    id: Option<String>,
}

/// It is said.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Said {
    /// Where in the log.
    #[schema(minimum = 1, example = 42)]
    offset: u64,
}

/// Whether the member is writing.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct TypingRequest {
    /// True: it is; to be repeated at most every 3 s.
    typing: bool,
}

/// Says something.
#[utoipa::path(
    post, path = "/api/rooms/{room}/messages", tag = "messages", security(("token" = [])),
    params(("room" = String, Path, description = "The room, percent-encoded")),
    request_body = MessageRequest,
    responses(
        (status = 201, description = "It is in the log", body = Said),
        (status = "4XX", description = "Refused", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "Not now", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn say(
    State(api): State<Api>,
    _: InRoom,
    Caller(lease): Caller,
    Json(message): Json<MessageRequest>,
) -> Result<(StatusCode, Answer<Said>), Problem> {
    let id = message.id.as_deref();
    if id.is_some_and(|id| !decode::is_valid_id(id)) {
        let detail = "`id` must be 1 to 64 characters of printable ASCII.";
        return Err(Problem::unprocessable(detail));
    }
    let room = lease.session(|session| session.room().clone()).ok_or_else(Problem::not_joined)?;
    // Who speaks waits for those who deliver, as over a WebSocket.
    room.eased().await;
    let said = lease.session(|session| session.say(id, &message.content));
    let offset = match said.ok_or_else(Problem::not_joined)?? {
        Some(said) => said.offset().await,
        None => None,
    };
    match offset {
        Some(offset) => Ok((StatusCode::CREATED, Answer(Said { offset }))),
        None if api.server.is_draining() => Err(Problem::shutting_down(&api.server)),
        None => Err(Refused::away().into()),
    }
}

/// Says that the member is writing, or has stopped.
#[utoipa::path(
    post, path = "/api/rooms/{room}/typing", tag = "messages", security(("token" = [])),
    params(("room" = String, Path, description = "The room, percent-encoded")),
    request_body = TypingRequest,
    responses(
        (status = 204, description = "Noted"),
        (status = "4XX", description = "Refused", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn typing(
    _: InRoom,
    caller: Caller,
    Json(request): Json<TypingRequest>,
) -> Result<StatusCode, Problem> {
    caller.count()?;
    caller
        .0
        .session(|session| session.set_typing(request.typing))
        .ok_or_else(Problem::not_joined)?;
    Ok(StatusCode::NO_CONTENT)
}
