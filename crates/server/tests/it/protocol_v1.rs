//! SPEC 4: the protocol `hamhame.v1`, message by message. The client of these tests checks every message against the schema.
use crate::common::{Frame, TestServer, V1Client};
use serde_json::{Value, json};

/// An `error` without its words, which are for people.
fn error(code: &str, temporary: bool, id: Option<&str>) -> Value {
    let mut error = json!({ "type": "error", "code": code, "temporary": temporary });
    if let Some(id) = id {
        error["id"] = json!(id);
    }
    error
}

async fn next_error(client: &mut V1Client) -> Value {
    let mut error = client.next_of("error").await;
    error.as_object_mut().expect("an object").remove("message");
    error
}

#[tokio::test]
async fn the_answer_to_a_fresh_join_says_all_there_is_to_know() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.v1("کلاس", "علی").await;
    let welcome = ali.join().await;
    assert_eq!((&welcome["room_id"], &welcome["client_id"]), (&json!("کلاس"), &json!("علی")));
    assert_eq!(welcome.get("recovered"), None, "a fresh join has nothing to recover");
    assert_eq!(welcome["count"], 1);
    assert_eq!(welcome["users"], json!([{ "member": welcome["member"], "client_id": "علی" }]));
    assert_eq!(welcome["heartbeat"].as_f64(), Some(10.0));
    let limits = json!({ "content_graphemes": 4000, "content_bytes": 16384, "message_bytes": 65536,
        "burst": 20, "rate": 5.0 });
    assert_eq!(welcome["limits"], limits);
    let joined = ali.expect_type("system").await;
    assert_eq!((&joined["event"], &joined["member"]), (&json!("join"), &welcome["member"]));
}

#[tokio::test]
async fn limits_that_are_off_are_null() {
    let server = TestServer::start(&["--limits", "off"]).await;
    let ali = server.member("room", "ali").await;
    assert_eq!(ali.welcome()["limits"]["burst"], Value::Null);
    assert_eq!(ali.welcome()["limits"]["rate"], Value::Null);
}

#[tokio::test]
async fn two_sessions_have_nothing_in_common() {
    let server = TestServer::start(&[]).await;
    let one = server.member("room", "one").await;
    let two = server.member("room", "two").await;
    for secret in ["session", "token", "member"] {
        assert_ne!(one.welcome()[secret], two.welcome()[secret]);
    }
    let others = serde_json::to_string(two.welcome()).expect("JSON");
    assert!(!others.contains(&one.token()), "nobody is told the token of another");
    let session = one.welcome()["session"].as_str().expect("a string").to_owned();
    assert!(!others.contains(&session), "nor its session");
}

#[tokio::test]
async fn a_fresh_join_starts_at_the_head() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    for n in 0..5 {
        ali.mark(&format!("before {n}")).await;
    }
    let mut sara = server.member("room", "sara").await;
    assert_eq!(sara.next_event().await["content"], "sara joined room.");
    assert_eq!(sara.mark("now").await, [] as [Value; 0]);
}

/// What somebody who joins with `history` is shown before its own coming, and the offset it started at.
async fn shown(server: &TestServer, name: &str, join: Value) -> (Vec<String>, u64) {
    let mut client = server.v1("room", name).await;
    let mut message = json!({ "type": "join" });
    message.as_object_mut().expect("an object").extend(join.as_object().cloned().expect("one"));
    client.send_json(message).await;
    let welcome = client.expect_type("welcome").await;
    let position = welcome["position"].as_str().expect("a position");
    let offset = position.split(':').nth(1).and_then(|offset| offset.parse().ok());
    let mut shown = Vec::new();
    loop {
        let event = client.next_event().await;
        if event["name"] == name {
            return (shown, offset.expect("an offset"));
        }
        shown.push(event["content"].as_str().expect("a content").to_owned());
    }
}

#[tokio::test]
async fn a_newcomer_is_given_as_much_of_the_past_as_it_asks_for_and_the_operator_allows() {
    for (n, (history, expected)) in [
        (json!({}), &[][..]),
        (json!({ "history": 0 }), &[]),
        (json!({ "history": 1 }), &["four"]),
        (json!({ "history": 3 }), &["two", "three", "four"]),
        (json!({ "history": 9_007_199_254_740_991_u64 }), &["two", "three", "four"]),
    ]
    .into_iter()
    .enumerate()
    {
        let server = TestServer::start(&["--join-history", "3"]).await;
        let mut ali = server.member("room", "ali").await;
        for content in ["one", "two", "three", "four"] {
            ali.mark(content).await;
        }
        // The first event is ali's own coming.
        let (found, offset) = shown(&server, &format!("sara {n}"), history.clone()).await;
        assert_eq!(found, expected, "{history}");
        assert_eq!(offset, 5 - expected.len() as u64, "{history}");
    }
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    ali.mark("four").await;
    let position = ali.position();
    ali.mark("five").await;
    let after = json!({ "after": position, "history": 3 });
    assert_eq!(shown(&server, "sara", after).await.0, ["five"], "a position says more");
    let mut seed = server.seed("room", "seed").await;
    let first = seed.next_event().await;
    assert_eq!(first["content"], "seed joined room.", "the seed dialect starts at the head");
}

