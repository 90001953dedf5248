//! Promise 7: bad input is an answer, not a crash. Here: whole messages that are no command. They get an error and close
//! nothing, and in the seed dialect there is no wrong message at all.
use crate::common::{Bystanders, TALKATIVE, TestServer};
use serde_json::{Value, json};

/// What is no command of `hamhame.v1`, and the code of the error for it.
fn refused_commands() -> Vec<(String, &'static str)> {
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    let send =
        |id: Value, content: Value| json!({"type":"send","id":id,"content":content}).to_string();
    let mut all: Vec<(String, &str)> = [
        "",
        " ",
        "سلام",
        "{",
        "}",
        "{}{}",
        "{\"type\":\"heartbeat\"} x",
        "{'type':'join'}",
        "{\"type\":\"join\",}",
        "[",
        "\"",
        "nul",
        "NaN",
        "{\"type\":\"\\ud800\"}",
        "{\"a\":01}",
        "\u{feff}{\"type\":\"heartbeat\"}",
        "\0",
    ]
    .map(|text| (text.to_owned(), "invalid_json"))
    .into();
    all.extend([(deep("[", ""), "invalid_json"), (deep("{\"a\":", ""), "invalid_json")]);
    all.extend(
        [
            "[]",
            "null",
            "1",
            "-0.0e-5",
            "\"join\"",
            "true",
            "{}",
            "{\"type\":null}",
            "{\"type\":1}",
            "{\"type\":[]}",
            "{\"type\":{\"type\":\"join\"}}",
            "{\"Type\":\"join\"}",
            "{\"type\":\"send\"}",
            "{\"type\":\"typing\"}",
            "{\"type\":\"send\",\"id\":\"a\"}",
            "{\"type\":\"send\",\"content\":\"a\"}",
            "{\"type\":\"typing\",\"typing\":\"true\"}",
            "{\"type\":\"typing\",\"typing\":1}",
            "{\"type\":\"typing\",\"typing\":null}",
            "{\"type\":\"send\",\"id\":\"a\",\"content\":\"a\",\"content\":1}",
        ]
        .map(|text| (text.to_owned(), "bad_request")),
    );
    for content in [json!(1), json!(null), json!(true), json!(["a"]), json!({"content":"a"})] {
        all.push((send(json!("a"), content), "bad_request"));
    }
    for id in [
        json!(1),
        json!(null),
        json!(""),
        json!("x".repeat(65)),
        json!("سلام"),
        json!("a\n"),
        json!("\u{7f}"),
    ] {
        all.push((send(id, json!("a")), "bad_request"));
    }
    for kind in ["dance", "JOIN", " join", "", "welcome", "ack", "message", "system", "shutdown"] {
        all.push((json!({ "type": kind }).to_string(), "unknown_type"));
    }
    all.push((json!({ "type": "x".repeat(60_000) }).to_string(), "unknown_type"));
    all.push((json!({ "type": "typ\"\u{202e}\0" }).to_string(), "unknown_type"));
    all
}

#[tokio::test]
async fn a_message_that_is_no_command_gets_an_error_and_the_session_goes_on() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    let mut client = server.member("room", "علی").await;
    for (text, code) in refused_commands() {
        client.send(&text).await;
        let error = client.next_of("error").await;
        let shown: String = text.chars().take(80).collect();
        assert_eq!(error["code"], code, "{shown}: {error}");
        assert_eq!(error["temporary"], false, "{error}");
        let words = error["message"].as_str().expect("words").len();
        assert!((10..300).contains(&words), "{shown}: {error}");
    }
    client.said("c1", "هنوز اینجا").await;
    bystanders.noticed_nothing().await;
}

#[tokio::test]
async fn before_the_join_the_same_errors_come_and_the_join_still_works() {
    let server = TestServer::start(&TALKATIVE).await;
    let mut client = server.v1("room", "علی").await;
    for (text, code) in refused_commands() {
        client.send(&text).await;
        let error = client.expect_type("error").await;
        let shown: String = text.chars().take(80).collect();
        assert_eq!(error["code"], code, "{shown}: {error}");
    }
    for early in [
        json!({"type":"send","id":"c1","content":"a"}),
        json!({"type":"typing","typing":true}),
        json!({"type":"heartbeat"}),
    ] {
        client.send_json(early.clone()).await;
        let error = client.expect_type("error").await;
        assert_eq!((&error["code"], &error["id"]), (&json!("not_joined"), &early["id"]), "{error}");
    }
    client.join().await;
    client.send_json(json!({"type":"join"})).await;
    assert_eq!(client.next_of("error").await["code"], "already_joined");
    client.said("c1", "رسیدم").await;
}

