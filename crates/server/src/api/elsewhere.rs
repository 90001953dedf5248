//! A session over HTTP on several nodes: its requests may come to any of them.
//!
//! One node holds the seat, by a lease. Another does what the client asks for there, and tells the first that the client was
//! heard (a *visit*). A request that waits, or a stream, takes the seat over, as by it the client can be asked whether it is
//! there. So the seat follows whoever reads, and a node that ends is replaced by the next one that is asked.

use std::sync::Arc;

use hamhame_core::codes::ErrorCode;
use hamhame_core::dialect::Dialect;
use hamhame_core::name::{Name, RoomName};

use super::Api;
use super::problem::Problem;
use crate::net::admission::Client;
use crate::room::Room;
use crate::room::change::Hold;
use crate::room::intent::Whereabouts;
use crate::session::lease::Lease;
use crate::session::{Claim, Join, Refused, Session};
use crate::signal::Signal;
use crate::token;

/// The session of a token that no lease of this node is for.
///
/// # Errors
/// If the token proves nothing, its session is over, or goes on by another transport.
pub async fn find(
    api: &Api,
    token: &str,
    room: &RoomName,
    client: &Arc<Client>,
) -> Result<Arc<Lease>, Problem> {
    let server = &api.server;
    let claimed = token::claimed(token).ok_or_else(Problem::not_joined)?;
    let room = open(api, room, client).await?;
    let name = room.name_of(claimed.member).ok_or_else(Problem::not_joined)?;
    let parsed = Name::parse(&name).map_err(|_| Problem::not_joined())?;
    let proof = server.open_token(token, room.name(), &parsed).ok_or_else(Problem::not_joined)?;
    match room.whereabouts(proof) {
        Some(Whereabouts::There(home)) if home.is_lease() => {
            let place = api.leases.enter(client, &server.options);
            let place = place.ok_or_else(|| Problem::plain(ErrorCode::TooManyConnections))?;
            let session = Session::visiting(server, room, name, proof, client);
            Ok(Lease::visit(server, session, proof, token, home, place))
        }
        // Another request has it moved here just now.
        Some(Whereabouts::Here { is_moved: true }) => Err(Refused::away().into()),
        Some(Whereabouts::Here { .. } | Whereabouts::There(_)) => {
            Err(Problem::plain(ErrorCode::SessionReplaced))
        }
        // Its node has ended.
        Some(Whereabouts::Away) if server.broker.is_shared() => {
            take_over(api, token, room.name().clone(), parsed, client).await
        }
        Some(Whereabouts::Away) | None => Err(Problem::not_joined()),
    }
}

/// The same session with its seat on this node.
///
/// # Errors
/// If it is over meanwhile, or the room cannot be reached.
pub async fn settle(
    api: &Api,
    lease: Arc<Lease>,
    client: &Arc<Client>,
) -> Result<Arc<Lease>, Problem> {
    if !lease.is_visit() {
        return Ok(lease);
    }
    let (room, member) = lease
        .session(|session| (session.room().clone(), session.member()))
        .ok_or_else(Problem::not_joined)?;
    let name = room.name_of(member).ok_or_else(Problem::not_joined)?;
    let name = Name::parse(&name).map_err(|_| Problem::not_joined())?;
    take_over(api, lease.token(), room.name().clone(), name, client).await
}

async fn open(api: &Api, room: &RoomName, client: &Arc<Client>) -> Result<Arc<Room>, Problem> {
    let server = &api.server;
    if !server.broker.is_shared() {
        return server.registry.find(room).ok_or_else(Problem::not_joined);
    }
    let room = server.registry.find_or_make(room, Some(client));
    let room = room.map_err(|error| Problem::new(ErrorCode::ServerFull, error.to_string()))?;
    server.broker.open(&room, None).get().await.map_err(|_| Problem::from(Refused::away()))?;
    Ok(room)
}

async fn take_over(
    api: &Api,
    token: &str,
    room: RoomName,
    name: Name,
    client: &Arc<Client>,
) -> Result<Arc<Lease>, Problem> {
    let server = &api.server;
    let place = api.leases.enter(client, &server.options);
    let place = place.ok_or_else(|| Problem::plain(ErrorCode::TooManyConnections))?;
    let claim = Claim { token: Some(token.to_owned()), ..Claim::default() };
    let join = Join { room, name, claim, hold: Hold::Moved };
    let signal = Arc::new(Signal::default());
    let (session, admission) = Session::join(server, &join, Dialect::V1, &signal, client).await?;
    Ok(Lease::begin(server, session, admission.identity, token, signal, place))
}
