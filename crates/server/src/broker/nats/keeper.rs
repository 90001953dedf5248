//! The thread that keeps the connection: it makes what streams are missing, renews the node's lease, and has followers look for what
//! did not come. The client under it connects again by itself, to another server where there are several.

use std::collections::HashSet;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::connection::State;
use async_nats::{Client, Event};
use futures_util::StreamExt;
use futures_util::future::{join_all, try_join_all};
use hamhame_core::id::Id;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::address::Address;
use super::jetstream::{JetStream, PATIENCE, Stored, Trouble, is_refusal};
use super::room::{Room, STREAMS};
use super::shared::Shared;
use super::written::EVERY;
use super::{KEPT_FOR, question};
use crate::clock;
use crate::room::change::NodeId;
use crate::token::random_id;

/// Time between two looks whether the connection lives and who still follows; each renews the node's lease.
const LOOK: Duration = Duration::from_secs(3);

/// How long a node's lease holds.
pub const LEASE: Duration = Duration::from_secs(10);

/// How long the others are told that a lease is over.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Time between two tries to have a lease.
const RETRY: Duration = Duration::from_millis(200);

/// Time between two looks at how old rooms are that are followed: at most.
const KEEPING: Duration = Duration::from_secs(60 * 60);

/// Looks that may fail until the client is told to connect anew.
const FAILURES: u32 = 3;

/// Rooms that are looked at together.
const AT_ONCE: usize = 64;
const BREATH: Duration = Duration::from_millis(10);

/// Reads of the leases for the node's own, in a cluster.
const TRIES: usize = 20;

/// Events of the client that wait.
const EVENTS: usize = 64;

/// Room beside the entries of a message: its head, and the headers.
const MARGIN: usize = 8 * 1024;

/// Keeps the connection for ever.
pub async fn run(shared: Arc<Shared>, address: Address) {
    let (sender, mut events) = mpsc::channel(EVENTS);
    let options = address.options.event_callback(move |event| {
        // What does not fit is the same again.
        let _ = sender.try_send(event);
        std::future::ready(())
    });
    // It gives a client at once, which connects by itself.
    let client = match options.connect(address.servers).await {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "there is no client for the engine"),
    };
    let (mut failures, mut told) = (0, String::new());
    let mut leases = Leases::default();
    loop {
        let why = match begin(&shared, &client, &mut events, &mut leases).await {
            Ok(server) => {
                (told, failures) = (String::new(), 0);
                shared.reached.send_replace(Some(server.clone()));
                tracing::info!("the engine is reached");
                let why = serve(&shared, &server, &mut events, &mut leases).await;
                shared.reached.send_replace(None);
                tracing::warn!(why, "the connection to the engine is lost");
                why
            }
            Err(why) => why,
        };
        if why != told {
            tracing::warn!(why, "the engine cannot be reached; trying again");
            told = why;
        }
        failures += 1;
        if failures % FAILURES == 0 {
            let _ = client.force_reconnect().await;
        }
        sleep(RETRY + Duration::from_millis(random_id() % RETRY.as_millis() as u64)).await;
    }
}

/// Waits for a connection, and has a lease before anything else: whoever comes in would be taken for a member of a node that has
/// ended.
async fn begin(
    shared: &Arc<Shared>,
    client: &Client,
    events: &mut Receiver<Event>,
    leases: &mut Leases,
) -> Result<JetStream, String> {
    let (deadline, mut why) = (Instant::now() + PATIENCE, String::from("no connection"));
    while client.connection_state() != State::Connected {
        if Instant::now() > deadline {
            return Err(why);
        }
        if let Ok(Some(Event::ClientError(error))) = timeout(RETRY, events.recv()).await {
            why = brief(&error.to_string());
        }
    }
    while events.try_recv().is_ok() {}
    let server = JetStream(client.clone());
    // Whatever is known of rooms is of before.
    leases.is_first = true;
    shared.connections.fetch_add(1, Relaxed);
    shared.silent.forget();
    shared.most.store(client.max_payload().saturating_sub(MARGIN), Relaxed);
    let began = async {
        make_streams(shared, &server).await?;
        listen(shared, client).await?;
        beat(shared, &server, leases).await
    };
    began.await.map_err(|trouble| brief(&trouble.to_string()))?;
    shared.followers.look_everywhere();
    Ok(server)
}

