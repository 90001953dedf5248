//! Server-Sent Events: the log as a stream of records, in the form of the HTML standard (section 9.2).
//!
//! A record is made when the connection asks for more, so a client that does not read costs one batch.

use std::future::pending;
use std::io::Write;
use std::time::Duration;

use axum::body::Body;
use futures_util::stream;
use hamhame_core::codes::CloseCode;
use hamhame_core::position::Position;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Reading, counted};
use crate::clock;
use crate::delivery::gap::Gap;
use crate::delivery::reply;
use crate::metrics::Transport;
use crate::room::tail::payload;
use crate::session::lease::{Lease, News, Waiting};
use crate::token::random_id;

/// What a client that was cut off waits before it comes back, in milliseconds.
const RETRY: u32 = 1000;

/// Moments in each heartbeat at which streams beat (see [`beats`]).
const MOMENTS: u64 = 16;

/// One stream.
struct Stream {
    reading: Reading,
    /// With a session: what is asked of it.
    following: Option<Following>,
    beats: Interval,
    stage: Stage,
}

struct Following {
    news: watch::Receiver<News>,
    probes: u64,
    _waiting: Waiting,
}

#[derive(PartialEq)]
enum Stage {
    First,
    Live,
    Over,
}

/// The body of a stream from where `reading` begins.
pub fn body(mut reading: Reading) -> Body {
    let following = reading.lease.take().map(|lease| follow(&lease));
    let beats = beats(reading.server.options.heartbeat);
    let stream = Stream { reading, following, beats, stage: Stage::First };
    Body::from_stream(stream::unfold(stream, |mut stream| async move {
        let records = stream.next().await?;
        let records = counted(&stream.reading.server.memory, records)?;
        Some((Ok::<_, std::convert::Infallible>(records), stream))
    }))
}

/// A beat in each `every`, the first within one.
///
/// Streams beat at few moments, many at a time, since what wakes a thread for one costs more than the next fifty do.
/// Each stream's moment is drawn, so that no moment has them all.
fn beats(every: Duration) -> Interval {
    let apart = (every.as_millis() as u64 / MOMENTS).max(1);
    let rest = apart - clock::uptime().as_millis() as u64 % apart;
    let first = Duration::from_millis(rest + apart * (random_id() % MOMENTS));
    let mut beats = interval_at(Instant::now() + first, every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats
}

fn follow(lease: &std::sync::Arc<Lease>) -> Following {
    let news = lease.news();
    let probes = news.borrow().probes;
    // Who asked before this was heard by nobody else.
    lease.renew();
    Following { news, probes, _waiting: lease.wait() }
}

impl Stream {
    /// The next records, at least one; `None` at the end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        match self.stage {
            Stage::Over => return None,
            Stage::First => {
                self.stage = Stage::Live;
                return Some(self.first());
            }
            Stage::Live => {}
        }
        loop {
            let mut records = self.read();
            if records.is_empty() && self.reading.server.is_draining() {
                self.stage = Stage::Over;
                records = shutdown(self.reading.server.come_back());
            }
            if !records.is_empty() {
                return Some(records);
            }
            let server = self.reading.server.clone();
            let records = tokio::select! {
                () = self.reading.cursor.news() => continue,
                () = server.drained() => continue,
                news = asked(&mut self.following) => self.obey(news),
                _ = self.beats.tick() => {
                    let mut frame = Vec::new();
                    reply::heartbeat(&mut frame, self.reading.cursor.room().position());
                    named("heartbeat", payload(&frame))
                }
            };
            return Some(records);
        }
    }

    fn first(&self) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(tag = "type", rename = "position")]
        struct First {
            position: Position,
            #[serde(skip_serializing_if = "Option::is_none")]
            recovered: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            states: Option<String>,
        }
        let (cursor, start) = (&self.reading.cursor, &self.reading.start);
        let first = First {
            position: cursor.position(),
            recovered: start.recovered,
            states: cursor.versions().map(|versions| versions.to_string()),
        };
        // In the first record: alone, it is an event without data to some clients.
        let mut records = format!("retry: {RETRY}\n").into_bytes();
        records.extend(placed("position", first.position, &json(&first)));
        if start.missed > 0 {
            gap(&mut records, start.missed, first.position);
        }
        records
    }

    /// Records of what there is behind the cursor.
    fn read(&mut self) -> Vec<u8> {
        let cursor = &mut self.reading.cursor;
        let mut records = Vec::new();
        if let Some((missing, batch)) = cursor.next_batch() {
            records.reserve(batch.bytes.len() * 5 / 4);
            if let Some(Gap { missed, after }) = missing {
                gap(&mut records, missed, after);
            }
            let epoch = batch.epoch;
            for (offset, event) in batch.events() {
                let _ = write!(records, "id: {epoch}:{offset}\ndata: ");
                records.extend_from_slice(event);
                records.extend_from_slice(b"\n\n");
            }
            self.reading.server.metrics.told(Transport::Sse, (batch.to - batch.from) as usize);
        }
        let changes = cursor.changes();
        records.extend(changes.presence.map(|json| named("presence", &json)).unwrap_or_default());
        records.extend(changes.typing.map(|json| named("typing", &json)).unwrap_or_default());
        records
    }

    fn obey(&mut self, news: News) -> Vec<u8> {
        if let Some(following) = &mut self.following {
            following.probes = news.probes;
        }
        match news.close {
            None => named("probe", br#"{"type":"probe"}"#),
            Some(code) => {
                self.stage = Stage::Over;
                close(code)
            }
        }
    }
}

/// Waits until the session is asked for something, or over.
async fn asked(following: &mut Option<Following>) -> News {
    let Some(Following { news, probes, .. }) = following else { return pending().await };
    let is_new = |news: &News| news.close.is_some() || news.probes != *probes;
    let changed = news.wait_for(is_new).await.map(|news| *news);
    match changed {
        Ok(news) => news,
        // The server goes.
        Err(_) => pending().await,
    }
}

fn gap(records: &mut Vec<u8>, missed: u64, position: Position) {
    let mut frame = Vec::new();
    reply::gap(&mut frame, missed, position);
    records.extend(placed("gap", position, payload(&frame)));
}

fn shutdown(retry_after: Duration) -> Vec<u8> {
    let mut frame = Vec::new();
    reply::shutdown(&mut frame, retry_after);
    let mut records = format!("retry: {}\n", retry_after.as_millis()).into_bytes();
    records.extend(named("shutdown", payload(&frame)));
    records
}

fn close(code: CloseCode) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "close")]
    struct Close {
        code: u16,
        reason: &'static str,
        reconnect: bool,
    }
    let close = Close { code: code.code(), reason: code.name(), reconnect: code.reconnect() };
    named("close", &json(&close))
}

/// A record that is none of the log's.
fn named(event: &str, data: &[u8]) -> Vec<u8> {
    [b"event: ", event.as_bytes(), b"\ndata: ", data, b"\n\n"].concat()
}

/// The same with a position, from which the client reads on if it is cut off.
fn placed(event: &str, position: Position, data: &[u8]) -> Vec<u8> {
    let head = format!("event: {event}\nid: {position}\ndata: ");
    [head.as_bytes(), data, b"\n\n"].concat()
}

/// Our own plain structs, which cannot fail.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
