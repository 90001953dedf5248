//! HTTP/3, and WebSockets on its streams (RFC 9220): the same pages, the same rooms and the same promises as over TCP.
use crate::common::{Client, Frame, H2, H3, Relay, TestServer, Trust, V1Client};
use bytes::Bytes;
use hamhame_ws::{Opcode, write_masked_frame};
use http::HeaderValue;
use serde_json::Value;

async fn start(args: &[&str]) -> TestServer {
    TestServer::start(&[&["--tls", "self-signed", "--http3"], args].concat()).await
}

/// Waits until so many connections are counted: the one that asks is one of them.
async fn places(server: &TestServer, expected: f64) {
    let h3 = server.h3().await;
    let counted = async { while h3.metric("hamhame_connections").await != expected {} };
    crate::common::within("the places to be free", counted).await;
}

#[tokio::test]
async fn a_connection_takes_requests_and_websockets() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    assert_eq!(h3.get("/healthz").await, (200, "ok\n".into()));
    assert_eq!(h3.get("/nowhere").await.0, 404);
    let mut echo = h3.open("/lab/echo", None).await;
    echo.send("salaam").await;
    assert_eq!(echo.next().await, Frame::Text("salaam".into()));
}

#[tokio::test]
async fn a_page_comes_whole_with_the_headers_it_has_over_tcp() {
    let server = start(&[]).await;
    let (h2, h3) = (H2::connect_tls(server.address()).await, server.h3().await);
    let page = h3.exchange(h3.request("GET", "/"), "").await;
    assert_eq!(h2.get("/").await, (200, page.body().clone()));
    assert_eq!(page.headers()["content-length"], page.body().len().to_string().as_str());
    assert!(page.headers()["content-security-policy"].to_str().is_ok_and(|v| v.contains("self")));
    for name in ["date", "content-type", "referrer-policy"] {
        assert!(page.headers().contains_key(name), "{name}");
    }
    for name in ["alt-svc", "connection", "transfer-encoding"] {
        assert!(!page.headers().contains_key(name), "{name}");
    }
    let head = h3.exchange(h3.request("HEAD", "/"), "").await;
    assert_eq!((head.status().as_u16(), head.body().as_str()), (200, ""));
    assert_eq!(head.headers()["content-length"], page.headers()["content-length"]);
}

