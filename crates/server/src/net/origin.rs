//! Which pages may open a WebSocket: those of this server, and those the operator names (RFC 6455, section 10.2).

use axum::http::Uri;

use crate::config::Options;
use crate::net::lan;

/// What a request is for, as far as the page that makes it is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its host, with the port.
    pub host: &'a [u8],
    /// People reach it by https, be it from us or from a proxy in front that is trusted.
    pub secure: bool,
}

/// Pages of other servers of this machine, such as one's own from a folder: welcome where only this machine is served, as
/// [`Hosts`](crate::net::hosts::Hosts) keeps away who only looks like it.
const OF_THIS_MACHINE: [&str; 6] = [
    "http://localhost:*",
    "http://127.0.0.1:*",
    "http://[::1]:*",
    "https://localhost:*",
    "https://127.0.0.1:*",
    "https://[::1]:*",
];

/// The longest origin that is looked at, in bytes: a scheme, a host (255 at most, RFC 1035 section 2.3.4) and a port are less.
const LONGEST: usize = 512;

/// The origins whose pages are welcome beside the server's own.
pub fn allowed(options: &Options) -> Vec<String> {
    let mut origins = options.origins.clone();
    // Behind a proxy the clients are somewhere else.
    if lan::listen_address(options).ip().is_loopback() && options.proxy.trusted.is_empty() {
        // A page of http never where the service is https.
        let secure = options.tls.is_on();
        let fit = OF_THIS_MACHINE.into_iter().filter(|one| !secure || one.starts_with("https:"));
        origins.extend(fit.map(str::to_owned));
    }
    origins
}

/// Tells the log of a page that was refused, and the option that would allow it.
pub fn report(origin: Option<&[u8]>) {
    let origin = String::from_utf8_lossy(origin.unwrap_or_default()).into_owned();
    let option = if is_plain(&origin) { origin.as_str() } else { "ORIGIN" };
    tracing::warn!(origin, "refused a page of a foreign origin; --origin {option} allows it");
}

/// Whether a line that is read and copied to a shell may have it as it is: whoever asks chooses what stands there.
fn is_plain(origin: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:/[]_".contains(&byte);
    !origin.is_empty() && origin.len() <= 255 && origin.bytes().all(plain)
}

/// Whether an origin is one of those that `named` means: itself, any, or one at any port.
fn is_meant(named: &str, origin: &str) -> bool {
    let at_any_port = |start: &str| {
        let port = origin.strip_prefix(start)?;
        let digits = port.strip_prefix(':').unwrap_or(port);
        let is_port =
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok();
        Some(port.is_empty() || is_port && port.starts_with(':'))
    };
    named == "*" || named == origin || named.strip_suffix(":*").and_then(at_any_port) == Some(true)
}

/// Whether the request comes from no page at all (no `origin`), from a page of the same host, or from one of `allowed`.
pub fn is_allowed(origin: Option<&[u8]>, target: Option<Target<'_>>, allowed: &[String]) -> bool {
    let Some(origin) = origin else { return true };
    if origin.len() > LONGEST {
        return false;
    }
    let Some(origin) = visible(origin) else { return false };
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    if allowed.iter().any(|one| is_meant(one, &origin)) {
        return true;
    }
    let Some(target) = target else { return false };
    let (Ok(origin), Some(host)) = (origin.parse::<Uri>(), visible(target.host)) else {
        return false;
    };
    let Some(authority) = origin.authority() else { return false };
    let default = match origin.scheme_str() {
        Some("https") => ":443",
        // Whoever is on the way of an http page could write it, and so take over what https protects.
        Some("http") if !target.secure => ":80",
        _ => return false,
    };
    // A page of https may come to plain http: a proxy that ends TLS stands between, and need not be one that we know of.
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
        let target = Target { host: host.as_bytes(), secure: false };
        is_allowed(origin.map(str::as_bytes), Some(target), &list)
    }

    #[test]
    fn the_scheme_is_that_of_a_page_and_never_less_secure_than_the_service() {
        let judge = |origin: &str, secure| {
            let target = Target { host: b"chat.example", secure };
            is_allowed(Some(origin.as_bytes()), Some(target), &[])
        };
        for (origin, to_http, to_https) in [
            ("http://chat.example", true, false),
            ("HTTP://chat.example", true, false),
            ("http://chat.example:80", true, false),
            ("https://chat.example", true, true),
            ("https://chat.example:443", true, true),
            ("https://chat.example:80", false, false),
            ("http://chat.example:443", false, false),
            ("ftp://chat.example", false, false),
            ("ws://chat.example", false, false),
            ("wss://chat.example", false, false),
            ("httpsx://chat.example", false, false),
            ("//chat.example", false, false),
            ("chat.example", false, false),
            ("null", false, false),
        ] {
            assert_eq!(judge(origin, false), to_http, "{origin} to http");
            assert_eq!(judge(origin, true), to_https, "{origin} to https");
        }
        let named = ["http://chat.example".to_owned()];
        let target = Target { host: b"chat.example", secure: true };
        assert!(is_allowed(Some(b"http://chat.example"), Some(target), &named));
        assert!(is_allowed(None, Some(target), &[]), "a program has no origin");
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
    fn an_origin_may_be_named_with_any_port_and_files_by_null() {
        let named = ["http://localhost:*", "http://[::1]:*"];
        for origin in ["http://localhost:3000", "http://LOCALHOST", "http://[::1]:5500"] {
            assert!(allowed(Some(origin), "h", &named), "{origin}");
        }
        for origin in [
            "https://localhost:3000",
            "http://localhost:3000.evil.example",
            "http://localhost.evil.example:80",
            "http://localhost:+80",
            "http://localhost:",
            "http://localhost:70000",
            "http://localhost@evil.example",
            "http://localhost:80@evil.example",
            "null",
        ] {
            assert!(!allowed(Some(origin), "h", &named), "{origin}");
        }
        assert!(allowed(Some("null"), "h", &["null"]));
    }

    #[test]
    fn pages_of_this_machine_are_welcome_where_only_it_is_served() {
        use clap::Parser;
        let welcome = |arguments: &[&str]| {
            let options = Options::parse_from([&["hamhame"], arguments].concat());
            let origins = super::allowed(&options);
            let target = Target { host: b"127.0.0.1:8000", secure: false };
            is_allowed(Some(b"http://localhost:5500"), Some(target), &origins)
        };
        assert!(welcome(&[]));
        assert!(welcome(&["--listen", "[::1]:80"]));
        for arguments in [
            &["--lan"][..],
            &["--listen", "0.0.0.0:80"],
            &["--listen", "192.168.1.2:80"],
            &["--trusted-proxy", "127.0.0.1"],
        ] {
            assert!(!welcome(arguments), "{arguments:?}");
        }
    }

    #[test]
    fn the_operator_can_name_others() {
        assert!(allowed(Some("https://school.example"), "h", &["https://school.example"]));
        assert!(!allowed(Some("http://school.example"), "h", &["https://school.example"]));
        assert!(allowed(Some("http://anything.example"), "h", &["*"]));
    }
}
