//! The host that a request is for: read once, so that all who ask about it get the same answer.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::{Uri, Version};

/// What stands in `Host`, in `:authority` or in an absolute target: a host, and a port if one is named (RFC 3986, section 3.2, without
/// user information, as RFC 9110 has it in section 4.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    text: &'a str,
    host: Host<'a>,
    port: Option<u16>,
}

/// Which machine is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// By a name, as it was written: in any case, perhaps with a dot at its end.
    Name(&'a str),
    /// By an address.
    Address(IpAddr),
}

impl fmt::Display for Host<'_> {
    /// As it stands in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V4(address)) => address.fmt(f),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Where a request says which host it is for.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Major and minor version of HTTP.
    pub version: (u8, u8),
    /// Of an absolute target in HTTP/1.1 (RFC 9112, section 3.2.2); in HTTP/2 and later `:authority` (RFC 9113, section 8.3.1).
    pub target: Option<&'a str>,
}

/// It names no host though it must, or two, or what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnamed;

impl<'a> Places<'a> {
    /// Of a request, apart from its headers. What CONNECT names in HTTP/1.1 is where a tunnel should lead.
    pub fn of(version: Version, target: &'a Uri) -> Places<'a> {
        let is_host = version >= Version::HTTP_2 || target.scheme().is_some();
        let target = target.authority().filter(|_| is_host);
        Places { version: numbers(version), target: target.map(|authority| authority.as_str()) }
    }
}

/// Major and minor version of HTTP.
pub fn numbers(version: Version) -> (u8, u8) {
    match version {
        Version::HTTP_09 => (0, 9),
        Version::HTTP_10 => (1, 0),
        Version::HTTP_11 => (1, 1),
        Version::HTTP_2 => (2, 0),
        _ => (3, 0),
    }
}

impl<'a> Authority<'a> {
    /// Reads it. Nothing but what RFC 3986 allows passes, and no host without a name (RFC 9110, section 4.2.1).
    pub fn read(text: &'a [u8]) -> Option<Authority<'a>> {
        let text = std::str::from_utf8(text).ok()?;
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                (Host::Address(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)), port)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                (read_name(name)?, port)
            }
        };
        let port = match port.strip_prefix(':') {
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None if port.is_empty() => None,
            None => return None,
        };
        Some(Authority { text, host, port })
    }

    /// The host that a request is for, by all values of its `Host`: the target's, which wins, or that of `Host`. `None` if it
    /// names none, as HTTP/1.0 may.
    ///
    /// # Errors
    /// In HTTP/1.1 `Host` stands in each request, once, and is in order whatever the target says (RFC 9112, section 3.2). In
    /// later versions it may stand beside `:authority`, if it says the same.
    pub fn of(
        places: Places<'a>,
        mut hosts: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<Authority<'a>>, Unnamed> {
        let read = |text: &'a [u8]| Authority::read(text).ok_or(Unnamed);
        let header = hosts.next().map(read).transpose()?;
        if hosts.next().is_some() {
            return Err(Unnamed);
        }
        let target = places.target.map(|text| read(text.as_bytes())).transpose()?;
        match (header, target) {
            (None, _) if places.version == (1, 1) => Err(Unnamed),
            (None, None) if places.version >= (1, 1) => Err(Unnamed),
            (Some(header), Some(target)) if places.version >= (2, 0) && !header.is(&target) => {
                Err(Unnamed)
            }
            _ => Ok(target.or(header)),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The machine.
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port, if one is named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether both mean the same, in whatever way they are written.
    fn is(&self, other: &Authority<'_>) -> bool {
        let same = match (self.host, other.host) {
            (Host::Name(one), Host::Name(other)) => one.eq_ignore_ascii_case(other),
            (Host::Address(one), Host::Address(other)) => one == other,
            _ => false,
        };
        same && self.port == other.port
    }
}

fn read_name(name: &str) -> Option<Host<'_>> {
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return Some(Host::Address(IpAddr::V4(address)));
    }
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        let is_fine = match byte {
            b'%' => [bytes.next(), bytes.next()]
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())),
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte),
        };
        if !is_fine {
            return None;
        }
    }
    (!name.is_empty()).then_some(Host::Name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port_or_without() {
        let name = |name| Host::Name(name);
        let address = |text: &str| Host::Address(text.parse().unwrap());
        for (text, host, port) in [
            ("localhost", name("localhost"), None),
            ("Chat.Example:8000", name("Chat.Example"), Some(8000)),
            ("a.example.", name("a.example."), None),
            ("a_b:", name("a_b"), None),
            ("xn--mgba3gch31f060k.example", name("xn--mgba3gch31f060k.example"), None),
            ("%DA%A9.example", name("%DA%A9.example"), None),
            ("127.0.0.1:80", address("127.0.0.1"), Some(80)),
            ("[::1]", address("::1"), None),
            ("[2001:DB8::7]:443", address("2001:db8::7"), Some(443)),
            ("999.0.0.1", name("999.0.0.1"), None),
        ] {
            let read = Authority::read(text.as_bytes());
            assert_eq!(read.map(|read| (read.host(), read.port())), Some((host, port)), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ":80",
            "a b",
            " a",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "user@a",
            "@",
            "[::1",
            "::1",
            "[::1]80",
            "[]",
            "[a]",
            "[127.0.0.1]",
            "[fe80::1%25lo]",
            "a:b",
            "a:80:80",
            "a:+80",
            "a:65536",
            "a:-1",
            "a%",
            "a%4",
            "a%zz",
            "a\"b",
            "a<b",
            "a\0",
            "a,b c",
            "کلاس.example",
            "http://a",
        ] {
            assert_eq!(Authority::read(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Authority::read(b"a\xff"), None);
    }

    fn of(
        version: (u8, u8),
        target: Option<&str>,
        hosts: &[&str],
    ) -> Result<Option<String>, Unnamed> {
        let hosts = hosts.iter().map(|host| host.as_bytes());
        let read = Authority::of(Places { version, target }, hosts)?;
        Ok(read.map(|read| read.text().to_owned()))
    }

    #[test]
    fn the_target_wins_over_the_header_which_must_be_there_in_http_1_1() {
        let is = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(of((1, 1), None, &["a"]), is("a"));
        assert_eq!(of((1, 1), Some("b:80"), &["a"]), is("b:80"));
        for (target, hosts) in [
            (None, &[][..]),
            (None, &["a", "a"]),
            (None, &[""]),
            (Some("b"), &[]),
            (Some("b"), &["a b"]),
            (Some("u@b"), &["b"]),
        ] {
            assert_eq!(of((1, 1), target, hosts), Err(Unnamed), "{target:?} {hosts:?}");
        }
        assert_eq!(of((1, 0), None, &[]), Ok(None));
        assert_eq!(of((1, 0), Some("b"), &[]), is("b"));
        assert_eq!(of((1, 0), None, &["a/b"]), Err(Unnamed));
    }

    #[test]
    fn in_later_versions_both_may_stand_there_and_say_the_same() {
        let is = |text: &str| Ok(Some(text.to_owned()));
        for version in [(2, 0), (3, 0)] {
            assert_eq!(of(version, Some("a:80"), &[]), is("a:80"));
            assert_eq!(of(version, None, &["a"]), is("a"));
            assert_eq!(of(version, Some("A:80"), &["a:80"]), is("A:80"));
            for (target, hosts) in [
                (None, &[][..]),
                (Some("a"), &["b"]),
                (Some("a"), &["a:80"]),
                (Some("a"), &["a", "a"]),
                (Some(""), &["a"]),
                (Some("u@a"), &[]),
            ] {
                assert_eq!(of(version, target, hosts), Err(Unnamed), "{target:?} {hosts:?}");
            }
        }
    }
}
