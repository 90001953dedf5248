//! The pure heart of hamhame: names, text, positions, commands, codes, limits.
//!
//! Nothing here does input or output, looks at a clock or draws a random number; time comes in as an
//! argument. So every promise of this crate is tested by calling a function.

pub mod codes;
pub mod command;
pub mod decode;
pub mod dialect;
pub mod event;
pub mod id;
mod key;
pub mod limits;
pub mod log;
pub mod name;
pub mod position;
mod precis;
pub mod presence;
pub mod text;
