//! Whom a request comes from, where a proxy stands in front: what a proxy says of its client is believed if the operator
//! trusts the proxy by name (`--trusted-proxy`), and read by nobody otherwise.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use clap::{Args, ValueEnum};

/// What the operator says about proxies in front.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Proxies")]
pub struct ProxyOptions {
    /// Proxies in front, by address or network (10.0.0.0/8): a client's address is then what they say it is, and limits by
    /// address go by that. Without it nobody is believed
    #[arg(
        long = "trusted-proxy",
        env = "HAMHAME_TRUSTED_PROXY",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub trusted: Vec<Network>,

    /// The header in which they say it; whatever else looks like one may be the client's own
    #[arg(
        long = "proxy-header",
        env = "HAMHAME_PROXY_HEADER",
        default_value = "x-forwarded-for",
        value_name = "HEADER"
    )]
    pub header: ProxyHeader,
}

/// How a proxy names its client.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// Addresses with commas between them, each proxy's peer behind those of the proxies before it
    XForwardedFor,
    /// The same by RFC 7239, as `for=` of each element
    Forwarded,
}

impl ProxyOptions {
    /// Whether what this machine says of its clients is believed.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.holds(address))
    }

    /// The client that a request of the trusted proxy `peer` is made for, by all values of [`header`](Self::header) in order.
    ///
    /// Each proxy appends the peer that it saw, so the list is read from its end: the first address that is no trusted proxy
    /// is the client, and what stands before it may be the client's invention. If all are trusted, it is the one farthest
    /// away. What is no address ends the search, and the proxy that said so is taken for the client; so is `peer`, if it names
    /// nobody.
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        values: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> IpAddr {
        let mut nearest = peer;
        for value in values.rev() {
            for address in self.header.addresses(value).into_iter().rev() {
                let Some(address) = address else { return nearest };
                nearest = address;
                if !self.trust(address) {
                    return address;
                }
            }
        }
        nearest
    }
}

impl ProxyHeader {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        }
    }

    /// The header in which such a proxy says by which scheme its client came.
    pub fn scheme_name(self) -> &'static str {
        match self {
            ProxyHeader::XForwardedFor => "x-forwarded-proto",
            ProxyHeader::Forwarded => "forwarded",
        }
    }

    /// Whether a value of [that header](Self::scheme_name) says https for any part of the way. If the client made it up, it
    /// has made itself less welcome.
    pub fn says_https(self, value: &[u8]) -> bool {
        let Ok(value) = std::str::from_utf8(value) else { return false };
        let is_https = |scheme: &str| scheme.eq_ignore_ascii_case("https");
        match self {
            ProxyHeader::XForwardedFor => value.split(',').any(|scheme| is_https(scheme.trim())),
            ProxyHeader::Forwarded => {
                let elements = outside_quotes(value, ',').unwrap_or_default();
                elements
                    .into_iter()
                    .any(|element| parameter(element, "proto").is_some_and(is_https))
            }
        }
    }

    /// What stands in a value of this header, `None` for what is no address.
    fn addresses(self, value: &[u8]) -> Vec<Option<IpAddr>> {
        let Ok(value) = std::str::from_utf8(value) else { return vec![None] };
        match self {
            ProxyHeader::XForwardedFor => value.split(',').map(read_address).collect(),
            ProxyHeader::Forwarded => match outside_quotes(value, ',') {
                Some(elements) => elements.into_iter().map(read_forwarded).collect(),
                None => vec![None],
            },
        }
    }
}

/// The parts of `text` between separators that stand in no quoted string (RFC 9110, section 5.6.4). `None` if a string does
/// not end: a client that begins one could hide in it what its proxy appends.
fn outside_quotes(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text
        .split(|c: char| {
            let escapes = std::mem::take(&mut escaped);
            match c {
                '\\' if quoted && !escapes => escaped = true,
                '"' if !escapes => quoted = !quoted,
                _ => {}
            }
            c == separator && !quoted
        })
        .collect();
    (!quoted).then_some(parts)
}

/// The value of one parameter of an element of `Forwarded` (RFC 7239, section 4), without quotes. `None` if it is not there,
/// or twice.
fn parameter<'a>(element: &'a str, wanted: &str) -> Option<&'a str> {
    let pairs = outside_quotes(element, ';')?;
    let mut values = pairs.iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then_some(value.trim())
    });
    let value = values.next().filter(|_| values.next().is_none())?;
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(inner.unwrap_or(value))
}

/// The address in `for=` of one element of `Forwarded`. `None` if it names none: `unknown`, or a name that the proxy made up
/// (section 6.3).
fn read_forwarded(element: &str) -> Option<IpAddr> {
    read_address(parameter(element, "for")?)
}

