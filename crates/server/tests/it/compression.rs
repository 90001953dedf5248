//! permessage-deflate (RFC 7692): who offers it gets long messages compressed, once for all, and nobody else notices.

use crate::common::{Frame, MASK, Random, Socket, TestServer};
use hamhame_ws::{Deflater, Opcode, write_masked_frame};
use serde_json::{Value, json};

const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// What is long enough to be compressed, and becomes shorter by it.
fn long(text: &str) -> String {
    format!("{text} ").repeat(60).trim_end().to_owned()
}

fn extension(socket: &Socket) -> Option<String> {
    let lines = socket.head().lines();
    lines
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"))
        .map(|(_, value)| value.to_owned())
}

async fn send_compressed(socket: &mut Socket, text: &str) {
    let mut frame = Vec::new();
    let mut deflater = Deflater::new(6, 15);
    assert!(deflater.write_masked_frame(&mut frame, Opcode::Text, text.as_bytes(), MASK));
    socket.write(&frame).await;
}

/// The next text message.
async fn text(socket: &mut Socket) -> String {
    loop {
        match socket.next().await {
            Frame::Text(text) => return text,
            Frame::Ping(_) => {}
            other => panic!("expected text, got {other:?}"),
        }
    }
}

/// The next JSON message of this `type`.
async fn json_of(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let message: Value = serde_json::from_str(&text(socket).await).expect("it is JSON");
        if message["type"] == kind {
            return message;
        }
    }
}

/// The frames that came compressed, as they stood on the wire.
fn compressed(socket: &Socket) -> Vec<Vec<u8>> {
    let wire = socket.wire().into_iter().filter(|(head, _)| head.compressed);
    wire.map(|(_, frame)| frame.to_vec()).collect()
}

#[tokio::test]
async fn nothing_is_compressed_for_who_does_not_offer_it() {
    let server = TestServer::start(&[]).await;
    let mut socket = server.connect("/lab/echo").open().await;
    assert_eq!(extension(&socket), None);
    socket.send(&long("سلام")).await;
    assert_eq!(text(&mut socket).await, long("سلام"));
    assert!(compressed(&socket).is_empty());
}

#[tokio::test]
async fn long_messages_are_compressed_and_short_ones_are_not() {
    let server = TestServer::start(&[]).await;
    let mut socket = server.connect("/ws/r/me").deflate().open().await;
    assert_eq!(extension(&socket).as_deref(), Some(ANSWER));
    socket.send("short").await;
    assert_eq!(json_of(&mut socket, "message").await["content"], "short");
    assert!(compressed(&socket).is_empty());
    for sent in [long("سلام"), long("hello")] {
        send_compressed(&mut socket, &sent).await;
        assert_eq!(json_of(&mut socket, "message").await["content"], sent);
    }
    let [first, second] = &compressed(&socket)[..] else { panic!("two came compressed") };
    assert!(first.len() < 250 && second.len() < 250, "{} and {} bytes", first.len(), second.len());
}

#[tokio::test]
async fn the_echo_compresses_all_that_it_returns() {
    let server = TestServer::start(&[]).await;
    let mut socket = server.connect("/lab/echo").deflate().open().await;
    assert_eq!(extension(&socket).as_deref(), Some(ANSWER));
    let mut random = Random::new(7692);
    let noise: Vec<u8> = (0..2000).map(|_| random.draw() as u8).collect();
    socket.send_frame(Opcode::Binary, &noise).await;
    assert_eq!(socket.next().await, Frame::Binary(noise));
    for sent in ["", "short", &long("سلام")] {
        socket.send(sent).await;
        assert_eq!(text(&mut socket).await, sent);
    }
    send_compressed(&mut socket, &long("hello")).await;
    assert_eq!(text(&mut socket).await, long("hello"));
    assert_eq!(compressed(&socket).len(), 5);
}

#[tokio::test]
async fn the_operator_decides_what_is_compressed() {
    let server = TestServer::start(&["--compression", "off"]).await;
    let mut socket = server.connect("/lab/echo").deflate().open().await;
    assert_eq!(extension(&socket), None);
    socket.send(&long("سلام")).await;
    assert_eq!(text(&mut socket).await, long("سلام"));

    let server = TestServer::start(&["--compression", "2000"]).await;
    let mut socket = server.connect("/ws/r/me").deflate().open().await;
    for (len, expected) in [(1700, 0), (2000, 1)] {
        socket.send(&"a".repeat(len)).await;
        json_of(&mut socket, "message").await;
        assert_eq!(compressed(&socket).len(), expected, "{len} bytes");
    }
}

