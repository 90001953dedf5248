//! What readers see when a room goes on in another epoch: a gap, then all that is kept there, on the connections that they have.
//! The server runs in this process, over the engine of the tests, so that the engine can be made to forget.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use hamhame::broker::Remote;
use hamhame::config::Options;
use hamhame::delivery::shard::Shard;
use hamhame::http::{listen, routes};
use hamhame::room::change::NodeId;
use hamhame::server::Server;
use hamhame::token::random_id;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::common::{Client, Connect, Random, within};
use super::sim::{Sim, Weather};

const ROOM: &str = "room";

const LATE: Weather =
    Weather { latest: Duration::from_millis(3), unanswered: 0, lost: 0, untold: 0, doubled: 0 };

/// Serves on a thread of its own, as long as the test runs.
fn serve(sim: Sim) -> SocketAddr {
    let (sender, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let options =
            ["hamhame", "--threads=1", "--limits=off", "--heartbeat=1h", "--listen=127.0.0.1:0"];
        let options = Options::try_parse_from(options).expect("these are options");
        let broker = Remote::new(NodeId(random_id()), Arc::new(sim));
        let server = Arc::new(Server::new(options, Box::new(broker)).expect("a server"));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async move {
            let listener = listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
            sender.send(listener.get_ref().local_addr().expect("it is bound")).expect("it waits");
            let shard = Shard::new(server.clone(), 0);
            let (to_shard, arrivals) = listen::to_shard();
            let router = routes::router(server.clone());
            tokio::task::spawn_local(listen::serve(shard.clone(), router, arrivals));
            tokio::task::spawn_local(shard.run());
            listen::accept(listener, server, vec![to_shard]).await;
        });
    });
    address.recv().expect("it listens")
}

