//! What `docs/reference/http-api.md` says of requests and answers. Every answer in these tests is also held against the
//! server's own OpenAPI document.
use crate::common::{Api, HttpResponse, Raw, TestServer, V1Client, encode, within};
use serde_json::{Value, json};

fn contents(events: &Value) -> Vec<&str> {
    let events = events["events"].as_array().expect("events");
    let messages = events.iter().filter(|event| event["type"] == "message");
    messages.map(|event| event["content"].as_str().expect("a content")).collect()
}

async fn witness(server: &TestServer) -> V1Client {
    server.member("کلاس", "witness").await
}

#[tokio::test]
async fn what_is_said_over_http_is_heard_over_a_websocket_and_the_other_way_round() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "کلاس").await;
    let mut witness = witness(&server).await;
    let maryam = api.join("مریم").await;
    assert_eq!(maryam.welcome["count"], 2);
    let offset = maryam.say("c1", "سلام‌ها").await;
    let heard = loop {
        let event = witness.next_event().await;
        if event["type"] == "message" {
            break event;
        }
    };
    assert_eq!((&heard["offset"], &heard["content"]), (&offset.into(), &"سلام‌ها".into()));
    assert_eq!((&heard["member"], &heard["id"]), (&maryam.member().into(), &"c1".into()));
    witness.said("w1", "درود").await;
    let events = api.after(maryam.position()).await;
    assert_eq!(contents(&events), ["سلام‌ها", "درود"]);
    let same = events["events"].as_array().expect("events").contains(&heard);
    assert!(same, "the same event, to the letter");
}

#[tokio::test]
async fn a_message_said_again_has_the_first_offset_by_whichever_transport() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    let first = member.say("c1", "once").await;
    assert_eq!(member.say("c1", "once").await, first);
    let mut socket = server.v1("room", "maryam").await;
    socket.resume(member.token(), member.position()).await;
    assert_eq!(socket.said("c1", "once").await, first);
    let back = api.enter(json!({ "client_id": "maryam", "token": socket.token() })).await;
    assert_eq!(back.say("c1", "once").await, first);
    assert_eq!(contents(&api.after(member.position()).await), ["once"]);
}

#[tokio::test]
async fn a_message_without_an_id_is_a_new_one_each_time() {
    let server = TestServer::start(&[]).await;
    let member = Api::new(&server, "room").await.join("maryam").await;
    for _ in 0..2 {
        let answer = member.ask("POST", "messages", Some(&json!({ "content": "again" }))).await;
        assert_eq!(answer.status, 201);
    }
    assert_eq!(contents(&member.api.after(member.position()).await), ["again", "again"]);
}

#[tokio::test]
async fn reading_goes_on_from_where_the_last_answer_ended() {
    let server = TestServer::start(&["--limits", "off"]).await;
    let member = Api::new(&server, "room").await.join("maryam").await;
    for number in 0..7 {
        member.say(&format!("c{number}"), &number.to_string()).await;
    }
    let mut position = member.position().to_owned();
    let mut read = Vec::new();
    loop {
        let events = member.api.events(&format!("after={position}&limit=3"), None).await;
        let page = events["events"].as_array().expect("events").len();
        assert!(page <= 3, "{events}");
        if page == 0 {
            break;
        }
        read.extend(contents(&events).into_iter().map(str::to_owned));
        position = events["position"].as_str().expect("a position").to_owned();
    }
    assert_eq!(read, ["0", "1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn reading_an_open_room_needs_no_session_and_shows_nobody() {
    let server = TestServer::start(&["--join-history", "2"]).await;
    let api = Api::new(&server, "room").await;
    let before = api.events("", None).await;
    assert_eq!(before["events"], json!([]));
    let member = api.join("maryam").await;
    for number in 0..3 {
        member.say(&format!("c{number}"), &number.to_string()).await;
    }
    assert_eq!(api.events("", None).await["events"], json!([]), "a newcomer starts at the head");
    assert_eq!(contents(&api.events("history=1", None).await), ["2"]);
    assert_eq!(contents(&api.events("history=9", None).await), ["1", "2"], "what it may have");
    let position = before["position"].as_str().expect("a position");
    assert_eq!(contents(&api.after(position).await), ["0", "1", "2"], "the room was kept for it");
    assert_eq!(api.join("ali").await.welcome["count"], 2, "who reads is not present");
}

#[tokio::test]
async fn a_request_that_waits_is_answered_when_there_is_something() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let mut witness = server.member("room", "witness").await;
    let position = witness.position();
    let waiting = api.clone();
    let query = format!("after={position}&wait=30");
    let answer = tokio::spawn(async move { waiting.events(&query, None).await });
    witness.said("w1", "now").await;
    let answer = within("the answer", answer).await.expect("an answer");
    assert_eq!(contents(&answer), ["now"]);
    let position = answer["position"].as_str().expect("a position");
    let empty = api.events(&format!("after={position}&wait=0.05"), None).await;
    assert_eq!((&empty["events"], &empty["position"]), (&json!([]), &position.into()));
}

#[tokio::test]
async fn head_never_waits() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let answer = api.ask("HEAD", "events?wait=60", None, None).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
}

