//! Messages to everyone in a room.

use std::time::Duration;

use anyhow::Result;

use super::{judge, prepare, settings};
use crate::crowd::Layout;
use crate::drive::Pace;
use crate::options::Fanout;
use crate::report::Report;

pub(super) fn run(options: &Fanout) -> Result<Report> {
    let Fanout { common, timing, rooms, members, senders, .. } = options;
    let layout = Layout { rooms: *rooms, members: *members, senders: *senders };
    let mut drive = prepare(common, layout, timing.size)?;
    drive.assemble()?;
    drive.reach_everyone()?;
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
        ("content", format!("{} B", timing.size)),
        pace,
    ];
    let mut report = Report::new("fanout", settings(common, &own));
    report.deliveries(&measured, drive.server.is_known());
    report.latency("delivery", "delivery", &drive.crowd.latency);
    judge(&mut report, &drive.crowd);
    drive.fleet.close(Duration::from_secs(2))?;
    Ok(report)
}
