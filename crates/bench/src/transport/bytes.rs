//! The connection under a transport: TCP whose bytes are counted, and TLS where it is wanted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use crate::guest::End;
use crate::link::new_socket;
use crate::member::Place;
use crate::wire::Meter;

/// Bytes both ways.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// Connects a member to the server, with TLS if that is what its address says; `protocol` is the one that ALPN
/// has to agree on then.
pub(super) async fn connect(
    place: &Place,
    protocol: &'static [u8],
) -> Result<Box<dyn ByteStream>, End> {
    let target = &place.target;
    let broken = |error: io::Error| End::Broken(error.to_string());
    let source = target.source(place.link).map_err(|error| End::Broken(error.to_string()))?;
    let socket = new_socket(target, source).map_err(broken)?;
    let address = target.address_for(place.link);
    let stream = TcpSocket::from_std_stream(socket.into()).connect(address).await;
    let stream = stream.map_err(broken)?;
    // It ends with a reset, so that no port has to rest afterwards.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).map_err(broken)?;
    let counted = Counted { stream, meter: place.meter.clone() };
    if !target.tls {
        return Ok(Box::new(counted));
    }
    let connector = TlsConnector::from(place.trust.config(protocol));
    let stream = connector.connect(target.server_name(), counted).await.map_err(broken)?;
    if stream.get_ref().1.alpn_protocol() != Some(protocol) {
        let wanted = String::from_utf8_lossy(protocol);
        return Err(End::Refused(format!("the server does not agree to {wanted}")));
    }
    Ok(Box::new(stream))
}

/// TCP whose bytes are counted.
struct Counted {
    stream: TcpStream,
    meter: Arc<Meter>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.meter.down.fetch_add((buffer.filled().len() - before) as u64, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.meter.up.fetch_add(written as u64, Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
