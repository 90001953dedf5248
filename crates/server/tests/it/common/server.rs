//! The server as its users run it: the binary, in a process of its own.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::{Connect, Door, SeedClient, V1Client, encode, within};

/// What tests call the server that do not care for its name: without it, a server on a loopback address answers for its own alone.
const NAMED: [(&str, &str); 1] = [("HAMHAME_HOST", "a")];

/// A running server. It is killed when this is dropped; a thread of it that panicked fails the test.
pub struct TestServer {
    child: Child,
    door: Door,
    args: Vec<String>,
    log: Arc<Mutex<String>>,
    /// What it says on stdout behind the first line.
    lines: mpsc::UnboundedReceiver<String>,
    /// Reads stderr into `log`, to its end.
    keeping: tokio::task::JoinHandle<()>,
}

/// A plain HTTP answer.
#[derive(Debug)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Status line and headers, as they came.
    pub head: String,
    /// What follows them.
    pub body: String,
}

impl TestServer {
    /// Starts a server on a free port, with further arguments.
    pub async fn start(args: &[&str]) -> TestServer {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        match Self::launch("127.0.0.1:0", args, &NAMED).await {
            Ok(server) => {
                // Some tests look at fractions of a second, which its beginnings with an engine take.
                if std::env::var_os("TEST_ENGINE").is_some() {
                    server.logs("the engine is reached").await;
                }
                server
            }
            Err(log) => panic!("the server does not start:\n{log}"),
        }
    }