async fn join(address: SocketAddr, name: &str) -> Client {
    let connect = Connect::new(address, &format!("/ws/{ROOM}/{name}")).protocol("hamhame.v1");
    let client = connect.open().await.into_client(name);
    client.send(r#"{"type":"join","history":100}"#).await;
    client
}

/// The next message of this type, or event of this content.
async fn until(client: &mut Client, what: impl Fn(&Value) -> bool) -> Value {
    loop {
        let message: Value = serde_json::from_str(&client.next_text().await).expect("JSON");
        if what(&message) {
            return message;
        }
    }
}

async fn say(client: &mut Client, id: &str) -> Value {
    // Who speaks just when the engine forgets is told to say it again.
    loop {
        client.send(&json!({"type": "send", "id": id, "content": id}).to_string()).await;
        let answer = until(client, |message| {
            let answered = message["type"] == "ack" || message["type"] == "error";
            answered && message["id"] == id
        });
        let answer = answer.await;
        if answer["type"] == "ack" {
            return answer;
        }
        assert_eq!(answer["temporary"], true, "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn epoch(message: &Value) -> String {
    let position = message["position"].as_str().expect("a position");
    position.split(':').next().expect("an epoch").to_owned()
}

async fn get(address: SocketAddr, query: &str) -> Value {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "GET /api/rooms/{ROOM}/events?{query} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    within("the answer", stream.read_to_string(&mut answer)).await.expect("text");
    let body = answer.split_once("\r\n\r\n").expect("a head").1;
    serde_json::from_str(body).unwrap_or_else(|_| panic!("JSON, not {answer}"))
}

/// Follows the room over a stream until a line holds `what`; gives the lines.
async fn follow(stream: &mut BufReader<TcpStream>, what: &str) -> String {
    let mut lines = String::new();
    let reading = async {
        while !lines.contains(what) {
            let more = stream.read_line(&mut lines).await.expect("text");
            assert_ne!(more, 0, "the stream goes on: {lines}");
        }
    };
    within(what, reading).await;
    lines
}

#[tokio::test]
async fn a_flush_begins_another_epoch_and_nobody_is_sent_away() {
    let sim = Sim::new(Random::new(7), LATE);
    let address = serve(sim.clone());
    let mut ali = join(address, "ali").await;
    let before = epoch(&until(&mut ali, |message| message["type"] == "welcome").await);
    let mut sara = join(address, "sara").await;
    say(&mut ali, "first").await;
    until(&mut sara, |message| message["content"] == "first").await;

    let mut stream = BufReader::new(TcpStream::connect(address).await.expect("it listens"));
    let head = format!(
        "GET /api/rooms/{ROOM}/events HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n"
    );
    stream.get_mut().write_all(head.as_bytes()).await.expect("it reads");
    follow(&mut stream, "event: position").await;
    let polled = get(address, "wait=0").await["position"].as_str().expect("one").to_owned();
    assert!(polled.starts_with(&before), "{polled}");

    assert_eq!(sim.flush(ROOM).len(), 1, "one message is gone");
    say(&mut ali, "second").await;

    for client in [&mut ali, &mut sara] {
        client.send(r#"{"type":"ping"}"#).await;
    }
    let gap = until(&mut sara, |message| message["type"] == "gap").await;
    assert_ne!(epoch(&gap), before);
    assert_eq!(gap["missed"], 0, "how many is not known");
    let second = until(&mut sara, |message| message["content"] == "second").await;
    assert_eq!(second["client_id"], "ali");
    // Both still have their seats, and the same connections.
    let third = say(&mut sara, "third").await;
    assert!(third["offset"].as_u64() > second["offset"].as_u64());

    let lines = follow(&mut stream, "\"third\"").await;
    let (_, lines) = lines.split_once("event: gap").expect("a gap is told");
    assert!(lines.contains("\"second\""), "{lines}");
    assert!(!lines.contains(&format!("id: {before}")), "{lines}");

    let polled = get(address, &format!("after={polled}")).await;
    assert_eq!(polled["recovered"], false, "{polled}");
    let contents: Vec<&str> = polled["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["id"].as_str())
        .collect();
    assert_eq!(contents, ["second", "third"]);
}

#[tokio::test]
async fn what_a_failover_has_lost_is_given_back_and_nobody_sees_anything_of_it() {
    let sim = Sim::new(Random::new(8), LATE);
    let address = serve(sim.clone());
    let mut ali = join(address, "ali").await;
    let before = epoch(&until(&mut ali, |message| message["type"] == "welcome").await);
    let mut sara = join(address, "sara").await;
    for id in ["one", "two", "three"] {
        say(&mut ali, id).await;
    }
    until(&mut sara, |message| message["content"] == "three").await;
    assert_eq!(sim.fail_over(ROOM, 3).len(), 3, "the last ones are gone");
    say(&mut ali, "four").await;
    let news = |message: &Value| message["type"] == "message" || message["type"] == "gap";
    let four = until(&mut sara, news).await;
    assert_eq!(four["content"], "four", "without a gap: {four}");
    assert_eq!(sim.given_back(), 3);
    // Who comes finds all of it, in the same life of the room.
    let mut reza = join(serve(sim), "reza").await;
    let welcome = until(&mut reza, |message| message["type"] == "welcome").await;
    assert_eq!(epoch(&welcome), before);
    assert_eq!(contents_until(&mut reza, "four").await, ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn what_others_said_in_place_of_what_a_failover_has_lost_begins_another_epoch_with_both() {
    let sim = Sim::new(Random::new(9), LATE);
    let address = serve(sim.clone());
    let mut ali = join(address, "ali").await;
    let before = epoch(&until(&mut ali, |message| message["type"] == "welcome").await);
    for id in ["one", "two", "three"] {
        say(&mut ali, id).await;
    }
    assert_eq!(sim.fail_over(ROOM, 2).len(), 2, "the last ones are gone");
    // A node that has not seen them speaks first: it comes in where the second was, and says something.
    let mut sara = join(serve(sim.clone()), "sara").await;
    say(&mut sara, "four").await;
    let gap = until(&mut ali, |message| message["type"] == "gap").await;
    assert_ne!(epoch(&gap), before);
    let mut told: Vec<String> = contents_until(&mut ali, "three").await;
    assert_eq!(told.first().map(String::as_str), Some("one"), "{told:?}");
    told.sort();
    assert_eq!(told, ["four", "one", "three", "two"], "each once, for those who were here");
    let mut reza = join(serve(sim), "reza").await;
    let mut found = contents_until(&mut reza, "three").await;
    found.sort();
    assert_eq!(found, told, "and for those who come");
}

/// The contents of all messages up to one with this content.
async fn contents_until(member: &mut Client, last: &str) -> Vec<String> {
    let mut contents: Vec<String> = Vec::new();
    while contents.last().is_none_or(|content| content != last) {
        let message = until(member, |message| message["type"] == "message").await;
        contents.push(message["content"].as_str().expect("a text").to_owned());
    }
    contents
}
