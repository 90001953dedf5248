//! A byte stream that is asked what it can do now, as a socket is.
//!
//! A link reads and writes without waiting, from its own task and from the shard's flusher. What a stream cannot do at the
//! moment wakes the link's [`Signal`] once it can. There is no task in between, and no queue but the stream's own.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::net::stream::ByteStream;
use crate::signal::Signal;

/// A byte stream with the waker of the link over it.
pub struct Polled {
    stream: RefCell<Box<dyn ByteStream>>,
    waker: Waker,
    /// Something may have come, or be possible, since it was last asked for.
    ready: Cell<bool>,
    /// What was taken is not yet where it should go.
    unflushed: Cell<bool>,
    /// Nothing more will be written.
    finishing: Cell<bool>,
}

impl Polled {
    /// Over `stream`, whose readiness is to wake `signal`.
    pub fn new(stream: Box<dyn ByteStream>, signal: &Arc<Signal>) -> Polled {
        Polled {
            stream: RefCell::new(stream),
            waker: Waker::from(signal.clone()),
            ready: Cell::new(true),
            unflushed: Cell::new(false),
            finishing: Cell::new(false),
        }
    }

    /// Waits until it is worth trying. For the connection's own task alone.
    pub fn poll_ready(&self, signal: &Signal, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ready.get() {
            ready!(signal.poll_woken(context));
            self.rouse();
        }
        Poll::Ready(Ok(()))
    }

    /// The signal was woken: perhaps by this stream.
    pub fn rouse(&self) {
        self.ready.set(true);
    }

    /// Nothing can be done until the signal is woken.
    pub fn rest(&self) {
        self.ready.set(false);
    }

    /// Whether the stream still has to pass on what it took.
    pub fn is_flushing(&self) -> bool {
        self.unflushed.get()
    }

    /// Reads what is there; [`io::ErrorKind::WouldBlock`] if there is nothing.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        let result = self.ask(|stream, context| stream.poll_read(context, &mut buffer));
        if would_block(&result) {
            self.ready.set(false);
        }
        result.map(|()| buffer.filled().len())
    }

    /// Writes what the stream takes, and has it passed on; [`io::ErrorKind::WouldBlock`] if nothing moved.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while taken < bytes.len() {
            match self.ask(|stream, context| stream.poll_write(context, &bytes[taken..])) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => taken += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let was_flushing = self.unflushed.replace(true);
        let flushed = self.ask(|stream, context| {
            if self.finishing.get() {
                stream.poll_shutdown(context)
            } else {
                stream.poll_flush(context)
            }
        });
        if !would_block(&flushed) {
            self.unflushed.set(false);
            flushed?;
        }
        let moved = taken > 0 || (was_flushing && !self.unflushed.get());
        if moved { Ok(taken) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Says that nothing more will be written.
    pub fn finish(&self) {
        self.finishing.set(true);
        // What is wrong is found by who reads.
        let _ = self.try_write(&[]);
    }

    /// Does something to the socket that carries this stream, if it has one of its own.
    pub fn with_tcp(&self, change: impl FnOnce(&TcpStream)) {
        if let Some(socket) = self.stream.borrow().socket() {
            change(socket);
        }
    }

    /// It ends though its peer has not taken what was written.
    pub fn give_up(&self) {
        self.stream.borrow_mut().give_up();
    }

    fn ask<T>(
        &self,
        poll: impl FnOnce(Pin<&mut Box<dyn ByteStream>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let mut stream = self.stream.borrow_mut();
        match poll(Pin::new(&mut *stream), &mut Context::from_waker(&self.waker)) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

fn would_block<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}
