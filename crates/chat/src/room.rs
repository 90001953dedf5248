//! A conversation in one room, over as many connections as it takes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use hamhame_core::codes::may_reconnect;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, sleep_until};

use crate::address::Address;
use crate::message::{Heard, Passage, Presence, Refusal, Told, User, Welcome};
use crate::outbox::Outbox;
use crate::screen::Screen;
use crate::tls::Tls;
use crate::wire::{self, NotOpened, Wire};

/// The least and the longest wait before another try (`docs/reference/protocol.md`, "Reconnecting").
const BACK_OFF: (f64, f64) = (0.5, 20.0);

/// How long a server has to answer `join`; it may ask the holder of a name first.
const JOINING: Duration = Duration::from_secs(10);

/// Chats until the input ends and all is said, or the server will not have it.
///
/// # Errors
/// Why the server will not, or cannot be reached at all.
pub async fn chat(
    address: &Address,
    tls: &Tls,
    name: &str,
    history: u32,
    screen: Screen,
    mut lines: Receiver<String>,
) -> anyhow::Result<()> {
    let mut room = Room::new(address, name, history, screen)?;
    let mut tries = 0;
    loop {
        let wait = match Wire::open(address, tls, name).await {
            Ok(wire) => match room.converse(wire, &mut lines).await? {
                After::Over => return Ok(()),
                After::Again { joined, wait } => {
                    tries = if joined { 0 } else { tries + 1 };
                    wait
                }
            },
            Err(NotOpened::Never(error)) => return Err(error),
            Err(NotOpened::Later(error)) if !room.was_in => return Err(error),
            Err(NotOpened::Later(_)) => {
                tries += 1;
                None
            }
        };
        room.say_that_it_waits();
        sleep(wait.unwrap_or_else(|| back_off(tries))).await;
    }
}

/// Full jitter: `min(max, min + rand(0, min(max, min·2^n)))`.
fn back_off(tries: u32) -> Duration {
    let (least, most) = BACK_OFF;
    let spread = most.min(least * 2f64.powi(tries.min(16) as i32));
    let random = f64::from(u32::from_ne_bytes(random())) / f64::from(u32::MAX);
    Duration::from_secs_f64(most.min(least + random * spread))
}

