//! Promise 6: a deploy loses nobody. On SIGTERM everyone is told to come back, each at another time, what was said is
//! delivered, and the process ends well, whatever clients do.
use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use crate::common::{
    Connect, Frame, HANDSHAKE, Raw, Socket, TALKATIVE, TestServer, V1Client, within,
};
use serde_json::{Value, json};

/// How long the end may take (the issue's own figure), whatever clients do.
const DEADLINE: Duration = Duration::from_secs(10);

/// Waits for the end, which must be a good one and in time.
async fn ends_well(server: &mut TestServer, asked: Instant) {
    let status = server.wait().await;
    assert!(status.success(), "{status}: {}", server.log());
    assert!(asked.elapsed() < DEADLINE, "it took {:?}", asked.elapsed());
}

/// Reads to the `shutdown` and gives its `retry_after`; events before it are passed over.
async fn told_to_come_back(client: &mut V1Client) -> f64 {
    let shutdown = client.next_of("shutdown").await;
    let after = shutdown["retry_after"].as_f64().expect("it says when");
    let (code, _) = client.closed().await;
    assert_eq!(code, 1012);
    after
}

async fn open_v1(connect: Connect) -> Socket {
    connect.protocol("hamhame.v1").open().await
}

#[tokio::test]
async fn every_client_is_told_to_come_back_each_at_another_time() {
    let mut server = TestServer::start(&["--drain", "2s", "--threads", "2"]).await;
    let mut members = Vec::new();
    for n in 0..20 {
        members.push(server.member("room", &format!("عضو {n}")).await);
    }
    let asked = Instant::now();
    server.terminate();
    let mut times = Vec::new();
    for member in &mut members {
        times.push(told_to_come_back(member).await);
    }
    drop(members);
    ends_well(&mut server, asked).await;
    let different: HashSet<u64> = times.iter().map(|time| (time * 1000.0) as u64).collect();
    assert!(different.len() >= 10, "twenty clients of two threads do not come at once: {times:?}");
    assert!(times.iter().all(|time| (0.0..=2.5).contains(time)), "{times:?}");
    let (least, most) = times.iter().fold((f64::MAX, 0.0f64), |(a, b), &t| (a.min(t), b.max(t)));
    assert!(most - least >= 1.0, "they are spread over the time given: {times:?}");
}

#[tokio::test]
async fn who_speaks_another_dialect_or_has_not_joined_is_closed_with_1012() {
    let mut server = TestServer::start(&[]).await;
    let mut sockets = vec![
        ("seed", server.connect("/ws/room/seed").open().await),
        ("lobby", open_v1(server.connect("/ws/room/lobby")).await),
        ("tutorial", server.connect("/ws/7").open().await),
        ("echo", server.connect("/ws").open().await),
        ("broadcast", server.connect("/ws?mode=broadcast").open().await),
        ("heartbeat", server.connect("/ws?mode=heartbeat").open().await),
        ("lab", server.connect("/lab/echo").open().await),
    ];
    // One that is just being asked whether it is alive, and the one who waits for the answer.
    sockets.push(("asked", server.connect("/ws/room/wanted").open().await));
    sockets.push(("waiting", server.connect("/ws/room/wanted").open().await));
    let mut kept =
        Raw::send(server.address(), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(kept.answer().await.status, 200);
    // All of them are known once a request behind them is answered.
    server.get("/healthz").await;
    let asked = Instant::now();
    server.terminate();
    for (who, socket) in &mut sockets {
        assert_eq!(socket.close_code().await, Some(1012), "{who}");
        socket.close(1012).await;
        assert!(matches!(socket.next().await, Frame::End { .. }), "{who}");
    }
    assert_eq!(kept.rest().await, b"", "an idle HTTP connection ends");
    ends_well(&mut server, asked).await;
}

#[tokio::test]
async fn while_the_last_ones_go_nobody_new_gets_in_and_what_had_begun_is_told_too() {
    let mut server = TestServer::start(&["--threads", "1"]).await;
    let mut member = server.member("room", "ali").await;
    let handshake = format!("GET /ws/room/late HTTP/1.1\r\nHost: localhost\r\n{HANDSHAKE}\r\n");
    let (first_half, second_half) = handshake.split_at(30);
    let mut late = Raw::send(server.address(), first_half).await;
    let mut late_page = Raw::send(server.address(), "GET /readyz HTTP/1.1\r\nHo").await;
    // One thread takes them in order, so the two halves are known when this is answered.
    server.get("/healthz").await;
    let asked = Instant::now();
    server.terminate();
    told_to_come_back(&mut member).await;
    let refused = tokio::net::TcpStream::connect(server.address()).await;
    assert!(refused.is_err(), "nobody listens any more");
    late_page.write("st: a\r\n\r\n").await;
    let ready = late_page.answer().await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "shutting down\n"));
    late.write(second_half).await;
    let answer = late.answer().await;
    assert_eq!(answer.status, 101, "{}", answer.head);
    let rest = late.rest().await;
    let goodbye = [
        &[0x88][..],
        &[2 + b"service_restart".len() as u8],
        &1012u16.to_be_bytes(),
        b"service_restart",
    ]
    .concat();
    assert!(
        rest.windows(goodbye.len()).any(|part| part == goodbye),
        "{:?}",
        String::from_utf8_lossy(&rest)
    );
    ends_well(&mut server, asked).await;
}