#[tokio::test]
async fn a_newcomer_may_ask_for_a_hundred_events_where_the_operator_says_nothing() {
    let server = TestServer::start(&["--limits", "off"]).await;
    let mut ali = server.member("room", "ali").await;
    for n in 0..110 {
        ali.mark(&n.to_string()).await;
    }
    let (found, _) = shown(&server, "sara", json!({ "history": 1000 })).await;
    assert_eq!((found.len(), found[0].as_str()), (100, "10"));
}

#[tokio::test]
async fn a_message_is_acknowledged_with_the_offset_that_it_has_for_everyone() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let mut sara = server.member("room", "sara").await;
    ali.say("c-1", "سلام").await;
    let (mut ack, mut event) = (None, None);
    while ack.is_none() || event.is_none() {
        let message = ali.next().await;
        match message["type"].as_str() {
            Some("ack") => ack = Some(message),
            Some("message") => event = Some(message),
            _ => {}
        }
    }
    let (ack, event) = (ack.expect("an ack"), event.expect("the event"));
    assert_eq!(ack, json!({ "type": "ack", "id": "c-1", "offset": event["offset"] }));
    assert_eq!((&event["member"], &event["id"]), (&json!(ali.member()), &json!("c-1")));
    assert_eq!(event["client_id"], "ali");
    assert_eq!(sara.next_of("message").await, event);
}

#[tokio::test]
async fn the_same_send_again_stores_nothing_and_gets_the_first_offset() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let mut sara = server.member("room", "sara").await;
    let first = ali.said("same", "once").await;
    assert_eq!(ali.said("same", "once").await, first);
    assert_eq!(ali.said("same", "other words").await, first);
    assert!(ali.said("other", "once").await > first);
    sara.until_said("once").await;
    assert_eq!(sara.next_event().await["id"], "other");
}

#[tokio::test]
async fn the_same_send_after_a_reconnect_stores_nothing() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let first = ali.said("same", "once").await;
    let (token, position) = (ali.token(), ali.position());
    ali.into_client().abort().await;
    let mut ali = server.v1("room", "ali").await;
    ali.resume(&token, &position).await;
    assert_eq!(ali.said("same", "once").await, first);
    let mut sara = server.v1("room", "sara").await;
    let epoch = position.split(':').next().expect("an epoch");
    sara.join_as(json!({ "type": "join", "after": format!("{epoch}:0") })).await;
    let before = sara.mark("marker").await;
    let said = before.iter().filter(|event| event["type"] == "message").count();
    assert_eq!(said, 1, "{before:?}");
}

#[tokio::test]
async fn the_same_id_of_another_session_is_another_message() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let mut sara = server.member("room", "sara").await;
    let first = ali.said("1", "of ali").await;
    assert!(sara.said("1", "of sara").await > first);
}

