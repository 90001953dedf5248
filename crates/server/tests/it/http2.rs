//! WebSockets on streams of HTTP/2 (RFC 8441): the same rooms and the same promises as over HTTP/1.1.
use crate::common::{H2, Raw, Socket, TestServer, V1Client, within};
use serde_json::Value;
use tokio::io::AsyncReadExt;

async fn member(h2: &H2, name: &str) -> V1Client {
    let mut client = arrival(h2, name).await;
    client.join().await;
    client
}

async fn arrival(h2: &H2, name: &str) -> V1Client {
    let socket = h2.open(&format!("/ws/room/{name}"), Some("hamhame.v1")).await;
    assert_eq!(socket.protocol(), Some("hamhame.v1"));
    V1Client::over(name, socket.into_client(name))
}

#[tokio::test]
async fn a_connection_by_prior_knowledge_takes_requests_and_websockets() {
    let server = TestServer::start(&[]).await;
    let h2 = H2::connect(server.address()).await;
    assert!(h2.takes_websockets());
    assert_eq!(h2.most_streams(), 100);
    assert_eq!(h2.get("/healthz").await, (200, "ok\n".into()));
    assert_eq!(h2.get("/nowhere").await.0, 404);
    let mut echo = h2.open("/lab/echo", None).await;
    echo.send("salaam").await;
    assert_eq!(echo.next().await, crate::common::Frame::Text("salaam".into()));
}

#[tokio::test]
async fn members_of_every_version_are_in_the_same_room_in_the_same_order() {
    let server = TestServer::start(&["--tls", "self-signed"]).await;
    let plain = TestServer::start(&[]).await;
    let h2 = H2::connect_tls(server.address()).await;
    let mut ali = member(&h2, "ali").await;
    let mut sara = member(&h2, "sara").await;
    ali.mark("one").await;
    sara.until_said("one").await;
    sara.mark("two").await;
    ali.until_said("two").await;

    let h2 = H2::connect(plain.address()).await;
    let mut ali = member(&h2, "ali").await;
    let mut sara = plain.member("room", "sara").await;
    while ali.next_event().await["content"] != "sara joined room." {}
    while sara.next_event().await["content"] != "sara joined room." {}
    for n in 0..10 {
        ali.say(&format!("a{n}"), &format!("ali {n}")).await;
        sara.say(&format!("s{n}"), &format!("sara {n}")).await;
    }
    for _ in 0..20 {
        assert_eq!(ali.next_event().await, sara.next_event().await);
    }
}

