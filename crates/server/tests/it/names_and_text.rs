//! SPEC 6 through the real server: names, rooms and messages in Persian as it is written.
use crate::common::{Raw, TestServer};
use serde_json::json;

#[tokio::test]
async fn a_name_keeps_its_zwnj_where_persian_needs_it() {
    let server = TestServer::start(&[]).await;
    let mut member = server.member("کلاس", "علی\u{200c}رضا").await;
    assert_eq!(member.welcome()["client_id"], "علی\u{200c}رضا");
    assert_eq!(member.welcome()["users"][0]["client_id"], "علی\u{200c}رضا");
    let joined = member.next_event().await;
    assert_eq!(joined["content"], "علی\u{200c}رضا joined کلاس.");
}

#[tokio::test]
async fn a_zwnj_that_joins_nothing_is_no_part_of_a_name() {
    let server = TestServer::start(&[]).await;
    let member = server.member("room", "\u{200c}a\u{200c}li\u{200c}").await;
    assert_eq!(member.welcome()["client_id"], "ali");
}

#[tokio::test]
async fn spaces_and_normal_form_of_a_name_are_cleaned() {
    let server = TestServer::start(&[]).await;
    let member = server.member("  the   room ", " Jose\u{301}\u{3000}\u{a0}Maria ").await;
    assert_eq!(member.welcome()["client_id"], "Jos\u{e9} Maria");
    assert_eq!(member.welcome()["room_id"], "the room");
}

#[tokio::test]
async fn a_room_is_the_same_on_an_arabic_and_a_persian_keyboard() {
    let server = TestServer::start(&[]).await;
    for (one, other) in [
        ("کلاس", "كلاس"),
        ("علی", "علي"),
        ("اتاق ۱۲", "اتاق ١٢"),
        ("اتاق ۳", "اتاق 3"),
        ("می\u{200c}نا", "مینا"),
        ("مُحَمَّد", "محمد"),
        ("Class", "cLASS"),
    ] {
        let mut first = server.member(one, "first").await;
        let mut second = server.member(other, "second").await;
        assert_eq!(second.welcome()["count"], 2, "{one} {other}");
        assert_eq!(
            second.welcome()["room_id"],
            first.welcome()["room_id"],
            "as the first wrote it"
        );
        second.mark("سلام").await;
        first.until_said("سلام").await;
    }
}

