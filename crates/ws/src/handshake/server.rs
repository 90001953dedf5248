//! The server's side: is this request a WebSocket handshake, and if not, what to answer (section 4.2).

use std::fmt;

use super::extension::Malformed;
use super::{Deflate, accept_key, has_token, is_token};

/// A valid request to open a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The value of `Sec-WebSocket-Key`; empty if there is none, as HTTP/2 and HTTP/3 need none.
    pub key: &'a str,
    /// The subprotocols that the client offers, the one it likes best first.
    pub protocols: Vec<&'a str>,
    /// The first of the client's offers of permessage-deflate that we can keep to (RFC 7692). It is agreed if the
    /// response has its [`answer`](Deflate::answer), and only then.
    pub deflate: Option<Deflate>,
}

impl Request<'_> {
    /// The value of `Sec-WebSocket-Accept` for the response, if there is a key.
    pub fn accept(&self) -> String {
        accept_key(self.key)
    }

    /// The subprotocol to speak: the first of the client's that is among `supported`. With `None`, the
    /// response has no `Sec-WebSocket-Protocol`. Names are compared exactly (section 4.2.2).
    pub fn choose<'s>(&self, supported: &[&'s str]) -> Option<&'s str> {
        self.protocols
            .iter()
            .find_map(|offered| supported.iter().find(|known| *known == offered))
            .copied()
    }
}

/// Why a request does not open a WebSocket. The response has the [`status`](Self::status), the
/// [`headers`](Self::headers), and this error's text as its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The method is not GET.
    Method,
    /// The version of HTTP is below 1.1.
    HttpVersion,
    /// `Upgrade: websocket` or `Connection: Upgrade` is missing: an ordinary request, or one from which a proxy
    /// took these headers.
    NotAnUpgrade,
    /// `Sec-WebSocket-Version` is not 13, or is missing.
    Version,
    /// `Sec-WebSocket-Key` is missing, there twice, or not 16 bytes in base64.
    Key,
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    Protocols,
    /// `Sec-WebSocket-Extensions` is not a list of extensions.
    Extensions,
    /// Over HTTP/2 or HTTP/3: the method is not CONNECT.
    NotConnect,
    /// Over HTTP/2 or HTTP/3: a CONNECT without `:protocol`, or with another one than `websocket`.
    NotWebSocket,
    /// Over HTTP/2 or HTTP/3: `Sec-WebSocket-Version` is not 13, or is missing.
    StreamVersion,
}

impl HandshakeError {
    /// The status of the response: 400, 405, 426 or 501.
    pub fn status(&self) -> u16 {
        match self {
            Self::Method | Self::NotConnect => 405,
            Self::NotAnUpgrade | Self::Version => 426,
            // RFC 9220 section 3.
            Self::NotWebSocket => 501,
            // Not 426, which must name an `Upgrade`, and that is not known there.
            Self::StreamVersion => 400,
            Self::HttpVersion | Self::Key | Self::Protocols | Self::Extensions => 400,
        }
    }

    /// The headers, beyond the usual ones, that the response must have.
    pub fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Method => &[("allow", "GET")],
            Self::NotConnect => &[("allow", "CONNECT")],
            Self::StreamVersion => &[("sec-websocket-version", "13")],
            Self::NotAnUpgrade | Self::Version => &[
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
            ],
            Self::HttpVersion
            | Self::Key
            | Self::Protocols
            | Self::Extensions
            | Self::NotWebSocket => &[],
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "a WebSocket is opened with GET (RFC 6455 section 4.1)",
            Self::HttpVersion => "a WebSocket needs HTTP/1.1 or later (RFC 6455 section 4.1)",
            Self::NotAnUpgrade => {
                "this address speaks WebSocket: send \"Upgrade: websocket\" and \"Connection: Upgrade\" \
                 (RFC 6455 section 4.1); a proxy in between must pass them on"
            }
            Self::Version | Self::StreamVersion => {
                "Sec-WebSocket-Version must be 13 (RFC 6455 section 4.4)"
            }
            Self::NotConnect => {
                "over HTTP/2 and HTTP/3 a WebSocket is opened with CONNECT (RFC 8441 section 4)"
            }
            Self::NotWebSocket => {
                "the :protocol of this CONNECT is none that is spoken here; it must be websocket (RFC 8441 section 5)"
            }
            Self::Key => {
                "Sec-WebSocket-Key must be there once and be 16 bytes in base64 (RFC 6455 section 4.1)"
            }
            Self::Protocols => {
                "Sec-WebSocket-Protocol must be a list of tokens (RFC 6455 section 11.3.4)"
            }
            Self::Extensions => {
                "Sec-WebSocket-Extensions must be a list of extensions (RFC 6455 section 9.1)"
            }
        })
    }
}

impl std::error::Error for HandshakeError {}

/// Checks that a request opens a WebSocket (section 4.2.1).
///
/// `http` is the major and minor version of HTTP, and `headers` are all of the request's, names in any
/// case, in order. With hyper:
/// `headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))`.
///
/// The origin, the path and who the client is are for the caller to judge.
///
/// # Errors
///
/// What is wrong, with the response to give.
pub fn check<'a>(
    method: &str,
    http: (u8, u8),
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Request<'a>, HandshakeError> {
    if method != "GET" {
        return Err(HandshakeError::Method);
    }
    if http < (1, 1) {
        return Err(HandshakeError::HttpVersion);
    }
    let said = Said::read(headers);
    if !said.upgrade || !said.connection {
        return Err(HandshakeError::NotAnUpgrade);
    }
    if said.version.value() != Some(b"13") {
        return Err(HandshakeError::Version);
    }
    let key = said.key.value().and_then(read_key).ok_or(HandshakeError::Key)?;
    said.into_request(key)
}

