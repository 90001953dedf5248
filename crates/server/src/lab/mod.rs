//! What is there to show and to test how things work. Nothing but the route table imports it.

pub mod echo;