/// Does what is to be done again and again, until the connection is lost; says why that is.
async fn serve(
    shared: &Arc<Shared>,
    server: &JetStream,
    events: &mut Receiver<Event>,
    leases: &mut Leases,
) -> String {
    let mut looks = interval_at(Instant::now() + LOOK, LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut kept, mut last) = (Instant::now(), String::new());
    loop {
        tokio::select! {
            event = events.recv() => match event {
                None => return "no client".into(),
                Some(Event::Disconnected | Event::Connected | Event::Closed) => {
                    return "disconnected".into();
                }
                // What was told did not fit here.
                Some(Event::SlowConsumer(_)) => shared.followers.look_everywhere(),
                Some(_) => {}
            },
            () = shared.missing.notified() => {
                if let Err(trouble) = make_streams(shared, server).await {
                    return brief(&trouble.to_string());
                }
            }
            _ = looks.tick() => {
                if let Err(trouble) = beat(shared, server, leases).await {
                    return brief(&trouble.to_string());
                }
                forget_the_left(shared).await;
                shared.followers.look_around(&mut last);
                let half = shared.half();
                if half.is_some_and(|half| kept.elapsed() >= KEEPING.min(half / 4)) {
                    kept = Instant::now();
                    tokio::spawn(keep(shared.clone()));
                }
            }
        }
    }
}

async fn make_streams(shared: &Shared, server: &JetStream) -> Result<(), Trouble> {
    let of_rooms = STREAMS.iter().map(|digit| {
        let (name, config) = (shared.prefix.stream(digit), of_rooms(shared, digit));
        async move {
            let is = server.make_stream(&name, config.clone()).await?;
            for must in ["republish", "allow_direct"] {
                if is[must] != config[must] {
                    let why =
                        format!("the stream {name} is there, with another {must}: {}", is[must]);
                    return Err(Trouble::Refused(0, why));
                }
            }
            Ok(is["max_age"].as_u64().filter(|age| *age > 0).map(Duration::from_nanos))
        }
    });
    let ages = try_join_all(of_rooms).await?;
    *shared.kept_for.lock().unwrap_or_else(PoisonError::into_inner) =
        ages.into_iter().flatten().min();
    let leases = json!({
        "subjects": [shared.prefix.lease("*")],
        "storage": "file",
        "max_age": REMEMBERED.as_nanos() as u64,
        "max_msgs_per_subject": 1,
        "allow_direct": true,
    });
    server.make_stream(&shared.prefix.leases(), leases).await.map(drop)
}

/// What a stream of rooms is.
fn of_rooms(shared: &Shared, digit: &str) -> Value {
    let subject = |what| shared.prefix.subject(what, digit, "*");
    json!({
        "subjects": [subject("log"), subject("seats")],
        "storage": "file",
        "discard": "old",
        "max_age": KEPT_FOR.as_nanos() as u64,
        "max_msgs_per_subject": shared.keep.max(4 * EVERY),
        "allow_direct": true,
        "republish": { "src": subject("log"), "dest": subject("told").replace('*', "{{wildcard(1)}}") },
    })
}

/// What is known of leases from one time to the next.
#[derive(Default)]
struct Leases {
    /// When this node renewed its own, by the server's clock.
    renewed: u64,
    /// Nothing was renewed over this connection yet.
    is_first: bool,
    /// The nodes that followers were told of.
    ended: HashSet<NodeId>,
}

