//! Promise 4: presence heals. Who vanished leaves within the lease, a short reconnect makes no noise, and a goodbye is one.
use std::time::Duration;

use crate::common::{TestServer, V1Client};
use serde_json::{Value, json};

/// A server on which waiting for a lease takes no longer than a test may.
async fn hasty() -> TestServer {
    TestServer::start(&["--heartbeat", "300ms", "--grace", "400ms"]).await
}

/// A server on which nobody leaves by waiting, as far as a test can tell.
async fn patient() -> TestServer {
    TestServer::start(&["--heartbeat", "5s", "--grace", "20s"]).await
}

/// Waits until `name` leaves: on a patient server, far sooner than a grace period would allow.
async fn leaves_at_once(witness: &mut V1Client, name: &str) {
    let left = async {
        loop {
            let event = witness.next_event().await;
            if event["event"] == "leave" {
                return event;
            }
        }
    };
    let left = tokio::time::timeout(Duration::from_secs(10), left).await;
    assert_eq!(left.expect("a leave before the grace is over")["name"], name);
}

async fn back(server: &TestServer, name: &str, token: &str, position: &str) -> V1Client {
    let mut client = server.v1("room", name).await;
    client.resume(token, position).await;
    client
}

#[tokio::test]
async fn who_vanishes_without_a_word_leaves_when_its_lease_is_over() {
    let server = hasty().await;
    let mut witness = server.member("room", "witness").await;
    let mut ghost = server.member("room", "ghost").await;
    ghost.mute();
    while witness.next_event().await["event"] != "leave" {}
    assert_eq!(ghost.closed().await, (4001, "no_pong".into()));
    let mut newcomer = server.member("room", "newcomer").await;
    assert_eq!(newcomer.welcome()["count"], 2);
    newcomer.mark("the ghost is gone").await;
}

#[tokio::test]
async fn a_client_of_the_seeds_that_vanishes_leaves_as_well() {
    let server = hasty().await;
    let mut witness = server.seed_member("room", "witness").await;
    let mut ghost = server.seed("room", "ghost").await;
    witness.until_present(&["witness", "ghost"]).await;
    ghost.mute();
    ghost.stall();
    witness.until_present(&["witness"]).await;
    ghost.read_on();
    ghost.ended().await;
}