#[tokio::test]
async fn neither_a_stalled_reader_nor_half_a_handshake_keeps_the_process() {
    let mut server = TestServer::start(&TALKATIVE).await;
    let stalled = server.connect("/ws/room/stalled").receive_buffer(4096).open().await;
    let mute = server.connect("/ws/room/mute").open().await;
    let half =
        Raw::send(server.address(), "GET /ws/room/half HTTP/1.1\r\nHost: localhost\r\n").await;
    let nothing = Raw::connect(server.address()).await;
    let mut fragment = server.connect("/ws/room/fragment").open().await;
    fragment.write(&[0x01, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4, b'x']).await;
    let mut writer = server.member("room", "writer").await;
    let long = "متن".repeat(1000);
    for n in 0..1_000 {
        writer.said(&format!("m{n}"), &long).await;
    }
    let asked = Instant::now();
    server.terminate();
    told_to_come_back(&mut writer).await;
    ends_well(&mut server, asked).await;
    drop((stalled, mute, half, nothing, fragment));
}

#[tokio::test]
async fn what_was_acknowledged_before_the_end_has_reached_everyone() {
    for threads in ["1", "2"] {
        let options = [&TALKATIVE[..], &["--threads", threads]].concat();
        let mut server = TestServer::start(&options).await;
        let mut members = Vec::new();
        for n in 0..12 {
            members.push(server.member("room", &format!("عضو {n}")).await.unchecked());
        }
        let pid = server.pid();
        let talks: Vec<_> =
            members.into_iter().map(|member| tokio::spawn(talk_to_the_end(member))).collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let asked = Instant::now();
        server.terminate();
        let mut acknowledged = HashSet::new();
        let mut heard = Vec::new();
        for talk in talks {
            let (acks, events) = within("a member's end", talk).await.expect("no member failed");
            acknowledged.extend(acks);
            heard.push(events);
        }
        ends_well(&mut server, asked).await;
        assert!(acknowledged.len() > 100, "{pid} was busy: {}", acknowledged.len());
        for events in heard {
            let missing: Vec<_> = acknowledged.difference(&events).collect();
            assert!(
                missing.is_empty(),
                "{} of {} acknowledged messages did not arrive: {missing:?}",
                missing.len(),
                acknowledged.len()
            );
        }
    }
}

/// Says one thing after the other as soon as the last is acknowledged, until the server closes; gives the offsets of what was
/// acknowledged, and of all that was heard.
async fn talk_to_the_end(mut member: V1Client) -> (HashSet<u64>, HashSet<u64>) {
    let (mut acknowledged, mut heard) = (HashSet::new(), HashSet::new());
    let mut n = 0;
    let offset = |message: &Value| message["offset"].as_u64().expect("an offset");
    member.say("0", "0").await;
    loop {
        match member.next_or_end().await {
            Ok(message) if message["type"] == "ack" => {
                acknowledged.insert(offset(&message));
                n += 1;
                let send =
                    json!({"type":"send","id":n.to_string(),"content":n.to_string()}).to_string();
                let mut frame = Vec::new();
                hamhame_ws::write_masked_frame(
                    &mut frame,
                    hamhame_ws::Opcode::Text,
                    send.as_bytes(),
                    [1, 2, 3, 4],
                );
                let _ = member.try_write(&frame).await;
            }
            Ok(message) if message["type"] == "message" => {
                heard.insert(offset(&message));
            }
            Ok(_) => {}
            Err(Frame::Close(close)) => {
                assert_eq!(close.map(|(code, _)| code), Some(1012));
                return (acknowledged, heard);
            }
            Err(other) => panic!("lost without a word: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut server = TestServer::start(&[]).await;
    let mut member = server.member("room", "ali").await;
    // This one would hold the end up for as long as it may.
    let half =
        Raw::send(server.address(), "GET /ws/room/half HTTP/1.1\r\nHost: localhost\r\n").await;
    server.get("/healthz").await;
    server.terminate();
    told_to_come_back(&mut member).await;
    server.terminate();
    let status = server.wait().await;
    assert!(!status.success(), "what was not finished is not called a success: {status}");
    assert!(status.code() == Some(130) || status.signal().is_some(), "{status}");
    drop(half);
}

#[tokio::test]
async fn after_a_restart_everyone_comes_back_in_a_new_epoch_and_with_a_secret_as_the_same_member() {
    for secret in [false, true] {
        let args: &[&str] = if secret { &["--secret", "sixteen bytes and more"] } else { &[] };
        let mut server = TestServer::start(args).await;
        let mut ali = server.member("room", "علی").await;
        let mut reza = server.member("room", "رضا").await;
        ali.said("a", "پیش از آن").await;
        reza.until_said("پیش از آن").await;
        let asked = Instant::now();
        server.terminate();
        told_to_come_back(&mut ali).await;
        told_to_come_back(&mut reza).await;
        let (token, position, member) = (ali.token(), ali.position(), ali.member());
        drop((ali, reza));
        ends_well(&mut server, asked).await;
        server.restart().await;
        let mut again = server.v1("room", "علی").await;
        let welcome = again.resume(&token, &position).await;
        assert_eq!(welcome["recovered"], false, "the log began anew: {welcome}");
        assert_eq!(welcome["member"] == member.as_str(), secret, "{welcome}");
        // What was not acknowledged is said again under its id, and what was is none of the new log's business.
        again.said("b", "پس از آن").await;
    }
}

#[tokio::test]
async fn nobody_reads_of_departures_that_are_none() {
    let mut server = TestServer::start(&[]).await;
    let mut members = Vec::new();
    for n in 0..10 {
        members.push(server.member("room", &format!("عضو {n}")).await);
    }
    server.terminate();
    for member in &mut members {
        while let Ok(message) = member.next_or_end().await {
            assert_ne!(message["event"], "leave", "{message}");
        }
    }
    assert!(server.wait().await.success());
}
