//! Several nodes that share rooms through a real engine: what is promised on one holds across them, and what happens to nodes and
//! to the engine is seen and healed. TEST_OVER says which engine it is.

mod connection;
mod engine;
pub mod faults;
mod over_http;
mod session;
mod wanderer;
pub mod wire;

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::common::{TestServer, V1Client};
use engine::Engine;

/// A member with a token, on a new connection to `node`.
pub async fn hop(node: &TestServer, from: &V1Client) -> V1Client {
    let mut there = node.v1("room", from.name()).await;
    there.resume(&from.token(), &from.position()).await;
    there
}

pub fn members(welcome: &Value) -> Vec<String> {
    let users = welcome["users"].as_array().expect("a list");
    users.iter().map(|user| user["client_id"].as_str().expect("a name").to_owned()).collect()
}

/// Waits until these are in: whose seat the engine has lost gets it again within a moment.
async fn all_are_in(node: &TestServer, names: &[&str]) {
    let waiting = async {
        loop {
            let members = node.get("/api/rooms/room/members").await.json();
            let mut here = self::members(&members);
            here.sort_unstable();
            if here == names {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    super::common::within("all to be in", waiting).await;
}

/// Says something until it is taken; who speaks while the engine is away is told so at once.
pub async fn say_again(member: &mut V1Client, id: &str) -> u64 {
    loop {
        member.say(id, id).await;
        let answer = member.answer_to(id).await;
        if answer["type"] == "ack" {
            return answer["offset"].as_u64().expect("an offset");
        }
        let told = (&answer["code"], &answer["temporary"]);
        assert_eq!(told, (&json!("unavailable"), &json!(true)));
        sleep(Duration::from_millis(100)).await;
    }
}

/// Reads, past gaps, until this was said; gives all events and gaps before it.
pub async fn read_until(member: &mut V1Client, content: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let message = member.next().await;
        if message["content"] == content {
            return all;
        }
        all.push(message);
    }
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn members_of_two_nodes_hear_the_same_in_one_order() {
    let engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    assert_eq!(members(sara.welcome()), ["ali", "sara"]);
    for n in 0..200 {
        ali.say(&format!("a{n}"), &format!("from ali {n}")).await;
        sara.say(&format!("s{n}"), &format!("from sara {n}")).await;
    }
    ali.say("end", "end of ali").await;
    let mut heard = Vec::new();
    for member in [&mut ali, &mut sara] {
        let mut all = Vec::new();
        while all.len() < 401 {
            let event = member.next().await;
            if event["type"] == "message" {
                all.push((
                    event["offset"].clone(),
                    event["content"].clone(),
                    event["timestamp"].clone(),
                ));
            }
        }
        heard.push(all);
    }
    assert_eq!(heard[0], heard[1]);
    let of_sara =
        heard[0].iter().filter(|(_, content, _)| content.as_str().expect("text").contains("sara"));
    let of_sara: Vec<_> =
        of_sara.map(|(_, content, _)| content.as_str().expect("text").to_owned()).collect();
    assert_eq!(of_sara, (0..200).map(|n| format!("from sara {n}")).collect::<Vec<_>>());
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn a_name_has_one_owner_on_all_nodes_and_a_ghosts_name_can_be_had() {
    let engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let ali = nodes[0].member("room", "ali").await;
    let mut other = nodes[1].v1("room", "ALI").await;
    other.send_json(json!({ "type": "join" })).await;
    let error = other.expect_type("error").await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("name_taken"), &json!(false)));
    ali.mute();
    let mut again = nodes[1].v1("room", "ali").await;
    again.join().await;
    again.mark("here").await;
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn who_hops_between_nodes_misses_nothing_and_repeats_nothing_and_nobody_sees_it_go() {
    let engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await, engine.node().await];
    let mut witness = nodes[2].member("room", "witness").await;
    let mut ali = nodes[0].member("room", "ali").await;
    witness.mark("both are here").await;
    let mut next = 0;
    for hop_number in 0..12 {
        // Said on one node, before the answer said again on another: it stands once.
        ali.say("once", &format!("once {hop_number}")).await;
        let node = &nodes[(hop_number + 1) % 3];
        let mut there = hop(node, &ali).await;
        for _ in 0..5 {
            witness.said(&format!("w{next}"), &format!("{next}")).await;
            next += 1;
        }
        there.mark(&format!("here {hop_number}")).await;
        ali = there;
    }
    witness.mark("all").await;
    ali.until_said("all").await;
    // All of the log, as one who comes for it.
    let (epoch, _) = ali
        .position()
        .split_once(':')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("a position");
    let mut reader = nodes[0].v1("room", "reader").await;
    reader.join_as(json!({ "type": "join", "after": format!("{epoch}:0") })).await;
    let heard = reader.until_said("all").await;
    let names = heard.iter().filter(|event| event["type"] == "system");
    let names: Vec<_> = names.map(|event| (&event["event"], &event["name"])).collect();
    assert_eq!(names, [(&json!("join"), &json!("witness")), (&json!("join"), &json!("ali"))]);
    let contents: Vec<_> = heard.iter().filter_map(|event| event["content"].as_str()).collect();
    assert_eq!(contents.iter().filter(|content| content.starts_with("once")).count(), 1);
    for n in 0..next {
        assert_eq!(contents.iter().filter(|content| **content == n.to_string()).count(), 1, "{n}");
    }
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn the_members_of_a_killed_node_leave_once_within_thirty_seconds_and_not_if_they_come_back() {
    let engine = Engine::start().await;
    let mut nodes = [engine.node().await, engine.node().await, engine.node().await];
    let witnesses = [nodes[1].member("room", "one").await, nodes[2].member("room", "two").await];
    let [mut one, mut two] = witnesses;
    let _ali = nodes[0].member("room", "ali").await;
    let sara = nodes[0].member("room", "sara").await;
    one.until(|event| event["name"] == "sara").await;
    nodes[0].kill().await;
    let mut sara = hop(&nodes[1], &sara).await;
    sara.said("back", "I am back").await;
    let begin = Instant::now();
    let left = one.until(|event| event["event"] == "leave").await;
    assert_eq!(left["name"], "ali");
    assert!(begin.elapsed() < Duration::from_secs(30));
    one.mark("that was all").await;
    let heard = two.until_said("that was all").await;
    let left: Vec<_> = heard.iter().filter(|event| event["event"] == "leave").collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let latest = nodes[2].member("room", "latest").await;
    let mut here = members(latest.welcome());
    here.sort_unstable();
    assert_eq!(here, ["latest", "one", "sara", "two"]);
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn a_node_that_was_paused_beyond_its_lease_has_its_members_again_and_no_name_has_two_holders()
{
    let engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[0].member("room", "sara").await;
    let mut witness = nodes[1].member("room", "witness").await;
    witness.mark("all are here").await;
    nodes[0].signal(Signal::STOP);
    sleep(Duration::from_secs(14)).await;
    // Meanwhile somebody may have what a node that has ended leaves behind, after the time for which it is kept.
    let mut thief = nodes[1].v1("room", "ali").await;
    thief.send_json(json!({ "type": "join" })).await;
    let answer = thief.next().await;
    nodes[0].signal(Signal::CONT);
    let taken = answer["type"] == "welcome";
    sara.until_said("all are here").await;
    witness.said("w", "still one room").await;
    sara.until_said("still one room").await;
    if taken {
        ali.closed().await;
    } else {
        ali.mark("ali is still here").await;
    }
    let latest = nodes[1].member("room", "latest").await;
    let mut here = members(latest.welcome());
    here.sort_unstable();
    assert_eq!(here, ["ali", "latest", "sara", "witness"]);
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn a_flush_begins_another_epoch_on_all_nodes_and_nobody_is_sent_away() {
    let engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    ali.mark("before").await;
    sara.until_said("before").await;
    let epoch = ali.position().split(':').next().map(str::to_owned);
    engine.flush().await;
    say_again(&mut ali, "after").await;
    let seen = read_until(&mut sara, "after").await;
    assert!(seen.iter().any(|message| message["type"] == "gap"), "{seen:?}");
    say_again(&mut sara, "from sara").await;
    read_until(&mut ali, "from sara").await;
    assert_ne!(ali.position().split(':').next().map(str::to_owned), epoch);
    let _latest = nodes[1].member("room", "latest").await;
    all_are_in(&nodes[1], &["ali", "latest", "sara"]).await;
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn a_flush_is_found_in_a_room_where_nothing_is_said() {
    let engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    ali.mark("before").await;
    sara.until_said("before").await;
    engine.flush().await;
    for member in [&mut ali, &mut sara] {
        assert_eq!(member.next_of("gap").await["missed"], 0);
    }
    let _latest = nodes[1].member("room", "latest").await;
    all_are_in(&nodes[1], &["ali", "latest", "sara"]).await;
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn while_the_engine_is_away_it_is_said_and_when_it_is_back_all_goes_on() {
    let mut engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    ali.mark("before").await;
    sara.until_said("before").await;
    assert_eq!(nodes[0].get("/readyz").await.status, 200);
    engine.kill().await;
    ali.say("lost", "is this lost?").await;
    let error = ali.next_of("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!("lost"), &json!("unavailable")));
    let ready = nodes[0].get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("engine"), "{}", ready.body);
    // What is known can still be read.
    let known = nodes[0].get("/api/rooms/room/events?wait=0").await;
    assert!([200, 503].contains(&known.status), "{}", known.body);
    engine.restart().await;
    say_again(&mut ali, "found").await;
    read_until(&mut sara, "found").await;
    assert_eq!(nodes[0].get("/readyz").await.status, 200);
}

impl V1Client {
    /// What is told of what was said under this id; the rest is passed over.
    pub async fn answer_to(&mut self, id: &str) -> Value {
        self.until(|told| told["id"] == id && (told["type"] == "ack" || told["type"] == "error"))
            .await
    }

    pub async fn until(&mut self, what: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await;
            if what(&message) {
                return message;
            }
        }
    }
}
