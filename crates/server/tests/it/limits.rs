//! Limits: who passes one is told which and when to come back, and nobody else pays for it.
use std::time::Duration;

use crate::common::{Frame, HANDSHAKE, Raw, Socket, TestServer, V1Client, within};
use hamhame_ws::Opcode;
use serde_json::{Value, json};

/// What came back for the `send` with this `id`: an `ack` or an `error`.
async fn outcome(client: &mut V1Client, id: &str) -> Value {
    loop {
        let message = client.next().await;
        if ["ack", "error"].contains(&message["type"].as_str().unwrap_or_default())
            && message["id"] == id
        {
            return message;
        }
    }
}

#[tokio::test]
async fn who_says_too_much_at_once_is_told_when_to_go_on_and_is_right_to_believe_it() {
    let server = TestServer::start(&["--message-burst", "3", "--message-rate", "2"]).await;
    let mut reader = server.seed("room", "reader").await;
    reader.mark("ready").await;
    let mut writer = server.member("room", "writer").await;
    for n in 0..3 {
        writer.say(&format!("m{n}"), &format!("message {n}")).await;
        assert_eq!(outcome(&mut writer, &format!("m{n}")).await["type"], "ack");
    }
    // A slow machine may have given a token back by now, so the first refusal is waited for, and is near.
    let mut n = 3;
    let refused = loop {
        assert!(n < 50, "nothing is refused");
        writer.say(&format!("m{n}"), &format!("message {n}")).await;
        let outcome = outcome(&mut writer, &format!("m{n}")).await;
        if outcome["type"] == "error" {
            break outcome;
        }
        n += 1;
    };
    assert_eq!((&refused["code"], &refused["temporary"]), (&json!("rate_limited"), &json!(true)));
    let wait = refused["retry_after"].as_f64().expect("it says when");
    assert!(wait > 0.0 && wait <= 0.5, "one message comes back every half second: {refused}");
    tokio::time::sleep(Duration::from_secs_f64(wait)).await;
    let id = format!("m{n}");
    writer.say(&id, "at last").await;
    assert_eq!(
        outcome(&mut writer, &id).await["type"],
        "ack",
        "what was refused can be sent again under its id"
    );
    let before = reader.until_said("at last").await;
    let said: Vec<&Value> = before
        .iter()
        .filter(|event| event["type"] == "message")
        .map(|event| &event["content"])
        .collect();
    let expected: Vec<Value> = (0..n).map(|n| json!(format!("message {n}"))).collect();
    assert_eq!(
        said,
        expected.iter().collect::<Vec<_>>(),
        "what was refused is not said, all else is"
    );
}

#[tokio::test]
async fn a_client_of_the_seeds_is_told_in_plain_words_and_stays() {
    let server = TestServer::start(&["--message-burst", "2", "--message-rate", "1"]).await;
    let mut reader = server.member("room", "reader").await;
    let mut writer = server.seed("room", "writer").await;
    let refused = loop {
        writer.say("a word").await;
        let event = writer.next_event().await;
        if event["type"] == "system" && event.get("event").is_none() {
            break event;
        }
    };
    assert_eq!((&refused["client_id"], &refused["room_id"]), (&json!("system"), &json!("room")));
    let words = refused["content"].as_str().expect("words");
    assert!(words.contains("Try again in "), "{words}");
    let seconds: f64 = words
        .rsplit("Try again in ")
        .next()
        .and_then(|rest| rest.trim_end_matches(" s.").parse().ok())
        .expect("a time");
    // The words are rounded to a tenth.
    tokio::time::sleep(Duration::from_secs_f64(seconds + 0.1)).await;
    writer.mark("after it").await;
    let before = reader.until_said("after it").await;
    assert!(
        before.iter().all(|event| event["type"] != "system" || event["event"] == "join"),
        "a notice is for one alone: {before:?}"
    );
}

