//! Promise 7 at the door: requests that are no handshake, or none that may be. Each gets an HTTP answer that says what is
//! wrong, or the end of its connection, and those who chat meanwhile do not notice.
use std::time::Duration;

use crate::common::{Bystanders, HANDSHAKE, Raw, TALKATIVE, TestServer};
use hamhame_ws::{Opcode, write_masked_frame};

const ROOM: &str = "/ws/room/guest";

fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: hamhame.localhost\r\n{headers}\r\n")
}

/// A text frame of a client.
fn text(content: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    write_masked_frame(&mut frame, Opcode::Text, content.as_bytes(), [1, 2, 3, 4]);
    frame
}

#[tokio::test]
async fn a_handshake_that_lacks_something_is_told_what() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    let without = |name: &str| -> String {
        HANDSHAKE.split_inclusive("\r\n").filter(|line| !line.starts_with(name)).collect()
    };
    let with = |extra: &str| format!("{HANDSHAKE}{extra}\r\n");
    let key = |key: &str| format!("{}Sec-WebSocket-Key: {key}\r\n", without("Sec-WebSocket-Key"));
    let cases = [
        ("no headers", String::new(), 426, "Upgrade"),
        ("no Upgrade", without("Upgrade"), 426, "Upgrade"),
        ("no Connection", without("Connection"), 426, "Connection"),
        ("another Upgrade", HANDSHAKE.replace("websocket", "h2c"), 426, "Upgrade"),
        (
            "another Connection",
            HANDSHAKE.replace("Connection: Upgrade", "Connection: close"),
            426,
            "Connection",
        ),
        ("no version", without("Sec-WebSocket-Version"), 426, "Sec-WebSocket-Version"),
        ("version 8", HANDSHAKE.replace("13", "8"), 426, "Sec-WebSocket-Version"),
        ("two versions", with("Sec-WebSocket-Version: 13"), 426, "Sec-WebSocket-Version"),
        ("no key", without("Sec-WebSocket-Key"), 400, "Sec-WebSocket-Key"),
        ("two keys", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400, "Sec-WebSocket-Key"),
        ("an empty key", key(""), 400, "Sec-WebSocket-Key"),
        ("a short key", key("dGhlIHNhbXBsZQ=="), 400, "Sec-WebSocket-Key"),
        ("a key that is no base64", key("!!!!!!!!!!!!!!!!!!!!!!=="), 400, "Sec-WebSocket-Key"),
        ("a bad subprotocol", with("Sec-WebSocket-Protocol: a b"), 400, "Sec-WebSocket-Protocol"),
        ("a body", with("Content-Length: 5"), 400, "body"),
        ("a chunked body", with("Transfer-Encoding: chunked"), 400, "body"),
    ];
    for (case, headers, status, word) in cases {
        let answer =
            Raw::send(server.address(), request("GET", ROOM, &headers)).await.answer().await;
        assert_eq!(answer.status, status, "{case}: {}", answer.head);
        assert!(answer.body.contains(word), "{case}: {}", answer.body);
        if status == 426 {
            assert_eq!(answer.header("upgrade"), Some("websocket"), "{case}: {}", answer.head);
            let connection = answer.header("connection").unwrap_or_default();
            assert!(connection.starts_with("Upgrade"), "{case}: {}", answer.head);
            assert_eq!(
                answer.header("sec-websocket-version"),
                Some("13"),
                "{case}: {}",
                answer.head
            );
        }
    }
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn every_websocket_address_takes_get_alone_and_says_so() {
    let server = TestServer::start(&[]).await;
    for path in [ROOM, "/ws", "/ws/7", "/lab/echo"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "BREW"] {
            let headers = format!("{HANDSHAKE}Content-Length: 0\r\n");
            let mut raw = Raw::send(server.address(), request(method, path, &headers)).await;
            // The answer to HEAD has a length and no body, so it is read no further than the head.
            let head = String::from_utf8(raw.exactly(32).await).expect("text");
            assert!(head.starts_with("HTTP/1.1 405 "), "{method} {path}: {head}");
            drop(raw);
            if method != "HEAD" {
                let answer = server.request(&request(method, path, "Connection: close\r\n")).await;
                assert_eq!(answer.header("allow"), Some("GET"), "{method} {path}: {}", answer.head);
            }
        }
    }
}

