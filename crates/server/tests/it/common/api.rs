//! A client of the HTTP API. Every answer is held against the description that the server gives of itself.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::line::{Body, Line};
use super::{HttpResponse, TestServer, encode, schema, within};

/// One room of one server, as its HTTP API shows it.
#[derive(Clone)]
pub struct Api {
    line: Line,
    room: String,
    document: Arc<Document>,
}

/// A session over HTTP.
pub struct HttpMember {
    /// Where.
    pub api: Api,
    /// What joining was answered with.
    pub welcome: Value,
}

struct Document {
    text: Value,
    validators: HashMap<String, Validator>,
}

/// One record of an event stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What kind; `message` if none is said, as in a browser.
    pub event: String,
    /// The position behind it, if there is one.
    pub id: Option<String>,
    /// What it says.
    pub data: Value,
}

/// Largest piece of a stream that is looked at at once, in bytes.
const PIECE: usize = 16 * 1024;

/// An event stream that is open.
pub struct EventStream {
    /// Status line and headers.
    pub head: String,
    body: Body,
    /// Whether the body comes in chunks, as HTTP/1.1 sends what has no length.
    chunked: bool,
    raw: Vec<u8>,
    text: Vec<u8>,
    last_id: Option<String>,
    over: bool,
}

impl Document {
    fn new(text: Value) -> Document {
        let schemas = text["components"]["schemas"].as_object().expect("schemas").keys();
        let of = |name: &String| {
            let whole = json!({
                "$ref": format!("#/components/schemas/{name}"), "components": text["components"],
            });
            (name.clone(), jsonschema::draft202012::new(&whole).expect("a schema"))
        };
        let validators = schemas.map(of).collect();
        Document { text, validators }
    }

    /// Panics unless the document says that this may be answered.
    fn check(&self, method: &str, target: &str, answer: &HttpResponse) {
        let path = target.split('?').next().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        let mut template = segments.clone();
        if template.len() > 3 {
            template[3] = "{room}";
        }
        let operation = &self.text["paths"][template.join("/")][method.to_lowercase()];
        if operation.is_null() {
            // What is not described is refused.
            assert!(matches!(answer.status, 204 | 404 | 405), "{method} {target}: {answer:?}");
            return;
        }
        let responses = &operation["responses"];
        let exact = answer.status.to_string();
        let range = format!("{}XX", answer.status / 100);
        let response = [exact, range].into_iter().map(|key| &responses[key]).find(|r| !r.is_null());
        let response = response.unwrap_or_else(|| panic!("{method} {target}: {answer:?}"));
        let kind = answer.header("content-type").unwrap_or_default();
        let schema = &response["content"][kind]["schema"]["$ref"];
        match schema.as_str().and_then(|schema| schema.rsplit('/').next()) {
            Some(name) => {
                let body = answer.json();
                if let Err(error) = self.validators[name].validate(&body) {
                    panic!("{method} {target}: {error} at {}: {body}", error.instance_path());
                }
            }
            None => assert!(answer.body.is_empty(), "{method} {target}: {answer:?}"),
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {target}");
    }
}

impl Api {
    /// Of the room with this name.
    pub async fn new(server: &TestServer, room: &str) -> Api {
        let line = Line::Http1(server.door());
        let text = line.ask("GET", "/api/openapi.json", "", "").await.json();
        let document = Arc::new(Document::new(text));
        Api { line, room: room.to_owned(), document }
    }

    /// The same by another way.
    pub fn over(&self, line: Line) -> Api {
        Api { line, ..self.clone() }
    }

    /// The path of something in the room.
    pub fn path(&self, what: &str) -> String {
        format!("/api/rooms/{}/{what}", encode(&self.room))
    }

