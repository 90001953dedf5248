//! What may be asked of a connection from any thread: to close, to show that it is alive, to look again.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use hamhame_core::codes::CloseCode;
use tokio::sync::Notify;

/// The one thread-safe part of a connection. Asking wakes the connection's own task, which does it.
#[derive(Debug, Default)]
pub struct Signal {
    wake: Notify,
    close: AtomicU16,
    retry_after_ms: AtomicU32,
    asked: AtomicBool,
    /// Nobody will answer any more.
    gone: AtomicBool,
    answer: Notify,
}

impl Signal {
    /// Makes the connection's task look at its link and at this signal again.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits for the next [`wake`](Self::wake); one that came before is not lost.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Asks the connection to end with `code`. The first reason given stands.
    pub fn close(&self, code: CloseCode) {
        let _ = self.close.compare_exchange(0, code.code(), Ordering::AcqRel, Ordering::Relaxed);
        self.wake();
    }

    /// Asks the connection to end because the server goes, and tells the client when to come back.
    pub fn shut_down(&self, retry_after: Duration) {
        self.retry_after_ms.store(retry_after.as_millis() as u32, Ordering::Release);
        self.close(CloseCode::ServiceRestart);
    }

    /// The code asked for, if any.
    pub fn close_asked(&self) -> Option<u16> {
        match self.close.load(Ordering::Acquire) {
            0 => None,
            code => Some(code),
        }
    }

    /// When a client that is sent away by [`shut_down`](Self::shut_down) should come back.
    pub fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after_ms.load(Ordering::Acquire).into())
    }

    /// Whether the connection answers a ping within `patience`. One that ends meanwhile does not.
    pub async fn answers(&self, patience: Duration) -> bool {
        let mut answered = std::pin::pin!(self.answer.notified());
        answered.as_mut().enable();
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.wake();
        }
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
        self.answer.notify_waiters();
    }

    /// Something came from a client that stays: whoever asked is answered.
    pub fn heard(&self) {
        // A plain load first: this runs on every read, and nearly always nobody has asked.
        if self.asked.load(Ordering::Relaxed) {
            self.asked.store(false, Ordering::Release);
            self.answer.notify_waiters();
        }
    }
}
