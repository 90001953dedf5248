//! Somebody who talks, hops and goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hamhame::broker::Broker;
use hamhame::clock;
use hamhame::room::change::{Connection, NodeId};
use hamhame::room::intent::{Admission, Entrant, Entry, Parting, Said, Saying};
use hamhame::signal::Signal;
use hamhame::token::{Proof, random_id};
use hamhame_core::id::Id;
use hamhame_core::name::Name;
use tokio::time::{sleep, timeout};

use super::Node;
use crate::common::Random;

/// Somebody with a name, who goes from node to node.
pub struct Person {
    pub name: Name,
    pub random: Random,
    pub nodes: Vec<Arc<Node>>,
    pub at: usize,
    pub proof: Option<Proof>,
    pub attempts: u64,
    /// The seat on a node, while it is held: its connection there.
    pub held: Option<(usize, u32, Arc<Signal>)>,
    pub said: u64,
    /// The engine forgets: an offset holds in one epoch alone.
    pub forgets: bool,
    /// What was acknowledged: the offsets by (member, id).
    pub acknowledged: HashMap<(Id, String), u64>,
}

impl Person {
    /// Somebody who is on the first of the nodes, and in no room.
    pub fn new(name: Name, seed: u64, nodes: &[Arc<Node>]) -> Person {
        Person {
            name,
            random: Random::new(seed),
            nodes: nodes.to_vec(),
            at: 0,
            proof: None,
            attempts: 0,
            held: None,
            said: 0,
            forgets: false,
            acknowledged: HashMap::new(),
        }
    }

    /// So many steps, some while apart.
    pub async fn live(mut self, steps: u64) -> Person {
        for _ in 0..steps {
            let pause = self.random.shorter_than(Duration::from_millis(120));
            sleep(pause).await;
            match self.random.below(10) {
                0 => self.part(Parting::ForGood),
                1 => self.part(Parting::Keeping(Duration::from_secs(2))),
                2 => self.at = self.random.below(self.nodes.len() as u64) as usize,
                3 => self.expire(),
                4 if self.held.is_some() => self.give_up_joining().await,
                _ => self.talk().await,
            }
        }
        self
    }

    /// Says something, after coming in if that is needed. What is not acknowledged is said again, perhaps elsewhere.
    async fn talk(&mut self) {
        self.said += 1;
        let id = format!("{}", self.said);
        // Without an id it cannot be told from another one, so it is said once and never again.
        let tries = if self.random.one_in(4) { 1 } else { 20 };
        let content = format!("{} {id} {:x}", self.name.as_str(), self.random.draw());
        for _ in 0..tries {
            if self.held.is_none() && !self.join().await {
                sleep(Duration::from_millis(50)).await;
                continue;
            }
            let (Some((at, ..)), Some(proof)) = (&self.held, self.proof) else { continue };
            let node = self.nodes[*at].clone();
            let saying = Saying {
                member: proof.member,
                id: (tries > 1).then_some(&id),
                name: self.name.as_str(),
                content: &content,
                at: clock::now(),
            };
            let said = node.broker.say(&node.room, saying);
            if self.random.one_in(5) {
                // It goes on elsewhere before it has heard.
                self.at = self.random.below(self.nodes.len() as u64) as usize;
                self.held = None;
                drop(said);
                continue;
            }
            let offset = match said {
                Said::Done(offset) => Some(offset),
                said => said.offset().await,
            };
            if let Some(offset) = offset {
                let here = self.forgets || node.room.head() >= offset;
                assert!(here, "acknowledged before it can be read");
                if tries == 1 {
                    return;
                }
                let before = self.acknowledged.insert((proof.member, id), offset);
                let one = self.forgets || before.is_none_or(|before| before == offset);
                assert!(one, "two offsets for one id");
                return;
            }
        }
    }

    pub async fn join(&mut self) -> bool {
        let (node, name) = (self.nodes[self.at].clone(), self.name.clone());
        let signal = Arc::new(Signal::default());
        let number = node.connections.fetch_add(1, Ordering::Relaxed);
        self.attempts += 1;
        let entrant = self.entrant(&name, node.broker.node(), number, &signal);
        match node.broker.join(&node.room, entrant).get().await {
            Entry::In(Admission { identity, start, .. }) => {
                assert!(self.forgets || start.offset <= node.room.head());
                self.proof = Some(identity);
                self.held = Some((self.at, number, signal));
                true
            }
            Entry::Taken(incumbent) => {
                let patience = Duration::from_millis(200);
                if !node.broker.probe(&node.room, &incumbent, patience).get().await {
                    node.broker.evict(&node.room, &incumbent).get().await;
                }
                false
            }
            _ => false,
        }
    }

    /// Tries to join again, and goes before it is in.
    async fn give_up_joining(&mut self) {
        let (node, name) = (self.nodes[self.at].clone(), self.name.clone());
        let signal = Arc::new(Signal::default());
        let number = node.connections.fetch_add(1, Ordering::Relaxed);
        self.attempts += 1;
        let entrant = self.entrant(&name, node.broker.node(), number, &signal);
        let patience = self.random.shorter_than(Duration::from_millis(80));
        let joined = node.broker.join(&node.room, entrant).get();
        if let Ok(Entry::In(_)) = timeout(patience, joined).await {
            self.held = Some((self.at, number, signal));
        } else {
            signal.end();
            self.held = None;
        }
    }

    fn entrant<'a>(
        &self,
        name: &'a Name,
        node: NodeId,
        number: u32,
        signal: &'a Arc<Signal>,
    ) -> Entrant<'a> {
        Entrant {
            name,
            proof: self.proof,
            fresh: Proof { session: Id::new(random_id()), member: Id::new(random_id()) },
            attempt: Some(self.attempts),
            after: None,
            history: 0,
            connection: Connection { node, number },
            signal,
            max_members: 100,
            at: clock::now(),
        }
    }

    /// Ends its connection, if it has one.
    pub fn part(&mut self, parting: Parting) {
        let (Some((at, number, signal)), Some(proof)) = (self.held.take(), self.proof) else {
            return;
        };
        signal.end();
        let node = &self.nodes[at];
        node.broker.part(&node.room, proof.member, number, parting);
        if parting == Parting::ForGood {
            self.proof = None;
        }
    }

    fn expire(&self) {
        let node = &self.nodes[self.at];
        // Far ahead of all that is kept.
        let mut now = clock::now();
        now.up += 60_000_000;
        node.broker.expire(&node.room, now);
    }
}
