//! What was typed and is not acknowledged. It goes out one by one, so that it stays in order whatever is refused meanwhile, and
//! again after a reconnect: under the same id the server stores it once.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Lines that may wait; who types further waits, too.
const MOST: usize = 100;

/// For so long the server is sure to know a message again: a day, less what clocks differ by (docs/reference/protocol.md, "How long
/// an `id` is known").
const KNOWN: Duration = Duration::from_hours(23);

/// Messages on their way.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Outgoing>,
    /// The first of them was sent over this connection.
    under_way: bool,
    /// It is not to be sent before.
    not_before: Option<Instant>,
    counted: u64,
    prefix: String,
}

/// One message.
#[derive(Debug)]
pub struct Outgoing {
    /// The client's own id for it.
    pub id: String,
    /// What is said.
    pub content: String,
    /// When it went out for the first time. The wall clock goes on while the machine sleeps.
    first_sent: Option<SystemTime>,
}

impl Outbox {
    /// Ids begin with `prefix`, so that those of two runs are never the same.
    pub fn new(prefix: String) -> Outbox {
        Outbox { prefix, ..Outbox::default() }
    }

    /// Adds a message.
    pub fn add(&mut self, content: String) {
        self.counted += 1;
        let id = format!("{}-{}", self.prefix, self.counted);
        self.waiting.push_back(Outgoing { id, content, first_sent: None });
    }

    /// Whether another line may be typed.
    pub fn takes_more(&self) -> bool {
        self.waiting.len() < MOST
    }

    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What is to be sent now, once.
    pub fn next(&mut self) -> Option<&Outgoing> {
        if self.under_way || self.not_before.is_some_and(|at| at > Instant::now()) {
            return None;
        }
        self.not_before = None;
        let next = self.waiting.front_mut()?;
        next.first_sent.get_or_insert_with(SystemTime::now);
        self.under_way = true;
        Some(next)
    }

    /// When there will be something to send that waits now.
    pub fn due(&self) -> Option<Instant> {
        self.not_before.filter(|_| !self.under_way)
    }

    /// The connection is another one, now: what was under way goes out again. Gives back what it said if that was so long ago that
    /// the server might not know it again, and say it twice.
    pub fn begin_again(&mut self, now: SystemTime) -> Option<String> {
        self.under_way = false;
        let sent = self.waiting.front()?.first_sent?;
        // A clock that was set back by so much tells nothing either.
        let age = now.duration_since(sent).unwrap_or_else(|error| error.duration());
        if age < KNOWN {
            return None;
        }
        self.waiting.pop_front().map(|outgoing| outgoing.content)
    }

    /// This message is in the log.
    pub fn acknowledge(&mut self, id: &str) {
        if self.is_first(id) {
            self.waiting.pop_front();
            self.under_way = false;
        }
    }

    /// This message was refused for now.
    pub fn postpone(&mut self, id: &str, wait: Duration) {
        if self.is_first(id) {
            self.under_way = false;
            self.not_before = Some(Instant::now() + wait);
        }
    }

    /// This message was refused for good; gives what it said.
    pub fn give_up(&mut self, id: &str) -> Option<String> {
        if !self.is_first(id) {
            return None;
        }
        self.under_way = false;
        self.waiting.pop_front().map(|outgoing| outgoing.content)
    }

    fn is_first(&self, id: &str) -> bool {
        self.waiting.front().is_some_and(|outgoing| outgoing.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(outbox: &mut Outbox) -> Option<String> {
        outbox.next().map(|outgoing| outgoing.content.clone())
    }

    #[tokio::test(start_paused = true)]
    async fn messages_go_out_in_order_one_by_one_and_again_after_a_reconnect() {
        let mut outbox = Outbox::new("a".into());
        outbox.add("one".into());
        outbox.add("two".into());
        assert_eq!(sent(&mut outbox).as_deref(), Some("one"));
        assert_eq!(sent(&mut outbox), None, "not before it is acknowledged");
        assert_eq!(outbox.begin_again(SystemTime::now()), None);
        assert_eq!(sent(&mut outbox).as_deref(), Some("one"));
        outbox.acknowledge("a-1");
        assert_eq!(sent(&mut outbox).as_deref(), Some("two"));
        outbox.postpone("a-2", Duration::from_secs(3));
        assert_eq!(sent(&mut outbox), None, "not before the time");
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(sent(&mut outbox).as_deref(), Some("two"));
        assert_eq!(outbox.give_up("a-2").as_deref(), Some("two"));
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_went_out_a_day_ago_and_was_not_answered_is_not_said_again() {
        let day = Duration::from_hours(24);
        for (then, kept) in [
            (SystemTime::now() + day / 2, true),
            (SystemTime::now() + day, false),
            (SystemTime::now() - day, false),
        ] {
            let mut outbox = Outbox::new("a".into());
            outbox.add("one".into());
            outbox.add("two".into());
            assert_eq!(sent(&mut outbox).as_deref(), Some("one"));
            let given_up = outbox.begin_again(then);
            assert_eq!(given_up.as_deref(), (!kept).then_some("one"), "{then:?}");
            // What never went out goes out at any age.
            let next = sent(&mut outbox);
            assert_eq!(next.as_deref(), Some(if kept { "one" } else { "two" }), "{then:?}");
        }
    }

    #[test]
    fn an_answer_about_another_message_changes_nothing() {
        let mut outbox = Outbox::new("a".into());
        outbox.add("one".into());
        outbox.acknowledge("a-2");
        assert_eq!(outbox.give_up("b-1"), None);
        assert!(!outbox.is_empty());
    }
}
