//! Sessions over HTTP: joining, showing that one is there, leaving.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hamhame_core::codes::ErrorCode;
use hamhame_core::command::WHOLE_MAX;
use hamhame_core::dialect::Dialect;
use hamhame_core::name::{Name, RoomName};
use hamhame_core::position::Position;
use serde::{Deserialize, Serialize};

use super::problem::{Problem, ProblemDetails};
use super::request::{Caller, InRoom, Json};
use super::{Api, elsewhere};
use crate::delivery::cursor::Versions;
use crate::delivery::reply::Welcome;
use crate::net::peer::Peer;
use crate::room::change::Hold;
use crate::session::lease::Lease;
use crate::session::{Claim, Join, Refused, Session};
use crate::signal::Signal;

/// Who wants in.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct JoinRequest {
    /// The name. Without it, or if it is blank: `anonymous`.
    #[schema(example = "مریم")]
    client_id: Option<String>,
    /// From an earlier session, which it takes over.
    token: Option<String>,
    /// The position of the last event that the client has.
    #[schema(example = "k3J9x0aQ2Zc:41")]
    after: Option<String>,
    /// Grows with every attempt to join in the same session: one that arrives late does not take over.
    #[schema(maximum = 9_007_199_254_740_991_u64)] // WHOLE_MAX
    attempt: Option<u64>,
    /// Without `after`: begin with so many of the last events, as far as the server gives them (`--join-history`).
    #[schema(maximum = 9_007_199_254_740_991_u64)] // WHOLE_MAX
    history: Option<u64>,
}

impl JoinRequest {
    fn checked(self, room: RoomName) -> Result<Join, Problem> {
        let name = match self.client_id.as_deref().map_or("", str::trim) {
            "" => Name::anonymous(),
            name => Name::parse(name)
                .map_err(|error| Problem::from(Refused::name(ErrorCode::NameRefused, &error)))?,
        };
        let after = self.after.as_deref().map(str::parse::<Position>).transpose();
        let after = after
            .map_err(|error| Problem::unprocessable(format!("`after` is no position: {error}.")))?;
        for (name, number) in [("attempt", self.attempt), ("history", self.history)] {
            if number > Some(WHOLE_MAX) {
                return Err(Problem::unprocessable(format!("`{name}` is more than {WHOLE_MAX}.")));
            }
        }
        let history = self.history.unwrap_or_default();
        let claim = Claim { token: self.token, after, attempt: self.attempt, history };
        Ok(Join { room, name, claim, hold: Hold::Lease })
    }
}

/// What a new member needs to know: a `welcome`, and what concerns HTTP alone.
#[derive(Serialize)]
struct Joined<'a> {
    #[serde(flatten)]
    welcome: Welcome<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<u64>,
    states: String,
    lease: f64,
}

/// Joins, or takes a session over.
#[utoipa::path(
    post, path = "/api/rooms/{room}/sessions", tag = "sessions",
    params(("room" = String, Path, description = "The room, percent-encoded")),
    request_body = JoinRequest,
    responses(
        (status = 201, description = "A member", body = crate::transport::schema::Session,
            headers(("Location" = String, description = "The session, for those who hold its token"))),
        (status = "4XX", description = "Refused", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "Not now", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn join(
    State(api): State<Api>,
    InRoom(room): InRoom,
    Extension(Peer(client)): Extension<Peer>,
    Json(request): Json<JoinRequest>,
) -> Result<Response, Problem> {
    let server = &api.server;
    if server.is_draining() {
        return Err(Problem::shutting_down(server));
    }
    let join = request.checked(room)?;
    let Some(place) = api.leases.enter(&client, &server.options) else {
        return Err(Problem::plain(ErrorCode::TooManyConnections));
    };
    let signal = Arc::new(Signal::default());
    let (session, admission) = Session::join(server, &join, Dialect::V1, &signal, &client).await?;
    let token = session.token(&admission, &join.name);
    let room = session.room().clone();
    let states = Versions { presence: admission.presence.version, typing: 0 };
    let joined = Joined {
        welcome: Welcome::new(room.name(), join.name.as_str(), &token, &admission, &server.options),
        missed: Some(admission.start.missed).filter(|missed| *missed > 0),
        states: states.to_string(),
        lease: server.options.lease.as_secs_f64(),
    };
    let body = serde_json::to_vec(&joined).unwrap_or_default();
    let path = format!("/api/rooms/{}/sessions/current", super::encode(room.name().as_str()));
    Lease::begin(server, session, admission.identity, &token, signal, place);
    let headers = [(header::LOCATION, path.as_str()), (header::CONTENT_TYPE, "application/json")];
    Ok((StatusCode::CREATED, headers, body).into_response())
}

/// Shows that the member is still there.
#[utoipa::path(
    post, path = "/api/rooms/{room}/sessions/current", tag = "sessions", security(("token" = [])),
    params(("room" = String, Path, description = "The room, percent-encoded")),
    responses(
        (status = 204, description = "The lease is renewed"),
        (status = "4XX", description = "Refused", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn renew(_: InRoom, caller: Caller) -> Result<StatusCode, Problem> {
    caller.count()?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leaves, for good.
#[utoipa::path(
    delete, path = "/api/rooms/{room}/sessions/current", tag = "sessions", security(("token" = [])),
    params(("room" = String, Path, description = "The room, percent-encoded")),
    responses(
        (status = 204, description = "The member has left"),
        (status = "4XX", description = "Refused", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn leave(
    State(api): State<Api>,
    _: InRoom,
    Extension(Peer(client)): Extension<Peer>,
    Caller(lease): Caller,
) -> Result<StatusCode, Problem> {
    elsewhere::settle(&api, lease, &client).await?.leave().await;
    Ok(StatusCode::NO_CONTENT)
}