#[tokio::test]
async fn a_join_with_wrong_members_is_refused_and_one_with_foreign_ones_is_a_fresh_join() {
    let server = TestServer::start(&TALKATIVE).await;
    let mut client = server.v1("room", "علی").await;
    for bad in [
        json!({"token":1}),
        json!({"token":{}}),
        json!({"after":1}),
        json!({"after":""}),
        json!({"after":":"}),
        json!({"after":"x"}),
        json!({"after":"k3J9x0aQ2Zc:"}),
        json!({"after":"k3J9x0aQ2Zc:-1"}),
        json!({"after":"k3J9x0aQ2Zc:18446744073709551616"}),
        json!({"after":"k3J9x0aQ2Zc:1:1"}),
        json!({"after":"k3J9x0aQ2Zc:1".repeat(1000)}),
    ] {
        let mut join = bad.clone();
        join["type"] = json!("join");
        client.send_json(join).await;
        assert_eq!(client.expect_type("error").await["code"], "bad_request", "{bad}");
    }
    client.join().await;
    client.said("c1", "یک").await;
    let (epoch, _) = client
        .position()
        .split_once(':')
        .map(|(e, o)| (e.to_owned(), o.to_owned()))
        .expect("two parts");
    for token in ["".to_owned(), "!".into(), "A".repeat(43), "A".repeat(60_000), "سلام".into()]
    {
        let mut other = server.v1("room", &format!("مهمان {}", token.len())).await;
        let welcome = other.join_as(json!({"type":"join","token":token})).await;
        assert_eq!(welcome["recovered"], Value::Null, "{welcome}");
    }
    for after in [
        format!("{epoch}:999"),
        format!("{epoch}:999999999999999"),
        "k3J9x0aQ2Zc:0".into(),
        "k3J9x0aQ2Zc:999999999999999".into(),
    ] {
        let mut other = server.v1("room", "anonymous").await;
        let welcome = other.join_as(json!({"type":"join","after":after})).await;
        assert_eq!(welcome["recovered"], false, "{after}: {welcome}");
        other.until_said("یک").await;
    }
}

#[tokio::test]
async fn in_the_seed_dialect_there_is_no_wrong_message() {
    let server = TestServer::start(&TALKATIVE).await;
    let bystanders = Bystanders::start(&server).await;
    let mut seed = server.seed("room", "علی").await;
    seed.mark("start").await;
    let deep = "[".repeat(3_000);
    for text in ["[", "{", "}", "nul", "[1,2]", "\"quoted\"", "{\"content\":\"a\"", "0", &deep] {
        seed.send(text).await;
        let event = seed.next_event().await;
        assert_eq!(
            (&event["type"], &event["content"]),
            (&json!("message"), &json!(text)),
            "{event}"
        );
    }
    for (text, content) in [
        (r#"{"content":1}"#, "1"),
        (r#"{"content":null}"#, "None"),
        (r#"{"content":true}"#, "True"),
        (r#"{"content":["a",1.5]}"#, "['a', 1.5]"),
        (r#"{"content":"\ud800"}"#, "\u{fffd}"),
    ] {
        seed.send(text).await;
        let event = seed.next_event().await;
        assert_eq!(
            (&event["type"], &event["content"]),
            (&json!("message"), &json!(content)),
            "{text}: {event}"
        );
    }
    for ignored in
        ["", " \t\n", "{}", r#"{"content":""}"#, r#"{"content":"  "}"#, r#"{"Content":"a"}"#]
    {
        seed.send(ignored).await;
    }
    assert!(seed.mark("the end").await.is_empty(), "what is empty is ignored");
    let nested = format!(r#"{{"content":{}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    seed.send(&nested).await;
    let said = seed.next_event().await;
    assert!(said["type"] == "message" || said["client_id"] == "system", "{said}");
    seed.mark("after it").await;
    bystanders.noticed_nothing().await;
}
