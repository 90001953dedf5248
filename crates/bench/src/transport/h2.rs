//! A WebSocket on a stream of HTTP/2 (RFC 8441).

use std::convert::Infallible;

use ::bytes::Bytes;
use h2::Ping;
use h2::ext::Protocol;
use hamhame_client::h2::Stream;
use hamhame_ws::{Receiver, Role};

use super::bytes;
use super::websocket::{LIMITS, talk};
use super::{accept, handshake};
use crate::guest::End;
use crate::member::Member;
use crate::trust::HTTP_2;

/// What the server may send on a stream before it is read: what browsers allow, about.
const WINDOW: u32 = 1 << 20;

pub(super) async fn live(member: &mut Member) -> Result<Infallible, End> {
    let stream = bytes::connect(&member.place, HTTP_2).await?;
    let (mut sender, mut connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .enable_push(false)
        .handshake::<_, Bytes>(stream)
        .await
        .map_err(broken)?;
    let mut ping = connection.ping_pong();
    // It ends when the stream and its sender are gone.
    tokio::spawn(connection);
    // Behind the answer to a ping, the server's settings are known (RFC 8441 section 3).
    if let Some(ping) = &mut ping {
        ping.ping(Ping::opaque()).await.map_err(broken)?;
    }
    if !sender.is_extended_connect_protocol_enabled() {
        return Err(End::Refused("the server takes no WebSocket over HTTP/2".to_owned()));
    }
    let (response, send) = sender
        .send_request(handshake(&member.place, Protocol::from_static("websocket"))?, false)
        .map_err(broken)?;
    let (head, receive) = response.await.map_err(broken)?.into_parts();
    accept(&head, member.place.target.dialect)?;
    let stream = Stream::new(send, receive);
    talk(stream, member, Receiver::new(Role::Client, LIMITS), Vec::new()).await
}

fn broken(error: h2::Error) -> End {
    End::Broken(error.to_string())
}