#[tokio::test]
async fn one_who_floods_does_not_use_up_what_the_others_may_say() {
    let server = TestServer::start(&[]).await;
    let mut calm = server.member("room", "calm").await;
    let mut noisy = server.member("room", "noisy").await;
    let burst = calm.welcome()["limits"]["burst"].as_u64().expect("a number");
    for n in 0..burst + 30 {
        noisy.say(&format!("n{n}"), "noise").await;
    }
    assert_eq!(outcome(&mut noisy, &format!("n{}", burst + 29)).await["code"], "rate_limited");
    for n in 0..burst {
        calm.said(&format!("c{n}"), "calm").await;
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_own_payload() {
    let server = TestServer::start(&[]).await;
    let mut socket = server.connect("/ws/room/ali").open().await;
    for payload in [&b""[..], b"x", &[0xff; 125]] {
        socket.send_frame(Opcode::Ping, payload).await;
        let pong = loop {
            if let Frame::Pong(pong) = socket.next().await {
                break pong;
            }
        };
        assert_eq!(pong, payload);
    }
}

#[tokio::test]
async fn an_address_with_all_its_connections_is_told_so_and_has_one_again_when_one_ends() {
    let server = TestServer::start(&["--max-connections-per-address", "3"]).await;
    let mut first = server.member("room", "یک").await;
    let second = server.member("room", "دو").await;
    let third = server.seed("room", "سه").await;
    for request in [
        format!("GET /ws/room/four HTTP/1.1\r\nHost: localhost\r\n{HANDSHAKE}\r\n"),
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
    ] {
        let mut raw = Raw::send(server.address(), request).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 429, "{}", answer.head);
        let wait: u64 =
            answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("it says when");
        assert!((1..=60).contains(&wait), "{wait}");
        assert!(answer.body.contains("too many connections"), "{}", answer.body);
        assert_eq!(raw.rest().await, b"", "the connection does not stay");
    }
    second.into_client().close(1000).await;
    let fourth = within("a place to be free", async {
        loop {
            if let Ok(socket) = server.connect("/ws/room/four").try_open().await {
                return socket;
            }
        }
    });
    let _fourth = fourth.await;
    first.mark("those who are in have noticed nothing").await;
    drop(third);
}

#[tokio::test]
async fn far_above_the_bound_connections_are_dropped_and_those_within_stay() {
    let server = TestServer::start(&["--max-connections-per-address", "8"]).await;
    let mut first = server.member("room", "یک").await;
    let mut silent = Vec::new();
    let mut dropped = 0;
    for _ in 0..40 {
        let mut raw = Raw::connect(server.address()).await.into_stream();
        let mut byte = [0];
        match tokio::time::timeout(
            Duration::from_millis(100),
            tokio::io::AsyncReadExt::read(&mut raw, &mut byte),
        )
        .await
        {
            Ok(Ok(0) | Err(_)) => dropped += 1,
            Ok(Ok(_)) => panic!("nothing was asked"),
            Err(_) => silent.push(raw),
        }
    }
    assert!((8..=24).contains(&silent.len()), "{} are open", silent.len());
    assert!(dropped > 0);
    first.mark("still here").await;
    drop(silent);
    within("places to be free", async {
        while server.connect("/ws/room/ali").try_open().await.is_err() {}
    })
    .await;
}

#[tokio::test]
async fn the_server_as_a_whole_has_a_bound_too() {
    let server = TestServer::start(&["--max-connections", "2"]).await;
    let _first = server.seed("room", "یک").await;
    let _second = server.seed("room", "دو").await;
    let answer = Raw::send(server.address(), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .answer()
        .await;
    assert_eq!(answer.status, 429, "{}", answer.head);
}

#[tokio::test]
async fn a_room_that_is_full_says_so_and_lets_one_in_when_one_leaves() {
    let server = TestServer::start(&["--max-members", "2"]).await;
    let mut first = server.member("room", "یک").await;
    let second = server.member("room", "دو").await;
    let mut late = server.v1("room", "سه").await;
    late.send_json(json!({"type":"join"})).await;
    let error = late.expect_type("error").await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("room_full"), &json!(false)));
    assert_eq!(late.closed().await.0, 4504);
    let mut seed = server.seed("room", "چهار").await;
    let notice = seed.next().await;
    assert_eq!((&notice["type"], &notice["client_id"]), (&json!("system"), &json!("system")));
    assert!(notice["content"].as_str().is_some_and(|words| words.contains("full")), "{notice}");
    assert_eq!(seed.closed().await.0, 4504);
    // Another room is none of this one's business.
    server.member("elsewhere", "سه").await;
    second.into_client().close(1000).await;
    let mut left = first.next_event().await;
    while left["event"] != "leave" {
        left = first.next_event().await;
    }
    server.member("room", "سه").await;
}

