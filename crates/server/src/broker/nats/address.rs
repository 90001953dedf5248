//! Where the servers are, and how they are spoken to.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use super::jetstream::PATIENCE;
use crate::token::random_id;

/// Time between two tries to connect: the first, and the most. Each is a random share of it longer.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Time between two pings. Two that are not answered end a connection.
const PING: Duration = Duration::from_secs(3);

/// Messages of one subscription that wait to be told. What does not fit is read from the engine instead.
const WAITING: usize = 4096;

/// See the module.
pub struct Address {
    /// One is enough: it tells of the others.
    pub servers: Vec<ServerAddr>,
    /// How they are spoken to.
    pub options: ConnectOptions,
}

impl Address {
    /// Reads `nats://host:4222,host:4222`, with `user:password@` or `token@` before the first; or the same with `tls`. Their
    /// certificates are signed with `root`, a PEM file, or by somebody whom the machine trusts.
    ///
    /// # Errors
    /// If it is no such address.
    pub fn read(url: &str, root: Option<&Path>) -> anyhow::Result<Address> {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        if !["nats", "tls"].contains(&scheme) {
            bail!("it begins with nats:// or tls://");
        }
        ensure!(root.is_none() || scheme == "tls", "--broker-ca is for tls://");
        let (credentials, hosts) = match rest.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            None => (None, rest),
        };
        let server = |host: &str| format!("{scheme}://{host}").parse::<ServerAddr>();
        let servers: Result<Vec<_>, _> =
            hosts.trim_end_matches('/').split(',').map(server).collect();
        let servers = servers.context("nats://host:4222,host:4222")?;
        let is_named = servers.iter().all(|server| !server.host().is_empty());
        ensure!(is_named, "a server has no name: nats://host:4222,host:4222");
        let mut options = ConnectOptions::new()
            .name("hamhame")
            .retry_on_initial_connect()
            .ping_interval(PING)
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .subscription_capacity(WAITING)
            .reconnect_delay_callback(delay);
        if let Some(credentials) = credentials {
            options = with_credentials(options, credentials)?;
        }
        if let Some(root) = root {
            options = options.add_root_certificates(root.to_owned());
        }
        Ok(Address { servers, options })
    }
}

fn with_credentials(options: ConnectOptions, credentials: &str) -> anyhow::Result<ConnectOptions> {
    let plain = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(String::from)
            .context("user and password are UTF-8, with % and two digits for what is not a letter")
    };
    Ok(match credentials.split_once(':') {
        Some((user, password)) => options.user_and_password(plain(user)?, plain(password)?),
        None => options.token(plain(credentials)?),
    })
}

fn delay(tries: usize) -> Duration {
    let pause = RETRY.0.saturating_mul(1 << tries.min(5)).min(RETRY.1);
    let jitter = random_id() % (pause.as_millis() as u64).max(1);
    pause + Duration::from_millis(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_one_server_or_several() {
        let hosts = |url| {
            let address = Address::read(url, None).unwrap_or_else(|why| panic!("{url}: {why:#}"));
            let hosts = address.servers.iter().map(|one| format!("{}:{}", one.host(), one.port()));
            hosts.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(hosts("nats://127.0.0.1:4222"), "127.0.0.1:4222");
        assert_eq!(hosts("nats://ali:%D8%B9@a,b:1,[::1]:2"), "a:4222 b:1 ::1:2");
        assert_eq!(hosts("tls://token@a"), "a:4222");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let file = Path::new("ca.pem");
        for (url, root, reason) in [
            ("redis://a", None, "nats://"),
            ("nats://", None, "nats://host"),
            ("nats://a", Some(file), "--broker-ca"),
            ("nats://%FF:x@a", None, "UTF-8"),
        ] {
            let Err(error) = Address::read(url, root) else { panic!("{url} is one") };
            assert!(format!("{error:#}").contains(reason), "{url}: {error:#}");
        }
    }
}
