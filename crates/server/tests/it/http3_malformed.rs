//! HTTP/3: a request is malformed, or its frames come in another order than they may, and nobody answers it (RFC 9114, sections 4.1
//! to 4.4).
use crate::common::{Outcome, TestServer, h3_ask, h3_frame, h3_headers, raw_quic};

const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// H3_FRAME_UNEXPECTED, H3_MESSAGE_ERROR, QPACK_DECOMPRESSION_FAILED.
const UNEXPECTED: u64 = 0x105;
const MESSAGE: u64 = 0x10e;
const DECOMPRESSION: u64 = 0x200;

async fn start() -> TestServer {
    TestServer::start(&["--tls", "self-signed", "--http3"]).await
}

type Field<'a> = (&'a str, &'a str);

const GET: [Field; 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/healthz")];

/// A request that makes a session, with these fields behind its own.
fn post(more: &[Field]) -> Vec<u8> {
    let own = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "a"),
        (":path", "/api/rooms/room/sessions"),
        ("content-type", "application/json"),
    ];
    h3_headers(&[&own[..], more].concat())
}

const BODY: &[u8] = br#"{"client_id":""}"#;

#[tokio::test]
async fn a_head_that_is_malformed_ends_its_stream_and_nothing_else() {
    let server = start().await;
    let connection = raw_quic(&server).await;
    let fine: [&[Field]; 4] = [
        &GET,
        &[
            (":path", "/healthz"),
            (":scheme", "https"),
            (":method", "GET"),
            (":authority", "a"),
            ("te", "trailers"),
        ],
        &[(":method", "GET"), (":scheme", "https"), (":path", "/healthz"), ("host", "a")],
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":path", "/healthz"),
            (":authority", "a"),
            ("host", "a"),
        ],
    ];
    for fields in fine {
        assert_eq!(
            h3_ask(&connection, &h3_headers(fields)).await,
            Outcome::Status(200),
            "{fields:?}"
        );
    }
    let with = |field: Field<'static>| [&GET[..], &[field]].concat();
    let without = |name: &str| GET.into_iter().filter(|field| field.0 != name).collect::<Vec<_>>();
    let path = |path| [&GET[..3], &[(":path", path)]].concat();
    for fields in [
        with((":status", "200")),
        with((":path", "/")),
        with((":method", "GET")),
        with((":scheme", "https")),
        with((":authority", "a")),
        with((":unknown", "a")),
        with((":protocol", "websocket")),
        with(("connection", "close")),
        with(("keep-alive", "timeout=5")),
        with(("proxy-connection", "close")),
        with(("transfer-encoding", "chunked")),
        with(("upgrade", "websocket")),
        with(("te", "gzip")),
        with(("X-Upper", "a")),
        with(("a b", "a")),
        with(("", "a")),
        with(("x", "a\r\nb")),
        with(("x", "a\0b")),
        with(("content-length", "a")),
        with(("content-length", "-1")),
        with(("host", "b")),
        without(":method"),
        without(":scheme"),
        without(":path"),
        without(":authority"),
        path(""),
        path("*"),
        path("healthz"),
        [&GET[..3], &[("x", "a"), GET[3]]].concat(),
        [&GET[..], &[("content-length", "0"), ("content-length", "0")]].concat(),
        vec![(":method", "CONNECT"), (":scheme", "https"), (":authority", "a"), (":path", "/")],
        vec![
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":authority", "a"),
            (":path", "/lab/echo"),
        ],
    ] {
        let outcome = h3_ask(&connection, &h3_headers(&fields)).await;
        assert_eq!(outcome, Outcome::Reset(MESSAGE), "{fields:?}");
    }
    assert_eq!(h3_ask(&connection, &h3_headers(&GET)).await, Outcome::Status(200));
}

