//! What carries a member, and how what comes by it is put in the words of `hamhame.v1`.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::{EventStream, Frame, HttpMember, Refused, Transport, V1Client};

/// What a client that polls lets pass after an answer without anything in it.
const POLL_EVERY: Duration = Duration::from_millis(100);

/// For how long a request waits, in seconds.
const WAIT: u32 = 20;

/// One way into a room.
pub(super) enum Way {
    /// A WebSocket.
    Socket(V1Client),
    /// A stream.
    Stream(HttpMember, EventStream),
    /// Request after request.
    Poll(Poller),
}

/// Who reads by asking again and again.
pub(super) struct Poller {
    session: HttpMember,
    /// Whether a request waits for something.
    patient: bool,
    position: String,
    states: String,
}

impl Way {
    /// A way over HTTP, for a session that has just begun.
    pub async fn of_session(session: HttpMember, transport: Transport) -> Way {
        let states = session.welcome["states"].as_str().expect("states").to_owned();
        let position = session.position().to_owned();
        if transport.is_stream() {
            let stream = session.stream(&format!("after={position}&states={states}")).await;
            Way::Stream(session, stream)
        } else {
            let patient = transport.is_patient();
            Way::Poll(Poller { session, patient, position, states })
        }
    }

    /// The session, if it is one over HTTP.
    pub fn session(&self) -> Option<&HttpMember> {
        match self {
            Way::Socket(_) => None,
            Way::Stream(session, _) | Way::Poll(Poller { session, .. }) => Some(session),
        }
    }

    /// Waits for what the server says next, which may be nothing that concerns a reader. Nothing is lost if this is dropped.
    pub async fn receive(&mut self, arrived: &mut VecDeque<Value>) {
        match self {
            Way::Socket(socket) => arrived.push_back(of_socket(socket).await),
            Way::Stream(session, stream) => {
                let message = match stream.next().await {
                    Some(record) => record.data,
                    None => json!({ "type": "end" }),
                };
                if message["type"] == "probe" {
                    session.renew().await;
                }
                arrived.push_back(message);
            }
            Way::Poll(poller) => poller.ask(arrived).await,
        }
    }
}

async fn of_socket(socket: &mut V1Client) -> Value {
    match socket.next_or_end().await {
        Ok(message) => message,
        Err(Frame::Close(close)) => {
            let (code, reason) = close.unwrap_or((1005, "no_status".to_owned()));
            json!({ "type": "close", "code": code, "reason": reason })
        }
        Err(_) => json!({ "type": "end" }),
    }
}

impl Poller {
    async fn ask(&mut self, arrived: &mut VecDeque<Value>) {
        let (position, states) = (&self.position, &self.states);
        let wait = if self.patient { WAIT } else { 0 };
        let what = format!("events?after={position}&states={states}&wait={wait}");
        let answer = self.session.ask("GET", &what, None).await;
        let told = answer.json();
        if answer.status == 200 {
            let before = arrived.len();
            self.take(told, arrived);
            if arrived.len() == before && !self.patient {
                tokio::time::sleep(POLL_EVERY).await;
            }
            return;
        }
        let refused = Refused::told(&told);
        match (answer.status, refused.retry_after) {
            (429, Some(after)) => tokio::time::sleep(Duration::from_secs_f64(after)).await,
            _ => arrived.push_back(json!({ "type": "close", "reason": refused.code })),
        }
    }

    /// Takes an answer apart.
    fn take(&mut self, mut answer: Value, arrived: &mut VecDeque<Value>) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        self.position = text(&answer["position"]);
        self.states = text(&answer["states"]);
        let Value::Array(events) = answer["events"].take() else { panic!("no events: {answer}") };
        if let Some(missed) = answer["missed"].as_u64() {
            arrived.push_back(gap(missed, &before(&self.position, events.len())));
        }
        arrived.extend(events);
        for state in ["presence", "typing"] {
            arrived.extend(Some(answer[state].take()).filter(|state| !state.is_null()));
        }
        if let Some(after) = answer["retry_after"].as_f64() {
            arrived.push_back(json!({ "type": "shutdown", "retry_after": after }));
        }
    }
}

/// The position so many events before another.
fn before(position: &str, events: usize) -> String {
    let (epoch, offset) = position.split_once(':').expect("a position has two parts");
    let offset: usize = offset.parse().expect("an offset is a number");
    format!("{epoch}:{}", offset - events)
}

/// So many events are gone before the one that follows `position`.
pub(super) fn gap(missed: u64, position: &str) -> Value {
    json!({ "type": "gap", "missed": missed, "position": position })
}
