//! The members of all rooms: they join, say things, and check what they hear.

use std::collections::BTreeMap;

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::dialect::{FromServer, Session, tells_of_a_leave, write_message};
use crate::fleet::Fleet;
use crate::guest::{End, Guest, Outbox};
use crate::ledger::{Entry, Faults, Ledger};
use crate::marker::{Content, Finder, Marker, Purpose};
use crate::outstanding::Outstanding;
use crate::target::Dialect;

/// Rooms and who is in them.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// How many rooms.
    pub rooms: usize,
    /// Members of each room.
    pub members: usize,
    /// How many of them send.
    pub senders: usize,
}

impl Layout {
    /// Room and number of each connection.
    pub fn seats(self) -> Vec<(usize, usize)> {
        (0..self.rooms * self.members)
            .map(|link| (link / self.members, link % self.members))
            .collect()
    }
}

/// Everything the generator knows about the rooms; the [`Guest`] of its fleet.
#[derive(Debug)]
pub struct Crowd {
    layout: Layout,
    dialect: Dialect,
    content: Content,
    finder: Finder,
    rooms: Vec<Room>,
    people: Vec<Person>,
    /// Connections that are in their room.
    pub joined: usize,
    /// Members that have stalled, and how many of them the server has sent away.
    pub stalled: (usize, usize),
    /// Handshakes that led nowhere.
    pub failed: usize,
    /// Handshakes over since the fleet was last told.
    arrivals: usize,
    /// Members that have got a probe.
    pub reached: usize,
    /// Whether a sender that hears itself says the next thing: a closed loop.
    pub echoing: bool,
    /// Messages got, probes left out.
    pub deliveries: u64,
    /// Messages that will have been got once all is delivered.
    pub expected: u64,
    /// Messages sent, probes left out.
    pub sent: u64,
    /// Latencies of messages due in this span of the generator's clock are recorded.
    pub recording: std::ops::Range<u64>,
    /// From when a message was due until it was read, in nanoseconds.
    pub latency: Histogram<u64>,
    /// From the beginning of a handshake until the member was in, in nanoseconds.
    pub joining: Histogram<u64>,
    /// Offsets that did not follow the one before, and gaps.
    pub offset_faults: u64,
    /// Resumes that the server could not serve in full.
    pub unrecovered: u64,
    /// While members may lose their connections and come back: what happens to them.
    pub turnover: Option<Turnover>,
    /// What went wrong, and how often.
    pub troubles: BTreeMap<String, u64>,
    scratch: Vec<u8>,
}

/// Who has lost its connection and who is back, since somebody last looked; and what was seen of it.
#[derive(Debug, Default)]
pub struct Turnover {
    /// Connections that ended, or did not come about.
    pub lost: Vec<usize>,
    /// Members that are in their room again, and since when on the generator's clock.
    pub back: Vec<(usize, u64)>,
    /// Handshakes begun.
    pub tries: u64,
    /// How often a member was told that somebody has left.
    pub leaves_seen: u64,
}

#[derive(Debug)]
struct Room {
    ledger: Ledger,
    /// Messages of each sender.
    sent: Vec<u32>,
    /// Members that read.
    reading: usize,
}

#[derive(Debug, Default, Clone)]
struct Person {
    present: bool,
    stalled: bool,
    reached: bool,
    /// When its handshake began.
    since: u64,
    session: Session,
    outstanding: Outstanding,
}

impl Crowd {
    /// Nobody is there yet.
    ///
    /// # Errors
    ///
    /// None that could happen: the bounds of the histograms are constants.
    pub fn new(layout: Layout, dialect: Dialect, content: Content) -> Result<Self> {
        let room = || Room {
            ledger: Ledger::new(layout.members, layout.senders),
            sent: vec![0; layout.senders],
            reading: layout.members,
        };
        Ok(Self {
            layout,
            dialect,
            content,
            finder: Finder::default(),
            rooms: (0..layout.rooms).map(|_| room()).collect(),
            people: vec![Person::default(); layout.rooms * layout.members],
            joined: 0,
            stalled: (0, 0),
            failed: 0,
            arrivals: 0,
            reached: 0,
            echoing: false,
            deliveries: 0,
            expected: 0,
            sent: 0,
            recording: 0..0,
            latency: Histogram::new_with_bounds(1, 600_000_000_000, 3)?,
            joining: Histogram::new_with_bounds(1, 600_000_000_000, 3)?,
            offset_faults: 0,
            unrecovered: 0,
            turnover: None,
            troubles: BTreeMap::new(),
            scratch: Vec::new(),
        })
    }

