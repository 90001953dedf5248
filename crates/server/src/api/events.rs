//! Reading: one resource for polling, long polling and Server-Sent Events.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use hamhame_core::codes::ErrorCode;
use hamhame_core::command::WHOLE_MAX;

use super::problem::{Problem, ProblemDetails};
use super::query::Query;
use super::request::{InRoom, Reader};
use super::{Api, LIST, elsewhere};
use crate::delivery::cursor::{Cursor, From, NotOpen, Versions};
use crate::net::peer::Peer;
use crate::session::Refused;
use crate::transport::{Reading, counted, poll, sse};

/// Where an event stream that was cut off goes on (HTML standard, section 9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Keeps nginx, and those who do as it does, from holding a stream back.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The longest wait.
const WAIT: f64 = 60.0;

/// Reads the events behind a position, at once, when there are any, or as a stream.
#[utoipa::path(
    get, path = "/api/rooms/{room}/events", tag = "events", security((), ("token" = [])),
    params(
        ("room" = String, Path, description = "The room, percent-encoded"),
        ("after" = Option<String>, Query, description = "The position of the last event that the client has"),
        ("history" = Option<u64>, Query, description = "Without a position: begin with so many of the last events, as far as the server gives them", minimum = 0, maximum = 9_007_199_254_740_991_u64),
        ("limit" = Option<usize>, Query, description = "Most events in one answer", minimum = 1, maximum = 1000),
        ("wait" = Option<f64>, Query, description = "With nothing to tell, wait for something as long as this, in seconds", minimum = 0, maximum = 60),
        ("states" = Option<String>, Query, description = "Tell presence and typing as well, from these versions on; 0 for all of it"),
        ("Last-Event-ID" = Option<String>, Header, description = "For a stream, comes before `after`"),
    ),
    responses(
        (status = 200, description = "Events", content(
            (poll::Events = "application/json"),
            (String = "text/event-stream"),
        )),
        (status = "4XX", description = "Refused", body = ProblemDetails, content_type = "application/problem+json"),
        (status = "5XX", description = "Not now", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn read(
    State(api): State<Api>,
    InRoom(room): InRoom,
    Extension(Peer(client)): Extension<Peer>,
    Reader(lease): Reader,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = Asked::read(&uri, &headers)?;
    let server = api.server.clone();
    let opened = Cursor::open(&server, &room, &client, asked.from, asked.states).await;
    let (cursor, start) = opened.map_err(|error| match error {
        NotOpen::TooMany(error) => Problem::new(ErrorCode::ServerFull, error.to_string()),
        NotOpen::Away => Refused::away().into(),
    })?;
    let lease = match lease {
        // By this request the client can be asked whether it is there.
        Some(lease) if asked.stream || !asked.wait.is_zero() => {
            Some(elsewhere::settle(&api, lease, &client).await?)
        }
        lease => lease,
    };
    let reading = Reading { server, cursor, start, lease };
    if asked.stream {
        let kind = HeaderValue::from_static("text/event-stream");
        let headers = [(header::CONTENT_TYPE, kind), (UNBUFFERED, HeaderValue::from_static("no"))];
        return Ok((headers, sse::body(reading)).into_response());
    }
    let wait = if method == Method::HEAD { Duration::ZERO } else { asked.wait };
    let memory = reading.server.memory.clone();
    let events = poll::read(reading, asked.limit, wait).await;
    let body = serde_json::to_vec(&events).unwrap_or_default();
    let body = counted(&memory, body).ok_or_else(|| {
        Problem::new(ErrorCode::ServerFull, "Too many answers are not read yet; ask again later.")
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// What a reader asks for.
struct Asked {
    from: From,
    states: Option<Versions>,
    limit: usize,
    wait: Duration,
    stream: bool,
}

impl Asked {
    fn read(uri: &Uri, headers: &HeaderMap) -> Result<Asked, Problem> {
        let query = Query::read(uri, &["after", "history", "limit", "wait", "states"])?;
        let stream = prefers_stream(headers);
        let last = headers.get(LAST_EVENT_ID).filter(|value| stream && !value.is_empty());
        let after = match last {
            Some(last) => {
                let text = String::from_utf8_lossy(last.as_bytes());
                Some(parse("Last-Event-ID", &text)?)
            }
            None => query.get("after").map(|text| parse("after", text)).transpose()?,
        };
        let history = query.number("history", 0..=WHOLE_MAX, 0)?;
        let from = From { after, history };
        let states = query.get("states").map(str::parse).transpose();
        let states = states.map_err(|_| wrong("states", "0, or two numbers with a dot between"))?;
        let wait = query.get("wait").map_or(Some(0.0), |text| text.parse::<f64>().ok());
        let wait = wait.filter(|wait| (0.0..=WAIT).contains(wait));
        let wait = wait.ok_or_else(|| wrong("wait", "seconds from 0 to 60"))?;
        let limit = query.number("limit", 1..=LIST, LIST)?;
        Ok(Asked { from, states, limit, wait: Duration::from_secs_f64(wait), stream })
    }
}

/// Whether a stream is named before JSON among what is accepted.
fn prefers_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter();
    let mut named = accepted.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let essence = |one: &str| one.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = ["text/event-stream", "application/json", "application/*", "*/*"];
    named.find(|one| known.contains(&&*essence(one))).is_some_and(|one| essence(one) == known[0])
}

fn parse<T: FromStr<Err: fmt::Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| {
        Problem::new(ErrorCode::BadRequest, format!("`{name}` is no position: {error}."))
    })
}

fn wrong(name: &str, wanted: &str) -> Problem {
    Problem::new(ErrorCode::BadRequest, format!("`{name}` must be {wanted}."))
}
