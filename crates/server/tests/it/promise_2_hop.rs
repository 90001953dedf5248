//! Promise 2 at its hardest: one session goes from transport to transport in the middle of the talk, and back again.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{Crossroads, Member, Refused, Transport, within};
use serde_json::Value;

/// Times that every transport is used.
const ROUNDS: usize = 3;

/// Messages read by one transport before the next one is taken.
const LEG: usize = 12;

/// Time between two messages: fifty in a second.
const EVERY: Duration = Duration::from_millis(20);

/// Says one number after the other until it is enough; gives how many.
async fn write(mut writer: Member, enough: Arc<AtomicBool>) -> usize {
    let mut ticks = tokio::time::interval(EVERY);
    for n in 0.. {
        if enough.load(Ordering::SeqCst) {
            return n;
        }
        ticks.tick().await;
        writer.say(&n.to_string(), &n.to_string()).await.expect("it is taken");
    }
    unreachable!("somebody has enough some day")
}

fn number(event: &Value) -> Option<usize> {
    event["content"].as_str().and_then(|content| content.parse().ok())
}

#[tokio::test]
async fn one_session_hops_through_all_transports_and_gets_every_message_once_and_in_order() {
    // What it says itself and how often it asks is limited as ever.
    let rate = ["--message-burst", "1000", "--message-rate", "100", "--history", "10000"];
    let rate = [&rate[..], &["--address-message-burst", "100000"]].concat();
    let place = Crossroads::start(&rate).await;
    let mut witness = place.arrive(Transport::WsH1, "witness").await;
    let mut hopper = place.arrive(Transport::WsH1, "hopper").await;
    let member = hopper.member().to_owned();
    let enough = Arc::new(AtomicBool::new(false));
    let writer = place.arrive(Transport::WsH2, "writer").await;
    let writing = tokio::spawn(write(writer, enough.clone()));

    let (mut numbers, mut transport) = (0, Transport::WsH1);
    let mut said: Option<(String, Result<u64, Refused>)> = None;
    // What was replaced, and is not looked at any more.
    let mut replaced = Vec::new();
    for leg in 0..ROUNDS * Transport::ALL.len() {
        let until = numbers + LEG;
        while numbers < until {
            if let Some(number) = number(&hopper.next_event().await) {
                assert_eq!(number, numbers, "over {transport:?}");
                numbers += 1;
            }
        }
        // What was said by the transport before is known to this one.
        if let Some((id, offset)) = said {
            assert_eq!(hopper.say(&id, &format!("by {id}")).await, offset);
        }
        let id = format!("leg {leg}");
        let offset = hopper.say(&id, &format!("by {id}")).await;
        assert!(offset.is_ok(), "{offset:?}");
        said = Some((id, offset));
        // Now it leaves one way before it takes the next, now it takes that one first; and the other way round in the next round.
        let ticket = hopper.ticket();
        transport = transport.next();
        if (leg % Transport::ALL.len() + leg / Transport::ALL.len()).is_multiple_of(2) {
            hopper.cut().await;
            hopper = place.back(transport, &ticket).await;
        } else {
            let next = place.back(transport, &ticket).await;
            replaced.push(tokio::spawn(std::mem::replace(&mut hopper, next).stay()));
        }
        assert_eq!((&hopper.welcome()["recovered"], hopper.member()), (&true.into(), &*member));
        assert_eq!(hopper.ticket().token, ticket.token);
    }
    enough.store(true, Ordering::SeqCst);
    let all = within("the writer's last word", writing).await.expect("it was heard");
    while numbers < all {
        if let Some(number) = number(&hopper.next_event().await) {
            assert_eq!(number, numbers);
            numbers += 1;
        }
    }
    for old in replaced {
        let end = within("the end of what was replaced", old).await.expect("it read on");
        assert_eq!(end["reason"], "session_replaced", "{end}");
    }
    hopper.mark("here I am").await;
    check(&mut witness, all).await;
}

/// Somebody who was there all the time heard every number, every word of the one who hopped once, and saw it come once.
async fn check(witness: &mut Member, all: usize) {
    let (mut numbers, mut words, mut changes) = (0, Vec::new(), Vec::new());
    loop {
        let event = witness.next_event().await;
        match (number(&event), event["client_id"].as_str()) {
            (Some(number), _) => {
                assert_eq!(number, numbers);
                numbers += 1;
            }
            (None, Some("hopper")) if event["content"] == "here I am" => break,
            (None, Some("hopper")) => words.push(event["content"].clone()),
            _ if event["name"] == "hopper" => changes.push(event["event"].clone()),
            _ => {}
        }
    }
    let legs = ROUNDS * Transport::ALL.len();
    assert_eq!(words, (0..legs).map(|leg| format!("by leg {leg}")).collect::<Vec<_>>());
    assert_eq!((numbers, changes), (all, vec![Value::from("join")]));
}
