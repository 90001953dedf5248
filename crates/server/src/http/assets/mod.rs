//! The browser side, packed into the binary by `build/`. A debug build reads `web/` at each request instead, so that who develops
//! sees an edit at once.

mod coding;
pub mod document;
mod fault;
mod language;
mod tree;

use std::borrow::Cow;
use std::path::Path;

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use self::coding::Coding;
use self::document::{Document, Door, Language};
pub use self::fault::Reader;
use crate::config::{Lang, Options};

/// A file of the page as the build made it.
struct Packed {
    path: &'static str,
    kind: &'static str,
    immutable: bool,
    tag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

static PACKED: &[Packed] = include!(concat!(env!("OUT_DIR"), "/packed.rs"));

/// Whether the page is served as it was packed.
fn is_packed(options: &Options) -> bool {
    options.packed || !cfg!(debug_assertions)
}

/// What is sent, in one coding.
struct Representation {
    kind: &'static str,
    immutable: bool,
    tag: String,
    bytes: Cow<'static, [u8]>,
    coding: Coding,
    /// What of the request it was chosen by.
    vary: &'static str,
}

/// The page of the chat: the form stands in it, in the language that fits the request.
pub fn page(options: &Options, uri: &Uri, request: &HeaderMap) -> Response {
    let language = language::choose(uri.query(), options.lang, request);
    let door = if is_room(uri.path()) { Door::Room } else { Door::Start };
    let preset = preset(options.lang);
    let vary = if options.lang == Lang::Auto {
        "accept-encoding, accept-language"
    } else {
        "accept-encoding"
    };
    if is_packed(options) {
        let name = format!("{}:{}:{preset}.html", door.code(), language.code());
        return match PACKED.iter().find(|file| file.path == name) {
            Some(file) => packed(file, vary, request),
            None => nothing("/"),
        };
    }
    match written("index.html", language, door.code(), preset) {
        Ok(page) => send(plain("index.html", page.into_bytes(), vary), request),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("web/ has a fault: {error}\n"))
            .into_response(),
    }
}

/// What `--lang` says, as the script of the page is told it.
fn preset(lang: Lang) -> &'static str {
    match lang {
        Lang::Fa => "fa",
        Lang::En => "en",
        Lang::Auto => "auto",
    }
}

/// Whether the page of an address is a room's; `web/ui/state/address.js` says the same.
fn is_room(path: &str) -> bool {
    let room = path.strip_prefix("/r/").unwrap_or_default();
    let room = room.strip_suffix('/').unwrap_or(room);
    !room.is_empty() && !room.contains('/')
}

/// One file by its path, or 404.
pub fn file(options: &Options, path: &str, request: &HeaderMap) -> Response {
    if is_packed(options) {
        return match PACKED.iter().find(|file| file.path == path) {
            Some(file) => packed(file, "accept-encoding", request),
            None => nothing(path),
        };
    }
    let name = path.trim_start_matches('/');
    let file = tree::files(Path::new(WEB)).into_iter().find(|file| file == name);
    match file.filter(|name| !name.ends_with(".html")).and_then(|name| read(&name)) {
        Some(bytes) => send(plain(path, bytes, "accept-encoding"), request),
        None => nothing(path),
    }
}

fn nothing(path: &str) -> Response {
    (StatusCode::NOT_FOUND, format!("there is nothing at {path}\n")).into_response()
}

/// The source of the page, on the machine that built this.
const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web");

fn read(path: &str) -> Option<Vec<u8>> {
    std::fs::read(Path::new(WEB).join(path)).ok()
}

/// A page as the files in `web/` say it now.
fn written(page: &str, language: Language, only: &str, preset: &str) -> Result<String, String> {
    let text = |path: &str| String::from_utf8(read(path)?).ok();
    Document::read(page, &text)?.fill(language, only, preset)
}

fn plain(path: &str, bytes: Vec<u8>, vary: &'static str) -> Representation {
    let tag = tree::tag(&Sha256::digest(&bytes));
    let kind = tree::content_type(path);
    let coding = Coding::Identity;
    Representation { kind, immutable: false, tag, bytes: bytes.into(), coding, vary }
}

/// A packed file in the coding that the client likes best.
fn packed(file: &'static Packed, vary: &'static str, request: &HeaderMap) -> Response {
    let bytes = |coding| match coding {
        Coding::Brotli => file.brotli,
        Coding::Gzip => file.gzip,
        Coding::Identity => Some(file.plain),
    };
    let available = [Coding::Brotli, Coding::Gzip, Coding::Identity];
    let available: Vec<_> =
        available.into_iter().filter(|coding| bytes(*coding).is_some()).collect();
    let chosen = coding::choose(request, &available);
    let Some((coding, bytes)) = chosen.and_then(|coding| Some((coding, bytes(coding)?))) else {
        return none_acceptable();
    };
    let tag = match coding {
        Coding::Identity => file.tag.to_owned(),
        coding => format!("{}-{}", file.tag, coding.name()),
    };
    let (kind, immutable) = (file.kind, file.immutable);
    let what = Representation { kind, immutable, tag, bytes: bytes.into(), coding, vary };
    let mut response = send(what, request);
    if file.path.starts_with("/assets/worker.") {
        // It is for all pages, not only for what is beside it (W3C, Service Workers, section 6.2).
        let everywhere = HeaderValue::from_static("/");
        response.headers_mut().insert("service-worker-allowed", everywhere);
    }
    response
}

fn none_acceptable() -> Response {
    let text = "no coding is acceptable to the client: here are br, gzip and identity\n";
    let vary = [(header::VARY, "accept-encoding")];
    (StatusCode::NOT_ACCEPTABLE, vary, text).into_response()
}

/// Browsers keep a file and ask whether it has changed; one whose name says what is in it they keep for good.
fn send(what: Representation, request: &HeaderMap) -> Response {
    let cache = if what.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tag = format!("\"{}\"", what.tag);
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static(what.vary));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, value);
    }
    if is_known(request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(what.kind));
    if what.coding != Coding::Identity {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(what.coding.name()));
    }
    (headers, what.bytes).into_response()
}

/// Whether who asks has what the tag stands for.
pub fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let lists = request.get_all(header::IF_NONE_MATCH).iter();
    let mut known = lists.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    // Compared weakly (RFC 9110 section 13.1.2): a proxy that compresses marks the tag so.
    known.any(|one| one.trim() == "*" || one.trim().trim_start_matches("W/") == tag)
}
