//! Step 1 of a message's way: a WebSocket. Bytes → frames → a [`Conversation`], and its replies → frames → bytes.
//!
//! One loop for every door. It reads only while the socket also takes what we write, so a client that does not read is
//! not read from either.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hamhame_core::codes::CloseCode;
use hamhame_ws::handshake::Deflate;
use hamhame_ws::{
    CloseFrame, Closing, Incoming, Limits, NO_CODE, Opcode, Receiver, Role, write_close,
    write_frame,
};

use crate::delivery::link::Link;
use crate::delivery::shard::Shard;
use crate::memory::Held;
use crate::net::admission::{Client, Visit};
use crate::net::partial::Partial;
use crate::net::stream::Io;
use crate::session::conversation::{Conversation, Ending, Flow};

/// A WebSocket whose handshake is done, with what the client sent right behind it.
pub struct Opened {
    /// The socket, or what stands for one.
    pub io: Io,
    /// Bytes that came with the handshake.
    pub backlog: Bytes,
    /// The shard it lives on.
    pub shard: Rc<Shard>,
    /// Its place among the connections.
    pub visit: Rc<Visit>,
    /// What was agreed about compression.
    pub deflate: Option<Deflate>,
}

impl Opened {
    /// What reads its frames.
    pub fn receiver(&self, limits: Limits) -> Receiver {
        let receiver = Receiver::new(Role::Server, limits);
        if self.deflate.is_some() { receiver.with_deflate() } else { receiver }
    }
}

/// How long a peer has to answer our close frame.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// Largest piece that is read at once, shared by all connections of a thread: an idle one owns no buffer.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// One open WebSocket: its link and what has come in part.
pub struct Wire {
    /// Where batches and replies go.
    pub link: Rc<Link>,
    receiver: Receiver,
    closing: Closing,
    /// Boxed, as nearly nobody has anything under way.
    under_way: Option<Box<UnderWay>>,
    visit: Rc<Visit>,
}

/// What came before it could be done, or waits to go out.
#[derive(Default)]
struct UnderWay {
    /// Frames right behind the handshake, before there is a conversation.
    backlog: Vec<u8>,
    /// The code of a close frame right behind what made the conversation pause.
    goodbye: Option<u16>,
    /// A message of which a part has come.
    part: Option<Partial>,
    /// While the link is stuck: what waits in it, as it counts in the budget of memory.
    stuck: Option<Held>,
}

impl UnderWay {
    fn is_empty(&self) -> bool {
        let nothing_came = self.backlog.is_empty() && self.goodbye.is_none();
        nothing_came && self.part.is_none() && self.stuck.is_none()
    }
}

/// What a connection waits for.
enum Event {
    /// Another thread asks for something.
    Asked,
    /// The socket is ready, or broken.
    Ready(io::Result<()>),
    /// What was said before has its answer: what to do, and the frames.
    Answered(Flow, Vec<u8>),
}

impl Wire {
    /// Over an open link; `backlog` is what came with the handshake. The visit lasts as long as the wire.
    pub fn new(link: Rc<Link>, receiver: Receiver, backlog: Bytes, visit: Rc<Visit>) -> Wire {
        let under_way = (!backlog.is_empty())
            .then(|| Box::new(UnderWay { backlog: backlog.into(), ..UnderWay::default() }));
        Wire { link, receiver, closing: Closing::new(), under_way, visit }
    }

    /// Whose it is.
    pub fn client(&self) -> &Arc<Client> {
        self.visit.client()
    }

    /// Talks until one side has enough.
    pub async fn converse(&mut self, conversation: &mut impl Conversation) -> Ending {
        let mut ending = self.begin(conversation);
        while ending.is_none() {
            if let Some(room) = conversation.pressed().cloned() {
                Box::pin(async move { room.eased().await }).await;
            }
            if self.link.take_more() {
                tokio::task::yield_now().await;
            }
            // Not a `select!` of two futures: both would be in every idle connection's task, with a place in a list each.
            let event = poll_fn(|context| self.poll_event(conversation, context)).await;
            ending = match event {
                Event::Asked => self.obey(),
                Event::Answered(flow, frames) => self.pass_on(flow, &frames),
                Event::Ready(ready) => match ready.and_then(|()| self.turn(conversation)) {
                    Ok(ending) => ending,
                    Err(_) => {
                        conversation.over(Ending::Lost);
                        self.link.signal().end();
                        return Ending::Lost;
                    }
                },
            };
            if self.link.is_stuck() || self.under_way.is_some() {
                self.count_unsent();
            }
        }
        let ending = ending.unwrap_or(Ending::Lost);
        if ending != Ending::Paused {
            conversation.over(ending);
        }
        // Boxed: the end comes once, and its room would be in every idle connection's task.
        Box::pin(self.end(ending)).await
    }

