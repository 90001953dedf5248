//! A whole server on this thread, with clients over the loopback: for the steps that need sockets.
//!
//! It is wired as `hamhame::run` wires it, but the runtime goes only when it is told to, so that what is measured begins
//! and ends where it should. What the clients do is not measured.

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use clap::Parser;
use hamhame::broker::Embedded;
use hamhame::config::Options;
use hamhame::delivery::shard::Shard;
use hamhame::http;
use hamhame::http::listen;
use hamhame::room::Room;
use hamhame::room::intent::{Said, Saying};
use hamhame::server::Server;
use hamhame_core::dialect::Dialect;
use hamhame_core::id::Id;
use hamhame_core::name::RoomName;
use hamhame_ws::{Opcode, write_masked_frame};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::sample::{self, MESSAGE, MOMENT, NAME};
use crate::work::Work;

/// Where clients go: no name in it needs decoding, which has a step of its own in the benches.
const ROOM: &str = "kelas";

/// Longest time that a step of setting up may take. Nothing is measured by it: beyond it the set-up is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Changes of presence are told together within a quarter of a second; after this time none is left to tell.
const QUIET: Duration = Duration::from_millis(600);

/// A server and its clients.
struct LocalServer {
    runtime: Runtime,
    tasks: LocalSet,
    server: Arc<Server>,
    address: SocketAddr,
    clients: Vec<Client>,
}

impl LocalServer {
    fn open() -> anyhow::Result<LocalServer> {
        // No limit and no heartbeat may come between two runs.
        let options = Options::try_parse_from([
            "hamhame",
            "--threads=1",
            "--limits=off",
            "--heartbeat=1h",
            "--listen=127.0.0.1:0",
        ])?;
        let listen_on = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Arc::new(Server::new(options, Box::new(Embedded))?);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let tasks = LocalSet::new();
        let (entered, in_set) = (runtime.enter(), tasks.enter());
        let listener = listen::bind(listen_on)?;
        let address = listener.get_ref().local_addr()?;
        let shard = Shard::new(server.clone(), 0);
        let router = http::routes::router(server.clone());
        let (to_shard, arrivals) = listen::to_shard();
        tokio::task::spawn_local(listen::serve(shard.clone(), router, arrivals));
        tokio::task::spawn_local(shard.run());
        tokio::task::spawn_local(listen::accept(listener, server.clone(), vec![to_shard]));
        drop((entered, in_set));
        Ok(LocalServer { runtime, tasks, server, address, clients: Vec::new() })
    }

    /// Lets the driver see which sockets are ready. Runs none of the server's tasks.
    fn look(&self) {
        self.runtime.block_on(tokio::task::yield_now());
    }

    /// Runs the tasks that are ready.
    fn work(&mut self) {
        let _entered = self.runtime.enter();
        let _ = Pin::new(&mut self.tasks).poll(&mut Context::from_waker(Waker::noop()));
    }

    /// Goes on until `done`.
    fn work_until(&mut self, mut done: impl FnMut(&mut LocalServer) -> bool) {
        let begin = Instant::now();
        loop {
            self.look();
            self.work();
            if done(self) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "the server does not do what it should");
        }
    }

    /// Opens a connection and asks for a WebSocket.
    fn knock(&mut self, room: &str, name: &str, dialect: Dialect) {
        let client = Client::knock(self.address, room, name, dialect);
        self.clients.push(client.expect("the loopback takes connections"));
    }

    /// Answers the newest client's handshake, and its `join`.
    fn let_in(&mut self, dialect: Dialect) {
        self.work_until(LocalServer::newest_has_got_something);
        if dialect == Dialect::V1 {
            if let Some(client) = self.clients.last_mut() {
                client.send(JOIN);
            }
            self.work_until(LocalServer::newest_has_got_something);
        }
    }

    fn newest_has_got_something(&mut self) -> bool {
        self.clients.last_mut().is_some_and(|client| client.read() > 0)
    }

    /// Takes from the clients' sockets what has come.
    fn empty(&mut self) {
        for client in &mut self.clients {
            client.read();
        }
    }

    /// A room with `members`, in which all has been told that there was to tell.
    fn with_members(members: usize, dialect: Dialect) -> (LocalServer, Arc<Room>) {
        let mut local = LocalServer::open().expect("a server can be set up on the loopback");
        for number in 0..members {
            local.knock(ROOM, &format!("member{number:02}"), dialect);
            local.let_in(dialect);
        }
        let begin = Instant::now();
        local.work_until(|local| {
            local.empty();
            std::thread::sleep(QUIET / 30);
            begin.elapsed() > QUIET
        });
        let name = RoomName::parse(ROOM).expect("it is a good name");
        let room = local.server.registry.find_or_make(&name, None);
        (local, room.expect("there is no bound on rooms"))
    }
}

