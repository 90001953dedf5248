//! The generator against an HTTP API that does wrong on purpose: on the transports of HTTP, too, what it says must be so.
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::run_fanout;
use serde_json::{Value, json};

/// What the API does to the tenth message for one member of each room.
#[derive(Clone, Copy, PartialEq)]
enum Vice {
    None,
    Loses,
    Repeats,
    Swaps,
}

/// The events of a room, and how many members it has.
#[derive(Default)]
struct Room {
    state: Mutex<(Vec<String>, usize)>,
    grown: Condvar,
}

struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

fn serve(vice: Vice) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let rooms: Arc<Mutex<HashMap<String, Arc<Room>>>> = Arc::default();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let rooms = rooms.clone();
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                while let Some(request) = read(&mut stream) {
                    let room = request.path.split('/').nth(3).unwrap().to_owned();
                    let room = rooms.lock().unwrap().entry(room).or_default().clone();
                    if answer(stream.get_mut(), &request, &room, vice).is_none() {
                        break;
                    }
                }
            });
        }
    });
    url
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|&count| count > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = HashMap::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let mut words = first.split(' ').map(str::to_owned);
    Some(Request { method: words.next()?, path: words.next()?, headers, body })
}

/// `None` if nothing more can be said on the connection.
fn answer(stream: &mut TcpStream, request: &Request, room: &Room, vice: Vice) -> Option<()> {
    let mut state = room.state.lock().unwrap();
    let path = request.path.splitn(5, '/').nth(4).unwrap();
    let (status, body) = match (&*request.method, path.split('?').next().unwrap()) {
        ("POST", "sessions") => {
            state.1 += 1;
            let position = format!("e:{}", state.0.len());
            (201, json!({"token": state.1.to_string(), "position": position}).to_string())
        }
        ("POST", "messages") => {
            let said: Value = serde_json::from_slice(&request.body).unwrap();
            let offset = state.0.len() + 1;
            let content = said["content"].as_str().unwrap();
            state
                .0
                .push(format!(r#"{{"type":"message","content":"{content}","offset":{offset}}}"#));
            room.grown.notify_all();
            (201, json!({ "offset": offset }).to_string())
        }
        ("GET", "events") => {
            let query = path.split_once('?').unwrap().1;
            let parameter = |name| query.split('&').find_map(|pair: &str| pair.strip_prefix(name));
            let mut after = parameter("after=e:").unwrap().parse().unwrap();
            let suffers = request.headers["authorization"] == "Bearer 2";
            let vice = if suffers { vice } else { Vice::None };
            let streams = request.headers["accept"] == "text/event-stream";
            if streams {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                stream.write_all(head.as_bytes()).ok()?;
            }
            loop {
                let (events, position) = after_vice(&state.0, after, vice);
                after = position;
                if streams {
                    for event in events {
                        let event = format!("id: e:{after}\ndata: {event}\n\n");
                        write!(stream, "{:x}\r\n{event}\r\n", event.len()).ok()?;
                    }
                } else if !events.is_empty() || parameter("wait=").is_none() {
                    let events = events.join(",");
                    break (200, format!(r#"{{"events":[{events}],"position":"e:{after}"}}"#));
                }
                state = room.grown.wait_timeout(state, Duration::from_secs(20)).unwrap().0;
            }
        }
        ("DELETE", "sessions/current") => (204, String::new()),
        _ => (404, String::new()),
    };
    drop(state);
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} -\r\nContent-Length: {length}\r\n\r\n{body}").ok()
}

/// The events behind the first `after`, as a member with that vice gets them, and how many it has got then.
fn after_vice(log: &[String], after: usize, vice: Vice) -> (Vec<&str>, usize) {
    let measured = log.iter().enumerate().filter(|(_, event)| event.contains("hb1m"));
    let tenth = measured.map(|(at, _)| at).nth(9);
    let mut events: Vec<&str> = log[after..].iter().map(|event| &**event).collect();
    if let Some(tenth) = tenth.and_then(|at| at.checked_sub(after)) {
        match vice {
            Vice::None => {}
            Vice::Loses => drop(events.remove(tenth)),
            Vice::Repeats => events.insert(tenth, events[tenth]),
            Vice::Swaps if tenth + 1 < events.len() => events.swap(tenth, tenth + 1),
            Vice::Swaps => {
                // Kept back until there is something to swap it with.
                events.truncate(tenth);
                return (events, after + tenth);
            }
        }
    }
    (events, log.len())
}

const TRANSPORTS: [&[&str]; 3] = [
    &["--transport", "sse"],
    &["--transport", "long-polling"],
    &["--transport", "polling", "--interval", "0.05"],
];

fn faults_of(vice: Vice, transport: &[&str]) -> (Value, Option<i32>) {
    let url = serve(vice);
    let own = ["--rate", "100", "--rooms", "2"];
    let (report, code) = run_fanout(&url, &[&own, transport].concat());
    assert!(report["figures"]["deliveries"].as_f64().unwrap() > 0.0, "{report}");
    (report["faults"].clone(), code)
}

#[test]
fn an_api_that_keeps_its_promises_is_not_accused() {
    for transport in TRANSPORTS {
        let faults = json!({"lost": 0, "duplicated": 0, "reordered": 0});
        assert_eq!(faults_of(Vice::None, transport), (faults, Some(0)), "{transport:?}");
    }
}

#[test]
fn a_delivery_that_an_api_loses_is_found() {
    for transport in TRANSPORTS {
        let faults = json!({"lost": 2, "duplicated": 0, "reordered": 0});
        assert_eq!(faults_of(Vice::Loses, transport), (faults, Some(2)), "{transport:?}");
    }
}

#[test]
fn a_delivery_that_an_api_repeats_is_found() {
    for transport in TRANSPORTS {
        let faults = json!({"lost": 0, "duplicated": 2, "reordered": 0});
        assert_eq!(faults_of(Vice::Repeats, transport), (faults, Some(2)), "{transport:?}");
    }
}

#[test]
fn deliveries_that_change_places_in_an_api_are_found() {
    for transport in TRANSPORTS {
        let (faults, code) = faults_of(Vice::Swaps, transport);
        assert_eq!((&faults["lost"], &faults["duplicated"]), (&json!(0), &json!(0)), "{faults}");
        // One in each room; two where the member that suffers is the first to see them, as the others then differ from it.
        let reordered = faults["reordered"].as_u64().expect("a number");
        assert!((2..=4).contains(&reordered) && code == Some(2), "{transport:?}: {faults}");
    }
}
