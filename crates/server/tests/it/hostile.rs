//! Promise 7 in the large: ten thousand hostile connections against a running server with a chat going on, and the chat
//! does not notice.
//!
//! `HAMHAME_HOSTILE` is their number. They come in waves, so that the process's file descriptors suffice.
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{HANDSHAKE, Random, SeedClient, TALKATIVE, TestServer, V1Client, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Hostile connections unless `HAMHAME_HOSTILE` says otherwise.
const HOSTILE: usize = 10_000;

/// Open at once.
const WAVE: usize = 600;

/// What the server's memory may grow by.
const GROWTH: u64 = 32 << 20;

/// What a hostile client does.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Connects and is gone.
    Knock,
    /// Sends a part of a handshake and waits, or goes.
    HalfHandshake,
    /// Sends random bytes.
    Garbage,
    /// Sends a head without end.
    HugeHead,
    /// Opens a WebSocket and sends random bytes.
    GarbageFrames,
    /// Announces more than may be sent.
    Oversize,
    /// Sends what is not UTF-8.
    BadText,
    /// Is cut off in the midst of a frame.
    CutInFrame,
    /// Wants the name of somebody who is there.
    Squatter,
    /// Is in the chat's own room and never reads.
    Sleeper,
    /// Sends as fast as it can.
    Flood,
    /// Opens `hamhame.v1` and never joins as it should.
    NoJoin,
}

const KINDS: [Kind; 12] = [
    Kind::Knock,
    Kind::HalfHandshake,
    Kind::Garbage,
    Kind::HugeHead,
    Kind::GarbageFrames,
    Kind::Oversize,
    Kind::BadText,
    Kind::CutInFrame,
    Kind::Squatter,
    Kind::Sleeper,
    Kind::Flood,
    Kind::NoJoin,
];

impl Kind {
    /// The room and name it goes to.
    fn path(self, random: &mut Random) -> String {
        match self {
            // A name of the chat, in its room.
            Kind::Squatter => format!("/ws/chat/member-{}", random.below(10)),
            Kind::Sleeper => "/ws/hostile/anonymous".into(),
            Kind::Flood if random.one_in(2) => "/ws".into(),
            _ => format!("/ws/hostile/{}", random.draw()),
        }
    }

    /// What it sends once its WebSocket is open.
    fn frames(self, random: &mut Random) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        match self {
            Kind::GarbageFrames => noise(random, 300),
            Kind::Oversize => {
                [&[0x81, 0xff][..], &(1u64 << 40).to_be_bytes(), &mask, &[b'x'; 100]].concat()
            }
            Kind::BadText => [&[0x81, 0x84][..], &mask, &[0xff; 4]].concat(),
            Kind::CutInFrame => [&[0x81, 0xfe, 0x7f, 0xff][..], &mask, &[b'x'; 3_000]].concat(),
            Kind::Flood => [&[0x81, 0x82][..], &mask, b"ab"].concat().repeat(300),
            Kind::NoJoin => {
                [&[0x81, 0x81][..], &mask, b"x"].concat().repeat(random.below(200) as usize)
            }
            _ => Vec::new(),
        }
    }
}

fn noise(random: &mut Random, most: u64) -> Vec<u8> {
    (0..=random.below(most)).map(|_| random.draw() as u8).collect()
}

/// One hostile client from its beginning to its end. What becomes of it is not its business.
async fn attack(server: SocketAddr, number: usize) -> std::io::Result<()> {
    let mut random = Random::new(number as u64);
    let kind = KINDS[number % KINDS.len()];
    let socket = TcpSocket::new_v4()?;
    // Many addresses, so that ports which still linger from earlier ones do not run out.
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, (number % 200 + 1) as u8), 0)))?;
    let mut stream = socket.connect(server).await?;
    match kind {
        Kind::Knock => {}
        Kind::HalfHandshake => {
            let request = request(&kind.path(&mut random), "");
            let part = random.below(request.len() as u64) as usize;
            stream.write_all(&request.as_bytes()[..part]).await?;
        }
        Kind::Garbage => {
            stream.write_all(&noise(&mut random, 2_000)).await?;
            drain(&mut stream).await;
        }
        Kind::HugeHead => {
            let headers = format!("X: {}\r\n", "x".repeat(1_000)).repeat(40);
            stream.write_all(request("/", &headers).as_bytes()).await?;
            drain(&mut stream).await;
        }
        _ => {
            let protocol = if matches!(kind, Kind::NoJoin) {
                "Sec-WebSocket-Protocol: hamhame.v1\r\n"
            } else {
                ""
            };
            let mut bytes = request(&kind.path(&mut random), protocol).into_bytes();
            bytes.extend(kind.frames(&mut random));
            stream.write_all(&bytes).await?;
            if matches!(kind, Kind::Sleeper | Kind::CutInFrame) {
                // Long enough for the server to have it among its members.
                stream.readable().await?;
            } else if random.one_in(2) {
                drain(&mut stream).await;
            }
        }
    }
    if random.one_in(3) {
        // Some stay for a while, without reading.
        tokio::time::sleep(random.shorter_than(Duration::from_millis(500))).await;
    }
    if random.one_in(2) {
        let _ = stream.set_zero_linger(); // a RST instead of a FIN
    }
    Ok(())
}

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{HANDSHAKE}{headers}\r\n")
}

