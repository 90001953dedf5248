//! The examples of RFC 6455, byte for byte.

use crate::checks::transcript::{Event, Transcript, receive};
use hamhame_ws::handshake::{Offer, accept_key, check, response_head};
use hamhame_ws::{Limits, Opcode, Role, frame_header, header_len, write_frame, write_masked_frame};

const MASKED_HELLO: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn read(role: Role, stream: &[u8]) -> Transcript {
    receive(role, Limits::default(), stream, || usize::MAX)
}

fn one(event: Event) -> Transcript {
    Transcript { events: vec![event], violation: None, mid_message: false }
}

#[test]
fn section_5_7_a_single_frame_unmasked_text_message() {
    let frame = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(read(Role::Client, &frame), one(Event::Text("Hello".into())));
    let mut written = Vec::new();
    write_frame(&mut written, Opcode::Text, b"Hello");
    assert_eq!(written, frame);
}

#[test]
fn section_5_7_a_single_frame_masked_text_message() {
    assert_eq!(read(Role::Server, &MASKED_HELLO), one(Event::Text("Hello".into())));
    let mut written = Vec::new();
    write_masked_frame(&mut written, Opcode::Text, b"Hello", KEY);
    assert_eq!(written, MASKED_HELLO);
}

#[test]
fn section_5_7_a_fragmented_unmasked_text_message() {
    let first = [0x01, 0x03, 0x48, 0x65, 0x6c];
    let last = [0x80, 0x02, 0x6c, 0x6f];
    assert_eq!(read(Role::Client, &[&first[..], &last].concat()), one(Event::Text("Hello".into())));
    assert_eq!(&frame_header(Opcode::Text, 3, false)[..], &first[..2]);
    assert_eq!(&frame_header(Opcode::Continuation, 2, true)[..], &last[..2]);
}

#[test]
fn section_5_7_an_unmasked_ping_and_its_masked_pong() {
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(read(Role::Client, &ping), one(Event::Ping(b"Hello".into())));
    assert_eq!(read(Role::Server, &pong), one(Event::Pong(b"Hello".into())));
    let mut written = Vec::new();
    write_masked_frame(&mut written, Opcode::Pong, b"Hello", KEY);
    assert_eq!(written, pong);
}

#[test]
fn section_5_7_256_bytes_and_64_kib_of_binary() {
    for (len, header) in
        [(256, &[0x82, 0x7e, 0x01, 0x00][..]), (65536, &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0][..])]
    {
        let payload = vec![0xa5; len];
        let frame = [header, &payload].concat();
        let mut written = Vec::new();
        write_frame(&mut written, Opcode::Binary, &payload);
        assert_eq!(written, frame);
        assert_eq!(header_len(len), header.len());
        assert_eq!(read(Role::Client, &frame), one(Event::Binary(payload)));
    }
}

#[test]
fn sections_1_2_and_1_3_the_opening_handshake() {
    let offer = Offer {
        host: "server.example.com",
        target: "/chat",
        origin: Some("http://example.com"),
        protocols: &["chat", "superchat"],
        deflate: false,
        nonce: *b"the sample nonce",
    };
    let head = offer.request_head().unwrap();
    for line in [
        "GET /chat HTTP/1.1\r\n",
        "\r\nHost: server.example.com\r\n",
        "\r\nUpgrade: websocket\r\n",
        "\r\nConnection: Upgrade\r\n",
        "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "\r\nOrigin: http://example.com\r\n",
        "\r\nSec-WebSocket-Protocol: chat, superchat\r\n",
        "\r\nSec-WebSocket-Version: 13\r\n",
    ] {
        assert!(head.contains(line), "{line:?} is missing in {head:?}");
    }

    let request = check(
        "GET",
        (1, 1),
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name, value.as_bytes())),
    )
    .unwrap();
    assert_eq!(request.protocols, ["chat", "superchat"]);
    assert_eq!(request.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

    let response = response_head(&request, request.choose(&["chat"]), None);
    assert_eq!(
        response,
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: chat\r\n\r\n"
    );
    let accepted = offer.read(response.as_bytes()).unwrap().unwrap();
    assert_eq!(accepted.protocol, Some("chat"));
    assert_eq!(accepted.head_len, response.len());
}

#[test]
fn section_1_3_the_accept_key() {
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
