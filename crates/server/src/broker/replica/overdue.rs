//! Members who did not come back in time.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::progress::BATCH;
use super::{PATIENCE, Replica};
use crate::broker::engine::Engine;
use crate::room::Writer;

impl<E: Engine> Replica<E> {
    /// Takes out those whose time is over at `now` (microseconds since the start), as many in one batch as it takes, unless somebody
    /// does so already. Another node may do the same at the same moment; each member leaves once.
    pub async fn expire(self: Arc<Self>, now: u64) {
        if std::mem::replace(&mut self.lock().expiring, true) {
            return;
        }
        while let Some(room) = self.room.upgrade() {
            let overdue = room.writer().state().all_overdue(now, BATCH);
            if overdue.is_empty() {
                break;
            }
            let deadline = Instant::now() + PATIENCE;
            let leaving = overdue.into_iter().map(|member| {
                let decide = move |room: &mut Writer<'_>| room.state().decide_overdue(member, now);
                self.settle(deadline, decide)
            });
            if join_all(leaving).await.iter().any(Result::is_err) {
                // The engine is asked again by a later look at the room, but not by the next of each half a second.
                sleep(PATIENCE).await;
                break;
            }
        }
        self.lock().expiring = false;
    }
}