    /// Starts a server on `listen`; gives what it wrote on stderr if it ends without listening.
    pub async fn launch(
        listen: &str,
        args: Vec<String>,
        environment: &[(&str, &str)],
    ) -> Result<TestServer, String> {
        let mut child = command()
            .args(["--listen", listen])
            .args(&args)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server's binary runs");
        let log = Arc::new(Mutex::new(String::new()));
        let keeping = tokio::spawn(keep(child.stderr.take().expect("stderr is ours"), log.clone()));
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is ours")).lines();
        let first = within("the server's first line", stdout.next_line()).await;
        let Some(first) = first.expect("stdout is text") else {
            within("the rest of stderr", keeping).await.expect("stderr is read");
            let log = log.lock().expect("nobody panicked").clone();
            return Err(log);
        };
        // What else it prints must not fill the pipe.
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = stdout.next_line().await {
                let _ = sender.send(line);
            }
        });
        let door = ["http", "https"].into_iter().find_map(|scheme| {
            let address = first.strip_prefix(&format!("listening on {scheme}://"))?;
            Some(Door { address: address.parse().ok()?, secure: scheme == "https" })
        });
        let door =
            door.unwrap_or_else(|| panic!("the first line names the address, not {first:?}"));
        Ok(TestServer { child, door, args, log, lines, keeping })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.door.address
    }

    /// Where it listens, and how it is spoken to there.
    pub fn door(&self) -> Door {
        self.door
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// Its memory in bytes, as the kernel counts it.
    pub fn rss(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(&path).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")).expect("Linux tells VmRSS");
        kib.trim().parse::<u64>().expect("a number") * 1024
    }

    /// What stands behind `prefix` in a line that it says on stdout behind the first one.
    pub async fn says(&mut self, prefix: &str) -> String {
        loop {
            let line = within(prefix, self.lines.recv()).await.expect("the server runs");
            if let Some(rest) = line.strip_prefix(prefix) {
                return rest.to_owned();
            }
        }
    }

    /// What it wrote on stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panicked").clone()
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid() as i32).expect("a pid is not 0");
        rustix::process::kill_process(pid, signal).expect("it is ours");
    }

    /// Waits until it has written something with `text` on stderr.
    pub async fn logs(&self, text: &str) {
        let written = async {
            while !self.log().contains(text) {
                tokio::task::yield_now().await;
            }
        };
        within(text, written).await;
    }

    /// Ends it at once (SIGKILL).
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it is ours");
    }

    /// Waits until it has ended, and all that it wrote on stderr is in [`log`](Self::log).
    pub async fn wait(&mut self) -> ExitStatus {
        let status = within("the server's end", self.child.wait()).await.expect("it is ours");
        if !self.keeping.is_finished() {
            within("the rest of stderr", &mut self.keeping).await.expect("stderr is read");
        }
        status
    }

    /// Kills it if it still runs, and starts it again on the same port with the same arguments.
    pub async fn restart(&mut self) {
        if self.child.id().is_some() {
            self.kill().await;
        }
        self.check_log();
        let listen = self.address().to_string();
        let again = async {
            loop {
                // Somebody else's connection may stand on the port for a moment.
                if let Ok(server) = Self::launch(&listen, self.args.clone(), &NAMED).await {
                    return server;
                }
            }
        };
        *self = within("the port to be free", again).await;
    }

    /// `GET path` on a connection of its own.
    pub async fn get(&self, path: &str) -> HttpResponse {
        let host = self.address();
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
            .await
    }

    /// Sends `request` as it is, and reads until the server closes.
    pub async fn request(&self, request: &str) -> HttpResponse {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address()).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        let answer = within("an HTTP answer", exchange).await.expect("the server answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        HttpResponse::new(head.to_owned(), body.to_owned())
    }

    /// The value of a metric, given as it stands in `/metrics` before the value.
    pub async fn metric(&self, name: &str) -> f64 {
        metric(&self.get("/metrics").await.body, name)
    }

    /// A WebSocket to `path`, still to be opened.
    pub fn connect(&self, path: &str) -> Connect {
        Connect::new(self.address(), path)
    }

    /// A client of the seeds that is on its way into a room.
    pub async fn seed(&self, room: &str, name: &str) -> SeedClient {
        let path = format!("/ws/{}/{}", encode(room), encode(name));
        SeedClient::new(self.connect(&path).open().await.into_client(name))
    }

    /// A client of the seeds that is in the room by now: it has read that it joined.
    pub async fn seed_member(&self, room: &str, name: &str) -> SeedClient {
        let mut client = self.seed(room, name).await;
        let joined = client.next().await;
        assert_eq!(joined["event"], "join", "{joined}");
        client
    }

    /// A client of `hamhame.v1` that has not joined yet.
    pub async fn v1(&self, room: &str, name: &str) -> V1Client {
        let path = format!("/ws/{}/{}", encode(room), encode(name));
        let socket = self.connect(&path).protocol("hamhame.v1").open().await;
        assert_eq!(socket.protocol(), Some("hamhame.v1"));
        V1Client::over(name, socket.into_client(name))
    }

    /// A client of `hamhame.v1` that has joined.
    pub async fn member(&self, room: &str, name: &str) -> V1Client {
        let mut client = self.v1(room, name).await;
        client.join().await;
        client
    }

    fn check_log(&self) {
        let log = self.log.lock().map(|log| log.clone()).unwrap_or_default();
        assert!(!log.contains("panicked at"), "the server panicked:\n{log}");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log.lock().map(|log| log.clone()).unwrap_or_default();
            eprintln!("--- stderr of the server\n{log}---");
        } else {
            self.check_log();
        }
    }
}

/// The value of a metric, given as it stands in `metrics` before the value.
pub(super) fn metric(metrics: &str, name: &str) -> f64 {
    metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
        .unwrap_or_else(|| panic!("no {name} in\n{metrics}"))
}

/// The server's binary, without what the environment of the tests would tell it.
pub fn command() -> Command {
    // The same tests hold of the server over another engine: examples/sim.rs.
    let binary = std::env::var_os("TEST_SERVER");
    let mut command = Command::new(binary.unwrap_or(env!("CARGO_BIN_EXE_hamhame").into()));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HAMHAME_") {
            command.env_remove(name);
        }
    }
    // And with an engine that is there already: each server has keys of its own in it.
    if let Some(engine) = std::env::var_os("TEST_ENGINE") {
        let prefix = format!("test-{:x}", hamhame::token::random_id());
        command.env("HAMHAME_BROKER", engine).env("HAMHAME_BROKER_PREFIX", prefix);
        command.env("HAMHAME_SECRET", "of all nodes of a test");
    }
    command
}

async fn keep(stderr: tokio::process::ChildStderr, log: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = log.lock().expect("nobody panicked");
        log.push_str(&line);
        log.push('\n');
    }
}
