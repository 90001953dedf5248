//! What is proposed on this node, on its way to the engine: one batch after the other, and who waits hears what became of it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::progress::{Queued, Waiter};
use super::seating::Seating;
use super::{LATE, Newcomer, PATIENCE, Replica};
use crate::broker::Away;
use crate::broker::counts::Counts;
use crate::broker::engine::{Condition, Engine, Entry as Placed, Failure, Place, Proposal, Seen};
use crate::room::Writer;
use crate::room::change::Change;
use crate::room::intent::Entry;
use crate::token::random_id;

impl<E: Engine> Replica<E> {
    /// Has a message put in order.
    pub fn say(self: &Arc<Self>, change: Change<'static>) -> oneshot::Receiver<Option<u64>> {
        let (sender, receiver) = oneshot::channel();
        self.propose(change, Condition::Always, Waiter::Said(sender));
        receiver
    }

    /// Has a change put in order, and waits until it is applied. `None` if nobody knows.
    pub async fn place(
        self: &Arc<Self>,
        change: Change<'static>,
        only_if: Condition,
    ) -> Option<Place> {
        let (sender, receiver) = oneshot::channel();
        self.propose(change, only_if, Waiter::Placed(sender));
        receiver.await.ok()
    }

    /// Lets a newcomer in, or says why not. The room has to be open.
    pub async fn enter(self: &Arc<Self>, newcomer: Newcomer, deadline: Instant) -> Entry {
        let (sender, receiver) = oneshot::channel();
        self.queue(Queued::Seating(Seating::Enter(Box::new(newcomer), sender)));
        match timeout_at(deadline, receiver).await {
            Ok(Ok(entry)) => entry,
            Ok(Err(_)) | Err(_) => Entry::Unreachable,
        }
    }

    /// Has a change of the seats put in order, and waits until it is applied: `decide` is asked what it is until the engine takes
    /// it, and says `None` if there is nothing to do any more, which gives false.
    pub async fn settle(
        self: &Arc<Self>,
        deadline: Instant,
        decide: impl FnMut(&mut Writer<'_>) -> Option<Change<'static>> + Send + 'static,
    ) -> Result<bool, Away> {
        let (sender, receiver) = oneshot::channel();
        self.queue(Queued::Seating(Seating::Settle(Box::new(decide), sender)));
        match timeout_at(deadline, receiver).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(Away),
        }
    }

    fn propose(self: &Arc<Self>, change: Change<'static>, only_if: Condition, waiter: Waiter) {
        let Some(room) = self.room.upgrade() else { return };
        let logged = room.writer().is_logged(&change);
        let proposal = Proposal { tag: random_id(), change, logged, only_if };
        self.queue(Queued::Decided(proposal, waiter));
    }

    /// Puts a message again into the order that is lost in it.
    pub(super) fn say_again(self: &Arc<Self>, lost: &Placed) {
        let Placed { tag, logged, ref change, .. } = *lost;
        let (change, only_if) = (change.clone(), Condition::Always);
        let proposal = Proposal { tag, change, logged, only_if };
        self.queue(Queued::Decided(proposal, Waiter::Nobody));
    }

    /// Has it sent when its turn comes. It is dropped, and whoever waits hears that nobody knows, if the room is not open.
    fn queue(self: &Arc<Self>, queued: Queued) {
        let mut inner = self.lock();
        if inner.seen.is_none() {
            return;
        }
        inner.queue.push_back(queued);
        if !std::mem::replace(&mut inner.sending, true) {
            drop(inner);
            tokio::spawn(self.clone().send());
        }
    }

    /// Sends what was proposed, one batch after the other.
    async fn send(self: Arc<Self>) {
        loop {
            let Some((seen, batch)) = self.next_batch() else { return };
            self.send_batch(seen, batch).await;
        }
    }

