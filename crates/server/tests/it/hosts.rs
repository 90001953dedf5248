//! Which hosts a server answers for: its own, so that no page of another site gets in by a name that suddenly means this machine.
use crate::common::{H2, HANDSHAKE, Raw, TestServer};

/// The name that a foreign page was loaded from, and that now means this machine.
const FOREIGN: &str = "rebind.example";

/// Requests as such a page makes them, to every kind of door.
fn requests(host: &str) -> Vec<String> {
    let plain = |method: &str, path: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let upgrade = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{HANDSHAKE}\r\n")
    };
    vec![
        upgrade("/ws/room/mary"),
        upgrade("/ws/room/mary?any=query"),
        upgrade("/ws"),
        upgrade("/ws/7"),
        upgrade("/lab/echo"),
        plain("GET", "/"),
        plain("HEAD", "/r/room"),
        plain("GET", "/sdk/hamhame.js"),
        plain("GET", "/nothing"),
        plain("GET", "/metrics"),
        plain("GET", "/healthz"),
        plain("GET", "/readyz"),
        plain("GET", "/api/qr.svg?text=a"),
        plain("GET", "/api/openapi.json"),
        plain("GET", "/api/rooms/room/events"),
        plain("POST", "/api/rooms/room/sessions"),
        plain("OPTIONS", "/api/rooms/room/sessions"),
    ]
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn every_door_is_closed_to_who_asks_for_another_host() {
    let mut server = TestServer::start(&[]).await;
    for host in [FOREIGN, "rebind.example:80", "localhost.rebind.example", "2130706433"] {
        for request in requests(host) {
            let answer = if request.starts_with("HEAD") {
                server.request(&request).await
            } else {
                Raw::send(server.address(), &request).await.answer().await
            };
            assert_eq!(answer.status, 421, "{request}");
            if !request.starts_with("HEAD") {
                let name = host.trim_end_matches(":80");
                assert!(answer.body.contains(&format!("--host {name}")), "{}", answer.body);
            }
        }
    }
    // An absolute target says it as well, and wins.
    let absolute = format!(
        "GET http://{FOREIGN}/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(status(&server.request(&absolute).await.head), "421");
    server.terminate();
    assert!(server.wait().await.success());
    let log = server.log();
    assert!(log.contains("--host NAME") && log.contains(FOREIGN), "{log}");
    assert!(log.lines().count() < 25, "{log}");
}

#[tokio::test]
async fn the_machine_itself_is_answered_by_its_names_and_addresses() {
    let server = TestServer::start(&[]).await;
    let name = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    let port = server.address().port();
    for host in [
        "localhost",
        "LocalHost.",
        "chat.localhost",
        "127.0.0.1",
        "[::1]",
        "192.168.1.7",
        &name,
        &format!("{}.local", name.split('.').next().expect("a name")),
    ] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            assert_eq!(status(&server.request(&request).await.head), "200", "{host}");
        }
        let handshake = format!("GET /ws/room/mary HTTP/1.1\r\nHost: {host}\r\n{HANDSHAKE}\r\n");
        let mut raw = Raw::send(server.address(), &handshake).await;
        assert_eq!(raw.answer().await.status, 101, "{host}");
    }
}

#[tokio::test]
async fn the_operator_names_further_hosts_or_lifts_it() {
    let named = TestServer::start(&["--host", "chat.example,class.example"]).await;
    let any = TestServer::start(&["--host", "*"]).await;
    let behind = vec!["--trusted-proxy".to_owned(), "127.0.0.1".to_owned()];
    let proxied = TestServer::launch("127.0.0.1:0", behind, &[]).await.expect("it starts");
    for (server, host, expected) in [
        (&named, "chat.example", "200"),
        (&named, "Class.Example:8000", "200"),
        (&named, FOREIGN, "421"),
        (&any, FOREIGN, "200"),
        (&proxied, FOREIGN, "200"),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&server.request(&request).await.head), expected, "{host}");
    }
}

#[tokio::test]
async fn http_2_and_3_know_it_by_the_authority() {
    let server = TestServer::start(&["--tls", "self-signed", "--http3"]).await;
    let (h2, h3) = (H2::connect_tls(server.address()).await, server.h3().await);
    for (path, socket) in [("/", false), ("/api/rooms/room/events", false), ("/ws/room/mary", true)]
    {
        let for_foreign = |mut request: http::Request<()>| {
            let uri = format!("https://{FOREIGN}{path}");
            *request.uri_mut() = uri.parse().expect("a URI");
            request
        };
        let over_h2 = if socket { h2.handshake(path) } else { h2.request("GET", path) };
        let (head, _) = h2.ask(for_foreign(over_h2)).await;
        assert_eq!(head.status, 421, "HTTP/2 {path}");
        let over_h3 = if socket { h3.handshake(path) } else { h3.request("GET", path) };
        let (head, _) = h3.ask(for_foreign(over_h3)).await;
        assert_eq!(head.status(), 421, "HTTP/3 {path}");
    }
    assert_eq!(h2.get("/healthz").await.0, 200);
    assert_eq!(h3.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn nobody_is_redirected_to_a_foreign_host() {
    let server = TestServer::start(&["--tls", "self-signed"]).await;
    for (host, expected) in [(FOREIGN, "421"), ("localhost", "308")] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = server.request(&request).await;
        assert_eq!(status(&answer.head), expected, "{host}");
        assert_eq!(answer.head.contains("https://"), expected == "308", "{}", answer.head);
    }
}

#[tokio::test]
async fn a_page_of_this_machine_is_welcome_and_a_foreign_one_is_told_what_would_help() {
    let mut server = TestServer::start(&[]).await;
    for origin in ["http://localhost:5500", "http://127.0.0.1:3000", "http://[::1]:80"] {
        server.connect("/ws/room/mary").origin(origin).open().await;
        let request = format!(
            "GET /api/rooms/room/events HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n"
        );
        let head = server.request(&request).await.head.to_lowercase();
        assert!(head.contains(&format!("access-control-allow-origin: {origin}")), "{head}");
    }
    for origin in ["http://evil.example", "null"] {
        let (_, answer) = server
            .connect("/ws/room/mary")
            .origin(origin)
            .try_open()
            .await
            .err()
            .expect("a refusal");
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        let request = format!(
            "GET /ws/room/m HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n{HANDSHAKE}Connection: close\r\n\r\n"
        );
        let body = server.request(&request).await.body;
        assert!(body.contains(&format!("--origin {origin}")), "{body}");
    }
    server.terminate();
    assert!(server.wait().await.success());
    assert!(
        server.log().contains("--origin http://evil.example")
            && server.log().contains("evil.example"),
        "{}",
        server.log()
    );
    let files = TestServer::start(&["--origin", "null"]).await;
    files.connect("/ws/room/mary").origin("null").open().await;
}
