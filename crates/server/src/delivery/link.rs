//! Step 7 of a message's way: one connection as the fan-out sees it, a socket, a cursor, and what a full socket left unsent.
//!
//! Memory per client is O(1) in messages: a link never queues. What did not fit into the socket is at most one frame
//! and the replies that were under way with it; until it is gone nothing more is read from the client or the log.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hamhame_core::codes::CloseCode;
use hamhame_core::dialect::Dialect;
use hamhame_ws::Opcode;
use hamhame_ws::handshake::Deflate;

use crate::delivery::reply;
use crate::metrics::Traffic;
use crate::net::polled::Polled;
use crate::net::socket::{self, Socket};
use crate::net::stream::Io;
use crate::room::Room;
use crate::room::deflate;
use crate::room::tail::Batch;
use crate::signal::Signal;

/// How long what was written last may take to arrive once the connection is given up.
#[cfg(target_os = "linux")]
const LAST_TRY: Duration = Duration::from_secs(15);

/// The cursor of a client that was in another epoch of its room.
pub const ELSEWHERE: u64 = u64::MAX;

/// One open WebSocket. Lives on its shard and never leaves it.
pub struct Link {
    socket: Socket,
    signal: Arc<Signal>,
    /// How the client is spoken to; `None`: in plain text, without presence, in the tutorials' rooms and echoes.
    dialect: Option<Dialect>,
    /// Whether the client reads the compressed frames that members share.
    deflated: bool,
    traffic: Arc<Traffic>,
    /// Offset of the last event written.
    pub cursor: Cell<u64>,
    /// Versions of the states last told.
    pub presence: Cell<u64>,
    /// See [`presence`](Self::presence).
    pub typing: Cell<u64>,
    /// Index among its room's links on this shard.
    pub slot: Cell<u32>,
    /// The shard that it lives on.
    shard: Cell<u32>,
    unsent: RefCell<Vec<u8>>,
    stuck: Cell<bool>,
    /// The last read took all that may be read at once: there is more.
    more: Cell<bool>,
    /// Whether the client read or wrote anything since the last beat.
    alive: Cell<bool>,
    /// Whether a plain link was asked at the last beat.
    pinged: Cell<bool>,
    /// A message has come in part: at each beat its task looks whether that has been so for too long.
    partial: Cell<bool>,
    /// Pings of ours to which no pong came.
    unanswered: Cell<u8>,
    /// Our close frame is written: nothing may follow it (RFC 6455, section 5.5.1).
    sealed: Cell<bool>,
    /// The room it reads from.
    room: OnceCell<Arc<Room>>,
}

impl Link {
    /// A link over a stream whose handshake is done.
    pub fn new(
        io: Io,
        dialect: Option<Dialect>,
        signal: Arc<Signal>,
        traffic: Arc<Traffic>,
    ) -> Link {
        Link {
            socket: Socket::new(io, &signal),
            signal,
            dialect,
            deflated: false,
            traffic,
            cursor: Cell::new(0),
            presence: Cell::new(0),
            typing: Cell::new(0),
            slot: Cell::new(0),
            shard: Cell::new(0),
            unsent: RefCell::default(),
            stuck: Cell::new(false),
            more: Cell::new(false),
            alive: Cell::new(true),
            pinged: Cell::new(false),
            partial: Cell::new(false),
            unanswered: Cell::new(0),
            sealed: Cell::new(false),
            room: OnceCell::new(),
        }
    }

    /// The same for a client that agreed to compression, or did not.
    pub fn with_deflate(mut self, agreed: Option<Deflate>) -> Link {
        self.deflated = agreed.is_some_and(deflate::can_share);
        self
    }

    /// The room goes on in another epoch: what the client has says nothing there.
    pub fn leave_epoch(&self) {
        self.cursor.set(ELSEWHERE);
        self.presence.set(0);
        self.typing.set(0);
    }

    /// Whether the client reads the compressed frames that members share.
    pub fn is_deflated(&self) -> bool {
        self.deflated
    }

    /// How the client is spoken to; `None`: in plain text.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// Reads what a delivery will read, and makes a number of it that means nothing.
    pub fn prefetch(&self) -> u64 {
        let unsent = self.unsent.try_borrow().map_or(0, |unsent| unsent.len());
        self.cursor.get() ^ self.socket.prefetch() ^ unsent as u64 ^ u64::from(self.stuck.get())
    }

    /// What other threads ask of it.
    pub fn signal(&self) -> &Arc<Signal> {
        &self.signal
    }

    /// Whether the socket is full: nothing is read from or for this client until it has drained.
    pub fn is_stuck(&self) -> bool {
        self.stuck.get()
    }

