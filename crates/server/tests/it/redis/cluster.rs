//! A cluster of three primaries with a replica each.

use std::time::Duration;

use tokio::time::sleep;

use super::servers::{Engine, free_address, node};
use crate::common::within;
use crate::engines::faults::{Crowd, LONG, seed};
use crate::engines::say_again;

struct Cluster {
    /// The first three are the primaries, as long as nothing happens.
    servers: Vec<Engine>,
}

impl Cluster {
    async fn start() -> Cluster {
        let mut servers = Vec::new();
        for _ in 0..6 {
            let bus = free_address().port().to_string();
            let file = format!("cluster-{}-{bus}.conf", std::process::id());
            let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500"];
            let more = ["--cluster-port", &bus, "--cluster-config-file", &file];
            servers.push(Engine::with(&[&options[..], &more].concat()).await);
        }
        let cluster = Cluster { servers };
        cluster.form().await;
        cluster
    }

    async fn form(&self) {
        let mut ids = Vec::new();
        for server in &self.servers {
            ids.push(text_of(&server.tell("CLUSTER MYID").await.expect("it runs")));
        }
        let slots = ["0 5460", "5461 10922", "10923 16383"];
        for (server, slots) in self.servers.iter().zip(slots) {
            must(server, &format!("CLUSTER ADDSLOTSRANGE {slots}")).await;
        }
        let nodes = self.servers[0].tell("CLUSTER NODES").await.expect("it runs");
        assert!(nodes.contains("myself"), "{nodes}");
        for server in &self.servers[1..] {
            let bus = self.bus_of(server).await;
            must(
                &self.servers[0],
                &format!("CLUSTER MEET 127.0.0.1 {} {bus}", server.address.port()),
            )
            .await;
        }
        self.all_say("cluster_known_nodes:6").await;
        for (replica, primary) in self.servers[3..].iter().zip(&ids) {
            must(replica, &format!("CLUSTER REPLICATE {primary}")).await;
        }
        self.all_say("cluster_state:ok").await;
        let synchronised = async {
            for replica in &self.servers[3..] {
                while !replica
                    .tell("INFO replication")
                    .await
                    .expect("it runs")
                    .contains("master_link_status:up")
                {
                    sleep(Duration::from_millis(50)).await;
                }
            }
        };
        within("the replicas to have all", synchronised).await;
    }

    /// The port of the others' talk, as `CLUSTER NODES` has it: `ID HOST:PORT@BUS …`.
    async fn bus_of(&self, server: &Engine) -> String {
        let nodes = server.tell("CLUSTER NODES").await.expect("it runs");
        let at = nodes.split_once('@').expect("an address").1;
        at.split([' ', ',']).next().expect("a port").to_owned()
    }

    async fn all_say(&self, what: &str) {
        let saying = async {
            for server in &self.servers {
                while !server.tell("CLUSTER INFO").await.expect("it runs").contains(what) {
                    sleep(Duration::from_millis(50)).await;
                }
            }
        };
        within(what, saying).await;
    }

    /// The key of the only room's log, and the primary that has it.
    async fn home(&self) -> (usize, String) {
        for (index, server) in self.servers[..3].iter().enumerate() {
            let keys = server.tell("KEYS *:log").await.expect("it runs");
            if let Some(key) = keys.lines().find(|line| line.ends_with(":log")) {
                return (index, key.to_owned());
            }
        }
        panic!("there is a room");
    }

    /// Has another primary keep the room, while it is used.
    async fn move_room(&self) {
        let (from, key) = self.home().await;
        let (source, target) = (&self.servers[from], &self.servers[(from + 1) % 3]);
        let slot = source.tell(&format!("CLUSTER KEYSLOT {key}")).await.expect("it runs");
        let slot = slot.trim().trim_start_matches(':').to_owned();
        let source_id = text_of(&source.tell("CLUSTER MYID").await.expect("it runs"));
        let target_id = text_of(&target.tell("CLUSTER MYID").await.expect("it runs"));
        must(target, &format!("CLUSTER SETSLOT {slot} IMPORTING {source_id}")).await;
        must(source, &format!("CLUSTER SETSLOT {slot} MIGRATING {target_id}")).await;
        loop {
            let keys = source.tell(&format!("CLUSTER GETKEYSINSLOT {slot} 10")).await;
            let keys = keys.expect("it runs");
            let keys: Vec<&str> =
                keys.lines().filter(|line| !line.starts_with(['*', '$'])).collect();
            if keys.is_empty() {
                break;
            }
            let port = target.address.port();
            let all = keys.join(" ");
            must(source, &format!("MIGRATE 127.0.0.1 {port} \"\" 0 5000 KEYS {all}")).await;
        }
        for server in [target, source, &self.servers[(from + 2) % 3]] {
            must(server, &format!("CLUSTER SETSLOT {slot} NODE {target_id}")).await;
        }
    }

    fn url(&self) -> String {
        let addresses: Vec<_> =
            self.servers.iter().map(|server| server.address.to_string()).collect();
        format!("redis+cluster://{}", addresses.join(","))
    }
}

async fn must(server: &Engine, command: &str) {
    let answer = server.tell(command).await.expect("it runs");
    assert!(answer.starts_with("+OK") || answer.starts_with("+NOKEY"), "{command}: {answer}");
}

/// The second line of a bulk string.
fn text_of(answer: &str) -> String {
    answer.lines().nth(1).expect("a text").to_owned()
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn a_room_that_moves_and_whose_primary_is_killed_while_a_crowd_talks_loses_nothing() {
    let mut cluster = Cluster::start().await;
    let url = cluster.url();
    let nodes = [node(&url, &LONG).await, node(&url, &LONG).await, node(&url, &LONG).await];
    let crowd = Crowd::start(&nodes, seed()).await;
    sleep(Duration::from_secs(3)).await;
    cluster.move_room().await;
    sleep(Duration::from_secs(3)).await;
    let (home, _) = cluster.home().await;
    cluster.servers[home].kill().await;
    sleep(Duration::from_secs(8)).await;
    let role = cluster.servers[3 + home].tell("ROLE").await.expect("it runs");
    assert!(role.contains("master"), "its replica has taken over: {role}");
    crowd.check(&nodes).await;
}

#[tokio::test]
#[ignore = "needs a Redis server: ./test redis"]
async fn a_primary_that_is_full_refuses_what_is_said_in_its_rooms_and_in_no_others() {
    let cluster = Cluster::start().await;
    let node = node(&cluster.url(), &[]).await;
    let mut members = Vec::new();
    for n in 0..6 {
        members.push(node.member(&format!("room {n}"), "ali").await);
    }
    must(&cluster.servers[0], "CONFIG SET maxmemory 1").await;
    let mut refused = 0;
    for member in &mut members {
        member.say("one", "one").await;
        let answer = member.answer_to("one").await;
        if answer["type"] == "error" {
            assert_eq!(answer["code"], "unavailable");
            refused += 1;
        }
    }
    assert!((1..6).contains(&refused), "{refused} of 6, as the rooms are at all three primaries");
    must(&cluster.servers[0], "CONFIG SET maxmemory 0").await;
    for member in &mut members {
        say_again(member, "two").await;
    }
}
