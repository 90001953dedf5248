//! One stream of HTTP/3: the body of a request, or the bytes of a WebSocket.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use h3::error::{Code, StreamError};
use h3::server::RequestStream;
use hyper::body::{Body, Frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::quic;
use super::watch::Verdict;
use crate::http::usage::Use;
use crate::net::stream::ByteStream;

/// Largest piece handed to a stream at once, in bytes. One is kept until the peer takes it.
pub const PIECE: usize = 8 * 1024;

/// DATA frames without data that may follow one another. The library takes one for the end of the stream, and tells the same
/// again and again once it is the end.
const EMPTY_FRAMES: u32 = 16;

/// What is sent on the stream of a request.
pub type Sending = RequestStream<quic::Sending, Bytes>;

/// What comes on the stream of a request, behind its head.
pub struct Receiving {
    stream: RequestStream<quic::Receiving, Bytes>,
    /// Bytes that are to come, if the request says how many.
    left: Option<u64>,
    /// What is found of the request.
    verdict: Arc<Verdict>,
    /// Nothing more comes.
    ended: bool,
}

impl Receiving {
    /// The receiving half of a stream, on which `length` bytes are to come.
    pub fn new(
        stream: RequestStream<quic::Receiving, Bytes>,
        length: Option<u64>,
        verdict: Arc<Verdict>,
    ) -> Receiving {
        Receiving { stream, left: length, verdict, ended: false }
    }

    /// Waits for data. `None` is the end.
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, StreamError>>> {
        for _ in 0..EMPTY_FRAMES {
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.stream.poll_recv_data(context)) {
                Ok(Some(mut data)) => {
                    let data = data.copy_to_bytes(data.remaining());
                    let length = data.len() as u64;
                    self.left = match self.left.map(|left| left.checked_sub(length)) {
                        Some(None) => return Poll::Ready(Some(Err(self.condemn()))),
                        Some(left) => left,
                        None => None,
                    };
                    return Poll::Ready(Some(Ok(data)));
                }
                Ok(None) => {}
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        self.ended = true;
        if self.left.is_some_and(|left| left > 0) {
            return Poll::Ready(Some(Err(self.condemn())));
        }
        Poll::Ready(None)
    }

    /// The body has another length than the request said (RFC 9114, section 4.1.2).
    fn condemn(&mut self) -> StreamError {
        self.ended = true;
        self.verdict.condemn();
        self.stream.stop_sending(Code::H3_MESSAGE_ERROR);
        let reason = "a body of another length".to_owned();
        StreamError::StreamError { code: Code::H3_MESSAGE_ERROR, reason }
    }

    /// Judges what has come and nobody has read.
    fn look_ahead(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(Ok(_))) = self.poll_data(&mut context) {}
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.look_ahead();
        }
        // What is still under way is not wanted, and nothing is wrong with it (RFC 9114, section 4.1).
        self.stream.stop_sending(Code::H3_NO_ERROR);
    }
}

impl Body for Receiving {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        self.poll_data(context).map_ok(Frame::data)
    }
}

/// A stream that carries a WebSocket.
///
/// QUIC takes no more than the peer's window allows, and drops what was acknowledged: of what a peer does not read, one
/// [`PIECE`] is kept.
pub struct Http3Stream {
    sending: Sending,
    receiving: Receiving,
    /// What came and was not read yet: a part of what the window allows.
    read: Bytes,
    /// The library panicked; it is not asked again.
    broken: bool,
    _using: Use,
}

impl Http3Stream {
    /// Over both halves of a stream whose response is written.
    pub fn new(sending: Sending, receiving: Receiving, using: Use) -> Http3Stream {
        Http3Stream { sending, receiving, read: Bytes::new(), broken: false, _using: using }
    }

    /// Asks the library. A panic in it must not end the shard's flusher, which writes for everyone.
    fn ask<T>(
        &mut self,
        poll: impl FnOnce(&mut Self) -> Poll<Result<T, StreamError>>,
    ) -> Poll<io::Result<T>> {
        if !self.broken {
            if let Ok(poll) = catch_unwind(AssertUnwindSafe(|| poll(self))) {
                return poll.map_err(io::Error::other);
            }
            self.broken = true;
        }
        Poll::Ready(Err(io::Error::other("HTTP/3 is out of order")))
    }
}

impl ByteStream for Http3Stream {
    fn give_up(&mut self) {
        self.sending.stop_stream(Code::H3_REQUEST_CANCELLED);
    }
}

impl AsyncRead for Http3Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            let data = ready!(self.ask(|this| match ready!(this.receiving.poll_data(context)) {
                Some(data) => Poll::Ready(data),
                None => Poll::Ready(Ok(Bytes::new())),
            }))?;
            self.read = data;
        }
        let length = buffer.remaining().min(self.read.len());
        buffer.put_slice(&self.read.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http3Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.as_mut().poll_flush(context))?;
        let length = bytes.len().min(PIECE);
        let mut piece = Some(Bytes::copy_from_slice(&bytes[..length]));
        match self.ask(|this| this.sending.poll_send_data(context, &mut piece)) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // What is not sent of it yet is flushed.
            _ => Poll::Ready(Ok(length)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ask(|this| this.sending.poll_send_data(context, &mut None))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ask(|this| this.sending.poll_finish(context))
    }
}
