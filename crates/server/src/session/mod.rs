//! Step 3 of a message's way: one client in one room. A [`Command`] comes in, a reply goes out.

mod allowance;
pub mod conversation;
pub mod lease;
mod pending;
mod refused;

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hamhame_core::codes::{CloseCode, ErrorCode};
use hamhame_core::command::Command;
use hamhame_core::dialect::{self, Dialect};
use hamhame_core::id::Id;
use hamhame_core::limits::TokenBucket;
use hamhame_core::name::{Name, RoomName};
use hamhame_core::position::Position;
use hamhame_core::text::{self, TextError};

use crate::clock;
use crate::delivery::reply;
use crate::net::admission::Client;
use crate::room::Room;
use crate::room::change::Connection;
use crate::room::intent::{Admission, Entrant, Entry, Parting, Said, Saying};
use crate::server::Server;
use crate::session::allowance::Allowance;
use crate::session::conversation::{Conversation, Ending, Flow};
use crate::session::pending::Pending;
pub use crate::session::refused::{Refused, write_refusal};
use crate::signal::Signal;
use crate::token::{Proof, random_id};

/// What a client asks for when it joins.
pub struct Join {
    /// Where.
    pub room: RoomName,
    /// As whom.
    pub name: Name,
    /// What it had before.
    pub claim: Claim,
}

/// What one who joins says of the time before.
#[derive(Default)]
pub struct Claim {
    /// The secret of an earlier session.
    pub token: Option<String>,
    /// The position of the last event it has.
    pub after: Option<Position>,
    /// Grows with every `join` of the session. A client gives attempts up that take too long; such a `join` may arrive after
    /// that of the next attempt, whose connection it must not end. Without it, who comes last is the last.
    pub attempt: Option<u64>,
    /// Without a position: so many of the last events, as far as the server gives them.
    pub history: u64,
}

/// One client in one room. Dropping it is losing the connection, unless it [parted](Session::part) before.
pub struct Session {
    server: Arc<Server>,
    room: Arc<Room>,
    name: Arc<str>,
    session: Id,
    member: Id,
    /// The number of its connection.
    connection: u32,
    /// Whose it is.
    client: Arc<Client>,
    dialect: Dialect,
    parted: bool,
    /// There from the first command on: most members only listen, and all of them wait for long.
    talk: Option<Box<Talk>>,
}

/// What a session has once it says something.
struct Talk {
    allowance: Allowance,
    pending: Pending,
}

impl Session {
    /// Joins. If the name is held by another session, its connection has a moment to show that it is alive.
    ///
    /// # Errors
    /// With the code and the words to tell the client.
    pub async fn join(
        server: &Arc<Server>,
        join: &Join,
        dialect: Dialect,
        signal: &Arc<Signal>,
        client: &Arc<Client>,
    ) -> Result<(Session, Admission), Refused> {
        let options = &server.options;
        let claim = &join.claim;
        let proof = claim
            .token
            .as_deref()
            .and_then(|token| server.open_token(token, &join.room, &join.name));
        let fresh = Proof { session: random_identifier(), member: random_identifier() };
        let number = server.number_connection();
        let connection = Connection { node: server.broker.node(), number };
        loop {
            let now = clock::now();
            let room = server.registry.find_or_make(&join.room, Some(client));
            let room =
                room.map_err(|error| Refused::new(ErrorCode::ServerFull, error.to_string()))?;
            let entrant = Entrant {
                name: &join.name,
                proof,
                fresh,
                attempt: claim.attempt,
                after: claim.after,
                history: claim.history.min(options.join_history),
                connection,
                signal,
                max_members: options.max_members as usize,
                at: now,
            };
            match server.broker.join(&room, entrant).get().await {
                Entry::In(admission) => {
                    let recovered = admission.start.recovered == Some(true);
                    server.metrics.joined(recovered);
                    let session = Session::new(server, room, &admission, number, client, dialect);
                    return Ok((session, admission));
                }
                Entry::Gone => {}
                Entry::Unreachable => return Err(Refused::away()),
                Entry::Late => {
                    let message = "a later attempt to join has the session";
                    return Err(Refused::new(ErrorCode::SessionReplaced, message));
                }
                Entry::Full => {
                    let most = options.max_members;
                    let message = format!("the room is full: it has {most} members");
                    return Err(Refused::new(ErrorCode::RoomFull, message));
                }
                Entry::Kept(rest) => {
                    let name = join.name.as_str();
                    let message =
                        format!("the name {name} is kept for somebody whose connection is lost.");
                    let refused = Refused::new(ErrorCode::NameTaken, message);
                    return Err(Refused { retry_after: Some(rest), ..refused });
                }
                Entry::Taken(incumbent) => {
                    if server.broker.probe(&room, &incumbent, options.probe).get().await {
                        let message = format!(
                            "the name {} is taken here; choose another",
                            join.name.as_str()
                        );
                        return Err(Refused::new(ErrorCode::NameTaken, message));
                    }
                    server.broker.evict(&room, &incumbent).get().await;
                }
            }
        }
    }

