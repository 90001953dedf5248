//! Promise 5: your own ghost never locks you out, and nobody else does but by being there.
use std::time::Duration;

use crate::common::{TestServer, V1Client};
use serde_json::{Value, json};

/// A server on which a probe is short beside a heartbeat, as it is by default.
async fn server() -> TestServer {
    TestServer::start(&["--probe", "500ms", "--heartbeat", "10s"]).await
}

async fn is_refused(server: &TestServer, room: &str, name: &str) {
    let mut refused = server.v1(room, name).await;
    refused.send_json(json!({ "type": "join" })).await;
    let error = refused.expect_type("error").await;
    assert_eq!(
        (&error["code"], &error["temporary"]),
        (&json!("name_taken"), &json!(false)),
        "{name}"
    );
    assert_eq!(refused.closed().await, (4502, "name_taken".into()));
}

#[tokio::test]
async fn a_ghost_that_does_not_answer_gives_way() {
    let server = server().await;
    let mut witness = server.member("room", "witness").await;
    let mut ghost = server.member("room", "ali").await;
    ghost.mute();
    witness.mark("ali is here").await;
    let ali = server.member("room", "ali").await;
    assert_ne!(ali.member(), ghost.member(), "without the token it is somebody else");
    assert_eq!(ghost.closed().await, (4001, "no_pong".into()));
    let (left, joined) = (witness.next_event().await, witness.next_event().await);
    assert_eq!((&left["event"], &left["member"]), (&json!("leave"), &json!(ghost.member())));
    assert_eq!((&joined["event"], &joined["member"]), (&json!("join"), &json!(ali.member())));
    assert_eq!(witness.mark("no more").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_ghost_that_does_not_even_read_gives_way() {
    let server = server().await;
    let ghost = server.seed_member("room", "ali").await;
    ghost.stall();
    let mut ali = server.seed("room", "ali").await;
    ali.until_present(&["ali"]).await;
    ali.mark("here").await;
}

#[tokio::test]
async fn a_holder_that_answers_keeps_its_name_and_does_not_notice() {
    let server = server().await;
    let mut ali = server.member("room", "ali").await;
    ali.mark("here first").await;
    is_refused(&server, "room", "ali").await;
    assert_eq!(ali.mark("here still").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_taken_name_is_refused_in_the_words_of_the_seeds_too() {
    let server = server().await;
    let mut holder = server.seed("room", "ali").await;
    holder.mark("here first").await;
    let mut refused = server.seed("room", "ali").await;
    let notice = refused.next().await;
    assert_eq!((&notice["type"], &notice["client_id"]), (&json!("system"), &json!("system")));
    assert_eq!(notice["content"], "the name ali is taken here; choose another");
    assert_eq!(refused.closed().await.0, 4502);
    is_refused(&server, "room", "ali").await;
    assert_eq!(holder.mark("here still").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_name_is_taken_by_whoever_reads_as_its_holder() {
    let server = server().await;
    for (n, (holder, pretender)) in [
        ("علی", "علي"),
        ("کاوه", "كاوه"),
        ("مصطفی", "مصطفى"),
        ("علی\u{200c}رضا", "علیرضا"),
        ("محمد", "مُحَمَّد"),
        ("کلاس۱۲", "کلاس١٢"),
        ("کلاس۱۲", "کلاس12"),
        ("Ali", "aLI"),
        ("paypal", "р\u{430}ур\u{430}l"),
        ("user1", "userl"),
        ("Ａｌｉ", "Ali"),
    ]
    .into_iter()
    .enumerate()
    {
        let room = format!("room {n}");
        let _holder = server.member(&room, holder).await;
        is_refused(&server, &room, pretender).await;
    }
}

#[tokio::test]
async fn the_same_name_in_another_room_is_nobodys_business() {
    let server = server().await;
    let _here = server.member("here", "ali").await;
    let there = server.member("there", "ali").await;
    assert_eq!(there.welcome()["count"], 1);
}

#[tokio::test]
async fn the_holder_of_the_token_always_takes_its_session_over() {
    let server = server().await;
    let mut answering = server.member("room", "ali").await;
    let (token, position) = (answering.token(), answering.position());
    let mut ali = server.v1("room", "ali").await;
    ali.resume(&token, &position).await;
    assert_eq!(answering.closed().await.0, 4506);
    ali.mute();
    ali.stall();
    let mut again = server.v1("room", "ali").await;
    again.resume(&token, &position).await;
    again.mark("here").await;
}

/// Whoever joins as `name` in any dialect is told that it is kept, and for how long yet.
async fn is_kept(server: &TestServer, name: &str, grace: f64) -> Duration {
    let mut seed = server.seed("room", name).await;
    let notice = seed.next().await;
    let words = notice["content"].as_str().expect("a content");
    assert!(words.contains("is kept for") && words.contains("Try again in"), "{words}");
    assert_eq!(seed.closed().await, (4006, "name_kept".into()));
    let mut refused = server.v1("room", name).await;
    refused.send_json(json!({ "type": "join", "token": "of somebody else" })).await;
    let error = refused.expect_type("error").await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("name_taken"), &json!(true)));
    let after = error["retry_after"].as_f64().expect("it is told when");
    assert!(after > 0.0 && after <= grace, "{after}");
    assert_eq!(refused.closed().await, (4006, "name_kept".into()));
    Duration::from_secs_f64(after)
}

#[tokio::test]
async fn a_place_in_its_grace_period_is_kept_for_its_token() {
    let server = TestServer::start(&["--heartbeat", "5s", "--grace", "20s"]).await;
    let mut witness = server.member("room", "witness").await;
    let mut ali = server.member("room", "ali").await;
    witness.mark("both are here").await;
    for ending in ["cut", "reload"] {
        let (token, position, member) = (ali.token(), ali.position(), ali.member());
        match ending {
            "cut" => ali.into_client().abort().await,
            _ => ali.into_client().close(1001).await,
        }
        is_kept(&server, "ali", 20.0).await;
        is_kept(&server, "ALI", 20.0).await;
        ali = server.v1("room", "ali").await;
        assert_eq!(ali.resume(&token, &position).await["member"], json!(member), "{ending}");
    }
    assert_eq!(witness.mark("nobody came or went").await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_kept_name_is_free_when_its_time_is_over() {
    let server = TestServer::start(&["--heartbeat", "5s", "--grace", "2s"]).await;
    let mut witness = server.member("room", "witness").await;
    let first = server.member("room", "ali").await;
    let (token, position, member) = (first.token(), first.position(), first.member());
    first.into_client().abort().await;
    tokio::time::sleep(is_kept(&server, "ali", 2.0).await).await;
    let mut second = server.member("room", "ali").await;
    assert_ne!(second.member(), member);
    // Whose name it was comes too late now.
    let mut late = server.v1("room", "ali").await;
    late.send_json(json!({ "type": "join", "token": token, "after": position })).await;
    let error = late.expect_type("error").await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("name_taken"), &json!(false)));
    assert_eq!(late.closed().await, (4502, "name_taken".into()));
    second.mark("here").await;
    witness.until_said("here").await;
}

#[tokio::test]
async fn anonymous_is_nobodys_name_and_never_taken() {
    let server = server().await;
    let mut members: Vec<V1Client> = Vec::new();
    for name in ["", "anonymous", "Anonymous", "ANONYMOUS"] {
        members.push(server.member("room", name).await);
    }
    assert_eq!(members[3].welcome()["count"], 4);
}

#[tokio::test]
async fn of_two_who_want_a_ghosts_name_one_gets_it() {
    let server = server().await;
    for n in 0..5 {
        let room = format!("room {n}");
        let ghost = server.member(&room, "ali").await;
        ghost.mute();
        let (mut one, mut two) = (server.v1(&room, "ali").await, server.v1(&room, "ali").await);
        one.send_json(json!({ "type": "join" })).await;
        two.send_json(json!({ "type": "join" })).await;
        let (first, second) = tokio::join!(one.next(), two.next());
        let mut kinds = [first["type"].clone(), second["type"].clone()];
        kinds.sort_by_key(Value::to_string);
        assert_eq!(kinds, ["error", "welcome"], "{first} {second}");
    }
}

#[tokio::test]
async fn ghosts_and_holders_are_probed_across_threads() {
    let server =
        TestServer::start(&["--threads", "3", "--probe", "500ms", "--heartbeat", "10s"]).await;
    // Connections are spread over the threads, so that holder and newcomer meet in every combination.
    let mut others = Vec::new();
    for n in 0..6 {
        let room = format!("room {n}");
        let mut ghost = server.member(&room, "ghost").await;
        let mut holder = server.member(&room, "holder").await;
        ghost.mute();
        let mut newcomer = server.member(&room, "ghost").await;
        assert_eq!(ghost.closed().await.0, 4001, "{room}");
        is_refused(&server, &room, "holder").await;
        newcomer.mark("here").await;
        holder.until_said("here").await;
        others.push(newcomer);
    }
}
