//! One client in one room: how it gets in, and how it goes. What it asks for in between is in [`commands`].

mod allowance;
pub mod commands;
pub mod conversation;
pub mod lease;
mod pending;
mod refused;

use std::sync::Arc;

use hamhame_core::codes::ErrorCode;
use hamhame_core::dialect::Dialect;
use hamhame_core::id::Id;
use hamhame_core::name::{Name, RoomName};
use hamhame_core::position::Position;

use crate::clock;
use crate::net::admission::Client;
use crate::room::Room;
use crate::room::change::{Connection, Hold};
use crate::room::intent::{Admission, Entrant, Entry, Parting};
use crate::server::Server;
use crate::session::allowance::Allowance;
use crate::session::conversation::Ending;
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
    /// What is to hold its seat.
    pub hold: Hold,
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
        let number = server.number_connection(join.hold);
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

    /// A member whose seat a lease on another node holds, to do here what it asks for. It does not go with this.
    pub fn visiting(
        server: &Arc<Server>,
        room: Arc<Room>,
        name: Arc<str>,
        identity: Proof,
        client: &Arc<Client>,
    ) -> Session {
        Session {
            server: server.clone(),
            room,
            name,
            session: identity.session,
            member: identity.member,
            connection: 0,
            client: client.clone(),
            dialect: Dialect::V1,
            parted: true,
            talk: None,
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

    /// Tells the node that holds its seat that something came from the client.
    pub fn show(&self) {
        self.server.broker.show(&self.room, self.member);
    }

    /// Which of the connections of this server holds its place, and in which room.
    pub fn seat(&self) -> (Arc<Server>, Arc<Room>, u32) {
        (self.server.clone(), self.room.clone(), self.connection)
    }

    /// Its public identity.
    pub fn member(&self) -> Id {
        self.member
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.part(Ending::Lost);
    }
}

fn random_identifier() -> Id {
    Id::new(random_id())
}