fn random() -> [u8; 4] {
    let mut bytes = [0; 4];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// What follows a connection.
enum After {
    /// The user has gone.
    Over,
    /// It is to be opened again, after `wait` if the server said so.
    Again { joined: bool, wait: Option<Duration> },
}

/// What a message leads to.
enum Then {
    GoOn,
    Leave,
    Lost { wait: Option<Duration> },
}

/// What outlives a connection.
struct Room {
    title: String,
    name: String,
    history: u32,
    screen: Screen,
    outbox: Outbox,
    token: Option<String>,
    member: String,
    /// Where reading goes on.
    epoch: String,
    offset: u64,
    attempt: u64,
    was_in: bool,
    waiting: bool,
    users: Vec<User>,
    count: u64,
    /// The server is silent for longer than this: the connection is dead.
    silence: Duration,
    /// The last word of the server before it closes.
    refused: Option<Refusal>,
    come_back: Option<Duration>,
}

impl Room {
    fn new(address: &Address, name: &str, history: u32, screen: Screen) -> anyhow::Result<Room> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let prefix = u32::from_ne_bytes(random());
        Ok(Room {
            title: address.room.clone(),
            name: name.to_owned(),
            history,
            screen,
            outbox: Outbox::new(format!("{prefix:08x}")),
            token: None,
            member: String::new(),
            epoch: String::new(),
            offset: 0,
            attempt: since.as_millis() as u64,
            was_in: false,
            waiting: false,
            users: Vec::new(),
            count: 0,
            silence: JOINING,
            refused: None,
            come_back: None,
        })
    }

    /// Talks over one connection until it ends.
    async fn converse(
        &mut self,
        mut wire: Wire,
        lines: &mut Receiver<String>,
    ) -> anyhow::Result<After> {
        self.attempt += 1;
        if let Some(content) = self.outbox.begin_again(SystemTime::now()) {
            let begin: String = content.chars().take(40).collect();
            self.screen.note(&format!("perhaps said a day ago, type it again if not: {begin}"));
        }
        self.refused = None;
        self.come_back = None;
        self.silence = JOINING;
        let mut joined = false;
        let mut typing = true;
        wire.send(&self.join()?);
        let mut heard_at = Instant::now();
        loop {
            if joined {
                self.send_next(&mut wire)?;
                if !typing && self.outbox.is_empty() {
                    wire.leave().await;
                    return Ok(After::Over);
                }
            }
            let due = self.outbox.due();
            let then = tokio::select! {
                heard = wire.hear() => {
                    heard_at = Instant::now();
                    self.take(heard, &mut joined)?
                }
                line = lines.recv(), if joined && typing && self.outbox.takes_more() => match line {
                    Some(line) => self.typed(&line),
                    None => { typing = false; Then::GoOn }
                },
                () = sleep_until(due.unwrap_or(heard_at)), if joined && due.is_some() => Then::GoOn,
                () = sleep_until(heard_at + self.silence) => Then::Lost { wait: None },
                _ = tokio::signal::ctrl_c() => Then::Leave,
            };
            match then {
                Then::GoOn => {}
                Then::Leave => {
                    wire.leave().await;
                    return Ok(After::Over);
                }
                Then::Lost { wait } => return Ok(After::Again { joined, wait }),
            }
        }
    }

    fn join(&self) -> anyhow::Result<String> {
        let after = self.was_in.then(|| format!("{}:{}", self.epoch, self.offset));
        let join = Told::Join {
            token: self.token.as_deref(),
            after: after.as_deref(),
            history: (!self.was_in).then_some(self.history),
            attempt: self.attempt,
        };
        serde_json::to_string(&join).context("a message cannot be written")
    }

    fn send_next(&mut self, wire: &mut Wire) -> anyhow::Result<()> {
        if let Some(next) = self.outbox.next() {
            let told = Told::Send { id: &next.id, content: &next.content };
            wire.send(&serde_json::to_string(&told).context("a message cannot be written")?);
        }
        Ok(())
    }

    fn typed(&mut self, line: &str) -> Then {
        match line.trim() {
            "" => {}
            "/quit" | "/exit" => return Then::Leave,
            "/who" => self.show_users(),
            command if command.starts_with('/') && !command.starts_with("//") => {
                self.screen.note(&format!(
                    "{command} is no command; /who and /quit are. //text says /text."
                ));
            }
            text => self.outbox.add(text.strip_prefix('/').unwrap_or(text).to_owned()),
        }
        Then::GoOn
    }

    fn take(&mut self, heard: wire::Heard, joined: &mut bool) -> anyhow::Result<Then> {
        match heard {
            wire::Heard::Sign => {}
            wire::Heard::Text(text) => {
                // What it does not know it passes over, as the protocol asks.
                if let Ok(heard) = serde_json::from_str(&text) {
                    *joined |= matches!(heard, Heard::Welcome(_));
                    self.follow(heard);
                }
            }
            wire::Heard::Closed(code, reason) => return self.closed(code, &reason),
        }
        Ok(Then::GoOn)
    }

    fn closed(&mut self, code: u16, reason: &str) -> anyhow::Result<Then> {
        let refused = self.refused.take();
        let temporary = refused.as_ref().is_some_and(|refused| refused.temporary);
        let wait = refused.as_ref().and_then(|refused| refused.retry_after).map(seconds);
        if may_reconnect(code) || (temporary && wait.is_some()) {
            if let (Some(refused), false) = (&refused, self.was_in) {
                self.screen.note(&format!("{} Waiting.", refused.message));
            }
            return Ok(Then::Lost { wait: wait.or(self.come_back.take()) });
        }
        match refused {
            Some(refused) if refused.code.starts_with("name_") => {
                bail!("{} (--name NAME chooses another)", refused.message)
            }
            Some(refused) => bail!("{}", refused.message),
            None => Err(anyhow!("the server closed the connection: {code} {reason}")),
        }
    }

    fn follow(&mut self, heard: Heard) {
        match heard {
            Heard::Welcome(welcome) => self.welcome(welcome),
            Heard::Message(said) => {
                let own = said.member.as_deref() == Some(&self.member);
                if self.is_new(said.offset) && !(own && self.screen.shows_typing()) {
                    self.screen.said(&said.timestamp, &said.client_id, &said.content);
                }
            }
            Heard::System(Passage { content, offset, .. }) => {
                if offset.is_none_or(|offset| self.is_new(offset)) {
                    self.screen.note(&content);
                }
            }
            Heard::Ack { id } => self.outbox.acknowledge(&id),
            Heard::Error(refusal) => self.refuse(refusal),
            Heard::Presence(presence) => self.update(presence),
            Heard::Gap { missed, position } => {
                self.place(&position);
                self.screen
                    .note(&format!("{missed} messages are gone: you were away for too long"));
            }
            Heard::Shutdown { retry_after } => self.come_back = Some(seconds(retry_after)),
            Heard::Other => {}
        }
    }

    /// Whether an event is one that was not seen; it is now.
    fn is_new(&mut self, offset: u64) -> bool {
        let new = offset > self.offset;
        self.offset = self.offset.max(offset);
        new
    }

    fn place(&mut self, position: &str) {
        if let Some((epoch, offset)) = position.rsplit_once(':') {
            self.epoch = epoch.to_owned();
            self.offset = offset.parse().unwrap_or_default();
        }
    }

    fn welcome(&mut self, welcome: Welcome) {
        let another_life =
            self.was_in && !welcome.position.starts_with(&format!("{}:", self.epoch));
        self.place(&welcome.position);
        self.silence = seconds(welcome.heartbeat * 2.5);
        self.token = Some(welcome.token);
        self.member = welcome.member;
        self.name = welcome.client_id;
        self.users = welcome.users;
        self.count = welcome.count;
        if another_life {
            self.screen
                .note("the room began anew on the server; what was said meanwhile may be gone");
        }
        if welcome.recovered.is_none() {
            self.screen.note(&format!("you are {} in {}", self.name, self.title));
            self.show_users();
        } else if self.waiting {
            self.screen.note("connected again");
        }
        self.was_in = true;
        self.waiting = false;
    }

    fn refuse(&mut self, refusal: Refusal) {
        let Some(id) = &refusal.id else {
            self.refused = Some(refusal);
            return;
        };
        if refusal.temporary {
            self.outbox.postpone(id, refusal.retry_after.map_or(Duration::from_secs(1), seconds));
        } else if let Some(content) = self.outbox.give_up(id) {
            let begin: String = content.chars().take(40).collect();
            self.screen.note(&format!("not sent: {} ({begin})", refusal.message));
        }
    }

    fn update(&mut self, presence: Presence) {
        self.count = presence.count;
        match presence.users {
            Some(users) => self.users = users,
            None => {
                self.users.retain(|user| !presence.left.contains(&user.member));
                self.users.extend(presence.joined);
            }
        }
    }

    fn show_users(&mut self) {
        let names: Vec<&str> =
            self.users.iter().map(|user| user.client_id.as_str()).take(50).collect();
        let text = match names.as_slice() {
            [] => format!("{} here", self.count),
            names => format!("{} here: {}", self.count, names.join(", ")),
        };
        self.screen.note(&text);
    }

    fn say_that_it_waits(&mut self) {
        if self.was_in && !self.waiting {
            self.waiting = true;
            self.screen.note("the connection is lost; trying again");
        }
    }
}

/// Whatever a server says, a wait is between nothing and an hour.
fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(if seconds.is_finite() { seconds.clamp(0.0, 3_600.0) } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_within_their_bounds() {
        for tries in [0, 1, 5, 40] {
            let wait = back_off(tries).as_secs_f64();
            assert!((BACK_OFF.0..=BACK_OFF.1).contains(&wait), "{wait}");
        }
        for (said, wait) in
            [(-1.0, 0.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (1e300, 3_600.0), (0.5, 0.5)]
        {
            assert_eq!(seconds(said).as_secs_f64(), wait);
        }
    }
}
