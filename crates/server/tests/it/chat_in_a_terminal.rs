//! `hamhame chat`: a room in a terminal, or in a pipe.

use std::process::Stdio;

use crate::common::{TestServer, command, within};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// The program, with pipes instead of a terminal.
struct Chat {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Chat {
    fn start(args: &[&str]) -> Chat {
        let mut child = command()
            .arg("chat")
            .args(args)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary runs");
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().expect("stdout is ours")).lines();
        Chat { child, input, lines }
    }

    /// Joins, and waits until it is in.
    async fn join(server: &TestServer, room: &str, name: &str) -> Chat {
        let mut chat = Chat::start(&[&url(server), room, "--name", name]);
        chat.shows(&format!("you are {name}")).await;
        chat
    }

    async fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
    }

    /// Waits for a line with `text`, and gives it.
    async fn shows(&mut self, text: &str) -> String {
        loop {
            let line = within(text, self.lines.next_line()).await.expect("its output is text");
            let Some(line) = line else { panic!("it ended before it showed {text:?}") };
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ends its input, and waits for its end: whether it is content, and what it says on stderr.
    async fn end(mut self) -> (bool, String) {
        drop(self.input.take());
        let mut errors = String::new();
        let mut stderr = self.child.stderr.take().expect("stderr is ours");
        within("the rest of stderr", stderr.read_to_string(&mut errors)).await.expect("it is text");
        let status = within("the end of the chat", self.child.wait()).await.expect("it is ours");
        (status.success(), errors)
    }
}

fn url(server: &TestServer) -> String {
    format!("http://{}", server.address())
}

#[tokio::test]
async fn what_is_typed_is_said_and_what_others_say_is_shown() {
    let server = TestServer::start(&[]).await;
    let mut maryam = server.member("کلاس", "مریم").await;
    let mut ali = Chat::join(&server, "کلاس", "علی").await;
    ali.say("سلام بچه‌ها").await;
    maryam.until_said("سلام بچه‌ها").await;
    maryam.say("m", "سلام علی").await;
    let line = ali.shows("سلام علی").await;
    assert!(line.starts_with('[') && line.ends_with("] مریم: سلام علی"), "{line}");
    ali.say("/who").await;
    ali.shows("2 here: مریم, علی").await;
    ali.say("//who").await;
    maryam.until_said("/who").await;
    let (content, errors) = ali.end().await;
    assert!(content, "{errors}");
}

#[tokio::test]
async fn who_comes_later_is_shown_what_was_said() {
    let server = TestServer::start(&["--join-history", "10"]).await;
    let mut maryam = server.member("general", "Maryam").await;
    maryam.said("m", "before anybody came").await;
    let mut ali = Chat::join(&server, "general", "Ali").await;
    ali.shows("before anybody came").await;
}

#[tokio::test]
async fn a_pipe_is_said_line_by_line_in_order_however_fast_it_comes() {
    let server = TestServer::start(&["--message-burst", "3", "--message-rate", "20"]).await;
    let mut maryam = server.member("builds", "Maryam").await;
    let mut bot = Chat::start(&[&format!("{}/r/builds", url(&server)), "--name", "bot"]);
    let text: String = (1..=20).map(|line| format!("line {line}\n")).collect();
    bot.input.as_mut().expect("it is open").write_all(text.as_bytes()).await.expect("it reads");
    let (content, errors) = bot.end().await;
    assert!(content, "{errors}");
    for line in 1..=20 {
        let events = maryam.until_said(&format!("line {line}")).await;
        let said = events.iter().filter(|event| event["type"] == "message").count();
        assert_eq!(said, 0, "{events:?}");
    }
}

#[tokio::test]
async fn it_comes_back_after_a_restart_and_says_what_was_typed_meanwhile() {
    let mut server = TestServer::start(&[]).await;
    let mut ali = Chat::join(&server, "general", "Ali").await;
    server.kill().await;
    ali.shows("the connection is lost").await;
    ali.say("while nobody was there").await;
    server.restart().await;
    ali.shows("while nobody was there").await;
    let (content, errors) = ali.end().await;
    assert!(content, "{errors}");
}

#[tokio::test]
async fn what_cannot_be_is_said_in_words() {
    let server = TestServer::start(&[]).await;
    let _maryam = server.member("general", "Maryam").await;
    let address = url(&server);
    for (args, words) in [
        (vec![address.as_str(), "general", "--name", "Maryam"], "--name NAME chooses another"),
        (vec![&address, "general", "--name", "system"], "--name NAME chooses another"),
        (vec!["ftp://127.0.0.1"], "ftp:// is not spoken here"),
        (vec!["http://127.0.0.1:1", "--name", "x"], "cannot connect to 127.0.0.1:1"),
        (vec!["http://127.0.0.1:1/other", "--name", "x"], "/other is no room"),
    ] {
        let (content, errors) = Chat::start(&args).end().await;
        assert!(!content && errors.contains(words), "{args:?}: {errors}");
    }
}

#[tokio::test]
async fn a_certificate_that_the_server_made_is_trusted_by_its_fingerprint_alone() {
    let mut server = TestServer::start(&["--tls", "self-signed"]).await;
    let fingerprint = server.says("certificate SHA-256 ").await;
    let address = format!("https://{}", server.address());
    let mut ali =
        Chat::start(&[&address, "general", "--name", "Ali", "--fingerprint", &fingerprint]);
    ali.shows("you are Ali").await;
    assert!(ali.end().await.0);
    let other = "0".repeat(64);
    let stranger = Chat::start(&[&address, "general", "--name", "Ali", "--fingerprint", &other]);
    let (content, errors) = stranger.end().await;
    assert!(!content && errors.contains("another fingerprint"), "{errors}");
}
