//! A session over HTTP is here as long as its lease lasts, and no transport can hold it against another.
use std::time::Duration;

use crate::common::{Api, TestServer, V1Client, within};
use serde_json::json;

/// A server on which a lease is over soon.
async fn hasty() -> TestServer {
    TestServer::start(&["--heartbeat", "300ms", "--grace", "300ms", "--lease", "600ms"]).await
}

async fn leaves(witness: &mut V1Client, name: &str) {
    loop {
        let event = witness.next_event().await;
        if event["event"] == "leave" {
            assert_eq!(event["name"], name);
            return;
        }
    }
}

async fn wait(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[tokio::test]
async fn who_asks_for_nothing_more_leaves_when_the_lease_is_over() {
    let server = hasty().await;
    let mut witness = server.member("room", "witness").await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    leaves(&mut witness, "maryam").await;
    assert_eq!(member.renew().await, 401);
    let back =
        json!({ "client_id": "maryam", "token": member.token(), "after": member.position() });
    let back = api.enter(back).await;
    assert_eq!(back.welcome["recovered"], true, "it goes on where it was");
    assert_eq!(back.member(), member.member(), "as the same");
    assert_eq!(server.metric("hamhame_http_sessions").await, 1.0);
}

#[tokio::test]
async fn who_asks_now_and_then_stays() {
    let server = hasty().await;
    let mut witness = server.member("room", "witness").await;
    let member = Api::new(&server, "room").await.join("maryam").await;
    // Three leases long.
    for _ in 0..18 {
        assert_eq!(member.renew().await, 204);
        wait(Duration::from_millis(100)).await;
    }
    let before = witness.mark("still here").await;
    assert!(before.iter().all(|event| event["event"] != "leave"), "{before:?}");
}

#[tokio::test]
async fn who_waits_or_streams_is_asked_in_time_and_stays_if_it_answers() {
    let server = hasty().await;
    let mut witness = server.member("room", "witness").await;
    let api = Api::new(&server, "room").await;
    let (poller, reader) = (api.join("poller").await, api.join("reader").await);
    let position = api.events("", None).await["position"].as_str().expect("one").to_owned();
    let mut stream = reader.stream("").await;
    let polling = async {
        for _ in 0..5 {
            let events = poller.events(&format!("after={position}&wait=60")).await;
            assert_eq!(events["events"], json!([]), "nobody left meanwhile");
        }
    };
    let streaming = async {
        for _ in 0..5 {
            stream.next_of("probe").await;
            assert_eq!(reader.renew().await, 204);
        }
    };
    within("five leases", async { tokio::join!(polling, streaming) }).await;
    let before = witness.mark("still here").await;
    assert!(before.iter().all(|event| event["event"] != "leave"), "{before:?}");
}

#[tokio::test]
async fn a_connection_that_stays_does_not_keep_a_member_that_is_gone() {
    let server = hasty().await;
    let mut witness = server.member("room", "witness").await;
    let reader = Api::new(&server, "room").await.join("reader").await;
    // As behind a proxy that goes on reading.
    let mut stream = reader.stream("").await;
    stream.next_of("probe").await;
    leaves(&mut witness, "reader").await;
    let close = stream.next_of("close").await.data;
    assert_eq!((&close["code"], &close["reconnect"]), (&4002.into(), &true.into()));
}

#[tokio::test]
async fn who_reads_as_fast_as_others_talk_is_not_too_fast() {
    let server = TestServer::start(&["--message-burst", "1000"]).await;
    let api = Api::new(&server, "room").await;
    let (speaker, poller) = (api.join("speaker").await, api.join("poller").await);
    let mut position = poller.position().to_owned();
    // More requests than a session may make in another way.
    for number in 0..150 {
        speaker.say(&format!("c{number}"), "again").await;
        let events = poller.events(&format!("after={position}&wait=60")).await;
        assert_ne!(events["events"], json!([]));
        position = events["position"].as_str().expect("a position").to_owned();
    }
}

#[tokio::test]
async fn who_hangs_up_while_it_waits_is_forgotten() {
    let server = hasty().await;
    let mut witness = server.member("room", "witness").await;
    let member = Api::new(&server, "room").await.join("maryam").await;
    let waiting = tokio::spawn({
        let (api, token) = (member.api.clone(), member.token().to_owned());
        async move { api.events("wait=60", Some(&token)).await }
    });
    wait(Duration::from_millis(200)).await;
    waiting.abort();
    leaves(&mut witness, "maryam").await;
}

#[tokio::test]
async fn who_says_goodbye_is_gone_at_once() {
    let server = TestServer::start(&[]).await;
    let mut witness = server.member("room", "witness").await;
    let member = Api::new(&server, "room").await.join("maryam").await;
    let mut stream = member.stream("").await;
    assert_eq!(member.ask("DELETE", "sessions/current", None).await.status, 204);
    leaves(&mut witness, "maryam").await;
    let close = stream.next_of("close").await.data;
    assert_eq!((&close["code"], &close["reconnect"]), (&1000.into(), &false.into()));
    assert_eq!(stream.next().await, None, "the stream ends");
    assert_eq!(member.renew().await, 401);
    assert_eq!(member.ask("DELETE", "sessions/current", None).await.status, 401);
}

#[tokio::test]
async fn a_join_that_arrives_late_is_refused_and_ends_no_stream() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    let claim = |attempt: u64| json!({ "client_id": "maryam", "token": member.token(), "after": member.position(), "attempt": attempt });
    let live = api.enter(claim(7)).await;
    let mut stream = live.stream("").await;
    let late = api.ask("POST", "sessions", None, Some(&claim(6))).await;
    assert_eq!((late.status, &late.json()["code"]), (409, &"session_replaced".into()));
    live.say("c1", "here").await;
    assert_eq!(stream.next_event().await["content"], "here");
}

