//! Promise 2: a client that comes back within the log's window gets exactly what it missed; beyond it, a `gap` with the number.
use std::time::Duration;

use crate::common::{TestServer, V1Client};
use serde_json::{Value, json};

/// Comes back under the same name.
async fn back(server: &TestServer, room: &str, name: &str, join: Value) -> V1Client {
    let mut client = server.v1(room, name).await;
    client.join_as(join).await;
    client
}

fn resume(token: &str, after: &str) -> Value {
    json!({ "type": "join", "token": token, "after": after })
}

/// The contents of events.
fn contents(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["content"].as_str().expect("a content")).collect()
}

#[tokio::test]
async fn a_client_that_returns_within_the_window_misses_nothing_and_gets_nothing_twice() {
    let server = TestServer::start(&[]).await;
    let mut sara = server.member("room", "sara").await;
    let mut ali = server.member("room", "ali").await;
    ali.mark("seen").await;
    let (token, position, member) = (ali.token(), ali.position(), ali.member());
    ali.into_client().abort().await;
    for content in ["one", "two", "three"] {
        sara.mark(content).await;
    }
    let mut ali = back(&server, "room", "ali", resume(&token, &position)).await;
    assert_eq!(ali.welcome()["recovered"], true);
    assert_eq!(ali.welcome()["position"], position, "it reads on where it was");
    assert_eq!(ali.member(), member);
    assert_eq!(contents(&ali.mark("now").await), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_client_that_never_got_an_event_can_resume_all_the_same() {
    let server = TestServer::start(&[]).await;
    let mut sara = server.member("room", "sara").await;
    let ali = server.member("room", "ali").await;
    let (token, position) = (ali.token(), ali.position());
    ali.into_client().abort().await;
    sara.mark("missed").await;
    let mut ali = back(&server, "room", "ali", resume(&token, &position)).await;
    assert_eq!(ali.welcome()["recovered"], true);
    assert_eq!(contents(&ali.mark("now").await), ["ali joined room.", "missed"]);
}

#[tokio::test]
async fn a_client_that_left_long_ago_still_gets_all_that_the_log_has() {
    let server = TestServer::start(&["--heartbeat", "200ms", "--grace", "100ms"]).await;
    let mut sara = server.member("room", "sara").await;
    let mut ali = server.member("room", "ali").await;
    let said = ali.said("first", "said before").await;
    while ali.offset() < said {
        ali.next_event().await;
    }
    let (token, position, member) = (ali.token(), ali.position(), ali.member());
    ali.into_client().abort().await;
    while sara.next_event().await["event"] != "leave" {}
    sara.mark("meanwhile").await;
    let mut ali = back(&server, "room", "ali", resume(&token, &position)).await;
    assert_eq!(ali.welcome()["recovered"], true);
    assert_eq!(ali.member(), member, "its token still proves who it is");
    assert_eq!(
        contents(&ali.mark("now").await),
        ["ali left room.", "meanwhile", "ali joined room."]
    );
    assert_eq!(ali.said("first", "said before").await, said, "and what it has said already");
}

#[tokio::test]
async fn a_room_that_everyone_left_keeps_its_log_for_who_comes_back() {
    let server = TestServer::start(&["--heartbeat", "200ms", "--grace", "100ms"]).await;
    let mut ali = server.member("room", "ali").await;
    ali.mark("seen").await;
    ali.say("2", "not seen by its sender").await;
    ali.next_of("ack").await;
    let (token, position) =
        (ali.token(), format!("{}:1", ali.position().split(':').next().expect("an epoch")));
    ali.into_client().close(1000).await;
    let mut ali = back(&server, "room", "ali", resume(&token, &position)).await;
    assert_eq!(ali.welcome()["recovered"], true);
    let events = ali.mark("now").await;
    assert_eq!(
        contents(&events),
        ["seen", "not seen by its sender", "ali left room.", "ali joined room."]
    );
}

#[tokio::test]
async fn a_position_alone_reads_on_and_a_token_alone_starts_at_the_head() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    ali.mark("one").await;
    let (token, member) = (ali.token(), ali.member());
    let start = format!("{}:0", ali.position().split(':').next().expect("an epoch"));
    let mut sara = back(&server, "room", "sara", json!({ "type": "join", "after": start })).await;
    assert_eq!(sara.welcome()["recovered"], true);
    assert_eq!(contents(&sara.mark("two").await), ["ali joined room.", "one", "sara joined room."]);
    let mut ali = back(&server, "room", "ali", json!({ "type": "join", "token": token })).await;
    assert_eq!(ali.welcome().get("recovered"), None);
    assert_eq!(ali.member(), member);
    assert_eq!(ali.mark("three").await, [] as [Value; 0]);
}

#[tokio::test]
async fn beyond_the_window_a_gap_says_exactly_how_many_are_missing_and_the_rest_follows() {
    let server = TestServer::start(&["--history", "5", "--limits", "off"]).await;
    let mut sara = server.member("room", "sara").await;
    let mut ali = server.member("room", "ali").await;
    ali.mark("seen").await;
    let (token, position, offset) = (ali.token(), ali.position(), ali.offset());
    ali.into_client().abort().await;
    for n in 0..20 {
        sara.mark(&format!("{n}")).await;
    }
    let mut ali = back(&server, "room", "ali", resume(&token, &position)).await;
    assert_eq!(ali.welcome()["recovered"], false);
    let gap = ali.expect_type("gap").await;
    assert_eq!(gap["missed"], 15);
    assert_eq!(gap["position"], ali.welcome()["position"], "and the next event follows it");
    assert_eq!(ali.offset(), offset + 15);
    assert_eq!(contents(&ali.mark("now").await), ["15", "16", "17", "18", "19"]);
}

#[tokio::test]
async fn what_is_older_than_the_window_is_gone_with_a_gap() {
    let server = TestServer::start(&["--history-age", "300ms"]).await;
    let mut sara = server.member("room", "sara").await;
    let mut ali = server.member("room", "ali").await;
    ali.mark("seen").await;
    let (token, position) = (ali.token(), ali.position());
    ali.into_client().abort().await;
    for n in 0..3 {
        sara.mark(&format!("{n}")).await;
    }
    // The age is the promise, so it has to pass.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let mut ali = back(&server, "room", "ali", resume(&token, &position)).await;
    assert_eq!(ali.welcome()["recovered"], false);
    assert_eq!(ali.expect_type("gap").await["missed"], 3);
    assert_eq!(ali.mark("now").await, [] as [Value; 0]);
}

#[tokio::test]
async fn after_a_restart_the_epoch_is_another_and_nothing_is_claimed_to_be_recovered() {
    let mut server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    ali.mark("in the first life").await;
    let (token, position, session) =
        (ali.token(), ali.position(), ali.welcome()["session"].clone());
    server.restart().await;
    let mut sara = server.member("room", "sara").await;
    sara.mark("in the second life").await;
    let mut ali = back(&server, "room", "ali", resume(&token, &position)).await;
    assert_eq!(ali.welcome()["recovered"], false);
    assert_ne!(ali.position().split(':').next(), position.split(':').next());
    assert_ne!(
        ali.welcome()["session"],
        session,
        "the secret was drawn anew, so the token says nothing"
    );
    let events = ali.mark("now").await;
    let expected = ["sara joined room.", "in the second life", "ali joined room."];
    assert_eq!(contents(&events), expected, "history from the oldest kept");
    assert!(ali.gaps().is_empty(), "how many are missing cannot be known");
}

#[tokio::test]
async fn with_a_secret_of_the_operator_a_session_outlives_the_server() {
    let mut server = TestServer::start(&["--secret", "sixteen bytes or more"]).await;
    let ali = server.member("room", "ali").await;
    let (token, position) = (ali.token(), ali.position());
    let (session, member) = (ali.welcome()["session"].clone(), ali.member());
    server.restart().await;
    let ali = back(&server, "room", "ali", resume(&token, &position)).await;
    assert_eq!((&ali.welcome()["session"], ali.member()), (&session, member));
    assert_eq!(ali.welcome()["recovered"], false);
}

#[tokio::test]
async fn a_token_opens_no_other_name_no_other_room_and_nothing_if_it_is_made_up() {
    let server = TestServer::start(&[]).await;
    let ali = server.member("room", "ali").await;
    let token = ali.token();
    let mut forged = token.clone();
    forged.replace_range(0..1, if token.starts_with('A') { "B" } else { "A" });
    for (room, name, token) in [
        ("room", "sara", &token),
        ("other", "ali", &token),
        ("room", "reza", &forged),
        ("room", "mina", &"x".into()),
    ] {
        let client = back(&server, room, name, json!({ "type": "join", "token": token })).await;
        assert_ne!(client.member(), ali.member(), "{room} {name}");
        assert_ne!(client.welcome()["session"], ali.welcome()["session"]);
    }
    let mut ali = ali;
    ali.mark("nobody took my place").await;
}

#[tokio::test]
async fn a_position_of_the_future_or_of_another_room_recovers_nothing() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let other = server.member("other", "ali").await;
    ali.mark("one").await;
    let epoch = ali.position().split(':').next().expect("an epoch").to_owned();
    for (name, after) in [("a", format!("{epoch}:99")), ("b", other.position())] {
        let mut client =
            back(&server, "room", name, json!({ "type": "join", "after": after })).await;
        assert_eq!(client.welcome()["recovered"], false, "{after}");
        let events = client.mark(&format!("now {name}")).await;
        assert_eq!(contents(&events[..2]), ["ali joined room.", "one"], "from the oldest kept");
        assert!(client.gaps().is_empty());
    }
}

