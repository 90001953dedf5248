//! A connection on which a peer may send so many frames of control and no more ([`Allowance`]); one that does is told so by GOAWAY
//! (ENHANCE_YOUR_CALM) and sent away. The library bounds some of them and answers the others one by one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{Frames, PREFACE};
use crate::http::control_frames::Allowance;

/// GOAWAY: its length, its type, no flags, stream 0; a last stream that is the highest there may be, as we do not know which the library
/// took up; ENHANCE_YOUR_CALM (RFC 9113, sections 6.8 and 7).
const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 11];

/// Counts what comes and what goes.
pub struct Bounded<S> {
    inner: S,
    coming: Frames,
    going: Frames,
    allowance: Allowance,
    /// The peer is to go: bytes of [`GOAWAY`] that are written. Nothing is read any more.
    leaving: Option<usize>,
}

impl<S: AsyncWrite + Unpin> Bounded<S> {
    /// Over a connection on which the preface has still to be read.
    pub fn new(inner: S) -> Bounded<S> {
        let (coming, going) = (Frames::behind(PREFACE), Frames::behind(0));
        Bounded { inner, coming, going, allowance: Allowance::new(Instant::now()), leaving: None }
    }

    /// Says goodbye if no frame of ours is under way. Then the connection is over.
    fn leave(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let written = self.leaving.get_or_insert(0);
        if self.going.to_end() > 0 {
            // The library goes on with the frame, and comes back here.
            return Poll::Pending;
        }
        while *written < GOAWAY.len() {
            match ready!(Pin::new(&mut self.inner).poll_write(context, &GOAWAY[*written..])) {
                Ok(0) => return Poll::Ready(io::ErrorKind::WriteZero.into()),
                Ok(n) => *written += n,
                Err(error) => return Poll::Ready(error),
            }
        }
        match ready!(Pin::new(&mut self.inner).poll_shutdown(context)) {
            Ok(()) => Poll::Ready(io::Error::other("too many frames of control")),
            Err(error) => Poll::Ready(error),
        }
    }

    fn wrote(&mut self, bytes: &[u8]) {
        self.going.pass(bytes);
        self.allowance.sent(bytes.len());
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.leaving.is_none() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
            let frames = self.coming.pass(&buffer.filled()[before..]);
            if frames == 0 || self.allowance.allows(frames, Instant::now()) {
                return Poll::Ready(Ok(()));
            }
            buffer.set_filled(before);
        }
        self.leave(context).map(Err)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.leaving.is_some() {
            match self.going.to_end() {
                0 => return self.leave(context).map(Err),
                rest => bytes = &bytes[..rest.min(bytes.len())],
            }
        }
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.wrote(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.leaving.is_some() {
            let first = parts.iter().find(|part| !part.is_empty());
            return self.poll_write(context, first.map_or(&[], |part| part));
        }
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(context, parts))?;
        let mut left = written;
        for part in parts {
            let here = left.min(part.len());
            self.wrote(&part[..here]);
            left -= here;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

    async fn pour(peer: &mut DuplexStream) {
        let pings = [&[0x50; PREFACE][..], &PING.repeat(2000)].concat();
        peer.write_all(&pings).await.unwrap();
    }

    /// Reads until there is nothing more, or no right to it.
    async fn read_out(bounded: &mut Bounded<DuplexStream>) -> Option<io::Error> {
        let mut buffer = [0; 4096];
        loop {
            let mut reading = std::pin::pin!(bounded.read(&mut buffer));
            let polled = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context)));
            match polled.await {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Some(error),
                Poll::Pending => return None,
            }
        }
    }

    #[tokio::test]
    async fn who_sends_too_many_is_told_and_sent_away() {
        let (ours, mut peer) = duplex(1 << 20);
        let mut bounded = Bounded::new(ours);
        pour(&mut peer).await;
        assert!(read_out(&mut bounded).await.is_some());
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, GOAWAY);
    }

    #[tokio::test]
    async fn a_frame_under_way_is_ended_before_the_goodbye() {
        let (ours, mut peer) = duplex(1 << 20);
        let mut bounded = Bounded::new(ours);
        bounded.write_all(&PING[..12]).await.unwrap();
        pour(&mut peer).await;
        assert!(read_out(&mut bounded).await.is_none(), "the frame is not whole");
        let rest = [&PING[12..], &PING].concat();
        assert_eq!(bounded.write(&rest).await.unwrap(), 5);
        assert!(bounded.write(&PING).await.is_err());
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, [&PING[..], &GOAWAY].concat());
    }
}
