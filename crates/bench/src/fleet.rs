//! The connections of a run, whatever transport they are on, and what happens on them.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::guest::Guest;
use crate::sockets::Sockets;
use crate::target::Target;
use crate::tasks::Tasks;
use crate::wire::Wire;

/// Connections to one server. They have numbers from 0; each is a member of one room.
#[derive(Debug)]
pub enum Fleet {
    /// Plain WebSockets, by a loop that costs the generator as little as possible.
    Sockets(Sockets),
    /// Everything else: a task each.
    Tasks(Tasks),
}

/// The same on either kind.
macro_rules! on_either {
    ($fleet:expr, $it:ident => $what:expr) => {
        match $fleet {
            Fleet::Sockets($it) => $what,
            Fleet::Tasks($it) => $what,
        }
    };
}

impl Fleet {
    /// As many connections as `seats`, none of them open.
    ///
    /// # Errors
    ///
    /// The system gives no poller.
    pub fn new(target: Target, seats: Vec<(usize, usize)>, at_once: usize) -> Result<Self> {
        Ok(if target.is_plain_websocket() {
            Self::Sockets(Sockets::new(target, seats, at_once)?)
        } else {
            Self::Tasks(Tasks::new(target, seats, at_once)?)
        })
    }

    /// The generator's clock: nanoseconds since this fleet was made.
    pub fn now(&self) -> u64 {
        on_either!(self, fleet => fleet.now())
    }

    /// What has gone over all of them so far.
    pub fn wire(&self) -> Wire {
        match self {
            Self::Sockets(sockets) => sockets.wire,
            Self::Tasks(tasks) => tasks.wire(),
        }
    }

    /// How long a member may hear nothing although there is something to hear.
    pub fn lull(&self) -> Duration {
        match self {
            Self::Sockets(_) => Duration::ZERO,
            Self::Tasks(tasks) => tasks.lull(),
        }
    }

    /// From its next handshake on a connection goes to the node with this number: 0 for the first address, 1 for the next.
    ///
    /// # Errors
    ///
    /// It is no plain WebSocket.
    pub fn direct(&mut self, link: usize, node: usize) -> Result<()> {
        let Self::Sockets(sockets) = self else {
            bail!("only who is on a plain WebSocket can change its node")
        };
        sockets.direct(link, node);
        Ok(())
    }

    /// Opens a connection as soon as fewer than the allowed number of handshakes are under way.
    pub fn open(&mut self, link: usize) {
        on_either!(self, fleet => fleet.open(link));
    }

    /// The handshake of a connection is over, join included, well or badly: another may begin.
    pub fn opened(&mut self) {
        on_either!(self, fleet => fleet.opened());
    }

    /// Cuts a connection off, without a goodbye.
    pub fn cut(&mut self, link: usize) {
        on_either!(self, fleet => fleet.cut(link));
    }

    /// Reads nothing more from a connection: a peer that has stalled.
    ///
    /// # Errors
    ///
    /// As epoll and the socket report them, or it is no plain WebSocket.
    pub fn stall(&mut self, link: usize) -> Result<()> {
        let Self::Sockets(sockets) = self else {
            bail!("only who is on a plain WebSocket can stall")
        };
        sockets.stall(link)
    }

    /// Sends a text message on a connection.
    pub fn send(&mut self, link: usize, payload: &[u8], guest: &mut impl Guest) {
        self.put(link, payload);
        self.write_all(guest);
    }

    /// Puts a text message on a connection's way, to be written by [`write_all`](Self::write_all).
    pub fn put(&mut self, link: usize, payload: &[u8]) {
        on_either!(self, fleet => fleet.put(link, payload));
    }

    /// Writes what was put. (A task is told at once.)
    pub fn write_all(&mut self, guest: &mut impl Guest) {
        if let Self::Sockets(sockets) = self {
            sockets.write_all(guest);
        }
    }

    /// Waits at most `timeout` for something to happen, and lets `guest` see all that did.
    ///
    /// # Errors
    ///
    /// The poller fails, or a connection cannot be begun for want of addresses or file descriptors.
    pub fn pump(&mut self, timeout: Duration, guest: &mut impl Guest) -> Result<()> {
        on_either!(self, fleet => fleet.pump(timeout, guest))
    }

    /// Closes all that is open with a goodbye each, and cuts them off once the server answers or `patience` is over.
    ///
    /// # Errors
    ///
    /// The poller fails.
    pub fn close(&mut self, patience: Duration) -> Result<()> {
        on_either!(self, fleet => fleet.close(patience))
    }
}
