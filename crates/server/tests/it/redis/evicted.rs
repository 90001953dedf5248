//! A server that evicts keys when its memory is full: a room may lose any of its own, and goes on as if it had lost them all.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::failover::epoch;
use super::full::{contents, is_refused, set};
use super::servers::Engine;
use crate::common::{TestServer, V1Client, within};
use crate::engines::{read_until, say_again};

/// Waits until everybody is in one room again, with nothing lost but the log.
async fn all_are_in_another_epoch(nodes: &[TestServer], all: &mut [V1Client; 2], what: &str) {
    let [ali, sara] = all;
    say_again(ali, &format!("{what} one")).await;
    read_until(sara, &format!("{what} one")).await;
    say_again(sara, &format!("{what} two")).await;
    read_until(ali, &format!("{what} two")).await;
    assert_eq!(epoch(ali), epoch(sara));
    for node in nodes {
        let here = async {
            loop {
                let members = node.get("/api/rooms/room/members").await.json();
                let users = members["users"].as_array().expect("a list");
                let mut names: Vec<_> =
                    users.iter().map(|user| user["client_id"].clone()).collect();
                names.sort_by_key(Value::to_string);
                if names == ["ali", "sara"] {
                    return;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        within(&format!("all to be in, after {what}"), here).await;
    }
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn whatever_of_a_room_is_evicted_it_goes_on_in_another_epoch_with_all_its_members() {
    let engine = Engine::start().await;
    let nodes = [engine.node().await, engine.node().await];
    let ali = nodes[0].member("room", "ali").await;
    let sara = nodes[1].member("room", "sara").await;
    let mut all = [ali, sara];
    all_are_in_another_epoch(&nodes, &mut all, "nothing").await;
    for part in ["head", "log", "seats"] {
        let life = epoch(&all[0]);
        let keys = engine.tell(&format!("KEYS *:{part}")).await.expect("it runs");
        let key = keys.lines().nth(2).expect("there is a room").to_owned();
        assert_eq!(engine.tell(&format!("DEL {key}")).await.expect("it runs").trim(), ":1");
        // One who opens the room now gets no half of it.
        let third = engine.node().await;
        let _ = contents(&third).await;
        all_are_in_another_epoch(&nodes, &mut all, part).await;
        all_are_in_another_epoch(&[third], &mut all, &format!("{part} again")).await;
        assert_ne!(epoch(&all[0]), life, "{part}");
    }
    // All of it, as the server does it.
    set(&engine, "maxmemory-policy allkeys-lru").await;
    let life = epoch(&all[0]);
    set(&engine, "maxmemory 1").await;
    is_refused(&mut all[0], "refused").await;
    set(&engine, "maxmemory 0").await;
    all_are_in_another_epoch(&nodes, &mut all, "all").await;
    assert_ne!(epoch(&all[0]), life);
}
