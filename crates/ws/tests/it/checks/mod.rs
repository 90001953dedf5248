//! What must hold of any input whatever. The same functions are run by the tests beside this directory, on
//! inputs from [`random`], and by the cargo-fuzz targets in `/fuzz`, on inputs that it evolves.
#![allow(dead_code, reason = "each test and each fuzz target uses its own part of this directory")]

pub mod command;
pub mod deflate;
pub mod frame;
pub mod handshake;
pub mod random;
pub mod stream;
pub mod transcript;
