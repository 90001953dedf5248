//! The ways to be a member of a room. Each file is one; all of them tell what they hear to the same
//! `member::Member`, and so to the same crowd and the same ledgers.

mod api;
mod bytes;
mod h2;
mod h3;
mod polling;
mod sse;
mod udp;
mod websocket;

use crate::guest::End;
use crate::member::{Member, Place};
use crate::target::{Dialect, Transport};

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