    /// How many members there are to be.
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether there are to be none.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// How rooms and members are laid out.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// A member connects as soon as its turn comes.
    pub fn enter(&self, fleet: &mut Fleet, link: usize) {
        fleet.open(link);
    }

    /// A member is cut off, on purpose; it can [`enter`](Self::enter) again and goes on where it was.
    pub fn cut(&mut self, fleet: &mut Fleet, link: usize) {
        fleet.cut(link);
        self.leave(link);
    }

    /// So many members read nothing more from now on: the last of each room, room by room.
    ///
    /// # Errors
    ///
    /// As [`Fleet::stall`].
    pub fn stall(&mut self, fleet: &mut Fleet, count: usize) -> Result<()> {
        for number in 0..count {
            let (room, from_last) = (number % self.layout.rooms, number / self.layout.rooms);
            let member = self.layout.members - 1 - from_last;
            let link = room * self.layout.members + member;
            self.people[link].stalled = true;
            self.rooms[room].ledger.excuse(member);
            self.rooms[room].reading -= 1;
            fleet.stall(link)?;
        }
        self.stalled.0 = count;
        Ok(())
    }

    /// Tells the fleet which handshakes are over. After each pump.
    pub fn let_in(&mut self, fleet: &mut Fleet) {
        for _ in 0..std::mem::take(&mut self.arrivals) {
            fleet.opened();
        }
    }

    /// The sender with this number (over all rooms, rooms first, so that consecutive ones are in
    /// different rooms) says something that was due then. It leaves with the next [`Fleet::write_all`].
    pub fn say(&mut self, fleet: &mut Fleet, number: usize, due: u64) {
        let (room, sender) = (number % self.layout.rooms, number / self.layout.rooms);
        let link = room * self.layout.members + sender;
        if !self.people[link].present {
            return;
        }
        let payload = self.compose(room, sender, due);
        if self.turnover.is_some() {
            self.people[link].outstanding.said(&payload);
        }
        fleet.put(link, &payload);
        self.scratch = payload;
    }

    /// The first member of each room says what only tells that messages come through.
    pub fn probe(&mut self, fleet: &mut Fleet, round: u32) {
        for room in 0..self.layout.rooms {
            let link = room * self.layout.members;
            let marker =
                Marker { purpose: Purpose::Probe, sender: 0, sequence: round, due: fleet.now() };
            let mut payload = Vec::new();
            write_message(&mut payload, self.dialect, marker, self.content);
            fleet.send(link, &payload, self);
        }
    }

    /// Broken promises, now that everything should have come.
    pub fn settle(&self) -> Faults {
        let mut faults = Faults::default();
        for room in &self.rooms {
            faults.add(room.ledger.settle(&room.sent));
        }
        faults
    }

    /// How many messages of its room a member has come past.
    pub fn place(&self, link: usize) -> u64 {
        self.rooms[link / self.layout.members].ledger.place(link % self.layout.members)
    }

    /// How many messages the fastest member of a member's room has got.
    pub fn head(&self, link: usize) -> u64 {
        self.rooms[link / self.layout.members].ledger.len()
    }

    /// Whether a member is in its room.
    pub fn is_present(&self, link: usize) -> bool {
        self.people[link].present
    }

    /// Messages that nobody has acknowledged, of those said since there is a [`turnover`](Self::turnover).
    pub fn outstanding(&self) -> usize {
        self.people.iter().map(|person| person.outstanding.len()).sum()
    }

    fn compose(&mut self, room: usize, sender: usize, due: u64) -> Vec<u8> {
        let Room { sent, reading, .. } = &mut self.rooms[room];
        let sent = &mut sent[sender];
        let marker =
            Marker { purpose: Purpose::Measure, sender: sender as u32, sequence: *sent, due };
        *sent += 1;
        self.sent += 1;
        self.expected += *reading as u64;
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        write_message(&mut payload, self.dialect, marker, self.content);
        payload
    }

