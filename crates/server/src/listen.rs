//! Step 1 of a message's way: from the listening socket to HTTP, and from HTTP to a WebSocket.
//!
//! One thread accepts and hands each connection to the shard with the fewest, so that they spread evenly.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::chat;
use crate::deadline::Deadline;
use crate::fanout::Shard;
use crate::http::{Opening, Upgrade};
use crate::knock::{self, Handshake, Knock};
use crate::server::Server;
use crate::transport::ws::Opened;
use crate::visit::Visit;

/// A connection on its way to a shard.
pub struct Guest {
    stream: std::net::TcpStream,
    visit: Visit,
}

/// How connections get to one shard.
pub struct Porch {
    queue: UnboundedSender<Guest>,
    load: Arc<AtomicU32>,
}

/// The shard's end of a [`Porch`].
pub type Arrivals = UnboundedReceiver<Guest>;

/// Both ends of the way to one shard. The queue is bounded by the bound on open connections.
pub fn porch() -> (Porch, Arrivals) {
    let (sender, receiver) = unbounded_channel();
    (Porch { queue: sender, load: Arc::default() }, receiver)
}

/// A listening socket. Accepted sockets are registered once, with the runtime of the shard that they go to; tokio's own
/// listener would register each here first.
pub type Listener = AsyncFd<mio::net::TcpListener>;

/// Opens the listening socket.
///
/// # Errors
/// If the address is not ours or is in use.
pub fn bind(address: SocketAddr) -> std::io::Result<Listener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    // A restart must get its port back at once, though old connections still linger on it.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    let listener = mio::net::TcpListener::from_std(socket.into());
    #[expect(deprecated, reason = "its successor is unsafe; this descriptor is the listener's own")]
    AsyncFd::with_interest(listener, Interest::READABLE)
}

/// Accepts until the server drains.
pub async fn accept(listener: Listener, server: Arc<Server>, porches: Vec<Porch>) {
    let mut drained = std::pin::pin!(server.drained());
    loop {
        let accepted = tokio::select! {
            () = drained.as_mut() => return,
            accepted = listener.async_io(Interest::READABLE, |listener| listener.accept()) => accepted,
        };
        match accepted {
            Ok((stream, peer)) => welcome(stream.into(), peer, &server, &porches),
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to come back, or this would spin.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        // A storm of connections leaves the other tasks of this thread their turn.
        tokio::task::consume_budget().await;
    }
}

fn welcome(stream: std::net::TcpStream, peer: SocketAddr, server: &Arc<Server>, porches: &[Porch]) {
    let Some(mut visit) = server.visitors.enter(peer.ip().to_canonical()) else { return };
    let fewest = porches.iter().min_by_key(|porch| porch.load.load(Ordering::Relaxed));
    if let Some(porch) = fewest {
        visit.count_on(&porch.load);
        // Fails only while the shard ends, and then the connection with it.
        let _ = porch.queue.send(Guest { stream, visit });
    }
}

/// Serves the connections of one shard.
pub async fn serve(shard: Rc<Shard>, router: Router, mut arrivals: Arrivals) {
    while let Some(guest) = arrivals.recv().await {
        tokio::task::spawn_local(receive(guest, shard.clone(), router.clone()));
    }
}

/// Answers a handshake at once if the first bytes are one, and speaks HTTP otherwise.
async fn receive(guest: Guest, shard: Rc<Shard>, router: Router) {
    let visit = Rc::new(guest.visit);
    let Ok(mut stream) = TcpStream::from_std(guest.stream) else { return };
    let server = shard.server();
    let options = &server.options;
    let mut knock = Some(Knock::Other(Bytes::new()));
    if !visit.over_limit {
        knock = tokio::select! {
            biased;
            knock = timeout(options.header_timeout, knock::wait(&mut stream, options)) => {
                knock.ok().and_then(Result::ok)
            }
            // What comes now is answered as one of the last requests.
            () = server.drained() => knock,
        };
    }
    match knock {
        Some(Knock::Handshake(Handshake { address, answer, deflate, backlog })) => {
            let opened = Opened { io: stream, backlog, shard, visit, deflate };
            chat::run(opened, address, answer).await;
        }
        // Boxed, as it is large and a handshake does without.
        Some(Knock::Other(seen)) => {
            Box::pin(speak_http(stream, seen, shard, router, visit)).await;
        }
        None => {}
    }
}

/// While the server goes: how long a request that has begun may take to end.
const LAST_REQUEST: Duration = Duration::from_secs(3);

type Io = TokioIo<Deadline<TcpStream>>;

async fn speak_http(
    stream: TcpStream,
    seen: Bytes,
    shard: Rc<Shard>,
    router: Router,
    visit: Rc<Visit>,
) {
    let server = shard.server().clone();
    let options = &server.options;
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (router, shard, visit) = (router.clone(), shard.clone(), visit.clone());
        async move {
            if visit.over_limit {
                shard.server().metrics.refused();
                return Ok(over_limit());
            }
            let Ok(mut response) = router.oneshot(request).await;
            if let Some(opening) = response.extensions_mut().remove::<Opening>() {
                tokio::task::spawn_local(open(opening, shard, visit));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let io = TokioIo::new(Deadline::new(stream, seen, options.write_timeout));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(options.header_bytes as usize)
        .half_close(false)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = server.drained() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(LAST_REQUEST, connection).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}

/// Waits until the 101 is written, then lets the conversation begin on the raw socket.
async fn open(opening: Opening, shard: Rc<Shard>, visit: Rc<Visit>) {
    let Some(Upgrade { on_upgrade, door, deflate }) = opening.take() else { return };
    let Some((io, backlog)) = on_upgrade.await.ok().and_then(raw) else { return };
    door(Opened { io, backlog, shard, visit, deflate }).await;
}

fn raw(upgraded: Upgraded) -> Option<(TcpStream, Bytes)> {
    let parts = upgraded.downcast::<Io>().ok()?;
    let (stream, unread) = parts.io.into_inner().into_parts();
    if unread.is_empty() {
        return Some((stream, parts.read_buf));
    }
    Some((stream, [parts.read_buf, unread].concat().into()))
}

fn over_limit() -> Response {
    let text = "too many connections from this address\n";
    let mut response = (StatusCode::TOO_MANY_REQUESTS, text).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[tokio::test]
    async fn an_accepted_socket_sends_at_once_and_never_blocks() {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let _client = TcpStream::connect(address).unwrap();
        let accepted = listener.async_io(Interest::READABLE, |listener| listener.accept()).await;
        let mut stream: TcpStream = accepted.unwrap().0.into();
        assert!(stream.nodelay().unwrap());
        let read = std::io::Read::read(&mut stream, &mut [0]);
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}
