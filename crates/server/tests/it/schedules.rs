//! What a room promises on several nodes, over an engine that is late and loses things: thousands of schedules, each from a
//! seed that a failure names.

mod person;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use clap::Parser;
use futures_util::future::join_all;
use hamhame::broker::{Broker, Remote, Replaced};
use hamhame::clock::{self, Moment};
use hamhame::config::Options;
use hamhame::memory::Memory;
use hamhame::room::change::{Connection, NodeId};
use hamhame::room::document::Kind;
use hamhame::room::intent::{Entrant, Entry, Parting, Saying};
use hamhame::room::notify::Inbox;
use hamhame::room::registry::Registry;
use hamhame::room::tail::Batch;
use hamhame::room::{Room, Shared};
use hamhame::signal::Signal;
use hamhame::token::{Proof, random_id};
use hamhame_core::id::Id;
use hamhame_core::name::{Name, RoomName};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use person::Person;

use super::common::Random;
use super::sim::{Sim, Weather};

const ROOM: &str = "کلاس";

const GOOD: Weather =
    Weather { latest: Duration::from_millis(40), unanswered: 0, lost: 0, untold: 0, doubled: 0 };

/// Longer than any schedule takes by its own clock.
const AGES: Duration = Duration::from_secs(600);

/// Schedules of each kind, if TEST_SEEDS does not say which: `1000`, or `938..939`.
const SEEDS: u64 = 500;

const BAD: Weather = Weather { unanswered: 8, lost: 8, untold: 6, doubled: 6, ..GOOD };

/// One process with the room.
struct Node {
    broker: Remote<Sim>,
    room: Arc<Room>,
    connections: AtomicU32,
    /// Makes the room, and keeps it.
    _registry: Registry,
}

impl Node {
    fn new(number: u64, sim: &Sim) -> Arc<Node> {
        let options = Options::try_parse_from(["hamhame"]).expect("these are options");
        let memory = Arc::new(Memory::new(1 << 30));
        let shared = Shared::new(options.window(), Arc::new([Inbox::default()]), memory);
        let registry = Registry::new(10, shared);
        let name = RoomName::parse(ROOM).expect("it is a name");
        let room = registry.find_or_make(&name, None).expect("there is room for one");
        let broker = Remote::new(NodeId(number), Arc::new(sim.clone()));
        Arc::new(Node { broker, room, connections: AtomicU32::new(0), _registry: registry })
    }

    /// Everything in the log, by offset.
    fn log(&self) -> BTreeMap<u64, Value> {
        let (mut log, mut cursor, mut batch) = (BTreeMap::new(), 0, Batch::default());
        let epoch = self.room.epoch();
        while cursor < self.room.head() {
            self.room.read(epoch, cursor, &mut batch).expect("nothing goes on any more");
            for (offset, json) in batch.events() {
                log.insert(offset, serde_json::from_slice(json).expect("an event is JSON"));
            }
            cursor = batch.to;
        }
        log
    }

    /// Those who are in, in order of joining, and the version of the presence.
    fn present(&self) -> (Vec<String>, u64) {
        let presence = self.room.presence();
        let users = presence.users.expect("the room is small");
        (users.iter().map(|present| present.name.to_string()).collect(), presence.version)
    }
}

