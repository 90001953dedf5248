//! HTTP/3 on one connection (RFC 9114), with WebSockets on its streams (RFC 9220).
//!
//! All that the server knows of QUIC and of the libraries under it is in this module. Everything that a peer can make us keep
//! is bounded here and in `endpoint.rs`.

mod endpoint;
mod fault;
mod fields;
mod frames;
mod head;
mod instructions;
mod number;
mod one_way;
mod quic;
mod stream;
mod watch;

pub use endpoint::{Caller, accept, bind, close};
pub use quinn::Endpoint;

use std::future::ready;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use bytes::Bytes;
use h3::error::{Code, ConnectionError};
use h3::server::RequestResolver;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use hyper::ext::Protocol;
use tokio::time::{sleep, timeout};

use self::head::Asked;
use self::quic::{Last, Stopped};
use self::stream::{Http3Stream, PIECE, Receiving, Sending};
use self::watch::Verdict;
use crate::config::Options;
use crate::delivery::shard::Shard;
use crate::http::answer;
use crate::http::routes::Opening;
use crate::http::usage::{Usage, Use};
use crate::net::admission::Visit;
use crate::net::stream::Io;

/// A connection without a request and without a WebSocket for so long is to end.
const IDLE: Duration = Duration::from_secs(60);

/// Streams that a peer has opened and on which no whole request came, until it is sent away.
const FOR_NOTHING: u32 = 100;

/// From the server's goodbye to the end, whatever the peer does. Its WebSockets say goodbye meanwhile.
const LAST_STREAMS: Duration = Duration::from_secs(6);

/// From the end of the last stream to that of the connection, if the peer does not end it: what was sent last should arrive.
const LINGER: Duration = Duration::from_millis(500);

type Connection = h3::server::Connection<quic::Connection, Bytes>;

/// Does the handshake with `caller`, and speaks HTTP/3 until one side ends.
pub async fn speak(caller: Caller, shard: Rc<Shard>, router: Router, visit: Rc<Visit>) {
    let options = &shard.server().options;
    let Caller { incoming, handshake } = caller;
    let greeted = async {
        // Here, and not where it called: the connection is driven by the runtime of this thread.
        let quinn = incoming.accept()?.await?;
        let connection = quic::Connection::new(quinn.clone(), options.header_bytes.into());
        let last = connection.last();
        anyhow::Ok((quinn, last, builder(options).build(connection).await?))
    };
    // Boxed: the state of a handshake is large.
    let greeted = timeout(options.header_timeout, Box::pin(greeted)).await;
    drop(handshake);
    let ended = match greeted {
        Ok(Ok((quinn, last, connection))) => {
            serve(quinn, last, connection, shard, router, visit).await
        }
        Ok(Err(error)) => return tracing::debug!(%error, "a QUIC handshake failed"),
        Err(_) => return tracing::debug!("a QUIC handshake took too long"),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP/3 connection ended");
    }
}

fn builder(options: &Options) -> h3::server::Builder {
    let mut builder = h3::server::builder();
    builder
        .enable_extended_connect(true)
        .max_field_section_size(options.header_bytes.into())
        // Streams and settings without meaning, in every connection.
        .send_grease(false);
    builder
}

async fn serve(
    quinn: quinn::Connection,
    last: Last,
    mut connection: Connection,
    shard: Rc<Shard>,
    router: Router,
    visit: Rc<Visit>,
) -> Result<(), ConnectionError> {
    let server = shard.server().clone();
    let usage = Arc::new(Usage::default());
    let mut goodbye = Box::pin(async {
        tokio::select! {
            () = usage.is_over(IDLE) => {}
            () = server.drained() => {}
        }
    });
    let mut deadline = Box::pin(async {
        server.drained().await;
        sleep(LAST_STREAMS).await;
    });
    let mut leaving = false;
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(resolver) = accepted? else { break };
                // It was left there when the stream was accepted, just now.
                let Some((stopped, verdict)) = last.take() else { continue };
                let (shard, visit) = (shard.clone(), visit.clone());
                let exchange = Exchange { shard, visit, using: usage.begin(), verdict };
                tokio::task::spawn_local(exchange.run(resolver, stopped, router.clone()));
            }
            () = goodbye.as_mut(), if !leaving => {
                leaving = true;
                // GOAWAY: what is open goes on, nothing new begins.
                connection.shutdown(1).await?;
            }
            () = usage.is_unused(), if leaving => break,
            () = usage.is_abused(FOR_NOTHING) => {
                quic::refuse(&quinn, "too many streams for nothing");
                return Ok(());
            }
            () = deadline.as_mut() => return Ok(()),
        }
    }
    let _ = timeout(LINGER, quinn.closed()).await;
    Ok(())
}

