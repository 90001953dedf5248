//! QUIC as the HTTP/3 library asks for it: `h3-quinn`, with an eye on the [frames](Frames) that come.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h3::error::Code;
use h3::quic::{
    self, ConnectionErrorIncoming, OpenStreams, RecvStream, SendStream, StreamErrorIncoming,
    StreamId, WriteBuf,
};

use super::frames::Frames;

/// One QUIC connection.
pub struct Connection {
    inner: h3_quinn::Connection,
    quinn: quinn::Connection,
    longest: u64,
}

/// A stream in both directions.
pub struct Both {
    send: Sending,
    receive: Receiving,
}

/// What is sent on a stream.
pub type Sending = h3_quinn::SendStream<Bytes>;

/// What is received on a stream.
pub struct Receiving {
    inner: h3_quinn::RecvStream,
    quinn: quinn::Connection,
    frames: Frames,
}

impl Connection {
    /// Over `quinn`, on whose streams frames other than DATA may have `longest` bytes.
    pub fn new(quinn: quinn::Connection, longest: u64) -> Connection {
        Connection { inner: h3_quinn::Connection::new(quinn.clone()), quinn, longest }
    }

    fn both(&self, stream: h3_quinn::BidiStream<Bytes>) -> Both {
        let (send, inner) = quic::BidiStream::split(stream);
        let frames = Frames::of_request(self.longest);
        Both { send, receive: Receiving { inner, quinn: self.quinn.clone(), frames } }
    }
}

/// Ends a connection whose peer asks too much of us (RFC 9114, section 8.1).
pub fn refuse(connection: &quinn::Connection, reason: &str) {
    let code = quinn::VarInt::from_u64(Code::H3_EXCESSIVE_LOAD.value()).unwrap_or_default();
    connection.close(code, reason.as_bytes());
}

impl quic::Connection<Bytes> for Connection {
    type RecvStream = Receiving;
    type OpenStreams = Connection;

    fn poll_accept_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Receiving, ConnectionErrorIncoming>> {
        let accepted = quic::Connection::<Bytes>::poll_accept_recv(&mut self.inner, context);
        let inner = ready!(accepted)?;
        let frames = Frames::of_one_direction(self.longest);
        Poll::Ready(Ok(Receiving { inner, quinn: self.quinn.clone(), frames }))
    }

    fn poll_accept_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Both, ConnectionErrorIncoming>> {
        let stream = ready!(quic::Connection::<Bytes>::poll_accept_bidi(&mut self.inner, context))?;
        Poll::Ready(Ok(self.both(stream)))
    }

    fn opener(&self) -> Connection {
        Connection::new(self.quinn.clone(), self.longest)
    }
}

impl OpenStreams<Bytes> for Connection {
    type BidiStream = Both;
    type SendStream = Sending;

    fn poll_open_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Both, StreamErrorIncoming>> {
        let stream = ready!(OpenStreams::<Bytes>::poll_open_bidi(&mut self.inner, context))?;
        Poll::Ready(Ok(self.both(stream)))
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Sending, StreamErrorIncoming>> {
        OpenStreams::<Bytes>::poll_open_send(&mut self.inner, context)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        OpenStreams::<Bytes>::close(&mut self.inner, code, reason);
    }
}

impl RecvStream for Receiving {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let data = ready!(self.inner.poll_data(context))?;
        if data.as_ref().is_some_and(|data| self.frames.pass(data).is_err()) {
            let reason = "a frame is too long";
            refuse(&self.quinn, reason);
            let connection_error = ConnectionErrorIncoming::InternalError(reason.into());
            return Poll::Ready(Err(StreamErrorIncoming::ConnectionErrorIncoming {
                connection_error,
            }));
        }
        Poll::Ready(Ok(data))
    }

    fn stop_sending(&mut self, code: u64) {
        self.inner.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.inner.recv_id()
    }
}

impl RecvStream for Both {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.receive.poll_data(context)
    }

    fn stop_sending(&mut self, code: u64) {
        self.receive.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.receive.recv_id()
    }
}

impl SendStream<Bytes> for Both {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_ready(context)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_finish(context)
    }

    fn reset(&mut self, code: u64) {
        self.send.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}

impl quic::BidiStream<Bytes> for Both {
    type SendStream = Sending;
    type RecvStream = Receiving;

    fn split(self) -> (Sending, Receiving) {
        (self.send, self.receive)
    }
}
