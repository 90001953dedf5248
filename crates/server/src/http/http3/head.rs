//! The head of a request, seen before the library judges it, which takes some that are malformed ([`fields`]).
//!
//! To the library a `:protocol` that it does not know makes a malformed request, whose stream it resets. It is a request for
//! something that we do not have, and to be answered with 501 (RFC 9220, section 3).

use std::future::poll_fn;

use axum::http::{Method, Request};
use bytes::{Bytes, BytesMut};
use h3::ext::Protocol;
use h3::proto::frame::Frame;
use h3::qpack::{HeaderField, decode_stateless, encode_stateless};
use h3::quic::{RecvStream, SendStream};
use h3::server::{RequestResolver, RequestStream};

use super::fault::Fault;
use super::fields;
use super::quic::{Both, Connection};
use super::watch::Verdict;

/// What stands for a protocol that the library does not know: one that it does, and we do not.
const STRANGER: Protocol = Protocol::CONNECT_IP;

/// A request and its stream.
pub struct Asked {
    /// Its head.
    pub request: Request<()>,
    /// The length of its body, if it says one.
    pub length: Option<u64>,
    /// The stream, behind the head.
    pub stream: RequestStream<Both, Bytes>,
}

/// Waits for the head, which may have `longest` bytes, and gives the request; `None` if the stream ends before it, or it is no request.
/// The peer is told.
pub async fn read(
    mut resolver: RequestResolver<Connection, Bytes>,
    longest: u64,
    verdict: &Verdict,
) -> Option<Asked> {
    let mut first = poll_fn(|context| resolver.frame_stream.poll_next(context)).await;
    let judged = match &mut first {
        Ok(Some(Frame::Headers(block))) => judge(block, longest),
        // What came with it is.
        _ if verdict.is_malformed() => Err(Fault::malformed("malformed trailers")),
        _ => Ok(None),
    };
    let length = match judged {
        Ok(length) => length,
        Err(fault) => {
            tracing::debug!(reason = fault.reason, "a malformed request");
            resolver.frame_stream.reset(fault.code.value());
            resolver.frame_stream.stream.stop_sending(fault.code.value());
            return None;
        }
    };
    let resolved = resolver.accept_with_frame(first).ok()?;
    let (request, stream) = resolved.resolve().await.ok()?;
    Some(Asked { request, length, stream })
}

/// Judges the fields of a request, and puts [`STRANGER`] where a protocol is named that the library does not know. What is no list of
/// fields, or too long a one, is for the library to refuse.
fn judge(block: &mut Bytes, longest: u64) -> Result<Option<u64>, Fault> {
    let Ok(mut decoded) = decode_stateless(&mut block.clone(), longest) else { return Ok(None) };
    let length = fields::judge_head(&decoded.fields)?;
    if let Some(protocol) = decoded.fields.iter_mut().find(|field| is_unknown(field)) {
        *protocol = protocol.with_value(STRANGER.as_str());
        let mut changed = BytesMut::new();
        if encode_stateless(&mut changed, decoded.fields).is_ok() {
            *block = changed.freeze();
        }
    }
    Ok(length)
}

/// Whether it names a protocol, in the form that one has, of which the library has not heard.
fn is_unknown(field: &HeaderField) -> bool {
    // A method is a token as well.
    *field.name == b":protocol"[..]
        && Method::from_bytes(&field.value).is_ok()
        && std::str::from_utf8(&field.value).is_ok_and(|name| name.parse::<Protocol>().is_err())
}
