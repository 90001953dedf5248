//! Members on any transport, a task each, all on this thread. What they hear is kept in order until the fleet is pumped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::guest::{End, Guest, Outbox};
use crate::member::{Ears, Happening, Mailbox, Member, Order, Place, What};
use crate::target::Target;
use crate::transport::live;
use crate::trust::Trust;
use crate::wire::{Meter, Wire};

#[derive(Debug, Default)]
struct Slot {
    life: u64,
    task: Option<(JoinHandle<()>, UnboundedSender<Order>)>,
}

/// Members of one server, a task each. They have numbers from 0.
#[derive(Debug)]
pub struct Tasks {
    runtime: Runtime,
    target: Arc<Target>,
    trust: Arc<Trust>,
    meter: Arc<Meter>,
    mailbox: Arc<Mailbox>,
    happened: Vec<Happening>,
    slots: Vec<Slot>,
    /// Per member: its room, and its number in the name.
    seats: Vec<(usize, usize)>,
    to_open: VecDeque<usize>,
    opening: usize,
    at_once: usize,
    start: Instant,
}

impl Outbox for &UnboundedSender<Order> {
    fn text(&mut self, payload: &[u8]) {
        // A task that has ended says so itself.
        let _ = self.send(Order::Say(payload.to_vec()));
    }
}

impl Tasks {
    /// As many members as `seats`, none of them connected.
    ///
    /// # Errors
    ///
    /// The system gives no poller.
    pub fn new(target: Target, seats: Vec<(usize, usize)>, at_once: usize) -> Result<Self> {
        let runtime =
            Builder::new_current_thread().enable_all().build().context("no epoll instance")?;
        let mailbox = Mailbox { happenings: Mutex::default(), filled: Notify::new() };
        Ok(Self {
            runtime,
            target: Arc::new(target),
            trust: Arc::new(Trust::new()),
            meter: Arc::default(),
            mailbox: Arc::new(mailbox),
            happened: Vec::new(),
            slots: seats.iter().map(|_| Slot::default()).collect(),
            seats,
            to_open: VecDeque::new(),
            opening: 0,
            at_once: at_once.max(1),
            start: Instant::now(),
        })
    }

    /// The generator's clock: nanoseconds since this fleet was made.
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// What has gone over all connections so far.
    pub fn wire(&self) -> Wire {
        self.meter.read()
    }

    /// How long a member may hear nothing although there is something to hear.
    pub fn lull(&self) -> Duration {
        self.target.lull()
    }

    /// Connects a member as soon as fewer than the allowed number of handshakes are under way.
    pub fn open(&mut self, link: usize) {
        self.to_open.push_back(link);
    }

    /// The handshake of a connection is over, join included, well or badly: another may begin.
    pub fn opened(&mut self) {
        self.opening = self.opening.saturating_sub(1);
    }

    /// Cuts a member off, without a goodbye.
    pub fn cut(&mut self, link: usize) {
        let slot = &mut self.slots[link];
        slot.life += 1;
        if let Some((task, _)) = slot.task.take() {
            task.abort();
        }
    }

    /// Has a member say something.
    pub fn put(&mut self, link: usize, payload: &[u8]) {
        if let Some((_, orders)) = &self.slots[link].task {
            let mut outbox = orders;
            outbox.text(payload);
        }
    }

    /// Waits at most `timeout` for something to happen, and lets `guest` see all that did.
    ///
    /// # Errors
    ///
    /// There are no addresses to connect from.
    pub fn pump(&mut self, timeout: Duration, guest: &mut impl Guest) -> Result<()> {
        self.begin_handshakes(guest)?;
        let Self { runtime, mailbox, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = mailbox.filled.notified() => {}
                () = wait(timeout) => {}
            }
        });
        let mut happened = std::mem::take(&mut self.happened);
        {
            let mut new = mailbox.happenings.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut *new, &mut happened);
        }
        for happening in happened.drain(..) {
            self.tell(happening, guest);
        }
        self.happened = happened;
        Ok(())
    }

    /// Has everyone say goodbye, and cuts off who has not gone when `patience` is over.
    ///
    /// # Errors
    ///
    /// As [`pump`](Self::pump).
    pub fn close(&mut self, patience: Duration) -> Result<()> {
        struct Leaving;
        impl Guest for Leaving {
            fn connecting(&mut self, _: usize, _: u64) {}
            fn opened(&mut self, _: usize, _: u64, _: &mut impl Outbox) {}
            fn text(&mut self, _: usize, _: &[u8], _: u64, _: &mut impl Outbox) {}
            fn ended(&mut self, _: usize, _: End) {}
        }
        self.to_open.clear();
        for slot in &self.slots {
            if let Some((_, orders)) = &slot.task {
                // A task that has ended has nobody to say goodbye for.
                let _ = orders.send(Order::Leave);
            }
        }
        let until = Instant::now() + patience;
        while self.slots.iter().any(|slot| slot.task.is_some()) && Instant::now() < until {
            self.pump(Duration::from_millis(50), &mut Leaving)?;
        }
        for link in 0..self.slots.len() {
            self.cut(link);
        }
        Ok(())
    }

    fn begin_handshakes(&mut self, guest: &mut impl Guest) -> Result<()> {
        while self.opening < self.at_once {
            let Some(link) = self.to_open.pop_front() else { break };
            self.target.source(link)?;
            self.opening += 1;
            guest.connecting(link, self.now());
            self.begin(link);
        }
        Ok(())
    }

    fn begin(&mut self, link: usize) {
        self.cut(link);
        let (room, client) = self.seats[link];
        let slot = &mut self.slots[link];
        let (sender, orders) = unbounded_channel();
        let ears = Ears { link, life: slot.life, start: self.start, mailbox: self.mailbox.clone() };
        let place = Place {
            link,
            room,
            client,
            target: self.target.clone(),
            meter: self.meter.clone(),
            trust: self.trust.clone(),
            ears,
        };
        let mut member = Member { place, orders };
        let task = self.runtime.spawn(async move {
            let end = live(&mut member).await;
            member.place.ears.post(What::Ended(end));
        });
        slot.task = Some((task, sender));
    }

    fn tell(&mut self, happening: Happening, guest: &mut impl Guest) {
        let Happening { link, life, now, what } = happening;
        let slot = &mut self.slots[link];
        let Some((_, orders)) = slot.task.as_ref().filter(|_| slot.life == life) else { return };
        match what {
            What::Opened => guest.opened(link, now, &mut &*orders),
            What::Text(text) => guest.text(link, &text, now, &mut &*orders),
            What::Ended(end) => {
                slot.task = None;
                guest.ended(link, end);
            }
        }
    }
}

/// Waits for this long to the microsecond, where the runtime's own timers know milliseconds: a message is to leave when it
/// is due. The last millisecond is spent on looking at the clock, and at what comes meanwhile.
async fn wait(span: Duration) {
    const COARSE: Duration = Duration::from_millis(1);
    let until = Instant::now() + span;
    if let Some(long) = span.checked_sub(COARSE) {
        tokio::time::sleep(long).await;
    }
    tokio::task::yield_now().await;
    while Instant::now() < until {
        tokio::task::yield_now().await;
    }
}
