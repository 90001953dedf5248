//! What the server keeps, and what it loses: an entry is a promise as long as a node has seen it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::time::sleep;

use super::servers::{Server, says};
use crate::common::{V1Client, within};
use crate::engines::wire::Wire;
use crate::engines::{members, read_until, say_again};
use crate::redis::servers::node;

/// One folder becomes what another is.
fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let done = Command::new("cp").arg("-a").args([from, to]).status().expect("cp is there");
    assert!(done.success(), "{} is copied", from.display());
}

fn epoch(member: &V1Client) -> String {
    member.position().split(':').next().expect("a position").to_owned()
}

/// All of the log, as one who comes for it.
async fn log(reader: &mut V1Client, epoch: &str, end: &str) -> Vec<String> {
    reader.join_as(json!({ "type": "join", "after": format!("{epoch}:0") })).await;
    let heard = reader.until_said(end).await;
    heard.iter().filter_map(|event| event["content"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn what_a_restart_takes_from_the_server_is_given_back_and_nobody_sees_anything() {
    let mut server = Server::start().await;
    let nodes = [server.node().await, server.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    ali.mark("before").await;
    sara.until_said("before").await;
    let before = epoch(&ali);
    // The disk was not synced since then.
    server.kill().await;
    let disk = server.folder().with_extension("old");
    copy(server.folder(), &disk);
    server.start_again().await;
    for n in 0..5 {
        say_again(&mut ali, &format!("only the nodes have this {n}")).await;
    }
    let heard = read_until(&mut sara, "only the nodes have this 4").await;
    server.kill().await;
    copy(&disk, server.folder());
    let _ = std::fs::remove_dir_all(&disk);
    server.start_again().await;
    say_again(&mut sara, "after").await;
    let since = read_until(&mut ali, "after").await;
    let is_gap = |message: &serde_json::Value| message["type"] == "gap";
    assert!(!heard.iter().chain(&since).any(is_gap), "{heard:?} {since:?}");
    assert_eq!(epoch(&ali), before);
    // A node that was not there has it from the server.
    let late = server.node().await;
    let all = log(&mut late.v1("room", "latest").await, &before, "after").await;
    let given: Vec<_> = all.iter().filter(|content| content.starts_with("only")).collect();
    assert_eq!(given, [0, 1, 2, 3, 4].map(|n| format!("only the nodes have this {n}")).each_ref());
}

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn what_was_said_in_place_of_what_the_server_lost_begins_another_epoch_with_both() {
    let mut server = Server::start().await;
    let wire = Wire::to(server.address).await;
    let nodes = [server.node().await, node(&format!("nats://{}", wire.address), &[]).await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    ali.mark("before").await;
    sara.until_said("before").await;
    let before = epoch(&ali);
    server.kill().await;
    let disk = server.folder().with_extension("old");
    copy(server.folder(), &disk);
    server.start_again().await;
    wire.cut(true);
    say_again(&mut ali, "only one node has this").await;
    nodes[0].signal(Signal::STOP);
    server.kill().await;
    copy(&disk, server.folder());
    let _ = std::fs::remove_dir_all(&disk);
    server.start_again().await;
    // What is on its way to the other node never comes.
    wire.hang_up();
    wire.cut(false);
    say_again(&mut sara, "in its place").await;
    nodes[0].signal(Signal::CONT);
    let late = server.node().await;
    let _latest = late.member("room", "latest").await;
    say_again(&mut ali, "ali goes on").await;
    read_until(&mut sara, "ali goes on").await;
    sleep(Duration::from_secs(1)).await;
    say_again(&mut ali, "end").await;
    read_until(&mut sara, "end").await;
    assert_ne!(epoch(&sara), before);
    let mut reader = nodes[1].v1("room", "reader").await;
    let all = log(&mut reader, &epoch(&sara), "end").await;
    for content in ["before", "only one node has this", "in its place", "ali goes on"] {
        assert_eq!(all.iter().filter(|other| *other == content).count(), 1, "{content} in {all:?}");
    }
}

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn who_is_in_is_known_when_the_messages_by_which_they_came_are_gone() {
    let server = Server::start().await;
    let url = server.url();
    let short = ["--history", "50"];
    let nodes = [node(&url, &short).await, node(&url, &short).await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut others = Vec::new();
    for n in 0..20 {
        others.push(nodes[n % 2].member("room", &format!("m{n}")).await);
    }
    others.pop().expect("the last").into_client().close(1000).await;
    let mut lost = nodes[1].member("room", "lost").await;
    lost.mark("all are here").await;
    ali.until_said("all are here").await;
    // One after the other: each is a message of its own, and the server keeps some 1,000.
    for n in 0..1500 {
        let text = n.to_string();
        ali.said(&text, &text).await;
    }
    let late = node(&url, &short).await;
    let latest = late.member("room", "latest").await;
    let mut here = members(latest.welcome());
    here.sort_unstable();
    let mut all: Vec<String> = (0..19).map(|n| format!("m{n}")).collect();
    all.extend(["ali", "latest", "lost"].map(str::to_owned));
    all.sort_unstable();
    assert_eq!(here, all);
}

/// Has the server hold as much as it may, until [`empty`] is asked for.
async fn fill(server: &Server) {
    let config = r#"{"name":"junk","subjects":["junk"],"storage":"file"}"#;
    let made = format!("PUB $JS.API.STREAM.CREATE.junk _R {}\r\n{config}\r\n", config.len());
    server.tell(&format!("SUB _R 1\r\n{made}"), 1).await;
    for size in [100_000, 1_000, 10] {
        let junk = "x".repeat(size);
        let one = format!("SUB _R 1\r\nPUB junk _R {size}\r\n{junk}\r\n");
        while !server.tell(&one, 1).await.contains("insufficient resources") {}
    }
}

async fn empty(server: &Server) {
    let answer = server.tell("SUB _R 1\r\nPUB $JS.API.STREAM.DELETE.junk _R 0\r\n\r\n", 1).await;
    assert!(answer.contains("true"), "{answer}");
}

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn a_server_that_is_full_refuses_and_all_goes_on_after() {
    let small =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("small-{}", std::process::id()));
    std::fs::write(&small, "jetstream { max_file_store: 2MB }").expect("it is ours");
    let server = Server::with(&["-c", small.to_str().expect("a plain path")]).await;
    let nodes = [server.node().await, server.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    ali.mark("before").await;
    sara.until_said("before").await;
    let before = epoch(&ali);
    fill(&server).await;
    for n in 0..20 {
        ali.say(&n.to_string(), "refused").await;
        let error = ali.next_of("error").await;
        assert_eq!((&error["code"], &error["temporary"]), (&json!("unavailable"), &json!(true)));
    }
    assert_eq!(nodes[0].metric("hamhame_engine_resends_total").await, 0.0, "told at once");
    says(&nodes[0], "refuses").await;
    let read = nodes[1].get("/api/rooms/room/events?wait=0").await;
    assert_eq!(read.status, 200, "what is known can be read: {}", read.body);
    empty(&server).await;
    says(&nodes[0], "ready").await;
    say_again(&mut ali, "after").await;
    read_until(&mut sara, "after").await;
    assert_eq!(epoch(&sara), before);
    let warnings = nodes[0].log().lines().filter(|line| line.contains("WARN")).count();
    assert!(warnings < 5, "{}", nodes[0].log());
    let _ = std::fs::remove_file(small);
}

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn a_server_that_cannot_write_any_more_is_told_of_and_goes_on_when_it_is_started_again() {
    let mut server = Server::start().await;
    let nodes = [server.node().await, server.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let mut sara = nodes[1].member("room", "sara").await;
    ali.mark("before").await;
    sara.until_said("before").await;
    // As on a disk that is full: from now on the server does not answer to what it cannot write.
    server.limit_files(50_000);
    let long = "x".repeat(4_000);
    let mut refused = 0;
    for n in 0..60 {
        ali.say(&n.to_string(), &long).await;
        let answer = ali.answer_to(&n.to_string()).await;
        if answer["type"] == "error" {
            assert_eq!(answer["temporary"], true, "{answer}");
            refused += 1;
        }
        if refused == 20 {
            break;
        }
    }
    assert_eq!(refused, 20);
    says(&nodes[0], "refuses").await;
    server.restart().await;
    says(&nodes[0], "ready").await;
    say_again(&mut ali, "after").await;
    read_until(&mut sara, "after").await;
    let mut reader = nodes[1].v1("room", "reader").await;
    let all = log(&mut reader, &epoch(&sara), "after").await;
    assert_eq!(all.iter().filter(|content| *content == "before").count(), 1);
}

/// Streams as an operator might make them, in which a message is kept for so long.
async fn make_streams(server: &Server, seconds: u64) {
    for digit in "0123456789abcdef".chars() {
        let config = json!({
            "name": format!("hamhame-rooms-{digit}"),
            "subjects": [format!("hamhame.log.{digit}.*"), format!("hamhame.seats.{digit}.*")],
            "storage": "file",
            "max_age": seconds * 1_000_000_000,
            "max_msgs_per_subject": 5_000,
            "allow_direct": true,
            "republish": {
                "src": format!("hamhame.log.{digit}.*"),
                "dest": format!("hamhame.told.{digit}.{{{{wildcard(1)}}}}"),
            },
        });
        let config = config.to_string();
        let create = format!("$JS.API.STREAM.CREATE.hamhame-rooms-{digit}");
        let made = format!("SUB _R 1\r\nPUB {create} _R {}\r\n{config}\r\n", config.len());
        let answer = server.tell(&made, 1).await;
        assert!(!answer.contains("\"error\""), "{answer}");
    }
}

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn a_room_outlives_its_messages_as_long_as_somebody_is_in() {
    let server = Server::start().await;
    make_streams(&server, 8).await;
    let nodes = [server.node().await, server.node().await];
    let mut ali = nodes[0].member("room", "ali").await;
    let _sara = nodes[1].member("room", "sara").await;
    let mut reza = nodes[1].member("quiet", "reza").await;
    ali.mark("before").await;
    let life = epoch(&ali);
    // Twice as long as any of these messages is kept. In one of the rooms somebody speaks now and then.
    for n in 0..8 {
        sleep(Duration::from_secs(2)).await;
        say_again(&mut ali, &n.to_string()).await;
    }
    let late = server.node().await;
    let latest = late.member("room", "latest").await;
    assert_eq!(epoch(&latest), life);
    let mut here = members(latest.welcome());
    here.sort_unstable();
    assert_eq!(here, ["ali", "latest", "sara"]);
    let latest = late.member("quiet", "latest").await;
    assert_eq!(members(latest.welcome()), ["reza", "latest"]);
    reza.until(|event| event["name"] == "latest").await;
}

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn a_stream_that_cannot_serve_is_named() {
    let server = Server::start().await;
    let config = r#"{"name":"hamhame-rooms-7","subjects":["hamhame.log.7.*"],"storage":"file"}"#;
    let create = "$JS.API.STREAM.CREATE.hamhame-rooms-7";
    let made = format!("SUB _R 1\r\nPUB {create} _R {}\r\n{config}\r\n", config.len());
    server.tell(&made, 1).await;
    let node = server.node().await;
    within("the reason", async {
        while !node.log().contains("hamhame-rooms-7 is there, with another republish") {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(node.get("/readyz").await.status, 503);
}
