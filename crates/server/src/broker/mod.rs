//! Step 4 of a message's way: who decides what happens in a room.
//!
//! Every wish to change a room is an [intent](crate::room::intent). A broker decides on it, by the rules of
//! [`decide`](crate::room::decide), and gives what was decided its place in the order; and everybody who has the room
//! [applies](crate::room::Writer) it. The embedded broker decides and applies under the room's lock. One that spans
//! machines asks an engine for the place, and applies what the engine tells. Brokers never see sockets.

mod counts;
mod embedded;
pub mod engine;
mod followers;
mod nats;
mod redis;
mod refusals;
mod remote;
mod replica;
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
pub use embedded::Embedded;
use futures_util::future::BoxFuture;
use hamhame_core::id::Id;
use hamhame_core::position::Position;
pub use remote::Remote;

use self::nats::Nats;
use self::redis::Redis;
use crate::clock::Moment;
use crate::config::{BrokerChoice, Options};
use crate::room::Room;
use crate::room::change::NodeId;
use crate::room::document::Kind;
use crate::room::intent::{Entrant, Entry, Incumbent, Parting, Said, Saying};
use crate::token::random_id;

/// What a broker answers.
pub enum Answer<'a, T> {
    /// This, at once.
    Now(T),
    /// This, when it is known: within a few seconds in any case.
    Later(BoxFuture<'a, T>),
}

impl<T> Answer<'_, T> {
    /// Waits for it where that is needed.
    pub async fn get(self) -> T {
        match self {
            Answer::Now(answer) => answer,
            Answer::Later(answer) => answer.await,
        }
    }
}

/// Who decides cannot be reached for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Away;

/// What became of a new text for a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It is there, in this version.
    Done(u64),
    /// The document has this version by now: read it, and decide again.
    Outdated(u64),
    /// See [`Away`].
    Away,
}

/// Decides what happens in rooms.
pub trait Broker: Send + Sync + 'static {
    /// Which of the processes that share rooms this one is.
    fn node(&self) -> NodeId;

    /// Sees to it that the room is here: what others have said in it so far, and at least what stands up to `upto`, if that
    /// is a position in its present life.
    fn open<'a>(
        &'a self,
        room: &'a Arc<Room>,
        upto: Option<Position>,
    ) -> Answer<'a, Result<(), Away>>;

    /// Puts a message in order. A message that was said before (same member, same id) is not stored again: its first
    /// offset is given. Nothing is acknowledged that might be lost.
    fn say(&self, room: &Arc<Room>, saying: Saying<'_>) -> Said;

    /// Puts plain text in order: the tutorial rooms of the seeds, which are this process's own.
    fn say_plain(&self, room: &Arc<Room>, text: &str, at: Moment);

    /// Lets a member in, or says why not.
    fn join<'a>(&'a self, room: &'a Arc<Room>, entrant: Entrant<'a>) -> Answer<'a, Entry>;

    /// A connection of this process is gone. Nothing happens if the member has another one by now, which is false then; it is
    /// not waited for.
    fn part(&self, room: &Arc<Room>, member: Id, connection: u32, parting: Parting) -> bool;

    /// Waits until the seat of a connection of this process that is over is given up.
    fn parted<'a>(&'a self, room: &'a Arc<Room>, connection: u32) -> Answer<'a, ()> {
        let _ = (room, connection);
        Answer::Now(())
    }

    /// Waits until all seats are given up that were to be: this process goes.
    fn settled(&self) -> Answer<'_, ()> {
        Answer::Now(())
    }

    /// Asks whoever holds a name to show within `patience` that it is there, and says whether it did.
    fn probe<'a>(
        &'a self,
        room: &'a Arc<Room>,
        incumbent: &'a Incumbent,
        patience: Duration,
    ) -> Answer<'a, bool>;

    /// Takes the member out if its seat is still held by this connection: a ghost that did not answer.
    fn evict<'a>(&'a self, room: &'a Arc<Room>, incumbent: &'a Incumbent) -> Answer<'a, ()>;

    /// Takes out those who did not come back in time.
    fn expire(&self, room: &Arc<Room>, now: Moment);

    /// Tells that a member is writing, or has stopped. It may be lost.
    fn set_typing(&self, room: &Arc<Room>, member: Id, typing: bool, at: Moment);

    /// Tells whoever holds the member's seat that something came from its client. It may be lost.
    fn show(&self, room: &Arc<Room>, member: Id);

    /// Whether others may hold seats in the same rooms.
    fn is_shared(&self) -> bool {
        true
    }

    /// Gives a document a new text, if its version is still `version` (0: there is none yet).
    fn replace<'a>(
        &'a self,
        room: &'a Arc<Room>,
        kind: Kind,
        version: u64,
        text: Arc<str>,
    ) -> Answer<'a, Replaced>;

    /// This process goes: from now on it says nothing more in the room.
    fn close(&self, room: &Arc<Room>);

    /// Whether whoever decides can be reached, as far as anybody knows.
    fn is_reached(&self) -> bool {
        true
    }

    /// Whether whoever decides takes nothing new for now, as far as anybody knows.
    fn refuses(&self) -> bool {
        false
    }

    /// What it counts, in the text format of Prometheus.
    fn expose(&self) -> String {
        String::new()
    }
}

/// The broker that the options name: the embedded one, unless rooms are shared through an engine.
///
/// # Errors
/// If the engine's address is none, or its thread cannot be started.
pub fn from_options(options: &Options) -> anyhow::Result<Box<dyn Broker>> {
    let node = NodeId(random_id());
    let keep = options.history.saturating_add(BESIDES);
    let (prefix, root) = (&options.broker_prefix, options.broker_ca.as_deref());
    Ok(match &options.broker {
        BrokerChoice::Embedded => Box::new(Embedded),
        BrokerChoice::Redis(url) => {
            let root = root.map(read_file).transpose()?;
            let engine = Redis::connect(url, root, prefix, node, keep)?;
            Box::new(Remote::new(node, Arc::new(engine)))
        }
        BrokerChoice::Nats(url) => {
            root.map(read_file).transpose()?;
            let engine = Nats::connect(url, root, prefix, node, keep)?;
            Box::new(Remote::new(node, Arc::new(engine)))
        }
    })
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("--broker-ca {}: cannot be read", path.display()))
}

/// Entries that an engine keeps for a room beside those of the log: what changed its seats.
const BESIDES: u64 = 1000;
