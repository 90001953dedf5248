//! The ways to be a member of a room. Each file is one; all of them tell what they hear to the same
//! `tasks::Member`, and so to the same crowd and the same ledgers.

mod api;
mod bytes;
mod h2;
mod h3;
mod polling;
mod sse;
mod udp;
mod websocket;

use crate::fleet::End;
use crate::target::Dialect;
use crate::tasks::{Member, Place};

pub(crate) use bytes::Trust;

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

/// Is a member until something ends that.
pub(crate) async fn live(member: &mut Member) -> End {
    let lived = match member.place.target.transport {
        Transport::Ws | Transport::WsDeflate | Transport::Wss => websocket::live(member).await,
        Transport::H2 => h2::live(member).await,
        Transport::H3 => h3::live(member).await,
        Transport::Sse => sse::live(member).await,
        Transport::LongPolling | Transport::Polling => polling::live(member).await,
    };
    // Whoever is a member is so until it ends; it always ends with a reason.
    let Err(end) = lived;
    end
}

/// The request that opens a WebSocket on a stream; both libraries have a type of their own for the protocol.
fn handshake<P>(place: &Place, protocol: P) -> Result<http::Request<()>, End>
where
    P: Clone + Send + Sync + 'static,
{
    let target = &place.target;
    let mut request = http::Request::builder()
        .method(http::Method::CONNECT)
        .uri(target.uri(&target.path(place.room, place.client)))
        .extension(protocol)
        .header("sec-websocket-version", "13");
    for protocol in target.dialect.subprotocols() {
        request = request.header("sec-websocket-protocol", *protocol);
    }
    request.body(()).map_err(|error| End::Refused(error.to_string()))
}

/// Judges the answer to a request that opens a WebSocket on a stream.
fn accept(head: &http::response::Parts, dialect: Dialect) -> Result<(), End> {
    if head.status != http::StatusCode::OK {
        return Err(End::Refused(format!("the server answered {} instead of 200", head.status)));
    }
    let protocol = head.headers.get(http::header::SEC_WEBSOCKET_PROTOCOL);
    dialect.accept(protocol.and_then(|protocol| protocol.to_str().ok()))
}
