//! The course of a run: everyone comes, everyone is heard, warm-up, measuring, and waiting for the last
//! delivery.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::crowd::Crowd;
use crate::fleet::Fleet;
use crate::process::{Memory, Server, own_cpu};
use crate::progress::Progress;
use crate::wire::Wire;

/// When messages are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each sender keeps so many messages on the way, and sends the next when its own comes back.
    Closed {
        /// Messages on the way per sender.
        window: u32,
    },
    /// So many messages a second over all senders, whatever comes back.
    Open {
        /// Messages per second.
        rate: f64,
    },
}

/// A moment of a run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sample {
    /// Seconds since measuring began.
    pub at: f64,
    /// Deliveries per second since the last sample.
    pub deliveries_per_second: f64,
    /// Cores that the server used since the last sample.
    pub server_cores: f64,
    /// Resident memory of the server in bytes.
    pub server_rss: u64,
    /// Cores that the generator's thread used since the last sample.
    pub generator_cores: f64,
}

/// What was counted between the beginning and the end of measuring.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// How long it took.
    pub seconds: f64,
    /// Messages sent.
    pub sent: u64,
    /// Messages got.
    pub deliveries: u64,
    /// CPU of the server in nanoseconds.
    pub server_cpu: u64,
    /// CPU of the generator's thread in nanoseconds.
    pub own_cpu: u64,
    /// What went over the wire.
    pub wire: Wire,
    /// The server's memory at the end, connections and all.
    pub memory: Memory,
    /// The course of it.
    pub samples: Vec<Sample>,
}

/// A fleet, its crowd, and the eye on the server.
#[derive(Debug)]
pub struct Drive {
    /// The connections.
    pub fleet: Fleet,
    /// Who is on them.
    pub crowd: Crowd,
    /// The server's processes.
    pub server: Server,
    /// Where to say how far it is.
    pub progress: Progress,
    schedule: Option<Schedule>,
}

#[derive(Debug)]
struct Schedule {
    start: u64,
    interval: f64,
    count: u64,
}

impl Schedule {
    fn due(&self) -> u64 {
        self.start + (self.count as f64 * self.interval) as u64
    }
}

#[derive(Debug, Clone, Copy)]
struct Counters {
    at: u64,
    sent: u64,
    deliveries: u64,
    server_cpu: u64,
    own_cpu: u64,
    server_rss: u64,
    wire: Wire,
}

/// Messages sent before replies are read again, when the schedule cannot be kept.
const MAX_BURST: usize = 256;
const SAMPLE: Duration = Duration::from_millis(250);
/// How long members may take to appear, and messages to come, when nothing moves any more.
const PATIENCE: Duration = Duration::from_secs(15);

impl Drive {
    /// A run that has not begun.
    pub fn new(fleet: Fleet, crowd: Crowd, server: Server, progress: Progress) -> Self {
        Self { fleet, crowd, server, progress, schedule: None }
    }

    /// Sends what is due, and lets happen what happens within `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Fleet::pump`].
    pub fn step(&mut self, timeout: Duration) -> Result<()> {
        let mut timeout = timeout;
        if let Some(schedule) = &mut self.schedule {
            let senders = self.crowd.layout().rooms * self.crowd.layout().senders;
            for _ in 0..MAX_BURST {
                if schedule.due() > self.fleet.now() {
                    break;
                }
                let due = schedule.due();
                let sender = (schedule.count % senders as u64) as usize;
                schedule.count += 1;
                self.crowd.say(&mut self.fleet, sender, due);
            }
            self.fleet.write_all(&mut self.crowd);
            let until_due = schedule.due().saturating_sub(self.fleet.now());
            timeout = timeout.min(Duration::from_nanos(until_due));
        }
        self.fleet.pump(timeout, &mut self.crowd)?;
        self.crowd.let_in(&mut self.fleet);
        Ok(())
    }

    /// Steps until `state`, a number reached and the number wanted, says that it is enough.
    ///
    /// # Errors
    ///
    /// As [`Fleet::pump`], or nothing moves any more, or a member does not get in; the error says what was
    /// waited for.
    pub fn step_until(
        &mut self,
        what: &str,
        mut state: impl FnMut(&mut Self) -> (u64, u64),
    ) -> Result<()> {
        let mut moved = Instant::now();
        let mut last = 0;
        loop {
            let (reached, wanted) = state(self);
            if reached >= wanted {
                return Ok(());
            }
            if reached != last {
                (moved, last) = (Instant::now(), reached);
            }
            if self.crowd.failed > 0 {
                bail!("{what}: {reached} of {wanted}{}", self.troubles());
            }
            if moved.elapsed() > PATIENCE {
                bail!("{what}: {reached} of {wanted}, and no more came{}", self.troubles());
            }
            self.progress.say(|| format!("{what}: {reached} of {wanted}"));
            self.step(Duration::from_millis(20))?;
        }
    }

    /// Everyone connects and joins.
    ///
    /// # Errors
    ///
    /// As [`step_until`](Self::step_until).
    pub fn assemble(&mut self) -> Result<()> {
        let everyone = self.crowd.len();
        for link in 0..everyone {
            self.crowd.enter(&mut self.fleet, link);
        }
        self.step_until("connecting", |drive| (drive.crowd.joined as u64, everyone as u64))
    }