#[tokio::test]
async fn what_is_gone_is_told_and_its_number_if_that_is_known() {
    let mut server = TestServer::start(&["--history", "3", "--limits", "off"]).await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    for number in 0..6 {
        member.say(&format!("c{number}"), &number.to_string()).await;
    }
    let events = api.after(member.position()).await;
    assert_eq!((&events["recovered"], &events["missed"]), (&false.into(), &4.into()), "{events}");
    assert_eq!(contents(&events), ["3", "4", "5"]);
    let position = events["position"].as_str().expect("a position").to_owned();
    assert_eq!(api.after(&position).await["recovered"], Value::Null, "nothing is missing now");
    server.restart().await;
    let api = Api::new(&server, "room").await;
    let other = api.after(&position).await;
    assert_eq!((&other["recovered"], &other["missed"]), (&false.into(), &Value::Null), "{other}");
}

#[tokio::test]
async fn presence_and_typing_are_told_to_who_asks_for_them() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let maryam = api.join("maryam").await;
    let all = api.events("states=0", None).await;
    assert_eq!(all["presence"]["users"][0]["client_id"], "maryam", "{all}");
    let states = all["states"].as_str().expect("states").to_owned();
    assert_eq!(api.events("", None).await["states"], Value::Null, "only to those");
    let waiting = api.clone();
    let query = format!("states={states}&wait=30&after={}", all["position"].as_str().unwrap());
    let change = tokio::spawn(async move { waiting.events(&query, None).await });
    let typing = maryam.ask("POST", "typing", Some(&json!({ "typing": true }))).await;
    assert_eq!(typing.status, 204);
    let change = within("typing", change).await.expect("an answer");
    assert_eq!(change["typing"]["members"], json!([maryam.member()]), "{change}");
    let ali = api.join("ali").await;
    let states = change["states"].as_str().expect("states");
    let change = api.events(&format!("states={states}"), None).await;
    assert_eq!(change["presence"]["joined"][0]["client_id"], "ali", "a difference: {change}");
    assert_eq!(ali.ask("DELETE", "sessions/current", None).await.status, 204);
    let states = change["states"].as_str().expect("states");
    let change = api.events(&format!("states={states}"), None).await;
    assert_eq!(change["presence"]["left"], json!([ali.member()]), "{change}");
}

