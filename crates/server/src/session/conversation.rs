//! What is talked about on a connection, whatever carries its messages.

use std::sync::Arc;
use std::task::{Context, Poll};

use hamhame_core::codes::CloseCode;

use crate::room::Room;

/// What a conversation wants after a message.
pub enum Flow {
    /// Go on.
    Continue,
    /// Finish what has been read, then hand back: [`Ending::Paused`].
    Pause,
    /// Close with this code.
    End(CloseCode),
}

impl Flow {
    /// The end of one who goes on and on.
    pub fn too_many() -> Flow {
        Flow::End(CloseCode::TooManyRequests)
    }
}

/// What is talked about on a WebSocket.
pub trait Conversation {
    /// A text message came; replies are appended to `out` as frames.
    fn text(&mut self, text: &str, out: &mut Vec<u8>) -> Flow;

    /// A binary message came.
    fn binary(&mut self, data: &[u8], out: &mut Vec<u8>) -> Flow {
        let _ = (data, out);
        Flow::End(CloseCode::UnsupportedData)
    }

    /// The room that what was said goes to, if more must not be said before it has been delivered.
    fn pressed(&self) -> Option<&Arc<Room>> {
        None
    }

    /// Whether so much of what was said waits for its answer that nothing more is read.
    fn is_full(&self) -> bool {
        false
    }

    /// Waits for an answer that was not there when something was said, and appends it to `out` as a frame.
    fn poll_answer(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<Flow> {
        let _ = (context, out);
        Poll::Pending
    }

    /// It is over, and how: nothing of the client is heard any more. Who waits for its answer is told after this.
    fn over(&mut self, ending: Ending) {
        let _ = ending;
    }

    /// A ping came, or a pong that nobody asked for. A ping is answered in any case; this is for those who count.
    fn ping(&mut self) -> Flow {
        Flow::Continue
    }
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client said that it goes (1000, or a close frame without a code).
    Left,
    /// It did not show that it is here for as long as it may: its place is given up, but its token is not.
    Expired,
    /// Anything else: it may come back.
    Lost,
    /// The conversation asked for a pause; the connection is open.
    Paused,
}
