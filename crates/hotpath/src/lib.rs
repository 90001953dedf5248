//! The steps of the hot path, each with fixed and realistic input.
//!
//! They are driven twice: the program of this crate counts their instructions under callgrind and holds them against
//! `testdata/instructions.json` (`./test guards`), the benches time them. What they call is the server's own code, built
//! with its own profile and features.
#![forbid(unsafe_code)]

pub mod count;
pub mod figures;
pub mod house;
pub mod sample;
pub mod steps;
pub mod work;
