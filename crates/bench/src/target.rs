//! Where to connect: the server's address, the path of a room, the dialect, and the addresses to come from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rustls::pki_types::ServerName;

use crate::guest::End;

/// How the server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Plain WebSocket: `{"content":…}` there, an event with it back. Any chatroom server speaks it.
    Seed,
    /// The subprotocol `hamhame.v1`: join, acknowledgements, offsets, resuming.
    V1,
    /// The HTTP API, which has the events of `hamhame.v1` and requests of its own; it goes with the transport.
    #[value(skip)]
    Api,
}

impl Dialect {
    /// Its name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::V1 => "hamhame.v1",
            Self::Api => "HTTP API",
        }
    }

    /// What a WebSocket offers to speak it.
    pub(crate) fn subprotocols(self) -> &'static [&'static str] {
        match self {
            Self::V1 => &["hamhame.v1"],
            Self::Seed | Self::Api => &[],
        }
    }

    /// Judges what the server chose of that.
    pub(crate) fn accept(self, chosen: Option<&str>) -> Result<(), End> {
        match (self, chosen) {
            (Self::V1, None) => {
                Err(End::Refused("the server does not speak hamhame.v1".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// How messages go to and fro.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    /// WebSocket over HTTP/1.1
    Ws,
    /// The same, and messages may be compressed (permessage-deflate)
    #[value(name = "ws+deflate")]
    WsDeflate,
    /// WebSocket over HTTP/1.1 and TLS: `ws` with an address of wss://
    Wss,
    /// WebSocket on a stream of HTTP/2, a connection for each member; over TLS if the address is of wss://
    H2,
    /// WebSocket on a stream of HTTP/3, a connection for each member
    H3,
    /// Server-Sent Events, and messages by POST
    Sse,
    /// Requests that wait for an event, and messages by POST
    LongPolling,
    /// A request every --interval seconds, and messages by POST
    Polling,
}

impl Transport {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::WsDeflate => "ws+deflate",
            Self::Wss => "wss",
            Self::H2 => "h2",
            Self::H3 => "h3",
            Self::Sse => "sse",
            Self::LongPolling => "long-polling",
            Self::Polling => "polling",
        }
    }

    /// Whether it cannot be had without TLS.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Wss | Self::H3)
    }

    /// Whether it is the HTTP API, and no WebSocket.
    pub fn is_api(self) -> bool {
        matches!(self, Self::Sse | Self::LongPolling | Self::Polling)
    }
}

/// A server to load.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where to connect.
    pub address: SocketAddr,
    /// Further nodes that share the rooms: connections go to one after the other.
    pub others: Vec<SocketAddr>,
    /// The `Host` of requests.
    pub host: String,
    /// Whether with TLS.
    pub tls: bool,
    /// How messages go to and fro.
    pub transport: Transport,
    /// Whether plain WebSockets are to be driven as all other transports are.
    pub alike: bool,
    /// Between two requests of a member that polls.
    pub interval: Duration,
    /// The path, with `{room}` and `{client}`.
    pub path_template: String,
    /// How to speak to it.
    pub dialect: Dialect,
    /// The addresses to connect from, [`PER_SOURCE`] connections each; `None` leaves it to the system.
    pub sources: Vec<Option<IpAddr>>,
    /// Keeps the rooms of one run apart from those of another.
    pub run: String,
}

/// Connections per source address: a system has some 28,000 ports for each, and old ones rest for a while.
pub const PER_SOURCE: usize = 16_000;

const LOOPBACK_SOURCES: u8 = 64;

