//! Behind a proxy, limits by address are for the clients: by what the proxy says of them, if it is trusted, and not by what
//! anybody else says.
use crate::common::{H2, H3, HANDSHAKE, HttpResponse, Raw, TestServer, command, within};

const BOUND: [&str; 2] = ["--max-connections-per-address", "2"];

async fn start(args: &[&str]) -> TestServer {
    TestServer::start(&[&BOUND[..], args].concat()).await
}

fn handshake(target: &str, header: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{HANDSHAKE}{header}\r\n\r\n")
}

/// Opens a WebSocket whose request has a further header, and keeps what came of it.
async fn knock(server: &TestServer, name: &str, header: &str) -> (u16, Raw) {
    let mut raw = Raw::send(server.address(), handshake(&format!("/ws/room/{name}"), header)).await;
    let status = raw.answer().await.status;
    (status, raw)
}

async fn get(raw: &mut Raw, path: &str, header: &str) -> HttpResponse {
    raw.write(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n")).await;
    raw.answer().await
}

#[tokio::test]
async fn each_client_of_a_trusted_proxy_has_a_bound_of_its_own() {
    let server = start(&["--trusted-proxy", "127.0.0.1"]).await;
    let ali = "X-Forwarded-For: 198.51.100.7";
    let (first, one) = knock(&server, "one", ali).await;
    let (second, _two) = knock(&server, "two", ali).await;
    assert_eq!((first, second), (101, 101));
    let (third, mut refused) = knock(&server, "three", ali).await;
    assert_eq!(third, 429);
    // The connection is the proxy's, and goes on.
    let other = get(&mut refused, "/healthz", "X-Forwarded-For: 198.51.100.8").await;
    assert_eq!((other.status, other.body.as_str()), (200, "ok\n"));
    let (maryam, _four) = knock(&server, "four", "X-Forwarded-For: 198.51.100.8").await;
    assert_eq!(maryam, 101, "it is another's bound");
    drop(one);
    let again = async { while knock(&server, "three", ali).await.0 != 101 {} };
    within("the place that one left", again).await;
}

#[tokio::test]
async fn a_handshake_that_takes_the_long_way_counts_as_one_that_takes_the_short_way() {
    let server = start(&["--trusted-proxy", "127.0.0.0/8"]).await;
    let ali = "X-Forwarded-For: 198.51.100.7";
    let mut kept = Vec::new();
    for (name, expected) in [("one", 101), ("two", 101), ("three", 429)] {
        let request = handshake(&format!("/ws/room/{name}?a=query"), ali);
        let mut raw = Raw::send(server.address(), request).await;
        assert_eq!(raw.answer().await.status, expected, "{name}");
        kept.push(raw);
    }
    assert_eq!(knock(&server, "four", ali).await.0, 429);
}

#[tokio::test]
async fn what_a_client_writes_before_its_proxy_does_not_help_it() {
    let server = start(&["--trusted-proxy", "127.0.0.1,10.0.0.0/8"]).await;
    let mut kept = Vec::new();
    for (name, expected) in [("one", 101), ("two", 101), ("three", 429)] {
        let header = format!("X-Forwarded-For: {name}, 203.0.113.9, 198.51.100.7, 10.0.0.2");
        let (status, raw) = knock(&server, name, &header).await;
        assert_eq!(status, expected, "{header}");
        kept.push(raw);
    }
    let (same, _raw) = knock(&server, "four", "X-Forwarded-For: 198.51.100.7").await;
    assert_eq!(same, 429, "it is the same client, whatever way it came");
}

#[tokio::test]
async fn a_header_of_a_peer_that_is_not_trusted_has_no_effect() {
    for trusted in [&[][..], &["--trusted-proxy", "10.0.0.0/8,127.0.0.2"]] {
        let server = start(trusted).await;
        let mut kept = Vec::new();
        for (n, expected) in [(1, 101), (2, 101), (3, 429)] {
            let header =
                format!("X-Forwarded-For: 198.51.100.{n}\r\nForwarded: for=198.51.100.{n}");
            let (status, raw) = knock(&server, &format!("name{n}"), &header).await;
            assert_eq!(status, expected, "{trusted:?} {header}");
            kept.push(raw);
        }
    }
}

#[tokio::test]
async fn a_page_of_http_may_not_connect_where_a_trusted_proxy_says_https() {
    let plain = "Origin: http://localhost";
    let xff = ["--trusted-proxy", "127.0.0.1"];
    let forwarded = ["--trusted-proxy", "127.0.0.1", "--proxy-header", "forwarded"];
    let untrusted = ["--trusted-proxy", "10.0.0.0/8"];
    for (args, header, expected) in [
        (&xff[..], "X-Forwarded-Proto: https", 403),
        (&xff, "X-Forwarded-Proto: http", 101),
        (&xff, "Forwarded: proto=https", 101),
        (&forwarded, "Forwarded: for=198.51.100.7;proto=https", 403),
        (&forwarded, "X-Forwarded-Proto: https", 101),
        (&untrusted, "X-Forwarded-Proto: https", 101),
    ] {
        let server = start(args).await;
        // The short way, and the long one.
        for target in ["/ws/room/one", "/ws/room/one?a=query"] {
            let request = handshake(target, &format!("{plain}\r\n{header}"));
            let status = Raw::send(server.address(), request).await.answer().await.status;
            assert_eq!(status, expected, "{args:?} {header} {target}");
        }
        let (status, _raw) =
            knock(&server, "two", &format!("Origin: https://localhost\r\n{header}")).await;
        assert_eq!(status, 101, "a page of https may come, whatever stands before us");
    }
}

#[tokio::test]
async fn only_the_header_that_the_operator_names_is_read() {
    let server = start(&["--trusted-proxy", "127.0.0.1", "--proxy-header", "forwarded"]).await;
    let mut kept = Vec::new();
    for (n, expected) in [(1, 101), (2, 101), (3, 429)] {
        let header =
            format!("X-Forwarded-For: 203.0.113.{n}\r\nForwarded: for=\"198.51.100.7:{n}\"");
        let (status, raw) = knock(&server, &format!("name{n}"), &header).await;
        assert_eq!(status, expected, "{header}");
        kept.push(raw);
    }
    let (other, _raw) =
        knock(&server, "four", "Forwarded: for=\"[2001:db8::7]\";proto=https").await;
    assert_eq!(other, 101);
}

#[tokio::test]
async fn what_a_proxy_sends_for_nobody_in_particular_is_bounded_as_its_own() {
    let server = start(&["--trusted-proxy", "127.0.0.1"]).await;
    let mut kept = Vec::new();
    let headers = ["A: b", "X-Forwarded-For: unknown", "X-Forwarded-For: 198.51.100.7, 1.2.3"];
    for (header, expected) in headers.into_iter().zip([101, 101, 429]) {
        let (status, raw) = knock(&server, "name", header).await;
        assert_eq!(status, expected, "{header}");
        kept.push(raw);
    }
}

#[tokio::test]
async fn a_proxys_connections_are_not_its_clients() {
    let server = start(&["--trusted-proxy", "127.0.0.1"]).await;
    let mut pool = Vec::new();
    for _ in 0..20 {
        pool.push(Raw::connect(server.address()).await);
    }
    // As a proxy does with connections that it keeps: many requests, now for this one and now for that one.
    for n in 0..20 {
        for raw in &mut pool[..4] {
            let header = format!("X-Forwarded-For: 198.51.100.{}", n % 3);
            assert_eq!(get(raw, "/", &header).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_request_under_way_has_a_place_until_its_answer_is_written() {
    let server = start(&["--trusted-proxy", "127.0.0.1"]).await;
    let ali = "X-Forwarded-For: 198.51.100.7";
    let stream = format!("Accept: text/event-stream\r\n{ali}");
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(server.address()).await;
        assert_eq!(get(&mut raw, "/api/rooms/room/events", &stream).await.status, 200);
        streams.push(raw);
    }
    let mut pool = Raw::connect(server.address()).await;
    let refused = get(&mut pool, "/api/rooms/room/events", ali).await;
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("\"code\":\"too_many_connections\""), "{}", refused.body);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let other = "X-Forwarded-For: 198.51.100.8";
    assert_eq!(get(&mut pool, "/api/rooms/room/events", other).await.status, 200);
    drop(streams);
    let again = async { while get(&mut pool, "/", ali).await.status != 200 {} };
    within("a place", again).await;
}

#[tokio::test]
async fn sessions_over_http_count_for_the_client_as_well() {
    let server = start(&["--trusted-proxy", "127.0.0.1"]).await;
    let mut pool = Raw::connect(server.address()).await;
    for (n, client, expected) in [(1, 7, 201), (2, 7, 201), (3, 7, 429), (4, 8, 201)] {
        let body = format!("{{\"client_id\":\"name{n}\"}}");
        let request = format!(
            "POST /api/rooms/room/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             X-Forwarded-For: 198.51.100.{client}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        pool.write(request).await;
        assert_eq!(pool.answer().await.status, expected, "name{n}");
    }
}

#[tokio::test]
async fn clients_that_share_a_connection_of_http2_have_a_bound_each() {
    let server = start(&["--trusted-proxy", "127.0.0.1"]).await;
    let proxy = H2::connect(server.address()).await;
    let mut kept = Vec::new();
    for (n, client, expected) in [(1, 7, 200), (2, 7, 200), (3, 7, 429), (4, 8, 200), (5, 7, 429)] {
        let mut request = proxy.handshake(&format!("/ws/room/name{n}"));
        let address = format!("203.0.113.9, 198.51.100.{client}").parse().expect("a value");
        request.headers_mut().insert("x-forwarded-for", address);
        let (answer, stream) = proxy.ask(request).await;
        assert_eq!(answer.status.as_u16(), expected, "name{n}");
        kept.push(stream);
    }
    assert_eq!(proxy.get("/healthz").await.0, 200, "the connection goes on");
    assert_eq!(server.get("/healthz").await.status, 200);
    // It is the same bound, whichever way the proxy speaks.
    assert_eq!(knock(&server, "six", "X-Forwarded-For: 198.51.100.7").await.0, 429);
}

async fn start_http3(trusted: &[&str]) -> TestServer {
    start(&[&["--tls", "self-signed", "--http3"], trusted].concat()).await
}

/// Opens a stream of HTTP/3 with what a proxy says of its client.
async fn ask_for(
    proxy: &H3,
    mut request: http::Request<()>,
    client: u8,
) -> (u16, crate::common::QuicStream) {
    let address = format!("203.0.113.9, 198.51.100.{client}").parse().expect("a value");
    request.headers_mut().insert("x-forwarded-for", address);
    let (answer, stream) = proxy.ask(request).await;
    (answer.status().as_u16(), stream)
}

#[tokio::test]
async fn clients_that_share_a_connection_of_http3_have_a_bound_each() {
    let server = start_http3(&["--trusted-proxy", "127.0.0.1"]).await;
    let (proxy, other) = (server.h3().await, server.h3().await);
    let mut kept = Vec::new();
    for (n, client, expected) in [(1, 7, 200), (2, 7, 200), (3, 7, 429), (4, 8, 200), (5, 7, 429)] {
        let request = proxy.handshake(&format!("/ws/room/name{n}"));
        let (status, stream) = ask_for(&proxy, request, client).await;
        assert_eq!(status, expected, "name{n}");
        kept.push(stream);
    }
    assert_eq!(proxy.get("/healthz").await.0, 200, "the connection goes on");
    // It is the same bound for what is no WebSocket, on another connection.
    for (client, expected) in [(7, 429), (8, 200), (8, 429), (9, 200), (9, 200), (9, 429)] {
        let mut request = other.request("GET", "/api/rooms/room/events");
        let accept = http::HeaderValue::from_static("text/event-stream");
        request.headers_mut().insert("accept", accept);
        let (status, stream) = ask_for(&other, request, client).await;
        assert_eq!(status, expected, "for {client}");
        kept.push(stream);
    }
    drop(kept);
    let again =
        async { while ask_for(&proxy, proxy.handshake("/ws/room/again"), 7).await.0 != 200 {} };
    within("the places of those who left", again).await;
}

#[tokio::test]
async fn over_http3_a_header_of_a_peer_that_is_not_trusted_has_no_effect() {
    for trusted in [&[][..], &["--trusted-proxy", "10.0.0.0/8,127.0.0.2"]] {
        let server = start_http3(trusted).await;
        let h3 = server.h3().await;
        let mut kept = Vec::new();
        // The connection itself has the first place of its address.
        for (client, expected) in [(1, 200), (2, 429), (3, 429)] {
            let request = h3.handshake(&format!("/ws/room/name{client}"));
            let (status, stream) = ask_for(&h3, request, client).await;
            assert_eq!(status, expected, "{trusted:?} {client}");
            kept.push(stream);
        }
    }
}

#[tokio::test]
async fn the_bound_on_all_connections_holds_for_a_proxy_as_well() {
    let args = ["--trusted-proxy", "127.0.0.1", "--max-connections", "2"];
    let server = TestServer::start(&args).await;
    let (_one, _two) =
        (server.seed_member("room", "one").await, server.seed_member("room", "two").await);
    assert_eq!(knock(&server, "three", "X-Forwarded-For: 198.51.100.7").await.0, 429);
}

#[tokio::test]
async fn who_may_not_be_trusted_is_an_error_that_says_so() {
    for (value, words) in [
        ("*", "10.0.0.0/8"),
        ("0.0.0.0/0", "everybody"),
        ("127.0.0.1,::/0", "everybody"),
        ("10.0.0.0/33", "32 bits"),
        ("proxy.example", "addresses"),
    ] {
        let output = command().args(["--listen", "127.0.0.1:0", "--trusted-proxy", value]).output();
        let output = within("the program's end", output).await.expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{value} is taken");
        assert!(errors.contains("--trusted-proxy") && errors.contains(words), "{value}: {errors}");
    }
}
