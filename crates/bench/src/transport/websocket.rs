//! A WebSocket over any stream of bytes, and its handshake by HTTP/1.1.

use std::convert::Infallible;
use std::io;
use std::ops::ControlFlow;

use hamhame_ws::{
    Incoming, Limits, NO_CODE, Opcode, Receiver, Role, write_masked_close, write_masked_frame,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::bytes::{self, ByteStream};
use crate::guest::End;
use crate::link::{Keys, offer};
use crate::member::{Ears, Member, Order, Place};
use crate::trust::HTTP_1;

/// Far beyond what a load generator has sent to it.
pub(super) const LIMITS: Limits = Limits { frame: 64 << 20, message: 64 << 20, fragments: 1024 };

/// What one read takes at most.
const BUFFER: usize = 16 * 1024;

pub(super) async fn live(member: &mut Member) -> Result<Infallible, End> {
    let mut stream = bytes::connect(&member.place, HTTP_1).await?;
    let mut keys = Keys::new(seed(&member.place));
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&keys.draw().to_be_bytes());
    let target = member.place.target.clone();
    let path = target.path(member.place.room, member.place.client);
    let offer = offer(&target, &path, nonce);
    let head = offer.request_head().map_err(|error| End::Refused(error.to_string()))?;
    stream.write_all(head.as_bytes()).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;

    let mut read = Vec::with_capacity(BUFFER);
    let (head_len, deflate) = loop {
        if stream.read_buf(&mut read).await.map_err(broken)? == 0 {
            return Err(End::Broken("the server went during the handshake".to_owned()));
        }
        let answer = offer.read(&read).map_err(|error| End::Refused(error.to_string()))?;
        if let Some(accepted) = answer {
            target.dialect.accept(accepted.protocol)?;
            break (accepted.head_len, accepted.deflate.is_some());
        }
    };
    if offer.deflate && !deflate {
        return Err(End::Refused("the server does not compress".to_owned()));
    }
    read.drain(..head_len);
    let receiver = Receiver::new(Role::Client, LIMITS);
    let receiver = if deflate { receiver.with_deflate() } else { receiver };
    talk(stream, member, receiver, read).await
}

/// Speaks WebSocket on `stream` from its first frame on; `read` has come already.
pub(super) async fn talk(
    stream: impl ByteStream,
    member: &mut Member,
    receiver: Receiver,
    mut read: Vec<u8>,
) -> Result<Infallible, End> {
    let ears = member.place.ears.clone();
    ears.opened();
    let keys = Keys::new(seed(&member.place));
    let mut speech = Speech { receiver, ears, keys, out: Vec::new() };
    speech.take(&mut read)?;
    let (mut from, mut to) = tokio::io::split(stream);
    let mut buffer = vec![0; BUFFER];
    loop {
        tokio::select! {
            count = from.read(&mut buffer) => match count.map_err(broken)? {
                0 => return Err(End::Broken("the server went without a close frame".to_owned())),
                count => speech.take(&mut buffer[..count])?,
            },
            written = to.write(&speech.out), if !speech.out.is_empty() => {
                speech.out.drain(..written.map_err(broken)?);
                if speech.out.is_empty() {
                    to.flush().await.map_err(broken)?;
                }
            }
            Some(order) = member.orders.recv() => {
                speech.say(order);
                // All that is due at once goes out in one piece.
                while let Ok(order) = member.orders.try_recv() {
                    speech.say(order);
                }
            }
        }
    }
}

struct Speech {
    receiver: Receiver,
    ears: Ears,
    keys: Keys,
    out: Vec<u8>,
}

impl Speech {
    fn say(&mut self, order: Order) {
        let key = (self.keys.draw() as u32).to_be_bytes();
        match order {
            Order::Say(text) => write_masked_frame(&mut self.out, Opcode::Text, &text, key),
            Order::Leave => write_masked_close(&mut self.out, 1000, "", key),
        }
    }

    /// Takes what came.
    fn take(&mut self, bytes: &mut [u8]) -> Result<(), End> {
        let Self { receiver, ears, keys, out } = self;
        let mut end = None;
        let fed = receiver.feed(bytes, |incoming| {
            match incoming {
                Incoming::Text(text) => ears.hear(text.as_bytes()),
                Incoming::Ping(payload) => {
                    let key = (keys.draw() as u32).to_be_bytes();
                    write_masked_frame(out, Opcode::Pong, payload, key);
                }
                Incoming::Pong(_) => {}
                Incoming::Binary(_) => end = Some(End::Unfit("a binary message".to_owned())),
                Incoming::Close(close) => {
                    end = Some(End::Closed(close.map_or(NO_CODE, |close| close.code)));
                }
            }
            if end.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        fed.map_err(|violation| End::Unfit(violation.to_string()))?;
        end.map_or(Ok(()), Err)
    }
}

/// Masks need not be secret here, only different ([`Keys`]).
fn seed(place: &Place) -> u64 {
    (place.link as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

pub(super) fn broken(error: io::Error) -> End {
    End::Broken(error.to_string())
}