#[tokio::test]
async fn a_request_with_a_body_that_nobody_wants_is_answered() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    for _ in 0..3 {
        let answer = h3.exchange(h3.request("POST", "/healthz"), "hello").await;
        assert_eq!(answer.status(), 405);
    }
    let (answer, mut stream) = h3.ask(h3.request("POST", "/healthz")).await;
    assert_eq!(answer.status(), 405);
    // Its body is far longer than what is let in unread: the stream is ended, and not stuck.
    let more = Bytes::from_static(&[b'x'; 16 * 1024]);
    while stream.send_data(more.clone()).await.is_ok() {}
    assert_eq!(h3.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn who_comes_by_tcp_is_told_of_http_3_if_it_is_spoken() {
    let server = start(&[]).await;
    let place = format!("h3=\":{}\"; ma=3600", server.address().port());
    let h2 = H2::connect_tls(server.address()).await;
    assert_eq!(h2.fetch("/").await.headers()["alt-svc"], place.as_str());
    assert_eq!(h2.fetch("/nowhere").await.headers()["alt-svc"], place.as_str());
    let without = TestServer::start(&["--tls", "self-signed"]).await;
    let h2 = H2::connect_tls(without.address()).await;
    assert!(!h2.fetch("/").await.headers().contains_key("alt-svc"));
}

#[tokio::test]
async fn long_messages_and_those_in_fragments_come_back() {
    let server = start(&["--limits", "off"]).await;
    let h3 = server.h3().await;
    let mut echo = h3.open("/lab/echo", None).await;
    for length in [0, 1, 125, 126, 8192, 65_536, 1 << 20] {
        let message = "ب".repeat(length / 2);
        let mut frame = Vec::new();
        write_masked_frame(&mut frame, Opcode::Text, message.as_bytes(), crate::common::MASK);
        assert_eq!(echo.exchange(&frame).await, Frame::Text(message));
    }
    let mut fragments = Vec::new();
    for n in 0..100 {
        let (fin, opcode) = (u8::from(n == 99) << 7, if n == 0 { 2 } else { 0 });
        fragments.extend([fin | opcode, 0x80 | 100, 0, 0, 0, 0]);
        fragments.extend([n; 100]);
    }
    let whole: Vec<u8> = (0..100).flat_map(|n| [n; 100]).collect();
    assert_eq!(echo.exchange(&fragments).await, Frame::Binary(whole));
}

#[tokio::test]
async fn members_of_every_version_are_in_the_same_room_in_the_same_order() {
    let server = start(&[]).await;
    let (trust, h2, h3) =
        (Trust::default(), H2::connect_tls(server.address()).await, server.h3().await);
    let one = server.connect("/ws/room/one").protocol("hamhame.v1").tls(&trust).open().await;
    let two = h2.open("/ws/room/two", Some("hamhame.v1")).await;
    let mut members = [
        V1Client::over("one", one.into_client("one")),
        V1Client::over("two", two.into_client("two")),
        h3.v1("room", "three").await,
        server.h3().await.v1("room", "four").await,
    ];
    for member in &mut members {
        member.join().await;
    }
    for member in &mut members {
        while member.offset() < 4 {
            member.next_event().await;
        }
    }
    for n in 0..10 {
        for member in &members {
            member.say(&format!("{n}"), &format!("{} {n}", member.name())).await;
        }
    }
    for _ in 0..40 {
        let mut events = Vec::new();
        for member in &mut members {
            events.push(member.next_event().await);
        }
        assert!(events.iter().all(|event| *event == events[0]), "{events:?}");
    }
}

#[tokio::test]
async fn a_session_goes_on_from_one_version_to_the_other() {
    let server = start(&[]).await;
    let (h2, h3) = (H2::connect_tls(server.address()).await, server.h3().await);
    let mut sara = h3.member("room", "sara").await;
    let ali = h3.member("room", "ali").await;
    let (token, position) = (ali.token(), ali.position());
    ali.into_client().abort().await;
    sara.mark("while you were away").await;
    let ali = h2.open("/ws/room/ali", Some("hamhame.v1")).await;
    let mut ali = V1Client::over("ali", ali.into_client("ali"));
    ali.resume(&token, &position).await;
    assert_eq!(ali.welcome()["recovered"], true);
    ali.until_said("while you were away").await;
    let (token, position) = (ali.token(), ali.position());
    ali.into_client().abort().await;
    sara.mark("and again").await;
    let mut ali = h3.v1("room", "ali").await;
    ali.resume(&token, &position).await;
    assert_eq!(ali.welcome()["recovered"], true);
    assert_eq!(ali.until_said("and again").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_client_of_the_seeds_is_served_as_over_tcp() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let mut ali = h3.seed("room", "ali").await;
    assert_eq!(ali.next().await["content"], "ali joined room.");
    ali.send(r#"{"content": "salaam"}"#).await;
    while ali.next().await["content"] != "salaam" {}
    let mut tutorial = h3.open("/ws/7", None).await;
    tutorial.send("hello").await;
    assert_eq!(tutorial.next().await, Frame::Text("You wrote: hello".into()));
}

#[tokio::test]
async fn what_is_refused_over_tcp_is_refused_over_http_3() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let asked = async |path: &str, headers: &[(&'static str, &str)]| {
        let mut request = h3.handshake(path);
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        h3.ask(request).await.0.status().as_u16()
    };
    assert_eq!(asked("/ws/room/ali", &[]).await, 200);
    assert_eq!(asked("/ws/room/ali", &[("origin", "https://evil.example")]).await, 403);
    assert_eq!(asked("/ws/room/ali", &[("sec-websocket-version", "8")]).await, 400);
    assert_eq!(asked("/ws/room/ali", &[("sec-websocket-protocol", "a b")]).await, 400);
    assert_eq!(asked("/ws/%zz/ali", &[]).await, 400);
    assert_eq!(asked("/ws/nobody", &[]).await, 404);
    assert_eq!(h3.get("/ws/room/ali").await.0, 405);
    let own = format!("https://{}", server.address());
    assert_eq!(asked("/ws/room/sara", &[("origin", &own)]).await, 200);
    let plain = format!("http://{}", server.address());
    assert_eq!(
        asked("/ws/room/sara", &[("origin", &plain)]).await,
        403,
        "a page that anybody may have written"
    );
    let mut other = h3.handshake("/ws/room/ali");
    other.extensions_mut().insert(h3::ext::Protocol::CONNECT_UDP);
    assert_eq!(h3.ask(other).await.0.status(), 501);
}

/// Asks for another protocol on a stream, with all in bytes, since the client's library says no name that it does not know.
/// Gives the status, or nothing if the stream is reset.
async fn ask_for(h3: &H3, authority: &str, protocol: &str) -> Option<String> {
    let (mut sending, mut receiving) = h3.quic().open_bi().await.expect("the connection is open");
    let fields = [
        (":method", "CONNECT"),
        (":protocol", protocol),
        (":scheme", "https"),
        (":authority", authority),
        (":path", "/ws/room/ali"),
        ("sec-websocket-version", "13"),
    ];
    let mut block = Vec::new();
    let fields = fields.map(|(name, value)| h3::qpack::HeaderField::new(name, value));
    h3::qpack::encode_stateless(&mut block, fields).expect("it is short");
    // HEADERS, with its length in two bytes.
    sending.write_all(&[1, 0x40, block.len() as u8]).await.expect("it is open");
    sending.write_all(&block).await.expect("it is open");
    let _ = sending.finish();
    let answer = crate::common::within("an answer", receiving.read_to_end(4096)).await.ok()?;
    assert_eq!(answer[0], 1, "HEADERS come first");
    let start = if answer[1] < 0x40 { 2 } else { 3 };
    let end = start + answer[start - 1] as usize;
    let fields =
        h3::qpack::decode_stateless(&mut &answer[start..end], 4096).expect("a head").fields;
    let status = fields.iter().find(|field| *field.name == b":status"[..]).expect("a status");
    Some(String::from_utf8_lossy(&status.value).into_owned())
}

#[tokio::test]
async fn a_protocol_that_nobody_here_speaks_is_answered_with_501() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let authority = server.address().to_string();
    for (protocol, status) in [
        ("websocket", Some("200")),
        ("connect-udp", Some("501")),
        ("carrier-pigeon", Some("501")),
        ("WebSocket", Some("501")),
        ("two words", None),
        ("", None),
    ] {
        let answer = ask_for(&h3, &authority, protocol).await;
        assert_eq!(answer.as_deref(), status, "{protocol:?}");
    }
    assert_eq!(h3.get("/healthz").await.0, 200, "the connection goes on");
}

#[tokio::test]
async fn the_answer_to_a_handshake_has_nothing_that_belongs_to_http_1() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let (answer, _stream) = h3.ask(h3.handshake("/lab/echo")).await;
    assert_eq!(answer.status(), 200);
    for name in ["sec-websocket-accept", "upgrade", "connection", "content-length"] {
        assert_eq!(answer.headers().get(name), None::<&HeaderValue>, "{name}");
    }
}

#[tokio::test]
async fn data_frames_without_data_end_nothing() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let (_, mut stream) = h3.ask(h3.handshake("/lab/echo")).await;
    for piece in [&b""[..], &[0x82, 0x83, 0, 0], b"", b"", &[0, 0, 1], b"", &[2, 3], b""] {
        stream.send_data(Bytes::copy_from_slice(piece)).await.expect("it is open");
    }
    let mut echo = Vec::new();
    while echo.len() < 5 {
        let data = crate::common::within("the echo", stream.recv_data()).await.expect("it is open");
        let mut data = data.expect("the stream goes on");
        echo.extend(bytes::Buf::copy_to_bytes(&mut data, 5 - echo.len()));
    }
    assert_eq!(echo, [0x82, 3, 1, 2, 3]);
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_inside_the_websocket() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let _ali = h3.member("room", "ali").await;
    let mut other = h3.v1("room", "ali").await;
    other.send_json(serde_json::json!({"type": "join"})).await;
    assert_eq!(other.next().await["code"], "name_taken");
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_its_stream_alone() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let mut ali = h3.member("room", "ali").await;
    let mut echo = h3.open("/lab/echo", None).await;
    echo.send(&"x".repeat(100_000)).await;
    assert_eq!(echo.close_code().await, Some(1009));
    ali.mark("still here").await;
}

