//! What the pages carry: a language, a policy, tags to keep them by; and what the server tells about itself.
use crate::common::{HttpResponse, Raw, TestServer};
use sha2::{Digest, Sha256};

pub async fn get(server: &TestServer, path: &str, headers: &str) -> HttpResponse {
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
        for path in ["/", "/r/%DA%A9%D9%84%D8%A7%D8%B3", "/?lang=de"] {
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
async fn the_form_stands_in_the_page_in_the_readers_language_before_any_script() {
    for args in [&["--lang", "auto"][..], &["--lang", "auto", "--packed"]] {
        let server = TestServer::start(args).await;
        let (fa, en) = ("Accept-Language: fa\r\n", "Accept-Language: en-GB\r\n");
        for (path, language, texts) in [
            ("/", fa, ["نام شما", "نام اتاق", "مثلاً مریم"]),
            ("/", en, ["Your name", ">Room</label>", "placeholder=\""]),
            ("/?lang=en", fa, ["Your name", ">Room</label>", "lang=\"en\" dir=\"ltr\""]),
            ("/r/class", en, ["Enter <bdi data-room></bdi>", "Your name", "<form"]),
            ("/r/class", fa, ["ورود به <bdi data-room></bdi>", "نام شما", "<noscript><p"]),
        ] {
            let page = get(&server, path, language).await;
            for text in texts {
                assert!(page.body.contains(text), "{path} {text}: {}", page.body);
            }
            assert_eq!(page.header("vary"), Some("accept-encoding, accept-language"), "{path}");
            let hidden = page.body.contains(r#"<div class="field" data-only="start" hidden>"#);
            assert_eq!(hidden, path == "/r/class", "{path}");
            let (before, texts) =
                page.body.split_once("data-texts=\"").expect("the script's texts");
            let (_, behind) = texts.split_once('"').expect("their end");
            assert!(!before.contains("{room}") && !behind.contains("{room}"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_page_and_all_that_it_loads_come_from_here_with_their_types() {
    for args in [&[][..], &["--packed"]] {
        let server = TestServer::start(args).await;
        let page = server.get("/").await;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(!page.body.contains("http://") && !page.body.contains("https://"), "{}", page.body);
        for part in loaded(&page.body) {
            let file = server.get(&part).await;
            assert_eq!(file.status, 200, "{part}");
            let expected = match part.rsplit('.').next() {
                Some("js") => "text/javascript; charset=utf-8",
                Some("css") => "text/css; charset=utf-8",
                Some("svg") => "image/svg+xml",
                Some("png") => "image/png",
                Some("woff2") => "font/woff2",
                Some("webmanifest") => "application/manifest+json",
                other => panic!("{part} is of no kind that is known: {other:?}"),
            };
            assert_eq!(file.header("content-type"), Some(expected), "{part}");
        }
    }
}

/// What a page or a style sheet names: quoted paths of files.
fn loaded(text: &str) -> Vec<String> {
    let parts = text.split(['"', '\'']);
    let paths: Vec<_> = parts
        .filter(|part| part.starts_with('/') && part.contains('.'))
        .map(str::to_owned)
        .collect();
    assert!(paths.len() >= 3, "a script and a style at least: {text}");
    paths
}

#[tokio::test]
async fn a_packed_page_loads_few_files_whose_names_say_what_is_in_them_so_they_are_kept_for_good() {
    let server = TestServer::start(&["--packed"]).await;
    let page = server.get("/r/class").await;
    assert_eq!(page.header("cache-control"), Some("no-cache"), "it is asked for each time");
    let paths = loaded(&page.body);
    let count = |ending: &str| paths.iter().filter(|path| path.ends_with(ending)).count();
    // The third script is the worker, which nobody waits for.
    assert_eq!((count(".css"), count(".js")), (1, 3), "{paths:?}");
    for path in &paths {
        let file = get(&server, path, "Accept-Encoding: gzip, br\r\n").await;
        let kept = file.header("cache-control").unwrap_or_default().to_owned();
        assert!(path.starts_with("/assets/") && kept.contains("immutable"), "{path}: {kept}");
        if path.ends_with(".js") || path.ends_with(".css") {
            assert_eq!(file.header("content-encoding"), Some("br"), "{path}");
            let plain = server.get(path).await;
            assert!(!plain.body.contains("\nimport ") && !plain.body.contains("@import"), "{path}");
        }
    }
    // What other pages load keeps its name, and is asked about.
    let sdk = server.get("/sdk/index.js").await;
    assert_eq!((sdk.status, sdk.header("cache-control")), (200, Some("no-cache")));
    for path in
        ["/ui/main.js", "/i18n/fa.js", "/index.html", "start:fa:auto.html", "/start:fa:fa.html"]
    {
        let status = get(&server, path, "").await.status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
}

#[tokio::test]
async fn the_home_screens_of_phones_have_icons_and_the_worker_may_look_after_all_pages() {
    for args in [&[][..], &["--packed"]] {
        let server = TestServer::start(args).await;
        let page = server.get("/").await.body;
        let touch = loaded(&page).into_iter().find(|path| path.contains("apple-touch"));
        let manifest = server.get("/manifest.webmanifest").await.body;
        let mut icons = loaded(&manifest);
        assert_eq!(icons.len(), 4, "{manifest}");
        icons.extend(touch);
        for path in icons.iter().filter(|path| path.ends_with(".png")) {
            let (head, body) = bytes(&server, "GET", path, "").await;
            assert_eq!(head.header("content-type"), Some("image/png"), "{path}");
            // The width is the fifth word of a PNG.
            let width = u32::from_be_bytes(body[16..20].try_into().expect("four bytes"));
            assert!(body.starts_with(b"\x89PNG") && width >= 180, "{path}: {width}");
        }
    }
    let server = TestServer::start(&["--packed"]).await;
    let paths = loaded(&server.get("/r/class").await.body);
    let worker = paths.iter().find(|path| path.contains("worker")).expect("a worker");
    let script = server.get(worker).await;
    assert_eq!(script.header("service-worker-allowed"), Some("/"), "{}", script.head);
    // All that it keeps is there.
    for path in loaded(&script.body) {
        assert_eq!(server.get(&path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_asset_is_sent_in_the_coding_that_the_client_takes_and_is_the_same_in_each() {
    let server = TestServer::start(&["--packed"]).await;
    let page = server.get("/").await;
    let script =
        loaded(&page.body).into_iter().find(|path| path.ends_with(".js")).expect("a script");
    for path in ["/", "/sdk/room.js", "/manifest.webmanifest", script.as_str()] {
        let plain = server.get(path).await;
        let mut tags = vec![plain.header("etag").expect("a tag").to_owned()];
        for (accepted, coding) in [
            ("br", Some("br")),
            ("gzip", Some("gzip")),
            ("gzip, deflate, br;q=0.9", Some("gzip")),
            ("br;q=0, *", Some("gzip")),
            ("*", Some("br")),
            ("identity;q=0, br", Some("br")),
            ("br;q=0", None),
            ("", None),
            ("zstd", None),
        ] {
            let headers = format!("Accept-Encoding: {accepted}\r\n");
            let (head, body) = bytes(&server, "GET", path, &headers).await;
            assert_eq!(head.header("content-encoding"), coding, "{path} {accepted:?}");
            assert!(
                head.header("vary").is_some_and(|vary| vary.contains("accept-encoding")),
                "{path}"
            );
            let length: usize =
                head.header("content-length").expect("a length").parse().expect("a number");
            assert_eq!(length, body.len(), "{path} {accepted:?}");
            let decoded = match coding {
                Some("br") => {
                    let mut decoded = Vec::new();
                    brotli::BrotliDecompress(&mut &body[..], &mut decoded).expect("brotli");
                    decoded
                }
                Some(_) => {
                    let mut decoded = Vec::new();
                    let mut decoder = flate2::read::GzDecoder::new(&body[..]);
                    std::io::Read::read_to_end(&mut decoder, &mut decoded).expect("gzip");
                    decoded
                }
                None => body,
            };
            assert!(decoded == plain.body.as_bytes(), "{path} {accepted:?}");
            let tag = head.header("etag").expect("a tag").to_owned();
            assert!(coding.is_none() || tag != tags[0], "each coding has a tag of its own: {path}");
            let known = format!("{headers}If-None-Match: {tag}\r\n");
            let again = get(&server, path, &known).await;
            assert_eq!((again.status, again.body.as_str()), (304, ""), "{path} {accepted:?}");
            assert_eq!(again.header("vary"), head.header("vary"), "{path}");
            let (head, body) = bytes(&server, "HEAD", path, &headers).await;
            assert_eq!((head.status, body.len()), (200, 0), "{path} {accepted:?}");
            assert_eq!(head.header("content-length"), Some(length.to_string().as_str()), "{path}");
            tags.push(tag);
        }
        for accepted in ["identity;q=0", "*;q=0"] {
            let refused = get(&server, path, &format!("Accept-Encoding: {accepted}\r\n")).await;
            assert_eq!(refused.status, 406, "{path} {accepted}");
        }
    }
}

/// The head of an answer, and the bytes behind it.
async fn bytes(
    server: &TestServer,
    method: &str,
    path: &str,
    headers: &str,
) -> (HttpResponse, Vec<u8>) {
    let mut raw = Raw::connect(server.address()).await;
    raw.write(format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n"))
        .await;
    let all = raw.rest().await;
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8(all[..end].to_vec()).expect("a head is text");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (HttpResponse { status, head, body: String::new() }, all[end..].to_vec())
}

#[tokio::test]
async fn a_page_that_may_connect_may_load_the_sdk_from_here_and_no_other_page_may() {
    let allowed = "access-control-allow-origin";
    let server = TestServer::start(&["--origin", "https://school.example"]).await;
    let named = "Origin: https://school.example\r\n";
    let sdk = get(&server, "/sdk/index.js", named).await;
    assert_eq!((sdk.status, sdk.header(allowed)), (200, Some("https://school.example")));
    assert_eq!(sdk.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(sdk.head.to_lowercase().contains("vary: origin"), "{}", sdk.head);
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

#[tokio::test]
async fn the_font_is_the_file_whose_hash_is_recorded_beside_it() {
    let fonts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/fonts");
    let record = std::fs::read_to_string(format!("{fonts}/README.md")).expect("a record");
    let file = std::fs::read(format!("{fonts}/vazirmatn.woff2")).expect("a font");
    let hash: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(record.contains(&format!("| SHA-256 | `{hash}` |")), "it is {hash}");
    assert!(file.len() <= 60_000, "{} bytes", file.len());
    let licence = std::fs::read_to_string(format!("{fonts}/OFL.txt")).expect("a licence");
    assert!(licence.contains("SIL Open Font License, Version 1.1"));
    let server = TestServer::start(&["--packed"]).await;
    let page = server.get("/").await;
    let style = loaded(&page.body).into_iter().find(|path| path.ends_with(".css")).expect("styles");
    let styles = server.get(&style).await.body;
    let name = styles.split('"').find(|part| part.ends_with(".woff2")).expect("a font");
    let (head, sent) = bytes(&server, "GET", name, "Accept-Encoding: br\r\n").await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("font/woff2")), "{name}");
    assert!(head.header("cache-control").is_some_and(|kept| kept.contains("immutable")));
    assert!(sent == file, "it is compressed by itself, and sent as it is");
    assert_eq!(head.header("content-encoding"), None);
}
