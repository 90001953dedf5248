//! The route table, and what every response carries.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use futures_util::future::LocalBoxFuture;
use hamhame_ws::handshake::Deflate;
use hyper::ext::Protocol;
use serde::Deserialize;

use crate::api;
use crate::authority::{Authority, Places, Unnamed};
use crate::clock;
use crate::http::assets;
use crate::http::body;
use crate::http::handshake::{self, Asked, Unwelcome};
use crate::http::pages;
use crate::lab;
use crate::metrics::Now;
use crate::net::admission::Slot;
use crate::net::lan;
use crate::net::origin;
use crate::net::peer::{Peer, Secure};
use crate::qr::{self, NoPicture, Pictures};
use crate::seed::{Mode, Tutorials};
use crate::server::Server;
use crate::session::lease::Leases;
use crate::transport::join::{self, Address};
use crate::transport::ws::Opened;
use hamhame_core::dialect::Dialect;

/// The subprotocol of the full protocol.
pub const PROTOCOL: &str = "hamhame.v1";

/// Talks on an open WebSocket to its end.
pub type Door = Box<dyn FnOnce(Opened) -> LocalBoxFuture<'static, ()> + Send>;

/// What happens on a stream once it is a WebSocket.
pub struct Upgrade {
    /// What it is for.
    pub door: Door,
    /// What was agreed about compression.
    pub deflate: Option<Deflate>,
    /// The place of the client that a proxy made the request for.
    pub place: Option<Slot>,
}

/// Stands in a response that opens a WebSocket. Who writes the response takes it out, and has the stream.
#[derive(Clone)]
pub struct Opening(Arc<Mutex<Option<Upgrade>>>);

impl Opening {
    /// Keeps the place of the client as long as there is a connection.
    pub fn seat(&self, place: Slot) {
        if let Some(upgrade) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            upgrade.place = Some(place);
        }
    }

    /// Taken by the one who opens.
    pub fn take(&self) -> Option<Upgrade> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[derive(Clone)]
struct App {
    server: Arc<Server>,
    tutorials: Arc<Tutorials>,
    leases: Arc<Leases>,
    pictures: Arc<Pictures>,
}

