//! Where a room is: from what people copy to what a handshake needs.

use anyhow::{Context, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What is encoded in a part of a path: all but what RFC 3986 calls unreserved.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const DEFAULT_ROOM: &str = "general";

/// A room on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The room's name.
    pub room: String,
}

impl Address {
    /// From a URL (http, https, ws, wss, or none of them), which may be the link of a room, and a room.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(url: &str, room: Option<&str>) -> anyhow::Result<Address> {
        let url = url.trim();
        let (tls, rest) = match url.split_once("://") {
            Some(("http" | "ws", rest)) => (false, rest),
            Some(("https" | "wss", rest)) => (true, rest),
            Some((scheme, _)) => bail!("{scheme}:// is not spoken here; http:// and https:// are"),
            None => (false, url),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            bail!("{url}: a user in the address means nothing here");
        }
        let (host, port) = split_port(authority).with_context(|| format!("{url} is no address"))?;
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        let linked = linked_room(path)?;
        let room = match (room, linked) {
            (Some(room), Some(linked)) if room != linked => {
                bail!("the link is of the room {linked}, and the room {room} is named behind it")
            }
            (Some(room), _) => room.to_owned(),
            (None, linked) => linked.unwrap_or_else(|| DEFAULT_ROOM.to_owned()),
        };
        Ok(Address { tls, host: host.to_owned(), port, room })
    }

    /// The `Host` of requests.
    pub fn authority(&self) -> String {
        let brackets = self.host.contains(':');
        let host = if brackets { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// The target of the handshake for who joins as `name`.
    pub fn target(&self, name: &str) -> String {
        let part = |text| utf8_percent_encode(text, PART);
        format!("/ws/{}/{}", part(&self.room), part(name))
    }
}

/// The room that a path like `/r/class` names.
fn linked_room(path: &str) -> anyhow::Result<Option<String>> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let Some(part) = path.strip_prefix("/r/") else {
        if path.trim_matches('/').is_empty() {
            return Ok(None);
        }
        bail!("{path} is no room: a room's link ends with /r/ROOM");
    };
    let room = percent_decode_str(part.trim_end_matches('/')).decode_utf8();
    let room = room.context("the room's name in the link is not UTF-8")?;
    Ok(Some(room.into_owned()).filter(|room| !room.is_empty()))
}

/// `host`, `host:port`, `[::1]:port`.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return match port {
            "" => Some((host, None)),
            port => Some((host, Some(port.strip_prefix(':')?.parse().ok()?))),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (authority, None),
    };
    let fits = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    fits.then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str, room: Option<&str>) -> (bool, String, String) {
        let address = Address::parse(url, room).unwrap();
        (address.tls, address.authority(), address.target("مریم"))
    }

    #[test]
    fn what_people_copy_is_an_address() {
        let name = "%D9%85%D8%B1%DB%8C%D9%85";
        let class = format!("/ws/%DA%A9%D9%84%D8%A7%D8%B3/{name}");
        let general = format!("/ws/general/{name}");
        for (url, room, tls, host, target) in [
            ("http://127.0.0.1:8000", None, false, "127.0.0.1:8000", &general),
            ("127.0.0.1:8000/", Some("کلاس"), false, "127.0.0.1:8000", &class),
            ("https://chat.example/r/کلاس", None, true, "chat.example", &class),
            (
                "https://chat.example:443/r/%DA%A9%D9%84%D8%A7%D8%B3/?x#y",
                None,
                true,
                "chat.example",
                &class,
            ),
            ("ws://[::1]:9000", Some("کلاس"), false, "[::1]:9000", &class),
            ("localhost", Some("general"), false, "localhost", &general),
        ] {
            assert_eq!(parsed(url, room), (tls, host.to_owned(), target.clone()), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_said() {
        for (url, room) in [
            ("", None),
            ("ftp://x", None),
            ("http://", None),
            ("http://a b", None),
            ("http://x:99999", None),
            ("http://[::1", None),
            ("http://user@x", None),
            ("http://x/other", None),
            ("http://x/r/one", Some("two")),
        ] {
            assert!(Address::parse(url, room).is_err(), "{url}");
        }
    }
}
