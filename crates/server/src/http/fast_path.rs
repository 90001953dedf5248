//! The short way in: a handshake that comes whole, at once and in order is answered here, without an HTTP connection
//! around it.
//!
//! For a request that is nothing but a way to a socket, hyper's buffers, the route table and the hand-over of the upgrade
//! were a third of what a handshake cost the server in user space. So the first bytes of a connection are looked at: if
//! they are the head of a handshake for a room and there is nothing to say against it, it is answered. Everything else,
//! refusals included, goes to hyper with the bytes read so far, as if nobody had looked. Heads are read by `httparse`,
//! which hyper reads them with too.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::Bytes;
use hamhame_ws::handshake::{Deflate, response_head};
use tokio::io::{AsyncRead, ReadBuf};

use crate::authority::Places;
use crate::http::handshake::{self, Asked};
use crate::http::routes::PROTOCOL;
use crate::net::admission::Visit;
use crate::net::stream::Io;
use crate::server::Server;
use crate::transport::join::Address;
use hamhame_core::dialect::Dialect;

/// What is looked at; a longer head is read by hyper.
const LOOKED_AT: usize = 4096;

/// Headers that are looked at.
const HEADERS: usize = 32;

/// What a client of HTTP/2 sends first (RFC 9113, section 3.4). No handshake begins with its first letter.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the first bytes of a connection are.
pub enum FirstBytes {
    /// A handshake for a room, as it should be.
    Handshake(Handshake),
    /// The beginning of HTTP/2, with prior knowledge (RFC 9113, section 3.3): bytes that were read.
    Http2(Bytes),
    /// Something else, or not all of it.
    Other(Begun),
}

/// The beginning of a connection that hyper goes on with.
#[derive(Default)]
pub struct Begun {
    /// Bytes that were read.
    pub seen: Bytes,
    /// The request names a later version of HTTP/1. It is taken for 1.1, and so would the next be; but where that begins is not
    /// seen here, and hyper refuses it. So it is the connection's only one.
    pub is_later: bool,
}

/// A handshake that is accepted.
pub struct Handshake {
    /// Where it leads to.
    pub address: Address,
    /// The response, to be written before anything else.
    pub answer: String,
    /// What was agreed about compression.
    pub deflate: Option<Deflate>,
    /// What came right behind it.
    pub backlog: Bytes,
}

/// Waits for the first bytes.
///
/// # Errors
/// The connection ended.
pub async fn wait(stream: &mut Io, server: &Server, visit: &Visit) -> io::Result<FirstBytes> {
    let mut begun = Vec::new();
    poll_fn(|context| {
        loop {
            let mut buffer = [MaybeUninit::<u8>::uninit(); LOOKED_AT];
            let mut buffer = ReadBuf::uninit(&mut buffer);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            // Nearly always the first read has it all, and nothing is copied.
            if begun.is_empty() && is_enough(buffer.filled()) {
                return Poll::Ready(Ok(judge(buffer.filled_mut(), server, visit)));
            }
            begun.extend_from_slice(buffer.filled());
            if is_enough(&begun) {
                return Poll::Ready(Ok(judge(&mut begun, server, visit)));
            }
        }
    })
    .await
}

/// Whether it can be told what begins: the line of a request is whole, or too long to be looked at, or HTTP/2's preface is.
fn is_enough(bytes: &[u8]) -> bool {
    if PREFACE.starts_with(bytes) {
        return bytes.len() == PREFACE.len();
    }
    // The end of the line, or what no line of a request has: that is refused without more bytes.
    let is_line = bytes.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\r');
    !is_line || bytes.len() >= LOOKED_AT
}

fn judge(bytes: &mut [u8], server: &Server, visit: &Visit) -> FirstBytes {
    if bytes.starts_with(PREFACE) {
        return FirstBytes::Http2(Bytes::copy_from_slice(bytes));
    }
    let is_later = take_for_1_1(bytes);
    let other = || FirstBytes::Other(Begun { seen: Bytes::copy_from_slice(bytes), is_later });
    look(bytes, server, visit).map_or_else(other, FirstBytes::Handshake)
}

/// A later version of HTTP/1 is the latest that is known (RFC 9110, section 6.2), here and for hyper, which knows no other. Whether
/// it was one.
fn take_for_1_1(bytes: &mut [u8]) -> bool {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return false };
    let end = if bytes[..end].ends_with(b"\r") { end - 1 } else { end };
    if let [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9'] =
        &mut bytes[..end]
    {
        *minor = b'1';
        return true;
    }
    false
}

fn look(bytes: &[u8], server: &Server, visit: &Visit) -> Option<Handshake> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = request.parse(bytes).ok()? else { return None };
    let path = request.path.filter(|path| is_plain(path))?;
    if length > server.options.header_bytes as usize {
        return None;
    }
    let (room, name) = handshake::room_and_name(path)?;
    let mut listed = [("", &b""[..]); HEADERS];
    for (entry, header) in listed.iter_mut().zip(&*request.headers) {
        *entry = (header.name, header.value);
    }
    let mut asked = Asked {
        method: request.method?,
        // A path names no host.
        places: Places { version: (1, request.version?), target: None },
        headers: &listed[..request.headers.len()],
        secure: false,
        protocol: None,
    };
    asked.secure = visit.is_secure(|name| asked.all(name));
    let handshake = handshake::judge(&asked, server).ok()?;
    let protocol = handshake.choose(&[PROTOCOL]);
    let mut address = Address::read(room, name);
    address.dialect = Dialect::of(protocol);
    if address.broken().is_some() {
        return None;
    }
    if let Some(place) = visit.seat(|name| asked.all(name)).ok()? {
        visit.settle(place);
    }
    let deflate = handshake.deflate;
    let answer = response_head(&handshake, protocol, deflate);
    let backlog = Bytes::copy_from_slice(&bytes[length..]);
    Some(Handshake { address, answer, deflate, backlog })
}

/// Whether the path is one without a query, and of characters that every reader of URLs takes for themselves.
fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/".contains(&byte))
}
