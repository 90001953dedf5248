//! What goes wrong with nodes and engines while a crowd talks on three nodes. A checker compares what each member has heard, and
//! looks for all that was acknowledged. TEST_SEED makes it another schedule.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::Signal;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::connection::{Connection, Node};
use super::engine::{Engine, node};
use super::wanderer::{Log, Wanderer};
use super::wire::Wire;
use crate::common::{Random, TestServer, Transport};

/// All of a schedule is in the log.
pub const LONG: [&str; 2] = ["--history", "100000"];

/// Members who talk.
const CROWD: usize = 12;

/// By what, one after the other.
const TRANSPORTS: [Transport; 3] = [Transport::WsH1, Transport::LongPollingH1, Transport::SseH1];

/// People who talk on the nodes.
pub struct Crowd {
    enough: watch::Sender<bool>,
    members: Vec<JoinHandle<(Wanderer, Connection)>>,
}

impl Crowd {
    /// On these nodes.
    pub async fn start(nodes: &[TestServer], seed: u64) -> Crowd {
        let nodes = Node::all(nodes).await;
        let (enough, seen) = watch::channel(false);
        let mut random = Random::new(seed);
        let members = (0..CROWD).map(|number| {
            let transport = TRANSPORTS[number % TRANSPORTS.len()];
            let name = format!("m{number}");
            let wanderer = Wanderer::new(&name, transport, random.draw(), &nodes);
            let enough = seen.clone();
            tokio::spawn(async move {
                let (mut wanderer, mut connection) = wanderer.wander(enough).await;
                wanderer.stay(&mut connection, Duration::from_secs(8)).await;
                (wanderer, connection)
            })
        });
        let members = members.collect();
        Crowd { enough, members }
    }

    /// Has them stop, and looks at what they have heard and at what the nodes have.
    pub async fn check(self, nodes: &[TestServer]) {
        self.enough.send_replace(true);
        let mut members = Vec::new();
        for member in self.members {
            members.push(member.await.expect("what it asserts holds"));
        }
        let staying = members.iter_mut().map(|(wanderer, connection)| {
            // Longer than all that is waited for meanwhile.
            wanderer.stay(connection, Duration::from_secs(120))
        });
        let logs = tokio::select! {
            _ = join_all(staying) => panic!("this takes too long"),
            logs = logs(nodes) => logs,
        };
        assert_eq!(logs[0], logs[1]);
        assert_eq!(logs[0], logs[2]);
        let members: Vec<Wanderer> = members.into_iter().map(|(wanderer, _)| wanderer).collect();
        check_heard(&members, &logs[0]);
        check_said(&members, &logs[0]);
    }
}

/// Each node's log of the room in its present life, when they say that all are there.
async fn logs(nodes: &[TestServer]) -> Vec<Log> {
    let begin = Instant::now();
    let names: Vec<String> = (0..CROWD).map(|number| format!("m{number}")).collect();
    for node in nodes {
        loop {
            let mut present = present(node).await;
            present.sort_by_key(|name| name[1..].parse::<usize>().expect("a number"));
            if present == names {
                break;
            }
            let late = begin.elapsed() > Duration::from_secs(30);
            assert!(!late, "presence is right within 30 s: {present:?}");
            sleep(Duration::from_millis(200)).await;
        }
    }
    let mut logs = Vec::new();
    for node in nodes {
        logs.push(log(node).await);
    }
    logs
}

async fn present(node: &TestServer) -> Vec<String> {
    let members = node.get("/api/rooms/room/members").await.json();
    let members = members["users"].as_array().expect("a list");
    members.iter().map(|member| member["client_id"].as_str().expect("a name").to_owned()).collect()
}

