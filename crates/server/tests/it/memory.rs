//! The budget of memory: what all rooms keep is bounded, the largest give way first, and who misses something is told how much.
use std::time::Duration;

use crate::common::{Api, TALKATIVE, TestServer, V1Client, within};
use serde_json::{Value, json};

/// The budget in these tests, in bytes.
const BUDGET: u64 = 1 << 20;

/// A message of 4 KB.
fn long(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state % 26) as u8)
    };
    (0..3900).map(|_| letter()).collect()
}

async fn small() -> TestServer {
    TestServer::start(&[&TALKATIVE[..], &["--memory", "1M"]].concat()).await
}

/// Fills so many rooms with so many messages each, by a session each that goes again.
async fn fill(server: &TestServer, rooms: std::ops::Range<u64>, messages: u64) {
    for room in rooms {
        let mut writer = server.member(&format!("full {room}"), "writer").await;
        for n in 0..messages {
            writer.said(&format!("m{n}"), &long(room * 1000 + n)).await;
        }
        writer.into_client().close(1000).await;
    }
}

async fn logs(server: &TestServer) -> u64 {
    server.metric("hamhame_memory_log_bytes").await as u64
}

#[tokio::test]
async fn what_all_rooms_keep_stays_within_the_budget_and_everyone_chats_on() {
    let server = small().await;
    assert_eq!(server.metric("hamhame_memory_budget_bytes").await as u64, BUDGET);
    let mut reader = server.member("talk", "reader").await;
    let mut talker = server.member("talk", "talker").await;
    // 20 rooms of 100 messages of 4 KB: eight times the budget.
    for room in 0..20 {
        fill(&server, room..room + 1, 100).await;
        let words = format!("word {room}");
        talker.said(&format!("w{room}"), &words).await;
        reader.until_said(&words).await;
        let used = logs(&server).await;
        assert!(used <= BUDGET, "{used} bytes after {room} rooms");
    }
    assert!(reader.gaps().is_empty(), "a small room beside large ones loses nothing");
    assert!(server.metric("hamhame_memory_dropped_events_total").await > 500.0);
    assert!(logs(&server).await > BUDGET / 2, "and no more goes than has to");
    let late = server.v1("talk", "late").await.resume_from(&talker, 2).await;
    assert_eq!(late["recovered"], true, "{late}");
    server.logs("the memory for events is used up").await;
    let warnings = server.log().matches("the memory for events is used up").count();
    assert_eq!(warnings, 1, "once, not for each");
}

/// Resumes without a token from an offset in the epoch of another client.
trait ResumeFrom {
    async fn resume_from(self, other: &V1Client, offset: u64) -> Value;
}

impl ResumeFrom for V1Client {
    async fn resume_from(mut self, other: &V1Client, offset: u64) -> Value {
        let position = other.position();
        let epoch = position.split(':').next().expect("an epoch").to_owned();
        self.join_as(json!({"type":"join","after":format!("{epoch}:{offset}")})).await
    }
}

