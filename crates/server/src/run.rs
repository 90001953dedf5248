//! From options to a running server, and from a signal to its end.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::LocalSet;

use crate::broker::Broker;
use crate::config::Options;
use crate::delivery::shard::Shard;
use crate::http::http3;
use crate::http::listen::{self, Arrival, Arrivals, Listener};
use crate::http::routes;
use crate::logging::Log;
use crate::net::lan;
use crate::server::Server;

/// From the signal to the exit, whatever clients do.
const SHUTDOWN: Duration = Duration::from_secs(8);

/// File descriptors kept for what is no connection (listening, logs, runtimes) and for refusals in words.
const SPARE_FILES: u64 = 64;

/// Ports picked for TCP until one is free for UDP too.
const PORT_TRIES: u32 = 16;

/// Threads of a shard that read files of `--pages`; there are none while nobody asks for one.
const FILE_THREADS: usize = 4;

/// Time between two looks at what is due in rooms: members whose grace is over, events that are too old.
const SWEEP: Duration = Duration::from_millis(500);

/// Rooms that are closed at the end before others have their turn.
const SHUT_AT_ONCE: usize = 64;

/// Reads the options, begins the log, and serves until a signal says to stop, with the broker that `broker` makes.
pub fn from_command_line(
    broker: impl FnOnce(&Options) -> anyhow::Result<Box<dyn Broker>>,
) -> ExitCode {
    let started = Options::read().and_then(|options| Ok((Log::start(options.log)?, options)));
    let (log, options) = match started {
        Ok(started) => started,
        Err(error) => {
            eprintln!("hamhame: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let result = broker(&options).and_then(|broker| run(options, broker));
    if let Err(error) = &result {
        log.fail(error);
    }
    log.end();
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Serves until a signal says to stop.
///
/// # Errors
/// If the address cannot be listened on, or a thread cannot be started.
pub fn run(mut options: Options, broker: Box<dyn Broker>) -> anyhow::Result<()> {
    fit_to_file_descriptors(&mut options);
    let address = lan::listen_address(&options);
    let threads = options.thread_count();
    let server = Arc::new(Server::new(options, broker)?);
    let router = routes::router(server.clone());
    let (shards, mut arrivals): (Vec<_>, Vec<_>) = (0..threads).map(|_| listen::to_shard()).unzip();
    // The first shard runs on this thread, beside the accept loop and the signals.
    let first = arrivals.remove(0);
    for (arrivals, index) in arrivals.into_iter().zip(1..) {
        let (server, router) = (server.clone(), router.clone());
        std::thread::Builder::new()
            .name(format!("shard-{index}"))
            .spawn(move || block_on(async move { shard(server, router, arrivals, index).await }))
            .context("cannot start a thread")?;
    }
    block_on(async move {
        let (listener, quic) = open_ports(address, &server)?;
        let plain = server.options.tls.redirect_from.map(bind_for_plain).transpose()?;
        let plain_address = plain.as_ref().map(|plain| plain.get_ref().local_addr()).transpose()?;
        announce(listener.get_ref().local_addr()?, plain_address, &server)?;
        if let Some(plain) = plain {
            tokio::task::spawn_local(listen::accept(plain, server.clone(), shards.clone()));
        }
        tokio::task::spawn_local(shard(server.clone(), router, first, 0));
        tokio::task::spawn_local(sweep(server.clone()));
        if server.tls.as_ref().is_some_and(|tls| tls.files().is_some()) {
            tokio::task::spawn_local(reload_certificate(
                server.clone(),
                signal(SignalKind::hangup())?,
            ));
        }
        if let Some(endpoint) = quic.clone() {
            let (own, shards) = (server.clone(), shards.clone());
            let welcome = move |caller, peer| {
                listen::hand_over(Arrival::Quic(caller), peer, &own, &shards);
            };
            tokio::task::spawn_local(http3::accept(endpoint, server.clone(), welcome));
        }
        let accepting = tokio::task::spawn_local(listen::accept(listener, server.clone(), shards));
        wait_for_signal().await?;
        drain(&server).await;
        if let Some(endpoint) = quic {
            http3::close(endpoint).await;
        }
        accepting.abort();
        Ok(())
    })?
}

/// Opens the TCP port, and with `--http3` the UDP port of the same number.
fn open_ports(
    address: SocketAddr,
    server: &Server,
) -> anyhow::Result<(Listener, Option<http3::Endpoint>)> {
    let options = &server.options;
    let mut tries = PORT_TRIES;
    loop {
        let listener = listen::bind(address)
            .with_context(|| format!("cannot listen on {address}; is another server running there? --listen takes another address or port"))?;
        let Some(tls) = server.tls.as_ref().filter(|_| options.tls.http3) else {
            return Ok((listener, None));
        };
        let address_of_both = listener.get_ref().local_addr()?;
        match http3::bind(address_of_both, tls, options) {
            Ok(endpoint) => return Ok((listener, Some(endpoint))),
            // Of a port that was picked for TCP, UDP may be another's.
            Err(_) if address.port() == 0 && tries > 1 => tries -= 1,
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("cannot listen on UDP {address_of_both} for --http3; is another server running there?")
                });
            }
        }
    }
}

/// Raises the process's limit on open files as far as it may, and lowers the bound on connections to what fits: a refusal in
/// words is better than an accept that fails.
fn fit_to_file_descriptors(options: &mut Options) {
    let wanted = u64::from(options.max_connections) + SPARE_FILES;
    let Ok(limit) = rlimit::increase_nofile_limit(wanted) else { return };
    if options.limited() && limit < wanted {
        let fits = limit.saturating_sub(SPARE_FILES).max(1) as u32;
        tracing::warn!(
            asked = options.max_connections,
            fits,
            "the limit on open files (ulimit -n) lets fewer connections be open than --max-connections"
        );
        options.max_connections = fits;
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime: Runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(FILE_THREADS)
        .build()
        .context("cannot start a runtime")?;
    Ok(LocalSet::new().block_on(&runtime, future))
}

async fn shard(server: Arc<Server>, router: Router, arrivals: Arrivals, index: usize) {
    let shard = Shard::new(server.clone(), index);
    tokio::task::spawn_local(listen::serve(Rc::clone(&shard), router, arrivals));
    tokio::task::spawn_local(shard.clone().run());
    server.drained().await;
    // Everything that was acknowledged first reaches everyone.
    shard.deliver_all().await;
    shard.shut_down(server.options.drain);
    // The connections now say goodbye, each in its own task; `drain` waits for them and ends the process.
    std::future::pending::<()>().await;
}

/// The first line on stdout is for scripts.
fn announce(address: SocketAddr, plain: Option<SocketAddr>, server: &Server) -> anyhow::Result<()> {
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    let shown = lan::shown_address(&server.options, address);
    let mut lines = format!("listening on {scheme}://{shown}\n");
    if let Some(tls) = &server.tls {
        tls.set_port(address.port());
        if let Some(fingerprint) = tls.fingerprint() {
            lines += &format!("certificate SHA-256 {fingerprint}\n");
        }
    }
    if let Some(text) = lan::invitation(&server.options, address.port()) {
        lines += &format!("{text}\n");
    }
    if let Some(plain) = plain {
        lines += &format!("redirecting from http://{plain}\n");
    }
    print(lines)?;
    let (threads, memory) = (server.inboxes.len(), server.memory.limit());
    tracing::info!(%address, threads, memory, "listening");
    Ok(())
}

/// Writes to stdout on a thread of its own: who started the server may have closed its end, or may not read.
fn print(lines: String) -> anyhow::Result<()> {
    let write = move || {
        let mut out = std::io::stdout().lock();
        // Who does not want to know where it listens can be served all the same.
        let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    };
    std::thread::Builder::new().spawn(write).context("cannot start a thread")?;
    Ok(())
}

/// `--redirect-from`: a second address, where people come without TLS.
fn bind_for_plain(address: SocketAddr) -> anyhow::Result<Listener> {
    listen::bind(address).with_context(|| format!("cannot listen on --redirect-from {address}"))
}

/// SIGHUP: new connections get the certificate that the files hold now.
async fn reload_certificate(server: Arc<Server>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        let Some(tls) = &server.tls else { return };
        match tls.reload() {
            Ok(()) => tracing::info!("new connections get the certificate that was read now"),
            Err(error) => {
                tracing::error!("the old certificate stays: {error:#}");
            }
        }
    }
}

async fn sweep(server: Arc<Server>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !server.is_draining() {
            // In small steps, so that no connection of this thread waits for all of it.
            while server.registry.sweep(|room, now| server.broker.expire(room, now)) {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// SIGTERM or SIGINT: the first asks for an orderly end, the second ends the process at once.
async fn wait_for_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::task::spawn_local(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}

/// Every client is told to come back, then the connections end by themselves, or are dropped at the deadline.
async fn drain(server: &Server) {
    let open = server.metrics.connections();
    tracing::info!(connections = open, "shutting down");
    for (at, room) in server.registry.all().into_iter().enumerate() {
        server.broker.close(&room);
        if at % SHUT_AT_ONCE == SHUT_AT_ONCE - 1 {
            tokio::task::yield_now().await;
        }
    }
    server.start_draining();
    let gone = async {
        while server.metrics.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(SHUTDOWN, gone).await.is_err() {
        tracing::warn!(connections = server.metrics.connections(), "dropping who did not go");
    }
    // Who left just before is to be out on the other nodes, too.
    server.broker.settled().get().await;
}
