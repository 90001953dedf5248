//! An engine that is there and refuses to write: its memory is full, it cannot save to its disk, or the replicas that it needs are
//! not there. Reading goes on, who speaks is told so, and nothing is done again and again meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::failover::{epoch, log};
use super::servers::{Engine, Watched, node, rdb};
use crate::common::{Random, TestServer, V1Client, within};
use crate::engines::faults::{Crowd, LONG, seed};
use crate::engines::{members, say_again};

/// Why it refuses.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    /// `OOM`: what it may hold is held.
    Memory,
    /// `MISCONF`: the last try to save has failed.
    Disk,
    /// `NOREPLICAS`: too few have what it has.
    Replicas,
}

impl Refusal {
    async fn begin(self, engine: &Engine) {
        match self {
            Refusal::Memory => set(engine, "maxmemory 1").await,
            Refusal::Replicas => set(engine, "min-replicas-to-write 1").await,
            Refusal::Disk => {
                // A file cannot take the place of a folder, whoever owns it.
                let file = rdb(engine.address);
                let _ = std::fs::remove_file(&file);
                std::fs::create_dir_all(&file).expect("it is ours");
                set(engine, "save \"3600 1\"").await;
                save(engine, "rdb_last_bgsave_status:err").await;
            }
        }
    }

    async fn end(self, engine: &Engine) {
        match self {
            Refusal::Memory => set(engine, "maxmemory 0").await,
            Refusal::Replicas => set(engine, "min-replicas-to-write 0").await,
            Refusal::Disk => {
                std::fs::remove_dir(rdb(engine.address)).expect("it is ours");
                save(engine, "rdb_last_bgsave_status:ok").await;
            }
        }
    }
}

/// Has it go on with another setting.
pub async fn set(engine: &Engine, what: &str) {
    let answer = engine.tell(&format!("CONFIG SET {what}")).await.expect("it runs");
    assert!(answer.starts_with("+OK"), "{what}: {answer}");
}

/// Has it save until it says this of that.
async fn save(engine: &Engine, what: &str) {
    let saved = async {
        while !engine.tell("INFO persistence").await.expect("it runs").contains(what) {
            let _ = engine.tell("BGSAVE").await.expect("it runs");
            sleep(Duration::from_millis(50)).await;
        }
    };
    within(what, saved).await;
}

/// Scripts that were run so far.
async fn scripts(engine: &Engine) -> u64 {
    let stats = engine.tell("INFO commandstats").await.expect("it runs");
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok()).expect("some were run")
}

/// What a node has warned of.
fn warnings(node: &TestServer) -> Vec<String> {
    let log = node.log();
    log.lines()
        .filter(|line| line.contains("WARN") || line.contains("ERROR"))
        .map(Into::into)
        .collect()
}

