//! HTTP/3 by hand: frames and fields as a test wants them, on streams of QUIC.

use h3::qpack::decode_stateless;
use quinn::{Connection, ConnectionError, Endpoint, ReadError, ReadToEndError};

use super::{STREAM_WINDOW, TestServer, Trust, quic_config, within};

/// How the server answered bytes on a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a response of this status.
    Status(u16),
    /// It reset the stream with this code.
    Reset(u64),
    /// It ended the connection with this code.
    Closed(u64),
    /// The stream ended without a response.
    Nothing,
}

/// A QUIC connection without anything of HTTP/3 on it.
pub async fn raw_quic(server: &TestServer) -> Connection {
    let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("there is a free port");
    let config = quic_config(&Trust::default(), STREAM_WINDOW);
    let connecting = endpoint.connect_with(config, server.address(), "localhost");
    within("QUIC", connecting.expect("it is in order")).await.expect("the server speaks QUIC")
}

/// An integer of variable length, of two bytes (RFC 9000, section 16).
fn number(value: usize) -> [u8; 2] {
    assert!(value < 1 << 14);
    (0x4000 | value as u16).to_be_bytes()
}

/// A frame.
pub fn h3_frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind], &number(payload.len())[..], payload].concat()
}

/// HEADERS with these fields, written out (RFC 9204, section 4.5.6).
pub fn h3_headers(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0, 0];
    let mut write = |first: u8, most: u8, text: &str| {
        match (text.len() as u8).checked_sub(most) {
            None => block.push(first | text.len() as u8),
            Some(more) => {
                assert!(more < 128, "short enough");
                block.extend([first | most, more]);
            }
        }
        block.extend_from_slice(text.as_bytes());
    };
    for (name, value) in fields {
        write(0x20, 7, name);
        write(0, 127, value);
    }
    h3_frame(1, &block)
}

/// Sends `bytes` on a stream of requests, ends it, and waits for what becomes of it.
pub async fn h3_ask(connection: &Connection, bytes: &[u8]) -> Outcome {
    let lost = |error| match error {
        ConnectionError::ApplicationClosed(close) => Outcome::Closed(close.error_code.into_inner()),
        other => panic!("{other}"),
    };
    let (mut sending, mut receiving) = match connection.open_bi().await {
        Ok(stream) => stream,
        Err(error) => return lost(error),
    };
    // It may be refused before it is whole.
    let _ = sending.write_all(bytes).await;
    let _ = sending.finish();
    let answer = match within("an answer", receiving.read_to_end(1 << 20)).await {
        Ok(answer) => answer,
        Err(ReadToEndError::Read(ReadError::Reset(code))) => {
            return Outcome::Reset(code.into_inner());
        }
        Err(ReadToEndError::Read(ReadError::ConnectionLost(error))) => return lost(error),
        Err(error) => panic!("{error}"),
    };
    let [1, length, rest @ ..] = &answer[..] else { return Outcome::Nothing };
    // Its length takes as many bytes as it needs.
    let (length, rest) = match length >> 6 {
        0 => (usize::from(*length), rest),
        1 => (usize::from(length & 0x3f) << 8 | usize::from(rest[0]), &rest[1..]),
        _ => panic!("a long head"),
    };
    let decoded = decode_stateless(&mut &rest[..length], 1 << 20).expect("fields");
    let status =
        decoded.fields.iter().find(|field| *field.name == b":status"[..]).expect("a status");
    let status = std::str::from_utf8(&status.value).expect("ASCII");
    Outcome::Status(status.parse().expect("a number"))
}

/// The code with which the server ends a connection.
pub async fn quic_end(connection: &Connection) -> u64 {
    match within("the end of the connection", connection.closed()).await {
        ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
        other => panic!("{other}"),
    }
}
