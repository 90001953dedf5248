//! Step 1 and 7 of a message's way: how bytes reach the server and batches reach a client.

pub mod ws;
