//! What is of Redis and Valkey alone: replicas, sentinels, clusters, a server that is full. What holds over any engine is in
//! `engines.rs`.

mod cluster;
mod evicted;
mod failover;
mod full;
mod locked;
pub mod servers;
