//! The log: nobody has to read it, and nobody can fill it.
use std::process::Stdio;

use crate::common::{TestServer, command, within};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A server that logs everything, of libraries too, and whose stderr nobody reads.
fn talkative() -> Command {
    let mut command = command();
    command
        .args(["--listen", "127.0.0.1:0"])
        .env("HAMHAME_LOG_FILTER", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Where it listens, by its first line.
async fn address(child: &mut Child) -> String {
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is ours"));
    let mut line = String::new();
    within("the first line", stdout.read_line(&mut line)).await.expect("text");
    line.trim().strip_prefix("listening on http://").expect("the address").to_owned()
}

/// `GET path`, and what came back.
async fn get(address: &str, path: &str) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    within("an answer", exchange).await.expect("the server answers")
}

/// Has the server log, of HTTP/2's frames, more than a pipe and the queue before it hold.
async fn flood(address: &str) {
    let flooding = async {
        while lost(address).await == 0 {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            let mut frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
            // Pings, and the end: GOAWAY.
            frames.extend(b"\0\0\x08\x06\0\0\0\0\0whatever".repeat(100));
            frames.extend(b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0");
            let _ = stream.write_all(&frames).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    };
    within("the log to be full", flooding).await;
}

/// Lines lost by now.
async fn lost(address: &str) -> u64 {
    let metrics = get(address, "/metrics").await;
    let value = metrics.lines().find_map(|line| line.strip_prefix("hamhame_log_lines_lost_total "));
    value.and_then(|value| value.parse().ok()).expect("the metric")
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_nobody_up_and_what_is_lost_is_counted_and_told() {
    let mut child = talkative().spawn().expect("it runs");
    let address = address(&mut child).await;
    flood(&address).await;
    for _ in 0..100 {
        assert!(get(&address, "/healthz").await.ends_with("ok\n"));
    }
    // Who reads in the end gets what was kept, the last lines, and the number of those between.
    let mut stderr = child.stderr.take().expect("stderr is ours");
    let pid = rustix::process::Pid::from_raw(child.id().expect("it runs") as i32).expect("a pid");
    let mut log = String::new();
    let mut buffer = [0; 65_536];
    let mut asked = false;
    loop {
        let read = within("stderr", stderr.read(&mut buffer)).await.expect("it is read");
        if read == 0 {
            break;
        }
        log.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if !std::mem::replace(&mut asked, true) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is ours");
        }
    }
    assert!(within("the end", child.wait()).await.expect("it is ours").success());
    assert!(log.contains("listening"), "the first lines are there");
    assert!(log.contains("lines of this log were lost"), "{}", &log[log.len() - 2000..]);
}

#[tokio::test]
async fn a_server_whose_log_nobody_reads_ends_when_it_is_told_to() {
    let mut child = talkative().spawn().expect("it runs");
    let address = address(&mut child).await;
    flood(&address).await;
    let pid = rustix::process::Pid::from_raw(child.id().expect("it runs") as i32).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is ours");
    assert!(within("the end", child.wait()).await.expect("it is ours").success());
}

#[tokio::test]
async fn a_server_whose_stdout_is_closed_serves() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("it has one").to_string();
    drop(free);
    let mut child = command()
        .args(["--listen", &address])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr is ours"));
    let mut line = String::new();
    within("a line", stderr.read_line(&mut line)).await.expect("text");
    assert!(line.contains("listening"), "{line}");
    assert!(get(&address, "/healthz").await.ends_with("ok\n"));
}

#[tokio::test]
async fn what_a_peer_does_writes_no_line_each_time() {
    let mut server = TestServer::start(&[]).await;
    let mut stream = TcpStream::connect(server.address()).await.expect("it listens");
    // SETTINGS, and then acknowledgements of pings that nobody sent (RFC 9113, section 6.7).
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("taken");
    let ping = b"\0\0\x08\x06\x01\0\0\0\0whatever";
    for _ in 0..200 {
        // The server may have had enough of it.
        if stream.write_all(&ping.repeat(100)).await.is_err() {
            break;
        }
    }
    for _ in 0..50 {
        server.get("/nothing/here").await;
        server.request("nonsense\r\n\r\n").await;
    }
    server.terminate();
    assert!(server.wait().await.success());
    let log = server.log();
    assert!(log.lines().count() < 20, "{}", &log[..log.len().min(4000)]);
    assert!(!log.contains('\u{1b}'), "no colours where no terminal is: {log:?}");
}

#[tokio::test]
async fn what_happens_often_is_told_by_its_number() {
    // Libraries' warnings are asked for; h2 writes one for each ping's acknowledgement that nobody waits for.
    let environment = [("HAMHAME_LOG_FILTER", "warn")];
    let mut server =
        TestServer::launch("127.0.0.1:0", Vec::new(), &environment).await.expect("it starts");
    let mut stream = TcpStream::connect(server.address()).await.expect("it listens");
    let mut pings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    pings.extend(b"\0\0\x08\x06\x01\0\0\0\0whatever".repeat(30));
    stream.write_all(&pings).await.expect("taken");
    server.logs("ping").await;
    server.terminate();
    assert!(server.wait().await.success());
    let log = server.log();
    let more = log.lines().find(|line| line.contains("more lines like this"));
    assert!(more.is_some_and(|line| line.contains("20 more")), "{log}");
    assert!(log.lines().count() < 15, "{log}");
}

#[tokio::test]
async fn a_filter_that_is_none_is_an_error() {
    let mut command = command();
    command.args(["--listen", "127.0.0.1:0"]).env("HAMHAME_LOG_FILTER", "hamhame=loud");
    let output = within("the end", command.output()).await.expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("HAMHAME_LOG_FILTER"), "{error}");
}
