//! What a person sees in a browser where a program gets a line of text: a page about what went wrong, in the reader's language,
//! with that line in it.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;

use super::document::{Language, escaped};
use super::{PACKED, is_packed, language, preset, written};
use crate::config::Options;

/// No line of ours about a fault is longer, in bytes.
const LONGEST: usize = 4096;

/// Who asks for a page.
pub struct Reader(Language);

impl Reader {
    /// `None` for programs: they do not name HTML among what they accept. The API answers them alone.
    pub fn of(
        options: &Options,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Reader> {
        let lists = headers.get_all(header::ACCEPT).iter().filter_map(|list| list.to_str().ok());
        let mut kinds = lists.flat_map(|list| list.split(','));
        let wants = kinds.any(|kind| {
            let kind = kind.split(';').next().unwrap_or_default();
            kind.trim().eq_ignore_ascii_case("text/html")
        });
        let is_page = method == Method::GET && wants && !uri.path().starts_with("/api/");
        is_page.then(|| Reader(language::choose(uri.query(), options.lang, headers)))
    }

    /// The response, as a page if it is about a fault.
    pub async fn show(self, options: &Options, response: Response) -> Response {
        let status = response.status();
        let kind = response.headers().get(header::CONTENT_TYPE);
        let is_line = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
        if !(status.is_client_error() || status.is_server_error()) || !is_line {
            return response;
        }
        let Some(template) = self.template(options) else { return response };
        let (mut head, body) = response.into_parts();
        let said = to_bytes(body, LONGEST).await.unwrap_or_default();
        let page = fill(&template, status, String::from_utf8_lossy(&said).trim());
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::VARY, "accept, accept-language"),
        ] {
            head.headers.insert(name, HeaderValue::from_static(value));
        }
        head.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(head, Body::from(page))
    }

    fn template(&self, options: &Options) -> Option<String> {
        let preset = preset(options.lang);
        if !is_packed(options) {
            return written("fault.html", self.0, "", preset).ok();
        }
        let name = format!("fault:{}:{preset}.html", self.0.code());
        let file = PACKED.iter().find(|file| file.path == name)?;
        String::from_utf8(file.plain.to_vec()).ok()
    }
}

/// Where the line stands: it is in English, whoever reads it.
const SAID: &str = "<code lang=\"en\" dir=\"ltr\">";

/// The page about `status`. What `fault.html` has for other kinds stays hidden.
fn fill(template: &str, status: StatusCode, said: &str) -> String {
    let kind = match status.as_u16() {
        known @ (403 | 404 | 421 | 429 | 503) => known.to_string(),
        500.. => "5xx".to_owned(),
        _ => "4xx".to_owned(),
    };
    let number = format!("<p class=\"fault-status\">{}", status.as_u16());
    template
        .replace(&format!("data-only=\"{kind}\" hidden"), &format!("data-only=\"{kind}\""))
        .replacen("<p class=\"fault-status\">", &number, 1)
        .replacen(SAID, &format!("{SAID}{}", escaped(said)), 1)
}