/// One schedule from a seed: people come, talk, hop and go; then all of it is looked at.
async fn run(seed: u64, weather: Weather, forgets: bool) {
    let mut random = Random::new(seed);
    let sim = Sim::new(Random::new(random.draw()), weather);
    let nodes: Vec<_> = (1..=2 + random.below(2)).map(|number| Node::new(number, &sim)).collect();
    // Two of them want one name.
    let people = ["ali", "sara", "ali", "مریم"].map(|name| {
        tokio::spawn(
            Person {
                at: random.below(nodes.len() as u64) as usize,
                forgets,
                ..Person::new(Name::parse(name).expect("it is a name"), random.draw(), &nodes)
            }
            .live(12),
        )
    });
    let mut random = Random::new(random.draw());
    let room = RoomName::parse(ROOM).expect("it is a name");
    let before = sim.epoch(room.key());
    let gone = if forgets { forget(&sim, room.key(), &mut random).await } else { None };
    let mut acknowledged = HashMap::new();
    let mut left = Vec::new();
    for person in people {
        let mut person = person.await.expect("what it asserts holds");
        acknowledged.extend(person.acknowledged.drain());
        left.push(person);
    }
    sim.clear_up();
    settle(&nodes).await;
    match gone {
        None => {
            assert_eq!(sim.epoch(room.key()), before, "nothing is gone, so it is the same log");
            look(&nodes, &sim, Some(&acknowledged));
        }
        Some(gone) => {
            look(&nodes, &sim, None);
            let gone: HashSet<_> = gone.into_iter().collect();
            let log = nodes[0].log();
            let here = |(member, id): &(Id, String)| {
                let member = member.to_string();
                log.values().any(|event| event["member"] == *member && event["id"] == **id)
            };
            for said in acknowledged.keys() {
                assert!(here(said) || gone.contains(said), "{said:?} is gone, and nobody took it");
            }
        }
    }
    for person in &mut left {
        person.part(Parting::ForGood);
    }
    settle(&nodes).await;
    everybody_out(&nodes, &sim).await;
}

/// What goes wrong with an engine while people talk. Gives the messages that were forgotten by a flush, which is meant; `None`
/// if nothing was lost, not even for a while.
async fn forget(sim: &Sim, room: &str, random: &mut Random) -> Option<Vec<(Id, String)>> {
    let mut gone: Option<Vec<_>> = None;
    let mut missing = Vec::new();
    for _ in 0..1 + random.below(3) {
        sleep(random.shorter_than(Duration::from_millis(500))).await;
        match random.below(4) {
            0 => {
                let gone = gone.get_or_insert_default();
                gone.extend(sim.flush(room));
                gone.append(&mut missing);
            }
            1 => {
                gone.get_or_insert_default();
                missing.extend(sim.fail_over(room, 1 + random.below(6) as usize));
            }
            2 => sim.refuse(random.shorter_than(Duration::from_secs(3))).await,
            _ => sim.outage(random.shorter_than(Duration::from_secs(3))).await,
        }
    }
    gone
}

/// Until nothing is under way.
async fn settle(nodes: &[Arc<Node>]) {
    sleep(Duration::from_secs(5)).await;
    for node in nodes {
        let _ = node.broker.open(&node.room, None).get().await;
    }
    let last = |node: &Arc<Node>| {
        let name = "teacher";
        let saying =
            Saying { member: Id::new(1), id: None, name, content: "end", at: clock::now() };
        node.broker.say(&node.room, saying)
    };
    let mut tries = 0;
    while last(&nodes[0]).offset().await.is_none() {
        tries += 1;
        assert!(tries < 10, "in good weather a message is taken");
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_secs(5)).await;
}

/// All nodes have one log, in which each acknowledged message stands once, where it was said to; and they agree on who is in.
fn look(nodes: &[Arc<Node>], sim: &Sim, acknowledged: Option<&HashMap<(Id, String), u64>>) {
    let log = nodes[0].log();
    let first = *log.keys().next().expect("something was said");
    let offsets: Vec<u64> = log.keys().copied().collect();
    assert_eq!(offsets, (first..first + log.len() as u64).collect::<Vec<_>>(), "no gap");
    for node in &nodes[1..] {
        let other = node.log();
        assert_eq!(node.room.position(), nodes[0].room.position(), "one head, one epoch");
        for (offset, event) in &other {
            assert_eq!(log.get(offset), Some(event), "the same event at {offset}");
        }
    }
    let mut said = HashSet::new();
    let mut contents = HashSet::new();
    let mut present = HashSet::new();
    for (offset, event) in &log {
        let name = event["name"].as_str().unwrap_or_default().to_owned();
        match event["event"].as_str() {
            Some("join") => assert!(present.insert(name), "{event} is in once"),
            Some("leave") => assert!(present.remove(&name), "{event} was in"),
            _ => {}
        }
        if event["type"] == "message" && event["client_id"] != "teacher" {
            assert!(contents.insert(event["content"].to_string()), "{event} stands once");
        }
        let Some(id) = event["id"].as_str() else { continue };
        let member = event["member"].as_str().expect("a message has a member").to_owned();
        assert!(said.insert((member, id.to_owned())), "{event} at {offset} stands once");
    }
    for ((member, id), offset) in acknowledged.into_iter().flatten() {
        let event = log.get(offset).unwrap_or_else(|| panic!("{member} {id} is not at {offset}"));
        assert_eq!(event["id"], *id);
        assert_eq!(event["member"], member.to_string());
    }
    let engine = sim.seats(RoomName::parse(ROOM).expect("it is a name").key());
    for node in nodes {
        assert_eq!(node.present(), engine, "who is in, in which version");
    }
}

