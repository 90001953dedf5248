//! What a session said and is not decided yet. A broker that spans machines answers later; the embedded one never does.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::room::intent::Ticket;

/// Messages of one session that may wait for their answers. With more of them the session is not read from.
const MOST: usize = 64;

/// Messages without an answer, in the order in which they were said.
#[derive(Default)]
pub struct Pending(VecDeque<(Option<Box<str>>, Ticket)>);

impl Pending {
    /// One more; `id` is the sender's own, if it is to hear of it.
    pub fn push(&mut self, id: Option<&str>, answer: Ticket) {
        self.0.push_back((id.map(Into::into), answer));
    }

    /// Whether as many wait as may.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// Waits for the answer to the first of them: its id, and its offset if it is in the log. Pending for ever if there is none.
    pub fn poll_first(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<(Option<Box<str>>, Option<u64>)> {
        let Some((_, answer)) = self.0.front_mut() else { return Poll::Pending };
        let offset = ready!(Pin::new(answer).poll(context)).ok().flatten();
        match self.0.pop_front() {
            Some((id, _)) => Poll::Ready((id, offset)),
            None => Poll::Pending,
        }
    }
}
