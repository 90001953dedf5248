//! The opening handshake over HTTP/1.1 (RFC 6455 sections 1.3 and 4): both sides, on header values only,
//! so that any HTTP parser can stand before it. Of the one over HTTP/2 and HTTP/3 (RFC 8441, RFC 9220), the server's side.
//!
//! The server's side is [`check`], or [`check_stream`]; the client's is [`Offer`], which also parses the response. What both agree to
//! about compression is a [`Deflate`].

mod client;
mod extension;
mod server;

pub use client::{Accepted, BadResponse, MAX_RESPONSE_HEAD, Offer, UnfitOffer};
pub use extension::Deflate;
pub use server::{HandshakeError, Request, check, check_stream, response_head};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The value of `Sec-WebSocket-Accept` that answers `key`, the value of `Sec-WebSocket-Key` (section 1.3):
/// base64(SHA-1(key followed by a fixed identifier)).
///
/// ```
/// let accept = hamhame_ws::handshake::accept_key("dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String {
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(key.as_bytes());
    sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(sha1.digest().bytes())
}

/// Whether the comma-separated list `value` has `token` in it, in any case.
fn has_token(value: &[u8], token: &str) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|element| element.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Whether `value` is a token of HTTP (RFC 9110 section 5.6.2), which the name of a subprotocol must be.
fn is_token(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(is_token_byte)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
