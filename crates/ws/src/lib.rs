//! The WebSocket protocol (RFC 6455) without any I/O, for both roles, with compression of messages (RFC 7692).
//!
//! Bytes go in, messages come out, and the other way round; sockets, timers and randomness belong to
//! the caller. The path of a message through this crate:
//!
//! - [`handshake`] turns an HTTP request into a WebSocket, or says with which status to refuse it;
//! - [`Receiver`] takes the bytes of a connection as they arrive and passes on whole messages;
//! - [`write_frame`] and its kin encode messages, [`frame_header`] the header alone, and a [`Deflater`] compresses;
//! - [`Closing`] knows what the close handshake wants next.
//!
//! What a peer sends is never trusted: each broken rule is a [`Violation`] that knows its close code,
//! sizes are refused from the header before any memory is spent on them, and memory grows with what
//! has arrived, not with what was announced. An idle [`Receiver`] owns no heap memory.
//!
//! ```
//! use std::ops::ControlFlow;
//! use hamhame_ws::{Incoming, Limits, Opcode, Receiver, Role, write_masked_frame};
//!
//! let mut wire = Vec::new();
//! write_masked_frame(&mut wire, Opcode::Text, "سلام".as_bytes(), [1, 2, 3, 4]);
//!
//! let mut receiver = Receiver::new(Role::Server, Limits::default());
//! receiver.feed(&mut wire, |incoming| {
//!     assert_eq!(incoming, Incoming::Text("سلام"));
//!     ControlFlow::Continue(())
//! })?;
//! # Ok::<(), hamhame_ws::Violation>(())
//! ```
#![forbid(unsafe_code)]

mod closing;
mod deflate;
mod encode;
mod frame;
pub mod handshake;
mod inflate;
mod mask;
mod receive;
mod text;
mod violation;

pub use closing::{CloseFrame, Closing, NO_CODE, is_valid_close_code};
pub use deflate::Deflater;
pub use encode::{
    Header, frame_header, header_len, masked_frame_header, write_close, write_frame,
    write_masked_close, write_masked_frame,
};
pub use frame::{FrameHead, MAX_CONTROL_PAYLOAD, MAX_HEADER, Opcode, Role};
pub use mask::apply_mask;
pub use receive::{Incoming, Limits, Receiver};
pub use violation::Violation;
