//! Promise 7 under floods: whoever goes on and on is closed with 4003, and nobody else waits for it.
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{Bystanders, Frame, HANDSHAKE, TALKATIVE, TestServer};
use hamhame_ws::{Opcode, write_masked_frame};

/// Many client frames in one piece.
fn flood(opcode: Opcode, payload: &[u8], times: usize) -> Vec<u8> {
    let mut one = Vec::new();
    write_masked_frame(&mut one, opcode, payload, [9, 8, 7, 6]);
    one.repeat(times)
}

#[tokio::test]
async fn who_goes_on_after_a_hundred_refusals_is_closed_with_4003() {
    let server = TestServer::start(&["--message-burst", "1", "--message-rate", "0.01"]).await;
    for v1 in [true, false] {
        let connect = server.connect("/ws/room/anonymous");
        let mut socket =
            if v1 { connect.protocol("hamhame.v1").open().await } else { connect.open().await };
        if v1 {
            socket.send(r#"{"type":"join"}"#).await;
        }
        let message = br#"{"type":"send","id":"a","content":"again"}"#;
        let message = if v1 { &message[..] } else { b"again" };
        let _ = tokio::io::AsyncWriteExt::write_all(
            socket.stream(),
            &flood(Opcode::Text, message, 1000),
        )
        .await;
        assert_eq!(socket.close_code().await, Some(4003), "hamhame.v1: {v1}");
        assert!(matches!(socket.next().await, Frame::End { .. }));
    }
}

#[tokio::test]
async fn pings_pongs_and_hints_in_floods_end_the_connection_and_at_a_human_pace_do_not() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    let hint = br#"{"type":"typing","typing":true}"#;
    let beat = br#"{"type":"heartbeat"}"#;
    for (opcode, payload) in [
        (Opcode::Ping, &b"?"[..]),
        (Opcode::Pong, b"unasked"),
        (Opcode::Text, hint),
        (Opcode::Text, beat),
    ] {
        let mut socket = server.connect("/ws/room/anonymous").protocol("hamhame.v1").open().await;
        socket.send(r#"{"type":"join"}"#).await;
        socket.write(&flood(opcode, payload, 50)).await;
        socket.send(r#"{"type":"send","id":"a","content":"a"}"#).await;
        loop {
            match socket.next().await {
                Frame::Text(text) if text.contains(r#""ack""#) => break,
                Frame::Close(close) => panic!("fifty are no flood: {close:?}"),
                _ => {}
            }
        }
        let _ =
            tokio::io::AsyncWriteExt::write_all(socket.stream(), &flood(opcode, payload, 20_000))
                .await;
        assert_eq!(socket.close_code().await, Some(4003), "{opcode:?}");
    }
    bystanders.noticed_nothing().await;
}

/// Tells the floods to stop, also when the test fails.
struct Floods(Arc<AtomicBool>);

impl Drop for Floods {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Floods {
    /// Sends `frames` again and again on a WebSocket at `path`, with a new connection whenever one is ended.
    fn add(&self, address: SocketAddr, path: &'static str, frames: Vec<u8>) {
        let enough = self.0.clone();
        tokio::task::spawn_blocking(move || {
            while !enough.load(Ordering::SeqCst) {
                // The end of one connection, or a moment without room for another, is the beginning of the next.
                let _ = std::net::TcpStream::connect(address).and_then(|mut stream| {
                    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{HANDSHAKE}\r\n")?;
                    while !enough.load(Ordering::SeqCst) {
                        stream.write_all(&frames)?;
                    }
                    Ok(())
                });
            }
        });
    }
}

#[tokio::test]
async fn those_who_send_without_end_do_not_keep_the_thread_from_the_others() {
    let server = TestServer::start(&[&TALKATIVE[..], &["--threads", "1"]].concat()).await;
    for (path, opcode, payload) in [
        ("/ws/flood/pong", Opcode::Pong, &b"unasked"[..]),
        ("/ws/flood/ping", Opcode::Ping, b""),
        ("/ws/flood/empty", Opcode::Text, b"{}"),
        ("/ws?mode=heartbeat", Opcode::Pong, b""),
        ("/lab/echo", Opcode::Pong, b""),
    ] {
        let floods = Floods(Arc::default());
        floods.add(server.address(), path, flood(opcode, payload, 20_000));
        // The flood goes on until all of this is answered, and its first megabytes until it is in full flow.
        let received = "hamhame_websocket_received_bytes_total";
        let enough = server.metric(received).await + 2e7;
        while server.metric(received).await < enough {}
        let mut member = server.member(path, "calm").await;
        for n in 0..20 {
            member.said(&format!("m{n}"), "calm").await;
        }
    }
}