    fn next_batch(&self) -> Option<(Seen, Vec<Proposal>)> {
        let Some(room) = self.room.upgrade() else {
            self.lock().sending = false;
            return None;
        };
        let mut inner = self.lock();
        let mut writer = room.writer();
        let batch = inner.next_batch(&mut writer, self.node);
        drop(inner);
        writer.publish();
        batch
    }

    /// Sends one batch, again if nothing comes back: by their tags the engine knows those that it has placed.
    async fn send_batch(self: &Arc<Self>, seen: Seen, batch: Vec<Proposal>) {
        let deadline = Instant::now() + PATIENCE;
        let tags: Vec<u64> = batch.iter().map(|proposal| proposal.tag).collect();
        let began = Instant::now();
        Counts::one(&self.counts.batches);
        self.counts.proposals.fetch_add(batch.len() as u64, Relaxed);
        let mut is_first = true;
        loop {
            let sent = self.engine.append(&self.key, seen, batch.clone());
            match timeout_at(deadline, sent).await {
                Ok(Ok(places)) => {
                    self.counts.placed(began.elapsed());
                    return self.note_places(&tags, &places, deadline).await;
                }
                Ok(Err(Failure::Unknown)) => Counts::one(&self.counts.resends),
                // Not sent again: whoever waits does that by itself, and knows at once that it has to.
                Ok(Err(Failure::Refused)) => {
                    Counts::one(&self.counts.refusals);
                    return self.take_refusal(&tags, is_first);
                }
                Ok(Err(Failure::Changed)) => {
                    self.lock().give_up(&tags);
                    return self.close();
                }
                Err(_) => break,
            }
            is_first = false;
        }
        self.lock().give_up(&tags);
        self.say_lost_again();
    }

    fn take_refusal(self: &Arc<Self>, tags: &[u64], is_known: bool) {
        self.lock().refuse(tags, is_known);
        self.say_lost_again();
    }

    /// What the engine has lost is not in the order yet: nobody waits for it, and it must not be forgotten.
    fn say_lost_again(self: &Arc<Self>) {
        let is_lost = !self.lock().lost.is_empty();
        if is_lost {
            self.try_again();
        }
    }

    /// What was placed is told when it is applied. Changes of the seats that others had changed are decided again.
    async fn note_places(self: &Arc<Self>, tags: &[u64], places: &[Place], deadline: Instant) {
        let mut last = 0;
        let mut said = Vec::new();
        let mut again = Vec::new();
        for (tag, place) in tags.iter().zip(places) {
            match *place {
                Place::At(seq) => last = last.max(seq),
                Place::Said { seq, offset } => {
                    last = last.max(seq);
                    said.push((*tag, offset));
                }
                Place::Conflict => match self.lock().waiting.remove(tag) {
                    Some(Waiter::Placed(sender)) => _ = sender.send(Place::Conflict),
                    Some(Waiter::Seating(seating)) => {
                        Counts::one(&self.counts.conflicts);
                        again.push(Queued::Seating(seating));
                    }
                    Some(Waiter::Said(_) | Waiter::Nobody) | None => {}
                },
            }
        }
        let late = self.wait_for(last, Instant::now() + LATE).await.is_err();
        let is_behind = late || !again.is_empty();
        if is_behind && self.catch_up(deadline).await.is_err() {
            self.lock().give_up(tags);
            return;
        }
        let mut inner = self.lock();
        for (tag, offset) in said {
            if let Some(Waiter::Said(sender)) = inner.waiting.remove(&tag) {
                let _ = sender.send(Some(offset));
            }
        }
        again.into_iter().rev().for_each(|queued| inner.queue.push_front(queued));
    }

    /// Waits until the entry at `seq` is applied.
    async fn wait_for(&self, seq: u64, deadline: Instant) -> Result<(), Away> {
        loop {
            let moved = self.moved.notified();
            if self.lock().seen.is_none_or(|seen| seen.seq >= seq) {
                return Ok(());
            }
            timeout_at(deadline, moved).await.map_err(|_| Away)?;
        }
    }
}
