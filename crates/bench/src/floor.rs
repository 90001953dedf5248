//! The floor: the least that broadcasting over WebSocket can cost a process with one thread and ordinary
//! system calls.
//!
//! One epoll loop. All that a wake-up brings is read first and put behind each other per room; then every
//! member gets it in one write. Nothing is parsed but frames: the text that came is put as it is into an
//! event as large as that of the servers to compare with. There are no notices, no limits, no time-outs, and
//! the clock is not read, so this is no chatroom; it is what is left of one when everything else costs
//! nothing.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::{Context, Result};
use hamhame_ws::handshake::accept_key;
use hamhame_ws::{FrameHead, Opcode, Role, apply_mask, frame_header, write_frame};

use crate::poller::{Interest, Poller, Ready};

const LISTENER: usize = usize::MAX;
const BUFFER: usize = 64 * 1024;
/// What a member may be behind; with more it is cut off.
const MAX_REST: usize = 64 * 1024 * 1024;

#[derive(Debug)]
struct Member {
    stream: TcpStream,
    /// The start of a head or frame that has not come in full.
    unread: Vec<u8>,
    /// What the socket did not take.
    rest: Vec<u8>,
    /// After the handshake: its room and its name.
    seat: Option<(usize, Box<str>)>,
}

#[derive(Debug)]
struct Room {
    name: String,
    members: Vec<usize>,
    /// Frames of this wake-up.
    batch: Vec<u8>,
}

#[derive(Debug)]
struct Broadcaster {
    listener: TcpListener,
    poller: Poller,
    members: Vec<Option<Member>>,
    vacant: Vec<usize>,
    rooms: Vec<Room>,
    by_name: HashMap<String, usize>,
    dirty: Vec<usize>,
    buffer: Vec<u8>,
}

/// Serves until the process ends. The first line on standard output is `listening on http://ADDR:PORT`.
///
/// # Errors
///
/// The address cannot be listened on, or epoll fails.
pub fn serve(address: SocketAddr) -> Result<()> {
    rlimit::increase_nofile_limit(u64::MAX).context("the limit of open files")?;
    let listener = listen(address).with_context(|| format!("listening on {address}"))?;
    let poller = Poller::new()?;
    poller.add(&listener, LISTENER, Interest::Read)?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut floor = Broadcaster {
        listener,
        poller,
        members: Vec::new(),
        vacant: Vec::new(),
        rooms: Vec::new(),
        by_name: HashMap::new(),
        dirty: Vec::new(),
        buffer: vec![0; BUFFER],
    };
    let mut ready = Vec::new();
    loop {
        floor.poller.wait(None, &mut ready)?;
        for event in &ready {
            floor.turn(event);
        }
        floor.deliver();
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

impl Broadcaster {
    fn turn(&mut self, event: &Ready) {
        let number = event.token;
        if number == LISTENER {
            while let Ok((stream, _)) = self.listener.accept() {
                self.admit(stream);
            }
            return;
        }
        let alive = (!event.writable || self.write_rest(number))
            && (!event.readable || self.read(number).unwrap_or(false));
        if !alive {
            self.dismiss(number);
        }
    }

    fn admit(&mut self, stream: TcpStream) {
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.members.push(None);
            self.members.len() - 1
        });
        let watched = stream
            .set_nonblocking(true)
            .and_then(|()| stream.set_nodelay(true))
            .and_then(|()| self.poller.add(&stream, number, Interest::Read));
        if watched.is_err() {
            self.vacant.push(number);
            return;
        }
        let member = Member { stream, unread: Vec::new(), rest: Vec::new(), seat: None };
        self.members[number] = Some(member);
    }

    fn dismiss(&mut self, number: usize) {
        let Some(member) = self.members[number].take() else { return };
        self.vacant.push(number);
        if let Some((room, _)) = member.seat {
            self.rooms[room].members.retain(|other| *other != number);
        }
    }

    /// Reads once; `false` if the member is to go.
    fn read(&mut self, number: usize) -> io::Result<bool> {
        let Self { members, buffer, rooms, by_name, dirty, .. } = self;
        let Some(member) = &mut members[number] else { return Ok(true) };
        let kept = member.unread.len();
        if kept >= buffer.len() / 2 {
            buffer.resize(kept * 4, 0);
        }
        buffer[..kept].copy_from_slice(&member.unread);
        let count = match member.stream.read(&mut buffer[kept..]) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        let bytes = &mut buffer[..kept + count];
        let mut at = 0;
        if member.seat.is_none() {
            let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
                member.unread = bytes.to_vec();
                return Ok(bytes.len() < BUFFER / 4);
            };
            at = end + 4;
            let Some((answer, room, client)) = shake_hands(&bytes[..at]) else { return Ok(false) };
            let room = *by_name.entry(room).or_insert_with_key(|name| {
                rooms.push(Room { name: name.clone(), members: Vec::new(), batch: Vec::new() });
                rooms.len() - 1
            });
            member.stream.write_all(answer.as_bytes())?;
            member.seat = Some((room, client.into()));
            rooms[room].members.push(number);
        }
        let Some((room, client)) = &member.seat else { return Ok(false) };
        let (room_number, room) = (*room, &mut rooms[*room]);
        let was_empty = room.batch.is_empty();
        let Some(read) = read_frames(&mut bytes[at..], room, client, &mut member.rest) else {
            return Ok(false);
        };
        if was_empty && !room.batch.is_empty() {
            dirty.push(room_number);
        }
        member.unread.clear();
        member.unread.extend_from_slice(&bytes[at + read..]);
        if member.unread.is_empty() {
            member.unread = Vec::new();
        }
        Ok(member.rest.is_empty() || self.write_rest(number))
    }

    /// Every member of a room that has something gets it, in one write.
    fn deliver(&mut self) {
        let mut gone = Vec::new();
        for room in self.dirty.drain(..) {
            let Room { members, batch, .. } = &mut self.rooms[room];
            for &number in &*members {
                let Some(member) = &mut self.members[number] else { continue };
                let waiting = !member.rest.is_empty();
                let written = match (waiting, member.stream.write(batch)) {
                    (false, Ok(written)) => written,
                    (false, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                        gone.push(number);
                        continue;
                    }
                    _ => 0,
                };
                if written < batch.len() {
                    member.rest.extend_from_slice(&batch[written..]);
                    let watched = self.poller.change(&member.stream, number, Interest::Both);
                    if watched.is_err() || member.rest.len() > MAX_REST {
                        gone.push(number);
                    }
                }
            }
            batch.clear();
        }
        gone.into_iter().for_each(|number| self.dismiss(number));
    }

    /// Writes what a member's socket did not take before; `false` if the member is to go.
    fn write_rest(&mut self, number: usize) -> bool {
        let Some(member) = &mut self.members[number] else { return true };
        while !member.rest.is_empty() {
            match member.stream.write(&member.rest) {
                Ok(written) => drop(member.rest.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.poller.change(&member.stream, number, Interest::Both).is_ok();
                }
                Err(_) => return false,
            }
        }
        member.rest = Vec::new();
        self.poller.change(&member.stream, number, Interest::Read).is_ok()
    }
}

