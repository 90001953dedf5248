//! The client's side: the request, and whether the response accepts it (sections 4.1 and 4.2.2).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::extension::OFFER;
use super::{Deflate, accept_key, has_token, is_token};

/// The longest response head that [`Offer::read`] takes, in bytes.
pub const MAX_RESPONSE_HEAD: usize = 16 * 1024;

const MAX_HEADERS: usize = 64;

/// A request to open a WebSocket, as a client makes it.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The host and, unless it is the scheme's own, the port: `chat.example:8000`.
    pub host: &'a str,
    /// The path and query, percent-encoded, beginning with `/`.
    pub target: &'a str,
    /// The page that the connection is made from, as browsers send it.
    pub origin: Option<&'a str>,
    /// The subprotocols to offer, the best first; may be empty.
    pub protocols: &'a [&'a str],
    /// Whether to offer permessage-deflate (RFC 7692), without context takeover in both directions.
    pub deflate: bool,
    /// 16 bytes drawn at random for this request.
    pub nonce: [u8; 16],
}

/// The offer cannot be written as a request: this part of it has characters that may not stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnfitOffer(pub &'static str);

impl fmt::Display for UnfitOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} cannot stand in an HTTP request", self.0)
    }
}

impl std::error::Error for UnfitOffer {}

/// The connection is open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted<'a> {
    /// The subprotocol that the server chose from those offered.
    pub protocol: Option<&'a str>,
    /// permessage-deflate, if it was offered and the server agreed to it.
    pub deflate: Option<Deflate>,
    /// The length of the response head in bytes; frames begin after it.
    pub head_len: usize,
}

/// Why a response does not open the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadResponse {
    /// Not an HTTP/1.1 response.
    Malformed,
    /// The head is longer than [`MAX_RESPONSE_HEAD`] or has more than 64 headers.
    TooLong,
    /// The status is not 101.
    Status(u16),
    /// `Upgrade: websocket` or `Connection: Upgrade` is missing.
    NotAnUpgrade,
    /// `Sec-WebSocket-Accept` is missing, repeated, or not the answer to our key.
    Accept,
    /// The subprotocol chosen was not offered.
    Protocol,
    /// An extension was accepted that was not offered, or not as it was offered.
    Extension,
}

impl fmt::Display for BadResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the response is not HTTP/1.1"),
            Self::TooLong => f.write_str("the response head is too long"),
            Self::Status(status) => write!(f, "the server answered {status} instead of 101"),
            Self::NotAnUpgrade => f.write_str(
                "the response lacks \"Upgrade: websocket\" or \"Connection: Upgrade\" (RFC 6455 section 4.1)",
            ),
            Self::Accept => f.write_str(
                "Sec-WebSocket-Accept does not answer our key (RFC 6455 section 4.1)",
            ),
            Self::Protocol => f.write_str(
                "the server chose a subprotocol that was not offered (RFC 6455 section 4.1)",
            ),
            Self::Extension => f.write_str(
                "the server accepted an extension in a way that was not offered (RFC 6455 section 4.1)",
            ),
        }
    }
}

impl std::error::Error for BadResponse {}

impl Offer<'_> {
    /// The value of `Sec-WebSocket-Key`.
    pub fn key(&self) -> String {
        STANDARD.encode(self.nonce)
    }

    /// The request's head, ready to send.
    ///
    /// # Errors
    ///
    /// A part has characters that would break the request apart, such as a space or a line end.
    pub fn request_head(&self) -> Result<String, UnfitOffer> {
        let visible =
            |value: &str| !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic());
        if !visible(self.host) {
            return Err(UnfitOffer("host"));
        }
        if !visible(self.target) || !self.target.starts_with('/') {
            return Err(UnfitOffer("target"));
        }
        if self.origin.is_some_and(|origin| !visible(origin)) {
            return Err(UnfitOffer("origin"));
        }
        if !self.protocols.iter().all(|protocol| is_token(protocol)) {
            return Err(UnfitOffer("subprotocol"));
        }
        let mut head = format!(
            "GET {} HTTP/1.1\r\n\
             Host: {}\r\n\
             Upgrade: websocket\r\n\
             Connection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\n\
             Sec-WebSocket-Version: 13\r\n",
            self.target,
            self.host,
            self.key(),
        );
        if let Some(origin) = self.origin {
            head.push_str(&format!("Origin: {origin}\r\n"));
        }
        if !self.protocols.is_empty() {
            head.push_str(&format!("Sec-WebSocket-Protocol: {}\r\n", self.protocols.join(", ")));
        }
        if self.deflate {
            head.push_str(&format!("Sec-WebSocket-Extensions: {OFFER}\r\n"));
        }
        head.push_str("\r\n");
        Ok(head)
    }

    /// Reads the response at the start of `bytes`, all that has come from the server so far. `Ok(None)` means
    /// that the head is not yet complete.
    ///
    /// # Errors
    ///
    /// Why the connection is not open; it must then be closed.
    pub fn read<'b>(&self, bytes: &'b [u8]) -> Result<Option<Accepted<'b>>, BadResponse> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let bounded = &bytes[..bytes.len().min(MAX_RESPONSE_HEAD)];
        let head_len = match response.parse(bounded) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) if bytes.len() < MAX_RESPONSE_HEAD => return Ok(None),
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Err(BadResponse::TooLong);
            }
            Err(_) => return Err(BadResponse::Malformed),
        };
        if response.version != Some(1) {
            return Err(BadResponse::Malformed);
        }
        let status = response.code.unwrap_or_default();
        if status != 101 {
            return Err(BadResponse::Status(status));
        }
        self.check_headers(response.headers, head_len).map(Some)
    }

    fn check_headers<'b>(
        &self,
        headers: &[httparse::Header<'b>],
        head_len: usize,
    ) -> Result<Accepted<'b>, BadResponse> {
        let values = |name: &'static str| {
            headers
                .iter()
                .filter(move |header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value)
        };
        if !values("upgrade").any(|value| has_token(value, "websocket"))
            || !values("connection").any(|value| has_token(value, "upgrade"))
        {
            return Err(BadResponse::NotAnUpgrade);
        }
        let accept = accept_key(&self.key());
        let mut accepts = values("sec-websocket-accept");
        if accepts.next().map(<[u8]>::trim_ascii) != Some(accept.as_bytes())
            || accepts.next().is_some()
        {
            return Err(BadResponse::Accept);
        }
        let deflate =
            Deflate::agreed(values("sec-websocket-extensions")).ok_or(BadResponse::Extension)?;
        if deflate.is_some() && !self.deflate {
            return Err(BadResponse::Extension);
        }
        let mut chosen = values("sec-websocket-protocol");
        let Some(protocol) = chosen.next() else {
            return Ok(Accepted { protocol: None, deflate, head_len });
        };
        let protocol = std::str::from_utf8(protocol).map_err(|_| BadResponse::Protocol)?;
        if chosen.next().is_some() || !self.protocols.contains(&protocol) {
            return Err(BadResponse::Protocol);
        }
        Ok(Accepted { protocol: Some(protocol), deflate, head_len })
    }
}
