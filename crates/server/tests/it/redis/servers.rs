//! Servers of Redis or Valkey, and sentinels, which end with the test.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::common::{TestServer, within};

const OPTIONS: [&str; 8] =
    ["--limits", "off", "--heartbeat", "2s", "--grace", "3s", "--probe", "1s"];

/// A node whose rooms are in the engine at `url`.
pub async fn node(url: &str, more: &[&str]) -> TestServer {
    let shared = ["--broker", url, "--secret", "the same on every node"];
    TestServer::start(&[&OPTIONS[..], &shared, more].concat()).await
}

/// A server of Redis or Valkey.
pub struct Engine {
    pub address: SocketAddr,
    child: Child,
    options: Vec<String>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(rdb(self.address));
    }
}

impl Engine {
    /// One alone.
    pub async fn start() -> Engine {
        Engine::with(&[]).await
    }

    /// One with these options.
    pub async fn with(options: &[&str]) -> Engine {
        Engine::anywhere("--port", options).await
    }

    /// One with these options that speaks TLS alone.
    pub async fn with_tls(options: &[&str]) -> Engine {
        Engine::anywhere("--tls-port", options).await
    }

    async fn anywhere(port: &str, options: &[&str]) -> Engine {
        // Another may take the port first; more often than that it is something else.
        for _ in 0..10 {
            let address = free_address();
            let number = address.port().to_string();
            let mut all = vec!["--port", "0", port, &number];
            all.extend(options);
            let all = all.into_iter().map(Into::into).collect();
            if let Some(engine) = Engine::at(address, all).await {
                return engine;
            }
        }
        panic!("{} does not start with {port} and {options:?}", program().display());
    }

    async fn at(address: SocketAddr, options: Vec<String>) -> Option<Engine> {
        let mut command = Command::new(program());
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]).args(&options);
        // Replication leaves a file behind, which no other server may find.
        let file = rdb(address);
        let _ = std::fs::remove_file(&file);
        let name = file.file_name().expect("it has one");
        command.args(["--dir", env!("CARGO_TARGET_TMPDIR"), "--dbfilename"]).arg(name);
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().expect("redis-server is there (TEST_REDIS names another)");
        Engine { address, child, options }.answers().await
    }

    /// Waits until it is there; `None` if it ends, as another has its port.
    async fn answers(mut self) -> Option<Engine> {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(10) {
            if self.child.try_wait().expect("its state is known").is_some() {
                return None;
            }
            match self.tell("PING").await {
                Ok(answer) if answer.starts_with("-LOADING") => {}
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                // With TLS it does not understand this, and hangs up.
                Ok(_) | Err(_) => return Some(self),
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("the engine does not start");
    }

    /// Ends it at once and starts it again where it was, with nothing in it.
    pub async fn restart(&mut self) {
        self.kill().await;
        let again = async {
            loop {
                if let Some(engine) = Engine::at(self.address, self.options.clone()).await {
                    return engine;
                }
            }
        };
        *self = within("the port to be free", again).await;
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it runs");
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id as i32)).expect("it runs");
        kill_process(pid, signal).expect("it is ours");
    }

    /// One command in words, and the beginning of its answer.
    pub async fn tell(&self, command: &str) -> std::io::Result<String> {
        tell(self.address, command).await
    }

    /// The address of its rooms.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub async fn node(&self) -> TestServer {
        node(&self.url(), &[]).await
    }
}

/// A primary with two replicas, and three sentinels that watch them.
pub struct Watched {
    /// The primary is the first, as long as nothing happens.
    pub servers: Vec<Engine>,
    sentinels: Vec<Engine>,
}

impl Watched {
    pub async fn start() -> Watched {
        let primary = Engine::with(&["--repl-diskless-sync-delay", "0"]).await;
        let of = format!("127.0.0.1 {}", primary.address.port());
        let mut servers = vec![primary];
        for _ in 0..2 {
            servers.push(Engine::with(&["--replicaof", &of]).await);
        }
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(sentinel(&of).await);
        }
        let watched = Watched { servers, sentinels };
        let all_know = async {
            while !watched.all_know().await {
                sleep(Duration::from_millis(50)).await;
            }
        };
        within("the sentinels to know each other and the replicas", all_know).await;
        watched
    }

    async fn all_know(&self) -> bool {
        for sentinel in &self.sentinels {
            let answer = sentinel.tell("INFO sentinel").await.expect("it runs");
            if !answer.contains("slaves=2,sentinels=3") {
                return false;
            }
        }
        for replica in &self.servers[1..] {
            let answer = replica.tell("INFO replication").await.expect("it runs");
            if !answer.contains("master_link_status:up") {
                return false;
            }
        }
        true
    }

    /// A command for a sentinel.
    pub async fn tell_sentinel(&self, command: &str) -> String {
        self.sentinels[0].tell(command).await.expect("it runs")
    }

    /// Where the sentinels say that the primary is.
    pub async fn primary(&self) -> String {
        self.tell_sentinel("SENTINEL GET-MASTER-ADDR-BY-NAME chat").await
    }

    /// From now on the replicas hear nothing more, until they go on.
    pub async fn stop_replicas(&self) {
        self.servers[1..].iter().for_each(|replica| replica.signal(Signal::STOP));
        // What is sent from now on does not wait for them in their sockets.
        self.servers[0].tell("CLIENT KILL TYPE replica").await.expect("it runs");
    }

    /// Kills the primary and has the replicas go on; waits until one of them is the primary.
    pub async fn fail_over(&mut self) {
        self.servers[0].kill().await;
        self.servers[1..].iter().for_each(|replica| replica.signal(Signal::CONT));
        let promoted = async {
            while !self.has_other_primary().await {
                sleep(Duration::from_millis(50)).await;
            }
        };
        within("another primary", promoted).await;
    }

    async fn has_other_primary(&self) -> bool {
        for replica in &self.servers[1..] {
            let role = replica.tell("ROLE").await.expect("it runs");
            if role.contains("master") {
                return true;
            }
        }
        false
    }

    pub fn url(&self) -> String {
        let addresses: Vec<_> =
            self.sentinels.iter().map(|sentinel| sentinel.address.to_string()).collect();
        format!("redis+sentinel://{}/chat", addresses.join(","))
    }

    pub async fn node(&self) -> TestServer {
        node(&self.url(), &[]).await
    }
}

async fn sentinel(of: &str) -> Engine {
    loop {
        let address = free_address();
        let port = address.port();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let file = folder.join(format!("sentinel-{}-{port}.conf", std::process::id()));
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor chat {of} 2\n\
             sentinel down-after-milliseconds chat 1000\nsentinel failover-timeout chat 6000\n",
            folder.display()
        );
        std::fs::write(&file, text).expect("it is ours");
        let mut command = Command::new(program());
        command.arg(&file).arg("--sentinel");
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().expect("redis-server is there");
        let engine = Engine { address, child, options: Vec::new() };
        if let Some(engine) = engine.answers().await {
            return engine;
        }
    }
}

/// It cannot choose a port by itself. One that was free a moment ago mostly still is.
pub fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    free.local_addr().expect("it is bound")
}

/// Where a server leaves what it has for its replicas.
pub fn rdb(address: SocketAddr) -> PathBuf {
    let name = format!("engine-{}-{}.rdb", std::process::id(), address.port());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn program() -> std::ffi::OsString {
    std::env::var_os("TEST_REDIS").unwrap_or("redis-server".into())
}

async fn tell(address: SocketAddr, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut answer = [0; 4096];
    let count = stream.read(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer[..count]).into_owned())
}
