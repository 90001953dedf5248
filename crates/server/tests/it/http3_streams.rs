//! HTTP/3: the streams beside those of requests, and what may come on them (RFC 9114, sections 6.2 and 7.2; RFC 9204, section 4).
use crate::common::{Outcome, TestServer, h3_ask, h3_headers, quic_end, raw_quic, within};
use quinn::Connection;

const NO_PLACE: u64 = 0x105;
const FRAME: u64 = 0x106;
const EXCESS: u64 = 0x107;
const ID: u64 = 0x108;
const SETTINGS: u64 = 0x109;
const MISSING_SETTINGS: u64 = 0x10a;
const CREATION: u64 = 0x103;
const CLOSED_CRITICAL: u64 = 0x104;
const ENCODER: u64 = 0x201;
const DECODER: u64 = 0x202;

async fn start() -> TestServer {
    TestServer::start(&["--tls", "self-signed", "--http3"]).await
}

/// Opens a stream in one direction and sends `bytes` on it.
async fn open(connection: &Connection, bytes: &[u8]) -> quinn::SendStream {
    let mut stream = within("a stream", connection.open_uni()).await.expect("the connection lasts");
    // It may be refused before they are all there.
    let _ = stream.write_all(bytes).await;
    stream
}

/// Whether the server still answers on the connection.
async fn lasts(connection: &Connection) -> bool {
    let get =
        [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/healthz")];
    h3_ask(connection, &h3_headers(&get)).await == Outcome::Status(200)
}

#[tokio::test]
async fn what_is_wrong_on_a_stream_beside_those_of_requests_ends_the_connection() {
    let server = start().await;
    for (case, streams, code) in [
        ("no settings first", &[&[0, 7, 1, 0][..]][..], MISSING_SETTINGS),
        ("an unknown frame first", &[&[0, 0x21, 0]], MISSING_SETTINGS),
        ("settings twice", &[&[0, 4, 0, 4, 0]], NO_PLACE),
        ("a setting twice", &[&[0, 4, 4, 6, 1, 6, 2]], SETTINGS),
        ("a setting of HTTP/2", &[&[0, 4, 2, 2, 1]], SETTINGS),
        ("DATA", &[&[0, 4, 0, 0, 1, 7]], NO_PLACE),
        ("HEADERS", &[&[0, 4, 0, 1, 2, 0, 0]], NO_PLACE),
        ("PUSH_PROMISE", &[&[0, 4, 0, 5, 3, 0, 0, 0]], NO_PLACE),
        ("a frame of HTTP/2", &[&[0, 4, 0, 6, 8, 0, 0, 0, 0, 0, 0, 0, 0]], NO_PLACE),
        ("CANCEL_PUSH", &[&[0, 4, 0, 3, 1, 0]], ID),
        ("MAX_PUSH_ID that shrinks", &[&[0, 4, 0, 0xd, 1, 5, 0xd, 1, 4]], ID),
        ("GOAWAY that grows", &[&[0, 4, 0, 7, 1, 0, 7, 1, 4]], ID),
        ("GOAWAY without a number", &[&[0, 4, 0, 7, 0]], FRAME),
        ("MAX_PUSH_ID with two numbers", &[&[0, 4, 0, 0xd, 2, 1, 1]], FRAME),
        ("two control streams", &[&[0, 4, 0], &[0, 4, 0]], CREATION),
        ("two encoder streams", &[&[2], &[2]], CREATION),
        ("two decoder streams", &[&[3], &[3]], CREATION),
        ("a push stream", &[&[1, 0]], CREATION),
        ("a capacity above what we allow", &[&[2, 0x21]], ENCODER),
        ("a large capacity", &[&[2, 0x3f, 0xe1, 0x1f]], ENCODER),
        ("an insert with a name of the static table", &[&[2, 0xc1, 1, b'a']], ENCODER),
        ("an insert with a name of its own", &[&[2, 0x41, b'a', 1, b'b']], ENCODER),
        ("a duplicate", &[&[2, 0x00]], ENCODER),
        ("an increment of 0", &[&[3, 0x00]], DECODER),
        ("an increment of more than was inserted", &[&[3, 0x01]], DECODER),
        ("an acknowledgement of an unknown stream", &[&[3, 0x84]], DECODER),
        (
            "a cancellation whose number is too long",
            &[&[3, 0x7f, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
            DECODER,
        ),
    ] {
        let connection = raw_quic(&server).await;
        let mut opened = Vec::new();
        for bytes in streams {
            opened.push(open(&connection, bytes).await);
        }
        assert_eq!(quic_end(&connection).await, code, "{case}");
    }
}

#[tokio::test]
async fn the_streams_that_a_connection_needs_do_not_end_before_it() {
    let server = start().await;
    for bytes in [&[0, 4, 0][..], &[2, 0x20], &[3, 0x40]] {
        for finish in [true, false] {
            let connection = raw_quic(&server).await;
            let mut stream = open(&connection, bytes).await;
            if finish {
                stream.finish().expect("it is open");
            } else {
                assert!(lasts(&connection).await, "its type is there");
                stream.reset(0x100_u32.into()).expect("it is open");
            }
            assert_eq!(quic_end(&connection).await, CLOSED_CRITICAL, "{bytes:?} {finish}");
        }
    }
}

#[tokio::test]
async fn what_is_unknown_or_allowed_is_passed_over() {
    let server = start().await;
    let connection = raw_quic(&server).await;
    // Settings, one of them unknown; pushes up to 5 and again; an unknown frame.
    let control = [0, 4, 5, 6, 0x7f, 0xff, 0x21, 1, 0xd, 1, 5, 0xd, 1, 5, 0x21, 2, 7, 7];
    let _control = open(&connection, &control).await;
    let _encoder = open(&connection, &[2, 0x20]).await;
    let _decoder = open(&connection, &[3, 0x40, 0x7f, 0x05]).await;
    assert!(lasts(&connection).await);
    let unknown = open(&connection, &[0x21, 1, 2, 3]).await;
    let stopped = within("the stream to be refused", unknown.stopped()).await;
    assert_eq!(stopped.expect("the connection lasts"), Some((CREATION as u32).into()));
    for before_its_type in [true, false] {
        let mut stream = open(&connection, if before_its_type { &[] } else { &[0x40] }).await;
        stream.finish().expect("it is open");
    }
    assert!(lasts(&connection).await);
}

/// Sends `bytes` on a stream again and again until the connection ends, and gives the code.
async fn flood(connection: &Connection, before: &[u8], bytes: &[u8]) -> u64 {
    let mut stream = open(connection, before).await;
    let bytes = bytes.repeat((4096 / bytes.len()).max(1));
    let pouring = async { while stream.write_all(&bytes).await.is_ok() {} };
    within("the flood to be stopped", pouring).await;
    quic_end(connection).await
}

#[tokio::test]
async fn what_means_nothing_is_bounded_and_then_the_connection_ends() {
    let server = start().await;
    let bystander = server.h3().await;
    for (case, before, bytes) in [
        ("MAX_PUSH_ID", &[0, 4, 0][..], &[0xd, 1, 0][..]),
        ("GOAWAY", &[0, 4, 0], &[7, 1, 0]),
        ("unknown frames", &[0, 4, 0], &[0x21, 1, 7]),
        ("instructions of the encoder", &[2], &[0x20]),
        ("instructions of the decoder", &[3], &[0x40]),
    ] {
        let connection = raw_quic(&server).await;
        assert_eq!(flood(&connection, before, bytes).await, EXCESS, "{case}");
    }
    // On a request's stream, behind its head.
    let post = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "a"),
        (":path", "/api/rooms/room/sessions"),
        ("content-type", "application/json"),
    ];
    let connection = raw_quic(&server).await;
    let (mut stream, _answer) = connection.open_bi().await.expect("a stream");
    let _ = stream.write_all(&h3_headers(&post)).await;
    let pouring = async { while stream.write_all(&[0x21, 0].repeat(2048)).await.is_ok() {} };
    within("the flood to be stopped", pouring).await;
    assert_eq!(quic_end(&connection).await, EXCESS);
    // Streams of a type that nobody knows.
    let connection = raw_quic(&server).await;
    let opening = async {
        while let Ok(mut stream) = connection.open_uni().await {
            let _ = stream.write_all(&[0x21]).await;
            let _ = stream.finish();
        }
    };
    within("the flood to be stopped", opening).await;
    assert_eq!(quic_end(&connection).await, EXCESS);
    assert_eq!(bystander.get("/healthz").await.0, 200);
}
