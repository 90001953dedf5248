//! A WebSocket on a stream of HTTP/3 (RFC 9220), every member with a connection and a socket of its own.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::bytes::Bytes;
use h3::client::RequestStream;
use h3::error::StreamError;
use h3::ext::Protocol;
use h3_quinn::{RecvStream, SendStream};
use hamhame_client::h3::Received;
use hamhame_ws::{Receiver, Role};
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, Runtime, TokioRuntime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::udp::Counted;
use super::websocket::{LIMITS, broken, talk};
use super::{accept, handshake};
use crate::guest::End;
use crate::member::{Member, Place};

pub(super) async fn live(member: &mut Member) -> Result<Infallible, End> {
    let (_endpoint, quic) = connect(&member.place).await?;
    let unfit = |error: &dyn std::fmt::Display| End::Broken(error.to_string());
    let mut builder = h3::client::builder();
    builder.enable_extended_connect(true);
    let built = builder.build(h3_quinn::Connection::new(quic)).await;
    let (mut driver, mut sender) = built.map_err(|error| unfit(&error))?;
    tokio::spawn(async move { driver.wait_idle().await });
    let request = handshake(&member.place, Protocol::WEBSOCKET)?;
    let mut stream = sender.send_request(request).await.map_err(|error| unfit(&error))?;
    let response = stream.recv_response().await.map_err(|error| unfit(&error))?;
    accept(&response.into_parts().0, member.place.target.dialect)?;
    let (sending, receiving) = stream.split();
    let stream =
        Stream { sending: Sending::Idle(Box::new(sending)), receiving, read: Received::default() };
    talk(stream, member, Receiver::new(Role::Client, LIMITS), Vec::new()).await
}

async fn connect(place: &Place) -> Result<(Endpoint, Connection), End> {
    let target = &place.target;
    let source = target.source(place.link).map_err(|error| End::Broken(error.to_string()))?;
    let any = match target.address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((source.unwrap_or(any), 0)).map_err(broken)?;
    let runtime = Arc::new(TokioRuntime);
    let socket = runtime.wrap_udp_socket(socket).map_err(broken)?;
    let socket = Arc::new(Counted::new(socket, place.meter.clone()));
    let config = EndpointConfig::default();
    let endpoint =
        Endpoint::new_with_abstract_socket(config, None, socket, runtime).map_err(broken)?;
    let config = ClientConfig::new(place.trust.quic()?);
    let name = target.server_name();
    let connecting = endpoint
        .connect_with(config, target.address_for(place.link), &name.to_str())
        .map_err(|error| End::Broken(error.to_string()))?;
    let quic = connecting.await.map_err(|error| End::Broken(error.to_string()))?;
    Ok((endpoint, quic))
}

type Half = Box<RequestStream<SendStream<Bytes>, Bytes>>;
type Sent = (Half, Result<(), StreamError>);

/// The library sends by futures alone, so what is under way is kept as one.
enum Sending {
    Idle(Half),
    Busy(Pin<Box<dyn Future<Output = Sent> + Send>>),
    Broken,
}

/// A stream as bytes in both directions.
struct Stream {
    sending: Sending,
    receiving: RequestStream<RecvStream, Bytes>,
    read: Received,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Stream { receiving, read, .. } = &mut *self;
        read.poll_read(receiving, context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.as_mut().poll_flush(context))?;
        self.sending = match std::mem::replace(&mut self.sending, Sending::Broken) {
            Sending::Idle(mut half) => {
                let data = Bytes::copy_from_slice(bytes);
                Sending::Busy(Box::pin(async move {
                    let sent = half.send_data(data).await;
                    (half, sent)
                }))
            }
            other => other,
        };
        // It begins now; what is not sent of it yet is flushed.
        match self.poll_flush(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.sending {
            Sending::Idle(_) => Poll::Ready(Ok(())),
            Sending::Busy(sending) => {
                let (half, sent) = ready!(sending.as_mut().poll(context));
                self.sending = Sending::Idle(half);
                Poll::Ready(sent.map_err(io::Error::other))
            }
            Sending::Broken => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}
