//! `/lab/echo`: every message comes back unchanged, text and binary. For clients' and conformance tests.

use std::rc::Rc;
use std::sync::Arc;

use hamhame_ws::{Limits, Opcode, Receiver, Role, write_frame};

use crate::link::{Link, Voice};
use crate::options::Options;
use crate::signal::Signal;
use crate::transport::ws::{Conversation, Flow, Opened, Wire};

/// Talks until the client is gone.
pub async fn run(opened: Opened) {
    let server = opened.shard.server().clone();
    let signal = Arc::new(Signal::default());
    let link = Rc::new(Link::new(opened.io, Voice::Plain, signal, opened.shard.traffic().clone()));
    let _registered = opened.shard.register(&link);
    let receiver = Receiver::new(Role::Server, limits(&server.options));
    Wire::new(link, receiver, opened.backlog).converse(&mut Echo).await;
}

/// With `--limits off`, what conformance tests need: 16 MiB in any number of fragments.
fn limits(options: &Options) -> Limits {
    if options.limited() {
        options.frame_limits()
    } else {
        Limits { frame: 16 << 20, message: 16 << 20, fragments: u32::MAX }
    }
}

struct Echo;

impl Conversation for Echo {
    fn text(&mut self, text: &str, out: &mut Vec<u8>) -> Flow {
        write_frame(out, Opcode::Text, text.as_bytes());
        Flow::Continue
    }

    fn binary(&mut self, data: &[u8], out: &mut Vec<u8>) -> Flow {
        write_frame(out, Opcode::Binary, data);
        Flow::Continue
    }
}