#[tokio::test]
async fn who_comes_back_to_a_room_that_gave_way_is_told_how_much_is_gone_on_every_transport() {
    let server = small().await;
    let mut writer = server.member("mine", "writer").await;
    for n in 0..100 {
        writer.said(&format!("m{n}"), &long(n)).await;
    }
    let first = writer.position();
    let epoch = first.split(':').next().expect("an epoch").to_owned();
    fill(&server, 0..10, 60).await;
    assert!(server.metric("hamhame_memory_dropped_events_total").await > 0.0);
    let api = Api::new(&server, "mine").await;

    // A WebSocket is told how many are gone, and gets what is left.
    let mut late = server.v1("mine", "late").await;
    let welcome = late.join_as(json!({"type":"join","after":format!("{epoch}:0")})).await;
    assert_eq!(welcome["recovered"], false);
    let gone = late.next_of("gap").await["missed"].as_u64().expect("a number");
    assert!(gone > 0, "the largest room gave way");
    assert_eq!(late.next_event().await["offset"], gone + 1);
    late.mark("here").await;
    let offset = late.offset();

    // Polling says how many are gone, and gives all that are left: together all there were.
    let (mut told, mut missed, mut after) = (0, 0, format!("{epoch}:0"));
    loop {
        let answer = api.after(&after).await;
        let events = answer["events"].as_array().expect("a list").len() as u64;
        if told == 0 {
            assert_eq!(answer["recovered"], false, "{}", answer["position"]);
        }
        missed += answer["missed"].as_u64().unwrap_or_default();
        told += events;
        after = answer["position"].as_str().expect("a position").to_owned();
        if after == format!("{epoch}:{offset}") {
            break;
        }
    }
    assert!(missed >= gone);
    assert_eq!(told + missed, offset);

    // A stream says the same number, and begins behind it.
    let mut stream = api.stream(&format!("after={epoch}:0"), "").await;
    assert_eq!(stream.next_of("gap").await.data["missed"], missed);
    assert_eq!(stream.next_event().await["offset"], missed + 1);

    // Who is there all the time is told when it happens to what it has not read, and never by silence.
    let last = writer.said("last", "still here").await;
    assert!(last > offset);
}

