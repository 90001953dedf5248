//! What pages of other origins may do with the API: nothing, unless the operator names them (the Fetch standard, section 3.3).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Api;
use crate::authority::Authority;
use crate::authority::Places;
use crate::net::origin::{self, Target};
use crate::net::peer::Secure;

/// For how long a browser may remember that it may, in seconds.
const REMEMBERED: &str = "600";

/// Says to a page of an origin that [`origin::allowed`] has that it may read the answer, and beforehand that it may ask.
pub async fn allow(State(api): State<Api>, request: Request, next: Next) -> Response {
    let origins = &api.server.origins;
    let origin = request.headers().get(header::ORIGIN).cloned();
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let places = Places::of(request.version(), request.uri());
    let hosts = request.headers().get_all(header::HOST).iter().map(HeaderValue::as_bytes);
    let own = Authority::of(places, hosts).ok().flatten();
    let secure = request.extensions().get::<Secure>().is_some();
    let own = own.map(|own| Target { host: own.text().as_bytes(), secure });
    if !origin::is_allowed(origin.as_ref().map(HeaderValue::as_bytes), own, origins) {
        origin::report(origin.as_ref().map(HeaderValue::as_bytes));
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if !origins.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    // Without a host to compare with: a page of our own needs no permission.
    if let Some(origin) = origin
        && origin::is_allowed(Some(origin.as_bytes()), None, origins)
    {
        permit(headers, origin, asks);
    }
    response
}

fn permit(headers: &mut HeaderMap, origin: HeaderValue, asks: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let readable = HeaderValue::from_static("Location, Retry-After");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
    if !asks {
        return;
    }
    if let Some(methods) = headers.get(header::ALLOW).cloned() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    let sent = HeaderValue::from_static("Authorization, Content-Type, Last-Event-ID");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, sent);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
}
