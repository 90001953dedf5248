//! Where the server is: named by its address, or known to sentinels, which follow it when another one takes over; or where the
//! servers of a cluster are.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ProtocolVersion, PushInfo, RedisResult,
    TlsCertificates, Value,
};
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::shared::brief;

/// How long a connection may take to be there, and a command to be answered.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// Time between two questions to a sentinel. What is said until a change is seen is lost in the engine, and given back.
const LOOK: Duration = Duration::from_millis(500);

/// A sentinel's port, if none is named.
const SENTINEL_PORT: u16 = 26379;

/// How a server is found.
pub enum Address {
    /// It is this one.
    Server(Client),
    /// These know.
    Sentinels(Sentinels),
    /// They are a cluster's, which is found by some of them.
    Cluster(Cluster),
}

/// Some servers of a cluster, and how they are spoken to.
pub struct Cluster {
    urls: Vec<String>,
    root: Option<Vec<u8>>,
}

/// What is published, on its way.
pub type Pushes = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// Sentinels, and for which of the servers that they watch they are asked.
pub struct Sentinels {
    all: Vec<Sentinel>,
    master: String,
    servers: Servers,
}

struct Sentinel {
    open: Client,
    /// The same with user and password, for one that asks for them.
    locked: Client,
}

/// How servers are spoken to, wherever they are.
struct Servers {
    scheme: &'static str,
    /// Empty, or with `@` at its end.
    credentials: String,
    database: String,
    /// The certificate that theirs are signed with, in PEM, if it is none that the machine knows.
    root: Option<Vec<u8>>,
}

impl Address {
    /// Reads `redis://`, `redis+sentinel://` or `redis+cluster://`; or the same with `rediss`, for TLS.
    ///
    /// # Errors
    /// If it is no such address.
    pub fn read(url: &str, root: Option<Vec<u8>>) -> anyhow::Result<Address> {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let (scheme, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let scheme = match scheme {
            "redis" => "redis",
            "rediss" => "rediss",
            _ => bail!("it begins with redis:// or rediss://"),
        };
        ensure!(root.is_none() || scheme == "rediss", "--broker-ca is for rediss://, with TLS");
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (format!("{credentials}@"), rest),
            None => (String::new(), rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        match kind {
            "" => {
                let servers = Servers { scheme, credentials, database: path.into(), root };
                return servers.client(hosts).context("redis://host:6379").map(Address::Server);
            }
            "cluster" => {
                ensure!(path.is_empty(), "a cluster has no databases to choose from");
                let servers = Servers { scheme, credentials, database: String::new(), root };
                return servers.cluster(hosts).context("redis+cluster://host:6379,host:6379");
            }
            "sentinel" => {}
            kind => bail!("+{kind} is neither +sentinel nor +cluster"),
        }
        let (master, database) = path.split_once('/').unwrap_or((path, ""));
        ensure!(
            !master.is_empty(),
            "the name of the servers is missing: redis+sentinel://host,host/NAME"
        );
        let servers = Servers { scheme, credentials, database: database.into(), root };
        let all: anyhow::Result<Vec<Sentinel>> =
            hosts.split(',').map(|host| servers.sentinel(host)).collect();
        let all = all.context("redis+sentinel://host:26379,host:26379/NAME")?;
        Ok(Address::Sentinels(Sentinels { all, master: master.into(), servers }))
    }

    /// Connects to the server to talk to now, or to the cluster; gives where that is, too.
    ///
    /// # Errors
    /// With why there is none.
    pub async fn connect(&self, pushes: Pushes) -> Result<(String, Connection), String> {
        let client = match self {
            Address::Server(client) => client.clone(),
            Address::Sentinels(sentinels) => sentinels.find().await?,
            Address::Cluster(cluster) => {
                let connection = cluster.connect(pushes).await.map_err(|error| brief(&error))?;
                return Ok((String::from("the cluster"), Connection::Cluster(connection)));
            }
        };
        let at = place(&client);
        let config = quick().set_push_sender(move |push| {
            pushes(push);
            Ok::<(), ()>(())
        });
        let connection = connect(&client, config).await;
        let mut connection = connection.map_err(|error| format!("{at}: {}", brief(&error)))?;
        // Where that may not be asked, the first change shows it.
        let role: RedisResult<Vec<Value>> = redis::cmd("ROLE").query_async(&mut connection).await;
        if let Ok([Value::BulkString(role), ..]) = role.as_deref()
            && role != b"master"
        {
            return Err(format!(
                "{at}: it is a replica; the primary is wanted, or sentinels that know it"
            ));
        }
        Ok((at, Connection::Server(connection)))
    }

    /// Waits until there is another server to talk to than the one there, as far as anybody knows.
    pub async fn moved_from(&self, at: &str) {
        let Address::Sentinels(sentinels) = self else { return std::future::pending().await };
        loop {
            sleep(LOOK).await;
            if let Ok(found) = sentinels.find().await
                && place(&found) != at
            {
                return;
            }
        }
    }
}

impl Cluster {
    async fn connect(&self, pushes: Pushes) -> RedisResult<ClusterConnection> {
        let mut builder = ClusterClientBuilder::new(self.urls.iter().map(String::as_str))
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(PATIENCE)
            .response_timeout(PATIENCE)
            .overall_response_timeout(Some(PATIENCE))
            .push_sender(move |push| {
                pushes(push);
                Ok::<(), ()>(())
            });
        if let Some(root) = &self.root {
            let root_cert = Some(root.clone());
            builder = builder.certs(TlsCertificates { client_tls: None, root_cert });
        }
        let connecting = builder.build()?;
        match timeout(3 * PATIENCE, connecting.get_async_connection()).await {
            Ok(connected) => connected,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }
}

impl Servers {
    fn client(&self, host: &str) -> anyhow::Result<Client> {
        ensure!(!host.is_empty(), "the host is missing");
        let Servers { scheme, credentials, database, .. } = self;
        self.open(&format!("{scheme}://{credentials}{host}/{database}"))
    }

    fn cluster(&self, hosts: &str) -> anyhow::Result<Address> {
        let Servers { scheme, credentials, root, .. } = self;
        let mut urls = Vec::new();
        for host in hosts.split(',') {
            self.client(host)?;
            urls.push(format!("{scheme}://{credentials}{host}/?protocol=resp3"));
        }
        Ok(Address::Cluster(Cluster { urls, root: root.clone() }))
    }

    fn sentinel(&self, host: &str) -> anyhow::Result<Sentinel> {
        ensure!(!host.is_empty(), "the host is missing");
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port { String::new() } else { format!(":{SENTINEL_PORT}") };
        let Servers { scheme, credentials, .. } = self;
        Ok(Sentinel {
            open: self.open(&format!("{scheme}://{host}{port}"))?,
            locked: self.open(&format!("{scheme}://{credentials}{host}{port}"))?,
        })
    }

    fn open(&self, url: &str) -> anyhow::Result<Client> {
        let resp3 = if url.contains('?') { "&protocol=resp3" } else { "?protocol=resp3" };
        let url = format!("{url}{resp3}");
        let client = match self.scheme {
            "rediss" => {
                let root_cert = self.root.clone();
                Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert })
            }
            _ => Client::open(url),
        };
        client.map_err(|error| anyhow::anyhow!("{}", brief(&error)))
    }
}

impl Sentinels {
    async fn find(&self) -> Result<Client, String> {
        let mut why = String::new();
        for sentinel in &self.all {
            let at = place(&sentinel.open);
            match self.ask(sentinel).await {
                Ok(Some((host, port))) => {
                    let host = if host.contains(':') { format!("[{host}]") } else { host };
                    let client = self.servers.client(&format!("{host}:{port}"));
                    return client.map_err(|error| error.to_string());
                }
                Ok(None) => why = format!("the sentinel at {at} does not know {}", self.master),
                Err(error) => why = format!("the sentinel at {at}: {}", brief(&error)),
            }
        }
        Err(why)
    }