impl Target {
    /// The server at `url`: `ws://HOST:PORT` or `http://…`, with TLS `wss://…` or `https://…`.
    ///
    /// # Errors
    ///
    /// The URL is of another kind, its host is unknown, or the transport does not go with it.
    pub fn new(url: &str, transport: Transport, dialect: Dialect) -> Result<Self> {
        let (tls, host) = split(url)?;
        if transport.is_encrypted() && !tls {
            bail!(
                "{} is encrypted: an address of the form wss://HOST:PORT is needed",
                transport.name()
            );
        }
        let address = look_up(host, tls)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            address,
            others: Vec::new(),
            host: host.to_owned(),
            tls,
            transport,
            alike: false,
            interval: Duration::from_secs(1),
            path_template: "/ws/{room}/{client}".to_owned(),
            dialect: if transport.is_api() { Dialect::Api } else { dialect },
            sources: sources_for(address, &[]),
            run: format!("b{:06x}", now.as_micros() & 0xff_ffff),
        })
    }

    /// The same with further nodes at these URLs.
    ///
    /// # Errors
    ///
    /// A URL is of another kind than the first one, or its host is unknown.
    pub fn with_others(mut self, urls: &[String]) -> Result<Self> {
        for url in urls {
            let (tls, host) = split(url)?;
            if tls != self.tls {
                bail!("{url:?}: all nodes are reached with TLS, or all without");
            }
            self.others.push(look_up(host, tls)?);
        }
        Ok(self)
    }

    /// How many nodes share the rooms.
    pub fn nodes(&self) -> usize {
        self.others.len() + 1
    }

    /// Where the connection with this number goes.
    pub fn address_for(&self, connection: usize) -> SocketAddr {
        match connection % self.nodes() {
            0 => self.address,
            other => self.others[other - 1],
        }
    }

    /// The same with these words at the beginning of all rooms' names, if there are any.
    #[must_use]
    pub fn with_run(mut self, run: Option<&str>) -> Self {
        if let Some(run) = run {
            run.clone_into(&mut self.run);
        }
        self
    }

    /// The same with another template of a member's path.
    #[must_use]
    pub fn with_path(mut self, path_template: &str) -> Self {
        path_template.clone_into(&mut self.path_template);
        self
    }

    /// The same with these addresses to connect from, if there are any.
    #[must_use]
    pub fn with_sources(mut self, sources: &[IpAddr]) -> Self {
        self.sources = sources_for(self.address, sources);
        self
    }

    /// The same with this time between two requests of a member that polls.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Whether it is spoken to by WebSockets over TCP and nothing else, by the loop made for these.
    pub fn is_plain_websocket(&self) -> bool {
        self.transport == Transport::Ws && !self.tls && !self.alike
    }

    /// How long a member may hear nothing although there is something to hear.
    pub fn lull(&self) -> Duration {
        if self.transport == Transport::Polling { self.interval } else { Duration::ZERO }
    }

    /// The whole address of what is at `path`.
    pub(crate) fn uri(&self, path: &str) -> String {
        format!("{}://{}{path}", if self.tls { "https" } else { "http" }, self.host)
    }

    /// The name that TLS asks for.
    pub(crate) fn server_name(&self) -> ServerName<'static> {
        let host = self.host.rsplit_once(':').map_or(&*self.host, |(host, _)| host);
        ServerName::try_from(host.to_owned()).unwrap_or_else(|_| self.address.ip().into())
    }

    /// The name of a room.
    pub fn room(&self, room: usize) -> String {
        format!("{}-{room:05}", self.run)
    }

    /// The name of a member.
    pub fn client(&self, client: usize) -> String {
        format!("c{client:05}")
    }

    /// The path of a member of a room. All names have the same length, so that all events have.
    pub fn path(&self, room: usize, client: usize) -> String {
        self.path_template
            .replace("{room}", &self.room(room))
            .replace("{client}", &self.client(client))
    }

    /// Where the connection with this number comes from.
    ///
    /// # Errors
    ///
    /// There are more connections than the source addresses have ports for.
    pub fn source(&self, connection: usize) -> Result<Option<IpAddr>> {
        self.sources.get(connection / PER_SOURCE).copied().with_context(|| {
            format!(
                "more than {} connections need further addresses to come from (--source)",
                self.sources.len() * PER_SOURCE
            )
        })
    }
}

fn look_up(host: &str, tls: bool) -> Result<SocketAddr> {
    let with_port = if host.rsplit(']').next().unwrap_or(host).contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{}", if tls { 443 } else { 80 })
    };
    with_port
        .to_socket_addrs()
        .with_context(|| format!("looking up {host:?}"))?
        .next()
        .with_context(|| format!("{host:?} has no address"))
}

