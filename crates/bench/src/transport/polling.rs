//! Polling and long polling: a member asks for what it does not have yet, again and again.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::atomic::Ordering::Relaxed;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Transport;
use super::api::{Requests, Session, speak, unfit, whole};
use crate::guest::End;
use crate::member::{Member, Place};

/// Seconds that a request may wait.
const WAIT: u32 = 25;

pub(super) async fn live(member: &mut Member) -> Result<Infallible, End> {
    let Member { place, orders } = member;
    let mut requests = Requests::new(place);
    let session = requests.join().await?;
    tokio::select! {
        end = read(place, requests, &session) => end,
        end = speak(place, &session, orders) => end,
    }
}

/// An answer with events.
#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    #[serde(borrow)]
    position: Cow<'a, str>,
    recovered: Option<bool>,
    missed: Option<u64>,
}

async fn read(
    place: &Place,
    mut requests: Requests<'_>,
    session: &Session,
) -> Result<Infallible, End> {
    let mut position = session.position.clone();
    let every = place.target.interval;
    // People do not all come at the same time: their requests are spread over the interval.
    let phase = every.mul_f64((place.link as f64 * 0.618_034).fract());
    let mut due = interval_at(Instant::now() + phase, every);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let query = if place.target.transport == Transport::Polling {
            due.tick().await;
            format!("after={position}")
        } else {
            format!("after={position}&wait={WAIT}")
        };
        let body = whole(requests.events(session, &query, "application/json").await?).await?;
        let batch: Batch<'_> = serde_json::from_slice(&body).map_err(unfit)?;
        if batch.recovered == Some(false) {
            let gap = serde_json::json!({ "type": "gap", "missed": batch.missed.unwrap_or(1) });
            place.ears.hear(gap.to_string().as_bytes());
        }
        if batch.events.is_empty() {
            place.meter.empty.fetch_add(1, Relaxed);
        }
        for event in batch.events {
            place.ears.hear(event.get().as_bytes());
        }
        position = batch.position.into_owned();
    }
}
