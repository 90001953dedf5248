//! A member by whatever transport. What it is told is in the words of `hamhame.v1`, so that a promise is written once.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::way::{Way, gap};
use super::{Bookmark, within};

/// Somebody in the room. Every event that it is given follows the one before; a hole or a repeat fails the test.
pub struct Member {
    welcome: Value,
    bookmark: Bookmark,
    presence: Presence,
    way: Way,
    /// What came while it waited for something else.
    pending: VecDeque<Value>,
}

/// What somebody comes back with.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Its name.
    pub name: String,
    /// The secret of its session.
    pub token: String,
    /// The position of the last event it got.
    pub position: String,
    /// Its public identity.
    pub member: String,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Of the table of codes: of an error, or of a close.
    pub code: String,
    /// In how many seconds it may be tried again.
    pub retry_after: Option<f64>,
}

/// Who is there, by what was told.
#[derive(Default)]
struct Presence {
    names: BTreeMap<String, String>,
    version: u64,
}

impl Refused {
    pub(super) fn told(answer: &Value) -> Refused {
        let code = match (&answer["code"], &answer["reason"]) {
            (Value::String(code), _) | (Value::Null, Value::String(code)) => code.clone(),
            (Value::Number(code), _) => code.to_string(),
            _ => panic!("{answer} is no refusal"),
        };
        Refused { code, retry_after: answer["retry_after"].as_f64() }
    }
}

impl Member {
    pub(super) fn new(welcome: Value, way: Way) -> Member {
        let mut bookmark = Bookmark::new(welcome["client_id"].as_str().expect("a name"));
        bookmark.take(&welcome);
        let mut presence = Presence::default();
        presence.take(&welcome);
        let mut pending = VecDeque::new();
        // Over HTTP it stands in the answer itself.
        if let Some(missed) = welcome["missed"].as_u64() {
            pending.push_back(gap(missed, &bookmark.position()));
        }
        Member { welcome, bookmark, presence, way, pending }
    }

    /// What joining was answered with.
    pub fn welcome(&self) -> &Value {
        &self.welcome
    }

    /// Its public identity.
    pub fn member(&self) -> &str {
        self.welcome["member"].as_str().expect("a member")
    }

    /// Where it is in the log.
    pub fn bookmark(&self) -> &Bookmark {
        &self.bookmark
    }

