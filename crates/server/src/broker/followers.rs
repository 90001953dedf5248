//! Who follows rooms on this node, by the channel on which an engine tells of a room. Nothing here walks all rooms under the lock:
//! who wants all of them takes a few at a time.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hamhame_core::id::Id;
use tokio::time::{sleep, timeout};

use super::engine::{Follower, Question};
use crate::room::change::NodeId;

/// Looks in which all followers have a turn: a minute, with one each three seconds.
const ROUND: usize = 20;

/// Followers that are told something together, and the time until the next ones are: each of them may ask the engine.
const AT_A_TIME: usize = 64;
const BREATH: Duration = Duration::from_millis(10);

/// See the module.
#[derive(Default)]
pub struct Followers {
    channels: Mutex<BTreeMap<String, Vec<Weak<dyn Follower>>>>,
    /// Channels that somebody followed who is gone.
    left: Mutex<Vec<String>>,
}

impl Followers {
    /// One more.
    pub fn add(&self, channel: String, follower: Weak<dyn Follower>) {
        self.lock().entry(channel).or_default().push(follower);
    }

    /// One that followed the room is gone.
    pub fn leave(&self, channel: String) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push(channel);
    }

    /// The channels that nobody follows any more, of those that somebody has left since this was asked.
    pub fn abandoned(&self) -> Vec<String> {
        let mut left =
            std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        left.retain(|channel| {
            let mut channels = self.lock();
            let Some(here) = channels.get_mut(channel) else { return false };
            here.retain(|follower| follower.strong_count() > 0);
            let is_left = here.is_empty();
            if is_left {
                channels.remove(channel);
            }
            is_left
        });
        left
    }

    /// Whether somebody follows the room.
    pub fn has(&self, channel: &str) -> bool {
        self.lock().contains_key(channel)
    }

    /// Who follows the room with this channel.
    pub fn of(&self, channel: &str) -> Vec<Arc<dyn Follower>> {
        self.lock().get(channel).into_iter().flatten().filter_map(Weak::upgrade).collect()
    }

    /// Whether the connection that another node asks for shows in time that it is there. Nobody holds a seat here if nobody follows
    /// the room.
    pub fn ask(
        &self,
        channel: &str,
        question: Question,
        patience: Duration,
    ) -> impl Future<Output = bool> + Send + use<> {
        let asked = self.of(channel).into_iter().next().map(|follower| follower.question(question));
        async move {
            let Some(asked) = asked else { return false };
            timeout(question.patience + patience, asked).await.unwrap_or(false)
        }
    }

    /// The next channels behind this one, so many at most.
    pub fn behind(&self, channel: &str, most: usize) -> Vec<String> {
        let behind = (Bound::Excluded(channel), Bound::Unbounded);
        let channels = self.lock();
        channels.range::<str, _>(behind).take(most).map(|(channel, _)| channel.clone()).collect()
    }

    /// Has all followers do something, a few at a time.
    pub async fn each(self: Arc<Self>, act: impl Fn(Arc<dyn Follower>)) {
        let mut last = String::new();
        loop {
            let channels = self.behind(&last, AT_A_TIME);
            let Some(end) = channels.last() else { return };
            last.clone_from(end);
            for channel in &channels {
                self.of(channel).into_iter().for_each(&act);
            }
            sleep(BREATH).await;
        }
    }

    /// Has all followers look for what did not come.
    pub fn look_everywhere(self: &Arc<Self>) {
        tokio::spawn(self.clone().each(|follower| follower.look()));
    }

    /// Has some followers look, the next ones each time, so that all have their turn within a [`ROUND`]: what is not heard of may
    /// have been lost, with a subscription that is none any more or with the whole room.
    pub fn look_around(&self, last: &mut String) {
        let share = self.lock().len().div_ceil(ROUND);
        let channels = self.behind(last, share);
        // Behind the last one the round begins again.
        let end = channels.last().filter(|_| channels.len() == share);
        *last = end.cloned().unwrap_or_default();
        for channel in channels {
            self.of(&channel).into_iter().for_each(|follower| follower.look());
        }
    }

    /// Tells all of the nodes whose leases are over. Those in `told` they have been told of.
    pub fn tell_ended(self: &Arc<Self>, over: HashSet<NodeId>, told: &mut HashSet<NodeId>) {
        for node in over.difference(told).copied() {
            tracing::warn!(node = %Id::new(node.0), "a node has ended");
            tokio::spawn(self.clone().each(move |follower| follower.ended(node)));
        }
        *told = over;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Weak<dyn Follower>>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
