//! The bytes under a connection: a TCP socket, or what looks like one from above.
//!
//! Nearly all connections are plain TCP, and cost what a socket costs. TLS, and a stream of an HTTP/2 or HTTP/3
//! connection, are boxed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A byte stream in both directions that holds back a bounded amount of what is written to it.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The TCP socket that carries this stream and nothing else, if there is one.
    fn socket(&self) -> Option<&TcpStream> {
        None
    }

    /// It ends though its peer has not taken what was written.
    fn give_up(&mut self) {}
}

/// What a connection reads from and writes to.
pub enum Io {
    /// A socket.
    Tcp(TcpStream),
    /// Anything else.
    Other(Box<dyn ByteStream>),
}

impl Io {
    /// The TCP socket that carries this stream and nothing else, if there is one.
    pub fn socket(&self) -> Option<&TcpStream> {
        match self {
            Io::Tcp(socket) => Some(socket),
            Io::Other(stream) => stream.socket(),
        }
    }
}

impl From<TcpStream> for Io {
    fn from(socket: TcpStream) -> Io {
        Io::Tcp(socket)
    }
}

impl ByteStream for TlsStream<TcpStream> {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self.get_ref().0)
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Tcp(socket) => Pin::new(socket).poll_read(context, buffer),
            Io::Other(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Io::Tcp(socket) => Pin::new(socket).poll_write(context, bytes),
            Io::Other(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Io::Tcp(socket) => Pin::new(socket).poll_write_vectored(context, parts),
            Io::Other(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Io::Tcp(socket) => socket.is_write_vectored(),
            Io::Other(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Tcp(socket) => Pin::new(socket).poll_flush(context),
            Io::Other(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Tcp(socket) => Pin::new(socket).poll_shutdown(context),
            Io::Other(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
