//! QUIC as the HTTP/3 library asks for it, by quinn, with an eye on the [frames](Frames) that come. Of the streams in one direction that the
//! peer opens, the library has the control stream alone ([`one_way`]).

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::Stream;
use futures_util::stream::unfold;
use h3::error::Code;
use h3::quic::{
    self, ConnectionErrorIncoming, OpenStreams, RecvStream, SendStream, StreamErrorIncoming,
    StreamId, WriteBuf,
};
use quinn::{ConnectionError, ReadError, VarInt, WriteError};
use tokio::sync::mpsc;

use super::fault::Fault;
use super::frames::Frames;
use super::one_way;
use super::watch::{Verdict, Watch};

/// Streams of one kind, as they come or are opened.
type Streams<T> = Pin<Box<dyn Stream<Item = Result<T, ConnectionError>>>>;

/// Ends when the peer wants no more of what is sent on a stream, or has all of it, or is gone.
pub type Stopped = Pin<Box<dyn Future<Output = ()>>>;

/// What the library has no place for, of the stream in both directions that came last.
pub type Last = Rc<RefCell<Option<(Stopped, Arc<Verdict>)>>>;

/// One QUIC connection.
pub struct Connection {
    inner: quinn::Connection,
    both: Streams<(quinn::SendStream, quinn::RecvStream)>,
    /// Not there in what only opens streams.
    control: Option<Control>,
    going: Streams<quinn::SendStream>,
    last: Last,
    watch: Arc<Watch>,
    longest: u64,
}

/// Where the peer's control stream comes from, once. The connection ends with it: others know it as well, and would keep it.
struct Control {
    streams: mpsc::Receiver<quinn::RecvStream>,
    connection: quinn::Connection,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.connection.close(number(Code::H3_NO_ERROR.value()), b"");
    }
}

/// A stream in both directions.
pub struct Both {
    sending: Sending,
    receiving: Receiving,
}

/// What is sent on a stream.
pub struct Sending {
    inner: quinn::SendStream,
    /// What is under way: the library gives no more before it is gone.
    writing: Option<WriteBuf<Bytes>>,
}

/// What is received on a stream.
pub struct Receiving {
    inner: quinn::RecvStream,
    frames: Frames,
    watch: Arc<Watch>,
    verdict: Arc<Verdict>,
    /// The type of the control stream, which the library wants to see as well.
    ahead: Option<Bytes>,
}

impl Connection {
    /// Over `inner`, on whose streams frames other than DATA may have `longest` bytes.
    pub fn new(inner: quinn::Connection, longest: u64) -> Connection {
        let watch = Arc::new(Watch::new(inner.clone()));
        let (sender, streams) = mpsc::channel(1);
        tokio::task::spawn_local(one_way::accept(inner.clone(), watch.clone(), sender));
        let control = Some(Control { streams, connection: inner.clone() });
        Connection { control, ..Connection::over(inner, watch, longest) }
    }

    fn over(inner: quinn::Connection, watch: Arc<Watch>, longest: u64) -> Connection {
        Connection {
            both: Box::pin(unfold(inner.clone(), async |connection| {
                Some((connection.accept_bi().await, connection))
            })),
            control: None,
            going: Box::pin(unfold(inner.clone(), async |connection| {
                Some((connection.open_uni().await, connection))
            })),
            inner,
            last: Rc::default(),
            watch,
            longest,
        }
    }

    /// Where the end of the peer's interest in a stream can be had from, and what is found of its request, right after the stream
    /// was accepted.
    pub fn last(&self) -> Last {
        self.last.clone()
    }
}

/// Ends a connection whose peer asks too much of us.
pub fn refuse(connection: &quinn::Connection, reason: &'static str) {
    Watch::new(connection.clone()).end(Fault::excess(reason));
}

/// A code of HTTP/3, all of which QUIC can write.
fn number(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}

fn poll_next<T>(
    streams: &mut Streams<T>,
    context: &mut Context<'_>,
) -> Poll<Result<T, ConnectionError>> {
    let next = ready!(streams.as_mut().poll_next(context));
    Poll::Ready(next.unwrap_or(Err(ConnectionError::LocallyClosed)))
}

fn lost(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            ConnectionErrorIncoming::ApplicationClose { error_code: close.error_code.into() }
        }
        ConnectionError::ConnectionClosed(close) => {
            ConnectionErrorIncoming::ConnectionClosed { error_code: close.error_code.into() }
        }
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        error => ConnectionErrorIncoming::Undefined(Arc::new(error)),
    }
}

fn lost_with_stream(error: ConnectionError) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming { connection_error: lost(error) }
}

fn unread(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into() },
        ReadError::ConnectionLost(error) => lost_with_stream(error),
        error => StreamErrorIncoming::Unknown(Box::new(error)),
    }
}

fn unwritten(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => {
            StreamErrorIncoming::StreamTerminated { error_code: code.into() }
        }
        WriteError::ConnectionLost(error) => lost_with_stream(error),
        error => StreamErrorIncoming::Unknown(Box::new(error)),
    }
}

