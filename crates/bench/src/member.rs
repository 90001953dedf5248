//! A member of a room on any transport, as its task knows it: what it is to do, and where it tells what it hears.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::guest::End;
use crate::target::Target;
use crate::trust::Trust;
use crate::wire::Meter;

/// What a member is to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Say this.
    Say(Vec<u8>),
    /// Say goodbye.
    Leave,
}

#[derive(Debug)]
pub(crate) enum What {
    Opened,
    Text(Vec<u8>),
    Ended(End),
}

#[derive(Debug)]
pub(crate) struct Happening {
    pub(crate) link: usize,
    /// Which of the member's connections it happened on.
    pub(crate) life: u64,
    pub(crate) now: u64,
    pub(crate) what: What,
}

/// Where tasks leave what happened, and whom it wakes.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) happenings: Mutex<Vec<Happening>>,
    pub(crate) filled: Notify,
}

/// A member as its task knows it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) place: Place,
    pub(crate) orders: UnboundedReceiver<Order>,
}

/// Where a member is, and what it hears with.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) link: usize,
    pub(crate) room: usize,
    pub(crate) client: usize,
    pub(crate) target: Arc<Target>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) trust: Arc<Trust>,
    pub(crate) ears: Ears,
}

/// What a member hears with.
#[derive(Debug, Clone)]
pub(crate) struct Ears {
    pub(crate) link: usize,
    pub(crate) life: u64,
    pub(crate) start: Instant,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Ears {
    /// Messages can go both ways.
    pub(crate) fn opened(&self) {
        self.post(What::Opened);
    }

    /// A message came.
    pub(crate) fn hear(&self, text: &[u8]) {
        self.post(What::Text(text.to_vec()));
    }

    /// Something happened.
    pub(crate) fn post(&self, what: What) {
        let now = self.start.elapsed().as_nanos() as u64;
        let happening = Happening { link: self.link, life: self.life, now, what };
        let mut happenings = self.mailbox.happenings.lock().unwrap_or_else(PoisonError::into_inner);
        happenings.push(happening);
        if happenings.len() == 1 {
            self.mailbox.filled.notify_one();
        }
    }
}