/// All routes.
pub fn router(server: Arc<Server>) -> Router {
    let tutorials = Arc::new(Tutorials::new(&server));
    let leases = Arc::new(Leases::default());
    let api = api::routes(server.clone(), leases.clone());
    let app = App { server, tutorials, leases, pictures: Arc::default() };
    Router::new()
        .route("/", get(page))
        .route("/r/{*room}", get(page))
        // Any method: what else than GET is refused is for the handshake to say.
        .route("/ws", any(tutorial_variant))
        .route("/ws/", any(tutorial_variant))
        .route("/ws/{*path}", any(room_or_tutorial))
        .route("/lab/echo", any(lab_echo))
        .route("/api/qr.svg", get(qr_code))
        .route("/api/address", get(address))
        .route("/pages", get(pages::shorthand))
        .route("/pages/", get(own_page))
        .route("/pages/{*path}", get(own_page))
        // What browsers ask for beside a page that names no icon, as students' own often do not.
        .route("/favicon.ico", get(|| async { Redirect::permanent("/favicon.svg") }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(get(asset))
        .with_state(app.clone())
        .merge(api)
        .layer(middleware::from_fn_with_state(app, add_headers))
}

async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    assets::page(&app.server.options, &uri, &headers)
}

async fn asset(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let mut response = assets::file(&app.server.options, uri.path(), &headers);
    if uri.path().starts_with("/sdk/") {
        share(&app.server.origins, &headers, response.headers_mut());
    }
    response
}

/// Pages that may connect may load the SDK from here as well (the Fetch standard, section 3.3).
fn share(origins: &[String], request: &HeaderMap, response: &mut HeaderMap) {
    if origins.is_empty() {
        return;
    }
    response.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = request.get(header::ORIGIN) else { return };
    if origin::is_allowed(Some(origin.as_bytes()), None, origins) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

async fn ready(State(app): State<App>) -> Response {
    if app.server.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response();
    }
    if !app.server.broker.is_reached() {
        let words = "the engine that orders the events of rooms cannot be reached\n";
        return (StatusCode::SERVICE_UNAVAILABLE, words).into_response();
    }
    // Nobody can come in, though those who are in can read.
    if app.server.broker.refuses() {
        let words = "the engine that orders the events of rooms refuses to write\n";
        return (StatusCode::SERVICE_UNAVAILABLE, words).into_response();
    }
    "ready\n".into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    let registry = &app.server.registry;
    let now = Now {
        rooms: registry.count(),
        room_looks: registry.shared().looks(),
        members: registry.shared().members(),
        leases: app.leases.count(),
        addresses: app.server.visitors.addresses(),
        memory: &app.server.memory,
    };
    let text = app.server.metrics.expose(&now) + &app.server.broker.expose();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Where others find this server, for who invites them from the machine itself. Nobody else is told.
async fn address(State(app): State<App>, Extension(peer): Extension<Peer>) -> Response {
    let options = &app.server.options;
    let host = peer.0.is_loopback().then(|| lan::others_address(options)).flatten();
    let host = host.map(|ip| match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    });
    let address = serde_json::json!({ "host": host });
    ([(header::CACHE_CONTROL, "no-store")], Json(address)).into_response()
}

/// A file of `--pages`.
async fn own_page(State(app): State<App>, uri: Uri) -> Response {
    pages::file(app.server.options.pages.as_deref(), uri.path()).await
}

#[derive(Deserialize)]
struct QrQuery {
    text: String,
}

/// The same text is the same picture for ever, so a browser asks for it once.
async fn qr_code(
    State(app): State<App>,
    Extension(Peer(client)): Extension<Peer>,
    Query(QrQuery { text }): Query<QrQuery>,
    headers: HeaderMap,
) -> Response {
    let tag = qr::entity_tag(&text);
    let for_ever = "public, max-age=31536000, immutable";
    let cached = [(header::CACHE_CONTROL, for_ever), (header::ETAG, tag.as_str())];
    if text.len() <= qr::LONGEST && assets::is_known(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    let address = app.server.options.limited().then(|| client.network());
    match app.pictures.get(&text, address, clock::uptime()) {
        Ok(svg) => {
            (cached, [(header::CONTENT_TYPE, "image/svg+xml")], svg.to_string()).into_response()
        }
        Err(NoPicture::TooLong) => {
            (StatusCode::BAD_REQUEST, "the text is too long for a QR code\n").into_response()
        }
        Err(NoPicture::TooMany(wait)) => {
            app.server.metrics.refused();
            let seconds = wait.as_secs() + 1;
            let text = "too many QR codes at once; try again in a moment\n";
            let after = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, after, text).into_response()
        }
    }
}

#[derive(Deserialize)]
struct ModeQuery {
    mode: Option<String>,
}

/// `/ws`: the echo server of the second tutorial and its variants.
async fn tutorial_variant(
    State(app): State<App>,
    Query(query): Query<ModeQuery>,
    request: Request,
) -> Response {
    let name = query.mode.as_deref().unwrap_or("echo");
    let Some(mode) = Mode::parse(name) else {
        let text = format!("there is no mode {name:?}; it is echo, broadcast or heartbeat\n");
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let tutorials = app.tutorials.clone();
    upgrade(&app, request, move |_| {
        Box::new(move |opened| Box::pin(async move { tutorials.variant(opened, mode).await }))
    })
}

/// `/ws/{room}/{name}`, and `/ws/{integer}` for the first tutorial. The parts are taken from the path as it came, since a
/// name may hold an encoded slash.
async fn room_or_tutorial(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path();
    let Some((room, name)) = handshake::room_and_name(path) else {
        let path = path.trim_start_matches("/ws/").to_owned();
        if path.contains('/') {
            return (StatusCode::NOT_FOUND, "a room is at /ws/{room}/{name}\n").into_response();
        }
        return tutorial_chat(&app, &path, request);
    };
    let mut address = Address::read(room, name);
    if let Some(error) = address.broken() {
        return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response();
    }
    upgrade(&app, request, move |protocol| {
        address.dialect = Dialect::of(protocol);
        Box::new(move |opened| Box::pin(join::run(opened, address, String::new())))
    })
}

fn tutorial_chat(app: &App, client: &str, request: Request) -> Response {
    let Some(client) = whole_number(client) else {
        let text = "a room is at /ws/{room}/{name}, the tutorial chat at /ws/{number}\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    let tutorials = app.tutorials.clone();
    upgrade(app, request, move |_| {
        Box::new(move |opened| Box::pin(async move { tutorials.chat(opened, client).await }))
    })
}

/// A whole number as the tutorial's server shows it: without plus sign and leading zeros.
fn whole_number(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || digits.len() > 64 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match digits.trim_start_matches('0') {
        "" => Some("0".into()),
        digits => Some(format!("{sign}{digits}")),
    }
}

async fn lab_echo(State(app): State<App>, request: Request) -> Response {
    upgrade(&app, request, |_| Box::new(|opened| Box::pin(lab::echo::run(opened))))
}

/// Answers a WebSocket handshake as [`opening`] judges it, and leaves `door` for the accept loop.
fn upgrade(
    app: &App,
    request: Request,
    door: impl FnOnce(Option<&'static str>) -> Door,
) -> Response {
    let headers = handshake::listed(request.headers());
    let asked = Asked {
        method: request.method().as_str(),
        places: Places::of(request.version(), request.uri()),
        headers: &headers,
        secure: request.extensions().get::<Secure>().is_some(),
        protocol: request.extensions().get::<Protocol>().map(Protocol::as_str),
    };
    let (accept, protocol, deflate) = match handshake::judge(&asked, &app.server) {
        Ok(asked) => {
            let accept = (!asked.key.is_empty()).then(|| asked.accept());
            (accept, asked.choose(&[PROTOCOL]), asked.deflate)
        }
        Err(unwelcome) => {
            let origin = asked.all("origin").next();
            if unwelcome == Unwelcome::Origin {
                app.server.metrics.refused();
                origin::report(origin);
            }
            return refuse_handshake(unwelcome, origin);
        }
    };
    let over_stream = request.version() >= Version::HTTP_2;
    let status = if over_stream { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS };
    let mut response = status.into_response();
    let headers = response.headers_mut();
    if !over_stream {
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    if let Some(Ok(accept)) = accept.map(HeaderValue::try_from) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(protocol) = protocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }
    if let Some(deflate) = deflate {
        let answer = HeaderValue::from_static(deflate.answer());
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, answer);
    }
    let upgrade = Upgrade { door: door(protocol), deflate, place: None };
    let opening = Opening(Arc::new(Mutex::new(Some(upgrade))));
    response.extensions_mut().insert(opening);
    response
}

fn refuse_handshake(unwelcome: Unwelcome, origin: Option<&[u8]>) -> Response {
    let error = match unwelcome {
        // A foreign host gets no further than `add_headers`.
        Unwelcome::Host | Unwelcome::Foreign => return refuse_host(),
        Unwelcome::Origin => {
            let origin = origin.filter(|origin| origin.len() < 256).unwrap_or_default();
            let origin = String::from_utf8_lossy(origin);
            let text = format!(
                "this origin may not connect; the operator can allow it with --origin {origin}\n"
            );
            return (StatusCode::FORBIDDEN, text).into_response();
        }
        Unwelcome::Body => {
            let text = "a WebSocket handshake has no body\n";
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
        Unwelcome::Handshake(error) => error,
    };
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = (status, format!("{error}\n")).into_response();
    for (name, value) in error.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}

fn refuse_host() -> Response {
    let text =
        "a request must have one Host header, a host and perhaps a port (RFC 9112 section 3.2)\n";
    (StatusCode::BAD_REQUEST, text).into_response()
}

/// The answer to who asks for another host than this server's.
pub(super) fn refuse_foreign(words: &str, path: &str) -> Response {
    if path.starts_with("/api/") {
        return api::misdirected(words.to_owned());
    }
    (StatusCode::MISDIRECTED_REQUEST, format!("{words}\n")).into_response()
}

/// The body of the request cannot be read, nor what comes behind it.
fn refuse_coding() -> Response {
    let text = "Transfer-Encoding may be chunked and nothing else (RFC 9112 section 6.1)\n";
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    (StatusCode::NOT_IMPLEMENTED, close, text).into_response()
}

/// What keeps a page from loading or doing anything that is not ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

async fn add_headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let places = Places::of(request.version(), request.uri());
    let version = places.version;
    let hosts = request.headers().get_all(header::HOST).iter().map(HeaderValue::as_bytes);
    let options = &app.server.options;
    let reader = assets::Reader::of(options, request.method(), request.uri(), request.headers());
    let mut response = match Authority::of(places, hosts) {
        Ok(host) if !app.server.hosts.answer_for(host.as_ref()) => {
            app.server.metrics.refused();
            refuse_foreign(&app.server.hosts.refuse(host.as_ref()), request.uri().path())
        }
        Ok(_) if body::is_coded_as_known(request.headers()) => next.run(request).await,
        Ok(_) => refuse_coding(),
        Err(Unnamed) => refuse_host(),
    };
    if response.extensions().get::<Opening>().is_some() {
        return response;
    }
    if let Some(reader) = reader {
        response = reader.show(options, response).await;
    }
    let is_own = response.extensions_mut().remove::<pages::OwnPage>().is_some();
    let headers = response.headers_mut();
    // Pages of the operator's own may do what they want.
    if !is_own {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    for (name, value) in
        [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::REFERRER_POLICY, "no-referrer")]
    {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if version < (3, 0)
        && let Some(place) = http3_place(&app.server)
    {
        headers.insert(header::ALT_SVC, place);
    }
    response
}

/// Where HTTP/3 is spoken (RFC 7838, section 3), for an hour: a server that speaks it no more is found out by then.
fn http3_place(server: &Server) -> Option<HeaderValue> {
    let port = server.tls.as_ref().filter(|_| server.options.tls.http3)?.port()?;
    HeaderValue::try_from(format!("h3=\":{port}\"; ma=3600")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_shown_as_the_tutorial_shows_it() {
        for (text, shown) in
            [("7", "7"), ("007", "7"), ("+7", "7"), ("-7", "-7"), ("0", "0"), ("-0", "0")]
        {
            assert_eq!(whole_number(text).as_deref(), Some(shown));
        }
        for text in ["", "-", "7.5", "seven", "۷", " 7"] {
            assert_eq!(whole_number(text), None, "{text:?}");
        }
    }
}
