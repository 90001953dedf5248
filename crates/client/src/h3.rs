//! What comes on a stream of HTTP/3, as bytes.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::client::RequestStream;
use h3::quic::RecvStream;
use tokio::io::ReadBuf;

/// What came and is not read yet.
#[derive(Default)]
pub struct Received(Bytes);

impl Received {
    /// Reads what is there, or the next that comes on `stream`; nothing at its end.
    pub fn poll_read<S: RecvStream>(
        &mut self,
        stream: &mut RequestStream<S, Bytes>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            match ready!(stream.poll_recv_data(context)).map_err(io::Error::other)? {
                Some(mut data) => self.0 = data.copy_to_bytes(data.remaining()),
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = buffer.remaining().min(self.0.len());
        buffer.put_slice(&self.0.split_to(count));
        Poll::Ready(Ok(()))
    }
}
