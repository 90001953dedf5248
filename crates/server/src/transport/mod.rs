//! How batches of events reach a client.

pub mod join;
pub mod poll;
pub mod schema;
pub mod sse;
pub mod ws;

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use hamhame_core::log::Start;

use crate::delivery::cursor::Cursor;
use crate::memory::{Held, Memory};
use crate::server::Server;
use crate::session::lease::Lease;

/// A piece of an answer of up to so many bytes is not counted: every reader has one, and who keeps up takes it at once.
const UNCOUNTED: usize = 4096;

/// A piece of an answer on its way to a client over HTTP, which the connection keeps until the client takes it.
struct Piece {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Counts a large piece of an answer in the budget of memory until the connection is done with it. `None` if there is no room
/// for it: the client has to come again, and nothing is lost, as it knows its position.
pub fn counted(memory: &Arc<Memory>, bytes: Vec<u8>) -> Option<Bytes> {
    if bytes.len() <= UNCOUNTED {
        return Some(bytes.into());
    }
    let _held = memory.try_hold(bytes.capacity()).ok()?;
    Some(Bytes::from_owner(Piece { bytes, _held }))
}

/// A client that reads over HTTP.
pub struct Reading {
    /// The server.
    pub server: Arc<Server>,
    /// Where it reads.
    pub cursor: Cursor,
    /// Where it began.
    pub start: Start,
    /// The session that it reads with, if any.
    pub lease: Option<Arc<Lease>>,
}

impl Reading {
    /// Waits until there is something to tell, the session is asked for something or over, or the server goes.
    async fn until_news(&self) {
        let asked = async {
            let Some(lease) = &self.lease else { return pending().await };
            let _waiting = lease.wait();
            let mut news = lease.news();
            // Who asked before this was heard by nobody else.
            lease.renew();
            // It ends with the lease, which is held here.
            let _ = news.changed().await;
        };
        tokio::select! {
            () = self.cursor.news() => {}
            () = asked => {}
            () = self.server.drained() => {}
        }
    }
}
