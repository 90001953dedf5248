//! Somebody who talks on whatever node there is, goes to another now and then or when it has to, and keeps account.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::common::{Bookmark, Random};

type Socket = WebSocketStream<TcpStream>;

/// How long it waits for an answer before it goes elsewhere.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who it is, and what it knows.
pub struct Wanderer {
    name: String,
    random: Random,
    nodes: Arc<[SocketAddr]>,
    bookmark: Bookmark,
    token: Option<String>,
    attempt: u64,
    /// It was told to begin anew, so it may hear what it has heard.
    anew: bool,
    /// Its public identity.
    pub member: String,
    /// What it heard, by epoch and offset.
    pub heard: BTreeMap<(String, u64), Value>,
    /// The ids that were acknowledged.
    pub acknowledged: Vec<String>,
}

impl Wanderer {
    /// Somebody who is nowhere yet.
    pub fn new(name: &str, seed: u64, nodes: &Arc<[SocketAddr]>) -> Wanderer {
        Wanderer {
            name: name.to_owned(),
            random: Random::new(seed),
            nodes: nodes.clone(),
            bookmark: Bookmark::new(name),
            token: None,
            attempt: 0,
            anew: false,
            member: String::new(),
            heard: BTreeMap::new(),
            acknowledged: Vec::new(),
        }
    }

    /// Talks until it is enough; then stays in, quiet, with the connection that it gives.
    pub async fn wander(mut self, mut enough: watch::Receiver<bool>) -> (Wanderer, Socket) {
        let mut socket = self.come_in().await;
        let mut said = 0;
        while !*enough.borrow_and_update() {
            let id = format!("{said}");
            while !self.say(&mut socket, &id).await {
                socket = self.come_in().await;
            }
            self.acknowledged.push(id);
            said += 1;
            let pause = self.random.shorter_than(Duration::from_millis(200));
            let is_open = self.listen(&mut socket, pause).await;
            if !is_open || self.random.one_in(30) {
                let next = self.come_in().await;
                // Sometimes what it leaves behind stays open until the server ends it.
                drop(std::mem::replace(&mut socket, next));
            }
        }
        (self, socket)
    }

    /// Listens on, for so long; comes in again if it has to.
    pub async fn stay(&mut self, socket: &mut Socket, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if !self.listen(socket, end - Instant::now()).await {
                *socket = self.come_in().await;
            }
        }
    }

    /// A connection to some node, with the session on it.
    async fn come_in(&mut self) -> Socket {
        let begin = Instant::now();
        loop {
            assert!(begin.elapsed() < Duration::from_secs(60), "{} gets in nowhere", self.name);
            let at = self.random.below(self.nodes.len() as u64) as usize;
            if let Ok(Some(socket)) = timeout(PATIENCE, self.try_come_in(self.nodes[at])).await {
                return socket;
            }
            sleep(self.random.shorter_than(Duration::from_millis(300))).await;
        }
    }

    async fn try_come_in(&mut self, node: SocketAddr) -> Option<Socket> {
        let url = format!("ws://{node}/ws/room/{}", self.name);
        let mut request = url.into_client_request().expect("a request");
        let protocol = HeaderValue::from_static("hamhame.v1");
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        let stream = TcpStream::connect(node).await.ok()?;
        let (mut socket, _) = client_async(request, stream).await.ok()?;
        self.attempt += 1;
        let mut join = json!({ "type": "join", "attempt": self.attempt });
        if let Some(token) = &self.token {
            join["token"] = json!(token);
            join["after"] = json!(self.bookmark.position());
        }
        socket.send(Message::text(join.to_string())).await.ok()?;
        loop {
            let message = read(&mut socket).await?;
            match message["type"].as_str() {
                Some("welcome") => {
                    self.take_welcome(&message);
                    return Some(socket);
                }
                Some("error") => {
                    assert_eq!(message["temporary"], true, "{}: {message}", self.name);
                    return None;
                }
                _ => {}
            }
        }
    }

    fn take_welcome(&mut self, welcome: &Value) {
        let name = &self.name;
        if welcome["recovered"] == true {
            let here = self.bookmark.position();
            assert_eq!(welcome["position"], *here, "{name} goes on where it was");
        }
        self.anew = welcome["recovered"] == false;
        self.bookmark.take(welcome);
        self.token = welcome["token"].as_str().map(str::to_owned);
        let member = welcome["member"].as_str().expect("a member");
        assert!(self.member.is_empty() || self.member == member, "{name} is who it was");
        member.clone_into(&mut self.member);
    }

    /// Says something and waits for the answer. False if it has to be said again, elsewhere.
    async fn say(&mut self, socket: &mut Socket, id: &str) -> bool {
        let content = format!("{} {id}", self.name);
        let send = json!({ "type": "send", "id": id, "content": content }).to_string();
        if socket.send(Message::text(send)).await.is_err() {
            return false;
        }
        let answer = async {
            while let Some(message) = self.next(socket).await {
                if message["id"] == id && message["type"] == "ack" {
                    return true;
                }
                if message["id"] == id && message["type"] == "error" {
                    assert_eq!(message["temporary"], true, "{}: {message}", self.name);
                    return false;
                }
            }
            false
        };
        match timeout(PATIENCE, answer).await {
            Ok(true) => true,
            Ok(false) => {
                sleep(Duration::from_millis(100)).await;
                false
            }
            Err(_) => false,
        }
    }

    /// Takes what comes within this time. False if the connection is over.
    async fn listen(&mut self, socket: &mut Socket, time: Duration) -> bool {
        let listening = async { while self.next(socket).await.is_some() {} };
        timeout(time, listening).await.is_err()
    }

    /// The next message, noted; `None` if the connection is over.
    async fn next(&mut self, socket: &mut Socket) -> Option<Value> {
        let message = read(socket).await?;
        self.bookmark.take(&message);
        if let Some("message" | "system") = message["type"].as_str() {
            let place = (self.bookmark.epoch().to_owned(), self.bookmark.offset());
            let before = self.heard.insert(place, message.clone());
            let again = before.is_none_or(|before| self.anew && before == message);
            assert!(again, "{} hears {message} again", self.name);
        }
        Some(message)
    }
}

async fn read(socket: &mut Socket) -> Option<Value> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}
