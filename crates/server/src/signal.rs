//! What may be asked of a connection from any thread: to close, to show that it is alive, to look again.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use hamhame_core::codes::CloseCode;
use tokio::sync::Notify;

/// The one thread-safe part of a connection. Asking wakes the connection's own task, which does it.
#[derive(Debug, Default)]
pub struct Signal {
    /// Only one task waits for it, so this needs no list of those who wait.
    wake: AtomicWaker,
    /// Since the task looked last.
    woken: AtomicBool,
    asked: AtomicBool,
    /// Another node has heard of the client.
    heard_elsewhere: AtomicBool,
    /// Nobody will answer any more.
    gone: AtomicBool,
    close: AtomicU16,
    /// See [`replace`](Signal::replace); 0 if it was not, and one more than the time else.
    replaced_at: AtomicU64,
    retry_after_ms: AtomicU32,
    /// There only once somebody has asked, which nearly nobody ever does.
    answer: OnceLock<Box<Notify>>,
}

impl Signal {
    /// Makes the connection's task look at its link and at this signal again.
    pub fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.wake.wake();
    }

    /// Waits for the next [`wake`](Self::wake); one that came before is not lost. For the connection's own task alone.
    pub fn poll_woken(&self, context: &mut Context<'_>) -> Poll<()> {
        // First, so that a wake which comes between the look and the end finds whom to wake.
        self.wake.register(context.waker());
        // A plain load: this runs at every turn of the connection, and nearly always nobody has asked for anything.
        if self.woken.load(Ordering::Acquire) && self.woken.swap(false, Ordering::AcqRel) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Asks the connection to end with `code`. The first reason given stands.
    pub fn close(&self, code: CloseCode) {
        let _ = self.close.compare_exchange(0, code.code(), Ordering::AcqRel, Ordering::Relaxed);
        self.wake();
    }

    /// Asks the connection to end as one of another process took its seat. What came by it after this time (µs since the start) is
    /// of the client that has that one; 0 if nobody knows.
    pub fn replace(&self, at: u64) {
        self.replaced_at.store(at.saturating_add(1), Ordering::Release);
        self.close(CloseCode::SessionReplaced);
    }

    /// See [`replace`](Self::replace).
    pub fn replaced_at(&self) -> Option<u64> {
        self.replaced_at.load(Ordering::Acquire).checked_sub(1)
    }

    /// Asks the connection to end because the server goes, and tells the client when to come back.
    pub fn shut_down(&self, retry_after: Duration) {
        self.retry_after_ms.store(retry_after.as_millis() as u32, Ordering::Release);
        self.close(CloseCode::ServiceRestart);
    }

    /// The code asked for, if any.
    pub fn close_asked(&self) -> Option<CloseCode> {
        CloseCode::from_code(self.close.load(Ordering::Acquire))
    }

    /// When a client that is sent away by [`shut_down`](Self::shut_down) should come back.
    pub fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after_ms.load(Ordering::Acquire).into())
    }

    /// Whether the connection answers a ping within `patience`. One that ends meanwhile does not.
    pub async fn answers(&self, patience: Duration) -> bool {
        let answer = self.answer.get_or_init(Box::default);
        let mut answered = std::pin::pin!(answer.notified());
        answered.as_mut().enable();
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.wake();
        }
        // Either this sees that the connection is gone, or its end sees that somebody waits.
        fence(Ordering::SeqCst);
        let is_gone = || self.gone.load(Ordering::Acquire);
        !is_gone() && tokio::time::timeout(patience, answered).await.is_ok() && !is_gone()
    }

    /// Whether somebody waits for an answer: the connection's task then sends a ping.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// The conversation is over, whatever still comes from the client: nobody need wait for its answer.
    pub fn end(&self) {
        self.gone.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        self.notify();
    }

    /// Something came from a client that stays: whoever asked is answered.
    pub fn heard(&self) {
        // A plain load first: this runs on every read, and nearly always nobody has asked.
        if self.asked.load(Ordering::Relaxed) && self.asked.swap(false, Ordering::AcqRel) {
            self.notify();
        }
    }

    /// Something came from the client to another node. For a lease, which has its task renew it.
    pub fn heard_elsewhere(&self) {
        self.heard_elsewhere.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether it did since this was asked last.
    pub fn was_heard_elsewhere(&self) -> bool {
        self.heard_elsewhere.swap(false, Ordering::AcqRel)
    }

    fn notify(&self) {
        if let Some(answer) = self.answer.get() {
            answer.notify_waiters();
        }
    }
}

/// A byte stream that can go on asks its connection to look again.
impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        Signal::wake(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Signal::wake(self);
    }
}
