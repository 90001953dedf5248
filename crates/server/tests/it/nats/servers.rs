//! Servers of NATS with JetStream, which end with the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::common::{TestServer, within};
use crate::redis::servers::{free_address, node};

/// One of them.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    options: Vec<String>,
    folder: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    /// One alone.
    pub async fn start() -> Server {
        Server::with(&[]).await
    }

    /// One with these options.
    pub async fn with(options: &[&str]) -> Server {
        // Another may take the port first; more often than that it is something else.
        for _ in 0..10 {
            let address = free_address();
            let name = format!("nats-{}-{}", std::process::id(), address.port());
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            let _ = std::fs::remove_dir_all(&folder);
            let options = options.iter().map(|option| (*option).to_owned()).collect();
            if let Some(server) = Server::at(address, options, folder).await {
                return server;
            }
        }
        panic!("nats-server does not start with {options:?}");
    }

    async fn at(address: SocketAddr, options: Vec<String>, folder: PathBuf) -> Option<Server> {
        let mut command = Command::new(program());
        let port = address.port().to_string();
        command.args(["-a", "127.0.0.1", "-p", &port, "-js", "-sd"]).arg(&folder).args(&options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().expect("nats-server is there (TEST_NATS names another)");
        let mut server = Server { address, child, options, folder };
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(10) {
            if server.child.try_wait().expect("its state is known").is_some() {
                // What is in it is not this one's.
                server.folder = PathBuf::new();
                return None;
            }
            if TcpStream::connect(address).await.is_ok() {
                return Some(server);
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("nats-server does not start");
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// Ends it at once and starts it again where it was, with what it has in its folder.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.start_again().await;
    }

    /// Starts one again that has ended.
    pub async fn start_again(&mut self) {
        let again = async {
            loop {
                // The folder is the next one's.
                let folder = std::mem::take(&mut self.folder);
                match Server::at(self.address, self.options.clone(), folder.clone()).await {
                    Some(server) => return server,
                    None => self.folder = folder,
                }
            }
        };
        *self = within("the port to be free", again).await;
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id as i32)).expect("it runs");
        kill_process(pid, signal).expect("it is ours");
    }

    /// From now on it cannot write files beyond this size.
    pub fn limit_files(&self, bytes: u64) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id as i32)).expect("it runs");
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        prlimit(Some(pid), Resource::Fsize, limit).expect("it is ours");
    }

    /// Where it keeps its streams.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Has it forget the streams of rooms.
    pub async fn flush(&self) {
        let mut requests = String::new();
        for digit in "0123456789abcdef".chars() {
            requests += &format!("PUB $JS.API.STREAM.DELETE.hamhame-rooms-{digit} _R 0\r\n\r\n");
        }
        let answers = self.tell(&format!("SUB _R 1\r\n{requests}"), 16).await;
        assert_eq!(answers.matches("\"success\":true").count(), 16, "{answers}");
    }

    /// What comes of some lines of its protocol, with so many messages in it.
    pub async fn tell(&self, lines: &str, messages: usize) -> String {
        let telling = async {
            let mut stream = TcpStream::connect(self.address).await.expect("it runs");
            let all = format!("CONNECT {{\"verbose\":false}}\r\n{lines}");
            stream.write_all(all.as_bytes()).await.expect("it reads");
            let (mut answers, mut bytes) = (String::new(), vec![0; 1 << 16]);
            while answers.matches("\r\nMSG ").count() < messages || !answers.ends_with("\r\n") {
                let count = stream.read(&mut bytes).await.expect("it answers");
                assert_ne!(count, 0, "it hangs up: {answers}");
                answers += &String::from_utf8_lossy(&bytes[..count]);
            }
            answers
        };
        within("what the server answers", telling).await
    }

    /// The address of its rooms.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    pub async fn node(&self) -> TestServer {
        node(&self.url(), &[]).await
    }
}

/// Waits until `/readyz` has these words.
pub async fn says(node: &TestServer, words: &str) {
    let said = async {
        while !node.get("/readyz").await.body.contains(words) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    within(words, said).await;
}

fn program() -> std::ffi::OsString {
    std::env::var_os("TEST_NATS").unwrap_or("nats-server".into())
}