    /// Asks, and checks the answer.
    pub async fn ask(
        &self,
        method: &str,
        what: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> HttpResponse {
        self.try_ask(method, what, token, body).await.expect("an HTTP answer")
    }

    /// The same of a server that may end meanwhile: `None` if there is no answer.
    pub async fn try_ask(
        &self,
        method: &str,
        what: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Option<HttpResponse> {
        let mut head = String::new();
        if let Some(token) = token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        let body = body.map(Value::to_string);
        if body.is_some() {
            head += "Content-Type: application/json\r\n";
        }
        self.try_send(method, &self.path(what), &head, body.as_deref().unwrap_or_default()).await
    }

    /// Asks with these headers and this body, as they are, and checks the answer.
    pub async fn send(&self, method: &str, target: &str, head: &str, body: &str) -> HttpResponse {
        self.try_send(method, target, head, body).await.expect("an HTTP answer")
    }

    async fn try_send(
        &self,
        method: &str,
        target: &str,
        head: &str,
        body: &str,
    ) -> Option<HttpResponse> {
        let answer = self.line.try_ask(method, target, head, body).await?;
        if method != "HEAD" {
            self.document.check(method, target, &answer);
        }
        Some(answer)
    }

    /// Joins under this name.
    pub async fn join(&self, name: &str) -> HttpMember {
        self.enter(json!({ "client_id": name })).await
    }

    /// Joins with this body.
    pub async fn enter(&self, body: Value) -> HttpMember {
        let answer = self.ask("POST", "sessions", None, Some(&body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        HttpMember { api: self.clone(), welcome: answer.json() }
    }

    /// Reads what is behind a position, without a session.
    pub async fn after(&self, position: &str) -> Value {
        self.events(&format!("after={position}"), None).await
    }

    /// Reads with this query.
    pub async fn events(&self, query: &str, token: Option<&str>) -> Value {
        let answer = self.ask("GET", &format!("events?{query}"), token, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Opens a stream with further headers.
    pub async fn stream(&self, query: &str, head: &str) -> EventStream {
        self.try_stream(query, head).await.expect("a head")
    }

    /// The same of a server that may end meanwhile: `None` if nothing comes.
    pub async fn try_stream(&self, query: &str, head: &str) -> Option<EventStream> {
        let target = self.path(&format!("events?{query}"));
        let head = format!("Accept: text/event-stream\r\n{head}");
        EventStream::open(&self.line, &target, &head).await
    }
}

impl HttpMember {
    /// The same member, asking another node.
    pub fn on(&self, api: &Api) -> HttpMember {
        HttpMember { api: api.clone(), welcome: self.welcome.clone() }
    }

    /// The secret of the session.
    pub fn token(&self) -> &str {
        self.welcome["token"].as_str().expect("a token")
    }

    /// Where it began to read.
    pub fn position(&self) -> &str {
        self.welcome["position"].as_str().expect("a position")
    }

    /// Its public identity.
    pub fn member(&self) -> &str {
        self.welcome["member"].as_str().expect("a member")
    }

    /// Asks with the token.
    pub async fn ask(&self, method: &str, what: &str, body: Option<&Value>) -> HttpResponse {
        self.api.ask(method, what, Some(self.token()), body).await
    }

    /// Says something under an id, and gives the offset.
    pub async fn say(&self, id: &str, content: &str) -> u64 {
        let message = json!({ "content": content, "id": id });
        let answer = self.ask("POST", "messages", Some(&message)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["offset"].as_u64().expect("an offset")
    }

    /// Reads with this query.
    pub async fn events(&self, query: &str) -> Value {
        self.api.events(query, Some(self.token())).await
    }

    /// Shows that it is here.
    pub async fn renew(&self) -> u16 {
        self.ask("POST", "sessions/current", None).await.status
    }

    /// Opens a stream.
    pub async fn stream(&self, query: &str) -> EventStream {
        let head = format!("Authorization: Bearer {}\r\n", self.token());
        self.api.stream(query, &head).await
    }
}

impl EventStream {
    async fn open(line: &Line, target: &str, head: &str) -> Option<EventStream> {
        let (head, body) = line.try_open(target, head).await?;
        let mut opened = EventStream {
            chunked: head.is_empty(),
            head,
            body,
            raw: Vec::with_capacity(PIECE),
            text: Vec::new(),
            last_id: None,
            over: false,
        };
        if opened.chunked {
            opened.read_head().await?;
        }
        Some(opened)
    }

    async fn read_head(&mut self) -> Option<()> {
        let end = loop {
            if let Some(end) = self.raw.windows(4).position(|part| part == b"\r\n\r\n") {
                break end + 4;
            }
            if !self.read_more().await {
                return None;
            }
        };
        self.head = String::from_utf8(self.raw.drain(..end).collect()).expect("ASCII");
        Some(())
    }

    /// The next record; `None` at the end.
    pub async fn next(&mut self) -> Option<Record> {
        loop {
            if let Some(end) = self.text.windows(2).position(|part| part == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(record) = self.record(std::str::from_utf8(&block).expect("UTF-8")) {
                    return Some(record);
                }
            } else if self.over || !(self.take_chunk() || self.read_more().await) {
                return None;
            }
        }
    }

    /// The next record of this kind; others are passed over.
    pub async fn next_of(&mut self, event: &str) -> Record {
        let reading = async {
            loop {
                let record = self.next().await.unwrap_or_else(|| panic!("{event}, not the end"));
                if record.event == event {
                    return record;
                }
            }
        };
        within(event, reading).await
    }

    /// The next event of the log.
    pub async fn next_event(&mut self) -> Value {
        let record = self.next_of("message").await;
        let offset = record.data["offset"].to_string();
        let id = record.id.expect("an event has a position");
        assert_eq!(id.split(':').nth(1), Some(offset.as_str()), "the id is the position");
        record.data
    }

    /// The position behind the last record that has one.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    fn record(&mut self, block: &str) -> Option<Record> {
        let mut record = Record { event: "message".to_owned(), ..Record::default() };
        let mut data = None;
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("event", event)) => record.event = event.to_owned(),
                Some(("id", id)) => record.id = Some(id.to_owned()),
                Some(("data", json)) => data = Some(json.to_owned()),
                Some(("retry", milliseconds)) => {
                    milliseconds.parse::<u32>().expect("a number");
                }
                None if line.is_empty() => {}
                _ => panic!("{line:?} is no line of a record"),
            }
        }
        record.data = serde_json::from_str(&data?).expect("data is JSON");
        if record.id.is_some() {
            self.last_id.clone_from(&record.id);
        }
        if !matches!(record.event.as_str(), "position" | "probe" | "close") {
            schema::check(&record.data);
        }
        Some(record)
    }

    /// Takes one chunk of the body (RFC 9112, section 7.1), if it is there; without chunks, what is there.
    fn take_chunk(&mut self) -> bool {
        if !self.chunked {
            let is_there = !self.raw.is_empty();
            self.text.append(&mut self.raw);
            return is_there;
        }
        let Some(line) = self.raw.windows(2).position(|part| part == b"\r\n") else { return false };
        let size = std::str::from_utf8(&self.raw[..line]).expect("ASCII");
        let size = usize::from_str_radix(size, 16).expect("a size");
        let whole = line + 2 + size + 2;
        if self.raw.len() < whole {
            return false;
        }
        self.text.extend_from_slice(&self.raw[line + 2..line + 2 + size]);
        self.raw.drain(..whole);
        self.over = size == 0;
        true
    }

    async fn read_more(&mut self) -> bool {
        let read = within("more of a stream", self.body.read_buf(&mut self.raw)).await;
        read.is_ok_and(|n| n > 0)
    }
}
