//! The UDP port: who calls, and what QUIC may take.
//!
//! One socket is read by one thread, which hands each connection to a shard as it does those of TCP. There the connection
//! lives: its cryptography, its timers and its sending are the shard's, and only datagrams that come are passed on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;
use h3::error::Code;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    Endpoint, EndpointConfig, Incoming, ServerConfig, TokioRuntime, TransportConfig, VarInt,
};

use crate::config::Options;
use crate::net::tls::Tls;
use crate::server::Server;

/// Requests and WebSockets that one connection may have open. RFC 9114 (section 6.1) recommends no fewer; what quinn keeps
/// grows with it.
const STREAMS: u32 = 100;

/// Streams in one direction that a peer may have open: it needs three, and may try others (RFC 9114, section 6.2).
const ONE_WAY_STREAMS: u32 = 8;

/// What a peer may send on a stream before it is read, in bytes.
const STREAM_WINDOW: u32 = 16 * 1024;

/// What it may send on all of them: so much that no stream that is not read from can hold up another.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * (STREAMS + ONE_WAY_STREAMS + 1);

/// What is kept at most, per connection, of what the peer has not acknowledged, in bytes.
const SEND_WINDOW: u64 = 256 * 1024;

/// Handshakes under way from which on a caller must show that its address is its own (RFC 9000, section 8.1.2).
const UNPROVEN: u32 = 64;

/// What is kept of callers that no handshake was begun with yet: how many, and in bytes, of each and of all.
const CALLERS: usize = 1024;
const CALLER_BYTES: u64 = 16 * 1024;
const ALL_CALLERS_BYTES: u64 = 4 << 20;

/// What the kernel should hold of datagrams that wait to be read, in bytes, if it may: one socket is there for everyone.
const SOCKET_BUFFER: usize = 4 << 20;

/// How long peers are told, at the very end, that it is the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Who calls, before the handshake.
pub struct Caller {
    /// The first datagram.
    pub incoming: Incoming,
    /// Counts it among the handshakes under way until it is dropped.
    pub handshake: Handshake,
}

/// A handshake under way.
pub struct Handshake(Arc<AtomicU32>);

impl Handshake {
    fn begin(under_way: &Arc<AtomicU32>) -> Handshake {
        under_way.fetch_add(1, Ordering::Relaxed);
        Handshake(under_way.clone())
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Opens the UDP port. It is read by the thread that calls this.
///
/// # Errors
/// If the address is not ours or is in use; if TLS cannot be set up.
pub fn bind(address: SocketAddr, tls: &Tls, options: &Options) -> anyhow::Result<Endpoint> {
    let config = configure(tls, options)?;
    let socket = open(address)?;
    let runtime = Arc::new(TokioRuntime);
    Ok(Endpoint::new(EndpointConfig::default(), Some(config), socket, runtime)?)
}

fn open(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let (domain, kind) = (socket2::Domain::for_address(address), socket2::Type::DGRAM);
    let socket = socket2::Socket::new(domain, kind, Some(socket2::Protocol::UDP))?;
    // The system gives what it allows.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn configure(tls: &Tls, options: &Options) -> anyhow::Result<ServerConfig> {
    let crypto = QuicServerConfig::try_from(tls.for_quic()?).context("cannot set QUIC up")?;
    let mut transport = TransportConfig::default();
    // A peer that vanished is found within two heartbeats: half of one until it is asked, and this from there on.
    let silence = options.heartbeat * 3 / 2;
    transport
        .max_concurrent_bidi_streams(STREAMS.into())
        .max_concurrent_uni_streams(ONE_WAY_STREAMS.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(SEND_WINDOW)
        .keep_alive_interval(Some(options.heartbeat / 2))
        .max_idle_timeout(Some(silence.try_into().context("--heartbeat is too long for QUIC")?))
        .datagram_receive_buffer_size(None);
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport))
        .max_incoming(CALLERS)
        .incoming_buffer_size(CALLER_BYTES)
        .incoming_buffer_size_total(ALL_CALLERS_BYTES);
    Ok(config)
}

/// Accepts until the server drains. `welcome` gets each caller, with its address.
pub async fn accept(
    endpoint: Endpoint,
    server: Arc<Server>,
    welcome: impl Fn(Box<Caller>, SocketAddr),
) {
    let under_way = Arc::<AtomicU32>::default();
    let mut drained = std::pin::pin!(server.drained());
    loop {
        let incoming = tokio::select! {
            () = drained.as_mut() => break,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { break };
        prove(incoming, &under_way, &welcome);
        tokio::task::consume_budget().await;
    }
    endpoint.set_server_config(None);
}

/// Lets who waits come in, or has it prove its address first, where many wait.
fn prove(
    incoming: Incoming,
    under_way: &Arc<AtomicU32>,
    welcome: &impl Fn(Box<Caller>, SocketAddr),
) {
    let handshakes = under_way.load(Ordering::Relaxed);
    if handshakes >= UNPROVEN && !incoming.remote_address_validated() {
        // Nothing is kept for it until it shows the token that is sent to its address.
        if let Err(error) = incoming.retry() {
            error.into_incoming().ignore();
        }
    } else {
        let peer = incoming.remote_address();
        let caller = Caller { incoming, handshake: Handshake::begin(under_way) };
        welcome(Box::new(caller), peer);
    }
}

/// Ends what is left, and waits a moment so that it is told.
pub async fn close(endpoint: Endpoint) {
    let code = VarInt::from_u64(Code::H3_NO_ERROR.value()).unwrap_or_default();
    endpoint.close(code, b"shutting down");
    let _ = tokio::time::timeout(LAST_WORDS, endpoint.wait_idle()).await;
}
