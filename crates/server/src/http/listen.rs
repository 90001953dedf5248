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

use crate::config::Options;
use crate::delivery::shard::Shard;
use crate::http::answer::{answer, open, opening};
use crate::http::body;
use crate::http::fast_path::{self, Begun, FirstBytes, Handshake};
use crate::http::http2;
use crate::http::http3;
use crate::http::redirect;
use crate::net::admission::Visit;
use crate::net::deadline::Deadline;
use crate::net::stream::Io;
use crate::net::tls::{self, Tls};
use crate::server::Server;
use crate::transport::join;
use crate::transport::ws::Opened;

/// A connection on its way to a shard.
pub struct Accepted {
    arrival: Arrival,
    visit: Visit,
}

/// By what it came.
pub enum Arrival {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// QUIC, which carries HTTP/3.
    Quic(Box<http3::Caller>),
}

/// How connections get to one shard.
#[derive(Clone)]
pub struct ToShard {
    queue: UnboundedSender<Accepted>,
    load: Arc<AtomicU32>,
}

/// The shard's end of a [`ToShard`].
pub type Arrivals = UnboundedReceiver<Accepted>;

/// Both ends of the way to one shard. The queue is bounded by the bound on open connections.
pub fn to_shard() -> (ToShard, Arrivals) {
    let (sender, receiver) = unbounded_channel();
    (ToShard { queue: sender, load: Arc::default() }, receiver)
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
pub async fn accept(listener: Listener, server: Arc<Server>, shards: Vec<ToShard>) {
    let mut drained = std::pin::pin!(server.drained());
    loop {
        let accepted = tokio::select! {
            () = drained.as_mut() => return,
            accepted = listener.async_io(Interest::READABLE, |listener| listener.accept()) => accepted,
        };
        match accepted {
            Ok((stream, peer)) => hand_over(Arrival::Tcp(stream.into()), peer, &server, &shards),
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

/// Gives a connection to the shard that has the fewest, or drops it where there is no room for it.
pub(crate) fn hand_over(
    arrival: Arrival,
    peer: SocketAddr,
    server: &Arc<Server>,
    shards: &[ToShard],
) {
    let Some(mut visit) = server.visitors.enter(peer.ip().to_canonical()) else { return };
    let fewest = shards.iter().min_by_key(|shard| shard.load.load(Ordering::Relaxed));
    if let Some(shard) = fewest {
        visit.count_on(&shard.load);
        // Fails only while the shard ends, and then the connection with it.
        let _ = shard.queue.send(Accepted { arrival, visit });
    }
}

/// Serves the connections of one shard.
pub async fn serve(shard: Rc<Shard>, router: Router, mut arrivals: Arrivals) {
    while let Some(Accepted { arrival, visit }) = arrivals.recv().await {
        let (shard, router, visit) = (shard.clone(), router.clone(), Rc::new(visit));
        match arrival {
            Arrival::Tcp(stream) => {
                tokio::task::spawn_local(receive(stream, shard, router, visit));
            }
            Arrival::Quic(caller) => {
                tokio::task::spawn_local(http3::speak(*caller, shard, router, visit));
            }
        }
    }
}

/// Speaks TLS first, if the server does.
async fn receive(stream: std::net::TcpStream, shard: Rc<Shard>, router: Router, visit: Rc<Visit>) {
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    let server = shard.server().clone();
    let Some(tls) = &server.tls else {
        return talk(stream.into(), shard, router, visit).await;
    };
    // Boxed: the state of a handshake is large.
    let opened = Box::pin(timeout(server.options.header_timeout, greet(stream, tls)));
    match opened.await {
        Ok(Ok(Greeted::Http2(stream))) => {
            Box::pin(http2::speak(stream, Bytes::new(), shard, router, visit)).await;
        }
        Ok(Ok(Greeted::Http1(stream))) => talk(stream, shard, router, visit).await,
        Ok(Ok(Greeted::Plain(stream))) => Box::pin(redirect(stream, &server)).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// What a connection to a server with TLS turns out to be.
enum Greeted {
    Http1(Io),
    Http2(Io),
    Plain(TcpStream),
}

async fn greet(stream: TcpStream, tls: &Tls) -> std::io::Result<Greeted> {
    if !tls::is_spoken(&stream).await? {
        return Ok(Greeted::Plain(stream));
    }
    let stream = tls.accept(stream).await?;
    let wrap = if tls::is_http2(&stream) { Greeted::Http2 } else { Greeted::Http1 };
    Ok(wrap(Io::Other(Box::new(stream))))
}

/// Sends who speaks plain HTTP to the https address.
async fn redirect(stream: TcpStream, server: &Server) {
    let here = stream.local_addr().map_or(0, |address| address.port());
    let https = server.tls.as_ref().and_then(Tls::port).unwrap_or(here);
    let service = service_fn(move |request: hyper::Request<Incoming>| async move {
        Ok::<_, Infallible>(redirect::answer(&request, &server.hosts, here, https))
    });
    let options = &server.options;
    let io = TokioIo::new(Deadline::new(stream, Bytes::new(), options.write_timeout));
    let answering = http1_builder(options).keep_alive(false).serve_connection(io, service);
    tokio::select! {
        _ = answering => {}
        () = server.drained() => {}
    }
}

/// Answers a handshake at once if the first bytes are one, and speaks HTTP otherwise.
async fn talk(mut stream: Io, shard: Rc<Shard>, router: Router, visit: Rc<Visit>) {
    let server = shard.server();
    let options = &server.options;
    let mut first = Some(FirstBytes::Other(Begun::default()));
    if !visit.over_limit {
        first = tokio::select! {
            biased;
            first = timeout(options.header_timeout, fast_path::wait(&mut stream, server, &visit)) => {
                first.ok().and_then(Result::ok)
            }
            // What comes now is answered as one of the last requests.
            () = server.drained() => first,
        };
    }
    match first {
        Some(FirstBytes::Handshake(Handshake { address, answer, deflate, backlog })) => {
            let opened = Opened { io: stream, backlog, shard, visit, deflate };
            join::run(opened, address, answer).await;
        }
        Some(FirstBytes::Http2(seen)) => {
            Box::pin(http2::speak(stream, seen, shard, router, visit)).await;
        }
        // Boxed, as it is large and a handshake does without.
        Some(FirstBytes::Other(begun)) => {
            Box::pin(speak_http(stream, begun, shard, router, visit)).await;
        }
        None => {}
    }
}

/// While the server goes: how long a request that has begun may take to end.
const LAST_REQUEST: Duration = Duration::from_secs(3);

/// The stream as hyper has it.
type HttpIo = TokioIo<Deadline<Io>>;

fn http1_builder(options: &Options) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(options.header_bytes as usize)
        .half_close(false);
    builder
}

async fn speak_http(stream: Io, begun: Begun, shard: Rc<Shard>, router: Router, visit: Rc<Visit>) {
    let server = shard.server().clone();
    let options = &server.options;
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        let (router, shard, visit) = (router.clone(), shard.clone(), visit.clone());
        async move {
            let upgraded = hyper::upgrade::on(&mut request);
            let (request, rest) = body::watch(request);
            let mut response = answer(request, router, &shard, &visit).await;
            rest.settle(&mut response);
            if let Some(opening) = opening(&mut response) {
                let opened = async { raw(upgraded.await.ok()?) };
                tokio::task::spawn_local(open(opening, opened, shard, visit));
            }
            Ok::<_, Infallible>(response)
        }
    });
    watch_peer(&stream, Some(options.heartbeat));
    let io = TokioIo::new(Deadline::new(stream, begun.seen, options.write_timeout));
    let connection = http1_builder(options)
        .keep_alive(!begun.is_later)
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

/// Has the kernel find out that a peer vanished while a request waits or streams: within twice this time, as with a
/// WebSocket. `None` where there are heartbeats of our own for it.
fn watch_peer(stream: &Io, every: Option<Duration>) {
    let Some(socket) = stream.socket().map(socket2::SockRef::from) else { return };
    // Where it cannot be had the request ends later; that is all.
    let _ = socket.set_keepalive(every.is_some());
    if let Some(every) = every {
        let probes = socket2::TcpKeepalive::new().with_time(every).with_interval(every / 3);
        let _ = socket.set_tcp_keepalive(&probes);
    }
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(every);
}

fn raw(upgraded: Upgraded) -> Option<(Io, Bytes)> {
    let parts = upgraded.downcast::<HttpIo>().ok()?;
    let (stream, unread) = parts.io.into_inner().into_parts();
    watch_peer(&stream, None);
    if unread.is_empty() {
        return Some((stream, parts.read_buf));
    }
    Some((stream, [parts.read_buf, unread].concat().into()))
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