    /// Waits until a message reaches every member: a server may answer before a member is in its room.
    ///
    /// # Errors
    ///
    /// As [`step_until`](Self::step_until).
    pub fn reach_everyone(&mut self) -> Result<()> {
        let everyone = self.crowd.len() as u64;
        let (mut round, mut again) = (0, Instant::now());
        self.step_until("waiting until a message reaches everyone", |drive| {
            if Instant::now() >= again {
                drive.crowd.probe(&mut drive.fleet, round);
                round += 1;
                again = Instant::now() + Duration::from_secs(1);
            }
            (drive.crowd.reached as u64, everyone)
        })?;
        // What came late of the last round shall not be in what is measured.
        self.run_for(Duration::from_millis(100) + self.fleet.lull())
    }

    /// Begins to send.
    pub fn begin(&mut self, pace: Pace) {
        let layout = self.crowd.layout();
        match pace {
            Pace::Closed { window } => {
                self.crowd.echoing = true;
                for _ in 0..window {
                    for number in 0..layout.rooms * layout.senders {
                        let now = self.fleet.now();
                        self.crowd.say(&mut self.fleet, number, now);
                    }
                }
                self.fleet.write_all(&mut self.crowd);
            }
            Pace::Open { rate } => {
                let (start, interval) = (self.fleet.now(), 1e9 / rate);
                self.schedule = Some(Schedule { start, interval, count: 0 });
            }
        }
    }

    /// Lets things go on for this long.
    ///
    /// # Errors
    ///
    /// As [`Fleet::pump`].
    pub fn run_for(&mut self, span: Duration) -> Result<()> {
        let until = Instant::now() + span;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.step(left)?;
        }
        Ok(())
    }

    /// Measures for this long.
    ///
    /// # Errors
    ///
    /// As [`Fleet::pump`], or the server's processes are gone.
    pub fn measure(&mut self, span: Duration) -> Result<Measured> {
        let begin = self.counters()?;
        let end = begin.at + span.as_nanos() as u64;
        self.crowd.recording = begin.at..end;
        let mut samples = Vec::new();
        let mut last = begin;
        while last.at < end {
            let rest = Duration::from_nanos(end.saturating_sub(self.fleet.now()));
            self.run_for(SAMPLE.min(rest))?;
            let now = self.counters()?;
            let sample = Sample::between(&begin, &last, &now);
            samples.push(sample);
            last = now;
            let total = span.as_secs_f64();
            self.progress.say(|| {
                format!(
                    "measuring: {:.0} of {total:.0} s, {:.0} deliveries/s",
                    sample.at, sample.deliveries_per_second
                )
            });
        }
        Ok(Measured {
            seconds: (last.at - begin.at) as f64 / 1e9,
            sent: last.sent - begin.sent,
            deliveries: last.deliveries - begin.deliveries,
            server_cpu: last.server_cpu - begin.server_cpu,
            own_cpu: last.own_cpu - begin.own_cpu,
            wire: last.wire.since(begin.wire),
            memory: self.server.memory()?,
            samples,
        })
    }

    /// Sends no more, and waits for what is still on the way; gives up when nothing comes for two seconds, and for as
    /// long as the transport may keep things back.
    ///
    /// # Errors
    ///
    /// As [`Fleet::pump`].
    pub fn drain(&mut self) -> Result<()> {
        self.stop();
        let (mut moved, mut last) = (Instant::now(), self.crowd.deliveries);
        while self.crowd.deliveries < self.crowd.expected
            && moved.elapsed() < Duration::from_secs(2) + self.fleet.lull()
        {
            self.step(Duration::from_millis(20))?;
            if self.crowd.deliveries != last {
                (moved, last) = (Instant::now(), self.crowd.deliveries);
            }
        }
        // A duplicate would come now.
        self.run_for(Duration::from_millis(100) + self.fleet.lull())
    }

    /// Sends no more.
    pub fn stop(&mut self) {
        self.crowd.echoing = false;
        self.schedule = None;
    }

    /// What went wrong so far, for the end of an error.
    fn troubles(&self) -> String {
        self.crowd.troubles.iter().map(|(what, count)| format!("; {what} ({count}×)")).collect()
    }

    fn counters(&self) -> Result<Counters> {
        Ok(Counters {
            at: self.fleet.now(),
            sent: self.crowd.sent,
            deliveries: self.crowd.deliveries,
            server_cpu: self.server.cpu().context("the server's CPU")?,
            own_cpu: own_cpu(),
            server_rss: self.server.resident()?,
            wire: self.fleet.wire(),
        })
    }
}

impl Sample {
    fn between(begin: &Counters, last: &Counters, now: &Counters) -> Self {
        let span = (now.at - last.at).max(1) as f64;
        Self {
            at: (now.at - begin.at) as f64 / 1e9,
            deliveries_per_second: (now.deliveries - last.deliveries) as f64 / span * 1e9,
            server_cores: now.server_cpu.saturating_sub(last.server_cpu) as f64 / span,
            server_rss: now.server_rss,
            generator_cores: now.own_cpu.saturating_sub(last.own_cpu) as f64 / span,
        }
    }
}
