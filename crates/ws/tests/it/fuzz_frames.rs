//! No stream of frames makes the receiver panic, hoard memory, or mean two things.

use crate::checks::{frame, stream};

#[test]
fn any_stream_is_read_within_bounds_and_in_one_way() {
    crate::runner::run("frame", 200_000, frame::check, stream::generate);
}