#[tokio::test]
async fn a_body_has_the_length_that_its_head_says() {
    let server = start().await;
    let connection = raw_quic(&server).await;
    let data = h3_frame(DATA, BODY);
    let in_two =
        [h3_frame(DATA, &BODY[..5]), h3_frame(DATA, &[]), h3_frame(DATA, &BODY[5..])].concat();
    for (length, body, outcome) in [
        (None, &data, Outcome::Status(201)),
        (Some("16"), &data, Outcome::Status(201)),
        (Some("16"), &in_two, Outcome::Status(201)),
        (Some("15"), &data, Outcome::Reset(MESSAGE)),
        (Some("17"), &data, Outcome::Reset(MESSAGE)),
        (Some("0"), &data, Outcome::Reset(MESSAGE)),
        (Some("15"), &in_two, Outcome::Reset(MESSAGE)),
        (Some("17"), &in_two, Outcome::Reset(MESSAGE)),
        (Some("16"), &vec![], Outcome::Reset(MESSAGE)),
        (Some("16, 16"), &data, Outcome::Reset(MESSAGE)),
    ] {
        let fields: Vec<Field> =
            length.map(|length| ("content-length", length)).into_iter().collect();
        let asked = [&post(&fields)[..], body].concat();
        assert_eq!(h3_ask(&connection, &asked).await, outcome, "{length:?} {body:?}");
    }
}

#[tokio::test]
async fn trailers_are_the_end_and_have_no_pseudo_fields() {
    let server = start().await;
    let data = h3_frame(DATA, BODY);
    let trailers = h3_headers(&[("x-checksum", "1")]);
    let unknown = h3_frame(0x21, b"anything");
    for (behind, outcome) in [
        (trailers.clone(), Outcome::Status(201)),
        ([&unknown[..], &trailers, &unknown].concat(), Outcome::Status(201)),
        (h3_headers(&[(":path", "/")]), Outcome::Reset(MESSAGE)),
        (h3_headers(&[(":status", "200")]), Outcome::Reset(MESSAGE)),
        (h3_headers(&[("X", "a")]), Outcome::Reset(MESSAGE)),
        (h3_headers(&[("connection", "close")]), Outcome::Reset(MESSAGE)),
        ([&trailers[..], &data].concat(), Outcome::Closed(UNEXPECTED)),
        ([&trailers[..], &h3_frame(DATA, &[])].concat(), Outcome::Closed(UNEXPECTED)),
        ([&trailers[..], &trailers].concat(), Outcome::Closed(UNEXPECTED)),
        (h3_frame(HEADERS, &[2, 0, 0x80]), Outcome::Closed(DECOMPRESSION)),
        (h3_frame(HEADERS, &[]), Outcome::Closed(DECOMPRESSION)),
    ] {
        let connection = raw_quic(&server).await;
        let asked = [&post(&[])[..], &data, &behind].concat();
        assert_eq!(h3_ask(&connection, &asked).await, outcome, "{behind:?}");
    }
}

#[tokio::test]
async fn frames_of_other_streams_have_no_place_on_that_of_a_request() {
    let server = start().await;
    // CANCEL_PUSH, SETTINGS, PUSH_PROMISE, GOAWAY, MAX_PUSH_ID; and those of HTTP/2: PRIORITY, PING, WINDOW_UPDATE, CONTINUATION.
    for kind in [3, 4, 5, 7, 0xd, 2, 6, 8, 9] {
        let frame = h3_frame(kind, &[0]);
        for asked in [frame.clone(), [&post(&[])[..], &frame].concat()] {
            let connection = raw_quic(&server).await;
            assert_eq!(h3_ask(&connection, &asked).await, Outcome::Closed(UNEXPECTED), "{asked:?}");
        }
    }
    let connection = raw_quic(&server).await;
    assert_eq!(h3_ask(&connection, &h3_frame(DATA, b"a")).await, Outcome::Closed(UNEXPECTED));
    let connection = raw_quic(&server).await;
    // A reference to a dynamic table that has no entries.
    let asked = h3_frame(HEADERS, &[2, 0, 0x80]);
    assert_eq!(h3_ask(&connection, &asked).await, Outcome::Closed(DECOMPRESSION));
    let connection = raw_quic(&server).await;
    let asked = [&h3_frame(0x21, b"anything")[..], &h3_headers(&GET)].concat();
    assert_eq!(h3_ask(&connection, &asked).await, Outcome::Status(200));
}
