//! Messages to everyone in a room.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{judge, prepare, settings};
use crate::crowd::Layout;
use crate::drive::Pace;
use crate::options::Fanout;
use crate::report::Report;

pub(super) fn run(options: &Fanout) -> Result<Report> {
    let Fanout { common, timing, rooms, members, senders, stalled, .. } = options;
    let left = (rooms * members).saturating_sub(*stalled);
    ensure!(left >= rooms * senders, "who has stalled does not send: too many are to do either");
    let layout = Layout { rooms: *rooms, members: *members, senders: *senders };
    let mut drive = prepare(common, layout, timing.content())?;
    drive.assemble()?;
    drive.reach_everyone()?;
    let before = drive.server.resident()?;
    drive.crowd.stall(&mut drive.fleet, *stalled)?;
    drive.begin(options.pace());
    drive.run_for(Duration::from_secs_f64(timing.warmup))?;
    let measured = drive.measure(Duration::from_secs_f64(timing.seconds))?;
    drive.drain()?;

    let pace = match options.pace() {
        Pace::Closed { window } => ("window", window.to_string()),
        Pace::Open { rate } => ("rate", format!("{rate}/s")),
    };
    let own = [
        ("rooms", rooms.to_string()),
        ("members", members.to_string()),
        ("senders", senders.to_string()),
        ("content", timing.content().to_string()),
        ("stalled", stalled.to_string()),
        pace,
    ];
    let mut report = Report::new("fanout", settings(common, &own));
    report.deliveries(&measured, drive.server.is_known());
    if drive.server.is_known() {
        let peak = measured.samples.iter().map(|sample| sample.server_rss).max().unwrap_or(before);
        let growth = peak as f64 - before as f64;
        report.figure("server_growth_bytes", "server memory, growth at most", growth, "B");
    }
    if *stalled > 0 {
        let sent_away = drive.crowd.stalled.1 as f64;
        report.figure("stalled_sent_away", "stalled members sent away", sent_away, "");
    }
    report.latency("delivery", "delivery", &drive.crowd.latency);
    judge(&mut report, &drive.crowd);
    drive.fleet.close(Duration::from_secs(2))?;
    Ok(report)
}