/// Reads what comes for a moment: some clients do.
async fn drain(stream: &mut TcpStream) {
    let mut bytes = [0; 4096];
    let reading = async { while stream.read(&mut bytes).await.is_ok_and(|n| n > 0) {} };
    let _ = tokio::time::timeout(Duration::from_millis(50), reading).await;
}

/// A member of the chat that goes on, in one dialect or the other.
enum Member {
    V1(V1Client),
    Seed(SeedClient),
}

impl Member {
    async fn say(&self, id: &str) {
        match self {
            Member::V1(member) => member.say(id, id).await,
            Member::Seed(member) => member.say(id).await,
        }
    }

    /// The next message of the room. Somebody who comes or goes here is one who should not be here.
    async fn next_message(&mut self) -> String {
        let event = match self {
            Member::V1(member) => member.next_event().await,
            Member::Seed(member) => member.next_event().await,
        };
        assert_eq!(event["type"], "message", "the chat noticed: {event}");
        event["content"].as_str().expect("text").to_owned()
    }
}

/// Ten who talk in turn, from now until `enough`; gives how many messages each of them got, in order and exactly once.
async fn chat(server: &TestServer, enough: Arc<AtomicBool>) -> JoinHandle<usize> {
    let mut members = Vec::new();
    for n in 0..10 {
        let name = format!("member-{n}");
        members.push(if n % 2 == 0 {
            Member::V1(server.member("chat", &name).await)
        } else {
            let mut member = server.seed("chat", &name).await;
            // An open WebSocket is not yet a member: it is one when it hears itself.
            member.mark("here").await;
            Member::Seed(member)
        });
    }
    members[0].say("all here").await;
    for member in &mut members {
        match member {
            Member::V1(member) => drop(member.until_said("all here").await),
            Member::Seed(member) => drop(member.until_said("all here").await),
        }
    }
    tokio::spawn(async move {
        let mut said = 0;
        while !enough.load(Ordering::SeqCst) {
            // All speak at once, and all agree on the order in which they did.
            for (n, member) in members.iter().enumerate() {
                member.say(&format!("{said}-{n}")).await;
            }
            let mut order: Option<Vec<String>> = None;
            for member in &mut members {
                let mut heard = Vec::new();
                for _ in 0..10 {
                    heard.push(member.next_message().await);
                }
                assert_eq!(*order.get_or_insert_with(|| heard.clone()), heard);
            }
            let mut sorted = order.expect("ten members");
            sorted.sort();
            assert_eq!(sorted, (0..10).map(|n| format!("{said}-{n}")).collect::<Vec<_>>());
            said += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        said * 10
    })
}

#[tokio::test]
async fn ten_thousand_hostile_connections_are_not_noticed_by_the_chat_meanwhile() {
    let number: usize =
        std::env::var("HAMHAME_HOSTILE").map_or(HOSTILE, |text| text.parse().expect("a number"));
    let deadlines = ["--header-timeout", "2s", "--join-timeout", "2s"];
    let mut server = TestServer::start(&[&TALKATIVE[..], &deadlines].concat()).await;
    let enough = Arc::new(AtomicBool::new(false));
    let chat = chat(&server, enough.clone()).await;
    // The first wave fills what is filled once and for all.
    let begun = Instant::now();
    send(server.address(), 0..WAVE.min(number)).await;
    let before = server.rss();
    let failed = send(server.address(), WAVE.min(number)..number).await;
    assert!(failed * 100 <= number, "{failed} did not even reach the server");
    let took = begun.elapsed();
    // All of them go: the last ones by the deadlines above.
    within("the hostile to be gone", async {
        while server.metric("hamhame_connections").await > 11.0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let came = server.metric("hamhame_connections_total").await;
    assert!(came >= number as f64, "{came} of {number} reached the server");
    // How many get how far before they go is theirs to decide; but some do.
    assert!(server.metric("hamhame_sessions_total").await > 10.0 + number as f64 / 100.0);
    assert!(server.metric("hamhame_refusals_total").await > 0.0);
    enough.store(true, Ordering::SeqCst);
    let messages = within("the chat's last words", chat).await.expect("the chat did not notice");
    let growth = server.rss().saturating_sub(before);
    eprintln!(
        "{number} hostile connections in {took:?}; {messages} messages to ten members meanwhile; memory grew by {} KiB",
        growth >> 10
    );
    assert!(messages >= 100, "the chat went on: {messages}");
    assert!(growth < GROWTH, "{growth} bytes");
    server.terminate();
    assert!(server.wait().await.success());
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// Lets these come, never more than a wave at once; gives how many could not connect.
async fn send(server: SocketAddr, numbers: std::ops::Range<usize>) -> usize {
    let failed = Arc::new(AtomicUsize::new(0));
    let mut open = JoinSet::new();
    for number in numbers {
        while open.len() >= WAVE {
            let ended = within("a hostile client's end", open.join_next()).await;
            ended.expect("there are some").expect("none of them panics");
        }
        let failed = failed.clone();
        open.spawn(async move {
            if let Err(error) = attack(server, number).await
                && !matches!(
                    error.kind(),
                    std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
                )
            {
                failed.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while let Some(ended) = within("a hostile client's end", open.join_next()).await {
        ended.expect("none of them panics");
    }
    failed.load(Ordering::Relaxed)
}