    /// Keeps whole frames for the next [`write`](Self::write), so that one system call carries both. For replies to what made
    /// the room [dirty](Self::flush_follows).
    pub fn hold(&self, frames: &[u8]) {
        if !self.sealed.get() {
            self.unsent.borrow_mut().extend_from_slice(frames);
        }
    }

    /// Whether the shard is about to write to this link, as its room has something new.
    pub fn flush_follows(&self) -> bool {
        self.room.get().is_some_and(|room| room.dirty().is_marked(self.shard()))
    }

    /// Bytes that are kept for what waits.
    pub fn unsent_bytes(&self) -> usize {
        self.unsent.try_borrow().map_or(0, |unsent| unsent.capacity())
    }

    /// Whether there are frames that wait for the next write.
    pub fn has_held(&self) -> bool {
        !self.is_stuck() && !self.unsent.borrow().is_empty()
    }

    /// Writes whole frames. What does not fit waits, and makes the link [stuck](Self::is_stuck).
    pub fn write(&self, frames: &[u8]) {
        let mut unsent = self.unsent.borrow_mut();
        // Writing nothing would be a system call too.
        if self.sealed.get() || (frames.is_empty() && unsent.is_empty()) {
            return;
        }
        if self.is_stuck() {
            unsent.extend_from_slice(frames);
            return;
        }
        if unsent.is_empty() {
            let written = self.try_write(frames);
            unsent.extend_from_slice(&frames[written..]);
        } else {
            unsent.extend_from_slice(frames);
            let written = self.try_write(&unsent);
            unsent.drain(..written);
        }
        if unsent.is_empty() {
            *unsent = Vec::new();
        } else {
            self.stuck.set(true);
            self.signal.wake();
        }
    }

    /// Writes a batch of events, and moves the cursor over those that the socket took. Of one that it took in part the rest
    /// waits, and makes the link [stuck](Self::is_stuck).
    pub fn write_batch(&self, batch: &Batch) {
        let mut unsent = self.unsent.borrow_mut();
        let written = if unsent.is_empty() {
            let written = self.try_write(&batch.bytes);
            if written == batch.bytes.len() {
                self.cursor.set(batch.to);
                return;
            }
            written
        } else {
            let held = unsent.len();
            unsent.extend_from_slice(&batch.bytes);
            let written = self.try_write(&unsent);
            unsent.truncate(held);
            unsent.drain(..written.min(held));
            written.saturating_sub(held)
        };
        let (cursor, rest) = batch.taken(written);
        self.cursor.set(cursor);
        unsent.extend_from_slice(rest);
        if written < batch.bytes.len() {
            self.stuck.set(true);
            self.signal.wake();
        } else if unsent.is_empty() {
            *unsent = Vec::new();
        }
    }

