//! Promise 7: bad input is an answer, not a crash. Here: frames and messages on an open WebSocket. Whoever breaks a rule
//! is told which, with the documented code, and those who chat meanwhile do not notice.
use crate::common::{Bystanders, Connect, Frame, PATIENCE, Socket, TALKATIVE, TestServer};
use hamhame_core::codes::CloseCode;
use hamhame_ws::Opcode;

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// A client's frame with any first byte and any payload, its length in as few bytes as possible.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | len as u8),
        len => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&u16::try_from(len).expect("a short frame").to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// A header that announces `len` bytes of text in the 64-bit form, and nothing behind it.
fn announcement(len: u64) -> Vec<u8> {
    [&[0x81, 0xff][..], &len.to_be_bytes(), &MASK].concat()
}

fn close_with(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes()[..], reason].concat())
}

/// What breaks a rule of RFC 6455, and the close code for it.
fn violations() -> Vec<(String, Vec<u8>, u16)> {
    let mut all: Vec<(String, Vec<u8>, u16)> = vec![
        ("an unmasked frame".into(), vec![0x81, 0x02, b'h', b'i'], 1002),
        (
            "a 16-bit length for 2 bytes".into(),
            [&[0x81, 0xfe, 0, 2][..], &MASK, b"hi"].concat(),
            1002,
        ),
        ("a 64-bit length for 200 bytes".into(), announcement(200), 1002),
        ("a 64-bit length with its highest bit".into(), announcement(1 << 63), 1002),
        ("a ping in fragments".into(), frame(0x09, b""), 1002),
        ("a close in fragments".into(), frame(0x08, b""), 1002),
        ("a ping of 126 bytes".into(), frame(0x89, &[0; 126]), 1002),
        ("a pong of 126 bytes".into(), frame(0x8a, &[0; 126]), 1002),
        ("a close of 126 bytes".into(), close_with(1000, &[b'x'; 124]), 1002),
        ("a continuation of nothing".into(), frame(0x80, b"x"), 1002),
        (
            "a first fragment in the midst of another message".into(),
            [frame(0x01, b"{"), frame(0x01, b"}")].concat(),
            1002,
        ),
        (
            "a message in the midst of another message".into(),
            [frame(0x01, b"{"), frame(0x89, b""), frame(0x81, b"}")].concat(),
            1002,
        ),
        ("half a close code".into(), frame(0x88, b"\x03"), 1002),
        ("text that is not UTF-8".into(), frame(0x81, b"\"\xff\""), 1007),
        ("text that ends in half a character".into(), frame(0x81, b"\xd8"), 1007),
        ("text with a surrogate in UTF-8".into(), frame(0x81, b"\xed\xa0\x80"), 1007),
        (
            "text that goes wrong in its second fragment".into(),
            [frame(0x01, b"\xd8"), frame(0x80, b"\xd8")].concat(),
            1007,
        ),
        ("a fragment that is wrong before the message ends".into(), frame(0x01, b"\xc0\xaf"), 1007),
        ("a close reason that is not UTF-8".into(), close_with(1000, b"\xff"), 1007),
        ("a frame of 65,537 bytes, of which none comes".into(), announcement(65_537), 1009),
        ("a frame of 4 EiB, of which none comes".into(), announcement(1 << 62), 1009),
        (
            "two fragments of 40,000 bytes".into(),
            [frame(0x01, &[b' '; 40_000]), frame(0x80, &[b' '; 40_000])].concat(),
            1009,
        ),
        (
            "more than a thousand empty fragments".into(),
            [frame(0x01, b""), frame(0x00, b"").repeat(1024)].concat(),
            1009,
        ),
    ];
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        all.push((format!("opcode {opcode}"), frame(0x80 | opcode, b""), 1002));
    }
    for bit in [0x40, 0x20, 0x10] {
        all.push((format!("reserved bit {bit:#x}"), frame(0x81 | bit, b"hi"), 1002));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        all.push((format!("close code {code}"), close_with(code, b""), 1002));
    }
    all
}

/// The places where a WebSocket can stand when bad input comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Door {
    Seed,
    BeforeJoin,
    Joined,
    Tutorial,
    Echo,
}

const DOORS: [Door; 5] = [Door::Seed, Door::BeforeJoin, Door::Joined, Door::Tutorial, Door::Echo];

