//! A session over HTTP has no home: its requests may come to any node.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::engine::{Engine, node};
use crate::common::{Api, HttpMember, TestServer, V1Client, within};

/// Three nodes, the room on each of them by HTTP, and a witness on the last.
struct Stage {
    nodes: Vec<TestServer>,
    apis: Vec<Api>,
    witness: V1Client,
    engine: Engine,
}

impl Stage {
    async fn start(more: &[&str]) -> Stage {
        let engine = Engine::start().await;
        let mut nodes = Vec::new();
        let mut apis = Vec::new();
        for _ in 0..3 {
            let node = node(&engine.url(), more).await;
            apis.push(Api::new(&node, "room").await);
            nodes.push(node);
        }
        let witness = nodes[2].member("room", "witness").await;
        Stage { nodes, apis, witness, engine }
    }

    /// The member's requests to one node.
    fn on(&self, member: &HttpMember, node: usize) -> HttpMember {
        member.on(&self.apis[node])
    }
}

fn contents(events: &serde_json::Value) -> Vec<String> {
    let events = events["events"].as_array().expect("events");
    let messages = events.iter().filter(|event| event["type"] == "message");
    messages.map(|event| event["content"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn a_message_is_posted_on_one_node_and_read_on_another_and_the_member_leaves_on_a_third() {
    let mut stage = Stage::start(&[]).await;
    let ali = stage.apis[0].join("ali").await;
    stage.witness.until(|event| event["name"] == "ali").await;
    let first = stage.on(&ali, 1).say("one", "one").await;
    assert_eq!(stage.on(&ali, 2).say("one", "one").await, first, "it is the same message");
    assert!(stage.witness.until_said("one").await.is_empty());
    let read = stage.on(&ali, 2).events(&format!("after={}", ali.position())).await;
    assert_eq!(contents(&read), ["one"]);
    let mut position = read["position"].as_str().expect("a position").to_owned();
    // Each time another node waits, and another one takes what is said.
    for n in 0..6 {
        let reader = stage.on(&ali, n % 3);
        let query = format!("after={position}&wait=10");
        let reading = tokio::spawn(async move { reader.events(&query).await });
        sleep(Duration::from_millis(100)).await;
        let text = format!("while it waits {n}");
        stage.on(&ali, (n + 1) % 3).say(&text, &text).await;
        let read = within("the poll to end", reading).await.expect("an answer");
        assert_eq!(contents(&read), [text.as_str()]);
        position = read["position"].as_str().expect("a position").to_owned();
        stage.witness.until_said(&text).await;
    }
    let mut stream = stage.on(&ali, 2).stream(&format!("after={position}")).await;
    for n in 0..3 {
        let text = format!("while it streams {n}");
        stage.on(&ali, n).say(&text, &text).await;
        assert_eq!(stream.next_event().await["content"], *text);
        stage.witness.until_said(&text).await;
    }
    assert_eq!(stage.on(&ali, 0).ask("DELETE", "sessions/current", None).await.status, 204);
    let event = stage.witness.next_event().await;
    assert_eq!((&event["event"], &event["name"]), (&json!("leave"), &json!("ali")));
    let message = json!({ "content": "after all" });
    let late = stage.on(&ali, 1).ask("POST", "messages", Some(&message)).await;
    assert_eq!(late.json()["code"], "not_joined", "{late:?}");
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn whoever_shows_on_any_node_stays_and_whoever_shows_nowhere_leaves() {
    let mut stage = Stage::start(&["--lease", "2s"]).await;
    let ali = stage.apis[0].join("ali").await;
    stage.witness.until(|event| event["name"] == "ali").await;
    let begin = Instant::now();
    let mut n = 0;
    while begin.elapsed() < Duration::from_secs(6) {
        assert_eq!(stage.on(&ali, 1 + n % 2).renew().await, 204);
        n += 1;
        sleep(Duration::from_millis(400)).await;
    }
    assert!(stage.witness.mark("still here").await.is_empty());
    let event = stage.witness.next_event().await;
    assert_eq!((&event["event"], &event["name"]), (&json!("leave"), &json!("ali")));
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn a_session_outlives_the_node_that_holds_its_seat() {
    let mut stage = Stage::start(&[]).await;
    let ali = stage.apis[0].join("ali").await;
    stage.witness.until(|event| event["name"] == "ali").await;
    stage.nodes[0].kill().await;
    let begin = Instant::now();
    let mut n = 0;
    // Longer than the lease of the node and the time for which places are kept.
    while begin.elapsed() < Duration::from_secs(22) {
        let text = format!("{n}");
        stage.on(&ali, 1).say(&text, &text).await;
        assert!(stage.witness.until_said(&text).await.is_empty(), "nobody goes or comes");
        n += 1;
        sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn a_websocket_on_one_node_takes_the_session_from_http_on_all_nodes() {
    let stage = Stage::start(&[]).await;
    let ali = stage.apis[0].join("ali").await;
    stage.on(&ali, 1).say("one", "one").await;
    let mut socket = stage.nodes[1].v1("room", "ali").await;
    socket.resume(ali.token(), ali.position()).await;
    socket.until_said("one").await;
    for node in 0..3 {
        let message = json!({ "content": "again" });
        let answer = stage.on(&ali, node).ask("POST", "messages", Some(&message)).await;
        assert_eq!(answer.json()["code"], "session_replaced", "node {node}: {answer:?}");
    }
    socket.mark("it is still here").await;
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn a_stream_whose_seat_another_request_has_moved_is_to_come_again_and_is_not_replaced() {
    let stage = Stage::start(&[]).await;
    let ali = stage.apis[0].join("ali").await;
    let after = format!("after={}", ali.position());
    for n in 0..6 {
        let mut stream = stage.on(&ali, n % 3).stream(&after).await;
        // One that its client may have given up, and that comes late.
        let late = stage.on(&ali, (n + 1) % 3).events("wait=0.1").await;
        assert!(late["events"].is_array(), "{late}");
        let close = loop {
            let record = within("the end", stream.next()).await.expect("it is told why");
            if record.event == "close" {
                break record.data;
            }
        };
        assert_eq!(close["reconnect"], true, "{close}");
    }
    let text = "still here";
    stage.on(&ali, 1).say(text, text).await;
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn whoever_is_told_that_it_has_left_may_come_in_elsewhere_at_once() {
    let stage = Stage::start(&[]).await;
    for n in 0..3 {
        let ali = stage.apis[n].join("ali").await;
        stage.engine.signal(Signal::STOP);
        let leaving =
            tokio::spawn(async move { ali.ask("DELETE", "sessions/current", None).await });
        sleep(Duration::from_millis(300)).await;
        assert!(!leaving.is_finished(), "nobody else knows of it yet");
        stage.engine.signal(Signal::CONT);
        let left = within("the answer", leaving).await.expect("one");
        assert_eq!(left.status, 204);
    }
    // Without the token of one of them: the name is nobody's.
    stage.apis[0].join("ali").await;
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn who_leaves_just_before_its_node_ends_has_left() {
    let mut stage = Stage::start(&[]).await;
    let ali = stage.apis[0].join("ali").await;
    let sara = stage.nodes[0].member("room", "sara").await;
    stage.witness.until(|event| event["name"] == "sara").await;
    stage.engine.signal(Signal::STOP);
    let leaving = tokio::spawn(async move {
        let _ = ali.ask("DELETE", "sessions/current", None).await;
    });
    sara.into_client().close(1000).await;
    sleep(Duration::from_millis(100)).await;
    let begin = Instant::now();
    stage.nodes[0].terminate();
    sleep(Duration::from_millis(400)).await;
    stage.engine.signal(Signal::CONT);
    for _ in 0..2 {
        stage.witness.until(|event| event["event"] == "leave").await;
    }
    // Not by the end of the node's lease, which takes longer.
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    let _ = leaving.await;
}
