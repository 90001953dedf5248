//! Which pages may open a WebSocket: those of this server, and those the operator names (RFC 6455, section 10.2).

use axum::http::Uri;

/// Whether the request comes from no page at all (no `origin`), from a page of the same `host`, or from one of `allowed`.
pub fn is_allowed(origin: Option<&[u8]>, host: Option<&[u8]>, allowed: &[String]) -> bool {
    let Some(origin) = origin else { return true };
    let Some(origin) = visible(origin) else { return false };
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    if allowed.iter().any(|one| one == "*" || *one == origin) {
        return true;
    }
    // The scheme is not compared: behind a proxy that ends TLS the page is https and we are not.
    let host = host.and_then(visible);
    let (Ok(origin), Some(host)) = (origin.parse::<Uri>(), host) else { return false };
    let Some(authority) = origin.authority() else { return false };
    let default = if origin.scheme_str() == Some("https") { ":443" } else { ":80" };
    let plain = |name: &str| name.to_ascii_lowercase().trim_end_matches(default).to_owned();
    plain(authority.as_str()) == plain(host)
}

/// A header's value as text, if it is of ASCII that can be seen.
fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_visible))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: Option<&str>, host: &str, list: &[&str]) -> bool {
        let list: Vec<String> = list.iter().map(|s| (*s).to_owned()).collect();
        is_allowed(origin.map(str::as_bytes), Some(host.as_bytes()), &list)
    }

    #[test]
    fn a_program_without_an_origin_may_connect() {
        assert!(allowed(None, "example.org", &[]));
    }

    #[test]
    fn a_page_of_the_same_host_may_connect() {
        assert!(allowed(Some("http://127.0.0.1:8000"), "127.0.0.1:8000", &[]));
        assert!(allowed(Some("https://Chat.example.org"), "chat.example.org", &[]));
        assert!(allowed(Some("https://example.org"), "example.org:443", &[]));
        assert!(allowed(Some("http://[::1]:8000"), "[::1]:8000", &[]));
    }

    #[test]
    fn a_page_of_another_host_may_not() {
        for origin in [
            "http://evil.example",
            "http://127.0.0.1:9000",
            "null",
            "http://example.org.evil.example",
            "",
            "/",
        ] {
            assert!(!allowed(Some(origin), "127.0.0.1:8000", &[]), "{origin}");
        }
    }

    #[test]
    fn the_operator_can_name_others() {
        assert!(allowed(Some("https://school.example"), "h", &["https://school.example"]));
        assert!(!allowed(Some("http://school.example"), "h", &["https://school.example"]));
        assert!(allowed(Some("http://anything.example"), "h", &["*"]));
    }
}
