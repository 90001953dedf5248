//! Where to connect: the server's address, the path of a room, the dialect, and the addresses to come from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

/// How the server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Plain WebSocket: `{"content":…}` there, an event with it back. Any chatroom server speaks it.
    Seed,
    /// The subprotocol `hamhame.v1`: join, acknowledgements, offsets, resuming.
    V1,
}

/// A server to load.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where to connect.
    pub address: SocketAddr,
    /// The `Host` of requests.
    pub host: String,
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
    /// Reads `ws://HOST:PORT`.
    ///
    /// # Errors
    ///
    /// The URL is of another kind or its host is unknown.
    pub fn new(
        url: &str,
        path_template: &str,
        dialect: Dialect,
        sources: &[IpAddr],
    ) -> Result<Self> {
        let Some(host) = url.strip_prefix("ws://").map(|rest| rest.trim_end_matches('/')) else {
            bail!("{url:?} is no address of the form ws://HOST:PORT");
        };
        if host.contains('/') {
            bail!("{url:?}: the path belongs into --path-template");
        }
        let with_port = if host.rsplit(']').next().unwrap_or(host).contains(':') {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let address = with_port
            .to_socket_addrs()
            .with_context(|| format!("looking up {host:?}"))?
            .next()
            .with_context(|| format!("{host:?} has no address"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            address,
            host: host.to_owned(),
            path_template: path_template.to_owned(),
            dialect,
            sources: sources_for(address, sources),
            run: format!("b{:06x}", now.as_micros() & 0xff_ffff),
        })
    }

    /// The path of a member of a room. All names have the same length, so that all events have.
    pub fn path(&self, room: usize, client: usize) -> String {
        let room = format!("{}-{room:05}", self.run);
        self.path_template.replace("{room}", &room).replace("{client}", &format!("c{client:05}"))
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

    #[test]
    fn past_the_port_limit_connections_come_from_further_loopback_addresses() {
        let target =
            Target::new("ws://127.0.0.1:9", "/{room}/{client}", Dialect::Seed, &[]).unwrap();
        assert_eq!(target.source(0).unwrap(), None);
        assert_eq!(target.source(PER_SOURCE - 1).unwrap(), None);
        assert_eq!(target.source(PER_SOURCE).unwrap(), Some("127.0.0.2".parse().unwrap()));
        assert!(target.source(PER_SOURCE * 1000).is_err());
        let asked: IpAddr = "127.0.0.9".parse().unwrap();
        let target = Target::new("ws://127.0.0.1:9", "/", Dialect::Seed, &[asked]).unwrap();
        assert_eq!(target.source(0).unwrap(), Some(asked));
        assert!(target.source(PER_SOURCE).is_err());
    }

    #[test]
    fn an_address_of_another_form_is_refused_by_name() {
        for url in ["http://127.0.0.1:9", "127.0.0.1:9", "ws://127.0.0.1:9/ws/x"] {
            let error = Target::new(url, "/", Dialect::Seed, &[]).unwrap_err();
            assert!(error.to_string().contains(url), "{error}");
        }
    }

    #[test]
    fn names_in_a_path_all_have_one_length() {
        let target =
            Target::new("ws://127.0.0.1:9", "/ws/{room}/{client}?x", Dialect::Seed, &[]).unwrap();
        assert_eq!(target.path(0, 0).len(), target.path(99_999, 99_999).len());
        assert!(target.path(7, 12).ends_with("-00007/c00012?x"), "{}", target.path(7, 12));
    }
}
