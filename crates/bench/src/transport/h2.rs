//! A WebSocket on a stream of HTTP/2 (RFC 8441).

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::bytes::Bytes;
use h2::ext::Protocol;
use h2::{Ping, RecvStream, SendStream};
use hamhame_ws::{Receiver, Role};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::bytes;
use super::websocket::{LIMITS, talk};
use super::{accept, handshake};
use crate::guest::End;
use crate::member::Member;
use crate::trust::HTTP_2;

/// What the server may send on a stream before it is read: what browsers allow, about.
const WINDOW: u32 = 1 << 20;

pub(super) async fn live(member: &mut Member) -> Result<Infallible, End> {
    let stream = bytes::connect(&member.place, HTTP_2).await?;
    let (mut sender, mut connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .enable_push(false)
        .handshake::<_, Bytes>(stream)
        .await
        .map_err(broken)?;
    let mut ping = connection.ping_pong();
    // It ends when the stream and its sender are gone.
    tokio::spawn(connection);
    // Behind the answer to a ping, the server's settings are known (RFC 8441 section 3).
    if let Some(ping) = &mut ping {
        ping.ping(Ping::opaque()).await.map_err(broken)?;
    }
    if !sender.is_extended_connect_protocol_enabled() {
        return Err(End::Refused("the server takes no WebSocket over HTTP/2".to_owned()));
    }
    let (response, send) = sender
        .send_request(handshake(&member.place, Protocol::from_static("websocket"))?, false)
        .map_err(broken)?;
    let (head, receive) = response.await.map_err(broken)?.into_parts();
    accept(&head, member.place.target.dialect)?;
    let stream = Stream { send, receive, read: Bytes::new() };
    talk(stream, member, Receiver::new(Role::Client, LIMITS), Vec::new()).await
}

fn broken(error: h2::Error) -> End {
    End::Broken(error.to_string())
}

/// A stream as bytes in both directions.
struct Stream {
    send: SendStream<Bytes>,
    receive: RecvStream,
    read: Bytes,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.read.is_empty() {
            match ready!(self.receive.poll_data(context)) {
                Some(data) => self.read = data.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = buffer.remaining().min(self.read.len());
        buffer.put_slice(&self.read.split_to(count));
        let released = self.receive.flow_control().release_capacity(count);
        Poll::Ready(released.map_err(io::Error::other))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.send.reserve_capacity(bytes.len());
        while self.send.capacity() == 0 {
            match ready!(self.send.poll_capacity(context)) {
                Some(capacity) => drop(capacity.map_err(io::Error::other)?),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let count = bytes.len().min(self.send.capacity());
        let data = Bytes::copy_from_slice(&bytes[..count]);
        self.send.send_data(data, false).map_err(io::Error::other)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.send.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