/// When all are gone, and their time is over, nobody is left.
async fn everybody_out(nodes: &[Arc<Node>], sim: &Sim) {
    for _ in 0..40 {
        for node in nodes {
            let mut now = clock::now();
            now.up += 600_000_000;
            node.broker.expire(&node.room, now);
            // Whoever tries to have a ghost's name has it.
            for (at, name) in node.present().0.into_iter().enumerate() {
                try_name(node, &name, at as u32).await;
            }
        }
        sleep(Duration::from_secs(3)).await;
        if nodes.iter().all(|node| node.present().0.is_empty()) {
            return;
        }
    }
    panic!("ghosts: {:?}", sim.seats(RoomName::parse(ROOM).expect("it is a name").key()));
}

async fn try_name(node: &Arc<Node>, name: &str, number: u32) {
    let name = Name::parse(name).expect("it was a name");
    let number = 1_000_000 + number;
    if let Entry::In(admission) = wants(node, &name, number).await {
        node.broker.part(&node.room, admission.identity.member, number, Parting::ForGood);
    }
}

/// Wants `name` on a node as a session does: whoever has it is asked to show itself, and loses it if nothing comes.
async fn wants(node: &Arc<Node>, name: &Name, number: u32) -> Entry {
    wants_among(100, node, name, number).await
}

async fn wants_among(max_members: usize, node: &Arc<Node>, name: &Name, number: u32) -> Entry {
    let signal = Arc::new(Signal::default());
    loop {
        let entrant = Entrant {
            name,
            proof: None,
            fresh: Proof { session: Id::new(random_id()), member: Id::new(random_id()) },
            attempt: None,
            after: None,
            history: 0,
            connection: Connection { node: node.broker.node(), number },
            signal: &signal,
            max_members,
            at: clock::now(),
        };
        match node.broker.join(&node.room, entrant).get().await {
            Entry::Taken(incumbent) => {
                let patience = Duration::from_millis(200);
                if node.broker.probe(&node.room, &incumbent, patience).get().await {
                    return Entry::Taken(incumbent);
                }
                node.broker.evict(&node.room, &incumbent).get().await;
            }
            entry => return entry,
        }
    }
}

/// The rooms' clock does not stand still as that of the tests does, and does not run with it.
fn a_minute_later() -> Moment {
    let mut now = clock::now();
    now.up += 60_000_000;
    now
}

/// Runs `schedule` for many seeds, each in a runtime of its own whose clock is paused.
fn many<F: Future<Output = ()>>(seeds: u64, schedule: impl Fn(u64) -> F) {
    let wished = std::env::var("TEST_SEEDS").unwrap_or(seeds.to_string());
    let (first, end) = wished.split_once("..").unwrap_or(("0", &wished));
    for seed in first.parse().expect("a seed")..end.parse().expect("a seed") {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        println!("seed {seed}");
        let ended = runtime.block_on(async { timeout(AGES, schedule(seed)).await });
        assert!(ended.is_ok(), "seed {seed} does not end: somebody waits for an answer for ever");
    }
}

#[test]
fn nodes_agree_and_lose_nothing_while_the_engine_is_late() {
    many(SEEDS, |seed| run(seed, GOOD, false));
}

#[test]
fn nodes_agree_and_lose_nothing_while_the_engine_loses_requests_answers_and_news() {
    many(SEEDS, |seed| run(seed, BAD, false));
}

