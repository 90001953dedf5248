//! `/lab/echo`: every message comes back unchanged, text and binary, and compressed if that was agreed, however short it is.
//! For clients' and conformance tests.

use std::rc::Rc;
use std::sync::Arc;

use hamhame_ws::handshake::Deflate;
use hamhame_ws::{Limits, Opcode, write_frame};

use crate::config::Options;
use crate::delivery::link::Link;
use crate::room::deflate;
use crate::session::conversation::{Conversation, Flow};
use crate::signal::Signal;
use crate::transport::ws::{Opened, Wire};

/// Talks until the client is gone.
pub async fn run(opened: Opened) {
    let server = opened.shard.server().clone();
    let receiver = opened.receiver(limits(&server.options));
    let signal = Arc::new(Signal::default());
    let link = Rc::new(Link::new(opened.io, None, signal, opened.shard.traffic().clone()));
    let _registered = opened.shard.register(&link);
    let mut echo = Echo { agreed: opened.deflate };
    Wire::new(link, receiver, opened.backlog, opened.visit).converse(&mut echo).await;
}

/// With `--limits off`, what conformance tests need: 16 MiB in any number of fragments.
fn limits(options: &Options) -> Limits {
    if options.limited() {
        options.frame_limits()
    } else {
        Limits { frame: 16 << 20, message: 16 << 20, fragments: u32::MAX }
    }
}

struct Echo {
    agreed: Option<Deflate>,
}

impl Echo {
    fn send(&self, opcode: Opcode, message: &[u8], out: &mut Vec<u8>) -> Flow {
        match self.agreed {
            Some(agreed) => deflate::write_frame(out, opcode, message, agreed),
            None => write_frame(out, opcode, message),
        }
        Flow::Continue
    }
}

impl Conversation for Echo {
    fn text(&mut self, text: &str, out: &mut Vec<u8>) -> Flow {
        self.send(Opcode::Text, text.as_bytes(), out)
    }

    fn binary(&mut self, data: &[u8], out: &mut Vec<u8>) -> Flow {
        self.send(Opcode::Binary, data, out)
    }
}
