//! The generator against its own floor, and against a server that does wrong on purpose: what it says must be so.
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::common::{BENCH, bench, run_fanout};
use hamhame_ws::handshake::accept_key;
use hamhame_ws::{FrameHead, Opcode, Role, apply_mask, write_frame};
use serde_json::Value;

/// The floor as a process; ends with the test.
struct Floor {
    process: Child,
    url: String,
}

impl Floor {
    fn start() -> Self {
        let mut process =
            Command::new(BENCH).arg("floor").stdout(Stdio::piped()).spawn().expect("the floor");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on http").expect("the first line").to_owned();
        Self { process, url: format!("ws{url}") }
    }

    fn pid(&self) -> String {
        self.process.id().to_string()
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a server does to the deliveries of one member, beginning with its tenth message.
#[derive(Clone, Copy)]
enum Vice {
    None,
    Loses,
    Repeats,
    Swaps,
}

type Room = Arc<Mutex<Vec<Faulty>>>;

struct Faulty {
    stream: TcpStream,
    vice: Vice,
    count: u32,
    held: Option<Vec<u8>>,
}

impl Faulty {
    fn deliver(&mut self, text: &[u8]) {
        self.count += u32::from(text.windows(4).any(|at| at == b"hb1m"));
        let mut frame = Vec::new();
        write_frame(&mut frame, Opcode::Text, text);
        match (self.vice, self.count) {
            (Vice::Loses, 10) => return,
            (Vice::Repeats, 10) => frame.extend_from_within(..),
            (Vice::Swaps, 10) => {
                self.held = Some(frame);
                return;
            }
            _ => frame.extend(self.held.take().unwrap_or_default()),
        }
        // A member that has gone is no matter of this test.
        let _ = self.stream.write_all(&frame);
    }
}

/// A chatroom of a thread per connection. The second member of each room suffers the vice.
fn serve_faultily(vice: Vice) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut rooms: HashMap<String, Room> = HashMap::new();
        for stream in listener.incoming().map_while(Result::ok) {
            let (mut reader, head) = read_head(stream);
            let path = head.split(' ').nth(1).unwrap_or_default();
            let room = rooms.entry(path.split('/').nth(2).unwrap_or_default().to_owned());
            let room = room.or_default().clone();
            answer(&mut reader, &head);
            let vice = if room.lock().unwrap().len() == 1 { vice } else { Vice::None };
            let stream = reader.try_clone().unwrap();
            room.lock().unwrap().push(Faulty { stream, vice, count: 0, held: None });
            thread::spawn(move || while broadcast_one(&mut reader, &room).is_some() {});
        }
    });
    url
}

fn read_head(mut stream: TcpStream) -> (TcpStream, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).unwrap())
}

fn answer(stream: &mut TcpStream, head: &str) {
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = accept_key(key);
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .unwrap();
}

fn broadcast_one(stream: &mut TcpStream, room: &Room) -> Option<()> {
    let mut bytes = Vec::new();
    let (head, head_len) = loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
        if let Some(read) = FrameHead::read(&bytes, Role::Server).unwrap() {
            break read;
        }
    };
    assert_eq!(head_len, bytes.len());
    let mut payload = vec![0; head.payload_len as usize];
    stream.read_exact(&mut payload).ok()?;
    apply_mask(&mut payload, head.key.unwrap());
    if head.opcode == Opcode::Close {
        stream.shutdown(std::net::Shutdown::Both).ok()?;
    }
    if head.opcode == Opcode::Text {
        room.lock().unwrap().iter_mut().for_each(|member| member.deliver(&payload));
    }
    Some(())
}

fn faults_of(vice: Vice) -> (Value, Option<i32>) {
    let url = serve_faultily(vice);
    let (report, code) = run_fanout(&url, &["--rate", "200", "--rooms", "2"]);
    assert!(report["troubles"].as_object().unwrap().is_empty(), "{report}");
    (report["faults"].clone(), code)
}

#[test]
fn a_server_that_keeps_its_promises_is_not_accused() {
    let faults = serde_json::json!({"lost": 0, "duplicated": 0, "reordered": 0});
    assert_eq!(faults_of(Vice::None), (faults, Some(0)));
}

#[test]
fn a_lost_delivery_is_found() {
    let faults = serde_json::json!({"lost": 2, "duplicated": 0, "reordered": 0});
    assert_eq!(faults_of(Vice::Loses), (faults, Some(2)));
}

#[test]
fn a_delivery_that_comes_twice_is_found() {
    let faults = serde_json::json!({"lost": 0, "duplicated": 2, "reordered": 0});
    assert_eq!(faults_of(Vice::Repeats), (faults, Some(2)));
}

#[test]
fn deliveries_that_change_places_are_found() {
    let faults = serde_json::json!({"lost": 0, "duplicated": 0, "reordered": 2});
    assert_eq!(faults_of(Vice::Swaps), (faults, Some(2)));
}

#[test]
fn the_floor_delivers_everything_in_a_closed_loop() {
    let floor = Floor::start();
    let own = ["--rooms", "2", "--senders", "3", "--window", "4", "--server-pid", &floor.pid()];
    let (report, code) = run_fanout(&floor.url, &own);
    assert_eq!(code, Some(0), "{report}");
    let figures = &report["figures"];
    assert!(figures["deliveries"].as_f64().unwrap() > 0.0);
    assert!(figures["cpu_per_delivery_ns"].as_f64().unwrap() > 0.0);
    assert!(report["latencies"]["delivery"]["count"].as_u64().unwrap() > 0);
}

#[test]
fn members_that_stall_are_no_fault_of_the_others() {
    let floor = Floor::start();
    let pid = floor.pid();
    let own = ["--rooms", "2", "--stalled", "3", "--rate", "200", "--server-pid", &pid];
    let (report, code) = run_fanout(&floor.url, &own);
    assert_eq!(code, Some(0), "{report}");
    // Of three members in each of two rooms, one and two are left.
    let figure = |name: &str| report["figures"][name].as_f64().unwrap();
    assert!(figure("deliveries_per_second") < figure("messages_per_second") * 2.0, "{report}");
}

#[test]
fn messages_larger_than_every_buffer_come_through() {
    let floor = Floor::start();
    let (report, code) = run_fanout(&floor.url, &["--rate", "20", "--size", "600000"]);
    assert_eq!(code, Some(0), "{report}");
    assert!(report["figures"]["deliveries"].as_f64().unwrap() > 0.0);
}

#[test]
fn idle_connect_and_mixed_run_and_say_what_they_are_for() {
    let floor = Floor::start();
    let pid = floor.pid();
    let common = ["--url", &floor.url, "--server-pid", &pid];
    let runs: [(&[&str], &str); 3] = [
        (&["idle", "--connections", "200", "--settle", "0.1"], "memory per connection"),
        (&["connect", "--connections", "200", "--settle", "0.1"], "CPU per handshake"),
        (
            &["mixed", "--large", "50", "--rooms", "2", "--members", "3", "--seconds", "0.3"],
            "delivery in the small rooms",
        ),
    ];
    for (arguments, wanted) in runs {
        let output = bench(&[arguments, &common].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains(wanted), "{text}{errors}");
        assert!(text.contains("all kept"), "{text}");
    }
}

#[test]
fn a_server_that_is_not_there_is_an_error_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = bench(&["connect", "--url", &url, "--connections", "1"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("refused"), "{errors}");
    assert_eq!(output.status.code(), Some(1));
}