/// Whether with TLS, and the host of a URL.
fn split(url: &str) -> Result<(bool, &str)> {
    let schemes = [("ws://", false), ("http://", false), ("wss://", true), ("https://", true)];
    let split = schemes.iter().find_map(|&(scheme, tls)| Some((tls, url.strip_prefix(scheme)?)));
    let Some((tls, rest)) = split else {
        bail!("{url:?} is no address of the form ws://HOST:PORT");
    };
    let host = rest.trim_end_matches('/');
    if host.contains('/') {
        bail!("{url:?}: the path belongs into --path-template");
    }
    Ok((tls, host))
}

/// What was asked for; else the system's choice and, on the loopback, as many further addresses as wanted.
fn sources_for(address: SocketAddr, asked: &[IpAddr]) -> Vec<Option<IpAddr>> {
    if !asked.is_empty() {
        return asked.iter().copied().map(Some).collect();
    }
    let mut sources = vec![None];
    if matches!(address.ip(), IpAddr::V4(ip) if ip.is_loopback()) {
        sources
            .extend((2..LOOPBACK_SOURCES).map(|last| Some(Ipv4Addr::new(127, 0, 0, last).into())));
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target> {
        Target::new(url, Transport::Ws, Dialect::Seed)
    }

    #[test]
    fn past_the_port_limit_connections_come_from_further_loopback_addresses() {
        let target = target("ws://127.0.0.1:9").unwrap();
        assert_eq!(target.source(0).unwrap(), None);
        assert_eq!(target.source(PER_SOURCE - 1).unwrap(), None);
        assert_eq!(target.source(PER_SOURCE).unwrap(), Some("127.0.0.2".parse().unwrap()));
        assert!(target.source(PER_SOURCE * 1000).is_err());
        let asked: IpAddr = "127.0.0.9".parse().unwrap();
        let target = target.with_sources(&[asked]);
        assert_eq!(target.source(0).unwrap(), Some(asked));
        assert!(target.source(PER_SOURCE).is_err());
    }

    #[test]
    fn connections_go_to_one_node_after_the_other() {
        let target = target("ws://127.0.0.1:9").unwrap();
        let others = ["ws://127.0.0.1:10".to_owned(), "ws://127.0.0.1:11".to_owned()];
        let target = target.with_others(&others).unwrap();
        let ports: Vec<u16> = (0..5).map(|number| target.address_for(number).port()).collect();
        assert_eq!(ports, [9, 10, 11, 9, 10]);
        assert!(target.with_others(&["wss://127.0.0.1:12".to_owned()]).is_err());
    }

    #[test]
    fn an_address_of_another_form_is_refused_by_name() {
        for url in ["ftp://127.0.0.1:9", "127.0.0.1:9", "ws://127.0.0.1:9/ws/x"] {
            let error = target(url).unwrap_err();
            assert!(error.to_string().contains(url), "{error}");
        }
    }

    #[test]
    fn what_is_encrypted_needs_an_address_that_is() {
        let new = |url, transport| Target::new(url, transport, Dialect::Seed);
        assert!(new("ws://127.0.0.1:9", Transport::Wss).is_err());
        assert!(new("https://127.0.0.1:9", Transport::Wss).unwrap().tls);
        assert!(new("ws://127.0.0.1:9", Transport::Ws).unwrap().is_plain_websocket());
        assert!(!new("wss://127.0.0.1:9", Transport::Ws).unwrap().is_plain_websocket());
    }

    #[test]
    fn names_in_a_path_all_have_one_length() {
        let target = target("ws://127.0.0.1:9").unwrap().with_path("/ws/{room}/{client}?x");
        assert_eq!(target.path(0, 0).len(), target.path(99_999, 99_999).len());
        assert!(target.path(7, 12).ends_with("-00007/c00012?x"), "{}", target.path(7, 12));
        let (own, again) = (target.clone().with_run(None), target.clone().with_run(Some("again")));
        assert_eq!((own.room(7), again.room(7)), (target.room(7), "again-00007".to_owned()));
    }
}
