//! One suite over every transport: what is promised of the log (order, nothing lost, nothing twice, gaps) holds by whichever
//! way somebody is in the room. Each promise is written once; a failure names it and the transport.
use std::time::Duration;

use crate::common::{Crossroads, Member, TALKATIVE, Transport, over_every_transport, within};
use serde_json::Value;
use tokio::task::JoinSet;

over_every_transport![
    everyone_sees_the_same_events_in_the_same_order,
    who_comes_back_misses_nothing_gets_nothing_twice_and_makes_no_noise,
    what_is_said_again_after_a_cut_is_said_once,
    who_missed_more_than_is_kept_is_told_how_much,
    after_a_restart_everybody_is_told_that_the_log_began_anew,
];

/// Of those who have a connection when the server goes. Who polls has none between two requests: what a request that waits is
/// answered then is in `streams.rs`.
mod what_was_acknowledged_before_the_end_is_delivered {
    crate::common::over_every_transport! { @one what_was_acknowledged_before_the_end_is_delivered
        over_websocket_h1 WsH1,
        over_websocket_h2 WsH2,
        over_websocket_h3 WsH3,
        over_sse_h1 SseH1,
        over_sse_h2 SseH2,
        over_sse_h3 SseH3,
    }
}

/// Messages that each member says.
const SAID: usize = 30;

async fn everyone_sees_the_same_events_in_the_same_order(transport: Transport) {
    let place = Crossroads::start(&TALKATIVE).await;
    let ways = [transport, transport, transport.next(), Transport::WsH1];
    let mut members = Vec::new();
    for (n, way) in ways.into_iter().enumerate() {
        members.push(place.arrive(way, &format!("m{n}")).await);
    }
    let mut talks = JoinSet::new();
    for (n, mut member) in members.into_iter().enumerate() {
        while member.bookmark().offset() < ways.len() as u64 {
            member.next_event().await;
        }
        talks.spawn(talk(member, n, ways.len()));
    }
    let seen = talks.join_all().await;
    assert!(seen.iter().all(|events| *events == seen[0]), "{seen:?}");
    for n in 0..ways.len() {
        let own = seen[0].iter().filter(|event| event["client_id"] == format!("m{n}"));
        let own: Vec<&str> = own.filter_map(|event| event["content"].as_str()).collect();
        let said: Vec<String> = (0..SAID).map(|number| number.to_string()).collect();
        assert_eq!(own, said, "what m{n} said, as it said it");
    }
}

/// Says what it has to say, then listens until everybody's last word came; gives all events.
async fn talk(mut member: Member, n: usize, all: usize) -> Vec<Value> {
    for number in 0..SAID {
        member.say(&format!("{n} {number}"), &number.to_string()).await.expect("it is taken");
    }
    let mut events = Vec::new();
    while events.len() < all * SAID {
        events.push(member.next_event().await);
    }
    events
}

async fn who_comes_back_misses_nothing_gets_nothing_twice_and_makes_no_noise(transport: Transport) {
    let place = Crossroads::start(&[]).await;
    let mut sara = place.arrive(Transport::WsH1, "sara").await;
    let mut ali = place.arrive(transport, "ali").await;
    sara.until("ali joined کلاس.").await;
    for round in 0..3 {
        let ticket = ali.cut().await;
        let missed: Vec<String> = (0..3).map(|n| format!("{round}.{n}")).collect();
        for content in &missed {
            sara.mark(content).await;
        }
        ali = place.back(transport, &ticket).await;
        assert_eq!(ali.welcome()["recovered"], true);
        assert_eq!((ali.member(), ali.ticket().token), (&*ticket.member, ticket.token.clone()));
        let now = format!("now {round}");
        let before = ali.mark(&now).await;
        let joined = before.iter().filter(|content| *content == "ali joined کلاس.").count();
        assert_eq!(joined, usize::from(round == 0), "it had not read of itself the first time");
        assert_eq!(before[joined..], missed);
        assert_eq!(sara.until(&now).await, [] as [&str; 0], "no noise");
    }
    sara.until_present(&["ali", "sara"]).await;
}

