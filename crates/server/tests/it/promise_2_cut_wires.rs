//! Promise 2 under load: in each of 20 rooms with 10 members one client's connection is cut 100 times at random moments, and
//! every member ends with the same events in the same order, none twice, none missing.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{Client, Frame, Random, TestServer, V1Client, encode};
use hamhame_ws::{Opcode, write_masked_frame};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::Instant;

const ROOMS: u64 = 20;
const MEMBERS: usize = 10;
const CUTS: usize = 100;

/// The longest time between coming back and the next cut.
const UPTIME: Duration = Duration::from_millis(60);
/// The longest time between two messages of a steady member.
const PAUSE: Duration = Duration::from_millis(300);

/// One event, as much of it as tells it from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    offset: u64,
    member: String,
    id: String,
    content: String,
    timestamp: String,
}

/// What a member knows: every event it saw, what it said, and what it does not know to be said.
#[derive(Default)]
struct Notes {
    seen: Vec<Seen>,
    acknowledged: HashMap<String, u64>,
    unacknowledged: Vec<String>,
    said: usize,
}

impl Notes {
    fn take(&mut self, message: &Value) {
        let text = |member: &str| message[member].as_str().unwrap_or_default().to_owned();
        match message["type"].as_str() {
            Some("message" | "system") => self.seen.push(Seen {
                offset: message["offset"].as_u64().expect("an offset"),
                member: text("member"),
                id: text("id"),
                content: text("content"),
                timestamp: text("timestamp"),
            }),
            Some("ack") => {
                let (id, offset) = (text("id"), message["offset"].as_u64().expect("an offset"));
                let before = self.acknowledged.insert(id.clone(), offset);
                assert!(before.is_none_or(|before| before == offset), "{id} has two offsets");
                self.unacknowledged.retain(|other| *other != id);
            }
            Some("gap" | "error") => panic!("unexpected: {message}"),
            _ => {}
        }
    }

    /// A new message to be said; the id is its content.
    fn next_message(&mut self, name: &str) -> String {
        let id = format!("{name} says {}", self.said);
        self.said += 1;
        self.unacknowledged.push(id.clone());
        id
    }
}

fn send(id: &str) -> String {
    json!({ "type": "send", "id": id, "content": id }).to_string()
}

/// A member whose connection holds.
async fn stay(mut client: V1Client, mut random: Random, room: Arc<Room>) -> Notes {
    let name = client.name().to_owned();
    let mut notes = Notes::default();
    room.together.wait().await;
    let mut next = Instant::now();
    while !room.over.load(Ordering::Relaxed) || !notes.unacknowledged.is_empty() {
        tokio::select! {
            message = client.next() => notes.take(&message),
            () = tokio::time::sleep_until(next), if !room.over.load(Ordering::Relaxed) => {
                client.send(&send(&notes.next_message(&name))).await;
                next += random.shorter_than(PAUSE);
            }
        }
    }
    room.together.wait().await;
    if name == "member 1" {
        client.send(&send("the end")).await;
    }
    while notes.seen.last().is_none_or(|seen| seen.content != "the end") {
        notes.take(&client.next().await);
    }
    notes
}

/// How a connection is lost.
async fn cut(client: Client, random: &mut Random) {
    match random.below(4) {
        0 => client.hang_up().await,
        1 => {
            // In the middle of a frame: a header that announces more than comes.
            let _ = client.try_write(&[0x81, 0xa0, 1, 2, 3, 4, 5]).await;
            client.abort().await;
        }
        _ => client.abort().await,
    }
}

/// A member whose connection is cut again and again.
struct Survivor {
    server: Arc<TestServer>,
    room: Arc<Room>,
    name: String,
    /// None while it comes back.
    client: Option<V1Client>,
    token: String,
    /// The last event it had when it was cut last.
    position: String,
    random: Random,
    notes: Notes,
}

impl Survivor {
    fn new(server: Arc<TestServer>, room: Arc<Room>, client: V1Client, random: Random) -> Survivor {
        Survivor {
            name: client.name().to_owned(),
            token: client.token(),
            position: client.position(),
            client: Some(client),
            notes: Notes::default(),
            server,
            room,
            random,
        }
    }

    async fn survive(mut self) -> Notes {
        self.room.together.wait().await;
        for _ in 0..CUTS {
            let until = Instant::now() + self.random.shorter_than(UPTIME);
            while tokio::time::timeout_at(until, self.listen()).await.is_ok() {
                if self.random.one_in(3) {
                    self.say().await;
                }
            }
            // What is under way in both directions is lost; this, right before the cut, nearly always.
            self.say().await;
            self.lose_connection().await;
        }
        self.room.over.store(true, Ordering::Relaxed);
        while !self.notes.unacknowledged.is_empty() {
            self.listen().await;
        }
        self.room.together.wait().await;
        while self.notes.seen.last().is_none_or(|seen| seen.content != "the end") {
            self.listen().await;
        }
        self.notes
    }

    /// Takes one message in. An attempt to join that was given up may reach the server after the one that was made
    /// later, and then it is the older connection that is the newer one for the server: the client comes back once more.
    async fn listen(&mut self) {
        match self.client().next_or_end().await {
            Ok(message) => self.notes.take(&message),
            Err(Frame::Close(Some((4506, _)))) => self.come_back().await,
            Err(other) => panic!("{} got {other:?}", self.name),
        }
    }

