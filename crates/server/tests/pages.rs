//! What the pages carry: a language, a policy, tags to keep them by; and what the server tells about itself.
mod common;

use common::{HttpResponse, Raw, TestServer};

async fn get(server: &TestServer, path: &str, headers: &str) -> HttpResponse {
    server
        .request(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        ))
        .await
}

/// The attributes of the page's root element.
fn root(page: &str) -> &str {
    let start = page.find("<html").expect("a page");
    page[start..].split_once('>').expect("a page").0
}

#[tokio::test]
async fn the_page_starts_in_the_language_that_the_option_says() {
    for (lang, attributes) in [
        ("fa", r#"<html lang="fa" dir="rtl" data-lang-default="fa""#),
        ("en", r#"<html lang="en" dir="ltr" data-lang-default="en""#),
        ("auto", r#"<html lang="fa" dir="rtl" data-lang-default="auto""#),
    ] {
        let server = TestServer::start(&["--lang", lang]).await;
        for path in ["/", "/r/%DA%A9%D9%84%D8%A7%D8%B3", "/?lang=en"] {
            let page = server.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert_eq!(root(&page.body), attributes, "{path}");
        }
    }
    let server = TestServer::start(&[]).await;
    assert!(
        root(&server.get("/").await.body).contains(r#"lang="fa""#),
        "Persian unless told otherwise"
    );
}

#[tokio::test]
async fn every_answer_forbids_what_is_not_ours_and_no_type_is_guessed() {
    let server = TestServer::start(&[]).await;
    for path in [
        "/",
        "/r/room",
        "/sdk/room.js",
        "/favicon.svg",
        "/nothing",
        "/healthz",
        "/metrics",
        "/api/qr.svg?text=a",
        "/ws/a/b",
    ] {
        let answer = server.get(path).await;
        let policy = answer
            .header("content-security-policy")
            .unwrap_or_else(|| panic!("{path}: {}", answer.head));
        assert!(policy.starts_with("default-src 'none'; "), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(answer.header("content-type").is_some_and(|kind| kind.contains('/')), "{path}");
        assert_eq!(answer.header("server"), None, "{path}");
    }
}

#[tokio::test]
async fn the_page_and_all_that_it_loads_come_from_here_with_their_types() {
    let server = TestServer::start(&[]).await;
    let page = server.get("/").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(!page.body.contains("http://") && !page.body.contains("https://"), "{}", page.body);
    let mut seen = 0;
    for part in
        page.body.split(['"', '\'']).filter(|part| part.starts_with('/') && part.contains('.'))
    {
        let file = server.get(part).await;
        assert_eq!(file.status, 200, "{part}");
        let expected = match part.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("webmanifest") => "application/manifest+json",
            _ => continue,
        };
        assert_eq!(file.header("content-type"), Some(expected), "{part}");
        seen += 1;
    }
    assert!(seen >= 2, "a script and a style at least: {}", page.body);
}

#[tokio::test]
async fn a_page_that_may_connect_may_load_the_sdk_from_here_and_no_other_page_may() {
    let allowed = "access-control-allow-origin";
    let server = TestServer::start(&["--origin", "https://school.example"]).await;
    let named = "Origin: https://school.example\r\n";
    let sdk = get(&server, "/sdk/index.js", named).await;
    assert_eq!((sdk.status, sdk.header(allowed)), (200, Some("https://school.example")));
    assert_eq!(sdk.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(sdk.header("vary"), Some("Origin"));
    let tag = sdk.header("etag").unwrap_or_else(|| panic!("{}", sdk.head));
    let again = get(&server, "/sdk/index.js", &format!("{named}If-None-Match: {tag}\r\n")).await;
    assert_eq!((again.status, again.header(allowed)), (304, Some("https://school.example")));
    for (path, origin) in [
        ("/sdk/index.js", "Origin: https://evil.example\r\n"),
        ("/sdk/index.js", ""),
        ("/ui/main.js", named),
    ] {
        assert_eq!(get(&server, path, origin).await.header(allowed), None, "{path} {origin}");
    }
    let closed = TestServer::start(&[]).await;
    assert_eq!(get(&closed, "/sdk/index.js", named).await.header(allowed), None);
}

#[tokio::test]
async fn a_file_that_has_not_changed_is_not_sent_again() {
    let server = TestServer::start(&[]).await;
    for path in ["/sdk/room.js", "/favicon.svg"] {
        let file = server.get(path).await;
        let tag = file.header("etag").unwrap_or_else(|| panic!("{}", file.head)).to_owned();
        assert_eq!(
            file.header("cache-control"),
            Some("no-cache"),
            "kept, and asked about each time"
        );
        for known in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".into()] {
            let again = get(&server, path, &format!("If-None-Match: {known}\r\n")).await;
            assert_eq!((again.status, again.body.as_str()), (304, ""), "{path} with {known}");
            assert_eq!(again.header("etag"), Some(tag.as_str()));
        }
        for other in ["\"other\"", "nonsense", "", tag.trim_matches('"')] {
            let again = get(&server, path, &format!("If-None-Match: {other}\r\n")).await;
            assert_eq!(
                (again.status, again.body.len()),
                (200, file.body.len()),
                "{path} with {other:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_server_says_how_it_is() {
    let server = TestServer::start(&[]).await;
    for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
    }
    let mut ali = server.member("room", "علی").await;
    let _reza = server.seed("other", "رضا").await;
    ali.said("a", "سلام").await;
    ali.send("nonsense").await;
    ali.next_of("error").await;
    let text = server.get("/metrics").await;
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for (name, least) in [
        ("connections", 3.0),
        ("rooms", 1.0),
        ("members", 1.0),
        ("connections_total", 3.0),
        ("sessions_total", 1.0),
        ("messages_total", 1.0),
        ("deliveries_total", 1.0),
        ("refusals_total", 1.0),
        ("websocket_received_bytes_total", 50.0),
        ("websocket_sent_bytes_total", 200.0),
    ] {
        let value = server.metric(&format!("hamhame_{name}")).await;
        assert!(value >= least, "{name} is {value}");
    }
    for line in text.body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.split_once(' ').expect("a name and a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(text.body.contains(&format!("# TYPE {name} ")), "{name} has no type");
        assert!(text.body.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
    assert!(!text.body.contains("room{") && !text.body.contains("علی"), "no names in metrics");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = TestServer::start(&[]).await;
    let mut raw = Raw::connect(server.address()).await;
    for path in ["/", "/healthz", "/nothing", "/sdk/room.js"] {
        raw.write(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let status = raw.answer().await.status;
        assert_eq!(status, if path == "/nothing" { 404 } else { 200 }, "{path}");
    }
}
