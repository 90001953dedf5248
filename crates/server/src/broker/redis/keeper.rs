//! The thread that keeps the connection: it finds the server and connects, again and again, tells followers what is published, and has rooms kept that
//! somebody here follows.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hamhame_core::id::Id;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::address::{Address, PATIENCE};
use super::connection::Connection;
use super::keys::Keys;
use super::lines::{self, Asked, News};
use super::shared::{KEPT_FOR, Shared};
use crate::room::change::NodeId;
use crate::token::random_id;

/// Messages that wait to be told. What does not fit is read from the engine instead.
const WAITING: usize = 1024;

/// Time between two looks whether the connection lives and who still follows; each renews the node's lease.
const LOOK: Duration = Duration::from_secs(3);

/// How long a node's lease holds.
const LEASE: Duration = Duration::from_secs(10);

/// How long the others are told that a lease is over.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Time between two tries to connect: the first, and the most. Each is a random share of it longer.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Looks in which a lease may stay unrenewed, in a cluster.
const UNRENEWED: u32 = 2;

/// From a change in a cluster to the time when it is looked at.
const MEND: Duration = Duration::from_millis(300);

/// Looks after which rooms that are followed are kept for longer.
const LOOKS_PER_TOUCH: u32 = 1200;

/// Channels that are asked for together.
const AT_ONCE: usize = 256;

/// Time between the rooms that are kept for longer together and the next ones.
const BREATH: Duration = Duration::from_millis(10);

/// Keeps the connection for ever.
pub async fn run(shared: Arc<Shared>, address: Address) {
    let mut pause = RETRY.0;
    let mut told = String::new();
    loop {
        let (sender, pushes) = mpsc::channel(WAITING);
        let missed = Arc::new(AtomicBool::new(false));
        let flag = missed.clone();
        let connected = address.connect(Arc::new(move |push| {
            if sender.try_send(push).is_err() {
                flag.store(true, Ordering::Release);
            }
        }));
        match connected.await {
            Ok((at, connection)) => {
                tracing::info!(at, "the engine is reached");
                (told, pause) = (String::new(), RETRY.0);
                let moved = address.moved_from(&at);
                tokio::select! {
                    () = serve(&shared, connection, pushes, &missed) => {}
                    () = moved => {}
                }
                shared.connection.send_replace(None);
                tracing::warn!(at, "the connection to the engine is lost");
            }
            Err(error) if error != told => {
                tracing::warn!(error, "the engine cannot be reached; trying again");
                told = error;
            }
            Err(_) => {}
        }
        let jitter = random_id() % (pause.as_millis() as u64).max(1);
        sleep(pause + Duration::from_millis(jitter)).await;
        pause = (2 * pause).min(RETRY.1);
    }
}

/// Tells what comes over one connection until it ends.
async fn serve(
    shared: &Arc<Shared>,
    mut connection: Connection,
    mut pushes: Receiver<PushInfo>,
    missed: &AtomicBool,
) {
    if subscribe_to_all(shared, &mut connection).await.is_err() {
        return;
    }
    // A lease first: whoever comes in would be taken for a member of a node that has ended.
    let mut ended = None;
    if beat(shared, &mut connection, &mut ended).await.is_err() {
        return;
    }
    shared.connection.send_replace(Some(connection.clone()));
    // What was published meanwhile did not come.
    shared.followers.look_everywhere();
    let mut looks = interval_at(Instant::now() + LOOK, LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut count, mut last, mut unrenewed) = (0, String::new(), 0);
    loop {
        tokio::select! {
            push = pushes.recv() => match push {
                None => return,
                Some(PushInfo { kind: PushKind::Disconnection, .. }) if !connection.is_cluster() => return,
                // One of many servers, or a channel that has moved: the others go on.
                Some(PushInfo { kind: PushKind::Disconnection | PushKind::SUnsubscribe, .. }) => {
                    mend(shared, &connection);
                }
                Some(push) => tell(shared, push),
            },
            _ = looks.tick() => {
                match beat(shared, &mut connection, &mut ended).await {
                    Ok(()) => unrenewed = 0,
                    // The one of many servers that has the leases may be replaced just now.
                    Err(_) if connection.is_cluster() && unrenewed < UNRENEWED => unrenewed += 1,
                    Err(_) => return,
                }
                if missed.swap(false, Ordering::AcqRel) {
                    shared.followers.look_everywhere();
                }
                forget_the_left(shared, &mut connection).await;
                shared.followers.look_around(&mut last);
                count += 1;
                if count % LOOKS_PER_TOUCH == 0 {
                    tokio::spawn(touch(shared.clone(), connection.clone()));
                }
            }
        }
    }
}

/// Has all that is for this node come, from now on.
async fn subscribe_to_all(shared: &Shared, connection: &mut Connection) -> redis::RedisResult<()> {
    let mut some = vec![shared.prefix.node(shared.node)];
    let mut end = String::new();
    while !some.is_empty() {
        connection.subscribe(&some).await?;
        some = shared.followers.behind(&end, AT_ONCE);
        end = some.last().cloned().unwrap_or_default();
    }
    Ok(())
}