#[test]
fn nodes_agree_again_after_the_engine_forgets_or_refuses_and_lose_what_it_lost_alone() {
    many(SEEDS, |seed| run(seed, GOOD, true));
}

#[test]
fn a_document_that_two_nodes_replace_has_one_next_version() {
    many(50, |seed| async move {
        let sim = Sim::new(Random::new(seed), GOOD);
        let nodes = [Node::new(1, &sim), Node::new(2, &sim)];
        let texts = ["one", "two"];
        let replaced = nodes.each_ref().map(|node| async {
            let text = texts[node.broker.node().0 as usize - 1];
            node.broker.replace(&node.room, Kind::Settings, 0, text.into()).get().await
        });
        let [one, two] = replaced;
        let (one, two) = tokio::join!(one, two);
        sleep(Duration::from_secs(1)).await;
        let first = nodes[0].room.document(Kind::Settings).expect("there is one");
        assert_eq!(nodes[1].room.document(Kind::Settings), Some(first.clone()));
        let expected = match &*first.text {
            "one" => (Replaced::Done(1), Replaced::Outdated(1)),
            _ => (Replaced::Outdated(1), Replaced::Done(1)),
        };
        assert_eq!((one, two), expected);
    });
}

#[test]
fn who_comes_at_the_same_moment_is_let_in_together_and_no_more_than_there_is_room_for() {
    many(50, |seed| async move {
        let sim = Sim::new(Random::new(seed), GOOD);
        let nodes = [Node::new(1, &sim), Node::new(2, &sim)];
        let entries = (0..140).map(|number| {
            let node = nodes[number % 2].clone();
            async move {
                let name = Name::parse(&format!("n{number}")).expect("it is a name");
                wants(&node, &name, number as u32).await
            }
        });
        let entries = join_all(entries).await;
        let of = |kind: fn(&Entry) -> bool| entries.iter().filter(|entry| kind(entry)).count();
        let is_in = |entry: &Entry| matches!(entry, Entry::In(_));
        let is_full = |entry: &Entry| matches!(entry, Entry::Full);
        assert_eq!((of(is_in), of(is_full)), (100, 40), "the room has place for 100");
        sleep(Duration::from_secs(1)).await;
        assert_eq!(nodes[0].present().0.len(), 100);
        look(&nodes, &sim, None);
        // One each would do, but for what the other node changed meanwhile.
        assert!(sim.appends() < 12, "{} batches", sim.appends());
    });
}

#[test]
fn those_whose_time_is_over_at_the_same_moment_leave_together_and_each_of_them_once() {
    many(20, |seed| async move {
        let sim = Sim::new(Random::new(seed), GOOD);
        let nodes = [Node::new(1, &sim), Node::new(2, &sim)];
        nodes[1].broker.open(&nodes[1].room, None).get().await.expect("the engine is there");
        let names = (0..500).map(|n| Name::parse(&format!("n{n}")).expect("it is a name"));
        let names: Vec<Name> = names.collect();
        let coming = names.iter().zip(0..).map(|(name, n)| wants_among(500, &nodes[0], name, n));
        for (number, entry) in join_all(coming).await.into_iter().enumerate() {
            let Entry::In(admission) = entry else { panic!("there is room for {number}") };
            let (node, member) = (&nodes[0], admission.identity.member);
            let keeping = Parting::Keeping(Duration::from_secs(3));
            assert!(node.broker.part(&node.room, member, number as u32, keeping));
        }
        sleep(Duration::from_secs(2)).await;
        let (present, version) = sim.seats(RoomName::parse(ROOM).expect("it is a name").key());
        assert_eq!((present.len(), version), (500, 500), "their places are kept");
        let before = sim.appends();
        // As often as a node looks, on both.
        for _ in 0..4 {
            nodes.iter().for_each(|node| node.broker.expire(&node.room, a_minute_later()));
            sleep(Duration::from_millis(500)).await;
        }
        sleep(Duration::from_secs(1)).await;
        let (present, version) = sim.seats(RoomName::parse(ROOM).expect("it is a name").key());
        assert_eq!((present.len(), version), (0, 1000), "each has joined once and left once");
        for node in &nodes {
            assert_eq!(node.room.presence().count, 0);
            let log = node.log();
            let left = log.values().filter(|event| event["event"] == "leave");
            let left: Vec<_> = left.map(|event| event["name"].as_str().expect("a name")).collect();
            assert_eq!((left.len(), left.iter().collect::<HashSet<_>>().len()), (500, 500));
        }
        let appends = sim.appends() - before;
        // Two batches would do, if the other node did not want the same.
        assert!(appends < 12, "{appends} batches");
    });
}

