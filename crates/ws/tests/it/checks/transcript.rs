//! What a receiver makes of a stream, written down so that two of them can be compared.

use std::ops::ControlFlow;

use hamhame_ws::{
    CloseFrame, Incoming, Limits, NO_CODE, Opcode, Receiver, Role, Violation, write_close,
    write_frame, write_masked_close, write_masked_frame,
};

/// An [`Incoming`] that outlives the buffer it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Incoming<'_>> for Event {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.to_owned()),
            Incoming::Binary(bytes) => Self::Binary(bytes.to_owned()),
            Incoming::Ping(payload) => Self::Ping(payload.to_owned()),
            Incoming::Pong(payload) => Self::Pong(payload.to_owned()),
            Incoming::Close(close) => {
                Self::Close(close.map(|CloseFrame { code, reason }| (code, reason.to_owned())))
            }
        }
    }
}

impl Event {
    /// Appends the event as one frame, as the peer of a receiver with this role sends it.
    pub fn write_to(&self, out: &mut Vec<u8>, receiver: Role, key: [u8; 4]) {
        let (opcode, payload) = match self {
            Self::Text(text) => (Opcode::Text, text.as_bytes()),
            Self::Binary(bytes) => (Opcode::Binary, &bytes[..]),
            Self::Ping(payload) => (Opcode::Ping, &payload[..]),
            Self::Pong(payload) => (Opcode::Pong, &payload[..]),
            Self::Close(close) => {
                let (code, reason) = match close {
                    Some((code, reason)) => (*code, &reason[..]),
                    None => (NO_CODE, ""),
                };
                return match receiver {
                    Role::Server => write_masked_close(out, code, reason, key),
                    Role::Client => write_close(out, code, reason),
                };
            }
        };
        match receiver {
            Role::Server => write_masked_frame(out, opcode, payload, key),
            Role::Client => write_frame(out, opcode, payload),
        }
    }
}

/// All that a receiver said about a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    pub events: Vec<Event>,
    pub violation: Option<Violation>,
    pub mid_message: bool,
}

/// Feeds `stream` in chunks of the sizes that `next_chunk` returns (at least 1), and checks the promises about
/// memory on the way.
pub fn receive(
    role: Role,
    limits: Limits,
    stream: &[u8],
    next_chunk: impl FnMut() -> usize,
) -> Transcript {
    listen(Receiver::new(role, limits), limits.message, stream, next_chunk)
}

/// [`receive`] where permessage-deflate was negotiated.
pub fn receive_deflated(
    role: Role,
    limits: Limits,
    stream: &[u8],
    next_chunk: impl FnMut() -> usize,
) -> Transcript {
    let receiver = Receiver::new(role, limits).with_deflate();
    // What zlib's worst settings make of a message is some longer than the message.
    let most =
        [8, 64].iter().fold(limits.message, |sum, part| sum.saturating_add(limits.message / part));
    listen(receiver, most.saturating_add(64), stream, next_chunk)
}

/// `most` is how much of a message may be held.
fn listen(
    mut receiver: Receiver,
    most: usize,
    stream: &[u8],
    mut next_chunk: impl FnMut() -> usize,
) -> Transcript {
    let mut events = Vec::new();
    let mut violation = None;
    // Each read lands in a buffer of its own, so that nothing can lean on bytes of an earlier one.
    let mut scratch = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() && violation.is_none() {
        let (chunk, later) = rest.split_at(next_chunk().clamp(1, rest.len()));
        rest = later;
        scratch.clear();
        scratch.extend_from_slice(chunk);
        violation = receiver
            .feed(&mut scratch, |incoming| {
                events.push(Event::from(incoming));
                ControlFlow::Continue(())
            })
            .err();
        let held = receiver.buffer_capacity();
        assert!(
            held <= most.saturating_add(125),
            "{held} bytes are held, which is over the limit of {most}"
        );
        let fed = stream.len() - rest.len();
        assert!(held <= 2 * fed, "{held} bytes are held for {fed} received");
        assert!(held == 0 || receiver.is_mid_message(), "{held} bytes are held between messages");
    }
    Transcript { events, violation, mid_message: receiver.is_mid_message() }
}