/// Renews this node's lease, which shows that the server works and what time it has there, and tells followers of the nodes whose
/// leases are over.
///
/// After an outage, or while the server refused to write, this node may be the first that renews its lease: it takes nobody for
/// ended then, until the next time.
async fn beat(shared: &Arc<Shared>, server: &JetStream, known: &mut Leases) -> Result<(), Trouble> {
    let asked = clock::uptime_micros();
    let own = shared.prefix.lease(&Id::new(shared.node.0).to_string());
    let at = match server.put(own, String::new()).await {
        Ok(at) => at,
        Err(Trouble::Refused(code, why)) if is_refusal(code) => {
            shared.refusals.note_asked(&why);
            shared.is_settled.store(false, Release);
            return Ok(());
        }
        Err(trouble) => return Err(trouble),
    };
    let silent = shared.silent.any().map(|stream| shared.prefix.stream(STREAMS[stream]));
    let why = silent.map_or(String::new(), |stream| format!("{stream} takes nothing"));
    let has_refused = shared.refusals.note_asked(&why);
    let between = asked.midpoint(clock::uptime_micros());
    let mut all = leases(shared, server).await?;
    for _ in 0..TRIES {
        if all.iter().any(|lease| lease.at == at) {
            break;
        }
        // This server of a cluster has not heard of it yet.
        sleep(BREATH).await;
        all = leases(shared, server).await?;
    }
    let Some(own) = all.iter().find(|lease| lease.at == at).map(|lease| since_1970(lease.time))
    else {
        return Err(Trouble::Silence("a lease that was renewed is not there".into()));
    };
    shared.ahead.store(own.wrapping_sub(between) as i64, Relaxed);
    let held = known.renewed + LEASE.as_micros() as u64 > own;
    let is_settled = held && !has_refused && !known.is_first;
    shared.is_settled.store(is_settled, Release);
    (known.renewed, known.is_first) = (own, false);
    if is_settled {
        let over = all.iter().filter(|lease| !lease.holds(own)).map(|lease| lease.node);
        shared.followers.tell_ended(over.collect(), &mut known.ended);
    }
    Ok(())
}

/// A node's lease.
pub struct Lease {
    /// Whose.
    pub node: NodeId,
    at: u64,
    time: SystemTime,
}

impl Lease {
    /// Whether it holds at this time of the server's.
    pub fn holds(&self, now: u64) -> bool {
        since_1970(self.time) + LEASE.as_micros() as u64 > now
    }
}

/// All leases that are remembered.
pub async fn leases(shared: &Shared, server: &JetStream) -> Result<Vec<Lease>, Trouble> {
    let all = server.messages(&shared.prefix.leases(), &shared.prefix.lease("*"), 1).await?;
    let lease = |Stored { at, time, subject, .. }| {
        let node: Id = shared.hash(&subject).parse().ok()?;
        Some(Lease { node: NodeId(node.get()), at, time })
    };
    Ok(all.into_iter().filter_map(lease).collect())
}

fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, micros)
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

/// Has other nodes' questions answered, from the first time on.
async fn listen(shared: &Arc<Shared>, client: &Client) -> Result<(), Trouble> {
    if shared.is_asked.load(Relaxed) {
        return Ok(());
    }
    let questions = client.subscribe(shared.prefix.node(shared.node)).await;
    let mut questions = questions.map_err(|why| Trouble::Silence(why.to_string()))?;
    shared.is_asked.store(true, Relaxed);
    let (shared, client) = (shared.clone(), client.clone());
    tokio::spawn(async move {
        while let Some(message) = questions.next().await {
            let Some(to) = message.reply else { continue };
            let Some((hash, question)) =
                std::str::from_utf8(&message.payload).ok().and_then(question::read)
            else {
                continue;
            };
            let asked = shared.followers.ask(&shared.room_of(hash), question, PATIENCE);
            let client = client.clone();
            tokio::spawn(async move {
                let _ = client.publish(to, question::answer(asked.await).into()).await;
            });
        }
    });
    Ok(())
}

/// Ends the subscriptions to rooms that nobody follows any more.
async fn forget_the_left(shared: &Arc<Shared>) {
    for told in shared.followers.abandoned() {
        let hash = shared.hash(&told);
        shared.leave(hash);
        // Whoever followed it again meanwhile may have listened before this.
        if shared.followers.has(&told) {
            let _ = shared.listen(&shared.room_with(hash)).await;
            shared.followers.of(&told).into_iter().for_each(|follower| follower.look());
        }
    }
}

/// Rooms that are followed stay, whether anything is said in them or not.
async fn keep(shared: Arc<Shared>) {
    let mut last = String::new();
    loop {
        let some = shared.followers.behind(&last, AT_ONCE);
        let Some(end) = some.last() else { return };
        last.clone_from(end);
        let rooms: Vec<Arc<Room>> =
            some.iter().map(|told| shared.room_with(shared.hash(told))).collect();
        let before = shared.now().saturating_sub(shared.half().map_or(0, micros));
        join_all(rooms.iter().filter(|room| room.is_older(before)).map(|room| shared.keep(room)))
            .await;
        sleep(BREATH).await;
    }
}

/// A text in one short line.
fn brief(text: &str) -> String {
    text.chars().take(200).map(|char| if char.is_control() { ' ' } else { char }).collect()
}
