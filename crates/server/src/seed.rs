//! The two tutorials that the seed documents are built around, kept to the letter: the chat at `/ws/{integer}`, and `/ws`
//! as echo, broadcast or heartbeat. Nothing but the route table imports this.
//!
//! Both chats are rooms like any other, only that their events are plain text and nobody is present in them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hamhame_core::limits::TokenBucket;
use hamhame_core::name::RoomName;
use hamhame_ws::{Opcode, write_frame};

use crate::clock;
use crate::delivery::link::Link;
use crate::delivery::shard::{Registered, Shard};
use crate::net::admission::Client;
use crate::room::{Opener, Room};
use crate::server::Server;
use crate::session::conversation::{Conversation, Flow};
use crate::signal::Signal;
use crate::transport::ws::{Opened, Wire};

/// The rooms of the tutorials, one each for the whole server.
pub struct Tutorials {
    chat: Arc<Room>,
    broadcast: Arc<Room>,
}

/// What `/ws` does, by `?mode=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `Message text was: …` back to the sender.
    Echo,
    /// `Broadcast: …` to all.
    Broadcast,
    /// `ping` every 10 s.
    Heartbeat,
}

impl Mode {
    /// By its name in the query.
    pub fn parse(name: &str) -> Option<Mode> {
        match name {
            "echo" => Some(Mode::Echo),
            "broadcast" => Some(Mode::Broadcast),
            "heartbeat" => Some(Mode::Heartbeat),
            _ => None,
        }
    }
}

/// Time between two `ping` messages in [`Mode::Heartbeat`].
const HEARTBEAT: Duration = Duration::from_secs(10);

impl Tutorials {
    /// Without anybody in them.
    pub fn new(server: &Server) -> Tutorials {
        let room = || server.registry.make(RoomName::general(), Opener::Server);
        Tutorials { chat: room(), broadcast: room() }
    }

    /// The tutorial chat of the client with this number.
    pub async fn chat(&self, opened: Opened, client: String) {
        let server = opened.shard.server().clone();
        let goodbye = format!("Client #{client} left the chat");
        Guest::new(opened).talk(Some(&self.chat), Kind::Chat { client }).await;
        server.broker.say_plain(&self.chat, &goodbye, clock::now());
    }

    /// The second tutorial's server, in one of its modes.
    pub async fn variant(&self, opened: Opened, mode: Mode) {
        let guest = Guest::new(opened);
        match mode {
            Mode::Echo => guest.talk(None, Kind::Echo).await,
            Mode::Broadcast => guest.talk(Some(&self.broadcast), Kind::Broadcast).await,
            Mode::Heartbeat => {
                let beat = beat(guest.link.clone());
                tokio::select! {
                    () = guest.talk(None, Kind::Deaf) => {}
                    () = beat => {}
                }
            }
        }
    }
}

async fn beat(link: Rc<Link>) {
    let mut ticks = tokio::time::interval(HEARTBEAT);
    loop {
        ticks.tick().await;
        let mut out = Vec::new();
        write_frame(&mut out, Opcode::Text, b"ping");
        link.write(&out);
    }
}

/// A client of a tutorial.
struct Guest {
    link: Rc<Link>,
    wire: Wire,
    shard: Rc<Shard>,
    registered: Registered,
}

impl Guest {
    fn new(opened: Opened) -> Guest {
        let server = opened.shard.server();
        let signal = Arc::new(Signal::default());
        let receiver = opened.receiver(server.options.frame_limits());
        let link = Rc::new(Link::new(opened.io, None, signal, opened.shard.traffic().clone()));
        Guest {
            wire: Wire::new(link.clone(), receiver, opened.backlog, opened.visit),
            registered: opened.shard.register(&link),
            shard: opened.shard,
            link,
        }
    }

    async fn talk(self, room: Option<&Arc<Room>>, kind: Kind) {
        let Guest { link, mut wire, shard, registered } = self;
        let heartbeats = match room {
            Some(room) => {
                link.cursor.set(room.head());
                (None, Some(registered.attach(room, room.epoch(), &link)))
            }
            None => (Some(registered), None),
        };
        let options = &shard.server().options;
        let mut talk = Talk {
            room: room.cloned(),
            kind,
            limit: options
                .limited()
                .then(|| TokenBucket::new(options.message_burst, options.message_rate)),
            client: wire.client().clone(),
            server: shard.server().clone(),
        };
        wire.converse(&mut talk).await;
        drop(heartbeats);
    }
}

enum Kind {
    Chat {
        client: String,
    },
    Echo,
    Broadcast,
    /// Hears and says nothing: the heartbeat comes from elsewhere.
    Deaf,
}

struct Talk {
    room: Option<Arc<Room>>,
    kind: Kind,
    limit: Option<TokenBucket>,
    /// Whose it is.
    client: Arc<Client>,
    server: Arc<Server>,
}

impl Talk {
    /// Counts a message, or says after how long it may be said.
    fn take_message(&mut self) -> Result<(), Duration> {
        let now = clock::uptime();
        self.limit.as_mut().map_or(Ok(()), |limit| limit.try_take(now))?;
        self.client.take_message(now)
    }

    fn broadcast(&self, text: &str) {
        if let Some(room) = &self.room {
            self.server.broker.say_plain(room, text, clock::now());
        }
    }
}

impl Conversation for Talk {
    fn pressed(&self) -> Option<&Arc<Room>> {
        self.room.as_ref().filter(|room| room.is_pressed())
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) -> Flow {
        if let Err(wait) = self.take_message() {
            let refusal = format!("Too fast. Try again in {:.1} s.", wait.as_secs_f64());
            write_frame(out, Opcode::Text, refusal.as_bytes());
            return Flow::Continue;
        }
        let mut reply = |text: String| write_frame(out, Opcode::Text, text.as_bytes());
        match &self.kind {
            Kind::Chat { client } => {
                reply(format!("You wrote: {text}"));
                self.broadcast(&format!("Client #{client} says: {text}"));
            }
            Kind::Echo => reply(format!("Message text was: {text}")),
            Kind::Broadcast => self.broadcast(&format!("Broadcast: {text}")),
            Kind::Deaf => {}
        }
        Flow::Continue
    }
}
