//! Two who chat while somebody else misbehaves, and who must not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::{SeedClient, TestServer, V1Client, within};

/// Options with which the two may talk as much as they like.
pub const TALKATIVE: [&str; 8] = [
    "--message-burst",
    "1000000",
    "--message-rate",
    "100000",
    "--address-message-burst",
    "1000000",
    "--address-message-rate",
    "100000",
];

/// A pair in a room of their own, one in each dialect, in the middle of a talk.
pub struct Bystanders {
    task: JoinHandle<()>,
    enough: Arc<AtomicBool>,
}

impl Bystanders {
    /// Has them talk, on a server that was started with [`TALKATIVE`].
    pub async fn start(server: &TestServer) -> Bystanders {
        let mut maryam = server.member("bystanders", "مریم").await;
        let mut reza = server.seed("bystanders", "رضا").await;
        reza.mark("first").await;
        maryam.until_said("first").await;
        let enough = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(talk(maryam, reza, enough.clone()));
        Bystanders { task, enough }
    }

    /// Lets them say a last word and makes sure that they got every one, in order, and nothing else.
    pub async fn noticed_nothing(self) {
        self.enough.store(true, Ordering::SeqCst);
        within("the bystanders' last word", self.task).await.expect("they noticed nothing");
    }
}

async fn talk(mut maryam: V1Client, mut reza: SeedClient, enough: Arc<AtomicBool>) {
    for n in 0.. {
        let last = enough.load(Ordering::SeqCst);
        let (question, answer) = (format!("question {n}"), format!("answer {n}"));
        maryam.say(&question, &question).await;
        assert_eq!(reza.until_said(&question).await, [] as [serde_json::Value; 0]);
        reza.say(&answer).await;
        assert_eq!(reza.until_said(&answer).await, [] as [serde_json::Value; 0]);
        assert_eq!(maryam.until_said(&question).await, [] as [serde_json::Value; 0]);
        assert_eq!(maryam.until_said(&answer).await, [] as [serde_json::Value; 0]);
        if last {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
