//! The head of a request, seen before the library judges it.
//!
//! To the library a `:protocol` that it does not know makes a malformed request, whose stream it resets. It is a request for
//! something that we do not have, and to be answered with 501 (RFC 9220, section 3).

use std::future::poll_fn;

use axum::http::{Method, Request};
use bytes::{Bytes, BytesMut};
use h3::error::StreamError;
use h3::ext::Protocol;
use h3::proto::frame::{Frame, PayloadLen};
use h3::qpack::{HeaderField, decode_stateless, encode_stateless};
use h3::server::{RequestResolver, RequestStream};

use super::quic::{Both, Connection};

/// What stands for a protocol that the library does not know: one that it does, and we do not.
const STRANGER: Protocol = Protocol::CONNECT_IP;

/// Waits for the head, which may have `longest` bytes, and gives the request.
///
/// # Errors
/// If the stream ends before it, or it is no request; the peer is told.
pub async fn read(
    mut resolver: RequestResolver<Connection, Bytes>,
    longest: u64,
) -> Result<(Request<()>, RequestStream<Both, Bytes>), StreamError> {
    let first = poll_fn(|context| resolver.frame_stream.poll_next(context)).await;
    let first = first.map(|frame| match frame {
        Some(Frame::Headers(block)) => Some(Frame::<PayloadLen>::Headers(known(block, longest))),
        other => other,
    });
    resolver.accept_with_frame(first)?.resolve().await
}

/// The fields of a request, with [`STRANGER`] where a protocol is named that the library does not know. What is no list of
/// fields is for the library to refuse.
fn known(block: Bytes, longest: u64) -> Bytes {
    let Ok(mut decoded) = decode_stateless(&mut block.clone(), longest) else { return block };
    let Some(protocol) = decoded.fields.iter_mut().find(|field| is_unknown(field)) else {
        return block;
    };
    *protocol = protocol.with_value(STRANGER.as_str());
    let mut changed = BytesMut::new();
    match encode_stateless(&mut changed, decoded.fields) {
        Ok(_) => changed.freeze(),
        Err(_) => block,
    }
}

/// Whether it names a protocol, in the form that one has, of which the library has not heard.
fn is_unknown(field: &HeaderField) -> bool {
    // A method is a token as well.
    *field.name == b":protocol"[..]
        && Method::from_bytes(&field.value).is_ok()
        && std::str::from_utf8(&field.value).is_ok_and(|name| name.parse::<Protocol>().is_err())
}
