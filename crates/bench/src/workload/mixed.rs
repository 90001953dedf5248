//! A large room beside many small ones. Each has a thread of its own here, so that the small ones' latency
//! is the server's and not that of reading the large room's deliveries.

use std::sync::Barrier;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::{judge, prepare_at, settings};
use crate::crowd::Layout;
use crate::drive::{Drive, Measured, Pace};
use crate::options::Mixed;
use crate::report::Report;

const LESS_URGENT: i32 = 10;

pub(super) fn run(options: &Mixed) -> Result<Report> {
    let Mixed { common, timing, large, rooms, members, large_rate, rate } = options;
    let target = common.target()?;
    let mut beside = target.clone();
    beside.run.push('L');
    let layout = Layout { rooms: 1, members: *large, senders: 1 };
    let mut large_room = prepare_at(common, beside, layout, timing.content())?;
    let layout = Layout { rooms: *rooms, members: *members, senders: 1 };
    let mut small_rooms = prepare_at(common, target, layout, timing.content())?;
    // One after the other, so that errors say which and the line of progress is one.
    large_room.assemble()?;
    large_room.reach_everyone()?;
    small_rooms.assemble()?;

    let together = Barrier::new(2);
    let course = |drive: &mut Drive, rate: f64| -> Result<Measured> {
        drive.reach_everyone()?;
        drive.begin(Pace::Open { rate });
        drive.run_for(Duration::from_secs_f64(timing.warmup))?;
        let measured = drive.measure(Duration::from_secs_f64(timing.seconds))?;
        drive.drain()?;
        Ok(measured)
    };
    let (of_large, of_small) = std::thread::scope(|scope| {
        let (together, course) = (&together, &course);
        let other = &mut large_room;
        let beside = scope.spawn(move || {
            // Where both threads share a core, the small rooms' is to be served first. That they are
            // equal instead is no reason to stop.
            let _ = rustix::process::nice(LESS_URGENT);
            together.wait();
            course(other, *large_rate)
        });
        together.wait();
        let of_small = course(&mut small_rooms, *rate);
        let of_large = beside.join().map_err(|_| anyhow!("the large room's thread panicked"));
        (of_large.and_then(|measured| measured), of_small)
    });
    let (of_large, of_small) = (of_large.context("large room")?, of_small.context("small rooms")?);

    let asked = [
        ("large", large.to_string()),
        ("large_rate", format!("{large_rate}/s")),
        ("rooms", rooms.to_string()),
        ("members", members.to_string()),
        ("rate", format!("{rate}/s")),
    ];
    let mut report = Report::new("mixed", settings(common, &asked));
    let both = Measured {
        sent: of_large.sent + of_small.sent,
        deliveries: of_large.deliveries + of_small.deliveries,
        own_cpu: of_large.own_cpu + of_small.own_cpu,
        wire: of_large.wire + of_small.wire,
        samples: Vec::new(),
        ..of_small
    };
    report.deliveries(&both, small_rooms.server.is_known());
    report.latency("small", "delivery in the small rooms", &small_rooms.crowd.latency);
    report.latency("large", "delivery in the large room", &large_room.crowd.latency);
    judge(&mut report, &small_rooms.crowd);
    judge(&mut report, &large_room.crowd);
    for drive in [&mut large_room, &mut small_rooms] {
        drive.fleet.close(Duration::from_secs(2))?;
    }
    Ok(report)
}
