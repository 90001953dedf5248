//! The door to a room: from an open WebSocket to a session that talks.

use std::rc::Rc;
use std::sync::Arc;

use hamhame_core::codes::{CloseCode, ErrorCode};
use hamhame_core::command::{self, Command, Dialect};
use hamhame_core::name::{Name, NameError, RoomName};
use hamhame_core::position::Position;
use hamhame_ws::{Receiver, Role};

use crate::link::{Link, Voice};
use crate::reply::{self, Refusal};
use crate::session::{Join, Refused, Session, write_refusal};
use crate::signal::Signal;
use crate::transport::ws::{Conversation, Ending, Flow, Opened, Wire};

/// A room and a name as they stood in the path.
pub struct Address {
    /// The room, or why it cannot be.
    pub room: Result<RoomName, NameError>,
    /// The name, or why it cannot be.
    pub name: Result<Name, NameError>,
    /// How the client wants to be spoken to.
    pub voice: Voice,
}

/// Talks with one client until it is gone.
pub async fn run(opened: Opened, address: Address) {
    let server = opened.shard.server().clone();
    let signal = Arc::new(Signal::default());
    let link = Rc::new(Link::new(opened.io, address.voice, signal.clone(), server.metrics.clone()));
    let _registered = opened.shard.register(&link);
    let receiver = Receiver::new(Role::Server, server.options.frame_limits());
    let mut wire = Wire::new(link.clone(), receiver, opened.backlog);

    let (room, name) = match (address.room, address.name) {
        (Ok(room), Ok(name)) => (room, name),
        (Err(error), _) => {
            let refused = Refused::new(ErrorCode::RoomRefused, error.to_string());
            return refuse(&mut wire, &RoomName::general(), &refused).await;
        }
        (Ok(room), Err(error)) => {
            let refused = Refused::new(ErrorCode::NameRefused, error.to_string());
            return refuse(&mut wire, &room, &refused).await;
        }
    };

    let mut lobby = Lobby { room: &room, join: None, early: Vec::new() };
    if address.voice == Voice::V1 {
        let deadline = server.options.join_timeout;
        match tokio::time::timeout(deadline, wire.converse(&mut lobby)).await {
            Ok(Ending::Paused) => {}
            Ok(_) => return,
            Err(_) => {
                let code = CloseCode::JoinTimeout;
                return wire.close(code.code(), code.name()).await;
            }
        }
    }
    let (token, after) = lobby.join.take().unwrap_or_default();
    let early = std::mem::take(&mut lobby.early);
    let join = Join { room, name, token, after };
    match Session::join(&server, &join, address.voice, &signal).await {
        Err(refused) => {
            server.metrics.refused();
            refuse(&mut wire, &join.room, &refused).await;
        }
        Ok((mut session, admission)) => {
            link.cursor.set(admission.start.offset);
            link.presence.set(admission.presence.version);
            if address.voice == Voice::V1 {
                let mut out = Vec::new();
                let room = session.room().name();
                let (name, token) = (join.name.as_str(), session.token());
                reply::welcome(&mut out, room, name, &token, &admission, &server.options);
                link.write(&out);
            } else {
                // The seeds tell a newcomer who is there, itself included.
                link.presence.set(0);
            }
            drop((admission, join));
            talk(&mut wire, &opened.shard, &mut session, early).await;
        }
    }
}

async fn talk(
    wire: &mut Wire,
    shard: &Rc<crate::fanout::Shard>,
    session: &mut Session,
    early: Vec<String>,
) {
    let room = session.room().clone();
    let _attached = shard.attach(&room, &wire.link);
    let mut out = Vec::new();
    for text in early {
        if let Flow::End(code, reason) = session.text(&text, &mut out) {
            wire.link.write(&out);
            return wire.close(code, &reason).await;
        }
    }
    wire.link.write(&out);
    drop(out);
    let ending = wire.converse(session).await;
    session.part(ending);
}

async fn refuse(wire: &mut Wire, room: &RoomName, refused: &Refused) {
    let mut out = Vec::new();
    refused.write(&mut out, wire.link.voice(), room);
    wire.link.write(&out);
    let code = refused.code.close().unwrap_or(CloseCode::BadRequest);
    wire.close(code.code(), code.name()).await;
}

/// A client of `hamhame.v1` before its `join`.
struct Lobby<'a> {
    room: &'a RoomName,
    join: Option<(Option<String>, Option<Position>)>,
    /// What came in one piece with the `join`, to be done after it.
    early: Vec<String>,
}

impl Conversation for Lobby<'_> {
    fn text(&mut self, text: &str, out: &mut Vec<u8>) -> Flow {
        if self.join.is_some() {
            self.early.push(text.to_owned());
            return Flow::Continue;
        }
        let (code, message, id) = match command::decode(Dialect::V1, text) {
            Ok(Some(Command::Join { token, after })) => {
                self.join = Some((token.map(|token| token.into_owned()), after));
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
        let refusal = Refusal { code, message: &message, retry_after: None, id: id.as_deref() };
        write_refusal(out, Dialect::V1, self.room, &refusal);
        Flow::Continue
    }
}
