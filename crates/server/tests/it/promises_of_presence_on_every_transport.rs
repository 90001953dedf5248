//! One suite over every transport: who is there, whose name it is, and what one may do to the others, by whichever way
//! somebody is in the room. Each promise is written once; a failure names it and the transport.
use std::time::Duration;

use crate::common::{
    Crossroads, Member, Refused, TALKATIVE, Transport, over_every_transport, within,
};
use serde_json::Value;
use tokio::time::{sleep, timeout};

over_every_transport![
    who_vanishes_leaves_and_who_is_there_stays,
    who_says_goodbye_leaves_at_once_and_everybody_is_told,
    a_name_is_taken_while_its_holder_is_there,
    a_kept_place_is_nobody_elses_until_its_time_is_over,
    a_newcomer_is_given_the_past_that_it_asks_for,
    a_ghost_gives_its_name_back,
    who_says_too_much_is_told_when_to_go_on_and_may_go_on_then,
    what_is_empty_or_too_long_is_refused_alone,
    a_message_that_is_too_large_ends_nothing_but_its_own_connection,
    a_reader_that_does_not_read_costs_little_and_slows_nobody,
];

/// The next comings and goings: what, and whose.
async fn next_change(witness: &mut Member) -> (String, String) {
    loop {
        let event = witness.next_event().await;
        if event["type"] == "system" {
            let text = |key: &str| event[key].as_str().expect("a text").to_owned();
            return (text("event"), text("name"));
        }
    }
}

/// Somebody who has read of its own coming, and watches.
async fn witness(place: &Crossroads, transport: Transport) -> Member {
    let mut witness = place.arrive(transport, "witness").await;
    assert_eq!(next_change(&mut witness).await, change("join", "witness"));
    witness
}

fn change(event: &str, name: &str) -> (String, String) {
    (event.to_owned(), name.to_owned())
}

async fn who_vanishes_leaves_and_who_is_there_stays(transport: Transport) {
    let lease = ["--heartbeat", "1s", "--grace", "1s", "--lease", "2s"];
    let place = Crossroads::start(&[&lease[..], &TALKATIVE].concat()).await;
    let mut witness = witness(&place, Transport::WsH1).await;
    let stayer = place.arrive(transport, "stayer").await;
    let staying = tokio::spawn(stayer.stay());
    // One whose connection is gone, and one whose connection stands though nobody is behind it.
    place.arrive(transport, "cut").await.cut().await;
    let frozen = place.arrive(transport, "frozen").await;
    frozen.stall();
    // They talk, so that there is something to take: that a stream is not read shows by that alone.
    let mut talk = tokio::time::interval(Duration::from_millis(5));
    let mut left = Vec::new();
    let waiting = async {
        for n in 0.. {
            talk.tick().await;
            let before = witness.mark(&format!("{n} {}", "x".repeat(3900))).await;
            left.extend(before.into_iter().filter(|content| content.ends_with("left کلاس.")));
            if left.len() == 2 {
                break;
            }
        }
    };
    within("both to leave", waiting).await;
    left.sort_unstable();
    assert_eq!(left, ["cut left کلاس.", "frozen left کلاس."]);
    witness.until_present(&["stayer", "witness"]).await;
    assert!(!staying.is_finished(), "it was there all the time");
    staying.abort();
}

async fn who_says_goodbye_leaves_at_once_and_everybody_is_told(transport: Transport) {
    // Nobody leaves by waiting, as far as this can tell.
    let place = Crossroads::start(&["--heartbeat", "5s", "--grace", "20s"]).await;
    let mut witness = witness(&place, transport).await;
    for way in [transport, transport.next()] {
        let ali = place.arrive(way, "ali").await;
        assert_eq!(next_change(&mut witness).await, change("join", "ali"));
        witness.until_present(&["ali", "witness"]).await;
        let ticket = ali.ticket();
        ali.leave().await;
        let left = timeout(Duration::from_secs(15), next_change(&mut witness)).await;
        assert_eq!(left.expect("a leave before the grace is over"), change("leave", "ali"));
        witness.until_present(&["witness"]).await;
        // The session is over: its token makes nobody the same again.
        let again = place.back(transport, &ticket).await;
        assert_ne!(again.member(), ticket.member);
        assert_eq!(next_change(&mut witness).await, change("join", "ali"));
        again.leave().await;
        assert_eq!(next_change(&mut witness).await, change("leave", "ali"));
    }
}

