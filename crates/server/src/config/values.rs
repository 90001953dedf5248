//! Values of options: how they are written, and what is said of one that is not.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Compression, Lan};
use crate::authority::Authority;

/// Below it, compressing costs more than it saves (docs/topics/transports.md).
const WORTH_COMPRESSING: usize = 256;

/// The port where none is named.
const PORT: u16 = 8000;

/// An address and a port, or one of them. A port alone is for this machine: who wants more says so.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok((address, PORT).into());
    }
    let (host, port) = match text.rsplit_once(':') {
        Some(parts) => parts,
        None if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) => ("", text),
        None => (text, "8000"),
    };
    match (host, port.parse()) {
        ("", Ok(port)) => Ok((loopback, port).into()),
        (name, Ok(port)) if name.eq_ignore_ascii_case("localhost") => Ok((loopback, port).into()),
        _ => Err("write it like 127.0.0.1:8000, [::1]:8000, localhost:8000 or 8000; 0.0.0.0:8000 is every interface".into()),
    }
}

/// Off, on, or on at a port.
pub fn lan(text: &str) -> Result<Lan, String> {
    match (text, text.parse()) {
        ("false", _) => Ok(Lan::Off),
        ("true", _) => Ok(Lan::Port(PORT)),
        // 0 and 1 are how some say no and yes.
        (_, Ok(port)) if port > 1 => Ok(Lan::Port(port)),
        _ => Err("must be true, false or a port".into()),
    }
}

/// As humantime reads it.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it like 10s, 500ms or 1h"))
}

/// `on`, `off` or bytes.
pub fn compression(text: &str) -> Result<Compression, String> {
    match text {
        "on" => Ok(Compression::From(WORTH_COMPRESSING)),
        "off" => Ok(Compression::Off),
        bytes => match bytes.parse() {
            Ok(bytes) => Ok(Compression::From(bytes)),
            Err(_) => Err("must be on, off or a number of bytes".into()),
        },
    }
}

/// A rate per second.
pub fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("must be a number above 0".into()),
    }
}

/// An origin as it is compared: without slash at its end, in lower case.
pub fn origin(text: &str) -> Result<String, String> {
    let origin = text.trim().trim_end_matches('/').to_ascii_lowercase();
    if origin == "*"
        || origin == "null"
        || origin.starts_with("http://")
        || origin.starts_with("https://")
    {
        Ok(origin)
    } else {
        Err("an origin is a scheme, a host and maybe a port, such as https://example.org".into())
    }
}

/// A name as `--host` takes it: in lower case, without port and dot at its end; or `*`.
///
/// # Errors
/// It is no name.
pub fn host(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    match Authority::read(text.as_bytes()) {
        Some(authority) if authority.port().is_none() && !text.ends_with(':') => {
            Ok(text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase())
        }
        _ => {
            Err("must be a name such as chat.example.org, without a scheme and a port, or *".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_without_anything_around_it() {
        assert_eq!(host("Chat.Example."), Ok("chat.example".into()));
        assert_eq!(host("*"), Ok("*".into()));
        for text in ["", "http://a", "a:80", "a:", "a b", "a/b", "user@a"] {
            assert!(host(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_address_to_listen_on_may_be_written_in_short() {
        for (text, address) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("8000", "127.0.0.1:8000"),
            (":9000", "127.0.0.1:9000"),
            ("0", "127.0.0.1:0"),
            ("localhost", "127.0.0.1:8000"),
            ("LocalHost:80", "127.0.0.1:80"),
            ("0.0.0.0", "0.0.0.0:8000"),
            ("::1", "[::1]:8000"),
            ("[::]", "[::]:8000"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(listen(text).map(|it| it.to_string()).as_deref(), Ok(address), "{text}");
        }
        for text in
            ["", ":", "65536", "-1", "a:80", "example.org", "127.0.0.1:", "1.2.3:80", "[::1"]
        {
            assert!(listen(text).is_err(), "{text}");
        }
    }
}