#[tokio::test]
async fn rooms_that_only_look_alike_are_two() {
    let server = TestServer::start(&[]).await;
    let one = server.member("room1", "ali").await;
    let other = server.member("rooml", "ali").await;
    assert_eq!((&one.welcome()["count"], &other.welcome()["count"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_name_that_may_not_be_is_refused_in_words_and_with_4501() {
    let server = TestServer::start(&[]).await;
    let too_long = "ن".repeat(33);
    for name in [
        "a\u{202e}b",
        "\u{2066}a\u{2069}",
        "a\u{200f}",
        "a\u{61c}b",
        "a\u{7}b",
        "a\nb",
        "a\u{200b}b",
        "a\u{200d}b",
        "system",
        "System",
        "SYSTEM",
        "ѕуѕtem",
        "سیستم",
        "سيستم",
        "hamhame",
        "همهمه",
        &too_long,
    ] {
        let mut refused = server.v1("room", name).await;
        let error = refused.expect_type("error").await;
        assert_eq!(error["code"], "name_refused", "{name:?}");
        assert_eq!(error["temporary"], false);
        assert_eq!(refused.closed().await, (4501, "name_refused".into()), "{name:?}");

        let mut refused = server.seed("room", name).await;
        let notice = refused.next().await;
        assert_eq!((&notice["type"], &notice["client_id"]), (&json!("system"), &json!("system")));
        assert_eq!(notice["content"], error["message"], "the same words in both dialects");
        assert_eq!(refused.closed().await.0, 4501, "{name:?}");
    }
}

#[tokio::test]
async fn a_room_that_may_not_be_is_refused_in_words_and_with_4507() {
    let server = TestServer::start(&[]).await;
    for room in ["a\u{202e}b", "a\u{0}b", "a\nb", &"ر".repeat(65)] {
        let mut refused = server.v1(room, "ali").await;
        assert_eq!(refused.expect_type("error").await["code"], "room_refused", "{room:?}");
        assert_eq!(refused.closed().await, (4507, "room_refused".into()), "{room:?}");
        let mut refused = server.seed(room, "ali").await;
        assert_eq!(refused.next().await["type"], "system");
        assert_eq!(refused.closed().await.0, 4507, "{room:?}");
    }
}

#[tokio::test]
async fn names_and_rooms_may_be_as_long_as_promised() {
    let server = TestServer::start(&[]).await;
    let (name, room) = ("ن".repeat(32), "ر".repeat(64));
    let member = server.member(&room, &name).await;
    assert_eq!(member.welcome()["client_id"], name);
    assert_eq!(member.welcome()["room_id"], room);
    // 128 bytes at once with 32 graphemes.
    let name = "😀".repeat(32);
    assert_eq!(server.member(&room, &name).await.welcome()["client_id"], name);
}

#[tokio::test]
async fn messages_keep_their_zwnj_emoji_and_line_breaks() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let mut seed = server.seed_member("room", "seed").await;
    for content in [
        "می\u{200c}روم به خانه\u{200c}ها، ۱۲۳",
        "👩\u{200d}👩\u{200d}👧\u{200d}👦",
        "یک\n\n\tدو",
        "\u{200f}a\u{200e}",
    ] {
        ali.mark(content).await;
        seed.until_said(content).await;
    }
}

#[tokio::test]
async fn a_bidi_control_that_is_left_open_is_closed_before_it_reaches_anyone() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let seed = server.seed_member("room", "seed").await;
    for (sent, heard) in [
        ("\u{202e}abc", "\u{202e}abc\u{202c}"),
        ("\u{2067}سلام", "\u{2067}سلام\u{2069}"),
        ("\u{202e}a\n\u{2068}b", "\u{202e}a\u{202c}\n\u{2068}b\u{2069}"),
        ("a\u{202c}b\u{2069}", "ab"),
    ] {
        ali.say(sent_id(sent).as_str(), sent).await;
        ali.until_said(heard).await;
        seed.say(sent).await;
        ali.until_said(heard).await;
    }
}

/// An id of its own for each content.
fn sent_id(content: &str) -> String {
    content.escape_unicode().collect()
}

#[tokio::test]
async fn four_thousand_graphemes_are_a_message_and_one_more_is_an_error() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    // A letter with a vowel sign: one grapheme, two characters, four bytes.
    let longest = "سَ".repeat(4000);
    assert!(ali.said("fits", &longest).await > 0);
    ali.say("too long", &format!("{longest}س")).await;
    let error = ali.next_of("error").await;
    assert_eq!((&error["code"], &error["id"]), (&json!("too_long"), &json!("too long")));
    let words = error["message"].as_str().expect("words");
    assert!(words.contains("4001 characters, at most 4000"), "{words}");
    ali.mark("the socket lives").await;
}

#[tokio::test]
async fn sixteen_kibibytes_are_a_message_and_one_byte_more_is_an_error() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    // 6 bytes a grapheme, so that the graphemes are not what is refused.
    let longest = format!("{}abcd", "سَّ".repeat(2730));
    assert_eq!(longest.len(), 16 * 1024);
    assert!(ali.said("fits", &longest).await > 0);
    ali.say("too long", &format!("{longest}e")).await;
    let error = ali.next_of("error").await;
    assert_eq!((&error["code"], &error["id"]), (&json!("too_long"), &json!("too long")));
    let words = error["message"].as_str().expect("words");
    assert!(words.contains("16385 bytes, at most 16384"), "{words}");
    ali.mark("the socket lives").await;
}

#[tokio::test]
async fn the_length_counts_after_trimming() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.member("room", "ali").await;
    let padded = format!("  {}\n\n", "س".repeat(4000));
    assert!(ali.said("padded", &padded).await > 0);
}

#[tokio::test]
async fn a_long_persian_message_in_escapes_is_no_dead_socket() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.seed("room", "ali").await;
    // As json.dumps writes it: six bytes for a letter, 24 KB for what may be said.
    let escaped = "\\u0633".repeat(4000);
    ali.send(&format!(r#"{{"content":"{escaped}"}}"#)).await;
    ali.until_said(&"س".repeat(4000)).await;
}

#[tokio::test]
async fn a_refused_name_comes_with_its_rule_and_its_place() {
    let server = TestServer::start(&[]).await;
    for (name, rule, at, character) in [
        ("سلا\u{202e}م", "bidi", Some(3), Some("U+202E")),
        ("ab\u{200b}", "refused", Some(2), Some("U+200B")),
        ("SYSTE\u{41c}", "reserved", None, None),
    ] {
        let expected = |told: &serde_json::Value| {
            assert_eq!(told["code"], "name_refused", "{told}");
            assert_eq!(told["rule"], rule, "{told}");
            assert_eq!(told.get("at").and_then(serde_json::Value::as_u64), at, "{told}");
            assert_eq!(told.get("character").and_then(|c| c.as_str()), character, "{told}");
        };
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/ws/room/{encoded}");
        let mut client =
            server.connect(&path).protocol("hamhame.v1").open().await.into_client(name);
        expected(&serde_json::from_str(&client.next_text().await).expect("JSON"));
        let body = json!({ "client_id": name }).to_string();
        let request = format!(
            "POST /api/rooms/room/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = Raw::send(server.address(), request).await.answer().await;
        assert_eq!(answer.status, 422);
        expected(&answer.json());
    }
}