    fn poll_event(
        &self,
        conversation: &mut impl Conversation,
        context: &mut Context<'_>,
    ) -> Poll<Event> {
        if self.link.signal().poll_woken(context).is_ready() {
            return Poll::Ready(Event::Asked);
        }
        let mut frames = Vec::new();
        if let Poll::Ready(flow) = conversation.poll_answer(context, &mut frames) {
            return Poll::Ready(Event::Answered(flow, frames));
        }
        if conversation.is_full() && !self.link.is_stuck() {
            return Poll::Pending;
        }
        self.link.poll_ready(context).map(Event::Ready)
    }

    /// Writes an answer that came late.
    fn pass_on(&mut self, flow: Flow, frames: &[u8]) -> Option<Ending> {
        self.link.write(frames);
        let Flow::End(code) = flow else { return None };
        if self.closing.start() {
            self.link.write_close(code);
        }
        Some(Ending::Lost)
    }

    /// Counts what waits in a link that is stuck. Without room for it, the client is too slow.
    fn count_unsent(&mut self) {
        if !self.link.is_stuck() {
            if let Some(under_way) = &mut self.under_way {
                under_way.stuck = None;
            }
            self.under_way = self.under_way.take().filter(|under_way| !under_way.is_empty());
            return;
        }
        let bytes = self.link.unsent_bytes();
        let under_way = self.under_way.get_or_insert_default();
        let held = under_way.stuck.get_or_insert_with(|| self.visit.hold());
        if held.try_resize(bytes).is_err() {
            self.link.signal().close(CloseCode::Slow);
        }
    }

    /// Does first what came before the conversation.
    fn begin(&mut self, conversation: &mut impl Conversation) -> Option<Ending> {
        let UnderWay { mut backlog, goodbye, part, stuck } = *self.under_way.take()?;
        if part.is_some() || stuck.is_some() {
            let kept = UnderWay { part, stuck, ..UnderWay::default() };
            self.under_way = Some(Box::new(kept));
        }
        if let Some(ending) = self.take_in(&mut backlog, conversation) {
            return Some(ending);
        }
        let code = goodbye?;
        let mut out = Vec::new();
        let ending = answer_close(&mut self.closing, code, &mut out);
        self.link.write(&out);
        self.link.seal();
        Some(ending)
    }

    /// Says goodbye with `code` and waits for the peer to do the same.
    pub async fn close(&mut self, code: CloseCode) {
        if self.closing.start() {
            self.link.write_close(code);
        }
        self.end(Ending::Lost).await;
    }

    /// Does what another thread has asked for.
    fn obey(&mut self) -> Option<Ending> {
        self.link.rouse();
        if let Some(code) = self.link.signal().close_asked() {
            if self.closing.start() {
                self.link.write_close(code);
            }
            return Some(Ending::Lost);
        }
        if self.link.signal().is_asked() {
            self.link.ping();
        }
        let part = self.under_way.as_ref().and_then(|under_way| under_way.part.as_ref());
        if part.is_some_and(Partial::is_late) && self.closing.start() {
            self.link.write_close(CloseCode::MessageTimeout);
            return Some(Ending::Lost);
        }
        None
    }

    /// Counts what of a message has come in part, and from when on; `whole` says that another one ended in the same read.
    ///
    /// # Errors
    /// There is no room for it, with the code that says so.
    fn note_part(&mut self, whole: bool) -> Result<(), CloseCode> {
        let is_mid = self.receiver.is_mid_message();
        if !is_mid && self.under_way.is_none() {
            return Ok(());
        }
        let before =
            self.under_way.as_mut().and_then(|under_way| under_way.part.take()).filter(|_| !whole);
        self.link.set_partial(is_mid);
        if !is_mid {
            self.under_way = self.under_way.take().filter(|under_way| !under_way.is_empty());
            return Ok(());
        }
        let mut part = before.unwrap_or_else(|| self.visit.begin_part());
        part.resize(self.receiver.buffer_capacity())?;
        self.under_way.get_or_insert_default().part = Some(part);
        self.link.set_partial(true);
        Ok(())
    }