/// Waits until connections have something under way, or nothing.
async fn until_buffers(server: &TestServer, some: bool) {
    let waiting = async {
        while (server.metric("hamhame_memory_buffer_bytes").await > 0.0) != some {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("a change of what is under way", waiting).await;
}

#[tokio::test]
async fn what_waits_for_a_client_that_does_not_read_counts_until_it_is_gone() {
    let window = ["--history", "100000", "--history-bytes", "100000000"];
    let server = TestServer::start(&[&TALKATIVE[..], &window].concat()).await;
    let mut stalled = server.connect("/ws/room/stalled").narrow().open().await;
    stalled.next().await;
    let mut writer = server.member("room", "writer").await;
    for n in 0..2000 {
        writer.said(&format!("m{n}"), &long(n)).await;
    }
    until_buffers(&server, true).await;
    stalled.abort();
    until_buffers(&server, false).await;
    // A stream that is not read has a batch under way.
    let api = Api::new(&server, "room").await;
    let epoch = writer.position().split(':').next().expect("an epoch").to_owned();
    let streams = [api.stream(&format!("after={epoch}:0"), "").await];
    until_buffers(&server, true).await;
    drop(streams);
    until_buffers(&server, false).await;
}

#[tokio::test]
async fn memory_comes_back_when_rooms_are_given_up() {
    let server = TestServer::start(&["--max-rooms", "4"]).await;
    for room in 0..12u64 {
        fill(&server, room..room + 1, 5).await;
        // The bytes of the rooms that are there, and not of those that were.
        let used = logs(&server).await;
        assert!(used < 4 * 6 * 5000, "{used} bytes in the rooms after {room}");
    }
    assert_eq!(server.metric("hamhame_rooms").await, 4.0);
}

#[tokio::test]
async fn at_the_bound_of_rooms_none_but_the_one_that_gives_way_is_looked_at() {
    let server = TestServer::start(&["--max-rooms", "200"]).await;
    for room in 0..200 {
        let mut writer = server.member(&format!("spoken {room}"), "writer").await;
        writer.said("1", "kept").await;
        writer.into_client().close(1000).await;
    }
    let mut here = server.member("spoken 150", "here").await;
    let before = server.metric("hamhame_room_looks_total").await;
    for room in 0..100 {
        let answer = server.get(&format!("/api/rooms/new-{room}/events")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let looks = server.metric("hamhame_room_looks_total").await - before;
    // One each; and the few that had something due meanwhile.
    assert!((100.0..200.0).contains(&looks), "{looks} rooms were looked at for 100 new ones");
    assert_eq!(server.metric("hamhame_rooms").await, 200.0);
    // The first were empty longest, and one in which somebody is never gives way.
    here.said("2", "still the same room").await;
    assert!(here.gaps().is_empty());
    assert_eq!(server.get("/api/rooms/spoken%200/members").await.json()["count"], 0);
    let newest = server.get("/api/rooms/spoken%20199/events").await.json();
    let position = newest["position"].as_str().expect("a position");
    assert!(!position.ends_with(":0"), "{position}: what was said in it is still there");
}

#[tokio::test]
async fn idle_rooms_cost_no_looks_however_many_there_are() {
    let server = TestServer::start(&["--heartbeat", "1s"]).await;
    let mut members = Vec::new();
    for room in 0..100 {
        members.push(server.member(&format!("idle {room}"), "ali").await);
    }
    let looks = server.metric("hamhame_room_looks_total").await;
    within("some sweeps", tokio::time::sleep(Duration::from_secs(2))).await;
    assert_eq!(server.metric("hamhame_room_looks_total").await, looks);
    assert_eq!(server.metric("hamhame_members").await, 100.0);
    for member in members {
        member.into_client().close(1000).await;
    }
    while server.metric("hamhame_members").await > 0.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_address_may_open_so_many_rooms_and_read_so_many_over_http() {
    let server = TestServer::start(&["--max-rooms-per-address", "2"]).await;
    let one = server.member("one", "ali").await;
    let two = Api::new(&server, "two").await;
    assert_eq!(two.ask("GET", "events", None, None).await.status, 200);
    let api = Api::new(&server, "three").await;
    for (method, what, body) in
        [("GET", "events", None), ("POST", "sessions", Some(json!({"client_id":"ali"})))]
    {
        let answer = api.ask(method, what, None, body.as_ref()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("server_full")));
        let detail = answer.json()["detail"].as_str().map(str::to_owned).unwrap_or_default();
        assert!(detail.contains("your address has opened as many rooms as it may (2)"), "{detail}");
    }
    let mut third = server.v1("three", "ali").await;
    third.send_json(json!({"type":"join"})).await;
    assert_eq!(third.expect_type("error").await["code"], "server_full");
    assert_eq!(third.closed().await.0, 4004);
    // Rooms that are there are open to it all the same.
    server.member("two", "ali").await;
    drop(one);
    let free = TestServer::start(&["--max-rooms-per-address", "1", "--limits", "off"]).await;
    free.member("one", "ali").await;
    free.member("two", "ali").await;
}

#[tokio::test]
async fn all_sessions_of_an_address_share_its_rate_whichever_way_they_come() {
    let options = ["--address-message-burst", "10", "--address-message-rate", "0.5"];
    let server = TestServer::start(&options).await;
    let api = Api::new(&server, "room").await;
    let over_http = api.join("http").await;
    for n in 0..4 {
        over_http.say(&format!("h{n}"), "over HTTP").await;
    }
    // A new session has a burst of its own, but not its address.
    let mut said = 4;
    for session in 0..20 {
        let mut writer = server.member(&format!("room {session}"), "writer").await;
        writer.say("m", "one word").await;
        let outcome = loop {
            let message = writer.next().await;
            if ["ack", "error"].contains(&message["type"].as_str().unwrap_or_default()) {
                break message;
            }
        };
        if outcome["type"] == "ack" {
            said += 1;
        } else {
            assert_eq!(outcome["code"], "rate_limited");
            let wait = outcome["retry_after"].as_f64().expect("it says when");
            assert!(wait > 0.0 && wait <= 2.0, "{outcome}");
        }
        writer.into_client().close(1000).await;
    }
    assert!((10..20).contains(&said), "{said} messages of a burst of 10");
    let refused = loop {
        let body = json!({"content":"more"});
        let answer = over_http.ask("POST", "messages", Some(&body)).await;
        if answer.status != 201 {
            break answer;
        }
    };
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("rate_limited")));
    assert!(refused.header("retry-after").is_some());
    assert!(server.metric("hamhame_addresses").await <= 2.0);
}