/// Subscribes again in a cluster that has changed, once for many such changes, and has all followers look.
fn mend(shared: &Arc<Shared>, connection: &Connection) {
    if shared.mending.swap(true, Ordering::AcqRel) {
        return;
    }
    let (shared, mut connection) = (shared.clone(), connection.clone());
    tokio::spawn(async move {
        sleep(MEND).await;
        shared.mending.store(false, Ordering::Release);
        let begin = Instant::now();
        while subscribe_to_all(&shared, &mut connection).await.is_err() && begin.elapsed() < LEASE {
            sleep(MEND).await;
        }
        shared.followers.look_everywhere();
    });
}

/// Renews this node's lease, which shows that the connection lives, and tells followers of the nodes whose leases are over. Those
/// in `ended` were told of.
///
/// After an outage, or while the server refused to write, this node may be the first that renews its lease: it takes nobody for
/// ended then, until the next time.
async fn beat(
    shared: &Arc<Shared>,
    connection: &mut Connection,
    ended: &mut Option<HashSet<NodeId>>,
) -> redis::RedisResult<()> {
    let is_first = ended.is_none();
    let ended = ended.get_or_insert_default();
    let mut call = shared.scripts.beat.prepare_invoke();
    call.key(shared.prefix.nodes()).arg(Id::new(shared.node.0).to_string());
    call.arg(LEASE.as_millis() as u64).arg(REMEMBERED.as_millis() as u64);
    let (refusal, held, over): (String, bool, HashSet<String>) =
        call.invoke_async(connection).await?;
    let has_refused = shared.refusals.note_asked(&refusal);
    let is_settled = held && !has_refused && !is_first;
    shared.is_settled.store(is_settled, Ordering::Release);
    if is_settled {
        let over = over.iter().filter_map(|node| node.parse::<Id>().ok());
        shared.followers.tell_ended(over.map(|node| NodeId(node.get())).collect(), ended);
    }
    Ok(())
}

/// Ends the subscriptions to rooms that nobody follows any more.
async fn forget_the_left(shared: &Shared, connection: &mut Connection) {
    let mut left = shared.followers.abandoned();
    for some in left.chunks(AT_ONCE) {
        let _ = connection.unsubscribe(some).await;
    }
    // Whoever followed one of them again meanwhile may have subscribed before this.
    left.retain(|channel| shared.followers.has(channel));
    for some in left.chunks(AT_ONCE) {
        let _ = connection.subscribe(some).await;
    }
    // What was published in between did not come.
    for channel in left {
        shared.followers.of(&channel).into_iter().for_each(|follower| follower.look());
    }
}

/// Rooms that are followed stay, whether anything is said in them or not.
async fn touch(shared: Arc<Shared>, mut connection: Connection) {
    let mut last = String::new();
    loop {
        let channels = shared.followers.behind(&last, AT_ONCE);
        let Some(end) = channels.last() else { return };
        last.clone_from(end);
        for channel in channels {
            let mut pipeline = redis::pipe();
            for key in Keys::of(channel).all() {
                pipeline.cmd("PEXPIRE").arg(key).arg(KEPT_FOR.as_millis() as u64).ignore();
            }
            let touched: redis::RedisResult<()> = pipeline.query_async(&mut connection).await;
            if touched.is_err() {
                return;
            }
        }
        sleep(BREATH).await;
    }
}

/// Tells one message to whom it is for.
fn tell(shared: &Arc<Shared>, push: PushInfo) {
    if !matches!(push.kind, PushKind::Message | PushKind::SMessage) {
        return;
    }
    let mut parts = push.data.into_iter().filter_map(|part| match part {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    });
    let (Some(channel), Some(text)) = (parts.next(), parts.next()) else { return };
    if channel == shared.prefix.node(shared.node) {
        return answer(shared, &text);
    }
    let followers = shared.followers.of(&channel);
    if followers.is_empty() {
        return;
    }
    let news = lines::news(&text);
    for follower in followers {
        match &news {
            Some(News::Entries(epoch, entries)) if !entries.is_empty() => {
                for entry in entries {
                    follower.clone().entry(*epoch, entry.clone());
                }
            }
            Some(News::Whisper(change)) => follower.whisper(change),
            // Another epoch has begun, or there is something that cannot be read.
            Some(News::Entries(..)) | None => follower.look(),
        }
    }
}

/// Answers another node, or takes its answer.
fn answer(shared: &Arc<Shared>, text: &str) {
    match lines::asked(text) {
        Some(Asked::Answer(number, yes)) => {
            if let Some(waiting) = shared.asked().remove(&number) {
                let _ = waiting.send(yes);
            }
        }
        Some(Asked::Question(number, from, channel, question)) => {
            let asked = shared.followers.ask(&channel, question, PATIENCE);
            let shared = shared.clone();
            tokio::spawn(async move {
                shared.publish(shared.prefix.node(from), lines::answer(number, asked.await));
            });
        }
        None => {}
    }
}