#[tokio::test]
async fn pages_take_get_and_head_and_say_so() {
    let server = TestServer::start(&[]).await;
    for path in [
        "/",
        "/r/room",
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/qr.svg?text=a",
        "/sdk/room.js",
        "/nothing",
    ] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"] {
            if method == "CONNECT" {
                continue; // asks for a tunnel and has no path
            }
            let answer = server.request(&request(method, path, "Connection: close\r\n")).await;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.head);
            assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{method} {path}");
        }
        let get = server.get(path).await;
        let head = server.request(&request("HEAD", path, "Connection: close\r\n")).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.body, "", "{path}");
        if path != "/metrics" {
            assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_a_bad_one() {
    let server = TestServer::start(&[]).await;
    for path in [ROOM, "/healthz", "/"] {
        for hosts in ["", "Host: localhost\r\nHost: b\r\n"] {
            let request = format!("GET {path} HTTP/1.1\r\n{hosts}{HANDSHAKE}\r\n");
            let answer = Raw::send(server.address(), request).await.answer().await;
            assert_eq!(answer.status, 400, "{path} with {hosts:?}: {}", answer.head);
            assert!(answer.body.contains("Host"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn http_1_0_gets_pages_and_no_websocket() {
    let server = TestServer::start(&[]).await;
    let page = server.request("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert_eq!((page.status, page.body.as_str()), (200, "ok\n"));
    let ws =
        server.request(&format!("GET {ROOM} HTTP/1.0\r\nHost: localhost\r\n{HANDSHAKE}\r\n")).await;
    assert_eq!(ws.status, 400, "{}", ws.head);
    assert!(ws.body.contains("HTTP/1.1"), "{}", ws.body);
}

#[tokio::test]
async fn a_path_that_is_no_utf_8_or_badly_encoded_is_a_bad_request() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    for path in [
        "/ws/%zz/a",
        "/ws/a/%zz",
        "/ws/%/a",
        "/ws/a/%",
        "/ws/a/%f",
        "/ws/%ff/a",
        "/ws/a/%d8",
        "/ws/%ed%a0%80/a",
        "/ws/a/%c0%af",
    ] {
        let answer =
            Raw::send(server.address(), request("GET", path, HANDSHAKE)).await.answer().await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.head);
        assert!(answer.body.contains("percent"), "{path}: {}", answer.body);
    }
    for path in ["/ws/a/b/c", "/ws/a/b/", "/ws/seven", "/ws/7.5", "/lab/nothing", "/ws/%37"] {
        let answer =
            Raw::send(server.address(), request("GET", path, HANDSHAKE)).await.answer().await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.head);
    }
    let answer = Raw::send(server.address(), request("GET", "/ws?mode=shout", HANDSHAKE))
        .await
        .answer()
        .await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("shout") && answer.body.contains("broadcast"), "{}", answer.body);
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn nothing_but_the_pages_own_files_is_given_out() {
    let server = TestServer::start(&[]).await;
    for path in [
        "/nothing",
        "/ui",
        "/ui/",
        "/ui/nothing.js",
        "/index.html",
        "/etc/passwd",
        "//etc/passwd",
        "/../Cargo.toml",
        "/ui/../../Cargo.toml",
        "/ui/../../../../../../../../etc/passwd",
        "/ui/%2e%2e/%2e%2e/Cargo.toml",
        "/..%2f..%2fCargo.toml",
        "/ui/..%5c..%5cCargo.toml",
        "/ui/..\\..\\Cargo.toml",
        "/ui/.../Cargo.toml",
        "/sdk/../../Cargo.toml",
        "/sdk/../package.json",
        "/package.json",
        "/sdk/test/wire.test.js",
        "/sdk/README.md",
        "/%00",
        "/ui/%00",
        "/.git/config",
        "/ui/../../.git/config",
        "/favicon.svg/",
        "/favicon.svg%00",
        "/file:///etc/passwd",
    ] {
        let answer = server.request(&request("GET", path, "Connection: close\r\n")).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.head);
        assert!(answer.body.starts_with("there is nothing at "), "{path}: {}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    let client_hello = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 600]].concat();
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n", "no colon here");
    for bytes in [
        b"\r\n\r\n\x00\x01\x02\r\n\r\n".to_vec(),
        client_hello,
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
            .to_vec(),
        long.into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let answer = Raw::send(server.address(), bytes).await.rest().await;
        assert!(
            answer.starts_with(b"HTTP/1.1 400 "),
            "{shown:?}: {:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_or_has_too_many_headers_is_refused_without_reading_it_all() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    let large = |bytes: usize| format!("X-Large: {}\r\n{HANDSHAKE}", "x".repeat(bytes));
    let many = "X-Many: 1\r\n".repeat(10_000);
    for headers in [large(17_000), large(1_000_000), many.clone(), format!("{HANDSHAKE}{many}")] {
        let answer =
            Raw::send(server.address(), request("GET", ROOM, &headers)).await.answer().await;
        assert_eq!(answer.status, 431, "{}", answer.head);
    }
    let answer =
        Raw::send(server.address(), request("GET", &format!("/{}", "a".repeat(100_000)), ""))
            .await
            .answer()
            .await;
    assert!([414, 431].contains(&answer.status), "{}", answer.head);
    // What fits is taken, and its size costs nobody else anything.
    let answer =
        Raw::send(server.address(), request("GET", ROOM, &large(12_000))).await.answer().await;
    assert_eq!(answer.status, 101);
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn a_request_that_does_not_end_is_ended_by_the_deadline() {
    let options = ["--header-timeout", "500ms"];
    let server = TestServer::start(&[&TALKATIVE[..], &options].concat()).await;
    let bystanders = Bystanders::start(&server).await;
    let half = request("GET", ROOM, HANDSHAKE);
    let (nothing, begun, all_but_one) = tokio::join!(
        Raw::connect(server.address()),
        Raw::send(server.address(), "G"),
        Raw::send(server.address(), &half.as_bytes()[..half.len() - 1]),
    );
    for mut raw in [nothing, begun, all_but_one] {
        let rest = raw.rest().await;
        assert!(!rest.starts_with(b"HTTP/1.1 1"), "{:?}", String::from_utf8_lossy(&rest));
    }
    // After an answer the connection waits no longer for the next request.
    let mut kept = Raw::send(server.address(), request("GET", "/healthz", "")).await;
    assert_eq!(kept.answer().await.status, 200);
    assert_eq!(kept.rest().await, b"");
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_has_no_more_time_than_any_other() {
    let options = ["--header-timeout", "500ms"];
    let server = TestServer::start(&[&TALKATIVE[..], &options].concat()).await;
    let bystanders = Bystanders::start(&server).await;
    let mut stream = Raw::connect(server.address()).await.into_stream();
    // Endless, and never silent for as long as the deadline: only an end by the server ends this.
    let endless = request("GET", ROOM, HANDSHAKE);
    let endless = endless.trim_end().bytes().chain(std::iter::repeat(b'x'));
    let trickle = async {
        for byte in endless {
            if tokio::io::AsyncWriteExt::write_all(&mut stream, &[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    crate::common::within("the slow client to be sent away", trickle).await;
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn a_body_that_never_comes_holds_nothing_up() {
    let server = TestServer::start(&[]).await;
    for (method, headers) in [
        ("GET", "Content-Length: 1000000\r\n"),
        ("POST", "Content-Length: 1000000\r\n"),
        ("POST", "Transfer-Encoding: chunked\r\n"),
        ("POST", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ("POST", "Content-Length: 1000000\r\nExpect: 100-continue\r\n"),
    ] {
        let mut raw = Raw::send(server.address(), request(method, "/healthz", headers)).await;
        raw.write("ab").await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, if method == "GET" { 200 } else { 405 }, "{headers}");
        assert_eq!(raw.rest().await, b"", "what is left of the body is no second request");
    }
}

#[tokio::test]
async fn a_second_request_hidden_in_a_body_is_not_answered() {
    let server = TestServer::start(&[]).await;
    let hidden = request("GET", "/metrics", "");
    let cases = [
        (format!("Content-Length: {}\r\n", hidden.len()), hidden.clone()),
        (
            "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n".into(),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "Transfer-Encoding: chunked\r\n".into(),
            format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len()),
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\nContent-Length: 4\r\n".into(),
            format!("4\r\n{hidden}"),
        ),
        (format!("{HANDSHAKE}Content-Length: {}\r\n", hidden.len()), hidden.clone()),
    ];
    for (headers, body) in cases {
        for (method, path) in [("POST", "/healthz"), ("GET", ROOM)] {
            let mut raw = Raw::send(
                server.address(),
                format!(
                    "{}{body}",
                    request(method, path, &format!("{headers}Connection: close\r\n"))
                ),
            )
            .await;
            let all = String::from_utf8_lossy(&raw.rest().await).into_owned();
            assert!(!all.contains("hamhame_connections"), "{method} {path} {headers}: {all}");
            assert!(!all.starts_with("HTTP/1.1 1"), "{method} {path} {headers}: {all}");
        }
    }
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_a_row_and_frames_may_stand_right_behind_the_handshake() {
    let server = TestServer::start(&[]).await;
    let mut reader = server.member("room", "reader").await;
    let mut bytes = Vec::new();
    bytes.extend_from_slice(request("GET", "/healthz", "").as_bytes());
    bytes.extend_from_slice(request("GET", "/nothing", "").as_bytes());
    bytes.extend_from_slice(request("GET", ROOM, HANDSHAKE).as_bytes());
    bytes.extend_from_slice(&text("یک"));
    bytes.extend_from_slice(&text("دو"));
    let mut raw = Raw::send(server.address(), bytes).await;
    assert_eq!(raw.answer().await.status, 200);
    assert_eq!(raw.answer().await.status, 404);
    assert_eq!(raw.answer().await.status, 101);
    reader.until_said("یک").await;
    assert!(reader.until_said("دو").await.is_empty());
}

#[tokio::test]
async fn a_request_for_a_picture_of_nothing_or_of_too_much_is_refused() {
    let server = TestServer::start(&[]).await;
    assert_eq!(server.get("/api/qr.svg").await.status, 400);
    let long = server.get(&format!("/api/qr.svg?text={}", "a".repeat(5_000))).await;
    assert_eq!((long.status, long.body.as_str()), (400, "the text is too long for a QR code\n"));
    let marked = server.get("/api/qr.svg?text=%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert_eq!((marked.status, marked.header("content-type")), (200, Some("image/svg+xml")));
    assert!(!marked.body.contains("<script"), "{}", marked.body);
}

#[tokio::test]
async fn a_picture_is_drawn_once_and_so_many_for_one_address() {
    let server = TestServer::start(&[]).await;
    let path = |n: usize| format!("/api/qr.svg?text=http://192.168.1.20:8000/r/class{n}");
    let first = server.get(&path(0)).await;
    assert_eq!((first.status, first.body.len() < 6_000), (200, true), "{}", first.body.len());
    assert!(first.header("cache-control").is_some_and(|cached| cached.contains("immutable")));
    let tag = first.header("etag").expect("a tag").to_owned();
    let request = format!("GET {} HTTP/1.1\r\nHost: a\r\nIf-None-Match: {tag}\r\n\r\n", path(0));
    let known = Raw::send(server.address(), request).await.answer().await;
    assert_eq!((known.status, known.header("etag")), (304, Some(tag.as_str())));
    let mut refused = None;
    for n in 1..200 {
        let answer = server.get(&path(n)).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("nobody draws for ever");
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some(), "{}", refused.head);
    assert_eq!(server.get(&path(0)).await.status, 200, "what is drawn is for all");
}