async fn what_is_said_again_after_a_cut_is_said_once(transport: Transport) {
    let place = Crossroads::start(&TALKATIVE).await;
    let mut sara = place.arrive(Transport::WsH1, "sara").await;
    let mut ali = place.arrive(transport, "ali").await;
    let mut offsets = Vec::new();
    for n in 0..6 {
        let (id, content) = (format!("c{n}"), format!("once {n}"));
        // The wire is cut at some moment of it, and nobody knows whether it was heard.
        let _ = tokio::time::timeout(Duration::from_millis(2 * n), ali.say(&id, &content)).await;
        ali = place.back(transport, &ali.cut().await).await;
        let offset = ali.say(&id, &content).await;
        assert_eq!(ali.say(&id, &content).await, offset);
        offsets.push(offset.expect("it is taken"));
    }
    for (n, offset) in offsets.into_iter().enumerate() {
        let event = loop {
            let event = sara.next_event().await;
            if event["type"] == "message" {
                break event;
            }
        };
        assert_eq!(
            (&event["content"], &event["offset"]),
            (&format!("once {n}").into(), &offset.into())
        );
    }
    ali.mark("and nothing more").await;
    assert_eq!(sara.until("and nothing more").await, [] as [&str; 0]);
}

async fn who_missed_more_than_is_kept_is_told_how_much(transport: Transport) {
    let place = Crossroads::start(&["--history", "3"]).await;
    let mut sara = place.arrive(Transport::WsH1, "sara").await;
    let mut ali = place.arrive(transport, "ali").await;
    ali.mark("seen").await;
    let ticket = ali.cut().await;
    for n in 0..7 {
        sara.mark(&n.to_string()).await;
    }
    let mut ali = place.back(transport, &ticket).await;
    assert_eq!((&ali.welcome()["recovered"], ali.member()), (&false.into(), &*ticket.member));
    assert_eq!(ali.next_of("gap").await["missed"], 4);
    assert_eq!(ali.until("6").await, ["4", "5"], "and then what is kept, from the oldest on");
    ali.mark("live again").await;
    assert_eq!(ali.bookmark().gaps(), [4]);
}

async fn after_a_restart_everybody_is_told_that_the_log_began_anew(transport: Transport) {
    let mut place = Crossroads::start(&["--secret", "sixteen bytes and more"]).await;
    let mut ali = place.arrive(transport, "ali").await;
    ali.mark("before").await;
    let epoch = ali.bookmark().epoch().to_owned();
    let ticket = ali.cut().await;
    place.server.restart().await;
    let mut ali = place.back(transport, &ticket).await;
    assert_eq!((&ali.welcome()["recovered"], ali.member()), (&false.into(), &*ticket.member));
    assert_ne!(ali.bookmark().epoch(), epoch);
    assert_eq!(ali.mark("after").await, ["ali joined کلاس."]);
    assert_eq!(ali.bookmark().gaps(), [] as [u64; 0], "nobody knows how much it was");
}

async fn what_was_acknowledged_before_the_end_is_delivered(transport: Transport) {
    let mut place = Crossroads::start(&[&TALKATIVE[..], &["--drain", "2s"]].concat()).await;
    let mut reader = place.arrive(transport, "reader").await;
    let mut writer = place.arrive(Transport::WsH1, "writer").await;
    let writing = tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        for n in 0.. {
            match writer.say(&n.to_string(), &n.to_string()).await {
                Ok(offset) => acknowledged.push(offset),
                Err(refused) => {
                    assert_eq!(refused.code, "1012");
                    break;
                }
            }
        }
        acknowledged
    });
    while reader.bookmark().offset() < 50 {
        reader.next_event().await;
    }
    place.server.terminate();
    let shutdown = reader.next_of("shutdown").await;
    let after = shutdown["retry_after"].as_f64().expect("it is told when to come back");
    assert!((0.0..=2.5).contains(&after), "{after}");
    let heard = reader.bookmark().offset();
    let acknowledged = within("the writer's end", writing).await.expect("it was told");
    let last = *acknowledged.last().expect("it said something");
    // No event is missing before the last one that it heard: the bookmark has seen to that.
    assert!(last <= heard, "{last} was acknowledged, and {heard} the last one heard");
    let end = reader.stay().await;
    assert!(end["type"] == "end" || end["code"] == 1012, "{end}");
    assert!(place.server.wait().await.success());
}
