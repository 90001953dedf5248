//! What a connection that carries many streams is used for: whether anything is under way on it, and whether it is abused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// The use of one connection.
#[derive(Default)]
pub struct Usage {
    begun: AtomicU64,
    open: AtomicU32,
    ended: Notify,
    faults: AtomicU32,
    more_faults: Notify,
}

/// A request under way, or a WebSocket. Dropping it ends the use.
pub struct Use(Arc<Usage>);

impl Usage {
    /// Another stream is used.
    pub fn begin(self: &Arc<Self>) -> Use {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Use(self.clone())
    }

    /// Waits until nothing has used the connection for as long as `idle`.
    pub async fn is_over(&self, idle: Duration) {
        loop {
            let before = self.begun.load(Ordering::Relaxed);
            sleep(idle).await;
            if self.open.load(Ordering::Relaxed) == 0
                && self.begun.load(Ordering::Relaxed) == before
            {
                return;
            }
        }
    }

    /// Waits until nothing uses the connection.
    pub async fn is_unused(&self) {
        while self.open.load(Ordering::Relaxed) > 0 {
            self.ended.notified().await;
        }
    }

    /// Waits until `bound` [faults](Use::fault) were noted.
    pub async fn is_abused(&self, bound: u32) {
        while self.faults.load(Ordering::Relaxed) < bound {
            self.more_faults.notified().await;
        }
    }
}

impl Use {
    /// Notes that the peer made this use of a stream for nothing.
    pub fn fault(&self) {
        self.0.faults.fetch_add(1, Ordering::Relaxed);
        self.0.more_faults.notify_one();
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.ended.notify_one();
    }
}