#[tokio::test]
async fn a_client_may_send_without_waiting_for_its_welcome() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.v1("room", "ali").await;
    let send = |id: &str| json!({ "type": "send", "id": id, "content": id }).to_string();
    ali.send_together(&[r#"{"type":"join"}"#, &send("a"), &send("b")]).await;
    ali.expect_type("welcome").await;
    ali.until_said("a").await;
    ali.until_said("b").await;
}

#[tokio::test]
async fn a_client_may_send_even_before_the_handshake_is_answered() {
    let server = TestServer::start(&[]).await;
    let send = r#"{"type":"send","id":"early","content":"early"}"#;
    let socket = server
        .connect("/ws/room/ali")
        .protocol("hamhame.v1")
        .trailing(&[r#"{"type":"join"}"#, send, r#"{"type":"heartbeat"}"#])
        .open()
        .await;
    let mut ali = V1Client::over("ali", socket.into_client("ali"));
    ali.expect_type("welcome").await;
    ali.until_said("early").await;
}

#[tokio::test]
async fn what_a_client_says_in_one_breath_with_its_goodbye_is_said() {
    let server = TestServer::start(&[]).await;
    let mut sara = server.member("room", "sara").await;
    let mut bytes = Vec::new();
    for text in [r#"{"type":"join"}"#, r#"{"type":"send","id":"1","content":"hello and goodbye"}"#]
    {
        hamhame_ws::write_masked_frame(
            &mut bytes,
            hamhame_ws::Opcode::Text,
            text.as_bytes(),
            [1; 4],
        );
    }
    hamhame_ws::write_masked_close(&mut bytes, 1000, "", [1; 4]);
    let mut brief = server.v1("room", "brief").await;
    brief.write(&bytes).await;
    sara.until_said("hello and goodbye").await;
    assert_eq!(sara.next_event().await["content"], "brief left room.");
    assert_eq!(brief.closed().await.0, 1000);
}

#[tokio::test]
async fn joining_twice_is_an_error_and_changes_nothing() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    ali.next_event().await;
    ali.send_json(json!({ "type": "join" })).await;
    assert_eq!(next_error(&mut ali).await, error("already_joined", false, None));
    assert_eq!(ali.mark("still here").await, [] as [Value; 0]);
}

#[tokio::test]
async fn nothing_can_be_done_before_joining_but_joining_still_can() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.v1("room", "ali").await;
    ali.say("1", "too early").await;
    assert_eq!(next_error(&mut ali).await, error("not_joined", false, Some("1")));
    ali.send_json(json!({ "type": "heartbeat" })).await;
    assert_eq!(next_error(&mut ali).await, error("not_joined", false, None));
    ali.send("{").await;
    assert_eq!(next_error(&mut ali).await, error("invalid_json", false, None));
    assert_eq!(ali.join().await["count"], 1);
}

#[tokio::test]
async fn who_never_joins_is_sent_away_with_4005() {
    let server = TestServer::start(&["--join-timeout", "200ms"]).await;
    let mut ali = server.v1("room", "ali").await;
    assert_eq!(ali.closed().await, (4005, "join_timeout".into()));
}

#[tokio::test]
async fn what_the_server_does_not_understand_is_an_error_that_closes_nothing() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let long = "x".repeat(65);
    let cases = [
        ("", error("invalid_json", false, None)),
        ("{", error("invalid_json", false, None)),
        ("سلام", error("invalid_json", false, None)),
        ("[]", error("bad_request", false, None)),
        ("42", error("bad_request", false, None)),
        ("{}", error("bad_request", false, None)),
        (r#"{"type":7}"#, error("bad_request", false, None)),
        (r#"{"type":"dance","id":"d"}"#, error("unknown_type", false, Some("d"))),
        (r#"{"type":"send","content":"no id"}"#, error("bad_request", false, None)),
        (r#"{"type":"send","id":"","content":"x"}"#, error("bad_request", false, None)),
        (r#"{"type":"send","id":"شناسه","content":"x"}"#, error("bad_request", false, None)),
        (r#"{"type":"send","id":7,"content":"x"}"#, error("bad_request", false, None)),
        (r#"{"type":"send","id":"s"}"#, error("bad_request", false, Some("s"))),
        (r#"{"type":"send","id":"s","content":7}"#, error("bad_request", false, Some("s"))),
        (r#"{"type":"send","id":"s","content":" \n"}"#, error("empty", false, Some("s"))),
        (r#"{"type":"typing"}"#, error("bad_request", false, None)),
        (r#"{"type":"typing","typing":"yes"}"#, error("bad_request", false, None)),
    ];
    for (sent, expected) in cases {
        ali.send(sent).await;
        assert_eq!(next_error(&mut ali).await, expected, "{sent}");
    }
    ali.send_json(json!({ "type": "send", "id": long, "content": "x" })).await;
    assert_eq!(next_error(&mut ali).await, error("bad_request", false, None));
    ali.mark("still here").await;
}

#[tokio::test]
async fn a_position_that_is_none_is_a_bad_request_and_the_client_may_join_after_it() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.v1("room", "ali").await;
    for after in [json!("nonsense"), json!("a:b"), json!(""), json!(7)] {
        ali.send_json(json!({ "type": "join", "after": after })).await;
        assert_eq!(next_error(&mut ali).await, error("bad_request", false, None), "{after}");
    }
    ali.join().await;
}

#[tokio::test]
async fn members_that_the_server_does_not_know_are_ignored() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.v1("room", "ali").await;
    ali.join_as(json!({ "type": "join", "colour": "blue", "deep": [{ "a": [1, 2] }] })).await;
    ali.send(r#"{"mood":{},"type":"send","id":"1","content":"heard","content2":1}"#).await;
    ali.until_said("heard").await;
}

#[tokio::test]
async fn who_sends_too_fast_is_told_when_to_try_again_and_then_may() {
    let server = TestServer::start(&["--message-burst", "2", "--message-rate", "4"]).await;
    let mut ali = server.member("room", "ali").await;
    for id in ["1", "2", "3"] {
        ali.say(id, id).await;
    }
    let refused = ali.next_of("error").await;
    assert_eq!((&refused["code"], &refused["id"]), (&json!("rate_limited"), &json!("3")));
    assert_eq!(refused["temporary"], true);
    let seconds = refused["retry_after"].as_f64().expect("a time");
    assert!(seconds > 0.0 && seconds <= 0.25, "{seconds}");
    tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await;
    assert!(ali.said("3", "3").await > 0, "what was refused may be sent again under its id");
}

#[tokio::test]
async fn a_heartbeat_is_answered_at_once_with_the_head() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let mut sara = server.member("room", "sara").await;
    let offset = sara.said("1", "one").await;
    let epoch = ali.position().split(':').next().expect("an epoch").to_owned();
    ali.send_json(json!({ "type": "heartbeat" })).await;
    // One of the server's own may have come just before, with the head of that moment.
    let head = json!({ "type": "heartbeat", "position": format!("{epoch}:{offset}") });
    while ali.next_of("heartbeat").await != head {}
}

#[tokio::test]
async fn the_server_beats_by_itself_with_the_head_and_with_a_ping() {
    let server = TestServer::start(&["--heartbeat", "200ms", "--grace", "300ms"]).await;
    let mut ali = server.member("room", "ali").await;
    assert_eq!(ali.welcome()["heartbeat"].as_f64(), Some(0.2));
    ali.mark("one").await;
    let (mut beats, mut pings) = (0, 0);
    while beats < 3 || pings < 3 {
        match ali.next_frame().await {
            Frame::Text(text) if text.contains(r#""type":"heartbeat""#) => {
                assert!(text.ends_with(r#":2"}"#), "the head is the second event: {text}");
                beats += 1;
            }
            Frame::Ping(_) => pings += 1,
            _ => {}
        }
    }
    ali.mark("who answers pings stays").await;
}

#[tokio::test]
async fn who_is_writing_is_told_to_the_others_and_a_message_ends_it() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let mut sara = server.member("room", "sara").await;
    let typing = |yes: bool| json!({ "type": "typing", "typing": yes });
    ali.send_json(typing(true)).await;
    assert_eq!(sara.next_of("typing").await["members"], json!([ali.member()]));
    ali.send_json(typing(false)).await;
    assert_eq!(sara.next_of("typing").await["members"], json!([]));
    ali.send_json(typing(true)).await;
    assert_eq!(sara.next_of("typing").await["members"], json!([ali.member()]));
    ali.mark("written").await;
    assert_eq!(sara.next_of("typing").await["members"], json!([]));
}

#[tokio::test]
async fn who_leaves_while_writing_is_not_writing_any_more() {
    let server = TestServer::start(&[]).await;
    let ali = server.member("room", "ali").await;
    let mut sara = server.member("room", "sara").await;
    ali.send_json(json!({ "type": "typing", "typing": true })).await;
    assert_eq!(sara.next_of("typing").await["members"], json!([ali.member()]));
    ali.into_client().close(1000).await;
    assert_eq!(sara.next_of("typing").await["members"], json!([]));
}

#[tokio::test]
async fn presence_comes_as_differences_that_lead_from_the_welcome_to_what_is_true() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let mut known: Vec<Value> = ali.welcome()["users"].as_array().expect("a list").clone();
    let mut version = ali.welcome()["version"].clone();
    let sara = server.member("room", "sara").await;
    let reza = server.member("room", "reza").await;
    sara.into_client().close(1000).await;
    let names =
        |users: &[Value]| users.iter().map(|user| user["client_id"].clone()).collect::<Vec<_>>();
    while names(&known) != ["ali", "reza"] {
        let presence = ali.next_of("presence").await;
        assert_eq!(presence["base"], version, "a difference follows the one before");
        version = presence["version"].clone();
        let left = presence["left"].as_array().expect("a difference");
        known.retain(|user| !left.contains(&user["member"]));
        known.extend(presence["joined"].as_array().expect("a difference").iter().cloned());
        assert_eq!(presence["count"], known.len());
    }
    assert_eq!(known[1]["member"], reza.member());
}

#[tokio::test]
async fn on_shutdown_everyone_is_told_when_to_come_back_and_the_server_ends_well() {
    let mut server = TestServer::start(&["--drain", "2s"]).await;
    let mut clients = Vec::new();
    for n in 0..8 {
        clients.push(server.member("room", &format!("member {n}")).await);
    }
    let mut seed = server.seed("room", "seed").await;
    server.terminate();
    let mut times = Vec::new();
    for client in &mut clients {
        let shutdown = client.next_of("shutdown").await;
        times.push(shutdown["retry_after"].as_f64().expect("a time"));
        assert_eq!(client.closed().await, (1012, "service_restart".into()));
    }
    assert_eq!(seed.closed().await.0, 1012);
    times.sort_by(f64::total_cmp);
    times.dedup();
    assert!(times.len() > 4, "they must not all come at once: {times:?}");
    assert_eq!(server.wait().await.code(), Some(0));
}