#[tokio::test]
async fn a_member_that_comes_back_to_a_full_room_has_its_place() {
    let server = TestServer::start(&["--max-members", "2"]).await;
    let _first = server.member("room", "یک").await;
    let second = server.member("room", "دو").await;
    let (token, position) = (second.token(), second.position());
    second.into_client().abort().await;
    let mut again = server.v1("room", "دو").await;
    assert_eq!(again.resume(&token, &position).await["recovered"], true);
}

#[tokio::test]
async fn at_the_bound_the_room_that_was_empty_longest_gives_way_and_else_the_server_is_full() {
    let server = TestServer::start(&["--max-rooms", "2"]).await;
    let mut spoken = server.member("spoken", "ali").await;
    spoken.said("a", "something to keep").await;
    let old = spoken.position();
    let mut held = server.member("held", "ali").await;
    let mut third = server.v1("third", "ali").await;
    third.send_json(json!({"type":"join"})).await;
    let error = third.expect_type("error").await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("server_full"), &json!(true)));
    assert_eq!(third.closed().await.0, 4004);
    let mut seed = server.seed("third", "ali").await;
    assert!(seed.next().await["content"].as_str().is_some_and(|words| words.contains("rooms")));
    assert_eq!(seed.closed().await.0, 4004);
    // A room that exists is open to all the same.
    let reza = server.member("held", "reza").await;
    reza.into_client().close(1000).await;
    // One that was spoken in gives way too, when nobody is in it.
    spoken.into_client().close(1000).await;
    while server.metric("hamhame_members").await > 1.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let third = server.member("third", "ali").await;
    held.said("b", "nobody gave this room up").await;
    // What was there is told to be gone, by a new epoch.
    third.into_client().close(1000).await;
    while server.metric("hamhame_members").await > 1.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut back = server.v1("spoken", "ali").await;
    let welcome = back.join_as(json!({"type":"join","after":old})).await;
    assert_eq!(welcome["recovered"], false);
}

#[tokio::test]
async fn with_limits_off_nobody_is_too_fast_and_no_address_has_too_many() {
    let options = [
        "--limits",
        "off",
        "--message-burst",
        "1",
        "--message-rate",
        "0.001",
        "--max-connections-per-address",
        "1",
    ];
    let server = TestServer::start(&options).await;
    let mut writer = server.member("room", "writer").await;
    let limits = &writer.welcome()["limits"];
    assert_eq!((&limits["burst"], &limits["rate"]), (&Value::Null, &Value::Null));
    let _others: Vec<Socket> =
        vec![server.connect("/ws/room/a").open().await, server.connect("/ws/room/b").open().await];
    for n in 0..300 {
        writer.say(&format!("m{n}"), "fast").await;
    }
    for _ in 0..300 {
        writer.send_json(json!({"type":"typing","typing":true})).await;
    }
    let last = outcome(&mut writer, "m299").await;
    assert_eq!(last["type"], "ack", "{last}");
}

