//! One request, in whatever version of HTTP it came: the place of its client, the route table, and what a handshake opens.

use std::rc::Rc;

use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use bytes::Bytes;
use hyper::body::Body;
use tower::ServiceExt;

use crate::api;
use crate::delivery::shard::Shard;
use crate::http::routes::{Opening, Upgrade};
use crate::net::admission::{Seated, Slot, Visit};
use crate::net::peer::{Peer, Secure};
use crate::net::stream::Io;
use crate::transport::ws::Opened;

/// Answers one request.
pub(crate) async fn answer<B>(
    mut request: hyper::Request<B>,
    router: Router,
    shard: &Shard,
    visit: &Visit,
) -> Response
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let is_api = request.uri().path().starts_with("/api/");
    let refuse = |close| {
        shard.server().metrics.refused();
        if is_api { later(api::over_limit(), close) } else { over_limit(close) }
    };
    if visit.over_limit {
        return refuse(request.version() < Version::HTTP_2);
    }
    let values = |name| request.headers().get_all(name).iter().map(HeaderValue::as_bytes);
    let is_secure = visit.is_secure(values);
    let Ok(place) = visit.seat(values) else {
        // The proxy's connection is not this client's to lose.
        return refuse(false);
    };
    let client = place.as_ref().map_or(visit.client(), Slot::client).clone();
    request.extensions_mut().insert(Peer(client));
    if is_secure {
        request.extensions_mut().insert(Secure);
    }
    let Ok(response) = router.oneshot(request).await;
    let Some(place) = place else { return response };
    if let Some(opening) = response.extensions().get::<Opening>() {
        opening.seat(place);
        return response;
    }
    response.map(|body| axum::body::Body::new(Seated::new(body, place)))
}

/// What is to happen once the response is written, if it opens a WebSocket.
pub(crate) fn opening(response: &mut Response) -> Option<Opening> {
    response.extensions_mut().remove()
}

/// Waits until the response is written, then lets the conversation begin on the stream below, behind what came with the
/// handshake.
pub(crate) async fn open(
    opening: Opening,
    opened: impl Future<Output = Option<(Io, Bytes)>>,
    shard: Rc<Shard>,
    visit: Rc<Visit>,
) {
    let Some(Upgrade { door, deflate, place }) = opening.take() else { return };
    if let Some(place) = place {
        visit.settle(place);
    }
    let Some((io, backlog)) = opened.await else { return };
    door(Opened { io, backlog, shard, visit, deflate }).await;
}

/// The answer to who has more connections than it may; `close` where it is for the header to end the connection.
pub(crate) fn over_limit(close: bool) -> Response {
    let text = "too many connections from this address\n";
    later((StatusCode::TOO_MANY_REQUESTS, text).into_response(), close)
}

fn later(mut response: Response, close: bool) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    if close {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
