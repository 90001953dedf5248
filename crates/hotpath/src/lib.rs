//! The steps of the hot path, each with fixed and realistic input.
//!
//! They are driven twice: the program of this crate counts their instructions under callgrind and holds them against
//! `testdata/instructions.json` (`./test guards`), the benches time them. What they call is the server's own code, built
//! with its own profile and features.
//!
//! Beside them stands what reads a peer's bytes, with the shapes that are worst for it: counted at two sizes, so that none of it
//! grows faster than its input.
#![forbid(unsafe_code)]

pub mod count;
pub mod figures;
pub mod growth;
pub mod local_server;
pub mod sample;
pub mod steps;
pub mod work;
