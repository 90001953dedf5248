//! HTTP/2 on one connection (RFC 9113), with WebSockets on its streams (RFC 8441).
//!
//! It comes over TLS by ALPN, or on the plain port by prior knowledge. Everything that a peer can make us keep is bounded here.

mod bounded;
mod frames;

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

use self::bounded::Bounded;
use crate::config::Options;
use crate::delivery::shard::Shard;
use crate::http::answer;
use crate::http::body;
use crate::http::usage::{Usage, Use};
use crate::net::admission::Visit;
use crate::net::deadline::Deadline;
use crate::net::stream::{ByteStream, Io};

/// Streams that one connection may have open, and WebSockets with them: the least that RFC 9113 (section 6.5.2) recommends.
const STREAMS: u32 = 100;

/// What a peer may send on a stream before it is read, in bytes.
const STREAM_WINDOW: u32 = 16 * 1024;

/// What it may send on all of them: so much that no stream that is not read from can hold up another.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * (STREAMS + 1);

/// What is kept at most, per stream, of what the peer does not take, in bytes.
const SEND_BUFFER: usize = 32 * 1024;

/// Largest piece handed to a stream at once, in bytes. hyper keeps two, and hands one on to the send buffer as a whole.
const PIECE: usize = 8 * 1024;

/// Streams that the peer has reset before they were looked at; a peer that has more of them is sent away (CVE-2023-44487).
const PENDING_RESETS: usize = 20;

/// Streams that we had to reset for the peer's errors, until it is sent away (RUSTSEC-2024-0003).
const OWN_RESETS: usize = 1024;

/// A connection without a request and without a WebSocket for so long is to end.
const IDLE: Duration = Duration::from_secs(60);

/// WebSockets of one connection that ended because their peer did not read. hyper keeps what such a stream did not take, 48 KiB
/// at most, as long as the connection lasts: one that has so many of them is ended.
const GIVEN_UP: u32 = 4;

/// From the server's goodbye to the end, whatever the peer does. Its WebSockets say goodbye meanwhile.
const LAST_STREAMS: Duration = Duration::from_secs(6);

/// Speaks HTTP/2 until one side ends. `seen` was read from `stream` already.
pub async fn speak(stream: Io, seen: Bytes, shard: Rc<Shard>, router: Router, visit: Rc<Visit>) {
    let server = shard.server().clone();
    let options = &server.options;
    let usage = Arc::new(Usage::default());
    let service = service_fn(|request: hyper::Request<Incoming>| {
        answer(request, router.clone(), shard.clone(), visit.clone(), usage.begin())
    });
    let io = TokioIo::new(Bounded::new(Deadline::new(stream, seen, options.write_timeout)));
    let mut connection = std::pin::pin!(builder(options).serve_connection(io, service));
    let goodbye = async {
        tokio::select! {
            () = usage.is_over(IDLE) => {}
            () = server.drained() => {}
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = usage.is_abused(GIVEN_UP) => return,
        () = goodbye => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            // GOAWAY: what is open goes on, nothing new begins.
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = usage.is_abused(GIVEN_UP) => return,
                () = async { server.drained().await; sleep(LAST_STREAMS).await } => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP/2 connection ended");
    }
}

/// Answers one request, and has the conversation begin if it opens a WebSocket.
async fn answer(
    mut request: hyper::Request<Incoming>,
    router: Router,
    shard: Rc<Shard>,
    visit: Rc<Visit>,
    using: Use,
) -> Result<Response, Infallible> {
    let upgraded = hyper::upgrade::on(&mut request);
    let (request, _) = body::watch(request);
    let mut response = answer::answer(request, router, &shard, &visit).await;
    if let Some(opening) = answer::opening(&mut response) {
        let Some(place) = visit.another() else {
            shard.server().metrics.refused();
            return Ok(answer::over_limit(false));
        };
        let opened = async {
            let stream = Http2Stream { inner: TokioIo::new(upgraded.await.ok()?), using };
            Some((Io::Other(Box::new(stream)), Bytes::new()))
        };
        tokio::task::spawn_local(answer::open(opening, opened, shard, Rc::new(place)));
    }
    Ok(response)
}

fn builder(options: &Options) -> http2::Builder<Local> {
    let mut builder = http2::Builder::new(Local);
    builder
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(options.header_bytes)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        // Two of them without an answer, and the peer is gone: as with WebSocket's heartbeats.
        .keep_alive_interval(options.heartbeat)
        .keep_alive_timeout(options.heartbeat);
    builder
}

/// Runs hyper's tasks on the shard's thread.
#[derive(Clone)]
struct Local;

impl<F> hyper::rt::Executor<F> for Local
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// A stream that carries a WebSocket.
struct Http2Stream {
    inner: TokioIo<Upgraded>,
    using: Use,
}

impl ByteStream for Http2Stream {
    fn give_up(&mut self) {
        self.using.fault();
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        Pin::new(&mut self.inner).poll_write(context, piece)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