#[tokio::test]
async fn who_answers_pings_stays_without_ever_saying_a_word() {
    let server = hasty().await;
    let mut silent = server.member("room", "silent").await;
    let mut witness = server.seed("room", "witness").await;
    witness.until_present(&["silent", "witness"]).await;
    // Ten beats: a lease is two.
    for _ in 0..10 {
        silent.next_of("heartbeat").await;
    }
    assert_eq!(witness.mark("marker").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_short_reconnect_makes_no_leave_and_no_join() {
    let server = patient().await;
    let mut witness = server.member("room", "witness").await;
    let mut ali = server.member("room", "ali").await;
    witness.mark("both are here").await;
    ali.until_said("both are here").await;
    let version = ali.welcome()["version"].clone();
    for _ in 0..5 {
        let (token, position) = (ali.token(), ali.position());
        ali.into_client().abort().await;
        ali = back(&server, "ali", &token, &position).await;
        assert_eq!(ali.welcome()["version"], version, "presence has not changed at all");
        assert_eq!(ali.welcome()["count"], 2);
    }
    assert_eq!(witness.mark("quiet").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_reload_of_the_page_makes_no_leave_and_no_join() {
    let server = patient().await;
    let mut witness = server.member("room", "witness").await;
    let ali = server.member("room", "ali").await;
    witness.mark("both are here").await;
    let (token, position, version) =
        (ali.token(), ali.position(), ali.welcome()["version"].clone());
    ali.into_client().close(1001).await;
    let ali = back(&server, "ali", &token, &position).await;
    assert_eq!(ali.welcome()["version"], version);
    assert_eq!(witness.mark("quiet").await, [] as [Value; 0]);
}

#[tokio::test]
async fn who_closes_the_page_and_does_not_come_back_leaves_after_the_grace() {
    let server = hasty().await;
    let mut witness = server.member("room", "witness").await;
    let ali = server.member("room", "ali").await;
    ali.into_client().close(1001).await;
    while witness.next_event().await["event"] != "leave" {}
    assert_eq!(witness.mark("marker").await, [] as [Value; 0], "and leaves once");
}

#[tokio::test]
async fn who_says_goodbye_leaves_at_once() {
    let server = patient().await;
    let mut witness = server.member("room", "witness").await;
    let ali = server.member("room", "ali").await;
    ali.into_client().close(1000).await;
    leaves_at_once(&mut witness, "ali").await;
    // A close frame without a code is what a page sends that calls close() without one.
    let sara = server.member("room", "sara").await;
    sara.into_client().close(1005).await;
    leaves_at_once(&mut witness, "sara").await;
}

#[tokio::test]
async fn who_said_goodbye_and_comes_back_is_somebody_new_who_has_missed_nothing() {
    let server = patient().await;
    let mut witness = server.member("room", "witness").await;
    let ali = server.member("room", "ali").await;
    let (token, position, member) = (ali.token(), ali.position(), ali.member());
    ali.into_client().close(1000).await;
    leaves_at_once(&mut witness, "ali").await;
    let mut again = back(&server, "ali", &token, &position).await;
    assert_ne!(again.member(), member, "the session is over");
    assert_eq!(again.welcome()["recovered"], true, "the position is not");
    let joined = witness.next_event().await;
    assert_eq!((&joined["event"], &joined["member"]), (&json!("join"), &json!(again.member())));
    // The old token takes nothing over, either.
    let mut thief = server.v1("room", "ali").await;
    thief.send_json(json!({ "type": "join", "token": token })).await;
    assert_eq!(thief.expect_type("error").await["code"], "name_taken");
    again.mark("here still").await;
}

#[tokio::test]
async fn a_goodbye_on_a_connection_that_was_taken_over_ends_nothing() {
    let server = patient().await;
    let old = server.member("room", "ali").await;
    let (token, position, member) = (old.token(), old.position(), old.member());
    old.mute();
    let old = old.into_client();
    let ali = back(&server, "ali", &token, &position).await;
    let _ = old.try_write(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]).await;
    drop(old);
    let (token, position) = (ali.token(), ali.position());
    ali.into_client().abort().await;
    assert_eq!(back(&server, "ali", &token, &position).await.member(), member);
}

#[tokio::test]
async fn a_client_of_the_seeds_leaves_at_once_however_it_goes() {
    let server = patient().await;
    let mut witness = server.member("room", "witness").await;
    for (name, code) in [("a", Some(1000)), ("b", Some(1001)), ("c", None)] {
        let seed = server.seed_member("room", name).await.into_client();
        match code {
            Some(code) => seed.close(code).await,
            None => seed.abort().await,
        }
        leaves_at_once(&mut witness, name).await;
    }
    server.seed_member("room", "d").await.into_client().hang_up().await;
    leaves_at_once(&mut witness, "d").await;
}

#[tokio::test]
async fn an_old_connection_that_dies_late_takes_nobody_out() {
    let server = hasty().await;
    let mut witness = server.member("room", "witness").await;
    let old = server.member("room", "ali").await;
    let (token, position) = (old.token(), old.position());
    old.mute();
    old.stall();
    let mut ali = back(&server, "ali", &token, &position).await;
    witness.mark("taken over").await;
    for _ in 0..6 {
        ali.next_of("heartbeat").await;
    }
    drop(old);
    for _ in 0..6 {
        ali.next_of("heartbeat").await;
    }
    assert_eq!(witness.mark("nobody left").await, [] as [Value; 0]);
    ali.until_said("nobody left").await;
}