#[test]
fn a_name_is_kept_from_the_moment_its_connection_is_lost_on_every_node() {
    many(100, |seed| async move {
        let sim = Sim::new(Random::new(seed), GOOD);
        let nodes = [Node::new(1, &sim), Node::new(2, &sim)];
        let name = Name::parse("ali").expect("it is a name");
        let mut ali = Person::new(name.clone(), seed, &nodes);
        assert!(ali.join().await);
        // The other node has to have heard of it.
        sleep(Duration::from_secs(1)).await;
        ali.part(Parting::Keeping(Duration::from_secs(60)));
        let node = &nodes[seed as usize % 2];
        let wanted = wants(node, &name, 7).await;
        assert!(
            matches!(wanted, Entry::Kept(_)),
            "the name is given away on {:?}",
            node.broker.node()
        );
    });
}

#[test]
fn the_members_of_a_node_that_ends_leave_once_after_their_time_and_not_if_they_come_back() {
    many(100, |seed| async move {
        let sim = Sim::new(Random::new(seed), GOOD);
        let nodes = [Node::new(1, &sim), Node::new(2, &sim)];
        let mut people = Vec::new();
        for name in ["ali", "sara", "مریم"] {
            let mut person = Person::new(Name::parse(name).expect("it is a name"), seed, &nodes);
            while !person.join().await {}
            people.push(person);
        }
        sleep(Duration::from_secs(1)).await;
        sim.cut(NodeId(1));
        sim.end(NodeId(1));
        // Sara comes back on another node, with her token; a room that is opened later learns it too.
        people[1].at = 1;
        people[1].held = None;
        sleep(Duration::from_millis(seed * 10)).await;
        while !people[1].join().await {}
        let later = Node::new(3, &sim);
        later.broker.open(&later.room, None).get().await.expect("the engine is there");
        sleep(Duration::from_secs(30)).await;
        let living = [&nodes[1], &later];
        for node in living {
            node.broker.expire(&node.room, a_minute_later());
        }
        sleep(Duration::from_secs(2)).await;
        for node in living {
            assert_eq!(node.present().0, ["sara"], "on {:?}", node.broker.node());
            let log = node.log();
            let left = log.values().filter(|event| event["event"] == "leave");
            let mut left: Vec<_> = left.map(|event| event["name"].as_str()).collect();
            left.sort_unstable();
            assert_eq!(left, [Some("ali"), Some("مریم")]);
        }
    });
}

#[test]
fn a_node_that_was_taken_for_ended_and_is_not_has_its_seats_again_and_nobody_leaves() {
    many(100, |seed| async move {
        let sim = Sim::new(Random::new(seed), GOOD);
        let nodes = [Node::new(1, &sim), Node::new(2, &sim)];
        let mut ali = Person::new(Name::parse("ali").expect("it is a name"), seed, &nodes);
        assert!(ali.join().await);
        nodes[1].broker.open(&nodes[1].room, None).get().await.expect("the engine is there");
        sleep(Duration::from_secs(1)).await;
        sim.end(NodeId(1));
        sleep(Duration::from_secs(30)).await;
        for node in &nodes {
            node.broker.expire(&node.room, a_minute_later());
        }
        sleep(Duration::from_secs(2)).await;
        for node in &nodes {
            assert_eq!(node.present().0, ["ali"]);
            assert!(!node.log().values().any(|event| event["event"] == "leave"));
        }
        let (_, _, signal) = ali.held.as_ref().expect("it is in");
        assert_eq!(signal.close_asked(), None);
    });
}
