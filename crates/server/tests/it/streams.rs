//! Server-Sent Events: the log as a stream that goes on where it was cut.
use crate::common::{Api, H2, Line, Raw, TestServer, within};
use serde_json::{Value, json};

#[tokio::test]
async fn a_stream_says_where_it_begins_and_then_every_event_once() {
    let server = TestServer::start(&["--limits", "off"]).await;
    let api = Api::new(&server, "کلاس").await;
    let member = api.join("مریم").await;
    let mut stream = api.stream(&format!("after={}", member.position()), "").await;
    assert!(stream.head.starts_with("HTTP/1.1 200"), "{}", stream.head);
    for header in
        ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"]
    {
        assert!(stream.head.contains(header), "{header} in {}", stream.head);
    }
    let first = stream.next().await.expect("a record");
    assert_eq!((first.event.as_str(), first.id.as_deref()), ("position", Some(member.position())));
    assert_eq!(first.data["recovered"], true);
    assert_eq!(stream.next_event().await["event"], "join");
    for number in 0..100 {
        member.say(&format!("c{number}"), &format!("پیام\n{number}")).await;
    }
    for number in 0..100 {
        assert_eq!(stream.next_event().await["content"], format!("پیام\n{number}"));
    }
}

#[tokio::test]
async fn an_event_arrives_before_the_next_one_is_said() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    let mut stream = api.stream("", "").await;
    stream.next_of("position").await;
    for number in 0..5 {
        member.say(&format!("c{number}"), &number.to_string()).await;
        assert_eq!(stream.next_event().await["content"], number.to_string());
    }
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_that_its_client_has() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    let mut stream = api.stream("", "").await;
    stream.next_of("position").await;
    member.say("1", "one").await;
    assert_eq!(stream.next_event().await["content"], "one");
    let last = stream.last_id().expect("an id").to_owned();
    drop(stream);
    member.say("2", "two").await;
    // The header comes before what the address says.
    let head = format!("Last-Event-ID: {last}\r\n");
    let mut stream = api.stream(&format!("after={}", member.position()), &head).await;
    assert_eq!(stream.next_of("position").await.data["recovered"], true);
    assert_eq!(stream.next_event().await["content"], "two");
}

#[tokio::test]
async fn what_a_stream_cannot_bring_is_a_gap_with_its_number() {
    let mut server = TestServer::start(&["--history", "3", "--limits", "off"]).await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    for number in 0..6 {
        member.say(&format!("c{number}"), &number.to_string()).await;
    }
    let mut stream = api.stream(&format!("after={}", member.position()), "").await;
    assert_eq!(stream.next_of("position").await.data["recovered"], false);
    assert_eq!(stream.next().await.expect("a record").data["missed"], 4);
    assert_eq!(stream.next_event().await["content"], "3");
    let last = stream.last_id().expect("an id").to_owned();
    server.restart().await;
    let api = Api::new(&server, "room").await;
    let mut stream = api.stream("", &format!("Last-Event-ID: {last}\r\n")).await;
    let first = stream.next_of("position").await;
    assert_eq!(first.data["recovered"], false, "another epoch");
    assert_ne!(first.id.as_deref(), Some(&*last));
}