#[tokio::test]
async fn members_are_listed_in_pages() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    assert_eq!(api.ask("GET", "members", None, None).await.json()["count"], 0);
    let names = ["a", "b", "c", "d", "e"];
    let mut joined = Vec::new();
    for name in names {
        joined.push(api.join(name).await);
    }
    let (mut listed, mut page) = (Vec::new(), "0".to_owned());
    loop {
        let what = format!("members?limit=2&page={page}");
        let members = api.ask("GET", &what, None, None).await.json();
        assert_eq!(members["count"], 5);
        let users = members["users"].as_array().expect("users").iter();
        listed.extend(users.map(|user| user["client_id"].as_str().expect("a name").to_owned()));
        match members["next"].as_str() {
            Some(next) => page = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(listed, names);
}

fn problem(answer: &HttpResponse) -> (u16, String) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["status"], answer.status);
    let code = body["code"].as_str().expect("a code");
    assert_eq!(body["type"], format!("urn:hamhame:error:{code}"));
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
    (answer.status, code.to_owned())
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let server = TestServer::start(&["--message-graphemes", "10"]).await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    let token = format!("Authorization: Bearer {}\r\n", member.token());
    let json = "Content-Type: application/json\r\n";
    let all = format!("{token}{json}");
    let none = "";
    let cases = [
        ("POST", "messages", &*all, "{", 400, "invalid_json"),
        ("POST", "messages", &all, "", 400, "invalid_json"),
        ("POST", "messages", &all, "[]", 422, "bad_request"),
        ("POST", "messages", &all, "{}", 422, "bad_request"),
        ("POST", "messages", &all, r#"{"content":7}"#, 422, "bad_request"),
        ("POST", "messages", &all, r#"{"content":"a","id":""}"#, 422, "bad_request"),
        ("POST", "messages", &all, r#"{"content":"a","id":"é"}"#, 422, "bad_request"),
        ("POST", "messages", &all, r#"{"content":"  "}"#, 422, "empty"),
        ("POST", "messages", &all, r#"{"content":"12345678901"}"#, 422, "too_long"),
        ("POST", "messages", &token, r#"{"content":"a"}"#, 415, "unsupported_media_type"),
        ("POST", "messages", json, r#"{"content":"a"}"#, 401, "not_joined"),
        ("POST", "messages", "Authorization: Basic YTpi\r\n", "", 401, "not_joined"),
        ("POST", "messages", "Authorization: Bearer x\r\n", "", 401, "not_joined"),
        ("POST", "typing", &all, r#"{"typing":"yes"}"#, 422, "bad_request"),
        ("POST", "sessions", json, r#"{"attempt":-1}"#, 422, "bad_request"),
        ("POST", "sessions", json, r#"{"attempt":9007199254740992}"#, 422, "bad_request"),
        ("POST", "sessions", json, r#"{"history":-1}"#, 422, "bad_request"),
        ("POST", "sessions", json, r#"{"history":9007199254740992}"#, 422, "bad_request"),
        ("POST", "sessions", json, r#"{"client_id":"a\u0000"}"#, 422, "name_refused"),
        ("POST", "sessions", json, r#"{"client_id":"system"}"#, 422, "name_refused"),
        ("POST", "sessions", json, r#"{"after":"here"}"#, 422, "bad_request"),
        ("POST", "sessions", json, "nothing", 400, "invalid_json"),
        ("GET", "events?after=here", none, "", 400, "bad_request"),
        ("GET", "events?limit=0", none, "", 400, "bad_request"),
        ("GET", "events?limit=1001", none, "", 400, "bad_request"),
        ("GET", "events?wait=61", none, "", 400, "bad_request"),
        ("GET", "events?wait=NaN", none, "", 400, "bad_request"),
        ("GET", "events?wait=-1", none, "", 400, "bad_request"),
        ("GET", "events?states=x", none, "", 400, "bad_request"),
        ("GET", "events?wait=1&wait=2", none, "", 400, "bad_request"),
        ("GET", "events", "Authorization: Bearer x\r\n", "", 401, "not_joined"),
        ("GET", "members?page=x", none, "", 400, "bad_request"),
        ("GET", "elsewhere", none, "", 404, "not_found"),
        ("PUT", "messages", none, "", 405, "method_not_allowed"),
    ];
    for (method, what, head, body, status, code) in cases {
        let answer = api.send(method, &api.path(what), head, body).await;
        let found = problem(&answer);
        assert_eq!(found, (status, code.to_owned()), "{method} {what} {body}: {answer:?}");
        if status == 401 {
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
}

#[tokio::test]
async fn a_room_is_what_its_path_says() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "a/b ؟").await;
    let member = api.join("maryam").await;
    assert_eq!(member.welcome["room_id"], "a/b ؟");
    let mut socket = server.member("a/b ؟", "ali").await;
    assert_eq!(socket.welcome()["count"], 2);
    socket.said("1", "here").await;
    for (path, status, code) in [
        ("/api/rooms/%FF/events", 400, "bad_request"),
        ("/api/rooms/%zz/events", 400, "bad_request"),
        ("/api/rooms/%00/events", 422, "room_refused"),
        (&*format!("/api/rooms/{}/events", encode(&"x".repeat(300))), 422, "room_refused"),
    ] {
        let answer = api.send("GET", path, "", "").await;
        assert_eq!(problem(&answer), (status, code.to_owned()), "{path}");
    }
    // A token is of one room alone.
    let other = Api::new(&server, "another").await;
    assert_eq!(other.ask("GET", "events", Some(member.token()), None).await.status, 401);
}

#[tokio::test]
async fn a_resource_says_which_methods_it_has() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    for (what, methods) in [
        ("events", vec!["GET", "HEAD"]),
        ("messages", vec!["POST"]),
        ("sessions", vec!["POST"]),
        ("sessions/current", vec!["DELETE", "POST"]),
        ("members", vec!["GET", "HEAD"]),
        ("typing", vec!["POST"]),
    ] {
        for method in ["OPTIONS", "PATCH"] {
            let answer = api.ask(method, what, None, None).await;
            assert_eq!(answer.status, if method == "OPTIONS" { 204 } else { 405 }, "{answer:?}");
            let allowed = answer.header("allow").expect("what may be done");
            let mut allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
            allowed.sort_unstable();
            assert_eq!(allowed, methods, "{method} {what}");
        }
    }
}

#[tokio::test]
async fn a_body_is_bounded_in_size_and_in_time() {
    let server = TestServer::start(&["--frame-bytes", "2048", "--header-timeout", "300ms"]).await;
    let api = Api::new(&server, "room").await;
    let content = "x".repeat(3000);
    let large = json!({ "client_id": "maryam", "token": content });
    let answer = api.ask("POST", "sessions", None, Some(&large)).await;
    assert_eq!(problem(&answer), (413, "too_large".to_owned()));
    let (path, host) = (api.path("sessions"), server.address());
    let mut slow = Raw::send(
        host,
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{{"),
    )
    .await;
    assert_eq!(problem(&slow.answer().await), (408, "request_timeout".to_owned()));
}

#[tokio::test]
async fn who_says_too_much_is_told_when_to_go_on() {
    let server = TestServer::start(&["--message-burst", "2", "--message-rate", "0.1"]).await;
    let member = Api::new(&server, "room").await.join("maryam").await;
    member.say("c1", "one").await;
    member.say("c2", "two").await;
    let answer = member.ask("POST", "messages", Some(&json!({ "content": "three" }))).await;
    assert_eq!(problem(&answer), (429, "rate_limited".to_owned()));
    let after = answer.json()["retry_after"].as_f64().expect("a time");
    assert!(after > 0.0 && after <= 10.0, "{after}");
    let header: f64 =
        answer.header("retry-after").expect("whole seconds").parse().expect("seconds");
    assert!(header >= after, "{header} is not too early for {after}");
    assert_eq!(contents(&member.api.after(member.position()).await), ["one", "two"]);
}

#[tokio::test]
async fn who_asks_too_often_with_a_session_is_told_so_and_others_are_not() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    let member = api.join("maryam").await;
    let refused = async {
        loop {
            let answer = member.ask("POST", "sessions/current", None).await;
            if answer.status != 204 {
                return answer;
            }
        }
    };
    assert_eq!(problem(&within("a refusal", refused).await), (429, "rate_limited".to_owned()));
    assert_eq!(api.join("ali").await.renew().await, 204);
}

#[tokio::test]
async fn pages_of_other_origins_may_use_the_api_only_if_the_operator_names_them() {
    let server = TestServer::start(&["--origin", "https://school.example"]).await;
    let api = Api::new(&server, "room").await;
    let origin = |name: &str| format!("Origin: {name}\r\n");
    let named = origin("https://school.example");
    let answer = api.send("GET", &api.path("events"), &named, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://school.example"));
    let asks = format!(
        "{named}Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n"
    );
    let answer = api.send("OPTIONS", &api.path("messages"), &asks, "").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    let headers = answer.header("access-control-allow-headers").expect("headers");
    for header in ["Authorization", "Content-Type", "Last-Event-ID"] {
        assert!(headers.contains(header), "{headers}");
    }
    let answer = api.send("GET", &api.path("events"), &origin("https://evil.example"), "").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let closed = TestServer::start(&[]).await;
    let api = Api::new(&closed, "room").await;
    let answer = api.send("GET", &api.path("events"), &named, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
}

#[tokio::test]
async fn a_room_that_cannot_be_made_is_a_server_that_is_full() {
    let server = TestServer::start(&["--max-rooms", "1"]).await;
    let mut witness = server.member("one", "witness").await;
    witness.said("1", "kept").await;
    let api = Api::new(&server, "two").await;
    let answer = api.ask("GET", "events", None, None).await;
    assert_eq!(problem(&answer), (503, "server_full".to_owned()));
    let answer = api.ask("POST", "sessions", None, Some(&json!({}))).await;
    assert_eq!(problem(&answer), (503, "server_full".to_owned()));
}

#[tokio::test]
async fn two_who_give_no_name_are_both_anonymous() {
    let server = TestServer::start(&[]).await;
    let api = Api::new(&server, "room").await;
    assert_eq!(api.enter(json!({})).await.welcome["client_id"], "anonymous");
    assert_eq!(api.enter(json!({ "client_id": " " })).await.welcome["count"], 2);
}