    /// The socket is ready: writes what is left, or reads what is new.
    fn turn(&mut self, conversation: &mut impl Conversation) -> io::Result<Option<Ending>> {
        if self.link.is_stuck() {
            if self.link.drain()? {
                self.link.catch_up();
            }
            return Ok(None);
        }
        SCRATCH.with_borrow_mut(|scratch| match self.link.read(scratch)? {
            None => Ok(None),
            Some(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(n) => {
                let ending = self.take_in(&mut scratch[..n], conversation);
                // A goodbye shows nobody that its sender is here.
                if ending.is_none() {
                    self.link.signal().heard();
                }
                Ok(ending)
            }
        })
    }

    /// Feeds bytes to the conversation and writes its replies.
    fn take_in(
        &mut self,
        bytes: &mut [u8],
        conversation: &mut impl Conversation,
    ) -> Option<Ending> {
        let mut out = Vec::new();
        let mut ending = None;
        let mut whole = false;
        let (link, closing, under_way) = (&self.link, &mut self.closing, &mut self.under_way);
        let fed = self.receiver.feed(bytes, |incoming| {
            if !closing.may_send() {
                // Of what comes after our goodbye only the peer's is passed on: the connection is over with it.
                closing.answer(None);
                return ControlFlow::Break(());
            }
            whole |= matches!(incoming, Incoming::Text(_) | Incoming::Binary(_));
            let flow = match incoming {
                Incoming::Text(text) => conversation.text(text, &mut out),
                Incoming::Binary(data) => conversation.binary(data, &mut out),
                Incoming::Ping(payload) => {
                    write_frame(&mut out, Opcode::Pong, payload);
                    conversation.ping()
                }
                // One that we asked for is free: others make us ask, by wanting this client's name.
                Incoming::Pong(_) if link.is_answered() => Flow::Continue,
                Incoming::Pong(_) => conversation.ping(),
                Incoming::Close(frame) => {
                    let code = frame.map_or(NO_CODE, |frame| frame.code);
                    if ending == Some(Ending::Paused) {
                        // What came before it is still to be done.
                        under_way.get_or_insert_default().goodbye = Some(code);
                    } else {
                        ending = Some(answer_close(closing, code, &mut out));
                    }
                    Flow::Continue
                }
            };
            match flow {
                Flow::Continue => ControlFlow::Continue(()),
                Flow::Pause => {
                    ending = Some(Ending::Paused);
                    ControlFlow::Continue(())
                }
                Flow::End(code) => {
                    if closing.start() {
                        write_close(&mut out, code.code(), code.name());
                    }
                    ending = Some(Ending::Lost);
                    // The rest is passed over unread.
                    ControlFlow::Break(())
                }
            }
        });
        if let Err(violation) = fed {
            tracing::debug!(%violation, "a WebSocket broke a rule");
            if let Some(code) = closing.fail(&violation) {
                let reason = CloseCode::from_code(code).map_or("", CloseCode::name);
                write_close(&mut out, code, reason);
            }
            ending = Some(Ending::Lost);
        }
        if let Err(code) = self.note_part(whole)
            && self.closing.start()
        {
            write_close(&mut out, code.code(), code.name());
            ending = Some(Ending::Lost);
        }
        if ending.is_none() && self.link.flush_follows() {
            self.link.hold(&out);
        } else if !out.is_empty() {
            self.link.write(&out);
        }
        if !self.closing.may_send() {
            self.link.seal();
        }
        ending
    }

    /// Finishes the close handshake, so that what was written last arrives (RFC 6455, section 7.1.1).
    async fn end(&mut self, ending: Ending) -> Ending {
        if ending == Ending::Paused {
            return ending;
        }
        self.link.signal().end();
        if self.link.is_stuck() && self.link.signal().close_asked() == Some(CloseCode::Slow) {
            // It has had its time: what the kernel holds for it is thrown away with it.
            self.link.discard();
            return ending;
        }
        if tokio::time::timeout(CLOSE_PATIENCE, self.wait_for_end()).await.is_err() {
            self.link.abandon();
        }
        ending
    }

    /// Waits until everything is written and the peer has closed its side, or said that it will.
    async fn wait_for_end(&mut self) {
        let mut finished = false;
        self.receiver.pass_over();
        // What waits in a stuck link counts to its end.
        let _stuck = self.under_way.take().and_then(|under_way| under_way.stuck);
        loop {
            if !finished && self.closing.is_done() && !self.link.is_stuck() {
                self.link.finish();
                finished = true;
            }
            if poll_fn(|context| self.link.poll_ready(context)).await.is_err() {
                return;
            }
            if self.link.is_stuck() {
                if self.link.drain().is_err() {
                    return;
                }
                continue;
            }
            let closing = &mut self.closing;
            let receiver = &mut self.receiver;
            let over = SCRATCH.with_borrow_mut(|scratch| match self.link.read(scratch) {
                Ok(Some(0)) | Err(_) => true,
                Ok(None) => false,
                Ok(Some(n)) => {
                    let _ = receiver.feed(&mut scratch[..n], |_| {
                        closing.answer(None);
                        ControlFlow::Break(())
                    });
                    false
                }
            });
            if over {
                return;
            }
        }
    }
}

/// Answers the peer's close frame, and says how its code ends the conversation.
fn answer_close(closing: &mut Closing, code: u16, out: &mut Vec<u8>) -> Ending {
    let frame = (code != NO_CODE).then_some(CloseFrame { code, reason: "" });
    if let Some(code) = closing.answer(frame) {
        write_close(out, code, "");
    }
    let left = frame.is_none_or(|frame| frame.code == CloseCode::Normal.code());
    if left { Ending::Left } else { Ending::Lost }
}
