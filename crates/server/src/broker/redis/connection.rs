//! A connection to one server, or to all of a cluster: commands go over it, and what is published comes.

use futures_util::future::try_join_all;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, Pipeline, RedisFuture, RedisResult, Value};

/// One of these. A clone is the same connection.
#[derive(Clone)]
pub enum Connection {
    /// To one server.
    Server(MultiplexedConnection),
    /// To the primaries of a cluster. Channels are sharded there: each is at the server that has the keys of its room.
    Cluster(ClusterConnection),
}

impl Connection {
    /// What is published in these comes from now on.
    ///
    /// # Errors
    /// If that is not sure.
    pub async fn subscribe(&mut self, channels: &[String]) -> RedisResult<()> {
        match self {
            Connection::Server(connection) => connection.subscribe(channels).await,
            Connection::Cluster(connection) => {
                // They are at several servers.
                let one = |channel| {
                    let mut connection = connection.clone();
                    async move { connection.ssubscribe(channel).await }
                };
                try_join_all(channels.iter().map(one)).await.map(drop)
            }
        }
    }

    /// It does not come any more.
    ///
    /// # Errors
    /// If that is not sure.
    pub async fn unsubscribe(&mut self, channels: &[String]) -> RedisResult<()> {
        match self {
            Connection::Server(connection) => connection.unsubscribe(channels).await,
            Connection::Cluster(connection) => {
                let one = |channel| {
                    let mut connection = connection.clone();
                    async move { connection.sunsubscribe(channel).await }
                };
                try_join_all(channels.iter().map(one)).await.map(drop)
            }
        }
    }

    /// Publishes something.
    ///
    /// # Errors
    /// If that is not sure.
    pub async fn publish(&mut self, channel: String, text: String) -> RedisResult<()> {
        let command = if self.is_cluster() { "SPUBLISH" } else { "PUBLISH" };
        redis::cmd(command).arg(channel).arg(text).query_async(self).await
    }

    /// Whether it is to a cluster.
    pub fn is_cluster(&self) -> bool {
        matches!(self, Connection::Cluster(_))
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Connection::Server(connection) => connection.req_packed_command(command),
            Connection::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Connection::Server(connection) => {
                connection.req_packed_commands(pipeline, offset, count)
            }
            Connection::Cluster(connection) => {
                connection.req_packed_commands(pipeline, offset, count)
            }
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Connection::Server(connection) => connection.get_db(),
            Connection::Cluster(connection) => connection.get_db(),
        }
    }
}