#[tokio::test]
async fn who_resumes_takes_its_place_from_its_old_connection() {
    let server = TestServer::start(&[]).await;
    let mut sara = server.member("room", "sara").await;
    let mut old = server.member("room", "ali").await;
    sara.mark("both are here").await;
    old.until_said("both are here").await;
    let (token, position) = (old.token(), old.position());
    let mut new = back(&server, "room", "ali", resume(&token, &position)).await;
    assert_eq!(old.closed().await, (4506, "session_replaced".into()));
    assert_eq!(
        (new.member(), &new.welcome()["session"]),
        (old.member(), &old.welcome()["session"])
    );
    assert_eq!(new.welcome()["recovered"], true);
    assert_eq!(sara.mark("no word of it").await, [] as [Value; 0]);
    assert_eq!(new.mark("here").await.len(), 1);
    drop(old);
    sara.mark("nor when the old one is gone").await;
    new.mark("here still").await;
}

#[tokio::test]
async fn a_join_that_was_given_up_and_arrives_late_does_not_take_its_session_over() {
    let server = TestServer::start(&[]).await;
    let mut first = server.member("room", "ali").await;
    first.mark("here").await;
    let claim = |attempt: u64| {
        let mut claim = resume(&first.token(), &first.position());
        claim["attempt"] = attempt.into();
        claim
    };
    let mut live = back(&server, "room", "ali", claim(1_700_000_000_002)).await;
    for earlier in [claim(1_700_000_000_001), claim(0)] {
        let mut late = server.v1("room", "ali").await;
        late.send_json(earlier).await;
        assert_eq!(late.next_of("error").await["code"], "session_replaced");
        assert_eq!(late.closed().await, (4506, "session_replaced".into()));
    }
    live.said("c1", "I am still here").await;
    let mut same = back(&server, "room", "ali", claim(1_700_000_000_002)).await;
    assert_eq!(live.closed().await, (4506, "session_replaced".into()), "no earlier one");
    // Who does not count comes as the next one, and the count stays.
    let mut uncounted = back(&server, "room", "ali", resume(&same.token(), &same.position())).await;
    assert_eq!(same.closed().await, (4506, "session_replaced".into()));
    let mut late = server.v1("room", "ali").await;
    late.send_json(claim(1_700_000_000_001)).await;
    assert_eq!(late.closed().await, (4506, "session_replaced".into()));
    uncounted.said("c2", "and so am I").await;
}