/// Puts the texts at the start of `bytes` into the room's batch and answers to pings into `replies`; the
/// bytes read, or `None` if the member is to go.
fn read_frames(
    bytes: &mut [u8],
    room: &mut Room,
    client: &str,
    replies: &mut Vec<u8>,
) -> Option<usize> {
    let mut at = 0;
    loop {
        let Some((head, head_len)) = FrameHead::read(&bytes[at..], Role::Server).ok()? else {
            return Some(at);
        };
        let start = at + head_len;
        let end = start + usize::try_from(head.payload_len).ok().filter(|len| *len <= 1 << 24)?;
        let Some(payload) = bytes.get_mut(start..end) else { return Some(at) };
        apply_mask(payload, head.key?);
        match head.opcode {
            Opcode::Text => write_event(room, client, payload),
            Opcode::Ping => write_frame(replies, Opcode::Pong, payload),
            Opcode::Close => return None,
            _ => {}
        }
        at = end;
    }
}

fn write_event(Room { name, batch, .. }: &mut Room, client: &str, payload: &[u8]) {
    let parts: [&[u8]; 7] = [
        b"{\"type\":\"message\",\"room_id\":\"",
        name.as_bytes(),
        b"\",\"client_id\":\"",
        client.as_bytes(),
        b"\",\"timestamp\":\"2026-11-21T03:29:26.000000+00:00\",\"sent\":",
        payload,
        b"}",
    ];
    let len = parts.iter().map(|part| part.len()).sum();
    batch.extend_from_slice(&frame_header(Opcode::Text, len, true));
    for part in parts {
        batch.extend_from_slice(part);
    }
}

/// The answer to the upgrade, the room and the client's name.
fn shake_hands(head: &[u8]) -> Option<(String, String, String)> {
    let head = std::str::from_utf8(head).ok()?;
    let path = head.strip_prefix("GET ")?.split(' ').next()?;
    let (room, client) = path.strip_prefix("/ws/")?.split_once('/')?;
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then_some(value.trim())
    })?;
    let accept = accept_key(key);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Some((answer, room.to_owned(), client.to_owned()))
}
