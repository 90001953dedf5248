//! HTTP/3 with peers that do not read, do not answer, or mean harm: bounded memory, and nobody else feels it.
use crate::common::{
    H3, Random, Relay, STREAM_WINDOW, TALKATIVE, TestServer, Trust, V1Client, quic_config, within,
};
use bytes::Bytes;
use quinn::{Connection, ConnectionError, Endpoint};

async fn start(args: &[&str]) -> TestServer {
    TestServer::start(&[&["--tls", "self-signed", "--http3"], args].concat()).await
}

/// What is said past a stream that is not read: far more than the buffers between hold.
const MANY: usize = 500;
const LONG: usize = 12_000;

/// Lets one say much at once.
const MUCH: [&str; 4] = ["--limits", "off", "--message-graphemes", "20000"];

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
    let server = start(&[&MUCH[..], &["--history", "50"]].concat()).await;
    let h3 = server.h3().await;
    let mut slow = h3.member("room", "slow").await;
    let mut ali = h3.member("room", "ali").await;
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
async fn a_stream_that_is_never_read_is_ended_and_the_others_of_its_connection_go_on() {
    let server = start(&[&MUCH[..], &["--heartbeat", "1s", "--grace", "100ms"]].concat()).await;
    let h3 = server.h3().await;
    let deaf = h3.member("room", "deaf").await;
    let mut ali = h3.member("room", "ali").await;
    deaf.stall();
    say_much(&mut ali).await;
    while ali.next_event().await["content"] != "deaf left room." {}
    ali.mark("still here").await;
    // Its place is free: the connection and one WebSocket are left.
    let places = async { while h3.metric("hamhame_connections").await != 2.0 {} };
    within("the stream's place to be free", places).await;
}

#[tokio::test]
async fn a_response_that_is_not_read_ends_after_a_while() {
    let server = start(&["--write-timeout", "300ms"]).await;
    let config = quic_config(&Trust::default(), 1024);
    let h3 = H3::connect_with(server.address(), config).await;
    let (answer, _unread) = h3.ask(h3.request("GET", "/sdk/room.js")).await;
    assert_eq!(answer.status(), 200);
    let reset = async {
        while h3.quic().stats().frame_rx.reset_stream == 0 {
            assert_eq!(h3.get("/healthz").await.0, 200);
        }
    };
    within("the stream to be reset", reset).await;
}

/// A QUIC connection without anything of HTTP/3 on it.
async fn quic(server: &TestServer) -> Connection {
    let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("there is a free port");
    let config = quic_config(&Trust::default(), STREAM_WINDOW);
    let connecting = endpoint.connect_with(config, server.address(), "localhost");
    within("QUIC", connecting.expect("it is in order")).await.expect("the server speaks QUIC")
}

/// The code with which the server ends a connection.
async fn end(connection: &Connection) -> u64 {
    match within("the end of the connection", connection.closed()).await {
        ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
        other => panic!("{other}"),
    }
}

/// H3_EXCESSIVE_LOAD (RFC 9114, section 8.1).
const EXCESSIVE_LOAD: u64 = 0x107;

/// Writes until the connection is ended; no more than `most` bytes.
async fn pour(stream: &mut quinn::SendStream, most: usize) -> usize {
    let bytes = [0x21; 16 * 1024];
    let mut poured = 0;
    while poured < most && stream.write_all(&bytes).await.is_ok() {
        poured += bytes.len();
    }
    poured
}

