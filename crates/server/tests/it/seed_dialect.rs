//! SPEC 3: a client that knows only the seed documents works unchanged, without negotiating anything.
use crate::common::{Frame, TestServer};
use serde_json::{Value, json};

/// `2026-11-21T10:02:03.000004+00:00`: RFC 3339, UTC, microseconds.
fn is_timestamp(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000000+00:00"
}

/// Cuts `text` at the first `"timestamp":"…"`, checks it, and gives what stands before and after.
fn around_timestamp(text: &str) -> (&str, &str) {
    let (before, rest) = text.split_once(r#""timestamp":""#).expect("a timestamp");
    let (timestamp, after) = rest.split_once('"').expect("a whole timestamp");
    assert!(is_timestamp(timestamp), "{timestamp}");
    (before, after)
}

#[tokio::test]
async fn what_a_newcomer_gets_is_that_it_joined_and_then_who_is_there() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.seed("کلاس", "علی").await;

    let joined = ali.next_raw().await;
    let (before, after) = around_timestamp(&joined);
    let expected =
        r#"{"type":"system","room_id":"کلاس","client_id":"system","content":"علی joined کلاس.","#;
    assert_eq!(before, expected);
    assert!(after.starts_with(','), "further members follow the five of the seeds: {joined}");

    let presence = ali.next_raw().await;
    assert_eq!(around_timestamp(&presence), (r#"{"type":"presence","users":["علی"],"#, "}"));
}

#[tokio::test]
async fn a_message_has_the_five_members_of_the_seeds_first_and_in_their_order() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.seed("کلاس", "علی").await;
    ali.until_present(&["علی"]).await;
    ali.say("سلام «بچه‌ها» \"\\").await;
    let message = ali.next_raw().await;
    let (before, after) = around_timestamp(&message);
    let expected =
        r#"{"type":"message","room_id":"کلاس","client_id":"علی","content":"سلام «بچه‌ها» \"\\","#;
    assert_eq!(before, expected);
    assert!(after.starts_with(r#","member":""#), "{message}");
    assert!(after.ends_with(r#","offset":2}"#), "{message}");
}

#[tokio::test]
async fn both_parts_of_the_path_are_percent_decoded() {
    let server = TestServer::start(&[]).await;
    for (path, room, name) in [
        ("/ws/%DA%A9%D9%84%D8%A7%D8%B3/%D8%B9%D9%84%DB%8C", "کلاس", "علی"),
        ("/ws/%20a%20%20b%20/%63%2F%64", "a b", "c/d"),
        ("/ws/a+b/c+d", "a+b", "c+d"),
        ("/ws/50%25/%F0%9F%98%80", "50%", "😀"),
    ] {
        let mut socket = server.connect(path).open().await.into_client(name);
        let joined: Value = serde_json::from_str(&socket.next_text().await).expect("JSON");
        assert_eq!(joined["room_id"], room, "{path}");
        assert_eq!(joined["content"], format!("{name} joined {room}."), "{path}");
    }
}

#[tokio::test]
async fn a_path_that_is_no_percent_encoded_utf_8_is_a_bad_request() {
    let server = TestServer::start(&[]).await;
    for path in ["/ws/a%/b", "/ws/a%zz/b", "/ws/a/%ff", "/ws/%D8/b"] {
        let refused = server.connect(path).try_open().await.err();
        let (_, head) = refused.unwrap_or_else(|| panic!("{path} opened"));
        assert!(head.starts_with("HTTP/1.1 400 "), "{path}: {head}");
    }
}

#[tokio::test]
async fn an_empty_room_is_general_and_an_empty_client_is_anonymous() {
    let server = TestServer::start(&[]).await;
    let mut witness = server.seed("general", "witness").await;
    witness.until_present(&["witness"]).await;
    for path in ["/ws//", "/ws/%20/%20%20"] {
        let mut guest = server.connect(path).open().await.into_client(path);
        let joined: Value = serde_json::from_str(&guest.next_text().await).expect("JSON");
        assert_eq!(joined["content"], "anonymous joined general.", "{path}");
        witness.until_present(&["witness", "anonymous"]).await;
        guest.close(1000).await;
        witness.until_present(&["witness"]).await;
    }
}

#[tokio::test]
async fn any_number_of_people_may_be_anonymous_at_once() {
    let server = TestServer::start(&[]).await;
    let mut first = server.seed("room", "").await;
    first.until_present(&["anonymous"]).await;
    let mut second = server.seed("room", "").await;
    second.until_present(&["anonymous", "anonymous"]).await;
    first.until_present(&["anonymous", "anonymous"]).await;
    second.mark("both hear this").await;
    first.until_said("both hear this").await;
}

#[tokio::test]
async fn content_is_taken_as_the_seeds_take_it() {
    let server = TestServer::start(&["--limits", "off"]).await;
    let mut ali = server.seed("room", "ali").await;
    for (sent, content) in [
        (r#"{"content":"hi"}"#, "hi"),
        (r#"{"content":"  trimmed \n"}"#, "trimmed"),
        (r#"{"other":1,"content":"among others","type":"x"}"#, "among others"),
        (r#"{"content":"first","content":"the last counts"}"#, "the last counts"),
        ("bare text", "bare text"),
        ("  bare and trimmed\t", "bare and trimmed"),
        (r#"{"content": "broken"#, r#"{"content": "broken"#),
        (r#""a quoted string""#, r#""a quoted string""#),
        ("[1, 2]", "[1, 2]"),
        ("42", "42"),
        ("null", "null"),
        (r#"{"content":42}"#, "42"),
        (r#"{"content":1.0}"#, "1.0"),
        (r#"{"content":1e400}"#, "inf"),
        (r#"{"content":true}"#, "True"),
        (r#"{"content":null}"#, "None"),
        (r#"{"content":["a", 1, "it's"]}"#, r#"['a', 1, "it's"]"#),
        (r#"{"content":{"a":null,"b":[true]}}"#, "{'a': None, 'b': [True]}"),
        (r#"{"content":"می\u200cروم"}"#, "می\u{200c}روم"),
        (r#"{"content":"half a pair: \ud83d"}"#, "half a pair: \u{fffd}"),
    ] {
        ali.send(sent).await;
        let heard = loop {
            let event = ali.next_event().await;
            if event["type"] == "message" {
                break event;
            }
        };
        assert_eq!(heard["content"], content, "{sent}");
    }
}

#[tokio::test]
async fn what_is_empty_or_an_object_without_content_is_ignored() {
    let server = TestServer::start(&["--limits", "off"]).await;
    let mut ali = server.seed("room", "ali").await;
    ali.mark("before").await;
    for sent in
        ["", "   ", "\n\t", r#"{"content":""}"#, r#"{"content":" \n "}"#, "{}", r#"{"text":"hi"}"#]
    {
        ali.send(sent).await;
    }
    assert_eq!(ali.mark("after").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_message_goes_to_everyone_in_the_room_and_to_its_sender() {
    let server = TestServer::start(&[]).await;
    // One after the other: the order of joining is part of what is awaited.
    let mut ali = server.seed_member("room", "ali").await;
    let mut sara = server.seed_member("room", "sara").await;
    let mut reza = server.member("room", "reza").await;
    sara.until_present(&["ali", "sara", "reza"]).await;
    sara.say("to all").await;
    let mut copies = Vec::new();
    for seed in [&mut ali, &mut sara] {
        copies.push(seed.next_of("message").await);
    }
    copies.push(reza.next_of("message").await);
    assert_eq!(copies[0]["content"], "to all");
    assert_eq!(copies[0], copies[1]);
    assert_eq!(copies[0], copies[2], "both dialects get the very same event");
}

#[tokio::test]
async fn no_other_room_hears_anything_of_a_room() {
    let server = TestServer::start(&[]).await;
    let mut here = server.seed("here", "ali").await;
    let mut there = server.seed("there", "ali").await;
    there.until_present(&["ali"]).await;
    let mut guest = server.seed_member("here", "guest").await;
    guest.mark("only here").await;
    guest.into_client().close(1000).await;
    here.until_said("only here").await;
    here.until_present(&["ali"]).await;
    there.say("marker").await;
    let next = there.next().await;
    assert_eq!(next["content"], "marker", "the first thing that happened there: {next}");
}

#[tokio::test]
async fn each_coming_and_going_is_told_to_all_with_the_names_in_order_of_joining() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.seed("room", "علی").await;
    ali.until_present(&["علی"]).await;
    let sara = server.seed("room", "سارا").await;
    assert_eq!(ali.next_of("system").await["content"], "سارا joined room.");
    ali.until_present(&["علی", "سارا"]).await;
    let mut reza = server.seed("room", "رضا").await;
    reza.until_present(&["علی", "سارا", "رضا"]).await;
    assert_eq!(ali.next_of("system").await["content"], "رضا joined room.");
    ali.until_present(&["علی", "سارا", "رضا"]).await;
    sara.into_client().close(1000).await;
    let left = ali.next_of("system").await;
    assert_eq!(
        (&left["client_id"], &left["content"]),
        (&json!("system"), &json!("سارا left room."))
    );
    ali.until_present(&["علی", "رضا"]).await;
    let mut sara = server.seed("room", "سارا").await;
    sara.until_present(&["علی", "رضا", "سارا"]).await;
}

#[tokio::test]
async fn a_refusal_is_a_system_event_in_plain_words_for_that_client_alone() {
    let server = TestServer::start(&["--message-burst", "3", "--message-rate", "0.01"]).await;
    let mut ali = server.seed_member("room", "ali").await;
    let mut sara = server.seed("room", "sara").await;
    sara.until_present(&["ali", "sara"]).await;
    ali.until_present(&["ali", "sara"]).await;

    ali.mark("one").await;
    ali.say(&"x".repeat(4001)).await;
    let notice = ali.next_raw().await;
    let (before, after) = around_timestamp(&notice);
    let start = r#"{"type":"system","room_id":"room","client_id":"system","content":"The message is too long: "#;
    assert!(before.starts_with(start), "{notice}");
    assert_eq!(after, "}", "a notice is no event of the log, so it has no offset");

    ali.mark("two").await;
    ali.say("three is too many").await;
    let notice = ali.next().await;
    assert_eq!((&notice["type"], &notice["client_id"]), (&json!("system"), &json!("system")));
    let words = notice["content"].as_str().expect("words");
    assert!(words.contains("Too many messages") && words.contains("Try again in "), "{words}");
    assert!(!words.contains('_'), "{words:?} is for people, not for programs");
    assert_eq!(notice.get("offset"), None);

    sara.say("marker").await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(sara.next_event().await["content"].clone());
    }
    assert_eq!(heard, ["one", "two", "marker"], "nobody else hears of a refusal");
}

#[tokio::test]
async fn a_client_that_is_refused_can_go_on() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.seed("room", "ali").await;
    ali.say(&"x".repeat(4001)).await;
    assert_eq!(ali.mark("still here").await.len(), 2, "the own join and the notice");
}

#[tokio::test]
async fn the_101_names_a_subprotocol_only_if_ours_was_offered() {
    let server = TestServer::start(&[]).await;
    let has = |head: &str| head.to_ascii_lowercase().contains("sec-websocket-protocol");
    let none = server.connect("/ws/room/a").open().await;
    assert!(!has(none.head()), "{}", none.head());
    let foreign = server.connect("/ws/room/b").protocol("chat").protocol("v2.chat").open().await;
    assert!(!has(foreign.head()), "{}", foreign.head());
    let mut foreign = foreign.into_client("b");
    assert!(foreign.next_text().await.contains("b joined room."), "it gets the seeds' dialect");
    let ours = server.connect("/ws/room/c").protocol("chat").protocol("hamhame.v1").open().await;
    assert_eq!(ours.protocol(), Some("hamhame.v1"));
}

#[tokio::test]
async fn the_tutorial_chat_is_the_one_of_the_document() {
    let server = TestServer::start(&[]).await;
    let open = |client| server.connect(&format!("/ws/{client}")).open();
    let mut seven = open("7").await.into_client("7");
    seven.send("hi").await;
    assert_eq!(seven.next_text().await, "You wrote: hi");
    assert_eq!(seven.next_text().await, "Client #7 says: hi");
    let mut eight = open("1763719200000").await.into_client("8");
    eight.send(r#"{"content":"not JSON here"}"#).await;
    assert_eq!(eight.next_text().await, r#"You wrote: {"content":"not JSON here"}"#);
    let all = r#"Client #1763719200000 says: {"content":"not JSON here"}"#;
    assert_eq!(eight.next_text().await, all);
    assert_eq!(seven.next_text().await, all);
    seven.close(1000).await;
    assert_eq!(eight.next_text().await, "Client #7 left the chat");
    let nine = open("9").await.into_client("9");
    nine.abort().await;
    assert_eq!(eight.next_text().await, "Client #9 left the chat");
}

#[tokio::test]
async fn the_tutorial_chat_is_apart_from_the_rooms_and_wants_a_whole_number() {
    let server = TestServer::start(&[]).await;
    for path in ["/ws/seven", "/ws/7.5", "/ws/a/b/c"] {
        let refused = server.connect(path).try_open().await.err();
        let (_, head) = refused.unwrap_or_else(|| panic!("{path} opened"));
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
    }
    let mut room = server.seed("general", "ali").await;
    room.until_present(&["ali"]).await;
    let mut seven = server.connect("/ws/7").open().await.into_client("7");
    seven.send("hi").await;
    assert_eq!(seven.next_text().await, "You wrote: hi");
    assert_eq!(room.mark("marker").await, [] as [Value; 0]);
    assert_eq!(seven.next_text().await, "Client #7 says: hi");
    seven.send("again").await;
    assert_eq!(
        seven.next_text().await,
        "You wrote: again",
        "and the room's words do not come here"
    );
}

#[tokio::test]
async fn the_second_tutorial_echoes_to_its_sender_alone() {
    let server = TestServer::start(&[]).await;
    for path in ["/ws", "/ws/", "/ws?mode=echo"] {
        let mut one = server.connect(path).open().await.into_client("one");
        let mut two = server.connect(path).open().await.into_client("two");
        one.send("سلام").await;
        assert_eq!(one.next_text().await, "Message text was: سلام", "{path}");
        two.send("two").await;
        assert_eq!(two.next_text().await, "Message text was: two", "{path}");
    }
}

#[tokio::test]
async fn the_second_tutorial_broadcasts_to_all_who_are_connected_so() {
    let server = TestServer::start(&[]).await;
    let mut one = server.connect("/ws?mode=broadcast").open().await.into_client("one");
    let mut two = server.connect("/ws?mode=broadcast").open().await.into_client("two");
    let mut echo = server.connect("/ws").open().await.into_client("echo");
    // Both are in only when both have heard something.
    for (sender, text) in [(&one, "a"), (&two, "b")] {
        sender.send(text).await;
    }
    let mut heard = [Vec::new(), Vec::new()];
    while !heard[0].contains(&"Broadcast: b".to_owned()) {
        heard[0].push(one.next_text().await);
    }
    while !heard[1].contains(&"Broadcast: b".to_owned()) {
        heard[1].push(two.next_text().await);
    }
    one.send("c").await;
    while two.next_text().await != "Broadcast: c" {}
    while one.next_text().await != "Broadcast: c" {}
    echo.send("d").await;
    assert_eq!(echo.next_text().await, "Message text was: d", "the echo hears no broadcast");
}

#[tokio::test]
async fn the_second_tutorial_sends_a_heartbeat_at_once() {
    let server = TestServer::start(&[]).await;
    let mut client = server.connect("/ws?mode=heartbeat").open().await.into_client("beat");
    assert_eq!(client.next_text().await, "ping");
}

#[tokio::test]
async fn an_unknown_mode_is_a_bad_request_that_names_the_known_ones() {
    let server = TestServer::start(&[]).await;
    let (_, answer) = server.connect("/ws?mode=loud").try_open().await.err().expect("no such mode");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("echo, broadcast or heartbeat"), "{answer}");
}

#[tokio::test]
async fn a_close_of_the_client_is_answered_with_its_own_code() {
    let server = TestServer::start(&[]).await;
    for code in [1000, 1001, 3000, 4999] {
        let mut ali = server.connect("/ws/room/ali").open().await.into_client("ali");
        ali.send_close(code).await;
        assert_eq!(ali.closed().await.0, code);
        assert_eq!(ali.next_frame().await, Frame::End { reset: false });
    }
}
