//! What the callers of the engine and the thread that keeps the connection share.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Script, ScriptInvocation};
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::keys::{Keys, Prefix};
use super::scripts::Scripts;
use crate::broker::engine::Failure;
use crate::broker::followers::Followers;
use crate::broker::refusals::{Refusals, Seldom};
use crate::room::change::NodeId;

/// How long a call waits for a connection, or after an error, before it says that nothing came back.
pub const PAUSE: Duration = Duration::from_millis(100);

/// How long a room of which nobody says anything is kept. A node that follows it says so more often.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What the callers and the thread that keeps the connection share.
pub struct Shared {
    /// Which node this is.
    pub node: NodeId,
    /// Where things stand.
    pub prefix: Prefix,
    /// Entries of a room that are kept.
    pub keep: u64,
    /// What is done there.
    pub scripts: Scripts,
    /// While there is one.
    pub connection: watch::Sender<Option<Connection>>,
    /// Somebody subscribes again.
    pub mending: AtomicBool,
    /// Who follows rooms here.
    pub followers: Arc<Followers>,
    /// Who waits for an answer of another node.
    pub asked: Mutex<HashMap<u64, oneshot::Sender<bool>>>,
    /// Whether the server refuses to write.
    pub refusals: Refusals,
    /// The lease of this node has held for a while: so have those of others that live.
    pub is_settled: AtomicBool,
    unanswered: Seldom,
}

impl Shared {
    /// For this node, without a connection yet.
    pub fn new(node: NodeId, prefix: &str, keep: u64, is_sharded: bool) -> Shared {
        Shared {
            node,
            prefix: Prefix::new(prefix),
            keep,
            scripts: Scripts::new(is_sharded),
            connection: watch::Sender::new(None),
            mending: AtomicBool::new(false),
            followers: Arc::default(),
            asked: Mutex::default(),
            refusals: Refusals::default(),
            is_settled: AtomicBool::new(false),
            unanswered: Seldom::default(),
        }
    }

    /// Who waits for another node, by the question's number.
    pub fn asked(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<bool>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, if there is one soon.
    pub async fn connection(&self) -> Result<Connection, Failure> {
        let mut connection = self.connection.subscribe();
        match timeout(PAUSE, connection.wait_for(Option::is_some)).await {
            Ok(Ok(connection)) => connection.clone().ok_or(Failure::Unknown),
            _ => Err(Failure::Unknown),
        }
    }

    /// Runs a script on the keys of a room.
    pub async fn run<T: redis::FromRedisValue>(
        &self,
        script: &Script,
        keys: &Keys,
        arguments: impl FnOnce(&mut ScriptInvocation<'_>),
    ) -> Result<T, Failure> {
        let mut connection = self.connection().await?;
        let mut call = script.prepare_invoke();
        for key in keys.all() {
            call.key(key);
        }
        arguments(&mut call);
        match call.invoke_async(&mut connection).await {
            Ok(answer) => Ok(answer),
            Err(error) if is_refusal(&error) => {
                self.refusals.note(&brief(&error));
                Err(Failure::Refused)
            }
            Err(error) => {
                if self.unanswered.is_due() {
                    tracing::warn!(room = keys.hash(), error = %brief(&error), "the engine did not answer");
                }
                sleep(PAUSE).await;
                Err(Failure::Unknown)
            }
        }
    }

    /// Publishes without waiting for it.
    pub fn publish(self: &Arc<Self>, channel: String, text: String) {
        let Some(mut connection) = self.connection.borrow().clone() else { return };
        tokio::spawn(async move {
            if let Err(error) = connection.publish(channel, text).await {
                tracing::debug!(error = %brief(&error), "nothing was published");
            }
        });
    }
}

/// With what a server says that it refuses to write: its memory is full, its disk is, or the replicas that it needs are not there.
/// Whatever it was, the script has done nothing.
const REFUSALS: [&str; 3] = ["OOM", "MISCONF", "NOREPLICAS"];

fn is_refusal(error: &redis::RedisError) -> bool {
    error.code().is_some_and(|code| REFUSALS.contains(&code))
}

/// An error in one short line.
pub fn brief(error: &redis::RedisError) -> String {
    error
        .to_string()
        .chars()
        .take(200)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}
