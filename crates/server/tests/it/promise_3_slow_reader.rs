//! Promise 3: nobody waits for a slow client. A stalled reader costs bounded memory and slows nobody; it gets what it missed,
//! or a gap with the number, or the close code `slow`.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{Client, Frame, TestServer, V1Client, within};
use serde_json::Value;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

/// So much is said that no kernel's buffers hold it.
const LONG: usize = 12_000;
const MANY: usize = 500;

/// A server on which one may say much at once.
async fn talkative(args: &[&str]) -> TestServer {
    let much = ["--limits", "off", "--message-graphemes", "20000", "--message-bytes", "20000"];
    TestServer::start(&[&much, args].concat()).await
}

async fn slow_member(server: &TestServer, room: &str, name: &str) -> V1Client {
    let path = format!("/ws/{room}/{name}");
    let connect = server.connect(&path).protocol("hamhame.v1").narrow();
    let mut client = V1Client::over(name, connect.open().await.into_client(name));
    client.join().await;
    client
}

/// Says `MANY` long messages, each after the one before has come back.
async fn say_much(client: &mut V1Client) {
    for n in 0..MANY {
        client.mark(&format!("{n} {}", "x".repeat(LONG))).await;
    }
}

/// The number at the start of what was said by [`say_much`].
fn number(event: &Value) -> usize {
    let content = event["content"].as_str().expect("a content");
    content.split(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}

#[tokio::test]
async fn a_reader_that_stalls_and_reads_on_within_the_window_gets_everything() {
    let server = talkative(&["--history", "100000", "--history-bytes", "100000000"]).await;
    let mut slow = slow_member(&server, "room", "slow").await;
    let mut ali = server.member("room", "ali").await;
    while slow.next_event().await["content"] != "ali joined room." {}
    slow.stall();
    say_much(&mut ali).await;
    slow.read_on();
    for n in 0..MANY {
        assert_eq!(number(&slow.next_event().await), n);
    }
    ali.mark("live again").await;
    assert_eq!(slow.until_said("live again").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_reader_that_stalls_beyond_the_window_gets_a_gap_with_the_exact_number() {
    let server = talkative(&["--history", "50"]).await;
    let mut slow = slow_member(&server, "room", "slow").await;
    let mut ali = server.member("room", "ali").await;
    while slow.next_event().await["content"] != "ali joined room." {}
    slow.stall();
    say_much(&mut ali).await;
    slow.read_on();
    let mut seen = Vec::new();
    while seen.last() != Some(&(MANY - 1)) {
        let message = slow.next().await;
        if message["type"] == "message" {
            seen.push(number(&message));
        }
    }
    let missed: u64 = slow.gaps().iter().sum();
    assert!(missed > 0, "the window was passed: {} seen", seen.len());
    assert_eq!(seen.len() + missed as usize, MANY, "what was not seen was announced");
    ali.mark("live again").await;
    assert_eq!(slow.until_said("live again").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_client_of_the_seeds_is_told_of_its_gap_in_words() {
    let server = talkative(&["--history", "50"]).await;
    let connect = server.connect("/ws/room/slow").narrow();
    let mut slow = connect.open().await.into_client("slow");
    while !slow.next_text().await.contains("slow joined room.") {}
    let mut ali = server.member("room", "ali").await;
    while !slow.next_text().await.contains("ali joined room.") {}
    slow.stall();
    say_much(&mut ali).await;
    slow.read_on();
    let (mut seen, mut missed, mut last) = (0, 0, 0);
    while last != MANY - 1 {
        let event: Value = serde_json::from_str(&slow.next_text().await).expect("JSON");
        if event["type"] == "message" {
            (seen, last) = (seen + 1, number(&event));
        } else if event["type"] == "system" {
            assert_eq!((event.get("offset"), &event["client_id"]), (None, &"system".into()));
            let words = event["content"].as_str().expect("words");
            assert!(words.ends_with(" events were missed."), "{words}");
            missed += number(&event);
        }
    }
    assert!(missed > 0);
    assert_eq!(seen + missed, MANY);
}

#[tokio::test]
async fn a_reader_that_never_reads_is_closed_and_leaves_and_nothing_is_kept_for_it() {
    let server = talkative(&["--heartbeat", "1s", "--grace", "500ms"]).await;
    let mut slow = slow_member(&server, "room", "slow").await;
    let mut ali = server.member("room", "ali").await;
    slow.mute();
    slow.stall();
    let talking = async {
        // It goes on until the stalled one is out: two heartbeats and the grace, however long they take here.
        for n in 0.. {
            let before = ali.mark(&format!("{n} {}", "x".repeat(LONG))).await;
            if before.iter().any(|event| event["event"] == "leave") {
                break;
            }
        }
    };
    within("the stalled reader to leave", talking).await;
    assert_eq!(server.metric("hamhame_slow_total").await, 1.0, "it was closed because it was slow");
    slow.read_on();
    within("the end of its connection", slow.ended()).await;
}

/// What each member of the large room does: counts, checks that offsets follow one another, and notes how late each
/// message is.
#[derive(Default)]
struct Watch {
    sent_at: Mutex<Vec<Instant>>,
    late: Mutex<Vec<Duration>>,
    delivered: AtomicUsize,
    progress: Notify,
}

async fn watch(mut client: Client, watch: Arc<Watch>) {
    let mut last = None;
    while let Frame::Text(text) = client.next_but_control().await {
        let Some((_, offset)) = text.split_once(r#","offset":"#) else { continue };
        let offset: u64 = offset.trim_end_matches('}').parse().expect("an offset");
        assert!(last.is_none_or(|last| offset == last + 1), "a hole at {offset}");
        last = Some(offset);
        let Some((_, rest)) = text.split_once(r#""content":"#) else { continue };
        let number = rest.trim_start_matches('"').split(' ').next().unwrap_or_default();
        let Ok(number) = number.parse::<usize>() else { continue };
        let late = watch.sent_at.lock().await[number].elapsed();
        watch.late.lock().await.push(late);
        watch.delivered.fetch_add(1, Ordering::Relaxed);
        watch.progress.notify_one();
    }
}

/// Time between two messages of steady talk.
const EVERY: Duration = Duration::from_millis(25);

/// Messages that fill whatever the kernel has for a narrow connection.
const BURST: u64 = 30;

/// What a time of steady talk showed.
#[derive(Debug)]
struct Phase {
    /// The 99th percentile of how late messages were.
    late: Duration,
    /// The server's memory at its largest, in KiB.
    memory: u64,
}

impl Watch {
    /// Has `speaker` say `count` messages of `length` at a steady rate, and waits until all `readers` have everything.
    async fn phase(
        &self,
        (server, speaker, readers): (&TestServer, &Client, usize),
        count: u64,
        length: usize,
    ) -> Phase {
        let words = "x".repeat(length);
        let mut ticks = tokio::time::interval(EVERY);
        let mut memory = 0;
        for _ in 0..count {
            ticks.tick().await;
            let number = {
                let mut sent_at = self.sent_at.lock().await;
                sent_at.push(Instant::now());
                sent_at.len() - 1
            };
            let id = number.to_string();
            let content = format!("{number} {words}");
            let send = serde_json::json!({ "type": "send", "id": id, "content": content });
            speaker.send(&send.to_string()).await;
            memory = memory.max(server.rss() / 1024);
        }
        let all = self.sent_at.lock().await.len() * readers;
        within("everyone else to get everything", async {
            while self.delivered.load(Ordering::Relaxed) < all {
                self.progress.notified().await;
            }
        })
        .await;
        let mut late = std::mem::take(&mut *self.late.lock().await);
        late.sort();
        Phase { late: late[late.len() * 99 / 100], memory }
    }
}

/// How long the reader stalls; `HAMHAME_STALL_SECONDS=60` is what was promised, the default what a test run has time for.
fn stall() -> Duration {
    let seconds = std::env::var("HAMHAME_STALL_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(8))
}

#[tokio::test]
async fn a_stalled_reader_among_a_hundred_costs_less_than_a_mebibyte_and_the_others_nothing() {
    const OTHERS: usize = 99;
    // A window that is full before anything is measured, so that the log's own size is no part of the difference; and
    // four heartbeats in which a reader that does not read has to be found.
    let heartbeat = format!("{}ms", (stall().as_millis() / 4).min(10_000));
    let server = talkative(&["--history", "100", "--heartbeat", &heartbeat]).await;
    let watching = Arc::new(Watch::default());
    for n in 0..OTHERS {
        let client = server.member("room", &format!("member {n}")).await.into_client();
        tokio::spawn(watch(client, watching.clone()));
    }
    let slow = slow_member(&server, "room", "slow").await;
    // The one who speaks must read as well, or it would be the one that stalls; it does so in the background.
    let speaker = server.member("room", "speaker").await.into_client();

    let everyone = (&server, &speaker, OTHERS);
    let count = stall().as_millis() as u64 / EVERY.as_millis() as u64;
    watching.phase(everyone, BURST, LONG).await;
    let without = watching.phase(everyone, count, 1000).await;
    slow.mute();
    slow.stall();
    // Enough at once that the kernel cannot take it all for the one that does not read.
    let burst = watching.phase(everyone, BURST, LONG).await;
    let with = watching.phase(everyone, count, 1000).await;

    eprintln!(
        "a reader stalls for {:?}: p99 of the others {:?} without, {:?} with; memory {} KiB without, {} KiB with",
        stall(),
        without.late,
        with.late,
        without.memory,
        with.memory,
    );
    // As slow or as silent: on a busy machine its two heartbeats may be over before its socket is full.
    let everyone_else = (OTHERS + 1) as f64;
    within("the stalled one to be let go", async {
        // One connection more is the question itself.
        while server.metric("hamhame_connections").await > everyone_else + 1.0 {
            tokio::time::sleep(EVERY).await;
        }
    })
    .await;
    let grown = with.memory.max(burst.memory).saturating_sub(without.memory);
    assert!(grown < 1024, "the server grew by {grown} KiB: {without:?} {with:?}");
}
