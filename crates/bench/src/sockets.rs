//! Plain WebSockets, many on one thread: a loop over a [`poller`](crate::poller) that costs little beside what it measures.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::guest::{End, Guest, Outbox};
use crate::link::{Frames, Keys, Link, State, walk_frames};
use crate::poller::{Interest, Poller, Ready};
use crate::target::Target;
use crate::wire::Wire;

/// Connections to one server. They have numbers from 0; each is a member of one room.
#[derive(Debug)]
pub struct Sockets {
    target: Target,
    poller: Poller,
    ready: Vec<Ready>,
    links: Vec<Link>,
    /// Per connection: its room, and its number in the name.
    seats: Vec<(usize, usize)>,
    /// Per connection: the number of the node that it goes to.
    nodes: Vec<usize>,
    /// Those to be opened still, and how many handshakes may be under way.
    to_open: VecDeque<usize>,
    opening: usize,
    /// Those with messages that [`put`](Self::put) left unwritten.
    unwritten: Vec<usize>,
    at_once: usize,
    buffer: Vec<u8>,
    keys: Keys,
    start: Instant,
    /// What has gone over all of them.
    pub(crate) wire: Wire,
}

/// What one read takes at most; a whole batch of a busy room.
const BUFFER: usize = 256 * 1024;