/// Checks that a request opens a WebSocket on a stream of HTTP/2 or HTTP/3 (RFC 8441 section 5, RFC 9220 section 3).
///
/// `protocol` is the request's `:protocol`. The response that accepts has the status 200, and `Sec-WebSocket-Accept` only if
/// the client sent a key, which it need not: there are clients (undici 7) that do, and that wait for the answer to it.
///
/// # Errors
///
/// What is wrong, with the response to give.
pub fn check_stream<'a>(
    method: &str,
    protocol: Option<&str>,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Request<'a>, HandshakeError> {
    if method != "CONNECT" {
        return Err(HandshakeError::NotConnect);
    }
    if protocol != Some("websocket") {
        return Err(HandshakeError::NotWebSocket);
    }
    let said = Said::read(headers);
    if said.version.value() != Some(b"13") {
        return Err(HandshakeError::StreamVersion);
    }
    let key = said.key.value().and_then(read_key).unwrap_or_default();
    said.into_request(key)
}

/// What the headers say about a WebSocket.
struct Said<'a> {
    upgrade: bool,
    connection: bool,
    version: Once<'a>,
    key: Once<'a>,
    protocols: Option<Vec<&'a str>>,
    deflate: Result<Option<Deflate>, Malformed>,
}

impl<'a> Said<'a> {
    fn read(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Said<'a> {
        let (mut upgrade, mut connection) = (false, false);
        let (mut version, mut key) = (Once::Missing, Once::Missing);
        let mut protocols = Some(Vec::new());
        let mut deflate = Ok(None);
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("upgrade") {
                upgrade |= has_token(value, "websocket");
            } else if name.eq_ignore_ascii_case("connection") {
                connection |= has_token(value, "upgrade");
            } else if name.eq_ignore_ascii_case("sec-websocket-version") {
                version = version.and(value);
            } else if name.eq_ignore_ascii_case("sec-websocket-key") {
                key = key.and(value);
            } else if name.eq_ignore_ascii_case("sec-websocket-protocol") {
                protocols = protocols.and_then(|list| add_protocols(list, value));
            } else if name.eq_ignore_ascii_case("sec-websocket-extensions") {
                deflate = deflate.and_then(|first: Option<Deflate>| {
                    Deflate::choose(value).map(|next| first.or(next))
                });
            }
        }
        Said { upgrade, connection, version, key, protocols, deflate }
    }

    fn into_request(self, key: &'a str) -> Result<Request<'a>, HandshakeError> {
        let protocols = self.protocols.ok_or(HandshakeError::Protocols)?;
        let deflate = self.deflate.map_err(|_| HandshakeError::Extensions)?;
        Ok(Request { key, protocols, deflate })
    }
}

/// The head of the response that opens the connection, for a server without an HTTP library.
///
/// `protocol` is the outcome of [`Request::choose`], and `deflate` is [`Request::deflate`], or `None` to do without
/// compression.
pub fn response_head(
    request: &Request<'_>,
    protocol: Option<&str>,
    deflate: Option<Deflate>,
) -> String {
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n",
        request.accept()
    );
    if let Some(protocol) = protocol {
        head.push_str("Sec-WebSocket-Protocol: ");
        head.push_str(protocol);
        head.push_str("\r\n");
    }
    if let Some(deflate) = deflate {
        head.push_str("Sec-WebSocket-Extensions: ");
        head.push_str(deflate.answer());
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head
}

/// A header that must not be repeated.
#[derive(Clone, Copy)]
enum Once<'a> {
    Missing,
    Is(&'a [u8]),
    Repeated,
}

impl<'a> Once<'a> {
    fn and(self, value: &'a [u8]) -> Self {
        match self {
            Self::Missing => Self::Is(value.trim_ascii()),
            _ => Self::Repeated,
        }
    }

    fn value(self) -> Option<&'a [u8]> {
        match self {
            Self::Is(value) => Some(value),
            _ => None,
        }
    }
}

/// A key has the shape of 16 bytes in base64: 22 characters and two of padding. What the last character's
/// spare bits hold is not looked at, as nobody decodes the key (section 4.2.1, item 5).
fn read_key(value: &[u8]) -> Option<&str> {
    let digits = value.strip_suffix(b"==")?;
    let of_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    if digits.len() != 22 || !digits.iter().all(of_base64) {
        return None;
    }
    std::str::from_utf8(value).ok()
}

/// Adds the elements of one header line; empty elements are skipped (RFC 9110 section 5.6.1.2).
fn add_protocols<'a>(mut list: Vec<&'a str>, value: &'a [u8]) -> Option<Vec<&'a str>> {
    let value = std::str::from_utf8(value).ok()?;
    for element in value.split(',') {
        let element = element.trim_matches([' ', '\t']);
        if element.is_empty() {
            continue;
        }
        if !is_token(element) {
            return None;
        }
        list.push(element);
    }
    Some(list)
}