    async fn ask(&self, sentinel: &Sentinel) -> RedisResult<Option<(String, u16)>> {
        match self.ask_by(&sentinel.open).await {
            Err(error) if error.code() == Some("NOAUTH") => self.ask_by(&sentinel.locked).await,
            answer => answer,
        }
    }

    async fn ask_by(&self, client: &Client) -> RedisResult<Option<(String, u16)>> {
        let mut connection = connect(client, quick()).await?;
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master).query_async(&mut connection).await
    }
}

/// Where a server is, as lines of the log say it: without user and password.
fn place(client: &Client) -> String {
    match client.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            format!("{host}:{port}")
        }
        other => other.to_string(),
    }
}

/// What does not wait for long.
fn quick() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
}

/// Connects, within a bound.
///
/// # Errors
/// If nobody listens there, or nobody who speaks the protocol.
async fn connect(
    client: &Client,
    config: AsyncConnectionConfig,
) -> RedisResult<MultiplexedConnection> {
    // A bound for all of it, with the hello; that of the config is for the socket alone.
    let connected = client.get_multiplexed_async_connection_with_config(&config);
    match timeout(2 * PATIENCE, connected).await {
        Ok(connected) => connected,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_server_or_sentinels() {
        for (url, at) in [
            ("redis://127.0.0.1", "127.0.0.1:6379"),
            ("redis://user:p%40ss@example:7000/2", "example:7000"),
            ("redis://[::1]:7000", "::1:7000"),
            ("rediss://:secret@example", "example:6379"),
        ] {
            let read = Address::read(url, None).unwrap_or_else(|error| panic!("{url}: {error:#}"));
            let Address::Server(client) = read else { panic!("{url} is a server's") };
            assert_eq!(place(&client), at);
        }
        for (url, first, second, master) in [
            ("redis+sentinel://a,b:1/chat", "a:26379", "b:1", "chat"),
            ("redis+sentinel://:p@[::1],[::1]:2/chat/3", "::1:26379", "::1:2", "chat"),
        ] {
            let read = Address::read(url, None).unwrap_or_else(|error| panic!("{url}: {error:#}"));
            let Address::Sentinels(sentinels) = read else { panic!("{url} is of sentinels") };
            let places: Vec<_> = sentinels.all.iter().map(|one| place(&one.open)).collect();
            assert_eq!(places, [first, second]);
            assert_eq!(sentinels.master, master);
        }
        let read = Address::read("redis+cluster://:p@a:1,b:2", None);
        let Ok(Address::Cluster(cluster)) = read else { panic!("it is of a cluster") };
        assert_eq!(cluster.urls.len(), 2);
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_password_is_told() {
        for url in [
            "",
            "redis",
            "redis://",
            "http://example",
            "redis://:secret@example:port",
            "redis://:secret@example/database",
            "redis+sentinel://:secret@example",
            "redis+sentinel://:secret@/chat",
            "redis+sentinel://:secret@a,,b/chat",
            "redis+cluster://:secret@a,,b",
            "redis+cluster://:secret@a/1",
            "redis+more://:secret@a",
        ] {
            let Err(error) = Address::read(url, None) else { panic!("{url} is no address") };
            assert!(!format!("{error:#}").contains("secret"), "{error:#}");
        }
    }
}
