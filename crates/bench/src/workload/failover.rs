//! A node is killed, and its members come back on the others.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use rustix::process::{Pid, Signal, kill_process};

use super::{judge, prepare, settings};
use crate::crowd::{Layout, Turnover};
use crate::drive::{Drive, Pace};
use crate::marker::Content;
use crate::options::Failover;
use crate::process::own_cpu;
use crate::report::Report;
use crate::target::Dialect;

/// How long members may try.
const PATIENCE: Duration = Duration::from_secs(60);

/// A member waits so long before it tries, and a random time more: up to as much at first, twice that each further time, and
/// so on (docs/reference/protocol.md, Reconnecting).
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How the members of the killed node fare.
struct Returns {
    /// Those who are on their way, by the number of the connection.
    away: HashMap<usize, Away>,
    /// Who tries next, and when.
    due: BTreeSet<(u64, usize)>,
    /// From the time when a member's first try was due until it was in, in nanoseconds.
    took: Histogram<u64>,
    /// Whose connection was lost, and how many were, those of the killed node among them.
    lost: HashSet<usize>,
    losses: usize,
    /// Nodes that go on.
    others: usize,
    random: u64,
}

struct Away {
    first_try: u64,
    failures: u32,
}

impl Returns {
    fn new(others: usize, seed: u64) -> Result<Self> {
        let took = Histogram::new_with_bounds(1, 600_000_000_000, 3)?;
        Ok(Self {
            away: HashMap::new(),
            due: BTreeSet::new(),
            took,
            lost: HashSet::new(),
            losses: 0,
            others,
            random: seed | 1,
        })
    }

    /// Lets happen what happens within `timeout`, and has who has lost its connection try again when its time comes.
    fn step(&mut self, drive: &mut Drive, timeout: Duration) -> Result<()> {
        let now = drive.fleet.now();
        while let Some(&(due, link)) = self.due.first().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, link));
            let failures = self.away.get(&link).map_or(0, |away| away.failures as usize);
            // Each time the next of the nodes that go on. A proxy in front would know that the first one does not.
            drive.fleet.direct(link, 1 + (link + failures) % self.others)?;
            drive.crowd.enter(&mut drive.fleet, link);
        }
        let until_due =
            self.due.first().map_or(u64::MAX, |(due, _)| due.saturating_sub(drive.fleet.now()));
        drive.step(timeout.min(Duration::from_nanos(until_due)))?;
        let now = drive.fleet.now();
        let Some(turnover) = &mut drive.crowd.turnover else { return Ok(()) };
        for (link, at) in turnover.back.drain(..) {
            if let Some(away) = self.away.remove(&link) {
                self.took.saturating_record(at.saturating_sub(away.first_try).max(1));
            }
        }
        for link in turnover.lost.drain(..) {
            self.lose(link, now);
        }
        Ok(())
    }

    fn lose(&mut self, link: usize, now: u64) {
        let before = self.away.get(&link);
        self.losses += usize::from(before.is_none());
        self.lost.insert(link);
        let failures = before.map_or(0, |away| away.failures + 1);
        let spread = PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
        let pause = (PAUSE + spread.mul_f64(self.draw())).min(LONGEST_PAUSE);
        let due = now + pause.as_nanos() as u64;
        self.away.entry(link).or_insert(Away { first_try: due, failures }).failures = failures;
        self.due.insert((due, link));
    }

    /// From 0 to 1.
    fn draw(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Steps until `done` says so or the time is over; false if it was over.
    fn step_until(
        &mut self,
        drive: &mut Drive,
        patience: Duration,
        mut done: impl FnMut(&Self, &Drive) -> bool,
    ) -> Result<bool> {
        let until = Instant::now() + patience;
        while !done(self, drive) {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return Ok(false) };
            self.step(drive, left.min(Duration::from_millis(20)))?;
        }
        Ok(true)
    }
}

