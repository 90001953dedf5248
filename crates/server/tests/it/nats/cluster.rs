//! A cluster of three servers, each stream with three copies.

use std::time::Duration;

use tokio::time::sleep;

use super::servers::{Server, says};
use crate::engines::faults::{Crowd, LONG, seed};
use crate::redis::servers::{free_address, node};

/// Three servers that know each other.
async fn start() -> Vec<Server> {
    let ways = [free_address(), free_address(), free_address()];
    let routes: Vec<String> = ways.iter().map(|way| format!("nats://{way}")).collect();
    let routes_of_all = routes.join(",");
    let mut servers = Vec::new();
    for (number, route) in routes.iter().enumerate() {
        let name = format!("n{number}");
        let options = [
            "--name",
            &name,
            "--cluster_name",
            "test",
            "--cluster",
            route,
            "--routes",
            &routes_of_all,
        ];
        servers.push(Server::with(&options).await);
    }
    servers
}

#[tokio::test]
#[ignore = "needs a NATS server: ./test nats"]
async fn servers_of_a_cluster_that_are_killed_while_a_crowd_talks_lose_nothing() {
    let seed = seed();
    let mut servers = start().await;
    let addresses: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    let url = format!("nats://{}", addresses.join(","));
    let nodes = [node(&url, &LONG).await, node(&url, &LONG).await, node(&url, &LONG).await];
    says(&nodes[0], "ready").await;
    let of_one = "SUB _R 1\r\nPUB $JS.API.STREAM.INFO.hamhame-rooms-0 _R 0\r\n\r\n";
    let stream = servers[0].tell(of_one, 1).await;
    assert!(stream.contains("\"num_replicas\":3"), "{stream}");
    let crowd = Crowd::start(&nodes, seed).await;
    for server in &mut servers {
        sleep(Duration::from_secs(4)).await;
        server.kill().await;
        sleep(Duration::from_secs(3)).await;
        server.start_again().await;
    }
    sleep(Duration::from_secs(6)).await;
    crowd.check(&nodes).await;
}
