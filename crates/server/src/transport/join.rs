//! The door to a room: from an open WebSocket to a session that talks.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use hamhame_core::codes::{CloseCode, ErrorCode};
use hamhame_core::command::Command;
use hamhame_core::decode;
use hamhame_core::dialect::Dialect;
use hamhame_core::name::{Name, NameError, RoomName};
use hamhame_core::position::Epoch;

use crate::config::Options;
use crate::delivery::link::Link;
use crate::delivery::reply::{self, Refusal};
use crate::delivery::shard::{Registered, Shard};
use crate::room::change::Hold;
use crate::room::intent::Admission;
use crate::session::conversation::{Conversation, Ending, Flow};
use crate::session::{Claim, Join, Refused, Session, write_refusal};
use crate::signal::Signal;
use crate::transport::ws::{Opened, Wire};

/// A room and a name as they stood in the path.
pub struct Address {
    /// The room, or why it cannot be.
    pub room: Result<RoomName, NameError>,
    /// The name, or why it cannot be.
    pub name: Result<Name, NameError>,
    /// How the client wants to be spoken to.
    pub dialect: Dialect,
}

impl Address {
    /// From the two parts of a path, percent-encoded as they came; for a client of the seeds.
    pub fn read(room: &str, name: &str) -> Address {
        let (room, name) = (RoomName::from_path(room), Name::from_path(name));
        Address { room, name, dialect: Dialect::Seed }
    }

    /// What no honest client sends, and what is therefore refused before there is a WebSocket.
    pub fn broken(&self) -> Option<&NameError> {
        let errors = [self.room.as_ref().err(), self.name.as_ref().err()];
        errors.into_iter().flatten().find(|error| **error == NameError::BadEncoding)
    }
}

/// Lets one client in, and leaves it talking in a task of its own: that task is all that an idle member costs, so it has
/// nothing in it of the way there. `answer` is what is still to be written before everything else: the response to the
/// handshake, or nothing.
pub async fn run(opened: Opened, address: Address, answer: String) {
    let mut guest = Guest::new(opened, address.dialect);
    guest.wire.link.hold(answer.as_bytes());
    drop(answer);
    let (room, name) = match (address.room, address.name) {
        (Ok(room), Ok(name)) => (room, name),
        (Err(error), _) => {
            let refused = Refused::name(ErrorCode::RoomRefused, &error);
            return guest.refuse(&RoomName::general(), &refused).await;
        }
        (Ok(room), Err(error)) => {
            let refused = Refused::name(ErrorCode::NameRefused, &error);
            return guest.refuse(&room, &refused).await;
        }
    };
    let Some((join, early)) = guest.ask(room, name).await else { return };
    let server = guest.shard.server().clone();
    let (link, dialect) = (&guest.wire.link, address.dialect);
    let joined = {
        let mut joining =
            pin!(Session::join(&server, &join, dialect, link.signal(), guest.wire.client()));
        tokio::select! {
            biased;
            joined = joining.as_mut() => joined,
            // It takes a moment: a ghost holds the name. The answer does not wait for that.
            () = async { link.write(&[]) } => joining.await,
        }
    };
    match joined {
        Err(refused) => {
            server.metrics.refused();
            guest.refuse(&join.room, &refused).await;
        }
        Ok((session, admission)) => {
            welcome(link, &session, &join.name, &admission, &server.options);
            guest.begin(session, admission.epoch, early);
        }
    }
}

/// An open WebSocket with its entries in the heartbeats.
struct Guest {
    wire: Wire,
    dialect: Dialect,
    shard: Rc<Shard>,
    registered: Registered,
}

impl Guest {
    fn new(opened: Opened, dialect: Dialect) -> Guest {
        let server = opened.shard.server();
        let signal = Arc::new(Signal::default());
        let receiver = opened.receiver(server.options.frame_limits());
        let traffic = opened.shard.traffic().clone();
        let link =
            Link::new(opened.io, Some(dialect), signal, traffic).with_deflate(opened.deflate);
        let link = Rc::new(link);
        Guest {
            registered: opened.shard.register(&link),
            wire: Wire::new(link, receiver, opened.backlog, opened.visit),
            shard: opened.shard,
            dialect,
        }
    }

