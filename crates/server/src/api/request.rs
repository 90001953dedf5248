//! What a request says, checked before it is done: the room in its path, the session of its token, the JSON in its body.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use hamhame_core::codes::{CloseCode, ErrorCode};
use hamhame_core::name::RoomName;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use super::{Api, elsewhere};
use crate::net::peer::Peer;
use crate::session::lease::Lease;

/// The room that a request is for.
pub struct InRoom(pub RoomName);

impl FromRequestParts<Api> for InRoom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<InRoom, Problem> {
        // As it came: a name may hold an encoded slash.
        let segment = parts.uri.path().split('/').nth(3).unwrap_or_default();
        RoomName::from_path(segment).map(InRoom).map_err(|error| Problem::room(&error))
    }
}

/// The session whose token stands in a request. The request shows that its client is there.
pub struct Caller(pub Arc<Lease>);

/// The same for a request that needs no session.
pub struct Reader(pub Option<Arc<Lease>>);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Caller, Problem> {
        match Reader::from_request_parts(parts, api).await?.0 {
            Some(lease) => Ok(Caller(lease)),
            None => Err(Problem::new(
                ErrorCode::NotJoined,
                "This needs the token of a session: Authorization: Bearer TOKEN.",
            )),
        }
    }
}

impl FromRequestParts<Api> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Reader, Problem> {
        let Some(token) = bearer(&parts.headers)? else { return Ok(Reader(None)) };
        let token = token.to_owned();
        let InRoom(room) = InRoom::from_request_parts(parts, api).await?;
        // Of one that holds the seat no more, what holds it now says whether the session is somebody else's.
        let holds = |lease: &Arc<Lease>| lease.is_current() && !lease.has_moved();
        let found = api.leases.find(&token, &room).filter(holds);
        let lease = match found {
            Some(lease) => lease,
            None => {
                let Extension(Peer(client)) = Extension::from_request_parts(parts, api)
                    .await
                    .map_err(|_| Problem::not_joined())?;
                elsewhere::find(api, &token, &room, &client).await?
            }
        };
        match lease.close_code() {
            None => {
                lease.renew();
                Ok(Reader(Some(lease)))
            }
            Some(CloseCode::SessionReplaced) => Err(Problem::plain(ErrorCode::SessionReplaced)),
            Some(_) => Err(Problem::not_joined()),
        }
    }
}

impl Caller {
    /// Counts a request that is no message. Reading is not counted: it is open to those without a session as well.
    ///
    /// # Errors
    /// If there were too many, or the session is over.
    pub fn count(&self) -> Result<(), Problem> {
        let counted = self.0.session(|session| session.count_request());
        Ok(counted.ok_or_else(Problem::not_joined)??)
    }
}

/// The token (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_start())
    });
    let wrong = "The header must be Authorization: Bearer TOKEN.";
    token.map(Some).ok_or_else(|| Problem::new(ErrorCode::NotJoined, wrong))
}

/// The JSON of a body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Json<T>, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::plain(ErrorCode::UnsupportedMediaType));
        }
        let most = api.server.options.frame_bytes as usize;
        let body = Limited::new(request.into_body(), most).collect();
        let body = match tokio::time::timeout(api.server.options.header_timeout, body).await {
            Err(_) => return Err(Problem::plain(ErrorCode::RequestTimeout)),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                let detail = format!("A body may have {most} bytes.");
                return Err(Problem::new(ErrorCode::TooLarge, detail));
            }
            Ok(Err(_)) => {
                return Err(Problem::new(ErrorCode::BadRequest, "The body did not arrive whole."));
            }
            Ok(Ok(body)) => body.to_bytes(),
        };
        match serde_json::from_slice(&body) {
            Ok(value) => Ok(Json(value)),
            Err(error) if error.is_data() => {
                Err(Problem::unprocessable(format!("The body is not what it has to be: {error}.")))
            }
            Err(error) => {
                let detail = format!("The body is not valid JSON: {error}.");
                Err(Problem::new(ErrorCode::InvalidJson, detail))
            }
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}