/// What the library must not ask for.
fn misused(what: &str) -> StreamErrorIncoming {
    let connection_error = ConnectionErrorIncoming::InternalError(what.into());
    StreamErrorIncoming::ConnectionErrorIncoming { connection_error }
}

fn id(stream: quinn::StreamId) -> StreamId {
    StreamId::try_from(u64::from(stream)).expect("quinn's numbers, too, have 62 bits")
}

impl quic::Connection<Bytes> for Connection {
    type RecvStream = Receiving;
    type OpenStreams = Connection;

    fn poll_accept_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Receiving, ConnectionErrorIncoming>> {
        let Some(control) = &mut self.control else { return Poll::Pending };
        // None is to come if the connection ends, which the library hears elsewhere.
        let Some(inner) = ready!(control.streams.poll_recv(context)) else { return Poll::Pending };
        Poll::Ready(Ok(Receiving {
            inner,
            frames: Frames::of_control(self.longest),
            watch: self.watch.clone(),
            verdict: Arc::default(),
            ahead: Some(Bytes::from_static(&[0])),
        }))
    }

    fn poll_accept_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Both, ConnectionErrorIncoming>> {
        let (sending, receiving) = ready!(poll_next(&mut self.both, context)).map_err(lost)?;
        let stopped = sending.stopped();
        let verdict = Arc::<Verdict>::default();
        self.last.replace(Some((Box::pin(async move { drop(stopped.await) }), verdict.clone())));
        let receiving = Receiving {
            inner: receiving,
            frames: Frames::of_request(self.longest),
            watch: self.watch.clone(),
            verdict,
            ahead: None,
        };
        Poll::Ready(Ok(Both { sending: Sending { inner: sending, writing: None }, receiving }))
    }

    fn opener(&self) -> Connection {
        Connection::over(self.inner.clone(), self.watch.clone(), self.longest)
    }
}

impl OpenStreams<Bytes> for Connection {
    type BidiStream = Both;
    type SendStream = Sending;

    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Both, StreamErrorIncoming>> {
        Poll::Ready(Err(misused("a server makes no requests")))
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Sending, StreamErrorIncoming>> {
        let inner = ready!(poll_next(&mut self.going, context)).map_err(lost_with_stream)?;
        Poll::Ready(Ok(Sending { inner, writing: None }))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.inner.close(number(code.value()), reason);
    }
}

impl RecvStream for Receiving {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        if let Some(ahead) = self.ahead.take() {
            return Poll::Ready(Ok(Some(ahead)));
        }
        let reading = std::pin::pin!(self.inner.read_chunk(usize::MAX, true));
        let chunk = ready!(reading.poll(context)).map_err(unread)?;
        let Some(data) = chunk.map(|chunk| chunk.bytes) else { return Poll::Ready(Ok(None)) };
        let counted = self.frames.pass(&data).and_then(|frames| self.watch.count(frames));
        Poll::Ready(match counted {
            Ok(()) => Ok(Some(data)),
            Err(fault) if fault.of_stream => {
                self.verdict.condemn();
                Err(StreamErrorIncoming::StreamTerminated { error_code: fault.code.value() })
            }
            Err(fault) => {
                self.watch.end(fault);
                Err(misused(fault.reason))
            }
        })
    }

    fn stop_sending(&mut self, code: u64) {
        // Fails only if there is nothing to stop.
        let _ = self.inner.stop(number(code));
    }

    fn recv_id(&self) -> StreamId {
        id(self.inner.id())
    }
}

impl SendStream<Bytes> for Sending {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(data) = self.writing.as_mut().filter(|data| data.has_remaining()) {
            let written = Pin::new(&mut self.inner).poll_write(context, data.chunk());
            data.advance(ready!(written).map_err(unwritten)?);
        }
        self.writing = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        if self.writing.is_some() {
            return Err(misused("something is under way already"));
        }
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        ready!(self.poll_ready(context))?;
        let finished = self.inner.finish();
        Poll::Ready(finished.map_err(|error| StreamErrorIncoming::Unknown(Box::new(error))))
    }

    fn reset(&mut self, code: u64) {
        // Fails only if it has ended.
        let _ = self.inner.reset(number(code));
    }

    fn send_id(&self) -> StreamId {
        id(self.inner.id())
    }
}

impl RecvStream for Both {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.receiving.poll_data(context)
    }

    fn stop_sending(&mut self, code: u64) {
        self.receiving.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.receiving.recv_id()
    }
}

impl SendStream<Bytes> for Both {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sending.poll_ready(context)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.sending.send_data(data)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sending.poll_finish(context)
    }

    fn reset(&mut self, code: u64) {
        self.sending.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.sending.send_id()
    }
}

impl quic::BidiStream<Bytes> for Both {
    type SendStream = Sending;
    type RecvStream = Receiving;

    fn split(self) -> (Sending, Receiving) {
        (self.sending, self.receiving)
    }
}