    /// Waits for the `join` of a client that has one to say. `None` if the connection ended instead. What came in one piece
    /// with the `join` is to be done after it.
    async fn ask(&mut self, room: RoomName, name: Name) -> Option<(Join, Vec<String>)> {
        let mut lobby = Lobby { room: &room, claim: None, early: Vec::new(), refusals: 0 };
        if self.wire.link.dialect() == Some(Dialect::V1) {
            self.wire.link.write(&[]);
            let deadline = self.shard.server().options.join_timeout;
            match tokio::time::timeout(deadline, self.wire.converse(&mut lobby)).await {
                Ok(Ending::Paused) => {}
                Ok(_) => return None,
                Err(_) => {
                    self.wire.close(CloseCode::JoinTimeout).await;
                    return None;
                }
            }
        }
        let claim = lobby.claim.take().unwrap_or_default();
        let early = std::mem::take(&mut lobby.early);
        Some((Join { room, name, claim, hold: Hold::Socket }, early))
    }

    async fn refuse(&mut self, room: &RoomName, refused: &Refused) {
        let mut out = Vec::new();
        refused.write(&mut out, self.dialect, room);
        self.wire.link.write(&out);
        let code = refused.close().unwrap_or(CloseCode::BadRequest);
        self.wire.close(code).await;
    }

    /// A member from here to the end, in a task of its own.
    fn begin(self, mut session: Session, epoch: Epoch, early: Vec<String>) {
        let attached = self.registered.attach(session.room(), epoch, &self.wire.link);
        let refused = catch_up(&self.wire.link, &mut session, early);
        let mut wire = self.wire;
        // Blocks that take in only what they name, where an `async fn` would hold its arguments twice; and two of them, as
        // nearly nobody is sent away here and everybody's task would have room for it.
        match refused {
            None => drop(tokio::task::spawn_local(async move {
                wire.converse(&mut session).await;
                drop(attached);
            })),
            Some(code) => drop(tokio::task::spawn_local(async move {
                session.part(Ending::Lost);
                wire.close(code).await;
                drop(attached);
            })),
        }
    }
}

/// Tells a new member where it is, in the write that brings what its room has for it: in `hamhame.v1` by a `welcome`. The
/// seeds tell a newcomer only who is there, itself included, and that is the presence which follows.
fn welcome(link: &Link, session: &Session, name: &Name, admission: &Admission, options: &Options) {
    link.cursor.set(admission.start.offset);
    if link.dialect() == Some(Dialect::V1) {
        link.presence.set(admission.presence.version);
        let mut out = Vec::new();
        let (room, token) = (session.room().name(), session.token(admission, name));
        reply::welcome(&mut out, room, name.as_str(), &token, admission, options);
        link.hold(&out);
    }
}

/// Does what came in one piece with the `join`. `Some` if the connection must end for it.
fn catch_up(link: &Link, session: &mut Session, early: Vec<String>) -> Option<CloseCode> {
    let mut out = Vec::new();
    let mut refused = None;
    for text in early {
        if let Flow::End(code) = session.text(&text, &mut out) {
            refused = Some(code);
            break;
        }
    }
    link.hold(&out);
    refused
}

/// A client of `hamhame.v1` before its `join`.
struct Lobby<'a> {
    room: &'a RoomName,
    /// What its `join` says.
    claim: Option<Claim>,
    /// What came in one piece with the `join`, to be done after it.
    early: Vec<String>,
    refusals: u32,
}

/// Refusals told before the `join`. Without a bound, one read of tiny messages would be answered with megabytes.
const PATIENCE: u32 = 100;

impl Conversation for Lobby<'_> {
    fn text(&mut self, text: &str, out: &mut Vec<u8>) -> Flow {
        if self.claim.is_some() {
            self.early.push(text.to_owned());
            return Flow::Continue;
        }
        let (code, message, id) = match decode::decode(Dialect::V1, text) {
            Ok(Some(Command::Join { token, after, attempt, history })) => {
                let token = token.map(|token| token.into_owned());
                let history = history.unwrap_or_default();
                self.claim = Some(Claim { token, after, attempt, history });
                return Flow::Pause;
            }
            Ok(Some(Command::Send { id, .. })) => (
                ErrorCode::NotJoined,
                ErrorCode::NotJoined.message().to_owned(),
                id.map(|id| id.into_owned()),
            ),
            Ok(_) => (ErrorCode::NotJoined, ErrorCode::NotJoined.message().to_owned(), None),
            Err(error) => (error.code, error.message, error.id),
        };
        self.refusals += 1;
        if self.refusals > PATIENCE {
            return Flow::too_many();
        }
        let (id, retry_after, fault) = (id.as_deref(), None, None);
        let refusal = Refusal { code, message: &message, retry_after, id, fault };
        write_refusal(out, Dialect::V1, self.room, &refusal);
        Flow::Continue
    }
}