    fn new(
        server: &Arc<Server>,
        room: Arc<Room>,
        admission: &Admission,
        connection: u32,
        client: &Arc<Client>,
        dialect: Dialect,
    ) -> Session {
        Session {
            server: server.clone(),
            room,
            name: admission.name.clone(),
            session: admission.identity.session,
            member: admission.identity.member,
            connection,
            client: client.clone(),
            dialect,
            parted: false,
            talk: None,
        }
    }

    /// Where it is.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// The secret that proves that it was admitted under this name.
    pub fn token(&self, admission: &Admission, name: &Name) -> String {
        self.server.seal(admission.identity, self.room.name(), name)
    }

    /// Gives its place up, at once, as the ending asks for it. A client of the seeds has no token to come back with, so it
    /// leaves in any case. Whoever then waits for its answer must be told after this: until then the place is still its own.
    pub fn part(&mut self, ending: Ending) {
        // While the server goes, nobody leaves: the others must not read of departures that are none.
        if std::mem::replace(&mut self.parted, true) || self.server.is_draining() {
            return;
        }
        let parting = if ending == Ending::Lost && self.dialect == Dialect::V1 {
            Parting::Keeping(self.server.options.grace)
        } else {
            Parting::ForGood
        };
        let parted = self.server.broker.part(&self.room, self.member, self.connection, parting);
        if parted && ending == Ending::Left && self.dialect == Dialect::V1 {
            self.server.departed.add(self.session);
        }
    }

    /// Its public identity.
    pub fn member(&self) -> Id {
        self.member
    }

    /// Does what the client asks, and appends the reply to `out`.
    pub fn apply(&mut self, command: Command<'_>, out: &mut Vec<u8>) -> Flow {
        match command {
            Command::Send { id, content } => match self.say(id.as_deref(), &content) {
                Ok(said) => self.answer(id.as_deref(), said, out),
                Err(refused) => self.tell(out, &refused, id.as_deref()),
            },
            Command::Join { .. } => {
                let words = "this session has joined already";
                self.tell(out, &Refused::new(ErrorCode::AlreadyJoined, words), None)
            }
            command => match self.take_command() {
                Some(flow) => flow,
                None => self.note(&command, out),
            },
        }
    }

    /// Tells what became of a message, or will when it is known.
    fn answer(&mut self, id: Option<&str>, said: Option<Said>, out: &mut Vec<u8>) -> Flow {
        match said {
            None => Flow::Continue,
            Some(Said::Pending(answer)) => {
                self.talk().pending.push(id, answer);
                Flow::Continue
            }
            Some(Said::Done(offset)) => self.told(id, Some(offset), out),
            Some(Said::Away) => self.told(id, None, out),
        }
    }

    /// Tells what became of a message: its offset, or that it may be said again.
    fn told(&mut self, id: Option<&str>, offset: Option<u64>, out: &mut Vec<u8>) -> Flow {
        match (offset, id) {
            (Some(offset), Some(id)) if self.dialect == Dialect::V1 => reply::ack(out, id, offset),
            (Some(_), _) => {}
            // Whoever waits for the answer says it again where the next server is.
            (None, _) if self.server.is_draining() => {}
            (None, id) => return self.tell(out, &Refused::away(), id),
        }
        Flow::Continue
    }

    fn talk(&mut self) -> &mut Talk {
        let options = &self.server.options;
        self.talk.get_or_insert_with(|| {
            Box::new(Talk { allowance: Allowance::new(options), pending: Pending::default() })
        })
    }