/// One stream: a request and its response, and the WebSocket that it may open.
struct Exchange {
    shard: Rc<Shard>,
    visit: Rc<Visit>,
    using: Use,
    verdict: Arc<Verdict>,
}

impl Exchange {
    async fn run(
        self,
        resolver: RequestResolver<quic::Connection, Bytes>,
        mut stopped: Stopped,
        router: Router,
    ) {
        let options = &self.shard.server().options;
        let head = head::read(resolver, options.header_bytes.into(), &self.verdict);
        let asked = timeout(options.header_timeout, head).await;
        let Ok(Some(Asked { request, length, stream })) = asked else { return self.using.fault() };
        let (mut sending, receiving) = stream.split();
        let receiving = Receiving::new(receiving, length, self.verdict.clone());
        let (request, receiving) = with_body(request, receiving);
        let answering = answer::answer(request, router, &self.shard, &self.visit);
        let response = tokio::select! {
            biased;
            () = self.verdict.found() => None,
            response = answering => Some(response),
            // Who wants no answer to it any more has it dropped.
            () = stopped.as_mut() => return,
        };
        let response = response.filter(|_| !self.verdict.is_malformed());
        let Some(mut response) = response else {
            sending.stop_stream(Code::H3_MESSAGE_ERROR);
            return self.using.fault();
        };
        if let (Some(opening), Some(receiving)) = (answer::opening(&mut response), receiving) {
            drop(stopped);
            return self.open(opening, response, sending, receiving).await;
        }
        let patience = options.write_timeout;
        tokio::select! {
            sent = send(response, &mut sending, patience) => if sent.is_err() {
                sending.stop_stream(Code::H3_INTERNAL_ERROR);
            },
            () = stopped => {}
        }
    }

    /// Has a WebSocket begin on the stream. It counts as a connection.
    async fn open(
        self,
        opening: Opening,
        response: Response,
        mut sending: Sending,
        receiving: Receiving,
    ) {
        let patience = self.shard.server().options.write_timeout;
        let Some(place) = self.visit.another() else {
            self.shard.server().metrics.refused();
            let _ = send(answer::over_limit(false), &mut sending, patience).await;
            return;
        };
        let head = response.map(|_| ());
        let Ok(Ok(())) = timeout(patience, sending.send_response(head)).await else { return };
        let stream = Http3Stream::new(sending, receiving, self.using);
        let opened = ready(Some((Io::Other(Box::new(stream)), Bytes::new())));
        // A task of its own, as what this one has done until now takes room in it.
        tokio::task::spawn_local(answer::open(opening, opened, self.shard, Rc::new(place)));
    }
}

/// The request as the routes know it: with its body, or, if it asks for another protocol on its stream, with the stream left.
fn with_body(mut request: Request<()>, receiving: Receiving) -> (Request<Body>, Option<Receiving>) {
    let Some(protocol) = request.extensions_mut().remove::<h3::ext::Protocol>() else {
        return (request.map(|()| Body::new(receiving)), None);
    };
    let websocket = protocol == h3::ext::Protocol::WEBSOCKET;
    let protocol = Protocol::from_static(if websocket { "websocket" } else { "other" });
    request.extensions_mut().insert(protocol);
    (request.map(|()| Body::empty()), Some(receiving))
}

/// Sends a response, each piece of which must be taken within `patience`.
async fn send(response: Response, sending: &mut Sending, patience: Duration) -> io::Result<()> {
    let (mut head, mut body) = response.into_parts();
    let date = httpdate::fmt_http_date(SystemTime::now());
    head.headers.extend(HeaderValue::try_from(date).map(|date| (header::DATE, date)));
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        head.headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    let head = Response::from_parts(head, ());
    timeout(patience, sending.send_response(head)).await?.map_err(io::Error::other)?;
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(io::Error::other)?.into_data() else { continue };
        while !data.is_empty() {
            let piece = data.split_to(data.len().min(PIECE));
            timeout(patience, sending.send_data(piece)).await?.map_err(io::Error::other)?;
        }
    }
    timeout(patience, sending.finish()).await?.map_err(io::Error::other)
}
