//! The engine that the tests are run over.

use std::net::SocketAddr;

use rustix::process::Signal;

use crate::common::TestServer;
use crate::{nats, redis};

pub use crate::redis::servers::node;

/// One server.
pub enum Engine {
    Redis(redis::servers::Engine),
    Nats(nats::servers::Server),
}

impl Engine {
    /// Of the kind that TEST_OVER names.
    pub async fn start() -> Engine {
        match std::env::var("TEST_OVER").as_deref() {
            Ok("nats") => Engine::Nats(nats::servers::Server::start().await),
            Ok("redis") | Err(_) => Engine::Redis(redis::servers::Engine::start().await),
            Ok(other) => panic!("TEST_OVER={other}: redis or nats"),
        }
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Engine::Redis(server) => server.address,
            Engine::Nats(server) => server.address,
        }
    }

    /// The address of its rooms, where one comes to it over another address.
    pub fn url_over(&self, address: SocketAddr) -> String {
        match self {
            Engine::Redis(_) => format!("redis://{address}"),
            Engine::Nats(_) => format!("nats://{address}"),
        }
    }

    pub fn url(&self) -> String {
        self.url_over(self.address())
    }

    pub async fn node(&self) -> TestServer {
        node(&self.url(), &[]).await
    }

    pub async fn kill(&mut self) {
        match self {
            Engine::Redis(server) => server.kill().await,
            Engine::Nats(server) => server.kill().await,
        }
    }

    /// Ends it at once and starts it again where it was. Redis has nothing in it then, NATS what it had.
    pub async fn restart(&mut self) {
        match self {
            Engine::Redis(server) => server.restart().await,
            Engine::Nats(server) => server.restart().await,
        }
    }

    pub fn signal(&self, signal: Signal) {
        match self {
            Engine::Redis(server) => server.signal(signal),
            Engine::Nats(server) => server.signal(signal),
        }
    }

    /// Has it forget everything.
    pub async fn flush(&self) {
        match self {
            Engine::Redis(server) => _ = server.tell("FLUSHALL").await.expect("it is there"),
            Engine::Nats(server) => server.flush().await,
        }
    }
}
