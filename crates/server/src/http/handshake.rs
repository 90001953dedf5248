//! The one place that decides about a WebSocket handshake (RFC 6455, section 4.2), whoever has parsed the request.

use axum::http::HeaderMap;
use hamhame_ws::handshake::{self, HandshakeError};

use crate::authority::{Authority, Places};
use crate::config::Compression;
use crate::net::origin::{self, Target};
use crate::server::Server;

/// What a request says, apart from its path.
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// Its version, and the host that its target names.
    pub places: Places<'a>,
    /// All headers, in order, names in any case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// People reach the service by https; see [`origin::Target`].
    pub secure: bool,
    /// In HTTP/2 and later, what a stream is wanted for (RFC 8441, section 4).
    pub protocol: Option<&'a str>,
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwelcome {
    /// It does not name the host it is for, or names two, or what is none.
    Host,
    /// It is for another host than this server's.
    Foreign,
    /// The page that opens it is of a foreign host, or less secure than the service.
    Origin,
    /// It is no handshake.
    Handshake(HandshakeError),
    /// It has a body: where that ends and the frames begin would be for every proxy in between to guess.
    Body,
}

/// Judges a handshake, and agrees to compression where the client offers it and the operator allows it.
///
/// # Errors
/// The first thing that is wrong.
pub fn judge<'a>(asked: &Asked<'a>, server: &Server) -> Result<handshake::Request<'a>, Unwelcome> {
    let authority = Authority::of(asked.places, asked.all("host")).map_err(|_| Unwelcome::Host)?;
    if !server.hosts.answer_for(authority.as_ref()) {
        return Err(Unwelcome::Foreign);
    }
    let host = authority.map(|authority| authority.text().as_bytes());
    let target = host.map(|host| Target { host, secure: asked.secure });
    if !origin::is_allowed(asked.first("origin"), target, &server.origins) {
        return Err(Unwelcome::Origin);
    }
    let headers = asked.headers.iter().copied();
    let version = asked.places.version;
    let checked = if version < (2, 0) {
        handshake::check(asked.method, version, headers)
    } else {
        handshake::check_stream(asked.method, asked.protocol, headers)
    };
    let mut handshake = checked.map_err(Unwelcome::Handshake)?;
    handshake.deflate =
        handshake.deflate.filter(|_| server.options.compression != Compression::Off);
    let has_body = asked.first("transfer-encoding").is_some()
        || asked.first("content-length").is_some_and(|length| length != b"0");
    if has_body { Err(Unwelcome::Body) } else { Ok(handshake) }
}

/// The room and the name in `/ws/{room}/{name}`, as they came: a name may hold an encoded slash. `None` for any other path.
pub fn room_and_name(path: &str) -> Option<(&str, &str)> {
    let (room, name) = path.strip_prefix("/ws/")?.split_once('/')?;
    (!name.contains('/')).then_some((room, name))
}

/// Headers in the form in which [`Asked`] has them.
pub fn listed(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

impl<'a> Asked<'a> {
    /// All values of a header, in order.
    pub fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let named = move |(other, _): &&(&str, &[u8])| other.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, value)| *value)
    }

    fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }
}
