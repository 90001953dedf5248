//! `--pages DIR`: a folder of the operator's own pages at `/pages/`, beside the rooms, so that they are of the same origin.
//!
//! Only files under the folder are served: a path is taken apart before it is looked up, and what a link leads to must be in
//! the folder too. Names that begin with a dot are nobody's business.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream};

/// How much of a file is read at once, and is in memory for who takes it slowly.
const PIECE: u64 = 65_536;

/// Stands in a response that has one of these files: our own pages' policy is not for it.
#[derive(Clone, Copy)]
pub struct OwnPage;

/// `/pages`: relative links need the slash.
pub async fn shorthand() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "/pages/")]).into_response()
}

/// The file at a path that begins with `/pages/`; `index.html` stands for its folder.
pub async fn file(folder: Option<&Path>, path: &str) -> Response {
    let nothing =
        || (StatusCode::NOT_FOUND, format!("there is nothing at {path}\n")).into_response();
    let Some(folder) = folder else {
        return (
            StatusCode::NOT_FOUND,
            "this server has no pages of its own; --pages DIR serves a folder here\n",
        )
            .into_response();
    };
    let Some(relative) = relative(path.strip_prefix("/pages/").unwrap_or_default()) else {
        return nothing();
    };
    let folder = folder.to_owned();
    let is_folder = path.ends_with('/');
    // Disks may be slow, and this thread has others to serve.
    let found = tokio::task::spawn_blocking(move || find(&folder, &relative, is_folder)).await;
    match found {
        Ok(Ok(Found::File(file, length, name))) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(content_type(&name))),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::CONTENT_LENGTH, length.into()),
            ];
            let mut response = (headers, Body::from_stream(pieces(file, length))).into_response();
            response.extensions_mut().insert(OwnPage);
            response
        }
        Ok(Ok(Found::Folder)) => match HeaderValue::try_from(format!("{path}/")) {
            Ok(place) => {
                (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, place)]).into_response()
            }
            Err(_) => nothing(),
        },
        _ => nothing(),
    }
}

/// What stands at a path.
enum Found {
    /// With its length, and the path that it really has.
    File(File, u64, PathBuf),
    /// Its page is at the same path with a slash at its end.
    Folder,
}

fn find(folder: &Path, relative: &Path, is_folder: bool) -> io::Result<Found> {
    let folder = folder.canonicalize()?;
    let path = folder.join(relative);
    let path = if is_folder { path.join("index.html") } else { path };
    let path = path.canonicalize()?;
    if !path.starts_with(&folder) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let about = path.metadata()?;
    if about.is_dir() && !is_folder && path.join("index.html").is_file() {
        return Ok(Found::Folder);
    }
    // A pipe would wait for a writer.
    if !about.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Found::File(File::open(&path)?, about.len(), path))
}

/// What a file has, to the length that was promised: one that has become shorter ends the response early.
fn pieces(file: File, length: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            let read = file.by_ref().take(left.min(PIECE)).read_to_end(&mut bytes)? as u64;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok((Bytes::from(bytes), (file, left - read)))
        });
        read.await.map_err(io::Error::other)?.map(Some)
    })
}

/// A path below the folder, decoded; `None` if a part of it leads elsewhere, is hidden, or is no name.
fn relative(path: &str) -> Option<PathBuf> {
    let mut relative = PathBuf::new();
    for part in path.split('/') {
        let part = decode(part)?;
        let is_name = !part.starts_with('.') && !part.contains(['/', '\\', '\0']);
        if !is_name {
            return None;
        }
        relative.push(part);
    }
    Some(relative)
}

fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            bytes.push((digit(rest.next())? * 16 + digit(rest.next())?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// By the end of its name. What is unknown is bytes, which a browser saves.
fn content_type(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "mp4" => "video/mp4",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_folder() {
        for (path, expected) in [
            ("", ""),
            ("a.html", "a.html"),
            ("a/b%20c.js", "a/b c.js"),
            ("%DA%A9/", "ک/"),
            ("a//b", "a/b"),
        ] {
            assert_eq!(relative(path).as_deref(), Some(Path::new(expected)), "{path}");
        }
        for path in [
            "..",
            "../a",
            "a/../../b",
            "%2e%2e/a",
            "%2E./a",
            "a%2fb",
            "..%2fa",
            "a%5cb",
            ".git/config",
            "a/.env",
            "a%00b",
            "%",
            "%4",
            "%zz",
            "%ff",
            ".",
        ] {
            assert_eq!(relative(path), None, "{path}");
        }
    }
}
