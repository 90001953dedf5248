//! How batches of events reach a client.

pub mod poll;
pub mod sse;
pub mod ws;

use std::future::pending;
use std::sync::Arc;

use hamhame_core::log::Start;

use crate::cursor::Cursor;
use crate::lease::Lease;
use crate::server::Server;

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