async fn a_name_is_taken_while_its_holder_is_there(transport: Transport) {
    let place = Crossroads::start(&[]).await;
    let holder = place.arrive(transport, "علی").await;
    let mut witness = witness(&place, Transport::WsH1).await;
    let staying = tokio::spawn(holder.stay());
    for way in [transport, Transport::WsH1, Transport::SseH1] {
        let refused = place.try_arrive(way, "علي").await.err().expect("the name is taken");
        assert_eq!(refused, Refused { code: "name_taken".to_owned(), retry_after: None });
    }
    assert_eq!(witness.mark("nobody came or went").await, [] as [&str; 0]);
    assert!(!staying.is_finished(), "and it did not notice");
    staying.abort();
}

async fn a_kept_place_is_nobody_elses_until_its_time_is_over(transport: Transport) {
    let place = Crossroads::start(&["--heartbeat", "5s", "--grace", "20s"]).await;
    let mut witness = witness(&place, Transport::WsH1).await;
    let ali = place.arrive(Transport::WsH2, "ali").await;
    assert_eq!(next_change(&mut witness).await, change("join", "ali"));
    let ticket = ali.cut().await;
    let refused = place.try_arrive(transport, "ali").await.err().expect("the name is kept");
    assert_eq!(refused.code, "name_taken");
    let after = refused.retry_after.expect("it is told when");
    assert!(after > 0.0 && after <= 20.0, "{after}");
    let ali = place.back(transport, &ticket).await;
    assert_eq!(ali.member(), ticket.member);
    assert_eq!(witness.mark("nobody came or went").await, [] as [&str; 0]);
}

async fn a_newcomer_is_given_the_past_that_it_asks_for(transport: Transport) {
    let place = Crossroads::start(&["--join-history", "3"]).await;
    let mut ali = place.arrive(Transport::WsH1, "ali").await;
    for content in ["one", "two", "three", "four"] {
        ali.mark(content).await;
    }
    let mut here = Vec::new();
    for (name, history, expected) in [
        ("a", 0, &[][..]),
        ("b", 2, &["four", "a joined کلاس."]),
        ("c", 9, &["four", "a joined کلاس.", "b joined کلاس."]),
    ] {
        let mut newcomer = place.arrive_with_history(transport, name, history).await;
        assert_eq!(newcomer.until(&format!("{name} joined کلاس.")).await, expected);
        assert_eq!(newcomer.welcome()["recovered"], Value::Null);
        here.push(newcomer);
    }
}

async fn a_ghost_gives_its_name_back(transport: Transport) {
    let place = Crossroads::start(&["--probe", "1s"]).await;
    let mut witness = witness(&place, Transport::WsH1).await;
    for way in [transport, Transport::WsH1] {
        let ghost = place.arrive(transport, "ali").await;
        assert_eq!(next_change(&mut witness).await, change("join", "ali"));
        ghost.stall();
        let ali = place.arrive(way, "ali").await;
        assert_ne!(ali.member(), ghost.member(), "without the token it is somebody else");
        assert_eq!(next_change(&mut witness).await, change("leave", "ali"));
        assert_eq!(next_change(&mut witness).await, change("join", "ali"));
        witness.until_present(&["ali", "witness"]).await;
        ali.leave().await;
        assert_eq!(next_change(&mut witness).await, change("leave", "ali"));
    }
}

async fn who_says_too_much_is_told_when_to_go_on_and_may_go_on_then(transport: Transport) {
    let place = Crossroads::start(&["--message-burst", "3", "--message-rate", "0.5"]).await;
    let mut sara = place.arrive(Transport::WsH2, "sara").await;
    let mut ali = place.arrive(transport, "ali").await;
    let mut said = Vec::new();
    let after = loop {
        let content = format!("number {}", said.len());
        match ali.say(&content, &content).await {
            Ok(_) => said.push(content),
            Err(refused) => {
                assert_eq!(refused.code, "rate_limited");
                break refused.retry_after.expect("it is told when");
            }
        }
    };
    assert!(said.len() >= 3, "{said:?}");
    assert!(after > 0.0 && after <= 2.0, "{after}");
    sleep(Duration::from_secs_f64(after)).await;
    ali.say("later", "later").await.expect("it is time");
    let heard = sara.until("later").await;
    assert_eq!(heard[2..], said, "behind both joins; what was refused was not said");
    sara.say("others", "others are not limited by it").await.expect("it is taken");
    ali.until("others are not limited by it").await;
}

