//! Everybody is cut off at once and comes back.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{judge, prepare, settings};
use crate::crowd::Layout;
use crate::drive::{Drive, Pace};
use crate::marker::Content;
use crate::options::Resume;
use crate::process::own_cpu;
use crate::report::Report;
use crate::target::Dialect;

pub(super) fn run(options: &Resume) -> Result<Report> {
    let Resume { common, rooms, members, rate, away, size } = options;
    ensure!(
        common.dialect == Dialect::V1 && !common.transport.is_api(),
        "resuming is a thing of hamhame.v1: --dialect v1 is needed"
    );
    // The first member of each room stays, and is the room's sender.
    let layout = Layout { rooms: *rooms, members: members + 1, senders: 1 };
    let mut drive = prepare(common, layout, Content::letters(*size))?;
    drive.assemble()?;
    drive.reach_everyone()?;
    drive.begin(Pace::Open { rate: *rate });
    drive.run_for(Duration::from_secs(1))?;

    let leaving: Vec<usize> =
        (0..drive.crowd.len()).filter(|link| link % layout.members != 0).collect();
    for &link in &leaving {
        drive.crowd.cut(&mut drive.fleet, link);
    }
    drive.run_for(Duration::from_secs_f64(*away))?;

    drive.crowd.joining.reset();
    let (cpu, own, began) = (drive.server.cpu()?, own_cpu(), drive.fleet.now());
    for &link in &leaving {
        drive.crowd.enter(&mut drive.fleet, link);
    }
    drive
        .step_until("coming back", |drive| (drive.crowd.joined as u64, drive.crowd.len() as u64))?;
    let back = drive.fleet.now() - began;
    catch_up(&mut drive, &leaving)?;
    let caught_up = drive.fleet.now() - began;
    let cpu = drive.server.cpu()? - cpu;
    let own = (own_cpu() - own) as f64 / caught_up as f64;
    drive.run_for(Duration::from_millis(500))?;
    drive.drain()?;

    let asked = [
        ("rooms", rooms.to_string()),
        ("members", members.to_string()),
        ("rate", format!("{rate}/s")),
        ("away", format!("{away} s")),
    ];
    let mut report = Report::new("resume", settings(common, &asked));
    report.figure("resumed", "members that came back", leaving.len() as f64, "");
    report.figure("back_seconds", "until all were back", back as f64 / 1e9, "s");
    report.figure(
        "caught_up_seconds",
        "until all had what they missed",
        caught_up as f64 / 1e9,
        "s",
    );
    if drive.server.is_known() {
        let each = cpu as f64 / leaving.len() as f64 / 1e3;
        report.figure("cpu_per_resume_us", "server CPU per resume", each, "µs");
    }
    report.generator(own);
    report.latency("resume", "handshake and welcome", &drive.crowd.joining);
    judge(&mut report, &drive.crowd);
    drive.fleet.close(Duration::from_secs(2))?;
    Ok(report)
}

/// Waits until every member has come to where its room was when the last one was back.
fn catch_up(drive: &mut Drive, leaving: &[usize]) -> Result<()> {
    let heads: Vec<u64> = leaving.iter().map(|&link| drive.crowd.head(link)).collect();
    drive.step_until("catching up", |drive| {
        let behind =
            leaving.iter().zip(&heads).filter(|&(&link, &head)| drive.crowd.place(link) < head);
        (leaving.len() as u64 - behind.count() as u64, leaving.len() as u64)
    })
}
