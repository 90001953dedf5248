//! The browser side, embedded in the binary (in a debug build it is read from the source tree at each request).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::options::Lang;

#[derive(RustEmbed)]
#[folder = "../../web/"]
#[include = "index.html"]
#[include = "favicon.svg"]
#[include = "manifest.webmanifest"]
#[include = "icons/*"]
#[include = "ui/*"]
#[include = "sdk/*.js"]
#[include = "i18n/*.js"]
#[exclude = "*/test/*"]
#[exclude = "sdk/fakes/*"]
#[exclude = "sdk/live/*"]
struct Web;

/// Where the page says which language it starts in; the attributes are set by `--lang`.
const PAGE_LANGUAGE: &str = r#"<html lang="fa" dir="rtl" data-lang-default="fa">"#;

/// The page of the chat, in the language that `--lang` says.
pub fn page(lang: Lang) -> Response {
    let Some(file) = Web::get("index.html") else {
        return (StatusCode::NOT_FOUND, "this build has no pages").into_response();
    };
    let html = String::from_utf8_lossy(&file.data);
    let html = match lang {
        Lang::Fa => html.into_owned(),
        Lang::En => {
            html.replace(PAGE_LANGUAGE, r#"<html lang="en" dir="ltr" data-lang-default="en">"#)
        }
        Lang::Auto => {
            html.replace(PAGE_LANGUAGE, r#"<html lang="fa" dir="rtl" data-lang-default="auto">"#)
        }
    };
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let cache = HeaderValue::from_static("no-cache");
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)], html).into_response()
}

/// One file by its path, or 404. Browsers keep it and ask whether it has changed.
pub fn file(path: &str, request: &HeaderMap) -> Response {
    let Some(file) = Web::get(path.trim_start_matches('/')).filter(|_| !path.ends_with(".html"))
    else {
        return (StatusCode::NOT_FOUND, format!("there is nothing at {path}\n")).into_response();
    };
    let tag = entity_tag(&file);
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, value);
    }
    if is_known(request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    if let Ok(kind) = HeaderValue::from_str(&content_type(path, &file)) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    (headers, file.data).into_response()
}

/// Whether who asks has what the tag stands for.
pub fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let known = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    // Compared weakly (RFC 9110 section 13.1.2): a proxy that compresses marks the tag so.
    let is_ours = |one: &str| one == "*" || one.trim_start_matches("W/") == tag;
    known.is_some_and(|known| known.split(',').any(|one| is_ours(one.trim())))
}

fn content_type(path: &str, file: &EmbeddedFile) -> String {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8".into(),
        Some("css") => "text/css; charset=utf-8".into(),
        Some("webmanifest") => "application/manifest+json".into(),
        _ => file.metadata.mimetype().to_owned(),
    }
}

fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let mut tag = String::from("\"");
    for byte in &hash[..12] {
        tag.push_str(&format!("{byte:02x}"));
    }
    tag + "\""
}
