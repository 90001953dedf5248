//! Errors of the HTTP API, as problem details (RFC 9457).

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hamhame_core::codes::ErrorCode;
use hamhame_core::name::NameError;
use serde::Serialize;

use crate::delivery::reply::{Fault, round_up, seconds};
use crate::server::Server;
use crate::session::Refused;

/// Why a request is refused.
#[derive(Debug)]
pub struct Problem {
    code: ErrorCode,
    status: StatusCode,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    fault: Option<Fault>,
}

/// What stands in the body.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails<'a> {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:hamhame:error:rate_limited")]
    kind: String,
    /// What the code means.
    title: &'a str,
    /// The status of the response.
    status: u16,
    /// What is wrong in this case.
    detail: &'a str,
    /// Of the table of codes.
    #[schema(value_type = crate::transport::schema::ErrorCode)]
    code: &'a str,
    /// Whether the same may succeed later.
    temporary: bool,
    /// In so many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<f64>,
    /// The rule that a name breaks; see `docs/reference/names.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    /// How many characters of the name stand before the one that breaks it, if it is a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<usize>,
    /// That character, as `U+202E`.
    #[serde(skip_serializing_if = "Option::is_none")]
    character: Option<&'a str>,
}

impl Problem {
    /// The session of a request is over.
    pub fn not_joined() -> Problem {
        Problem::new(
            ErrorCode::NotJoined,
            "The session is not here any more: POST …/sessions with its token and position goes on where it was.",
        )
    }

    /// With words for this case.
    pub fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem {
            code,
            status: status(code),
            detail: detail.into(),
            retry_after: None,
            fault: None,
        }
    }

    /// What is not as it has to be in JSON that is JSON.
    pub fn unprocessable(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            ..Problem::new(ErrorCode::BadRequest, detail)
        }
    }

    /// The request is for another host.
    pub fn misdirected(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem {
            status: StatusCode::MISDIRECTED_REQUEST,
            ..Problem::new(ErrorCode::BadRequest, detail)
        }
    }

    /// With the words of the table.
    pub fn plain(code: ErrorCode) -> Problem {
        Problem::new(code, code.message())
    }

    /// A room's name cannot be used.
    pub fn room(error: &NameError) -> Problem {
        let code = match error {
            NameError::BadEncoding => ErrorCode::BadRequest,
            _ => ErrorCode::RoomRefused,
        };
        Refused::name(code, error).into()
    }

    /// The server is about to go.
    pub fn shutting_down(server: &Server) -> Problem {
        let retry_after = Some(server.come_back());
        Problem { retry_after, ..Problem::plain(ErrorCode::ShuttingDown) }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        let Refused { code, message, retry_after, fault } = refused;
        Problem { retry_after, fault, ..Problem::new(code, message) }
    }
}

fn status(code: ErrorCode) -> StatusCode {
    use StatusCode as S;
    match code {
        ErrorCode::InvalidJson
        | ErrorCode::BadRequest
        | ErrorCode::UnknownType
        | ErrorCode::UnsupportedData
        | ErrorCode::AlreadyJoined => S::BAD_REQUEST,
        ErrorCode::NotJoined => S::UNAUTHORIZED,
        ErrorCode::NotFound => S::NOT_FOUND,
        ErrorCode::MethodNotAllowed => S::METHOD_NOT_ALLOWED,
        ErrorCode::RequestTimeout => S::REQUEST_TIMEOUT,
        ErrorCode::NameTaken | ErrorCode::RoomFull | ErrorCode::SessionReplaced => S::CONFLICT,
        ErrorCode::TooLarge => S::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => S::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::Empty | ErrorCode::TooLong | ErrorCode::NameRefused | ErrorCode::RoomRefused => {
            S::UNPROCESSABLE_ENTITY
        }
        ErrorCode::RateLimited | ErrorCode::TooManyConnections => S::TOO_MANY_REQUESTS,
        ErrorCode::ServerFull | ErrorCode::ShuttingDown | ErrorCode::Unavailable => {
            S::SERVICE_UNAVAILABLE
        }
        ErrorCode::Internal => S::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let after = self.retry_after.map(round_up);
        let fault = self.fault.as_ref();
        let details = ProblemDetails {
            kind: format!("urn:hamhame:error:{}", self.code.name()),
            title: self.code.message(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code.name(),
            temporary: self.code.temporary() || after.is_some(),
            retry_after: after.map(seconds),
            rule: fault.map(|fault| fault.rule),
            at: fault.and_then(|fault| fault.at),
            character: fault.and_then(|fault| fault.character.as_deref()),
        };
        let mut response = (self.status, axum::Json(&details)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = after {
            // Whole seconds, never too early (RFC 9110, section 10.2.3).
            headers.insert(header::RETRY_AFTER, (after.as_millis().div_ceil(1000) as u64).into());
        }
        response
    }
}