#[tokio::test]
async fn states_and_heartbeats_are_told_beside_the_log() {
    let server = TestServer::start(&["--heartbeat", "300ms"]).await;
    let api = Api::new(&server, "room").await;
    let maryam = api.join("maryam").await;
    let mut stream = maryam.stream("states=0").await;
    let names = |presence: &Value| -> Vec<String> {
        let users = presence["users"].as_array().expect("a snapshot").iter();
        users.map(|user| user["client_id"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&stream.next_of("presence").await.data), ["maryam"]);
    let ali = api.join("ali").await;
    let change = stream.next_of("presence").await;
    assert_eq!((change.id, &change.data["joined"][0]["client_id"]), (None, &"ali".into()));
    ali.ask("POST", "typing", Some(&json!({ "typing": true }))).await;
    assert_eq!(stream.next_of("typing").await.data["members"], json!([ali.member()]));
    let beat = stream.next_of("heartbeat").await.data;
    assert_eq!(beat["position"], *stream.last_id().expect("a position"), "the head of the log");
    // Without `states` there are none.
    let mut plain = api.stream("", "").await;
    ali.ask("DELETE", "sessions/current", None).await;
    assert_eq!(plain.next_of("position").await.data["states"], Value::Null);
    loop {
        let record = plain.next().await.expect("a record");
        assert!(!["presence", "typing"].contains(&&*record.event), "{record:?}");
        if record.event == "heartbeat" {
            break;
        }
    }
}

#[tokio::test]
async fn a_server_that_goes_tells_everybody_what_was_said_and_when_to_come_back() {
    let mut server = TestServer::start(&["--drain", "2s"]).await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    let mut stream = member.stream("").await;
    stream.next_of("position").await;
    let (waiting, token) = (api.clone(), member.token().to_owned());
    let query = format!("after={}&wait=60", member.position());
    // It has everything, and waits.
    let last = api.events(&query, Some(&token)).await["position"].as_str().expect("one").to_owned();
    let query = format!("after={last}&wait=60");
    let poll = tokio::spawn(async move { waiting.events(&query, Some(&token)).await });
    let say = member.say("1", "the last").await;
    assert!(say > 0);
    server.terminate();
    assert_eq!(stream.next_event().await["content"], "the last");
    let shutdown = stream.next_of("shutdown").await.data;
    let after = shutdown["retry_after"].as_f64().expect("a time");
    assert!((0.25..=2.25).contains(&after), "{after}");
    assert_eq!(stream.next().await, None, "the stream ends");
    let answer = within("the answer", poll).await.expect("an answer");
    assert_eq!(answer["events"][0]["content"], "the last", "{answer}");
    assert!(server.wait().await.success());
}

#[tokio::test]
async fn a_request_that_waits_when_the_server_goes_is_told_when_to_come_back() {
    for version in ["HTTP/1.1", "HTTP/2"] {
        let mut server = TestServer::start(&["--drain", "2s"]).await;
        let api = Api::new(&server, "room").await;
        let api = match version {
            "HTTP/1.1" => api,
            _ => api.over(Line::Http2(H2::connect(server.address()).await)),
        };
        let waiting = tokio::spawn(async move { api.events("wait=60", None).await });
        // The room is made by reading it; from there on the request waits, as nothing is said in it.
        let is_read = async { while server.metric("hamhame_rooms").await != 1.0 {} };
        within("the request to wait", is_read).await;
        server.terminate();
        let answer = within("the answer", waiting).await.expect("an answer");
        let after = answer["retry_after"].as_f64().expect("a time");
        assert!((0.25..=2.25).contains(&after), "{version}: {answer}");
        assert_eq!(answer["events"], json!([]), "{version}");
        assert!(server.wait().await.success());
    }
}

#[tokio::test]
async fn json_or_a_stream_is_what_the_client_names_first() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    for (accept, kind) in [
        ("", "application/json"),
        ("Accept: */*\r\n", "application/json"),
        ("Accept: text/html, */*;q=0.8\r\n", "application/json"),
        ("Accept: application/json, text/event-stream\r\n", "application/json"),
        ("Accept: text/event-stream, application/json\r\n", "text/event-stream"),
        ("Accept: TEXT/Event-Stream;q=1\r\n", "text/event-stream"),
    ] {
        let (path, host) = (api.path("events"), server.address());
        let request =
            format!("HEAD {path} HTTP/1.1\r\nHost: {host}\r\n{accept}Connection: close\r\n\r\n");
        let head = String::from_utf8(Raw::send(host, request).await.rest().await).expect("ASCII");
        assert!(head.contains(&format!("content-type: {kind}\r\n")), "{accept:?}: {head}");
    }
}
