//! The workloads, a file each.

mod connect;
mod failover;
mod fanout;
mod idle;
mod mixed;
mod resume;

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::crowd::{Crowd, Layout};
use crate::drive::Drive;
use crate::fleet::Fleet;
use crate::marker::Content;
use crate::options::{Command, Common};
use crate::process::Server;
use crate::progress::Progress;
use crate::report::Report;
use crate::target::Transport;
use crate::target::{Dialect, Target};

/// Runs a workload. `None` for what is no workload.
///
/// # Errors
///
/// The server cannot be reached, members do not get in, or nothing comes through.
pub fn run(command: &Command) -> Result<Option<(Report, Common)>> {
    let (report, common) = match command {
        Command::Fanout(options) => (fanout::run(options)?, &options.common),
        Command::Idle(options) => (idle::run(options)?, &options.common),
        Command::Connect(options) => (connect::run(options)?, &options.common),
        Command::Resume(options) => (resume::run(options)?, &options.common),
        Command::Failover(options) => (failover::run(options)?, &options.common),
        Command::Mixed(options) => (mixed::run(options)?, &options.common),
        Command::Floor(_) => return Ok(None),
    };
    Ok(Some((report, common.clone())))
}

/// What all workloads begin with.
fn prepare(common: &Common, layout: Layout, content: Content) -> Result<Drive> {
    prepare_at(common, common.target()?, layout, content)
}

fn prepare_at(common: &Common, target: Target, layout: Layout, content: Content) -> Result<Drive> {
    anyhow::ensure!(layout.senders <= layout.members, "more senders than members");
    let server = Server::new(common.server_pid.clone())?;
    let connections = layout.rooms * layout.members;
    // Over HTTP, who says something has a second connection for it.
    let posting = if common.transport.is_api() { layout.senders } else { 0 };
    let files = rlimit::increase_nofile_limit(u64::MAX).context("the limit of open files")?;
    anyhow::ensure!(
        (connections + layout.rooms * posting) as u64 + 64 <= files,
        "{connections} connections need more open files than this process may have ({files})"
    );
    let dialect = target.dialect;
    let fleet = Fleet::new(target, layout.seats(), common.at_once)?;
    let progress = if common.quiet { Progress::silent() } else { Progress::on_terminal() };
    Ok(Drive::new(fleet, Crowd::new(layout, dialect, content)?, server, progress))
}

fn settings(common: &Common, own: &[(&'static str, String)]) -> BTreeMap<&'static str, String> {
    let dialect = if common.transport.is_api() { Dialect::Api } else { common.dialect };
    let mut settings = BTreeMap::from([
        (
            "url",
            std::iter::once(&common.url)
                .chain(&common.targets)
                .cloned()
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ("transport", common.transport.name().to_owned()),
        ("dialect", dialect.name().to_owned()),
    ]);
    if common.transport == Transport::Polling {
        settings.insert("interval", format!("{} s", common.interval));
    }
    settings.extend(own.iter().cloned());
    settings
}

/// Takes over what the crowd found wrong.
fn judge(report: &mut Report, crowd: &Crowd) {
    report.faults.add(crowd.settle());
    for (what, count) in &crowd.troubles {
        *report.troubles.entry(what.clone()).or_default() += count;
    }
    let mut add = |what: &str, count: u64| {
        if count > 0 {
            *report.troubles.entry(what.to_owned()).or_default() += count;
        }
    };
    add("offset that does not follow the one before", crowd.offset_faults);
    add("resume not served in full", crowd.unrecovered);
}

/// The memory that each of `connections` added.
fn memory_each(
    report: &mut Report,
    before: crate::process::Memory,
    after: crate::process::Memory,
    connections: usize,
) {
    let each = |before: u64, after: u64| (after as f64 - before as f64) / connections as f64;
    report.figure(
        "rss_per_connection_bytes",
        "resident memory per connection",
        each(before.rss, after.rss),
        "B",
    );
    report.figure(
        "pss_per_connection_bytes",
        "proportional memory per connection",
        each(before.pss, after.pss),
        "B",
    );
    report.figure(
        "anonymous_per_connection_bytes",
        "anonymous memory per connection",
        each(before.anonymous, after.anonymous),
        "B",
    );
}
