//! HTTP/2 with peers that send frames for nothing: each costs work, and no window holds them back (RFC 9113, section 10.5).
use crate::common::{H2, TestServer, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// END_STREAM and END_HEADERS; ACK is the first as well.
const END: u8 = 1;
const END_HEADERS: u8 = 4;

const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The fields of a request, in the literals of HPACK.
fn fields(method: &str, path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in
        [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path)]
    {
        for text in [name, value] {
            if text == name {
                block.push(0);
            }
            block.push(text.len() as u8);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// A frame that came.
struct Came {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// A connection, its preface sent.
async fn connect(server: &TestServer) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = TcpStream::connect(server.address()).await.expect("the server listens");
    let (reading, mut writing) = stream.into_split();
    let preface =
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    writing.write_all(&preface).await.expect("it is taken");
    (reading, writing)
}

/// The next frame; none if the connection has ended.
async fn next(reading: &mut OwnedReadHalf) -> Option<Came> {
    let mut head = [0; 9];
    within("a frame or the end", reading.read_exact(&mut head)).await.ok()?;
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    within("a payload", reading.read_exact(&mut payload)).await.ok()?;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some(Came { kind: head[3], flags: head[4], stream, payload })
}

/// The code of the last GOAWAY, once the connection has ended.
async fn code_of_goodbye(reading: &mut OwnedReadHalf) -> Option<u32> {
    let mut code = None;
    while let Some(came) = next(reading).await {
        if came.kind == GOAWAY {
            code = Some(u32::from_be_bytes(came.payload[4..8].try_into().expect("a code")));
        }
    }
    code
}

/// The most that is sent in a flood that nobody stops.
const ENOUGH: usize = 64 << 20;

/// Sends `before`, and then `frames` again and again until the connection ends.
async fn flood(server: &TestServer, before: Vec<u8>, frames: Vec<u8>) -> Option<u32> {
    let (mut reading, mut writing) = connect(server).await;
    let pouring = tokio::spawn(async move {
        let _ = writing.write_all(&before).await;
        let frames = frames.repeat((16 * 1024 / frames.len()).max(1));
        let mut sent = 0;
        while sent < ENOUGH && writing.write_all(&frames).await.is_ok() {
            sent += frames.len();
        }
        sent
    });
    let code = code_of_goodbye(&mut reading).await;
    let sent = within("the flood to end", pouring).await.expect("no panic");
    assert!(sent < ENOUGH, "{sent} bytes were taken");
    code
}

#[tokio::test]
async fn frames_for_nothing_are_bounded_and_then_the_connection_ends() {
    let server = TestServer::start(&[]).await;
    let bystander = H2::connect(server.address()).await;
    let open = || frame(HEADERS, END_HEADERS, 1, &fields("POST", "/api/rooms/room/sessions"));
    let closed = || frame(HEADERS, END | END_HEADERS, 1, &fields("GET", "/healthz"));
    let window = |stream| frame(WINDOW_UPDATE, 0, stream, &[0, 0, 0, 1]);
    let opaque = [7; 8];
    for (case, before, frames) in [
        ("PING", vec![], frame(PING, 0, 0, &opaque)),
        ("PING that answers", vec![], frame(PING, END, 0, &opaque)),
        ("SETTINGS", vec![], frame(SETTINGS, 0, 0, &[])),
        ("SETTINGS of windows", vec![], frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 9])),
        ("PRIORITY", vec![], frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 9])),
        ("PRIORITY_UPDATE", vec![], frame(0x10, 0, 0, b"\0\0\0\x01u=1")),
        ("WINDOW_UPDATE", vec![], [window(0), frame(PING, 0, 0, &opaque)].concat()),
        ("WINDOW_UPDATE of a stream", open(), window(1)),
        ("unknown, empty", vec![], frame(0xbe, 0, 0, &[])),
        ("unknown, long", vec![], frame(0xbe, 0, 0, &[0; 16_000])),
        ("ALTSVC", vec![], frame(0xa, 0, 0, b"\0\x01a")),
        ("DATA without data", open(), frame(DATA, 0, 1, &[])),
        ("DATA of padding", open(), frame(DATA, 8, 1, &[0])),
        ("RST_STREAM of a stream that is over", closed(), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])),
        ("CONTINUATION", frame(HEADERS, 0, 1, &fields("GET", "/")), frame(CONTINUATION, 0, 1, &[])),
        ("GOAWAY", vec![], frame(GOAWAY, 0, 0, &[0; 8])),
    ] {
        let code = flood(&server, before, frames).await;
        // The library counts some by itself, or finds another fault.
        let by_us = !["DATA", "CONT", "GOAW", "RST_"].contains(&&case[..4]);
        assert!(code == Some(ENHANCE_YOUR_CALM) || (!by_us && code.is_some()), "{case}: {code:?}");
        assert_eq!(bystander.get("/healthz").await.0, 200, "{case}");
    }
}

#[tokio::test]
async fn a_browser_that_asks_for_much_at_once_is_no_flood() {
    let server = TestServer::start(&[]).await;
    let (mut reading, mut writing) = connect(&server).await;
    let mut bytes = Vec::new();
    for stream in (1..200).step_by(2) {
        let id = u32::to_be_bytes(stream);
        bytes.extend(frame(HEADERS, END | END_HEADERS, stream, &fields("GET", "/healthz")));
        bytes.extend(frame(0x10, 0, 0, &[&id[..], b"u=1"].concat()));
        bytes.extend(frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 9]));
        bytes.extend(frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1, 0]));
        bytes.extend(frame(PING, 0, 0, &[1; 8]));
    }
    writing.write_all(&bytes).await.expect("it is taken");
    let mut answered = 0;
    while answered < 100 {
        let came = next(&mut reading).await.expect("the connection lasts");
        assert_ne!(came.kind, GOAWAY, "{:?}", came.payload);
        answered += u32::from(came.kind != SETTINGS && came.stream > 0 && came.flags & END > 0);
    }
}

#[tokio::test]
async fn who_is_sent_much_may_open_windows_and_ping_as_it_comes() {
    let server = TestServer::start(&[]).await;
    let (mut reading, mut writing) = connect(&server).await;
    let mut frames = 0;
    for stream in (1..1200).step_by(2) {
        let ask = frame(HEADERS, END | END_HEADERS, stream, &fields("GET", "/sdk/room.js"));
        writing.write_all(&ask).await.expect("the connection lasts");
        loop {
            let came = next(&mut reading).await.expect("the connection lasts");
            assert_ne!(came.kind, GOAWAY, "after {frames}: {:?}", came.payload);
            if came.kind != DATA {
                continue;
            }
            let length = came.payload.len() as u32;
            if length > 0 {
                let window = length.to_be_bytes();
                let mut reply = frame(WINDOW_UPDATE, 0, 0, &window);
                reply.extend(frame(PING, 0, 0, &[2; 8]));
                reply.extend(frame(WINDOW_UPDATE, 0, stream, &window));
                writing.write_all(&reply).await.expect("the connection lasts");
                frames += 3;
            }
            if came.flags & END > 0 {
                break;
            }
        }
    }
    assert!(frames > 1500, "{frames} are more than may come at once");
}
