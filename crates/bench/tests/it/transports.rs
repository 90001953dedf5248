//! Every transport against the server itself: everything arrives, once and in order, and what goes over the wire is counted.
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::common::{bench, run, run_fanout};
use clap::Parser;
use hamhame::config::Options;
use serde_json::Value;

/// The server as a process of its own: this very file, started again.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub url: String,
}

/// Is the server, if it is told to be by [`Server::start`].
#[test]
#[ignore = "the others start it, each for itself"]
fn the_server() {
    let options = Options::try_parse_from(["hamhame"]).expect("options from the environment");
    hamhame::run::run(options, Box::new(hamhame::broker::Embedded)).expect("it serves");
}

impl Server {
    fn start() -> Self {
        Self::with(&[])
    }

    /// With TLS, and so with HTTP/3 as well.
    fn encrypted() -> Self {
        Self::with(&[("HAMHAME_TLS", "self-signed"), ("HAMHAME_HTTP3", "true")])
    }

    /// With these settings.
    pub fn with(environment: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env::current_exe().expect("this file has a name"))
            .args(["--exact", "transports::the_server", "--ignored", "--nocapture"])
            .env("HAMHAME_LISTEN", "127.0.0.1:0")
            .env("HAMHAME_LIMITS", "off")
            .env("HAMHAME_THREADS", "1")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("it is ours")).lines();
        let url = lines.find_map(|line| {
            let line = line.expect("it says text");
            Some(format!("ws{}", line.split_once("listening on http")?.1))
        });
        // What else it prints must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, url: url.expect("it says where it listens") }
    }

    fn pid(&self) -> String {
        self.process.id().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn figure(report: &Value, name: &str) -> f64 {
    report["figures"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// Everything arrives in an open loop and in a closed one; the report of the former.
fn all_arrives(server: &Server, transport: &[&str]) -> Value {
    let pid = server.pid();
    let own = ["--rooms", "2", "--senders", "2", "--server-pid", &pid];
    let (report, code) =
        run_fanout(&server.url, &[&own[..], &["--window", "3"], transport].concat());
    assert_eq!(code, Some(0), "{report}");
    assert!(figure(&report, "deliveries") > 0.0, "{report}");
    let (report, code) =
        run_fanout(&server.url, &[&own[..], &["--rate", "100"], transport].concat());
    assert_eq!(code, Some(0), "{report}");
    for name in ["deliveries", "cpu_per_delivery_ns", "up_bytes_per_delivery"] {
        assert!(figure(&report, name) > 0.0, "{name} in {report}");
    }
    // A delivery holds the content at least.
    assert!(figure(&report, "down_bytes_per_delivery") > 80.0, "{report}");
    report
}

#[test]
fn websockets_deliver_everything() {
    let server = Server::start();
    for dialect in ["seed", "v1"] {
        all_arrives(&server, &["--transport", "ws", "--dialect", dialect]);
        all_arrives(&server, &["--transport", "ws", "--dialect", dialect, "--alike"]);
    }
}

#[test]
fn websockets_deliver_everything_over_tls() {
    let server = Server::encrypted();
    for dialect in ["seed", "v1"] {
        all_arrives(&server, &["--transport", "wss", "--dialect", dialect]);
    }
}

#[test]
fn websockets_deliver_everything_on_streams_of_http_2_with_tls_and_without() {
    for server in [Server::start(), Server::encrypted()] {
        for dialect in ["seed", "v1"] {
            all_arrives(&server, &["--transport", "h2", "--dialect", dialect]);
        }
    }
}

#[test]
fn websockets_deliver_everything_on_streams_of_http_3() {
    let server = Server::encrypted();
    for dialect in ["seed", "v1"] {
        all_arrives(&server, &["--transport", "h3", "--dialect", dialect]);
    }
}

#[test]
fn with_compression_long_messages_take_fewer_bytes_and_tls_takes_more() {
    let (plain, encrypted) = (Server::start(), Server::encrypted());
    let down = |server: &Server, transport: &str| {
        let own = ["--transport", transport, "--size", "600", "--fill", "prose"];
        figure(&all_arrives(server, &own), "down_bytes_per_delivery")
    };
    let (ws, deflate, wss) =
        (down(&plain, "ws"), down(&plain, "ws+deflate"), down(&encrypted, "wss"));
    assert!(deflate < ws * 0.8 && deflate > 100.0, "{deflate} of {ws} bytes");
    assert!(wss > ws, "{wss} of {ws} bytes");
}

#[test]
fn the_http_api_delivers_everything_by_streams_and_by_long_polling() {
    let server = Server::start();
    for transport in ["sse", "long-polling"] {
        let report = all_arrives(&server, &["--transport", transport]);
        assert!(figure(&report, "requests_per_delivery") > 0.0, "{report}");
    }
}

#[test]
fn the_http_api_delivers_everything_by_polling_and_asks_in_vain_as_well() {
    let server = Server::start();
    let report = all_arrives(&server, &["--transport", "polling", "--interval", "0.005"]);
    assert!(figure(&report, "empty_per_delivery") > 0.0, "{report}");
}

#[test]
fn the_http_api_delivers_everything_over_tls() {
    let server = Server::encrypted();
    for transport in ["sse", "long-polling"] {
        all_arrives(&server, &["--transport", transport]);
    }
}

#[test]
fn what_an_idle_member_costs_is_counted_on_every_transport() {
    let plain = ["ws", "h2", "sse", "long-polling", "polling"].map(|name| (name, false));
    let encrypted = ["wss", "h2", "h3"].map(|name| (name, true));
    for (transport, is_encrypted) in plain.into_iter().chain(encrypted) {
        // Each has a server of its own: memory that others gave back would be used again, and not seen.
        let server = if is_encrypted { Server::encrypted() } else { Server::start() };
        let pid = server.pid();
        let crowd = ["--server-pid", &pid, "--connections", "100", "--settle", "0.1"];
        let own = [&["--transport", transport], &crowd[..]].concat();
        let (report, code) = run("idle", &server.url, &own);
        assert_eq!(code, Some(0), "{report}");
        assert!(figure(&report, "rss_per_connection_bytes") > 0.0, "{transport}: {report}");
        let asks = figure(&report, "requests_per_minute") > 0.0;
        assert!(asks || transport != "polling", "{report}");
    }
}

#[test]
fn members_come_back_over_tls_http_2_and_http_3_as_well() {
    let server = Server::encrypted();
    for transport in ["wss", "h2", "h3"] {
        let own = ["--transport", transport, "--dialect", "v1", "--rooms", "2", "--members", "5"];
        let (report, code) = run("resume", &server.url, &[&own[..], &["--away", "0.1"]].concat());
        assert_eq!(code, Some(0), "{report}");
        assert_eq!(figure(&report, "resumed"), 10.0);
    }
}

#[test]
fn an_encrypted_transport_to_a_plain_address_is_an_error_that_says_so() {
    let output = bench(&["connect", "--transport", "wss", "--connections", "1"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("wss://"), "{errors}");
    assert_eq!(output.status.code(), Some(1));
}
