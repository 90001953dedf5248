//! A storm of handshakes and joins.

use std::time::Duration;

use anyhow::Result;

use super::{judge, memory_each, prepare, settings};
use crate::crowd::Layout;
use crate::marker::{Content, MARKER_LEN};
use crate::options::Connect;
use crate::process::own_cpu;
use crate::report::Report;

pub(super) fn run(options: &Connect) -> Result<Report> {
    let Connect { common, connections, members, .. } = options;
    let layout = Layout { rooms: connections.div_ceil(*members), members: *members, senders: 0 };
    let mut drive = prepare(common, layout, Content::letters(MARKER_LEN))?;
    let memory_before = drive.server.memory()?;
    let (cpu_before, own_before, began) = (drive.server.cpu()?, own_cpu(), drive.fleet.now());
    drive.assemble()?;
    let seconds = (drive.fleet.now() - began) as f64 / 1e9;
    let own = (own_cpu() - own_before) as f64 / 1e9;
    drive.run_for(Duration::from_secs_f64(options.settle))?;
    let cpu = drive.server.cpu()? - cpu_before;
    let count = drive.crowd.len();

    let asked = [
        ("connections", count.to_string()),
        ("members", members.to_string()),
        ("at_once", common.at_once.to_string()),
    ];
    let mut report = Report::new("connect", settings(common, &asked));
    report.figure("connections_per_second", "handshakes per second", count as f64 / seconds, "/s");
    if drive.server.is_known() {
        let each = cpu as f64 / count as f64 / 1e3;
        report.figure("cpu_per_handshake_us", "server CPU per handshake and join", each, "µs");
        memory_each(&mut report, memory_before, drive.server.memory()?, count);
    }
    report.generator(own / seconds);
    report.latency("handshake", "handshake and join", &drive.crowd.joining);
    judge(&mut report, &drive.crowd);
    drive.fleet.close(Duration::from_secs(2))?;
    Ok(report)
}
