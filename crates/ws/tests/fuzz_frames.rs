//! No stream of frames makes the receiver panic, hoard memory, or mean two things.

mod checks;
mod runner;

use checks::{frame, stream};

#[test]
fn any_stream_is_read_within_bounds_and_in_one_way() {
    runner::run("frame", 200_000, frame::check, stream::generate);
}