/// Waits until `/readyz` says this.
async fn says(node: &TestServer, words: &str) {
    let said = async {
        while !node.get("/readyz").await.body.contains(words) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    within(words, said).await;
    let status = if words == "ready" { 200 } else { 503 };
    assert_eq!(node.get("/readyz").await.status, status);
}

/// Says something that is not taken.
pub async fn is_refused(member: &mut V1Client, id: &str) {
    member.say(id, id).await;
    let error = member.next_of("error").await;
    let told = (&error["id"], &error["code"], &error["temporary"]);
    assert_eq!(told, (&json!(id), &json!("unavailable"), &json!(true)));
}

/// What was said, as a node has it.
pub async fn contents(node: &TestServer) -> Vec<Value> {
    let read = node.get("/api/rooms/room/events?wait=0").await;
    assert_eq!(read.status, 200, "{}", read.body);
    let known = read.json()["position"].as_str().expect("a position").to_owned();
    let (epoch, _) = known.split_once(':').expect("a position");
    let read = node.get(&format!("/api/rooms/room/events?after={epoch}:0")).await.json();
    let events = read["events"].as_array().expect("events");
    let said = events.iter().filter(|event| event["type"] == "message");
    said.map(|event| event["content"].clone()).collect()
}

/// All that is promised of an engine that refuses to write, and then does not any more.
async fn all_goes_on_after(refusal: Refusal) {
    let engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    let reza = nodes[0].member("room", "reza").await;
    ali.mark("before").await;
    sara.until_said("before").await;
    let life = epoch(&ali);

    refusal.begin(&engine).await;
    for n in 0..50 {
        is_refused(&mut ali, &format!("refused {n}")).await;
        is_refused(&mut sara, &format!("refused {n}")).await;
    }
    assert_eq!(nodes[0].metric("hamhame_engine_resends_total").await, 0.0, "told at once");
    says(&nodes[0], "refuses").await;
    let mut newcomer = nodes[1].v1("room", "newcomer").await;
    newcomer.send_json(json!({ "type": "join" })).await;
    let error = newcomer.next_of("error").await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("unavailable"), &json!(true)));
    // What is there can be read, also on a node that comes now.
    let third = engine.node().await;
    says(&third, "refuses").await;
    for node in [&nodes[0], &nodes[1], &third] {
        assert_eq!(contents(node).await, ["before"]);
    }
    let unknown = third.get("/api/rooms/other/events?wait=0").await;
    assert_eq!(unknown.status, 503, "no room is made: {}", unknown.body);
    reza.into_client().close(1000).await;
    // Nobody asks for anything, and nothing is asked again and again.
    let before = scripts(&engine).await;
    sleep(Duration::from_secs(4)).await;
    let count = scripts(&engine).await - before;
    assert!(count < 40, "{count} scripts");
    for node in [&nodes[0], &nodes[1], &third] {
        let warnings = warnings(node);
        assert!(warnings.len() < 4, "{warnings:#?}");
    }

    refusal.end(&engine).await;
    say_again(&mut ali, "after").await;
    // What could not be written then is written now: one message, and that somebody has left.
    let (mut left, mut heard) = (Vec::new(), 0);
    while left.is_empty() || heard == 0 {
        let event = sara.next_event().await;
        heard += u64::from(event["content"] == "after");
        left.extend((event["event"] == "leave").then(|| event["name"].clone()));
    }
    for event in sara.mark("end").await {
        left.extend((event["event"] == "leave").then(|| event["name"].clone()));
    }
    assert_eq!(left, ["reza"]);
    for node in [&nodes[0], &nodes[1], &third] {
        says(node, "ready").await;
        let log = log(node, &life).await;
        assert_eq!(log.get("after"), Some(&1));
    }
    let latest = third.member("room", "latest").await;
    assert_eq!(members(latest.welcome()), ["ali", "sara", "latest"]);
    assert_eq!((epoch(&ali), epoch(&latest)), (life.clone(), life));
    assert!(ali.gaps().is_empty() && sara.gaps().is_empty());
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn an_engine_whose_memory_is_full_says_so_and_when_there_is_room_all_goes_on() {
    all_goes_on_after(Refusal::Memory).await;
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn an_engine_that_cannot_save_says_so_and_when_it_can_all_goes_on() {
    all_goes_on_after(Refusal::Disk).await;
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn an_engine_without_its_replicas_says_so_and_when_they_are_there_all_goes_on() {
    all_goes_on_after(Refusal::Replicas).await;
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn a_crowd_that_talks_while_the_engine_is_full_at_times_loses_nothing() {
    let seed = seed();
    let mut random = Random::new(seed);
    let engine = Engine::start().await;
    let url = engine.url();
    let nodes = [node(&url, &LONG).await, node(&url, &LONG).await, node(&url, &LONG).await];
    let crowd = Crowd::start(&nodes, seed).await;
    for _ in 0..2 {
        for refusal in [Refusal::Memory, Refusal::Disk, Refusal::Replicas] {
            sleep(Duration::from_secs(1)).await;
            refusal.begin(&engine).await;
            sleep(random.shorter_than(Duration::from_secs(4))).await;
            refusal.end(&engine).await;
        }
    }
    sleep(Duration::from_secs(1)).await;
    crowd.check(&nodes).await;
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn the_members_of_a_node_that_ends_while_the_engine_is_full_leave_once_there_is_room() {
    let engine = Engine::start().await;
    let mut nodes = [engine.node().await, engine.node().await];
    let _ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    sara.mark("both are here").await;
    Refusal::Memory.begin(&engine).await;
    nodes[0].kill().await;
    nodes[1].logs("a node has ended").await;
    // It has tried by then, and is refused.
    is_refused(&mut sara, "refused").await;
    Refusal::Memory.end(&engine).await;
    let left = sara.until(|event| event["event"] == "leave").await;
    assert_eq!(left["name"], "ali");
    let third = engine.node().await;
    let latest = third.member("room", "latest").await;
    assert_eq!(members(latest.welcome()), ["sara", "latest"]);
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn no_node_is_taken_for_ended_as_its_lease_could_not_be_renewed() {
    let engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    Refusal::Replicas.begin(&engine).await;
    nodes[2].logs("the engine refuses to write").await;
    // Longer than a lease.
    sleep(Duration::from_secs(11)).await;
    Refusal::Replicas.end(&engine).await;
    for node in &nodes {
        says(node, "ready").await;
    }
    // One who comes now looks who is there, too.
    let _latest = nodes[2].member("room", "latest").await;
    // Each node has looked at the leases of the others.
    sleep(Duration::from_secs(4)).await;
    ali.mark("still here").await;
    sara.until_said("still here").await;
    for node in &nodes {
        assert!(!node.log().contains("a node has ended"), "{}", node.log());
    }
    let key = engine.tell("KEYS *:log").await.expect("it runs");
    let key = key.lines().nth(2).expect("there is a room");
    let entries = engine.tell(&format!("XLEN {key}")).await.expect("it runs");
    assert_eq!(entries.trim(), ":4", "three have come, one has spoken, and no seat was lost");
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn a_replica_that_takes_over_and_is_full_gets_back_what_it_lacks_when_there_is_room() {
    let mut engine = Watched::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    ali.said("before", "before").await;
    for replica in &engine.servers[1..] {
        set(replica, "maxmemory 1").await;
    }
    sleep(Duration::from_millis(200)).await;
    engine.stop_replicas().await;
    for id in ["one", "two", "three"] {
        ali.said(id, id).await;
    }
    sara.until_said("three").await;
    let life = epoch(&ali);
    engine.fail_over().await;
    // Until both have seen it.
    for node in &nodes {
        says(node, "refuses").await;
    }
    is_refused(&mut ali, "refused").await;
    sleep(Duration::from_secs(4)).await;
    for node in &nodes {
        let warnings = warnings(node);
        assert!(warnings.len() < 8, "{warnings:#?}");
    }
    for replica in &engine.servers[1..] {
        set(replica, "maxmemory 0").await;
    }
    say_again(&mut ali, "after").await;
    sara.until_said("after").await;
    assert_eq!(epoch(&ali), life);
    let third = engine.node().await;
    let log = log(&third, &life).await;
    for id in ["before", "one", "two", "three", "after"] {
        assert_eq!(log.get(id), Some(&1), "{id}");
    }
}