#[tokio::test]
async fn members_with_and_without_compression_see_the_same_events() {
    let server = TestServer::start(&["--threads", "2"]).await;
    let mut plain = server.connect("/ws/r/plain").open().await;
    let mut squeezed = [
        server.connect("/ws/r/one").deflate().open().await,
        server.connect("/ws/r/two").deflate().open().await,
        server.connect("/ws/r/three").protocol("hamhame.v1").deflate().open().await,
    ];
    squeezed[2].send(&json!({"type": "join"}).to_string()).await;
    json_of(&mut squeezed[2], "welcome").await;
    for n in 0..5 {
        let content =
            if n % 2 == 0 { format!("short {n}") } else { long(&format!("پیام {n}")) };
        let message = json!({"content": content}).to_string();
        if message.len() > 256 {
            send_compressed(&mut squeezed[0], &message).await;
        } else {
            squeezed[0].send(&message).await;
        }
        let expected = json_of(&mut plain, "message").await;
        assert_eq!(expected["content"], content);
        for socket in &mut squeezed {
            assert_eq!(json_of(socket, "message").await, expected);
        }
    }
    // One frame for all who read compressed ones, in either dialect.
    let frames = compressed(&squeezed[0]);
    assert_eq!(frames.len(), 2);
    assert_eq!(compressed(&squeezed[1]), frames);
    assert_eq!(compressed(&squeezed[2]), frames);
    assert!(compressed(&plain).is_empty());
}

#[tokio::test]
async fn who_comes_back_gets_what_it_missed_compressed_or_not() {
    let server = TestServer::start(&[]).await;
    let mut plain = server.connect("/ws/r/plain").open().await;
    let mut member = server.connect("/ws/r/me").protocol("hamhame.v1").deflate().open().await;
    member.send(&json!({"type": "join"}).to_string()).await;
    let welcome = json_of(&mut member, "welcome").await;
    // Before, while, and after somebody is there who reads compressed frames.
    let mut sent = vec![long("first")];
    plain.send(&json!({"content": sent[0]}).to_string()).await;
    json_of(&mut plain, "message").await;
    member.abort();
    for n in 0..3 {
        sent.push(long(&format!("missed {n}")));
        plain.send(&json!({"content": sent[n + 1]}).to_string()).await;
        json_of(&mut plain, "message").await;
    }
    for deflate in [true, false] {
        let connect = server.connect("/ws/r/me").protocol("hamhame.v1");
        let connect = if deflate { connect.deflate() } else { connect };
        let mut member = connect.open().await;
        let join = json!({"type": "join", "token": welcome["token"], "after": welcome["position"]});
        member.send(&join.to_string()).await;
        assert_eq!(json_of(&mut member, "welcome").await["recovered"], true);
        for (n, content) in sent.iter().enumerate() {
            let message = json_of(&mut member, "message").await;
            assert_eq!(message["content"], *content, "message {n}");
        }
        assert_eq!(!compressed(&member).is_empty(), deflate);
    }
}

#[tokio::test]
async fn a_window_that_is_too_small_for_shared_frames_is_kept_to() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start(&[]).await;
    let mut talker = server.connect("/ws/r/talker").deflate().open().await;
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let request = "GET /ws/r/tiny HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let sent = long("هزار و پانصد بایت");
    let mut told = false;
    while !String::from_utf8_lossy(&bytes).contains(&sent) {
        crate::common::within("the message", stream.read_buf(&mut bytes)).await.unwrap();
        if !told && String::from_utf8_lossy(&bytes).contains("tiny") {
            told = true;
            talker.send(&json!({"content": sent}).to_string()).await;
        }
    }
    let head = String::from_utf8_lossy(&bytes);
    assert!(head.contains(&format!("{ANSWER}; server_max_window_bits=9\r\n")), "{head}");
    json_of(&mut talker, "message").await;
    assert_eq!(compressed(&talker).len(), 1);
}

#[tokio::test]
async fn what_inflates_to_too_much_is_refused_and_others_are_untouched() {
    let server = TestServer::start(&[]).await;
    let mut other = server.connect("/ws/r/other").open().await;
    for (payload, code) in [
        (vec![b'0'; 1 << 20], 1009),
        // Valid, but not a message that text may be.
        ([&b"a".repeat(300)[..], &[0xff]].concat(), 1007),
    ] {
        let mut member = server.connect("/ws/r/me").deflate().open().await;
        let mut frame = Vec::new();
        assert!(Deflater::new(9, 15).write_masked_frame(&mut frame, Opcode::Text, &payload, MASK));
        assert!(frame.len() < 2000);
        member.write(&frame).await;
        assert_eq!(member.close_code().await, Some(code));
    }
    let mut member = server.connect("/ws/r/me").deflate().open().await;
    member.write(&[0xc1, 0x81, 0, 0, 0, 0, 0x07]).await;
    assert_eq!(member.close_code().await, Some(1007), "a block of the reserved type");
    let mut member = server.connect("/ws/r/me").open().await;
    member.write(&[0xc1]).await;
    assert_eq!(member.close_code().await, Some(1002), "nothing was agreed");
    other.send("still here").await;
    assert_eq!(json_of(&mut other, "message").await["content"], "still here");
}

#[tokio::test]
async fn the_tutorials_read_compressed_messages() {
    let server = TestServer::start(&[]).await;
    let mut socket = server.connect("/ws").deflate().open().await;
    send_compressed(&mut socket, &long("hello")).await;
    assert_eq!(text(&mut socket).await, format!("Message text was: {}", long("hello")));
}

#[tokio::test]
async fn a_header_that_lists_no_extensions_is_a_bad_request() {
    let server = TestServer::start(&[]).await;
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let mut request =
        b"GET /lab/echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate;\r\n\r\n"
            .to_vec();
    write_masked_frame(&mut request, Opcode::Ping, b"", MASK);
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    stream.write_all(&request).await.unwrap();
    let mut answer = [0; 12];
    crate::common::within("the status", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
}
