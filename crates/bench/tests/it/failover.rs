//! A node that is killed: who comes back, and what was seen of it. The node is a process that passes on what comes to a server, so
//! that its end is no end of the room.
use std::env;
use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::common::{bench, run};
use crate::transports::Server;
use serde_json::Value;

/// Passes on what comes to it, as a process of its own: this very file, started again.
struct Node {
    process: Child,
    url: String,
}

/// Is the node, if it is told to be by [`Node::before`].
#[test]
#[ignore = "the others start it, each for itself"]
fn the_node() {
    let server = env::var("HAMHAME_BEHIND").expect("where the server is");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("listening on {}", listener.local_addr().expect("it is bound"));
    for client in listener.incoming().map_while(Result::ok) {
        let server = TcpStream::connect(&server).expect("the server");
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || {
                // Whoever ends it, the other side is told.
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
    }
}

impl Node {
    fn before(server: &Server) -> Self {
        let mut process = Command::new(env::current_exe().expect("this file has a name"))
            .args(["--exact", "failover::the_node", "--ignored", "--nocapture"])
            .env("HAMHAME_BEHIND", server.url.trim_start_matches("ws://"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the node starts");
        let lines = BufReader::new(process.stdout.take().expect("it is ours")).lines();
        let url = lines
            .map_while(Result::ok)
            .find_map(|line| Some(format!("ws://{}", line.split_once("listening on ")?.1)));
        Self { process, url: url.expect("it says where it listens") }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The report of a run in which that node is killed, and its exit code.
fn failover(server: &Server) -> (Value, Option<i32>) {
    let node = Node::before(server);
    let pid = node.process.id().to_string();
    let own = ["--dialect", "v1", "--rooms", "3", "--members", "4", "--rate", "300"];
    let short = ["--warmup", "0.3", "--stay", "0.5", "--kill", &pid, "--targets", &server.url];
    run("failover", &node.url, &[&own[..], &short].concat())
}

#[test]
fn the_members_of_a_killed_node_come_back_and_miss_nothing() {
    let (report, code) = failover(&Server::with(&[]));
    assert_eq!(code, Some(0), "{report}");
    let figure = |name: &str| report["figures"][name].as_f64().unwrap();
    assert_eq!(figure("lost_connections"), 12.0, "{report}");
    assert_eq!(report["latencies"]["return"]["count"], 12, "{report}");
    assert!(figure("sent") > 100.0 && figure("caught_up_seconds") > 0.5, "{report}");
    assert_eq!(figure("leaves_seen") + figure("unacknowledged"), 0.0, "{report}");
}

#[test]
fn a_server_that_takes_members_without_a_connection_for_gone_is_found() {
    let (report, code) = failover(&Server::with(&[("HAMHAME_GRACE", "1ms")]));
    assert_eq!(code, Some(2), "{report}");
    assert!(report["figures"]["leaves_seen"].as_f64().unwrap() > 0.0, "{report}");
}

#[test]
fn without_another_node_to_come_back_on_nothing_is_killed() {
    let own = ["failover", "--dialect", "v1", "--kill", "999999999", "--url", "ws://127.0.0.1:9"];
    let output = bench(&own);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("--targets") && output.status.code() == Some(1), "{errors}");
}