#[tokio::test]
async fn a_frame_other_than_data_that_claims_to_be_long_ends_the_connection_before_it_is_there() {
    let server = start(&[]).await;
    let bystander = server.h3().await;
    // HEADERS, a frame that nobody knows, and HEADERS behind a whole request (trailers): of 2^30 bytes each.
    let long = [0xc0, 0, 0, 0, 0x40, 0, 0, 0];
    for kind in [1, 0x21] {
        let connection = quic(&server).await;
        let (mut stream, _answer) = connection.open_bi().await.expect("a stream");
        stream.write_all(&[kind]).await.expect("it is open");
        stream.write_all(&long).await.expect("it is open");
        assert!(pour(&mut stream, 64 << 20).await < 1 << 20, "{kind}");
        assert_eq!(end(&connection).await, EXCESSIVE_LOAD, "{kind}");
    }
    let connection = quic(&server).await;
    let mut control = connection.open_uni().await.expect("a stream");
    // The control stream, an empty SETTINGS, GOAWAY.
    control.write_all(&[0, 4, 0, 7]).await.expect("it is open");
    control.write_all(&long).await.expect("it is open");
    assert!(pour(&mut control, 64 << 20).await < 1 << 20);
    assert_eq!(end(&connection).await, EXCESSIVE_LOAD);
    assert_eq!(bystander.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = start(&["--header-bytes", "8192"]).await;
    let h3 = server.h3().await;
    let mut request = h3.request("GET", "/healthz");
    // Two of them, as what is decoded counts: each is short on the wire.
    for name in ["a", "b"] {
        request.headers_mut().insert(name, "x".repeat(4500).parse().expect("a value"));
    }
    let mut stream = h3.try_send(request).await.expect("the client's own bound is higher");
    let answer = within("an answer", stream.recv_response()).await.expect("there is one");
    assert_eq!(answer.status(), 431);
    assert_eq!(h3.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn streams_that_are_opened_only_to_be_reset_end_the_connection() {
    let server = start(&[]).await;
    let bystander = server.h3().await;
    let connection = quic(&server).await;
    let flood = async {
        while let Ok((mut stream, _answer)) = connection.open_bi().await {
            // HEADERS whose end never comes.
            let _ = stream.write_all(&[1, 0x40, 100]).await;
            let _ = stream.reset(0x10c_u32.into());
        }
    };
    within("the flood to be stopped", flood).await;
    assert_eq!(end(&connection).await, EXCESSIVE_LOAD);
    assert_eq!(bystander.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn a_head_that_never_comes_whole_is_waited_for_only_so_long() {
    let server = start(&["--header-timeout", "300ms"]).await;
    let connection = quic(&server).await;
    let (mut stream, mut answer) = connection.open_bi().await.expect("a stream");
    stream.write_all(&[1, 0x40, 100]).await.expect("it is open");
    // It is let go: its own side ends, and ours is not wanted.
    assert_eq!(within("the end", answer.read_to_end(100)).await.expect("an end"), b"");
    within("the end", stream.stopped()).await.expect("the connection is open");
}

#[tokio::test]
async fn datagrams_of_junk_are_passed_over() {
    let server = start(&TALKATIVE).await;
    let h3 = server.h3().await;
    let mut ali = h3.member("room", "ali").await;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
    let mut random = Random::new(3);
    let mut bytes = [0; 1300];
    for n in 0..3000_usize {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&random.draw().to_le_bytes()[..chunk.len()]);
        }
        if n % 3 == 0 {
            // The header of an Initial packet of version 1 (RFC 9000, section 17.2.2).
            bytes[..6].copy_from_slice(&[0xc3, 0, 0, 0, 1, 8]);
        }
        let _ = socket.send_to(&bytes[..bytes.len() - n % 1300], server.address());
        if n % 100 == 0 {
            ali.mark(&format!("{n}")).await;
        }
    }
    assert_eq!(server.h3().await.get("/healthz").await.0, 200);
}

/// Handshakes under way from which on the server wants to see that an address is its caller's own.
const UNPROVEN: usize = 64;

#[tokio::test]
async fn callers_must_prove_their_address_while_many_do_not_go_on() {
    let server = start(&[]).await;
    let quiet = Relay::start(server.address()).await;
    assert_eq!(H3::connect(quiet.address()).await.get("/healthz").await.0, 200);
    assert!(!quiet.saw_retry(), "nobody has to prove anything yet");

    let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("there is a free port");
    let deaf = Relay::start(server.address()).await;
    deaf.swallow_answers();
    let config = quic_config(&Trust::default(), STREAM_WINDOW);
    let call = || endpoint.connect_with(config.clone(), deaf.address(), "localhost");
    let calls: Vec<_> =
        (0..UNPROVEN * 2).map(|_| tokio::spawn(call().expect("it is in order"))).collect();
    let asked = async {
        while !deaf.saw_retry() {
            tokio::task::yield_now().await;
        }
    };
    within("a call to be asked for a proof", asked).await;

    let proven = Relay::start(server.address()).await;
    assert_eq!(H3::connect(proven.address()).await.get("/healthz").await.0, 200);
    assert!(proven.saw_retry(), "it had to prove its address");
    for call in calls {
        call.abort();
    }
}

#[tokio::test]
async fn a_stream_after_the_goodbye_of_the_server_is_not_served() {
    let mut server = start(&["--drain", "1s"]).await;
    let h3 = server.h3().await;
    let ali = h3.member("room", "ali").await;
    server.terminate();
    let mut ali = ali.into_client();
    assert_eq!(ali.closed().await.0, 1012);
    let later = async {
        let Ok(mut stream) = h3.try_send(h3.request("GET", "/healthz")).await else { return };
        let _ = stream.send_data(Bytes::new()).await;
        assert!(stream.recv_response().await.is_err());
    };
    within("a refusal", later).await;
    assert!(server.wait().await.success());
}

/// Connections that are compared with nothing.
const CROWD: u64 = 200;

/// What one of them, with one WebSocket, may cost (docs/how-to/http3.md says what it does), in bytes.
const COST: u64 = 96 * 1024;

#[tokio::test]
async fn an_idle_connection_with_a_websocket_takes_little_memory() {
    let server = start(&["--limits", "off"]).await;
    let mut crowd = Vec::new();
    for n in 0..CROWD / 10 {
        crowd.push(server.h3().await.member("room", &format!("early {n}")).await);
    }
    let before = server.rss();
    for n in 0..CROWD {
        crowd.push(server.h3().await.member("room", &format!("member {n}")).await);
    }
    let each = (server.rss() - before) / CROWD;
    println!("{each} bytes each");
    assert!(each < COST, "{each} bytes each");
}