#[tokio::test]
async fn a_websocket_takes_a_session_over_and_back_without_a_word_to_the_room() {
    let server = TestServer::start(&[]).await;
    let mut witness = server.member("room", "witness").await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    let mut stream = member.stream("").await;
    let mut socket = server.v1("room", "maryam").await;
    let welcome = socket.resume(member.token(), member.position()).await;
    assert_eq!(welcome["member"], member.welcome["member"]);
    let close = stream.next_of("close").await.data;
    assert_eq!((&close["code"], &close["reason"]), (&4506.into(), &"session_replaced".into()));
    let refused = member.ask("GET", "events", None).await;
    assert_eq!((refused.status, &refused.json()["code"]), (409, &"session_replaced".into()));
    let back =
        json!({ "client_id": "maryam", "token": socket.token(), "after": socket.position() });
    let back = api.enter(back).await;
    assert_eq!(socket.closed().await, (4506, "session_replaced".into()));
    back.say("c1", "over HTTP again").await;
    let before = witness.until_said("over HTTP again").await;
    let noise = before.iter().filter(|event| event["name"] == "maryam").count();
    assert_eq!(noise, 1, "one join, no leave: {before:?}");
}

#[tokio::test]
async fn a_newer_session_over_http_takes_the_older_ones_place() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let first = api.join("maryam").await;
    let mut stream = first.stream("").await;
    let second = api.enter(json!({ "client_id": "maryam", "token": first.token() })).await;
    assert_eq!(second.token(), first.token(), "it is the same session");
    assert_eq!(stream.next_of("close").await.data["code"], 4506);
    assert_eq!(second.renew().await, 204);
    second.say("c1", "here").await;
    assert_eq!(server.metric("hamhame_http_sessions").await, 1.0);
    assert_eq!(server.metric("hamhame_members").await, 1.0);
}

#[tokio::test]
async fn a_name_whose_holder_does_not_answer_is_free() {
    let server = TestServer::start(&["--probe", "300ms"]).await;
    let api = Api::new(&server, "room").await;
    let ghost = api.join("maryam").await;
    let newcomer = api.join("maryam").await;
    assert_ne!(newcomer.member(), ghost.member());
    assert_eq!(newcomer.welcome["count"], 1);
    assert_eq!(ghost.renew().await, 401);
    let mut socket = server.v1("room", "maryam").await;
    assert_eq!(socket.join().await["count"], 1, "nor does it hold out against a WebSocket");
}

#[tokio::test]
async fn a_name_whose_holder_answers_is_taken() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let (poller, reader) = (api.join("poller").await, api.join("reader").await);
    let position = api.events("", None).await["position"].as_str().expect("one").to_owned();
    let polling = async {
        let answer = poller.events(&format!("after={position}&wait=60")).await;
        assert_eq!(answer["events"], json!([]), "it is woken for this alone");
        assert_eq!(poller.renew().await, 204);
    };
    let mut stream = reader.stream("").await;
    let streaming = async {
        stream.next_of("probe").await;
        assert_eq!(reader.renew().await, 204);
    };
    // Again and again: a request that arrives is an answer itself, and its wait then need not be woken.
    let wanting = async |name: &str| {
        loop {
            let body = json!({ "client_id": name });
            let answer = api.ask("POST", "sessions", None, Some(&body)).await;
            assert_eq!((answer.status, &answer.json()["code"]), (409, &"name_taken".into()));
        }
    };
    let both = async {
        tokio::select! { () = polling => {} () = wanting("poller") => {} }
        tokio::select! { () = streaming => {} () = wanting("reader") => {} }
    };
    within("an answer from both", both).await;
}

#[tokio::test]
async fn an_address_has_no_more_sessions_than_connections() {
    let server = TestServer::start(&["--max-connections-per-address", "3"]).await;
    let api = Api::new(&server, "room").await;
    let members = [api.join("a").await, api.join("b").await, api.join("c").await];
    let refused = api.ask("POST", "sessions", None, Some(&json!({ "client_id": "d" }))).await;
    assert_eq!((refused.status, &refused.json()["code"]), (429, &"too_many_connections".into()));
    assert_eq!(members[0].ask("DELETE", "sessions/current", None).await.status, 204);
    let again =
        async { while api.ask("POST", "sessions", None, Some(&json!({}))).await.status != 201 {} };
    within("a place", again).await;
}

#[tokio::test]
async fn a_lease_that_would_break_the_promise_is_refused() {
    let args = vec!["--lease".to_owned(), "31s".to_owned()];
    let log = TestServer::launch("127.0.0.1:0", args, &[]).await.err().expect("it does not start");
    assert!(log.contains("--lease"), "{log}");
}
