//! Promise 1: every member of a room sees the same events in the same order, in both dialects and on every thread.
use std::collections::HashMap;
use std::sync::Arc;

use crate::common::{Random, SeedClient, TestServer, V1Client};
use serde_json::Value;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Messages that each member says.
const SAID: usize = 150;
/// Members of each room in each dialect.
const MEMBERS: usize = 5;
/// Rooms.
const ROOMS: usize = 4;

enum Anyone {
    Seed(SeedClient),
    V1(V1Client),
}

impl Anyone {
    async fn say(&self, content: &str) {
        match self {
            Anyone::Seed(client) => client.say(content).await,
            Anyone::V1(client) => client.say(content, content).await,
        }
    }

    async fn next_event(&mut self) -> Value {
        match self {
            Anyone::Seed(client) => client.next_event().await,
            Anyone::V1(client) => client.next_event().await,
        }
    }

    /// Says what it has to say, then listens until everybody's last word came; gives all events it saw.
    async fn talk(mut self, name: String, seed: u64, together: Arc<Barrier>) -> Vec<Value> {
        let mut random = Random::new(seed);
        together.wait().await;
        for n in 0..SAID {
            self.say(&format!("{name} {n}")).await;
            while random.one_in(2) {
                tokio::task::yield_now().await;
            }
        }
        let (mut events, mut last_words) = (Vec::new(), 0);
        while last_words < 2 * MEMBERS {
            let event = self.next_event().await;
            last_words += usize::from(is_last_word(&event));
            events.push(event);
        }
        together.wait().await;
        events
    }
}

fn is_last_word(event: &Value) -> bool {
    let content = event["content"].as_str().expect("a content");
    event["type"] == "message" && content.ends_with(&format!(" {}", SAID - 1))
}

/// Comes, says a word and goes, again and again, until everybody else has finished.
async fn come_and_go(server: Arc<TestServer>, room: String) {
    for n in 0.. {
        let mut guest = server.member(&room, &format!("guest {n}")).await;
        guest.mark(&format!("guest {n} was here")).await;
        guest.into_client().close(1000).await;
    }
}

#[tokio::test]
async fn every_member_sees_the_same_events_in_the_same_order() {
    let server =
        TestServer::start(&["--threads", "2", "--limits", "off", "--history", "100000"]).await;
    let server = Arc::new(server);
    let mut rooms = JoinSet::new();
    let mut guests = JoinSet::new();
    for room in 0..ROOMS {
        let server = server.clone();
        guests.spawn(come_and_go(server.clone(), format!("room {room}")));
        rooms.spawn(async move {
            let mut members = JoinSet::new();
            let together = Arc::new(Barrier::new(2 * MEMBERS));
            for n in 0..MEMBERS {
                let (v1, seed) = (format!("v{n}"), format!("s{n}"));
                let room = format!("room {room}");
                let member = Anyone::V1(server.member(&room, &v1).await);
                members.spawn(member.talk(v1, 2 * n as u64, together.clone()));
                let member = Anyone::Seed(server.seed_member(&room, &seed).await);
                members.spawn(member.talk(seed, 2 * n as u64 + 1, together.clone()));
            }
            let seen = members.join_all().await;
            check(&seen);
            let went = seen[0].iter().filter(|event| event["event"] == "leave").count();
            assert!(went > 1, "there was coming and going meanwhile");
        });
    }
    rooms.join_all().await;
}

#[tokio::test]
async fn what_is_said_on_one_thread_is_heard_on_all_without_anything_else_happening() {
    let server = TestServer::start(&["--threads", "3"]).await;
    // Connections are spread over the threads, so each has members here.
    let mut members = Vec::new();
    for n in 0..6 {
        members.push(server.member("room", &format!("member {n}")).await);
    }
    for n in 0..members.len() {
        let content = format!("of member {n}");
        members[n].say("1", &content).await;
        for member in &mut members {
            member.until_said(&content).await;
        }
    }
}

/// All saw the same event at the same offset, with nothing left out, and each sender's words in the order it said them.
fn check(seen: &[Vec<Value>]) {
    let mut log: HashMap<u64, &Value> = HashMap::new();
    for events in seen {
        let offsets: Vec<u64> =
            events.iter().map(|event| event["offset"].as_u64().expect("an offset")).collect();
        assert!(offsets.windows(2).all(|pair| pair[1] == pair[0] + 1), "{offsets:?}");
        for (offset, event) in offsets.iter().zip(events) {
            assert_eq!(*log.entry(*offset).or_insert(event), event);
        }
        let mut next: HashMap<&str, usize> = HashMap::new();
        for event in events.iter().filter(|event| event["type"] == "message") {
            let content = event["content"].as_str().expect("a content");
            if let Some((name, number)) = content.rsplit_once(' ')
                && let Ok(number) = number.parse::<usize>()
            {
                let expected = next.entry(name).or_default();
                assert_eq!(number, *expected, "{name} said it in another order");
                *expected += 1;
            }
        }
        assert_eq!(next.len(), 2 * MEMBERS);
        assert!(next.values().all(|count| *count == SAID), "{next:?}");
    }
}
