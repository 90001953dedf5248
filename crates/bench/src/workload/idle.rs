//! Connections that do nothing.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{judge, memory_each, prepare, settings};
use crate::crowd::Layout;
use crate::marker::{Content, MARKER_LEN};
use crate::options::Idle;
use crate::report::Report;

pub(super) fn run(options: &Idle) -> Result<Report> {
    let Idle { common, connections, members, .. } = options;
    ensure!(!common.server_pid.is_empty(), "idle measures memory: --server-pid is needed");
    let layout = Layout { rooms: connections.div_ceil(*members), members: *members, senders: 0 };
    let mut drive = prepare(common, layout, Content::letters(MARKER_LEN))?;
    let settle = Duration::from_secs_f64(options.settle);
    let before = drive.server.memory()?;
    drive.assemble()?;
    drive.run_for(settle)?;
    let after = drive.server.memory()?;
    // What it costs that they are there: heartbeats, timers.
    let seconds = options.seconds.unwrap_or(options.settle.max(1.0));
    let measured = drive.measure(Duration::from_secs_f64(seconds))?;

    let own = [("connections", drive.crowd.len().to_string()), ("members", members.to_string())];
    let mut report = Report::new("idle", settings(common, &own));
    memory_each(&mut report, before, after, drive.crowd.len());
    report.figure("rss_before_bytes", "resident memory before", before.rss as f64, "B");
    report.figure("rss_after_bytes", "resident memory after", after.rss as f64, "B");
    let cores = measured.server_cpu as f64 / measured.seconds / 1e9;
    report.figure("server_cores", "server CPU while idle", cores, "cores");
    // What one member costs in a minute.
    let each = |total: u64| total as f64 / measured.seconds * 60.0 / drive.crowd.len() as f64;
    let cpu = each(measured.server_cpu) / 1e3;
    report.figure("cpu_us_per_minute", "server CPU per connection and minute", cpu, "µs");
    let (down, up) = (each(measured.wire.down), each(measured.wire.up));
    report.figure("down_bytes_per_minute", "bytes from the server, the same", down, "B");
    report.figure("up_bytes_per_minute", "bytes to the server, the same", up, "B");
    report.figure(
        "requests_per_minute",
        "requests, the same",
        each(measured.wire.requests),
        "each",
    );
    judge(&mut report, &drive.crowd);
    drive.fleet.close(Duration::from_secs(2))?;
    Ok(report)
}