async fn log(node: &TestServer) -> Log {
    let here = node.get("/api/rooms/room/events").await.json();
    let (epoch, head) =
        here["position"].as_str().and_then(|text| text.split_once(':')).expect("a position");
    let (mut log, head) = (Log::new(), head.parse::<u64>().expect("an offset"));
    let mut after = 0;
    while after < head {
        let read = node.get(&format!("/api/rooms/room/events?after={epoch}:{after}")).await.json();
        assert_ne!(read["recovered"], false, "all of it is kept");
        for event in read["events"].as_array().expect("events") {
            after += 1;
            log.insert((epoch.to_owned(), after), event.clone());
        }
    }
    log
}

/// Each place has the same event for all, and the last message has come to everybody.
fn check_heard(members: &[Wanderer], log: &Log) {
    let mut all = log.clone();
    for wanderer in members {
        for (place, event) in &wanderer.heard {
            let other = all.entry(place.clone()).or_insert_with(|| event.clone());
            assert_eq!(other, event, "the same for all at {place:?}");
        }
    }
    let (last, _) =
        log.iter().rfind(|(_, event)| event["type"] == "message").expect("something was said");
    for wanderer in members {
        assert!(wanderer.heard.contains_key(last), "{} has not heard {last:?}", wanderer.name);
    }
    println!("{} events heard", all.len());
}

/// What was acknowledged stands in the log once.
fn check_said(members: &[Wanderer], log: &Log) {
    let mut count: HashMap<(&str, &str), usize> = HashMap::new();
    for event in log.values() {
        if let (Some(member), Some(id)) = (event["member"].as_str(), event["id"].as_str()) {
            *count.entry((member, id)).or_default() += 1;
        }
    }
    for wanderer in members {
        let Wanderer { name, member, acknowledged, .. } = wanderer;
        for id in acknowledged {
            let times = count.get(&(member.as_str(), id.as_str()));
            assert_eq!(times, Some(&1), "{name} {id} stands once");
        }
        println!("{name} said {}", acknowledged.len());
        assert!(acknowledged.len() > 10, "{name} talks");
    }
}

/// Of the schedule; it is printed.
pub fn seed() -> u64 {
    let seed = std::env::var("TEST_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    println!("TEST_SEED={seed}");
    seed
}

#[tokio::test]
#[ignore = "needs an engine: ./test redis, ./test nats"]
async fn nodes_and_ways_that_fail_lose_nothing_and_tell_nothing_twice() {
    let seed = seed();
    let mut random = Random::new(seed);
    let engine = Engine::start().await;
    let mut nodes = Vec::new();
    let mut wires = Vec::new();
    for _ in 0..3 {
        let wire = Wire::to(engine.address()).await;
        nodes.push(node(&engine.url_over(wire.address), &LONG).await);
        wires.push(wire);
    }
    let crowd = Crowd::start(&nodes, random.draw()).await;
    sleep(Duration::from_secs(2)).await;
    let mut faults: Vec<usize> = (0..7).collect();
    while !faults.is_empty() {
        let fault = faults.swap_remove(random.below(faults.len() as u64) as usize);
        let which = random.below(3) as usize;
        println!("fault {fault} at node {which}");
        match fault {
            0 => {
                nodes[which].kill().await;
                sleep(Duration::from_secs(1)).await;
                nodes[which].restart().await;
            }
            // Beyond its lease.
            1 => {
                nodes[which].signal(Signal::STOP);
                sleep(Duration::from_secs(12)).await;
                nodes[which].signal(Signal::CONT);
            }
            2 | 3 => {
                wires[which].cut(true);
                sleep(Duration::from_secs(if fault == 2 { 1 } else { 10 })).await;
                wires[which].cut(false);
            }
            4 => {
                wires.iter().for_each(Wire::hang_up);
            }
            5 => {
                engine.signal(Signal::STOP);
                sleep(Duration::from_secs(3)).await;
                engine.signal(Signal::CONT);
            }
            _ => {
                for node in &mut nodes {
                    node.terminate();
                    node.wait().await;
                    node.restart().await;
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
        sleep(Duration::from_secs(2)).await;
    }
    crowd.check(&nodes).await;
}
