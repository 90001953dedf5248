//! The server over the engine of the tests, whose wires are late: the tests that hold of the embedded broker hold of it too.
//!
//! `TEST_SERVER=target/debug/examples/sim cargo nextest run --test it promise`

#[path = "../tests/it/sim.rs"]
#[allow(dead_code)]
mod sim;

#[path = "../tests/it/common/random.rs"]
#[allow(dead_code)]
mod random;

/// What `sim` takes from the tests.
mod common {
    pub use super::random::Random;
}

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hamhame::broker::Remote;
use hamhame::room::change::NodeId;
use hamhame::token::random_id;

use common::Random;
use sim::{Sim, Weather};

const LATE: Weather =
    Weather { latest: Duration::from_millis(5), unanswered: 0, lost: 0, untold: 0, doubled: 20 };

fn main() -> ExitCode {
    hamhame::run::from_command_line(|_| {
        let sim = Sim::new(Random::new(random_id()), LATE);
        Ok(Box::new(Remote::new(NodeId(random_id()), Arc::new(sim))))
    })
}