#[tokio::test]
async fn a_session_goes_on_from_one_version_to_the_other() {
    let server = TestServer::start(&[]).await;
    let h2 = H2::connect(server.address()).await;
    let mut sara = server.member("room", "sara").await;
    let ali = member(&h2, "ali").await;
    let (token, position) = (ali.token(), ali.position());
    ali.into_client().abort().await;
    sara.mark("while you were away").await;
    let mut ali = server.v1("room", "ali").await;
    ali.resume(&token, &position).await;
    assert_eq!(ali.welcome()["recovered"], true);
    ali.until_said("while you were away").await;
    let (token, position) = (ali.token(), ali.position());
    ali.into_client().abort().await;
    sara.mark("and again").await;
    let mut ali = arrival(&h2, "ali").await;
    ali.resume(&token, &position).await;
    assert_eq!(ali.welcome()["recovered"], true);
    assert_eq!(ali.until_said("and again").await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_is_refused_over_http_1_is_refused_over_http_2() {
    let server = TestServer::start(&[]).await;
    let h2 = H2::connect(server.address()).await;
    let asked = |path: &str, change: &dyn Fn(&mut http::Request<()>)| {
        let mut request = h2.handshake(path);
        change(&mut request);
        let h2 = h2.clone();
        async move { h2.ask(request).await.0.status.as_u16() }
    };
    let header = |name: &'static str, value: &'static str| {
        move |request: &mut http::Request<()>| {
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
    };
    let protocol = |name: &'static str| {
        move |request: &mut http::Request<()>| {
            request.extensions_mut().insert(h2::ext::Protocol::from_static(name));
        }
    };
    assert_eq!(asked("/ws/room/ali", &|_| {}).await, 200);
    assert_eq!(asked("/ws/room/ali", &header("origin", "https://evil.example")).await, 403);
    assert_eq!(asked("/ws/room/ali", &header("sec-websocket-version", "8")).await, 400);
    assert_eq!(asked("/ws/room/ali", &header("sec-websocket-protocol", "a b")).await, 400);
    assert_eq!(asked("/ws/room/ali", &protocol("connect-udp")).await, 501);
    assert_eq!(asked("/ws/%zz/ali", &|_| {}).await, 400);
    assert_eq!(asked("/ws/nobody", &|_| {}).await, 404);
    assert_eq!(h2.get("/ws/room/ali").await.0, 405);
    let own = format!("http://{}", server.address());
    let same = |request: &mut http::Request<()>| {
        request.headers_mut().insert("origin", own.parse().expect("a value"));
    };
    assert_eq!(asked("/ws/room/sara", &same).await, 200);
}

#[tokio::test]
async fn the_answer_to_a_handshake_has_nothing_that_belongs_to_http_1() {
    let server = TestServer::start(&[]).await;
    let h2 = H2::connect(server.address()).await;
    let (answer, _stream) = h2.ask(h2.handshake("/lab/echo")).await;
    assert_eq!(answer.status, 200);
    for name in ["sec-websocket-accept", "upgrade", "connection", "content-length"] {
        assert_eq!(answer.headers.get(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_client_that_sends_a_key_all_the_same_gets_the_answer_to_it() {
    let server = TestServer::start(&[]).await;
    let h2 = H2::connect(server.address()).await;
    let mut request = h2.handshake("/lab/echo");
    let key = "dGhlIHNhbXBsZSBub25jZQ==".parse().expect("a value");
    request.headers_mut().insert("sec-websocket-key", key);
    let (answer, _stream) = h2.ask(request).await;
    assert_eq!(answer.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_inside_the_websocket() {
    let server = TestServer::start(&[]).await;
    let h2 = H2::connect(server.address()).await;
    let _ali = member(&h2, "ali").await;
    let mut other = arrival(&h2, "ali").await;
    other.send_json(serde_json::json!({"type": "join"})).await;
    assert_eq!(other.next().await["code"], "name_taken");
}

/// What is said past a stream that is not read: far more than the buffers between hold.
const MANY: usize = 500;
const LONG: usize = 12_000;

/// Says `MANY` long messages, a few at a time, and waits for them to come back.
async fn say_much(client: &mut V1Client) {
    let content = |n: usize| format!("{n} {}", "x".repeat(LONG));
    for n in 0..MANY {
        client.say(&format!("{n}"), &content(n)).await;
        if n % 20 == 19 {
            client.until_said(&content(n)).await;
        }
    }
}

#[tokio::test]
async fn chat_goes_on_in_bounded_memory_while_another_stream_of_the_connection_is_not_read() {
    let much = ["--limits", "off", "--message-graphemes", "20000", "--history", "50"];
    let server = TestServer::start(&much).await;
    let h2 = H2::connect(server.address()).await;
    let mut slow = member(&h2, "slow").await;
    let mut ali = member(&h2, "ali").await;
    while slow.next_event().await["content"] != "ali joined room." {}
    slow.stall();
    let before = server.rss();
    say_much(&mut ali).await;
    let kept = server.rss().saturating_sub(before);
    assert!(kept < (MANY * LONG * 2 / 3) as u64, "{kept} bytes are kept for who does not read");
    slow.read_on();
    let mut seen = Vec::new();
    while seen.last() != Some(&(MANY - 1)) {
        let message = slow.next().await;
        if message["type"] == "message" {
            let content = message["content"].as_str().expect("a content");
            let number = content.split(' ').next().and_then(|n| n.parse::<usize>().ok());
            seen.push(number.expect("a number"));
        }
    }
    let missed: u64 = slow.gaps().iter().sum();
    assert!(missed > 0, "the stream was full: {} seen", seen.len());
    assert_eq!(seen.len() + missed as usize, MANY, "what was not seen was announced");
}

#[tokio::test]
async fn a_connection_whose_streams_are_never_read_is_ended_and_nobody_else_is() {
    let much = ["--limits", "off", "--message-graphemes", "20000", "--heartbeat", "2s"];
    let server = TestServer::start(&much).await;
    let h2 = H2::connect(server.address()).await;
    let mut deaf = Vec::new();
    for n in 0..4 {
        deaf.push(member(&h2, &format!("deaf{n}")).await);
    }
    let mut ali = server.member("room", "ali").await;
    for one in &deaf {
        one.stall();
    }
    say_much(&mut ali).await;
    h2.end().await;
    ali.mark("still here").await;
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_its_stream_alone() {
    let server = TestServer::start(&[]).await;
    let h2 = H2::connect(server.address()).await;
    let mut ali = member(&h2, "ali").await;
    let mut echo: Socket = h2.open("/lab/echo", None).await;
    echo.send(&"x".repeat(100_000)).await;
    assert_eq!(echo.close_code().await, Some(1009));
    ali.mark("still here").await;
}

#[tokio::test]
async fn a_client_that_resets_its_stream_is_gone_and_nobody_else() {
    let server = TestServer::start(&["--grace", "100ms"]).await;
    let h2 = H2::connect(server.address()).await;
    let mut sara = member(&h2, "sara").await;
    let ali = member(&h2, "ali").await;
    while sara.next_event().await["content"] != "ali joined room." {}
    ali.into_client().abort().await;
    while sara.next_event().await["content"] != "ali left room." {}
}

#[tokio::test]
async fn websockets_on_streams_count_as_connections() {
    let server = TestServer::start(&["--max-connections-per-address", "3"]).await;
    let h2 = H2::connect(server.address()).await;
    let (one, _one) = h2.ask(h2.handshake("/lab/echo")).await;
    let (two, _two) = h2.ask(h2.handshake("/lab/echo")).await;
    let (three, _three) = h2.ask(h2.handshake("/lab/echo")).await;
    assert_eq!([one.status, two.status, three.status].map(|s| s.as_u16()), [200, 200, 429]);
}

#[tokio::test]
async fn a_server_that_goes_says_so_on_every_stream_and_ends_the_connection() {
    let mut server = TestServer::start(&[]).await;
    let h2 = H2::connect(server.address()).await;
    let ali = member(&h2, "ali").await;
    let sara = member(&h2, "sara").await;
    server.terminate();
    for client in [ali, sara] {
        assert_eq!(client.into_client().closed().await.0, 1012);
    }
    assert_eq!(h2.end().await, "");
    assert!(server.wait().await.success());
}

#[tokio::test]
async fn the_preface_may_come_in_pieces_and_what_only_begins_like_it_is_http_1() {
    let server = TestServer::start(&[]).await;
    let mut raw = Raw::connect(server.address()).await;
    for piece in ["P", "RI * HT", "TP/2.0\r\n\r\nSM\r\n", "\r\n\0\0\0\x04\0\0\0\0\0"] {
        raw.write(piece).await;
    }
    // SETTINGS: its length, its type, no flags, stream 0.
    let head = raw.exactly(9).await;
    assert_eq!(head[3..], [4, 0, 0, 0, 0, 0]);
    let host = server.address();
    let mut raw = Raw::connect(server.address()).await;
    raw.write("P").await;
    raw.write(format!("OST /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    assert_eq!(raw.answer().await.status, 405);
}

#[tokio::test]
async fn streams_that_are_opened_only_to_be_reset_end_the_connection() {
    let server = TestServer::start(&[]).await;
    let mut stream = Raw::connect(server.address()).await.into_stream();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for id in (1..4000_u32).step_by(2) {
        // GET / with the literals of HPACK's static table and an authority; then RST_STREAM (CANCEL).
        bytes.extend_from_slice(&[0, 0, 6, 1, 5]);
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&[0x82, 0x84, 0x86, 0x41, 1, b'a']);
        bytes.extend_from_slice(&[0, 0, 4, 3, 0]);
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&8_u32.to_be_bytes());
    }
    let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes).await;
    let mut answer = Vec::new();
    let _ = within("the end", stream.read_to_end(&mut answer)).await;
    assert_eq!(server.get("/healthz").await.status, 200);
}
