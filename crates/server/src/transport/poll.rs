//! Polling and long polling: one read from a position, at once or when there is something.

use std::time::Duration;

use hamhame_core::position::Position;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::Reading;
use crate::delivery::cursor::Cursor;
use crate::delivery::reply::seconds;
use crate::metrics::Transport;

/// An answer has no further batch once it has this many bytes.
const ANSWER_BYTES: usize = 1 << 20;

/// What a reader is told.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Events {
    /// The events after the position asked for, in the order of the log.
    #[schema(value_type = Vec<crate::transport::schema::Event>)]
    events: Vec<Box<RawValue>>,
    /// Of the last of them: read on after it.
    #[schema(example = "k3J9x0aQ2Zc:42")]
    position: String,
    /// `false` if reading does not continue exactly after the position asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<bool>,
    /// So many events are gone.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false, minimum = 1)]
    missed: u64,
    /// What changed in presence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::transport::schema::Presence>)]
    presence: Option<Box<RawValue>>,
    /// Who is writing, if that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::transport::schema::Typing>)]
    typing: Option<Box<RawValue>>,
    /// Versions of presence and typing, for the next request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "8.3")]
    states: Option<String>,
    /// The server is about to go: come back after so many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<f64>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Reads up to `limit` events. With nothing to tell, waits for something as long as `wait`.
pub async fn read(mut reading: Reading, limit: usize, wait: Duration) -> Events {
    let start = reading.start;
    let mut events = Events {
        events: Vec::new(),
        position: String::new(),
        recovered: start.recovered.filter(|recovered| !recovered),
        missed: start.missed,
        presence: None,
        typing: None,
        states: None,
        retry_after: None,
    };
    events.take(&mut reading.cursor, limit);
    if events.is_empty() && !wait.is_zero() {
        // The end of the time is an answer like any other.
        let _ = timeout(wait, reading.until_news()).await;
        events.take(&mut reading.cursor, limit);
    }
    let server = &reading.server;
    let transport = if wait.is_zero() { Transport::Polling } else { Transport::LongPolling };
    server.metrics.told(transport, events.events.len());
    events.position = reading.cursor.position().to_string();
    events.states = reading.cursor.versions().map(|versions| versions.to_string());
    events.retry_after = server.is_draining().then(|| seconds(server.come_back()));
    events
}

impl Events {
    fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.recovered.is_none()
            && self.presence.is_none()
            && self.typing.is_none()
    }

    /// Takes what there is.
    fn take(&mut self, cursor: &mut Cursor, limit: usize) {
        let mut bytes = 0;
        while self.events.len() < limit && bytes < ANSWER_BYTES {
            let before = cursor.position();
            let Some((gap, batch)) = cursor.next_batch() else { break };
            if gap.is_some() && !self.events.is_empty() {
                // What is gone meanwhile is told by the next answer.
                cursor.rewind(before);
                break;
            }
            if let Some(gap) = gap {
                self.missed += gap.missed;
                self.recovered = Some(false);
            }
            let (first, room) = (batch.from, limit - self.events.len());
            let mut taken = 0;
            for (_, event) in batch.events().take(room) {
                bytes += event.len();
                taken += 1;
                self.events.extend(raw(event));
            }
            cursor.rewind(Position { offset: first + taken, ..cursor.position() });
        }
        let changes = cursor.changes();
        self.presence = changes.presence.as_deref().and_then(raw).or(self.presence.take());
        self.typing = changes.typing.as_deref().and_then(raw).or(self.typing.take());
    }
}

/// Our own JSON, as it is.
fn raw(json: &[u8]) -> Option<Box<RawValue>> {
    serde_json::from_slice(json).ok()
}