#[tokio::test]
async fn a_burst_of_more_than_the_window_misses_nobody_who_keeps_up() {
    let server = TestServer::start(&["--limits", "off", "--history", "5"]).await;
    let mut listener = server.member("room", "sara").await;
    let mut speaker = server.seed_member("room", "ali").await;
    let words: Vec<String> = (0..400).map(|n| format!("word {n}")).collect();
    speaker.send_together(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let last = &words[words.len() - 1];
    for events in [listener.until_said(last).await, speaker.until_said(last).await] {
        let said: Vec<&str> =
            contents(&events).into_iter().filter(|content| content.starts_with("word")).collect();
        assert_eq!(said, words[..words.len() - 1], "all of them, in order, before the last");
    }
    assert!(listener.gaps().is_empty());
}

#[tokio::test]
async fn a_send_that_is_repeated_after_its_event_is_gone_stores_nothing() {
    let server = TestServer::start(&["--history", "5", "--limits", "off"]).await;
    let mut ali = server.member("room", "ali").await;
    let mut sara = server.member("room", "sara").await;
    let first = ali.said("c0", "said once").await;
    for n in 0..15 {
        sara.mark(&format!("later {n}")).await;
    }
    let (token, position) = (ali.token(), ali.position());
    ali.into_client().abort().await;
    // Away for longer than the window: the answer was lost, so it is sent again.
    let mut ali = server.v1("room", "ali").await;
    assert_eq!(ali.resume(&token, &position).await["recovered"], false);
    assert_eq!(ali.said("c0", "said once").await, first);
    let before = sara.mark("nothing was stored").await;
    assert_eq!(before, [] as [Value; 0]);
    // Beyond four windows it is another message.
    for n in 0..40 {
        sara.mark(&format!("much later {n}")).await;
    }
    assert!(ali.said("c0", "said again").await > first);
}