    /// The names of those who are there, as far as it was told.
    pub fn present(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.presence.names.values().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// What it would come back with now.
    pub fn ticket(&self) -> Ticket {
        Ticket {
            name: self.welcome["client_id"].as_str().expect("a name").to_owned(),
            token: self.welcome["token"].as_str().expect("a token").to_owned(),
            position: self.bookmark.position(),
            member: self.member().to_owned(),
        }
    }

    /// Says something under an id; gives the offset, or why it was not taken.
    pub async fn say(&mut self, id: &str, content: &str) -> Result<u64, Refused> {
        let offset = |told: &Value| told["offset"].as_u64().expect("an offset");
        if let Way::Socket(socket) = &self.way {
            socket.say(id, content).await;
            let answer = self.answer_to(id).await;
            return if answer["type"] == "ack" {
                Ok(offset(&answer))
            } else {
                Err(Refused::told(&answer))
            };
        }
        let session = self.way.session().expect("it has no socket");
        let message = json!({ "content": content, "id": id });
        let answer = session.ask("POST", "messages", Some(&message)).await;
        match answer.status {
            201 => Ok(offset(&answer.json())),
            _ => Err(Refused::told(&answer.json())),
        }
    }

    /// What is told of what was said under this id; the rest is kept.
    async fn answer_to(&mut self, id: &str) -> Value {
        let reading = async {
            loop {
                let new = self.pending.len();
                self.way.receive(&mut self.pending).await;
                let is_answer = |message: &Value| match message["type"].as_str() {
                    Some("ack" | "error") => message["id"] == id,
                    Some(kind) => kind == "close" || kind == "end",
                    None => false,
                };
                let found = self.pending.range(new..).position(is_answer);
                if let Some(answer) = found.and_then(|place| self.pending.remove(new + place)) {
                    return answer;
                }
            }
        };
        within("an answer", reading).await
    }

    /// The next message. One of the type `close` or `end` is the last.
    pub async fn next(&mut self) -> Value {
        let what = format!("{} to be told something", self.welcome["client_id"]);
        let reading = async {
            loop {
                match self.pending.pop_front() {
                    Some(message) if message["type"] == "heartbeat" => {}
                    Some(message) => return message,
                    None => self.way.receive(&mut self.pending).await,
                }
            }
        };
        let message = within(&what, reading).await;
        self.bookmark.take(&message);
        self.presence.take(&message);
        message
    }

    /// The next message of this type; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        let reading = async {
            loop {
                let message = self.next().await;
                if message["type"] == kind {
                    return message;
                }
                assert!(!is_end(&message), "{kind} was to come before {message}");
            }
        };
        within(kind, reading).await
    }

    /// The next event of the log. A gap, an error or the end on the way fails the test.
    pub async fn next_event(&mut self) -> Value {
        loop {
            let message = self.next().await;
            match message["type"].as_str() {
                Some("message" | "system") => return message,
                Some("gap" | "error" | "close" | "end" | "shutdown") => {
                    panic!("{}: an unexpected {message}", self.welcome["client_id"])
                }
                _ => {}
            }
        }
    }

    /// Reads up to the event with this content; gives the contents before it.
    pub async fn until(&mut self, content: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let event = self.next_event().await;
            let found = event["content"].as_str().expect("a content");
            if found == content {
                return before;
            }
            before.push(found.to_owned());
        }
    }

    /// Says something and reads up to it: whatever was to come before it has come then. Gives the contents before it.
    pub async fn mark(&mut self, content: &str) -> Vec<String> {
        self.say(&format!("mark {}", self.bookmark.offset()), content).await.expect("it is taken");
        self.until(content).await
    }

    /// Reads until exactly these are there.
    pub async fn until_present(&mut self, names: &[&str]) {
        let what = format!("{names:?} to be present");
        let reading = async {
            while self.present() != names {
                self.next().await;
            }
        };
        within(&what, reading).await;
    }

    /// Reads to the end of it all, and gives why it ended.
    pub async fn stay(mut self) -> Value {
        loop {
            let message = self.next().await;
            if is_end(&message) {
                return message;
            }
        }
    }

    /// From now on it neither reads nor shows that it is there, though its connection stands. Over HTTP that is to do nothing.
    pub fn stall(&self) {
        if let Way::Socket(socket) = &self.way {
            socket.mute();
            socket.stall();
        }
    }

    /// It reads again.
    pub fn read_on(&self) {
        if let Way::Socket(socket) = &self.way {
            socket.read_on();
        }
    }

    /// It is gone without a word.
    pub async fn cut(self) -> Ticket {
        let ticket = self.ticket();
        if let Way::Socket(socket) = self.way {
            socket.into_client().abort().await;
        }
        ticket
    }

    /// It leaves for good.
    pub async fn leave(self) {
        if let Some(session) = self.way.session() {
            let answer = session.ask("DELETE", "sessions/current", None).await;
            assert_eq!(answer.status, 204, "{answer:?}");
        }
        if let Way::Socket(socket) = self.way {
            socket.into_client().close(1000).await;
        }
    }
}

/// Whether nothing comes behind it.
fn is_end(message: &Value) -> bool {
    message["type"] == "close" || message["type"] == "end"
}

impl Presence {
    fn take(&mut self, message: &Value) {
        if !matches!(message["type"].as_str(), Some("welcome" | "presence")) {
            return;
        }
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let list = |name: &str| message[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let user = |user: &Value| (text(&user["member"]), text(&user["client_id"]));
        if message["users"].is_array() {
            self.names = list("users").iter().map(user).collect();
        } else {
            assert_eq!(message["base"], self.version, "it follows what was told before: {message}");
            self.names.extend(list("joined").iter().map(user));
            for member in list("left") {
                assert!(self.names.remove(&text(member)).is_some(), "it was there: {message}");
            }
        }
        self.version = message["version"].as_u64().expect("a version");
        assert_eq!(message["count"], self.names.len(), "{message}");
    }
}
