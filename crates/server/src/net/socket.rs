//! What a link reads from and writes to, without ever waiting.
//!
//! A TCP socket costs what its system calls cost; any other byte stream is [`Polled`].

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::net::polled::Polled;
use crate::net::stream::Io;
use crate::signal::Signal;

/// The lower side of a link.
pub enum Socket {
    /// Plain TCP.
    Tcp(TcpStream),
    /// Anything else. Boxed: a link over TCP has no room for it.
    Stream(Box<Polled>),
}

impl Socket {
    /// Over `io`. A stream that can go on wakes `signal`.
    pub fn new(io: Io, signal: &Arc<Signal>) -> Socket {
        match io {
            Io::Tcp(socket) => Socket::Tcp(socket),
            Io::Other(stream) => Socket::Stream(Box::new(Polled::new(stream, signal))),
        }
    }

    /// Reads what writing will read, and makes a number of it that means nothing.
    pub fn prefetch(&self) -> u64 {
        match self {
            Socket::Tcp(socket) => socket.as_raw_fd() as u64,
            Socket::Stream(stream) => u64::from(stream.is_flushing()),
        }
    }

    /// Waits until it can be written, or else read. For the connection's own task alone: the runtime keeps one waker for
    /// each, and so the task nothing. A stream wakes its signal instead.
    pub fn poll_ready(
        &self,
        to_write: bool,
        signal: &Signal,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(socket) if to_write => socket.poll_write_ready(context),
            Socket::Tcp(socket) => socket.poll_read_ready(context),
            Socket::Stream(stream) => stream.poll_ready(signal, context),
        }
    }

    /// The signal was woken, which may have been for the stream's sake.
    pub fn rouse(&self) {
        if let Socket::Stream(stream) = self {
            stream.rouse();
        }
    }

    /// Nothing more can be written until [`poll_ready`](Self::poll_ready) says so.
    pub fn rest(&self) {
        if let Socket::Stream(stream) = self {
            stream.rest();
        }
    }

    /// Whether something that was taken has still to be passed on, by writing nothing or more.
    pub fn is_flushing(&self) -> bool {
        matches!(self, Socket::Stream(stream) if stream.is_flushing())
    }

    /// Reads what is there; [`io::ErrorKind::WouldBlock`] if there is nothing.
    ///
    /// A read that did not fill the buffer has emptied a TCP socket, and what comes later is announced by a new edge: asking
    /// the kernel once more, only to hear that there is nothing, would cost a system call per message.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let socket = match self {
            Socket::Tcp(socket) => socket,
            Socket::Stream(stream) => return stream.try_read(buffer),
        };
        let n = socket.try_read(buffer)?;
        if n < buffer.len() {
            let nothing = || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into());
            let _ = socket.try_io(Interest::READABLE, nothing);
        }
        Ok(n)
    }

    /// Writes what fits; [`io::ErrorKind::WouldBlock`] if nothing does. What does not fit is announced by
    /// [`poll_ready`](Self::poll_ready).
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.try_write(bytes),
            Socket::Stream(stream) => stream.try_write(bytes),
        }
    }

    /// Tells the peer that nothing more will come.
    pub fn finish(&self) {
        match self {
            Socket::Tcp(socket) => {
                let _ = socket2::SockRef::from(socket).shutdown(std::net::Shutdown::Write);
            }
            Socket::Stream(stream) => stream.finish(),
        }
    }

    /// It ends though its peer has not taken what was written.
    pub fn give_up(&self) {
        if let Socket::Stream(stream) = self {
            stream.give_up();
        }
    }

    /// Does something to the TCP socket that ends with this, if there is one: others may share a connection with it.
    pub fn with_tcp(&self, change: impl FnOnce(&TcpStream)) {
        match self {
            Socket::Tcp(socket) => change(socket),
            Socket::Stream(stream) => stream.with_tcp(change),
        }
    }
}

/// Writes what fits where it is likely to fit: past the runtime at first, whose readiness of the socket is one cache line more to
/// fetch per delivery; a full socket is then announced to it by asking once more.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] if nothing fits, or what is wrong with the socket.
pub fn write_at_once(socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    socket2::SockRef::from(socket).send(bytes).or_else(|error| {
        let full = error.kind() == io::ErrorKind::WouldBlock;
        if full { socket.try_write(bytes) } else { Err(error) }
    })
}
