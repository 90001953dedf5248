//! What is of NATS alone: its store, its clusters. What holds over any engine is in `engines.rs`.

mod cluster;
mod locked;
pub mod servers;
mod store;