/// The `join` of a newcomer, as a frame that is masked already.
const JOIN: &[u8] = b"\x81\x8f\0\0\0\0{\"type\":\"join\"}";

/// The other end of a connection. In a handshake its part is counted, so it does as little as it can.
struct Client {
    stream: TcpStream,
    buffer: Box<[u8]>,
}

impl Client {
    fn knock(
        address: SocketAddr,
        room: &str,
        name: &str,
        dialect: Dialect,
    ) -> std::io::Result<Client> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let protocol = match dialect {
            Dialect::V1 => "Sec-WebSocket-Protocol: hamhame.v1\r\n",
            Dialect::Seed => "",
        };
        let request = format!(
            "GET /ws/{room}/{name} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
             Accept: */*\r\nAccept-Language: fa-IR,fa;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\n\
             Sec-WebSocket-Version: 13\r\nOrigin: http://{address}\r\n{protocol}\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: keep-alive, Upgrade\r\n\
             Pragma: no-cache\r\nCache-Control: no-cache\r\nUpgrade: websocket\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        Ok(Client { stream, buffer: vec![0; 64 * 1024].into() })
    }

    fn send(&mut self, frame: &[u8]) {
        self.stream.write_all(frame).expect("the server takes what a client says");
    }

    /// Throws away what has come, and says how much it was.
    fn read(&mut self) -> usize {
        let mut sum = 0;
        loop {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => panic!("the server closed a connection"),
                Ok(n) if n < self.buffer.len() => return n + sum,
                Ok(n) => sum += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return sum,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Steps 6 and 7: what one event costs a flusher that writes it to all members of a room.
pub struct Delivering {
    local: LocalServer,
    room: Arc<Room>,
}

impl Delivering {
    /// In a room of so many.
    pub fn new(members: usize) -> Delivering {
        let (local, room) = LocalServer::with_members(members, Dialect::V1);
        Delivering { local, room }
    }
}

impl Work for Delivering {
    fn prepare(&mut self, _: usize) {
        self.local.empty();
        let (member, id) = (Id::new(0x5eed), None);
        let saying = Saying { member, id, name: NAME, content: MESSAGE, at: MOMENT };
        let said = self.local.server.broker.say(&self.room, saying);
        assert!(matches!(said, Said::Done(_)));
    }

    fn run(&mut self, _: usize) {
        self.local.work();
        assert_eq!(self.room.dirty().delivered(), self.room.head());
    }
}

/// Steps 1 to 7: from the bytes that one member sent to those that all members get.
pub struct Speaking {
    local: LocalServer,
    room: Arc<Room>,
    dialect: Dialect,
    said: u64,
}

impl Speaking {
    /// In a room of so many.
    pub fn new(members: usize, dialect: Dialect) -> Speaking {
        let (local, room) = LocalServer::with_members(members, dialect);
        Speaking { local, room, dialect, said: 0 }
    }
}

impl Work for Speaking {
    fn prepare(&mut self, _: usize) {
        self.local.empty();
        self.said += 1;
        let text = match self.dialect {
            Dialect::V1 => sample::send_v1(self.said),
            Dialect::Seed => sample::send_seed(),
        };
        let mut frame = Vec::new();
        write_masked_frame(&mut frame, Opcode::Text, text.as_bytes(), [0x37, 0xfa, 0x21, 0x3d]);
        self.local.clients[0].send(&frame);
        self.local.look();
    }

    fn run(&mut self, _: usize) {
        let head = self.room.head();
        self.local.work();
        if self.room.head() == head {
            // The kernel had not announced the bytes yet.
            let room = self.room.clone();
            self.local.work_until(|_| room.head() > head);
        }
        assert_eq!(self.room.dirty().delivered(), self.room.head());
    }
}

/// From the accept to the `welcome`, into a room of one's own.
pub struct Arriving {
    local: LocalServer,
    rooms: usize,
}

impl Arriving {
    /// In a server without rooms.
    pub fn new() -> Arriving {
        let local = LocalServer::open().expect("a server can be set up on the loopback");
        Arriving { local, rooms: 0 }
    }
}

impl Default for Arriving {
    fn default() -> Arriving {
        Arriving::new()
    }
}

impl Work for Arriving {
    fn prepare(&mut self, _: usize) {
        self.local.clients.clear();
        for _ in 0..4 {
            // Whoever went is struck off the shard's list.
            self.local.look();
            self.local.work();
        }
        self.rooms += 1;
        let room = format!("{ROOM}{:06}", self.rooms);
        self.local.knock(&room, "maryam", Dialect::V1);
    }

    fn run(&mut self, _: usize) {
        self.local.let_in(Dialect::V1);
    }
}