pub(super) fn run(options: &Failover) -> Result<Report> {
    let Failover { common, kill, rooms, members, rate, warmup, stay, size } = options;
    ensure!(
        common.dialect == Dialect::V1,
        "coming back is a thing of hamhame.v1: --dialect v1 is needed"
    );
    let others = common.targets.len();
    ensure!(others > 0, "nobody can come back without another node: --targets is needed");
    let layout = Layout { rooms: *rooms, members: members + others, senders: others + 1 };
    let mut drive = prepare(common, layout, Content::letters(*size))?;
    let staying = |link: usize| Some(link % layout.members + 1).filter(|node| *node <= others);
    for link in 0..drive.crowd.len() {
        drive.fleet.direct(link, staying(link).unwrap_or(0))?;
    }
    drive.assemble()?;
    drive.reach_everyone()?;
    drive.crowd.turnover = Some(Turnover::default());
    drive.begin(Pace::Open { rate: *rate });
    drive.run_for(Duration::from_secs_f64(*warmup))?;

    let leaving: Vec<usize> =
        (0..drive.crowd.len()).filter(|&link| staying(link).is_none()).collect();
    let mut returns = Returns::new(others, drive.fleet.now())?;
    let own = (drive.fleet.now(), own_cpu());
    let course = lose_and_return(&mut drive, &mut returns, &leaving, *kill)?;
    returns.step_until(&mut drive, Duration::from_secs_f64(*stay), |_, _| false)?;
    let own = (own_cpu() - own.1) as f64 / (drive.fleet.now() - own.0) as f64;
    drive.drain()?;

    let asked = [
        ("rooms", rooms.to_string()),
        ("members", members.to_string()),
        ("rate", format!("{rate}/s")),
        ("stay", format!("{stay} s")),
    ];
    let mut report = Report::new("failover", settings(common, &asked));
    tell(&mut report, &mut drive, &returns, leaving.len(), &course);
    report.generator(own);
    report.latency("return", "first try until back", &returns.took);
    judge(&mut report, &drive.crowd);
    drive.fleet.close(Duration::from_secs(2))?;
    Ok(report)
}

/// How it went, in nanoseconds from the kill.
struct Course {
    /// Until all were back, or nobody was waited for any more.
    back: u64,
    /// Who was not.
    missing: usize,
    /// Until all had what they had missed, if they got it.
    caught_up: Option<u64>,
}

fn lose_and_return(
    drive: &mut Drive,
    returns: &mut Returns,
    leaving: &[usize],
    kill: i32,
) -> Result<Course> {
    let began = drive.fleet.now();
    let pid = Pid::from_raw(kill).context("no process has the number 0")?;
    kill_process(pid, Signal::KILL).with_context(|| format!("killing process {kill}"))?;
    let gone =
        |returns: &Returns, _: &Drive| leaving.iter().all(|link| returns.lost.contains(link));
    ensure!(
        returns.step_until(drive, PATIENCE, gone)?,
        "process {kill} was killed and its members are still connected: is it the node at --url?"
    );
    let all = drive.crowd.len();
    let came = returns.step_until(drive, PATIENCE, |_, drive| drive.crowd.joined == all)?;
    let back = drive.fleet.now() - began;
    let missing = all - drive.crowd.joined;
    let heads: Vec<u64> = leaving.iter().map(|&link| drive.crowd.head(link)).collect();
    let caught_up = came
        && returns.step_until(drive, PATIENCE, |_, drive| {
            let mut places = leaving.iter().zip(&heads);
            places.all(|(&link, &head)| drive.crowd.place(link) >= head)
        })?;
    let caught_up = caught_up.then(|| drive.fleet.now() - began);
    Ok(Course { back, missing, caught_up })
}

fn tell(report: &mut Report, drive: &mut Drive, returns: &Returns, lost: usize, course: &Course) {
    let turnover = drive.crowd.turnover.take().unwrap_or_default();
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    report.figure("lost_connections", "members of the killed node", lost as f64, "");
    report.figure("back_seconds", "from the kill until all were back", seconds(course.back), "s");
    if let Some(caught_up) = course.caught_up.map(seconds) {
        report.figure("caught_up_seconds", "until all had what they missed", caught_up, "s");
    }
    report.figure("sent", "messages sent", drive.crowd.sent as f64, "");
    report.figure("tries", "handshakes", turnover.tries as f64, "");
    let faults = [
        ("unacknowledged", "messages never acknowledged", drive.crowd.outstanding() as u64),
        ("missing", "members that did not come back", course.missing as u64),
        ("leaves_seen", "times that a member was told of a leave", turnover.leaves_seen),
        ("cut_off", "connections lost on living nodes", (returns.losses - lost) as u64),
    ];
    for (name, label, count) in faults {
        report.figure(name, label, count as f64, "");
        if count > 0 {
            report.troubles.insert(label.to_owned(), count);
        }
    }
}