/// An address with or without a port; one of IPv6 may stand in brackets.
fn read_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(inside) => inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip())),
    };
    address.map(|address| address.to_canonical())
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether `address` is of this network. Neither family holds addresses of the other.
    pub fn holds(&self, address: IpAddr) -> bool {
        let other = Network { address, bits: self.bits };
        self.address.is_ipv4() == address.is_ipv4() && self.prefix() == other.prefix()
    }

    /// The bits that count, as the lowest of a number.
    fn prefix(&self) -> u128 {
        let (value, width) = match self.address {
            IpAddr::V4(address) => (address.to_bits().into(), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        value >> (width - self.bits)
    }
}

impl FromStr for Network {
    type Err = String;

    /// `192.168.1.0/24`, or a single address.
    fn from_str(text: &str) -> Result<Network, String> {
        let text = text.trim();
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let malformed = || {
            "must be addresses or networks such as 127.0.0.1,10.0.0.0/8 (not * : whoever is trusted may say anything)"
                .to_owned()
        };
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.parse().map_err(|_| malformed()))?;
        if bits > width {
            return Err(format!("a prefix of this family has {width} bits at most"));
        }
        if bits == 0 {
            return Err("whoever is trusted may say anything, so it cannot be everybody".into());
        }
        Ok(Network { address, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(trusted: &[&str], header: ProxyHeader) -> ProxyOptions {
        let trusted = trusted.iter().map(|network| network.parse().unwrap()).collect();
        ProxyOptions { trusted, header }
    }

    fn client(options: &ProxyOptions, values: &[&str]) -> String {
        let values = values.iter().map(|value| value.as_bytes());
        options.client("10.0.0.1".parse().unwrap(), values).to_string()
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_like_it() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.1.2.3/8", "10.9.9.9", "9.9.9.9"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("192.168.1.128/25", "192.168.1.128", "192.168.1.127"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "127.0.0.1"),
            ("10.0.0.0/8", "10.0.0.1", "a00::1"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.holds(inside.parse().unwrap()), "{inside}");
            assert!(!network.holds(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn what_is_no_network_or_is_everybody_is_refused() {
        for text in
            ["*", "", "10.0.0.0/33", "::/129", "10.0.0.0/", "10/8", "proxy", "0.0.0.0/0", "::/0"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        let proxies = options(&["10.0.0.0/8"], ProxyHeader::XForwardedFor);
        for (value, expected) in [
            ("198.51.100.7", "198.51.100.7"),
            ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
            ("203.0.113.9,198.51.100.7 , 10.0.0.2,10.0.0.3", "198.51.100.7"),
            ("10.0.0.9, 10.0.0.2", "10.0.0.9"),
            ("198.51.100.7:4711", "198.51.100.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
        ] {
            assert_eq!(client(&proxies, &[value]), expected, "{value}");
        }
        assert_eq!(client(&proxies, &["203.0.113.9", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&proxies, &["198.51.100.7", "10.0.0.3"]), "198.51.100.7");
    }

    #[test]
    fn what_names_nobody_is_the_proxys_own() {
        let proxies = options(&["10.0.0.0/8"], ProxyHeader::XForwardedFor);
        for (value, expected) in [
            ("", "10.0.0.1"),
            ("unknown", "10.0.0.1"),
            ("198.51.100.7, ", "10.0.0.1"),
            ("198.51.100.7, nonsense, 10.0.0.2", "10.0.0.2"),
            ("198.51.100.7;10.0.0.2", "10.0.0.1"),
        ] {
            assert_eq!(client(&proxies, &[value]), expected, "{value:?}");
        }
        assert_eq!(client(&proxies, &[]), "10.0.0.1");
    }

    #[test]
    fn a_proxy_says_by_which_scheme_its_client_came() {
        use ProxyHeader::{Forwarded, XForwardedFor};
        for (header, value, expected) in [
            (XForwardedFor, "https", true),
            (XForwardedFor, "HTTPS", true),
            (XForwardedFor, "https, http", true),
            (XForwardedFor, "http", false),
            (XForwardedFor, "httpsx", false),
            (XForwardedFor, "", false),
            (Forwarded, "for=198.51.100.7;proto=https", true),
            (Forwarded, "Proto=\"https\"", true),
            (Forwarded, "for=198.51.100.7;proto=http, for=10.0.0.2;proto=https", true),
            (Forwarded, "for=198.51.100.7;proto=http", false),
            (Forwarded, "host=\";proto=https\"", false),
            (Forwarded, "proto=http;proto=https", false),
            (Forwarded, "a=\", proto=https", false),
        ] {
            assert_eq!(header.says_https(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        let proxies = options(&["10.0.0.0/8"], ProxyHeader::Forwarded);
        for (value, expected) in [
            ("for=198.51.100.7", "198.51.100.7"),
            ("For=\"198.51.100.7:4711\"; Proto=https;by=10.0.0.1", "198.51.100.7"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=203.0.113.9, for=198.51.100.7, for=10.0.0.2", "198.51.100.7"),
            ("host=\"a,b;for=203.0.113.9\";for=198.51.100.7", "198.51.100.7"),
            ("host=\"\\\",for=203.0.113.9\";for=198.51.100.7", "198.51.100.7"),
            ("for=198.51.100.7, for=unknown", "10.0.0.1"),
            ("for=_hidden", "10.0.0.1"),
            ("for=198.51.100.7;for=203.0.113.9", "10.0.0.1"),
            ("for=203.0.113.9;a=\", for=198.51.100.7", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            assert_eq!(client(&proxies, &[value]), expected, "{value}");
        }
        assert_eq!(client(&proxies, &["198.51.100.7"]), "10.0.0.1");
    }
}