#[tokio::test]
async fn a_client_that_resets_its_stream_is_gone_and_nobody_else() {
    let server = start(&["--grace", "100ms"]).await;
    let h3 = server.h3().await;
    let mut sara = h3.member("room", "sara").await;
    let ali = h3.member("room", "ali").await;
    while sara.next_event().await["content"] != "ali joined room." {}
    ali.into_client().abort().await;
    while sara.next_event().await["content"] != "ali left room." {}
}

#[tokio::test]
async fn who_says_goodbye_is_gone_at_once() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let mut sara = h3.member("room", "sara").await;
    let ali = h3.member("room", "ali").await;
    while sara.next_event().await["content"] != "ali joined room." {}
    let mut ali: Client = ali.into_client();
    ali.send_close(1000).await;
    assert_eq!(ali.closed().await.0, 1000);
    ali.ended().await;
    drop(ali);
    while sara.next_event().await["content"] != "ali left room." {}
}

#[tokio::test]
async fn the_members_of_a_connection_that_ends_are_gone_with_it() {
    let server = start(&["--grace", "100ms"]).await;
    let mut sara = server.h3().await.member("room", "sara").await;
    let h3 = server.h3().await;
    let _ali = h3.member("room", "ali").await;
    while sara.next_event().await["content"] != "ali joined room." {}
    h3.quic().close(0x100_u32.into(), b"");
    while sara.next_event().await["content"] != "ali left room." {}
}

