//! Who is in a room.

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use hamhame_core::codes::ErrorCode;
use serde::Serialize;

use super::problem::{Problem, ProblemDetails};
use super::query::Query;
use super::request::{InRoom, Reader};
use super::{Api, LIST};
use crate::delivery::reply::{User, users};

/// Some of the members of a room.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Members<'a> {
    /// In order of joining.
    #[schema(value_type = Vec<crate::transport::schema::User>)]
    users: Vec<User<'a>>,
    /// Members in all.
    count: usize,
    /// Of the presence.
    version: u64,
    /// The `page` with those behind them, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists who is in a room.
#[utoipa::path(
    get, path = "/api/rooms/{room}/members", tag = "members", security((), ("token" = [])),
    params(
        ("room" = String, Path, description = "The room, percent-encoded"),
        ("limit" = Option<usize>, Query, description = "Most members in one answer", minimum = 1, maximum = 1000),
        ("page" = Option<String>, Query, description = "`next` of an earlier answer", pattern = "^[0-9]{1,19}$"),
    ),
    responses(
        (status = 200, description = "Members", body = Members),
        (status = "4XX", description = "Refused", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(api): State<Api>,
    InRoom(room): InRoom,
    _: Reader,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::read(&uri, &["limit", "page"])?;
    let limit = query.number("limit", 1..=LIST, LIST)?;
    let page = query.get("page").map_or(Ok(0), str::parse);
    let page = page.map_err(|_| {
        Problem::new(ErrorCode::BadRequest, "`page` must be the `next` of an earlier answer.")
    })?;
    let listed = api.server.registry.find(&room).map(|room| room.members(page, limit));
    let members = match &listed {
        Some(listed) => Members {
            users: users(&listed.users),
            count: listed.count,
            version: listed.version,
            next: listed.next.map(|next| next.to_string()),
        },
        None => Members { users: Vec::new(), count: 0, version: 0, next: None },
    };
    let body = serde_json::to_vec(&members).unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}
