//! What the engine did not take and nobody waits for: that connections are over, that nodes have ended, and messages that the
//! engine has lost. It is tried again, however long that takes. Whoever waits is told at once, and tries again by itself.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::Replica;
use crate::broker::engine::Engine;
use crate::room::change::Connection;
use crate::token::random_id;

/// Time between two tries: the first, and the most. Each is a random share of it longer.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(4));

impl<E: Engine> Replica<E> {
    /// Has all of it tried again after a while, until it is taken.
    pub(super) fn try_again(self: &Arc<Self>) {
        let mut inner = self.lock();
        inner.untaken = true;
        if std::mem::replace(&mut inner.trying, true) {
            return;
        }
        drop(inner);
        let replica = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut pause = RETRY.0;
            loop {
                let jitter = random_id() % pause.as_millis() as u64;
                sleep(pause + Duration::from_millis(jitter)).await;
                pause = (2 * pause).min(RETRY.1);
                let Some(replica) = replica.upgrade() else { return };
                if replica.engine.is_reached() && !replica.engine.refuses() {
                    replica.try_all().await;
                }
                let mut inner = replica.lock();
                // A room that is opened again begins with all of it.
                inner.trying = inner.untaken && inner.seen.is_some();
                if !inner.trying {
                    return;
                }
            }
        });
    }

    async fn try_all(self: &Arc<Self>) {
        let (lost, partings) = {
            let mut inner = self.lock();
            inner.untaken = false;
            let waits = |tag: &u64| inner.waiting.contains_key(tag);
            let lost: Vec<_> =
                inner.lost.iter().filter(|lost| !waits(&lost.tag)).cloned().collect();
            let partings: Vec<_> =
                inner.partings.iter().map(|(number, (member, _))| (*number, *member)).collect();
            (lost, partings)
        };
        lost.iter().for_each(|lost| self.say_again(lost));
        let vacating = partings.into_iter().map(|(number, member)| {
            self.clone().vacate(member, Connection { node: self.node, number })
        });
        join_all(vacating).await;
        self.clone().find_ended().await;
    }
}