impl Sockets {
    /// As many connections as `seats`, none of them open.
    ///
    /// # Errors
    ///
    /// The system gives no poller.
    pub fn new(target: Target, seats: Vec<(usize, usize)>, at_once: usize) -> Result<Self> {
        let start = Instant::now();
        let seed = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |now| now.as_nanos() as u64);
        Ok(Self {
            target,
            poller: Poller::new().context("no epoll instance")?,
            ready: Vec::new(),
            links: seats.iter().map(|_| Link::down()).collect(),
            nodes: (0..seats.len()).collect(),
            seats,
            to_open: VecDeque::new(),
            opening: 0,
            unwritten: Vec::new(),
            at_once: at_once.max(1),
            buffer: vec![0; BUFFER],
            keys: Keys::new(seed),
            start,
            wire: Wire::default(),
        })
    }

    /// The generator's clock: nanoseconds since this fleet was made.
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// The number of connections, open or not.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// From its next handshake on a connection goes to the node with this number.
    pub fn direct(&mut self, link: usize, node: usize) {
        self.nodes[link] = node;
    }

    /// Opens a connection as soon as fewer than the allowed number of handshakes are under way.
    pub fn open(&mut self, link: usize) {
        self.to_open.push_back(link);
    }

    /// The handshake of a connection is over, join included, well or badly: another may begin.
    pub fn opened(&mut self) {
        self.opening = self.opening.saturating_sub(1);
    }

    /// Cuts a connection off: the server gets a reset.
    pub fn cut(&mut self, link: usize) {
        self.links[link].reset();
    }

    /// Reads nothing more from a connection: a peer that has stalled. Its kernel is to hold little, so that it is the server
    /// that soon has to hold, or not to hold, what the peer does not take.
    ///
    /// # Errors
    ///
    /// As epoll and the socket report them.
    pub fn stall(&mut self, link: usize) -> Result<()> {
        let Some(stream) = &self.links[link].stream else { return Ok(()) };
        socket2::SockRef::from(stream).set_recv_buffer_size(4096).context("a receive buffer")?;
        self.poller.change(stream, link, Interest::Nothing).context("epoll")
    }

    /// Puts a text message on a connection's way, to be written by [`write_all`](Self::write_all): all that is
    /// due at once takes one system call.
    pub fn put(&mut self, link: usize, payload: &[u8]) {
        self.frame(link, |frames| frames.text(payload));
    }

    fn frame(&mut self, link: usize, write: impl FnOnce(&mut Frames<'_>)) {
        let Self { links, keys, unwritten, .. } = self;
        let Link { state: State::Open, out, .. } = &mut links[link] else { return };
        if out.is_empty() {
            unwritten.push(link);
        }
        write(&mut Frames { bytes: out, keys });
    }

    /// Writes what was put.
    pub fn write_all(&mut self, guest: &mut impl Guest) {
        while let Some(link) = self.unwritten.pop() {
            if let Err(end) = self.flush(link) {
                self.end(link, end, guest);
            }
        }
    }

    /// Waits at most `timeout` for something to happen, and lets `guest` see all that did.
    ///
    /// # Errors
    ///
    /// The poller fails, or a connection cannot be begun for want of addresses or file descriptors.
    pub fn pump(&mut self, timeout: Duration, guest: &mut impl Guest) -> Result<()> {
        self.begin_handshakes(guest)?;
        let mut ready = std::mem::take(&mut self.ready);
        self.poller.wait(Some(timeout), &mut ready).context("epoll")?;
        for event in &ready {
            if let Err(end) = self.turn(event, guest) {
                self.end(event.token, end, guest);
            }
        }
        self.ready = ready;
        Ok(())
    }

    /// Closes all that is open: a close frame each, and a reset once the server answers or `patience` is over.
    ///
    /// # Errors
    ///
    /// The poller fails.
    pub fn close(&mut self, patience: Duration) -> Result<()> {
        struct Leaving(usize);
        impl Guest for Leaving {
            fn connecting(&mut self, _: usize, _: u64) {}
            fn opened(&mut self, _: usize, _: u64, _: &mut impl Outbox) {}
            fn text(&mut self, _: usize, _: &[u8], _: u64, _: &mut impl Outbox) {}
            fn ended(&mut self, _: usize, _: End) {
                self.0 -= 1;
            }
        }
        self.to_open.clear();
        let open = self.links.iter().filter(|link| link.state == State::Open).count();
        let mut leaving = Leaving(open);
        for link in 0..self.links.len() {
            self.frame(link, |frames| frames.close());
            self.write_all(&mut leaving);
        }
        let until = Instant::now() + patience;
        while leaving.0 > 0 && Instant::now() < until {
            self.pump(Duration::from_millis(50), &mut leaving)?;
        }
        self.links.iter_mut().for_each(Link::reset);
        Ok(())
    }

    fn begin_handshakes(&mut self, guest: &mut impl Guest) -> Result<()> {
        while self.opening < self.at_once {
            let Some(link) = self.to_open.pop_front() else { break };
            let source = self.target.source(link)?;
            self.opening += 1;
            guest.connecting(link, self.now());
            let address = self.target.address_for(self.nodes[link]);
            match self.links[link].connect(&self.target, address, source) {
                Ok(stream) => self.poller.add(stream, link, Interest::Write).context("epoll")?,
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                    return Err(error).context("no free port to connect from");
                }
                Err(error) => self.end(link, End::Broken(error.to_string()), guest),
            }
        }
        Ok(())
    }

    fn turn(&mut self, event: &Ready, guest: &mut impl Guest) -> Result<(), End> {
        let link = event.token;
        match self.links[link].state {
            State::Down => return Ok(()),
            State::Connecting => {
                let (room, client) = self.seats[link];
                let path = self.target.path(room, client);
                self.links[link].ask(&self.target, &path, &mut self.keys)?;
                self.links[link].waits_for_space = true;
                return self.flush(link);
            }
            State::Upgrading | State::Open => {}
        }
        if event.readable {
            self.receive(link, guest)?;
        }
        if event.writable || !self.links[link].out.is_empty() {
            self.flush(link)?;
        }
        Ok(())
    }

    fn receive(&mut self, number: usize, guest: &mut impl Guest) -> Result<(), End> {
        let Self { links, buffer, keys, target, start, wire, .. } = self;
        let link = &mut links[number];
        let kept = link.unread.len();
        let Some(filled) = link.read(buffer)? else { return Ok(()) };
        wire.down += (filled - kept) as u64;
        let now = start.elapsed().as_nanos() as u64;
        let mut at = 0;
        if link.state == State::Upgrading
            && let Some(head_len) = link.read_answer(target, &buffer[..filled])?
        {
            at = head_len;
            link.state = State::Open;
            guest.opened(number, now, &mut Frames { bytes: &mut link.out, keys });
        }
        if link.state == State::Open {
            let mut outbox = Frames { bytes: &mut link.out, keys };
            at += walk_frames(&buffer[at..filled], &mut outbox, |payload, outbox| {
                guest.text(number, payload, now, outbox);
            })?;
        }
        link.unread.clear();
        link.unread.extend_from_slice(&buffer[at..filled]);
        Ok(())
    }

    fn flush(&mut self, number: usize) -> Result<(), End> {
        let link = &mut self.links[number];
        let before = link.out.len();
        let all = link.write()?;
        self.wire.up += (before - link.out.len()) as u64;
        if link.waits_for_space == all
            && let Some(stream) = &link.stream
        {
            let interest = if all { Interest::Read } else { Interest::Both };
            self.poller
                .change(stream, number, interest)
                .map_err(|error| End::Broken(error.to_string()))?;
            link.waits_for_space = !all;
        }
        Ok(())
    }

    fn end(&mut self, link: usize, end: End, guest: &mut impl Guest) {
        self.links[link].reset();
        guest.ended(link, end);
    }
}