    /// Waits until the socket can be read, or, while it is stuck, written. For the connection's own task alone: the runtime
    /// keeps one waker for each, and so the task nothing.
    pub fn poll_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(self.is_stuck(), &self.signal, context)
    }

    /// The signal was woken, which may have been for the socket's sake.
    pub fn rouse(&self) {
        self.socket.rouse();
    }

    /// Whether there was more than one read takes, for the first time that this is asked after it. A peer that sends without
    /// end finds the socket ready at all times: the others should have their turn in between.
    pub fn take_more(&self) -> bool {
        self.more.take()
    }

    /// Reads what is there. `Ok(None)`: nothing yet; `Ok(Some(0))`: the client has closed its side.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.socket.try_read(buffer) {
            Ok(n) => {
                self.alive.set(true);
                self.more.set(n == buffer.len());
                self.traffic.received(n);
                Ok(Some(n))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Goes on with what is unsent. True if the link got unstuck by it.
    pub fn drain(&self) -> io::Result<bool> {
        let mut unsent = self.unsent.borrow_mut();
        match self.socket.try_write(&unsent) {
            Ok(n) => {
                self.traffic.sent(n);
                unsent.drain(..n);
                self.alive.set(true);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let done = unsent.is_empty() && !self.socket.is_flushing();
        if done {
            *unsent = Vec::new();
            self.stuck.set(false);
        } else {
            self.socket.rest();
        }
        Ok(done)
    }

    /// The beat of the shard: asks for the end of a link from which nothing came since the last beat and which took
    /// nothing either, else sends the heartbeat. So whoever vanishes is found within two beats, whether or not its
    /// socket filled up meanwhile.
    pub fn pulse(&self) {
        if self.partial.get() {
            self.signal.wake();
        }
        let alive = self.alive.replace(false);
        match self.dialect {
            // Nobody is present on a plain link, so it is left in peace while it talks; a silent one has a beat more.
            None if alive => self.pinged.set(false),
            None if !self.pinged.replace(true) && !self.is_stuck() => self.ping(),
            _ if !alive => {
                let code = if self.is_stuck() { CloseCode::Slow } else { CloseCode::NoPong };
                self.signal.close(code);
            }
            _ if self.is_stuck() => {}
            _ => self.beat(),
        }
    }

    /// Notes whether a message has come in part.
    pub fn set_partial(&self, partial: bool) {
        self.partial.set(partial);
    }

    fn beat(&self) {
        let mut frames = Vec::new();
        if let Some(room) = self.room.get().filter(|_| self.dialect == Some(Dialect::V1)) {
            reply::heartbeat(&mut frames, room.position());
        }
        self.write_ping(&mut frames);
        self.write(&frames);
    }

    /// Notes the room it reads from, on which shard.
    pub fn set_place(&self, room: &Arc<Room>, shard: usize) {
        self.shard.set(shard as u32);
        let _ = self.room.set(room.clone());
    }

    fn shard(&self) -> usize {
        self.shard.get() as usize
    }

    /// Has its shard look at it again: it can take what it missed while it was stuck.
    pub fn catch_up(&self) {
        if let Some(room) = self.room.get() {
            room.dirty().mark_shard(room, self.shard());
        }
    }

    /// Whether it can take frames now.
    pub fn is_open(&self) -> bool {
        !self.stuck.get() && !self.sealed.get()
    }

    /// Nothing more is written from now on.
    pub fn seal(&self) {
        self.sealed.set(true);
    }

    /// Sends a ping because somebody asked whether this client is alive.
    pub fn ping(&self) {
        if self.is_stuck() {
            // Who does not read cannot answer either.
            return;
        }
        let mut frame = Vec::new();
        self.write_ping(&mut frame);
        self.write(&frame);
    }

    fn write_ping(&self, out: &mut Vec<u8>) {
        self.unanswered.set(self.unanswered.get().saturating_add(1));
        hamhame_ws::write_frame(out, Opcode::Ping, &[]);
    }

    /// A pong came; whether a ping of ours was still without one.
    pub fn is_answered(&self) -> bool {
        let left = self.unanswered.get().checked_sub(1);
        self.unanswered.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Says goodbye: the `shutdown` message where the client knows it, then the close frame.
    pub fn write_close(&self, code: CloseCode) {
        let mut frames = Vec::new();
        if code == CloseCode::ServiceRestart && self.dialect == Some(Dialect::V1) {
            reply::shutdown(&mut frames, self.signal.retry_after());
        }
        hamhame_ws::write_close(&mut frames, code.code(), code.name());
        self.write(&frames);
        self.seal();
    }

    /// Tells the peer that nothing more will come, after everything that was written.
    pub fn finish(&self) {
        self.socket.finish();
        self.stuck.set(self.socket.is_flushing());
    }

    /// Makes the end of this link throw away what the kernel still holds for it: a peer that does not read would keep
    /// it in memory for minutes.
    pub fn discard(&self) {
        self.traffic.was_slow();
        self.socket.give_up();
        self.socket.with_tcp(|socket| {
            let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
        });
    }

    /// The peer did not answer our goodbye: what the kernel still holds for it, megabytes perhaps, is tried for a while and
    /// not for the minutes that TCP would (RFC 9293, section 3.8.3: user time-out).
    pub fn abandon(&self) {
        if self.is_stuck() {
            self.socket.give_up();
        }
        #[cfg(target_os = "linux")]
        self.socket.with_tcp(|socket| {
            let _ = socket2::SockRef::from(socket).set_tcp_user_timeout(Some(LAST_TRY));
        });
    }

    fn try_write(&self, bytes: &[u8]) -> usize {
        let written = match &self.socket {
            Socket::Tcp(socket) => socket::write_at_once(socket, bytes),
            Socket::Stream(stream) => self.write_stream(stream, bytes),
        };
        // A broken socket is found by the task that reads from it; until then it is just full.
        let Ok(n) = written else { return 0 };
        self.traffic.sent(n);
        n
    }

    /// The same for what is no socket: one that still has to pass on what it took is stuck too.
    #[cold]
    fn write_stream(&self, stream: &Polled, bytes: &[u8]) -> io::Result<usize> {
        let written = stream.try_write(bytes);
        if stream.is_flushing() {
            self.stuck.set(true);
            self.signal.wake();
        }
        written
    }
}
