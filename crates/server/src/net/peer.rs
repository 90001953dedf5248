//! What a request carries about who made it.

use std::sync::Arc;

use crate::net::admission::Client;

/// Whose request it is, also behind a trusted proxy: stands in its extensions.
#[derive(Clone)]
pub struct Peer(pub Arc<Client>);

/// Stands in the extensions of a request that came by https, to us or to a trusted proxy.
#[derive(Clone, Copy)]
pub struct Secure;