async fn what_is_empty_or_too_long_is_refused_alone(transport: Transport) {
    let place = Crossroads::start(&["--message-graphemes", "10"]).await;
    let mut sara = place.arrive(Transport::WsH3, "sara").await;
    let mut ali = place.arrive(transport, "ali").await;
    for (n, (content, code)) in
        [(" \u{200b}\n ", "empty"), ("12345678901", "too_long")].into_iter().enumerate()
    {
        let refused = ali.say(&format!("bad {n}"), content).await;
        assert_eq!(refused, Err(Refused { code: code.to_owned(), retry_after: None }));
        let good = format!("good {n}");
        ali.mark(&good).await;
        let before = sara.until(&good).await;
        assert!(before.iter().all(|content| content.contains("joined")), "{before:?}");
    }
}

async fn a_message_that_is_too_large_ends_nothing_but_its_own_connection(transport: Transport) {
    let place = Crossroads::start(&["--frame-bytes", "2048"]).await;
    let mut sara = place.arrive(transport, "sara").await;
    let mut ali = place.arrive(transport, "ali").await;
    ali.mark("before").await;
    let refused = ali.say("large", &"x".repeat(3000)).await.expect_err("it is too large");
    let code = if transport.is_socket() { "1009" } else { "too_large" };
    assert_eq!(refused.code, code);
    if transport.is_socket() {
        // The connection is gone, the session is not.
        ali = place.back(transport, &ali.cut().await).await;
        assert_eq!(ali.welcome()["recovered"], true);
    }
    sara.mark("still here").await;
    assert_eq!(ali.until("still here").await, [] as [&str; 0]);
    ali.mark("I am, too").await;
    assert_eq!(sara.until("I am, too").await, [] as [&str; 0], "nobody left");
}

/// Messages, and bytes of each: far more than what lies between keeps for a reader.
const MANY: usize = 400;
const LONG: usize = 12_000;

async fn a_reader_that_does_not_read_costs_little_and_slows_nobody(transport: Transport) {
    let much = ["--limits", "off", "--message-graphemes", "20000", "--history", "50"];
    let patience = ["--heartbeat", "12s", "--grace", "5s", "--lease", "30s"];
    let place = Crossroads::start(&[&much[..], &patience].concat()).await;
    let mut sara = place.arrive(transport.next(), "sara").await;
    let mut ali = place.arrive(Transport::WsH1, "ali").await;
    // The log is full before anything is measured.
    for n in 0..50 {
        talk(&mut ali, &mut sara, n).await;
    }
    let mut slow = place.arrive(transport, "slow").await;
    slow.mark("last read").await;
    for member in [&mut ali, &mut sara] {
        member.until("last read").await;
    }
    slow.stall();
    let before = place.server.rss();
    for n in 0..MANY {
        talk(&mut ali, &mut sara, n).await;
    }
    let grown = place.server.rss().saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} bytes are kept for who does not read");
    slow.read_on();
    let mut seen = Vec::new();
    while seen.last() != Some(&(MANY - 1)) {
        let message = slow.next().await;
        assert_ne!(message["type"], "end");
        if message["type"] == "message" {
            seen.push(number(&message));
        }
    }
    let missed: u64 = slow.bookmark().gaps().iter().sum();
    assert!(missed > 0, "it did not read: {} seen", seen.len());
    assert_eq!(seen.len() + missed as usize, MANY, "what was not seen was announced");
}

/// Says something long, which another one hears before anything else is said.
async fn talk(speaker: &mut Member, listener: &mut Member, n: usize) {
    let content = format!("{n} {}", "x".repeat(LONG));
    speaker.mark(&content).await;
    listener.until(&content).await;
}

/// The number at the start of what [`talk`] said.
fn number(event: &Value) -> usize {
    let content = event["content"].as_str().expect("a content");
    content.split(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}
