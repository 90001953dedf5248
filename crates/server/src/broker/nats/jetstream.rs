//! What is asked of JetStream, NATS' store: its streams, a message at the end of a subject, the messages of a subject. As in the
//! server's documents ADR-31 (direct get) and ADR-8 (expected sequences), over plain requests.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_nats::{Client, HeaderMap, Message as Reply, RequestErrorKind, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

/// How long an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Messages that are asked for together.
const AT_ONCE: u64 = 1000;

/// The server's number for a message that was written for another end of its subject; the second one where such a message is on its
/// way through a cluster.
const WRONG_LAST: [u64; 2] = [10071, 10164];

/// The server's number for a message that is not there.
const NO_MESSAGE: u64 = 10037;

/// The server's number for a stream that is not there.
const NO_STREAM: u64 = 10059;

/// The server's number for a stream that is there, and is another one.
const STREAM_IS_THERE: u64 = 10058;

/// The server's number for copies where there are no further servers.
const NO_CLUSTER: u64 = 10074;

/// The server's numbers for a store that has no room, or cannot be written to. Nothing was done.
const FULL: [u64; 4] = [10023, 10028, 10047, 10077];

/// Why nothing came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing came back. It may have been done.
    Silence(String),
    /// Nobody has such a stream.
    NoStream,
    /// The server refused it, for this reason.
    Refused(u64, String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Silence(why) => f.write_str(why),
            Trouble::NoStream => f.write_str("no such stream, or no JetStream"),
            Trouble::Refused(code, why) => write!(f, "{why} ({code})"),
        }
    }
}

/// A message of a stream.
pub struct Stored {
    /// Its number there.
    pub at: u64,
    /// When it was stored.
    pub time: SystemTime,
    /// The subject that it came on.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// What became of a message.
pub enum Appended {
    /// It stands there.
    At(u64),
    /// It does not: there is more on its subject than its writer knew.
    NotLast,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

/// See the module.
#[derive(Clone)]
pub struct JetStream(pub Client);

impl JetStream {
    /// Puts a message at the end of a subject, if the last one there is `expected` (0: there is none).
    pub async fn append(
        &self,
        subject: String,
        expected: u64,
        text: String,
    ) -> Result<Appended, Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", expected.to_string());
        let asked = self.0.request_with_headers(subject, headers, text.into());
        match answer(in_time(asked).await?) {
            Ok(answer) => placed(&answer).map(Appended::At),
            Err(Trouble::Refused(code, _)) if WRONG_LAST.contains(&code) => Ok(Appended::NotLast),
            Err(trouble) => Err(trouble),
        }
    }

    /// Puts a message at the end of a subject, and gives its number in the stream.
    pub async fn put(&self, subject: String, text: String) -> Result<u64, Trouble> {
        placed(&answer(in_time(self.0.request(subject, text.into())).await?)?)
    }

    /// The last message on a subject, by the stream's leader, which knows.
    pub async fn last(
        &self,
        stream: &str,
        subject: &str,
    ) -> Result<Option<(u64, String)>, Trouble> {
        let asked = json!({ "last_by_subj": subject });
        let answer = self.ask(&format!("STREAM.MSG.GET.{stream}"), &asked).await;
        let answer = match answer {
            Err(Trouble::Refused(NO_MESSAGE, _)) => return Ok(None),
            other => other?,
        };
        let message = &answer["message"];
        let data = message["data"].as_str().unwrap_or_default();
        let text = STANDARD.decode(data).ok().and_then(|data| String::from_utf8(data).ok());
        match (message["seq"].as_u64(), text) {
            (Some(at), Some(text)) => Ok(Some((at, text))),
            _ => Err(Trouble::Silence("a message that cannot be read".into())),
        }
    }

    /// The messages of a subject, or of those that it stands for, from a place in the stream on. Any server that has the stream
    /// answers, so the last ones may be missing.
    pub async fn messages(
        &self,
        stream: &str,
        subject: &str,
        from: u64,
    ) -> Result<Vec<Stored>, Trouble> {
        let (mut all, mut from) = (Vec::new(), from);
        loop {
            let more = self.some_messages(stream, subject, from, &mut all).await?;
            if !more {
                return Ok(all);
            }
            from = all.last().map_or(from, |last: &Stored| last.at + 1);
        }
    }

