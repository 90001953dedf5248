//! A handshake is judged and answered alike, whichever way it comes in: whole as the first thing on a connection, in small
//! pieces, or behind another request.
use crate::common::{HANDSHAKE, HttpResponse, Raw, TALKATIVE, TestServer};
use hamhame_ws::{Opcode, write_masked_frame};

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: hamhame.localhost\r\n{headers}\r\n")
}

async fn whole(server: &TestServer, head: &str) -> Raw {
    Raw::send(server.address(), head).await
}

async fn in_pieces(server: &TestServer, head: &str) -> Raw {
    let mut raw = Raw::connect(server.address()).await;
    for piece in head.as_bytes().chunks(9) {
        raw.write(piece).await;
        tokio::task::yield_now().await;
    }
    raw
}

async fn behind_another(server: &TestServer, head: &str) -> Raw {
    let mut raw = Raw::send(server.address(), request("/healthz", "")).await;
    assert_eq!(raw.answer().await.body, "ok\n");
    raw.write(head).await;
    raw
}

/// What must be the same: all but the date and the order of headers.
fn essence(answer: &HttpResponse) -> (u16, [Option<&str>; 5], &str) {
    let headers = [
        "upgrade",
        "connection",
        "sec-websocket-accept",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
    ]
    .map(|name| answer.header(name));
    (answer.status, headers, &answer.body)
}

#[tokio::test]
async fn a_handshake_is_answered_alike_whichever_way_it_comes() {
    let server = TestServer::start(&TALKATIVE).await;
    let with = |extra: &str| format!("{HANDSHAKE}{extra}\r\n");
    let v1 = with("Sec-WebSocket-Protocol: other, hamhame.v1");
    // Nobody's name is never taken, so one address does for all of them.
    let cases = [
        (101, request("/ws/room/", HANDSHAKE)),
        (101, request("/ws/room/", &v1)),
        (101, request("/ws/room/", &with("Sec-WebSocket-Extensions: permessage-deflate"))),
        (400, request("/ws/room/", &with("Sec-WebSocket-Extensions: permessage-deflate;"))),
        (101, request("/ws//", &with("Origin: http://hamhame.localhost"))),
        (101, request("/ws/%DA%A9%D9%84%D8%A7%D8%B3/Anonymous?x=1", HANDSHAKE)),
        (101, request("/ws/room/", &with(&format!("X-Long: {}", "x".repeat(6000))))),
        (403, request("/ws/room/", &with("Origin: http://evil.example"))),
        (400, request("/ws/room/", &with("Host: hamhame.localhost"))),
        (400, request("/ws/room/", HANDSHAKE).replace("Host", "X-Host")),
        (400, request("/ws/room/", HANDSHAKE).replace("HTTP/1.1", "HTTP/1.0")),
        (400, request("/ws/room/", &with("Content-Length: 5"))),
        (400, request("/ws/room/%zz", HANDSHAKE)),
        (404, request("/ws/room/a/b", HANDSHAKE)),
        (405, request("/ws/room/", HANDSHAKE).replace("GET", "POST")),
        (426, request("/ws/room/", "")),
    ];
    for (status, head) in cases {
        let first = whole(&server, &head).await.answer().await;
        assert_eq!(first.status, status, "{head}{}", first.head);
        let second = in_pieces(&server, &head).await.answer().await;
        assert_eq!(essence(&second), essence(&first), "{head}");
        let third = behind_another(&server, &head).await.answer().await;
        assert_eq!(essence(&third), essence(&first), "{head}");
    }
}

#[tokio::test]
async fn what_comes_right_behind_a_handshake_is_heard_whichever_way_it_comes() {
    let server = TestServer::start(&TALKATIVE).await;
    let mut frame = Vec::new();
    write_masked_frame(&mut frame, Opcode::Text, b"straight away", [1, 2, 3, 4]);
    let head = request("/ws/room/", HANDSHAKE);
    let mut listener = server.seed_member("room", "listener").await;
    for way in 0..2 {
        let bytes = [head.as_bytes(), &frame].concat();
        let mut raw = Raw::connect(server.address()).await;
        if way == 1 {
            raw.write(request("/healthz", "")).await;
            assert_eq!(raw.answer().await.status, 200);
        }
        raw.write(bytes).await;
        assert_eq!(raw.answer().await.status, 101);
        listener.until_said("straight away").await;
    }
}