impl Door {
    async fn open(self, server: &TestServer) -> Socket {
        let v1 = |connect: Connect| connect.protocol("hamhame.v1").open();
        match self {
            Door::Seed => server.connect("/ws/bad/seed").open().await,
            Door::BeforeJoin => v1(server.connect("/ws/bad/lobby")).await,
            Door::Joined => {
                let mut socket = v1(server.connect("/ws/bad/anonymous")).await;
                socket.send(r#"{"type":"join"}"#).await;
                socket
            }
            Door::Tutorial => server.connect("/ws/7").open().await,
            Door::Echo => server.connect("/lab/echo").open().await,
        }
    }
}

/// The close code comes with its name, and nothing else, as the reason.
async fn expect_code(socket: &mut Socket, code: u16, case: &str) {
    let name = CloseCode::from_code(code).expect("a code of the table").name();
    assert_eq!(socket.closed().await, Some((code, name.to_owned())), "{case}");
}

/// The close code comes, and after it the end of the connection by the server, though the client keeps its side open.
async fn expect_close(mut socket: Socket, code: u16, case: &str) {
    expect_code(&mut socket, code, case).await;
    assert_eq!(socket.next().await, Frame::End { reset: false }, "{case}");
}

/// The close code comes, and after the client's own close the end of the connection.
async fn expect_goodbye(mut socket: Socket, code: u16, case: &str) {
    expect_code(&mut socket, code, case).await;
    socket.close(code).await;
    assert_eq!(socket.next().await, Frame::End { reset: false }, "{case}");
}

#[tokio::test]
async fn a_frame_that_breaks_a_rule_is_answered_with_its_close_code_and_the_end() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    for door in DOORS {
        for (case, bytes, code) in violations() {
            let case = format!("{door:?}: {case}");
            let mut socket = door.open(&server).await;
            socket.write(&bytes).await;
            expect_close(socket, code, &case).await;
        }
    }
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn a_frame_that_breaks_a_rule_does_so_in_single_bytes_too() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    for (case, bytes, code) in violations() {
        // The server may have seen enough before the last byte, and need not take the rest.
        if bytes.len() > 200 {
            continue;
        }
        let mut socket = Door::Seed.open(&server).await;
        for byte in bytes {
            if tokio::io::AsyncWriteExt::write_all(socket.stream(), &[byte]).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(socket.close_code().await, Some(code), "{case}");
    }
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn binary_is_unsupported_where_text_is_spoken_and_welcome_at_the_echo() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    for door in [Door::Seed, Door::BeforeJoin, Door::Joined, Door::Tutorial] {
        let mut socket = door.open(&server).await;
        socket.send_frame(Opcode::Binary, b"\x00\xff").await;
        expect_goodbye(socket, 1003, &format!("{door:?}")).await;
    }
    let mut socket = Door::Echo.open(&server).await;
    socket.send_frame(Opcode::Binary, b"\x00\xff").await;
    assert_eq!(socket.next().await, Frame::Binary(vec![0, 0xff]));
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn what_came_before_the_bad_frame_still_counts() {
    let server = TestServer::start(&TALKATIVE).await;
    let mut reader = server.member("room", "reader").await;
    let mut socket = server.connect("/ws/room/breaker").open().await;
    let good = frame(0x81, "پیش از خطا".as_bytes());
    socket.write(&[good, frame(0x83, b""), frame(0x81, b"after it")].concat()).await;
    expect_close(socket, 1002, "a reserved opcode between two messages").await;
    reader.until_said("پیش از خطا").await;
    let before = reader.mark("the end").await;
    assert!(before.iter().all(|event| event["content"] != "after it"), "{before:?}");
}

#[tokio::test]
async fn a_message_that_never_ends_holds_nobody_up_and_is_let_go_by_the_heartbeat() {
    let options = ["--heartbeat", "300ms", "--grace", "100ms"];
    let server = TestServer::start(&[&TALKATIVE[..], &options].concat()).await;
    let bystanders = Bystanders::start(&server).await;
    let mut socket = Door::Seed.open(&server).await;
    socket.write(&announcement(65_536)).await;
    socket.write(b"half a mess").await;
    // Nothing more comes from here, not even a pong.
    expect_goodbye(socket, 4001, "half a message").await;
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn who_does_not_join_in_time_is_closed_with_4005_however_much_it_says() {
    let server = TestServer::start(&[&TALKATIVE[..], &["--join-timeout", "300ms"]].concat()).await;
    let bystanders = Bystanders::start(&server).await;
    let silent = Door::BeforeJoin.open(&server).await;
    let mut talker = Door::BeforeJoin.open(&server).await;
    expect_goodbye(silent, 4005, "a silent one").await;
    let closed = tokio::time::timeout(PATIENCE, async {
        loop {
            talker.send_frame(Opcode::Pong, b"still here").await;
            tokio::select! {
                code = talker.close_code() => return code,
                () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
            }
        }
    });
    assert_eq!(closed.await.expect("it is closed"), Some(4005));
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn a_flood_before_the_join_is_ended_and_not_answered_line_by_line_for_ever() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    let mut socket = Door::BeforeJoin.open(&server).await;
    // Small frames and large answers: without a bound 64 KiB of them would cost the server a megabyte.
    let flood = frame(0x81, b"x").repeat(5_000);
    let _ = tokio::io::AsyncWriteExt::write_all(socket.stream(), &flood).await;
    assert_eq!(socket.close_code().await, Some(4003));
    bystanders.noticed_nothing().await;
}