    fn note(&self, command: &Command<'_>, out: &mut Vec<u8>) -> Flow {
        match command {
            Command::Typing(typing) => self.set_typing(*typing),
            _ => reply::heartbeat(out, self.room.position()),
        }
        Flow::Continue
    }

    /// Notes that the member is writing or has stopped.
    pub fn set_typing(&self, typing: bool) {
        self.server.broker.set_typing(&self.room, self.member, typing, clock::now());
    }

    /// Says something, and gives what became of it. `None` if there is nothing to say, in the dialect of the seeds.
    ///
    /// # Errors
    /// If it is too much, too long or empty.
    pub fn say(&mut self, id: Option<&str>, content: &str) -> Result<Option<Said>, Refused> {
        let now = clock::uptime();
        if let Err(wait) = self.take(now, |allowance| &mut allowance.messages) {
            return Err(Refused::for_now("Too many messages at once.", wait));
        }
        if let Err(wait) = self.client.take_message(now) {
            return Err(Refused::for_now("Too many messages at once from your address.", wait));
        }
        let content = match text::clean(content, &self.server.options.text_limits()) {
            Ok(content) => content,
            Err(TextError::Empty) if self.dialect == Dialect::Seed => return Ok(None),
            Err(error) => {
                let code = match error {
                    TextError::Empty => ErrorCode::Empty,
                    _ => ErrorCode::TooLong,
                };
                return Err(Refused::new(code, error.to_string()));
            }
        };
        let saying = Saying {
            member: self.member,
            id,
            name: &self.name,
            content: &content,
            at: clock::now(),
        };
        let said = self.server.broker.say(&self.room, saying);
        if !matches!(said, Said::Away) {
            self.server.metrics.said();
        }
        Ok(Some(said))
    }

    /// Counts a request that is no message, where there is no connection to end for it.
    ///
    /// # Errors
    /// If there were too many.
    pub fn count_request(&mut self) -> Result<(), Refused> {
        self.take(clock::uptime(), |allowance| &mut allowance.commands)
            .map_err(|wait| Refused::for_now("Too many requests at once.", wait))
    }

    /// Tells a refusal, or ends the connection of one who does not care.
    fn tell(&mut self, out: &mut Vec<u8>, refused: &Refused, id: Option<&str>) -> Flow {
        self.server.metrics.refused();
        if self.take(clock::uptime(), |allowance| &mut allowance.refusals).is_err() {
            return too_many();
        }
        write_refusal(out, self.dialect, self.room.name(), &refused.refusal(id));
        Flow::Continue
    }

    /// Counts a command that is no message. `Some` if there were too many.
    fn take_command(&mut self) -> Option<Flow> {
        let taken = self.take(clock::uptime(), |allowance| &mut allowance.commands);
        taken.is_err().then(too_many)
    }

    /// Takes one of what `of` names, or says after how long there is one.
    fn take(
        &mut self,
        now: Duration,
        of: fn(&mut Allowance) -> &mut TokenBucket,
    ) -> Result<(), Duration> {
        if !self.server.options.limited() {
            return Ok(());
        }
        of(&mut self.talk().allowance).try_take(now)
    }
}

impl Conversation for Session {
    fn pressed(&self) -> Option<&Arc<Room>> {
        Some(&self.room).filter(|room| room.is_pressed())
    }

    fn is_full(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.pending.is_full())
    }

    fn poll_answer(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<Flow> {
        let Some(talk) = &mut self.talk else { return Poll::Pending };
        let (id, offset) = ready!(talk.pending.poll_first(context));
        Poll::Ready(self.told(id.as_deref(), offset, out))
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) -> Flow {
        match dialect::decode(self.dialect, text) {
            Ok(Some(command)) => self.apply(command, out),
            Ok(None) => self.take_command().unwrap_or(Flow::Continue),
            Err(error) => {
                let refused = Refused::new(error.code, error.message);
                self.tell(out, &refused, error.id.as_deref())
            }
        }
    }

    fn ping(&mut self) -> Flow {
        self.take_command().unwrap_or(Flow::Continue)
    }

    fn over(&mut self, ending: Ending) {
        self.part(ending);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.part(Ending::Lost);
    }
}

/// The end of one who goes on and on.
pub fn too_many() -> Flow {
    Flow::End(CloseCode::TooManyRequests)
}

fn random_identifier() -> Id {
    Id::new(random_id())
}