    fn hear(&mut self, link: usize, marker: Marker, now: u64, outbox: &mut impl Outbox) {
        if marker.purpose == Purpose::Probe {
            self.reached += usize::from(!std::mem::replace(&mut self.people[link].reached, true));
            return;
        }
        let (room, member) = (link / self.layout.members, link % self.layout.members);
        let entry = Entry { sender: marker.sender, sequence: marker.sequence };
        self.rooms[room].ledger.note(member, entry);
        self.deliveries += 1;
        if self.recording.contains(&marker.due) {
            self.latency.saturating_record(now.saturating_sub(marker.due).max(1));
        }
        if self.echoing && marker.sender as usize == member {
            let payload = self.compose(room, member, now);
            outbox.text(&payload);
            self.scratch = payload;
        }
    }

    fn arrive(&mut self, link: usize, now: u64) {
        let person = &mut self.people[link];
        if !std::mem::replace(&mut person.present, true) {
            self.joining.saturating_record(now.saturating_sub(person.since).max(1));
            self.joined += 1;
            self.arrivals += 1;
            if let Some(turnover) = &mut self.turnover {
                turnover.back.push((link, now));
            }
        }
    }

    fn leave(&mut self, link: usize) {
        if std::mem::replace(&mut self.people[link].present, false) {
            self.joined -= 1;
        }
    }

    fn trouble(&mut self, what: impl Into<String>) {
        *self.troubles.entry(what.into()).or_default() += 1;
    }

    fn understand(&mut self, link: usize, message: FromServer, now: u64) {
        match message {
            FromServer::Event(offset) => {
                let seen = &mut self.people[link].session.position.offset;
                self.offset_faults += u64::from(offset != *seen + 1);
                *seen = offset;
            }
            FromServer::Welcome { session, recovered } => {
                let before = std::mem::replace(&mut self.people[link].session, session);
                let came_back = !before.token.is_empty();
                if came_back && recovered != Some(true) {
                    self.unrecovered += 1;
                }
                if came_back && before.position != self.people[link].session.position {
                    self.offset_faults += 1;
                }
                self.arrive(link, now);
            }
            FromServer::Gap(missed) => {
                self.offset_faults += 1;
                self.people[link].session.position.offset += missed;
            }
            FromServer::Error(code) => self.trouble(format!("error {code}")),
            FromServer::Other => {}
        }
    }
}

impl Guest for Crowd {
    fn connecting(&mut self, link: usize, now: u64) {
        self.people[link].since = now;
        if let Some(turnover) = &mut self.turnover {
            turnover.tries += 1;
        }
    }

    fn opened(&mut self, link: usize, now: u64, outbox: &mut impl Outbox) {
        match self.dialect {
            Dialect::Seed => self.arrive(link, now),
            Dialect::V1 => outbox.text(self.people[link].session.join().as_bytes()),
            // Its session came first, and the answer to that was its welcome.
            Dialect::Api => {}
        }
    }

    fn text(&mut self, link: usize, payload: &[u8], now: u64, outbox: &mut impl Outbox) {
        if self.dialect != Dialect::Seed {
            let was_present = self.people[link].present;
            self.understand(link, FromServer::read(payload), now);
            if let Some(turnover) = &mut self.turnover {
                turnover.leaves_seen += u64::from(tells_of_a_leave(payload));
                let Person { present, outstanding, .. } = &mut self.people[link];
                outstanding.heard(payload);
                if *present && !was_present {
                    outstanding.messages().for_each(|message| outbox.text(message));
                }
            }
        }
        if let Some(marker) = self.finder.find(payload) {
            self.hear(link, marker, now, outbox);
        }
    }

    fn ended(&mut self, link: usize, end: End) {
        let was_present = self.people[link].present;
        if let Some(turnover) = &mut self.turnover {
            turnover.lost.push(link);
            self.arrivals += usize::from(!was_present);
            return self.leave(link);
        }
        if self.people[link].stalled {
            self.stalled.1 += 1;
        } else {
            self.trouble(end.to_string());
        }
        if was_present {
            self.leave(link);
        } else {
            self.failed += 1;
            self.arrivals += 1;
        }
    }
}
