//! HTTP/1.1 by the letter (RFC 9112): whom a request is for, and where it ends. Whichever way a request comes in, as the first on
//! its connection or behind another, it is judged alike.
use crate::common::{HANDSHAKE, HttpResponse, Raw, TestServer};

/// The answer to `head` as the first bytes of a connection, which is that to the same behind another request.
async fn ask(server: &TestServer, head: &[u8]) -> HttpResponse {
    let first = Raw::send(server.address(), head).await.answer().await;
    let mut raw = Raw::send(server.address(), "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(raw.answer().await.body, "ok\n");
    raw.write(head).await;
    let second = raw.answer().await;
    let shown = String::from_utf8_lossy(head).into_owned();
    assert_eq!(second.status, first.status, "{shown}");
    // A new session is another each time.
    if first.status != 201 {
        assert_eq!(second.body, first.body, "{shown}");
    }
    first
}

/// A request for a page or for a room, which the two doors of the server take.
fn request(target: &str, headers: &str) -> String {
    let handshake = if target.contains("/ws/") { HANDSHAKE } else { "" };
    format!("GET {target} HTTP/1.1\r\n{headers}{handshake}\r\n")
}

#[tokio::test]
async fn a_host_that_is_none_is_a_bad_request() {
    let server = TestServer::start(&["--host", "*"]).await;
    for (target, fine) in [("/healthz", 200), ("/ws/room/", 101), ("/", 200)] {
        for host in ["a", "A.example:8000", "127.0.0.1", "[::1]:80", "a_b.", "localhost:", "%41"] {
            let answer =
                ask(&server, request(target, &format!("Host: {host}\r\n")).as_bytes()).await;
            assert_eq!(answer.status, fine, "{target} {host}: {}", answer.head);
        }
        for hosts in [
            "Host: a b\r\n",
            "Host: a/b\r\n",
            "Host: [::1\r\n",
            "Host:\r\n",
            "Host: \r\n",
            "Host: ::1\r\n",
            "Host: user@a\r\n",
            "Host: a:b\r\n",
            "Host: a:80:80\r\n",
            "Host: a:65536\r\n",
            "Host: [fe80::1%lo]\r\n",
            "Host: a?b\r\n",
            "Host: a#b\r\n",
            "Host: a%zz\r\n",
            "Host: a\\b\r\n",
            "Host: a, b\r\n",
            "Host: http://a\r\n",
            "Host: کلاس\r\n",
            "Host: a\r\nHost: a\r\n",
            "Host: a\r\nHost: b\r\n",
            "",
        ] {
            let answer = ask(&server, request(target, hosts).as_bytes()).await;
            assert_eq!(answer.status, 400, "{target} {hosts:?}: {}", answer.head);
            assert!(answer.body.contains("Host"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn the_host_of_an_absolute_target_wins_over_the_header() {
    let server = TestServer::start(&["--host", "*"]).await;
    let room = |target: &str, host: &str, origin: &str| {
        request(target, &format!("Host: {host}\r\nOrigin: http://{origin}\r\n"))
    };
    for (head, status) in [
        (room("http://a/ws/room/", "b", "a"), 101),
        (room("http://a/ws/room/", "b", "b"), 403),
        (room("http://a:8000/ws/room/", "a", "a:8000"), 101),
        (room("/ws/room/", "b", "b"), 101),
        // The header must be in order all the same.
        (room("http://a/ws/room/", "b c", "a"), 400),
        (request("http://a/ws/room/", ""), 400),
        (request("http://a/healthz", "Host: b\r\n"), 200),
        (request("http://user@a/healthz", "Host: a\r\n"), 400),
        (request("http://[::1]/healthz", "Host: a\r\n"), 200),
    ] {
        let answer = ask(&server, head.as_bytes()).await;
        assert_eq!(answer.status, status, "{head}{}", answer.head);
    }
}

/// What comes until the server ends the connection, as text.
async fn all(server: &TestServer, bytes: &str) -> String {
    String::from_utf8(Raw::send(server.address(), bytes).await.rest().await).expect("text")
}

#[tokio::test]
async fn a_body_comes_in_chunks_or_with_a_length_and_in_no_other_coding() {
    let server = TestServer::start(&[]).await;
    let post = |codings: &str| {
        format!(
            "POST /api/rooms/room/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{codings}\r\n\
             10\r\n{{\"client_id\":\"\"}}\r\n0\r\n\r\n"
        )
    };
    for codings in ["Transfer-Encoding: chunked\r\n", "transfer-encoding: Chunked \r\n"] {
        let answer = ask(&server, post(codings).as_bytes()).await;
        assert_eq!(answer.status, 201, "{codings}: {}", answer.head);
        assert_eq!(answer.header("connection"), None, "the next request may come");
    }
    for codings in [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
    ] {
        let answer = ask(&server, post(codings).as_bytes()).await;
        assert_eq!(answer.status, 501, "{codings}: {}", answer.head);
        assert_eq!(answer.header("connection"), Some("close"), "{codings}");
    }
    // Where a body ends that does not come in chunks at last, nobody knows (RFC 9112, section 6.3).
    for codings in ["gzip", "chunked, gzip", "chunked;foo", "identity", "xchunked"] {
        let text = all(&server, &post(&format!("Transfer-Encoding: {codings}\r\n"))).await;
        assert!(text.starts_with("HTTP/1.1 400 ") || text.starts_with("HTTP/1.1 501 "), "{text}");
        assert_eq!(text.matches("HTTP/1.1").count(), 1, "and the connection ends: {text}");
    }
}

#[tokio::test]
async fn where_others_may_see_another_end_of_a_body_the_connection_ends_behind_the_answer() {
    let server = TestServer::start(&[]).await;
    let body = "10\r\n{\"client_id\":\"\"}\r\n0\r\n\r\n";
    let next = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for (version, lengths) in [
        ("HTTP/1.1", "Transfer-Encoding: chunked\r\nContent-Length: 27\r\n"),
        ("HTTP/1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        ("HTTP/1.0", "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"),
    ] {
        let head = format!(
            "POST /api/rooms/room/sessions {version}\r\nHost: a\r\nContent-Type: application/json\r\n{lengths}\r\n"
        );
        let text = all(&server, &format!("{head}{body}{next}")).await;
        assert_eq!(text.matches("HTTP/1.").count(), 1, "{version} {lengths}: {text}");
    }
}

#[tokio::test]
async fn no_request_is_swallowed_with_the_trailers_of_another() {
    let server = TestServer::start(&[]).await;
    let next = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for method in ["POST /api/rooms/room/sessions", "GET /healthz", "POST /nowhere"] {
        for trailers in ["X: y\n\n", "X: y\n\r\n", "X: y\r\n\n", "X: y\r\n\r\n"] {
            let head = "HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
            let body = "10\r\n{\"client_id\":\"\"}\r\n0\r\n";
            let text = all(&server, &format!("{method} {head}{body}{trailers}{next}")).await;
            assert!(text.contains("connection: close"), "{method} {trailers:?}: {text}");
            assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{method} {trailers:?}: {text}");
            assert!(!text.contains("HTTP/1.1 201"), "trailers are not taken: {text}");
        }
    }
}

#[tokio::test]
async fn a_later_version_of_http_1_is_taken_for_1_1_and_no_other_is() {
    let server = TestServer::start(&[]).await;
    for (target, fine) in [("/healthz", 200), ("/ws/room/", 101)] {
        for version in ["HTTP/1.2", "HTTP/1.9"] {
            let head = request(target, "Host: a\r\n").replace("HTTP/1.1", version);
            let answer = Raw::send(server.address(), &head).await.answer().await;
            assert_eq!(answer.status, fine, "{target} {version}: {}", answer.head);
            assert!(answer.head.starts_with("HTTP/1.1 "), "{}", answer.head);
            // However it is cut; and as the version of the next one is not seen, there is no next one.
            let (begin, rest) = head.split_at(head.find("/1.").expect("a version") + 2);
            let mut raw = Raw::send(server.address(), begin).await;
            raw.write(rest).await;
            let answer = raw.answer().await;
            assert_eq!(answer.status, fine, "{target} {version}: {}", answer.head);
            if fine == 200 {
                assert_eq!(answer.header("connection"), Some("close"), "{}", answer.head);
            }
        }
        for version in ["HTTP/2.0", "HTTP/0.9", "HTTP/1.10", "HTTP/1.", "HTTP/1.x", "http/1.1"] {
            let head = request(target, "Host: a\r\n").replace("HTTP/1.1", version);
            let text = all(&server, &head).await;
            assert!(
                text.is_empty()
                    || text.starts_with("HTTP/1.1 4")
                    || text.starts_with("HTTP/1.1 505"),
                "{version}: {text}"
            );
        }
    }
}