    async fn say(&mut self) {
        let id = self.notes.next_message(&self.name);
        let mut frame = Vec::new();
        write_masked_frame(&mut frame, Opcode::Text, send(&id).as_bytes(), [1, 2, 3, 4]);
        // If it cannot be sent, it is sent again after coming back.
        let _ = self.client().try_write(&frame).await;
    }

    async fn lose_connection(&mut self) {
        self.position = self.client().position();
        if let Some(client) = self.client.take() {
            cut(client.into_client(), &mut self.random).await;
        }
        while self.random.one_in(4) {
            self.fail_to_join().await;
        }
        self.come_back().await;
    }

    /// A connection that does not live until its `welcome` is read.
    async fn fail_to_join(&mut self) {
        let client = self.server.v1(&self.room.name, &self.name).await;
        client.send(&self.resume()).await;
        tokio::time::sleep(self.random.shorter_than(Duration::from_millis(3))).await;
        cut(client.into_client(), &mut self.random).await;
    }

    /// Resumes, and sends again in the same piece what was not acknowledged.
    async fn come_back(&mut self) {
        if let Some(client) = &self.client {
            self.position = client.position();
        }
        let path = format!("/ws/{}/{}", encode(&self.room.name), encode(&self.name));
        let join = self.resume();
        let again: Vec<String> = self.notes.unacknowledged.iter().map(|id| send(id)).collect();
        let texts: Vec<&str> = std::iter::once(&join).chain(&again).map(String::as_str).collect();
        let connect = self.server.connect(&path).protocol("hamhame.v1").trailing(&texts);
        let socket = connect.open().await;
        let mut client = V1Client::over(&self.name, socket.into_client(&self.name)).unchecked();
        let welcome = client.expect_type("welcome").await;
        assert_eq!(welcome["recovered"], true, "{} in {}", self.name, self.room.name);
        assert_eq!(welcome["position"], self.position, "{} in {}", self.name, self.room.name);
        self.client = Some(client);
    }

    fn resume(&self) -> String {
        json!({ "type": "join", "token": self.token, "after": self.position }).to_string()
    }

    fn client(&mut self) -> &mut V1Client {
        self.client.as_mut().expect("it is connected but while it comes back")
    }
}

struct Room {
    name: String,
    together: Barrier,
    over: AtomicBool,
}

/// Gives the number of events that every member saw.
async fn play(server: Arc<TestServer>, number: u64) -> usize {
    let name = format!("room {number}");
    let room =
        Arc::new(Room { name, together: Barrier::new(MEMBERS), over: AtomicBool::new(false) });
    let mut members = Vec::new();
    for n in 0..MEMBERS {
        let mut client = server.v1(&room.name, &format!("member {n}")).await.unchecked();
        client.join().await;
        members.push(client);
    }
    // All start to note at the same event.
    let begin = members[0].said("begin", "begin").await;
    for member in &mut members {
        while member.offset() < begin {
            member.next_event().await;
        }
    }
    let mut playing = JoinSet::new();
    for (n, member) in members.into_iter().enumerate() {
        let random = Random::new(number * MEMBERS as u64 + n as u64);
        if n == 0 {
            playing.spawn(Survivor::new(server.clone(), room.clone(), member, random).survive());
        } else {
            playing.spawn(stay(member, random, room.clone()));
        }
    }
    let notes = playing.join_all().await;
    check(&notes);
    notes[0].seen.len()
}

fn check(notes: &[Notes]) {
    let log = &notes[0].seen;
    for other in notes {
        let differs = log.iter().zip(&other.seen).find(|(one, other)| one != other);
        assert_eq!(differs, None);
        assert_eq!(log.len(), other.seen.len());
    }
    let mut by_id: HashMap<&str, u64> = HashMap::new();
    for seen in log {
        assert!(!seen.id.is_empty(), "nobody came or went in all this time: {seen:?}");
        assert_eq!(by_id.insert(&seen.id, seen.offset), None, "{} twice", seen.id);
    }
    let said: usize = notes.iter().map(|notes| notes.said).sum();
    assert_eq!(log.len(), said + 1, "all that was said, and the end");
    for (id, offset) in notes.iter().flat_map(|notes| &notes.acknowledged) {
        assert_eq!(by_id.get(id.as_str()), Some(offset), "{id} was acknowledged at {offset}");
    }
}

#[tokio::test]
async fn a_hundred_cuts_in_each_of_twenty_rooms_lose_nothing_and_repeat_nothing() {
    // The members that are cut never leave: their grace is longer than the time it takes them to come back.
    let server = TestServer::start(&[
        "--limits",
        "off",
        "--history",
        "100000",
        "--history-bytes",
        "100000000",
        "--heartbeat",
        "5s",
        "--grace",
        "20s",
    ])
    .await;
    let server = Arc::new(server);
    let mut rooms = JoinSet::new();
    for number in 0..ROOMS {
        rooms.spawn(play(server.clone(), number));
    }
    let events: usize = rooms.join_all().await.iter().sum();
    let resumed = server.metric("hamhame_sessions_resumed_total").await;
    assert!(resumed >= (ROOMS as usize * CUTS) as f64, "{resumed}");
    eprintln!(
        "{events} events, each seen once by all {MEMBERS} members of its room; {resumed} resumes"
    );
}