#[tokio::test]
async fn the_members_of_a_peer_that_vanished_leave_by_the_heartbeat() {
    let server = start(&["--heartbeat", "300ms", "--grace", "100ms"]).await;
    let mut sara = server.h3().await.member("room", "sara").await;
    let relay = Relay::start(server.address()).await;
    let h3 = H3::connect(relay.address()).await;
    let _ali = h3.member("room", "ali").await;
    while sara.next_event().await["content"] != "ali joined room." {}
    relay.cut();
    while sara.next_event().await["content"] != "ali left room." {}
    // Of its own places, too, none is taken.
    places(&server, 3.0).await;
}

#[tokio::test]
async fn websockets_on_streams_count_as_connections() {
    let server = start(&["--max-connections-per-address", "3"]).await;
    let h3 = server.h3().await;
    let mut streams = Vec::new();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let (answer, stream) = h3.ask(h3.handshake("/lab/echo")).await;
        statuses.push(answer.status().as_u16());
        streams.push(stream);
    }
    assert_eq!(statuses, [200, 200, 429]);
    // A connection above the bound is told so too.
    assert_eq!(server.h3().await.get("/").await.0, 429);
    streams.clear();
    let again = async { while h3.ask(h3.handshake("/lab/echo")).await.0.status() != 200 {} };
    crate::common::within("room for one more", again).await;
}

#[tokio::test]
async fn a_server_that_goes_says_so_on_every_stream_and_ends_the_connection() {
    let mut server = start(&[]).await;
    let h3 = server.h3().await;
    let ali = h3.member("room", "ali").await;
    let sara = h3.member("room", "sara").await;
    let idle = server.h3().await;
    server.terminate();
    for client in [ali, sara] {
        assert_eq!(client.into_client().closed().await.0, 1012);
    }
    assert_eq!(h3.end().await, "");
    assert_eq!(idle.end().await, "");
    assert!(server.wait().await.success());
}

#[tokio::test]
async fn the_server_needs_tls_and_a_free_udp_port() {
    let refused = async |args: &[&str]| {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
        let listen = taken.local_addr().expect("it is bound").to_string();
        match TestServer::launch(&listen, args, &[]).await {
            Ok(_) => panic!("it starts"),
            Err(log) => log,
        }
    };
    let log = refused(&["--http3"]).await;
    assert!(log.contains("--http3 is always encrypted, so it needs --tls self-signed"), "{log}");
    let log = refused(&["--tls", "self-signed", "--http3"]).await;
    assert!(log.contains("cannot listen on UDP 127.0.0.1:"), "{log}");
}

#[tokio::test]
async fn http_3_may_be_asked_for_by_the_environment_and_the_file() {
    let args = vec!["--tls".to_owned(), "self-signed".to_owned()];
    let variables = [("HAMHAME_HTTP3", "true")];
    let server = TestServer::launch("127.0.0.1:0", args, &variables).await.expect("it starts");
    assert_eq!(server.h3().await.get("/healthz").await.0, 200);
    let file = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("http3-{}.toml", std::process::id()));
    std::fs::write(&file, "tls = \"self-signed\"\nhttp3 = true\n").expect("it is ours");
    let server = TestServer::start(&["--config", file.to_str().expect("a plain path")]).await;
    assert_eq!(server.h3().await.get("/healthz").await.0, 200);
}