    async fn some_messages(
        &self,
        stream: &str,
        subject: &str,
        from: u64,
        all: &mut Vec<Stored>,
    ) -> Result<bool, Trouble> {
        let silence = |why: &dyn ToString| Trouble::Silence(why.to_string());
        let inbox = self.0.new_inbox();
        let mut answers = self.0.subscribe(inbox.clone()).await.map_err(|why| silence(&why))?;
        let asked = json!({ "batch": AT_ONCE, "seq": from.max(1), "next_by_subj": subject });
        let to = format!("$JS.API.DIRECT.GET.{stream}");
        self.0
            .publish_with_reply(to, inbox, asked.to_string().into())
            .await
            .map_err(|why| silence(&why))?;
        loop {
            let Ok(Some(reply)) = timeout(PATIENCE, answers.next()).await else {
                return Err(silence(&"no answer to a read"));
            };
            match reply.status.map(|status| status.as_u16()) {
                // The end of what was asked for.
                Some(204) => return Ok(number(&reply, "Nats-Num-Pending").unwrap_or(0) > 0),
                Some(404) => return Ok(false),
                Some(code) if code == StatusCode::NO_RESPONDERS.as_u16() => {
                    return Err(Trouble::NoStream);
                }
                Some(code) => return Err(Trouble::Refused(code.into(), "a read".into())),
                None => all.push(stored(&reply).ok_or_else(|| silence(&"an odd message"))?),
            }
        }
    }

    /// Forgets the messages of a subject before this place.
    pub async fn purge(&self, stream: &str, subject: &str, before: u64) -> Result<(), Trouble> {
        let asked = json!({ "filter": subject, "seq": before });
        self.ask(&format!("STREAM.PURGE.{stream}"), &asked).await.map(drop)
    }

    /// Makes a stream, with three copies where there is a cluster. One that is there stays as an operator has made it. Gives what
    /// it is.
    pub async fn make_stream(&self, name: &str, mut config: Value) -> Result<Value, Trouble> {
        config["name"] = name.into();
        for copies in [3, 1] {
            config["num_replicas"] = copies.into();
            match self.ask(&format!("STREAM.CREATE.{name}"), &config).await {
                Err(Trouble::Refused(STREAM_IS_THERE, _)) => break,
                Err(Trouble::Refused(NO_CLUSTER, _)) if copies > 1 => {}
                made => return Ok(made?["config"].take()),
            }
        }
        Ok(self.ask(&format!("STREAM.INFO.{name}"), &json!({})).await?["config"].take())
    }

    async fn ask(&self, what: &str, question: &Value) -> Result<Value, Trouble> {
        let asked = self.0.request(format!("$JS.API.{what}"), question.to_string().into());
        answer(in_time(asked).await?)
    }
}

/// Whether that is a server's way to say that it takes nothing new for now.
pub fn is_refusal(code: u64) -> bool {
    FULL.contains(&code)
}

async fn in_time(
    asked: impl Future<Output = Result<Reply, async_nats::RequestError>>,
) -> Result<Bytes, Trouble> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(reply)) => Ok(reply.payload),
        Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => Err(Trouble::NoStream),
        Ok(Err(error)) if error.kind() == RequestErrorKind::MaxPayloadExceeded => {
            Err(Trouble::Refused(0, error.to_string()))
        }
        Ok(Err(error)) => Err(Trouble::Silence(error.to_string())),
        Err(_) => Err(Trouble::Silence("no answer in time".into())),
    }
}

fn placed(answer: &Value) -> Result<u64, Trouble> {
    let at = answer["seq"].as_u64().filter(|at| *at > 0);
    at.ok_or_else(|| Trouble::Silence("an acknowledgement without a number".into()))
}

fn answer(payload: Bytes) -> Result<Value, Trouble> {
    let mut answer: Value = serde_json::from_slice(&payload)
        .map_err(|_| Trouble::Silence("an answer that cannot be read".into()))?;
    match Refusal::deserialize(answer["error"].take()) {
        Ok(Refusal { err_code: NO_STREAM, .. }) => Err(Trouble::NoStream),
        Ok(Refusal { err_code, description }) => Err(Trouble::Refused(err_code, description)),
        Err(_) => Ok(answer),
    }
}

fn stored(reply: &Reply) -> Option<Stored> {
    let headers = reply.headers.as_ref()?;
    let time = humantime::parse_rfc3339_weak(headers.get("Nats-Time-Stamp")?.as_str()).ok()?;
    Some(Stored {
        at: number(reply, "Nats-Sequence")?,
        time,
        subject: headers.get("Nats-Subject")?.as_str().to_owned(),
        text: String::from_utf8(reply.payload.to_vec()).ok()?,
    })
}

/// The number in a header.
pub fn number(reply: &Reply, header: &str) -> Option<u64> {
    reply.headers.as_ref()?.get(header)?.as_str().parse().ok()
}
