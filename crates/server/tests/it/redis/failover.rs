//! A replica takes over from the primary, and has not everything: what is acknowledged is in the log all the same.

use std::collections::HashMap;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::servers::{Watched, node};
use crate::common::{TestServer, V1Client};
use crate::engines::faults::{Crowd, LONG, seed};
use crate::engines::{members, read_until, say_again};

/// What stands in the log, by the ids of the messages, each with how often.
pub async fn log(node: &TestServer, epoch: &str) -> HashMap<String, usize> {
    let read = node.get(&format!("/api/rooms/room/events?after={epoch}:0&limit=1000")).await;
    let mut log = HashMap::new();
    for event in read.json()["events"].as_array().expect("events") {
        if let Some(id) = event["id"].as_str() {
            *log.entry(id.to_owned()).or_default() += 1;
        }
    }
    log
}

pub fn epoch(member: &V1Client) -> String {
    member.position().split(':').next().expect("an epoch").to_owned()
}

/// Says one message that the replicas have, and three that they have not; gives the epoch.
async fn say_what_only_the_primary_has(engine: &Watched, member: &mut V1Client) -> String {
    member.said("before", "before").await;
    sleep(Duration::from_millis(200)).await;
    engine.stop_replicas().await;
    for id in ["one", "two", "three"] {
        member.said(id, id).await;
    }
    epoch(member)
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn what_only_the_old_primary_had_is_given_back_and_nobody_sees_anything() {
    let mut engine = Watched::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    let life = say_what_only_the_primary_has(&engine, &mut ali).await;
    let mut reza = nodes[0].member("room", "reza").await;
    sara.until_said("three").await;
    engine.fail_over().await;
    say_again(&mut ali, "after").await;
    // No gap: nothing of it is seen.
    sara.until_said("after").await;
    reza.until_said("after").await;
    assert_eq!(epoch(&ali), life);
    let third = engine.node().await;
    let log = log(&third, &life).await;
    for id in ["before", "one", "two", "three", "after"] {
        assert_eq!(log.get(id), Some(&1), "{id}");
    }
    let latest = third.member("room", "latest").await;
    assert_eq!(members(latest.welcome()), ["ali", "sara", "reza", "latest"]);
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn what_was_said_in_place_of_what_a_failover_lost_begins_another_epoch_with_both() {
    let mut engine = Watched::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let life = say_what_only_the_primary_has(&engine, &mut ali).await;
    // The node that has seen them does not come in time.
    nodes[0].signal(Signal::STOP);
    engine.fail_over().await;
    let mut sara = nodes[1].v1("room", "sara").await;
    join_again(&nodes[1], &mut sara).await;
    say_again(&mut sara, "other").await;
    nodes[0].signal(Signal::CONT);
    let seen = read_until(&mut ali, "other").await;
    assert!(seen.iter().any(|message| message["type"] == "gap"), "{seen:?}");
    assert_ne!(epoch(&ali), life);
    read_until(&mut sara, "three").await;
    say_again(&mut ali, "after").await;
    read_until(&mut sara, "after").await;
    for node in &nodes {
        let log = log(node, &epoch(&ali)).await;
        for id in ["before", "one", "two", "three", "other", "after"] {
            assert_eq!(log.get(id), Some(&1), "{id}");
        }
    }
}

/// Joins as soon as the engine is there.
async fn join_again(node: &TestServer, member: &mut V1Client) {
    loop {
        member.send_json(json!({ "type": "join" })).await;
        let answer: Value = member.next().await;
        if answer["type"] == "welcome" {
            return;
        }
        assert_eq!(answer["code"], "unavailable", "{answer}");
        sleep(Duration::from_millis(200)).await;
        *member = node.v1("room", member.name()).await;
    }
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn a_failover_that_an_operator_asks_for_while_members_talk_loses_nothing() {
    let engine = Watched::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    let primary = engine.primary().await;
    let mut said = Vec::new();
    let mut moved = None;
    // Until some time after another server is the primary.
    for n in 0.. {
        for (member, name) in [(&mut ali, "a"), (&mut sara, "s")] {
            let id = format!("{name}{n}");
            say_again(member, &id).await;
            said.push(id);
        }
        if n == 20 {
            let answer = engine.tell_sentinel("SENTINEL FAILOVER chat").await;
            assert!(answer.starts_with("+OK"), "{answer}");
        }
        if moved.is_none() && engine.primary().await != primary {
            moved = Some(Instant::now());
        }
        if moved.is_some_and(|moved| moved.elapsed() > Duration::from_secs(3)) {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    for node in &nodes {
        let log = log(node, &epoch(&ali)).await;
        // The log is bounded; the time around the failover is in it.
        for id in said.iter().rev().take(900) {
            assert_eq!(log.get(id), Some(&1), "{id}");
        }
    }
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn a_primary_that_is_killed_while_a_crowd_talks_loses_nothing() {
    let seed = seed();
    let mut engine = Watched::start().await;
    let url = engine.url();
    let nodes = [node(&url, &LONG).await, node(&url, &LONG).await, node(&url, &LONG).await];
    let crowd = Crowd::start(&nodes, seed).await;
    sleep(Duration::from_secs(3)).await;
    engine.fail_over().await;
    sleep(Duration::from_secs(5)).await;
    crowd.check(&nodes).await;
}