#[tokio::test]
async fn a_message_may_be_as_large_as_the_limits_say_and_no_larger() {
    let server = TestServer::start(&[
        "--message-graphemes",
        "10",
        "--message-bytes",
        "30",
        "--frame-bytes",
        "2048",
    ])
    .await;
    let mut client = server.member("room", "علی").await;
    let limits = &client.welcome()["limits"];
    assert_eq!(
        (&limits["content_graphemes"], &limits["content_bytes"], &limits["message_bytes"]),
        (&json!(10), &json!(30), &json!(2048))
    );
    client.said("a", &"س".repeat(10)).await;
    // A letter with its mark is one grapheme of four bytes.
    client.said("b", &"سَ".repeat(7)).await;
    for (id, content) in [("c", "س".repeat(11)), ("d", "سَ".repeat(8))] {
        client.say(id, &content).await;
        let error = outcome(&mut client, id).await;
        assert_eq!(
            (&error["code"], &error["temporary"]),
            (&json!("too_long"), &json!(false)),
            "{error}"
        );
    }
    let mut seed = server.seed("room", "رضا").await;
    seed.say(&"س".repeat(11)).await;
    let notice = loop {
        let event = seed.next_event().await;
        if event["event"].is_null() && event["type"] == "system" {
            break event;
        }
    };
    assert!(notice["content"].as_str().is_some_and(|words| words.contains("10")), "{notice}");
    seed.mark("fits").await;
    client.send(&format!("{:2048}", r#"{"type":"heartbeat"}"#)).await;
    client.next_of("heartbeat").await;
    client.send(&format!("{:2049}", r#"{"type":"heartbeat"}"#)).await;
    assert_eq!(client.closed().await.0, 1009);
}

#[tokio::test]
async fn pages_of_this_host_and_of_the_list_may_connect_and_no_others() {
    let server =
        TestServer::start(&["--origin", "https://school.example,http://localhost:5173"]).await;
    let host = server.address();
    let own = format!("http://{host}");
    for origin in
        [own.as_str(), "https://school.example", "https://SCHOOL.example", "http://localhost:5173"]
    {
        server.connect("/ws/room/anonymous").origin(origin).open().await;
    }
    for path in ["/ws/room/anonymous", "/ws", "/ws/7", "/lab/echo"] {
        for origin in [
            "https://evil.example",
            "null",
            "http://school.example",
            "https://school.example.evil.example",
            "http://localhost.evil.example:5174",
            "http://127.0.0.1.evil.example",
            &format!("ftp://{host}"),
            &format!("ws://{host}"),
        ] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n{HANDSHAKE}\r\n"
            );
            let answer = Raw::send(host, request).await.answer().await;
            assert_eq!(answer.status, 403, "{origin} at {path}: {}", answer.head);
            assert!(answer.body.contains("--origin"), "{}", answer.body);
        }
    }
    // Pages are for everyone to read; nothing of them can be done in another's name.
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nOrigin: https://evil.example\r\nConnection: close\r\n\r\n"
    );
    let page = server.request(&request).await;
    assert_eq!((page.status, page.header("access-control-allow-origin")), (200, None));
    let open = TestServer::start(&["--origin", "*"]).await;
    open.connect("/ws/room/anonymous").origin("https://anything.example").open().await;
}

#[tokio::test]
async fn the_head_of_a_request_may_be_as_large_as_the_option_says() {
    // What is read at once may go over the bound a little, so it is passed clearly.
    for (option, fits, too_large) in [("8192", 7_000, 17_000), ("65536", 60_000, 140_000)] {
        let server = TestServer::start(&["--header-bytes", option]).await;
        let request = |bytes: usize| {
            format!(
                "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: {}\r\n\r\n",
                "x".repeat(bytes)
            )
        };
        assert_eq!(
            Raw::send(server.address(), request(fits)).await.answer().await.status,
            200,
            "{option}"
        );
        assert_eq!(
            Raw::send(server.address(), request(too_large)).await.answer().await.status,
            431,
            "{option}"
        );
    }
}
