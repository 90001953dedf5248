//! HTTP/1.1 by the letter (RFC 9112): whom a request is for, and where it ends. Whichever way a request comes in, as the first on
//! its connection or behind another, it is judged alike.
mod common;

use common::{HANDSHAKE, HttpResponse, Raw, TestServer};

/// The answer to `head` as the first bytes of a connection, which is that to the same behind another request.
async fn ask(server: &TestServer, head: &[u8]) -> HttpResponse {
    let first = Raw::send(server.address(), head).await.answer().await;
    let mut raw = Raw::send(server.address(), "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(raw.answer().await.body, "ok\n");
    raw.write(head).await;
    let second = raw.answer().await;
    let shown = String::from_utf8_lossy(head).into_owned();
    assert_eq!((second.status, &second.body), (first.status, &first.body), "{shown}");
    first
}

/// A request for a page or for a room, which the two doors of the server take.
fn request(target: &str, headers: &str) -> String {
    let handshake = if target.contains("/ws/") { HANDSHAKE } else { "" };
    format!("GET {target} HTTP/1.1\r\n{headers}{handshake}\r\n")
}

#[tokio::test]
async fn a_host_that_is_none_is_a_bad_request() {
    let server = TestServer::start(&[]).await;
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
    let server = TestServer::start(&[]).await;
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
