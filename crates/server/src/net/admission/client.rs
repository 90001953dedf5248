//! One client address: what it has here, and what it may still do.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use hamhame_core::limits::SharedBucket;

use crate::clock;
use crate::config::Options;
use crate::net::network::network;

/// Addresses that are looked at, to be forgotten, whenever one is asked for.
const LOOKED_AT: usize = 2;

/// What any address may.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Messages: how many at once, and per second.
    messages: Option<(u32, f64)>,
    /// Rooms that it opened.
    rooms: u32,
}

impl Most {
    /// By the options; everything with `--limits off`.
    pub fn of(options: &Options) -> Most {
        let address = &options.address;
        let messages = (address.address_message_burst, address.address_message_rate);
        match options.limited() {
            true => Most { messages: Some(messages), rooms: address.max_rooms_per_address },
            false => Most { messages: None, rooms: u32::MAX },
        }
    }
}

/// One address, in IPv6 one network of 64 bits, as long as anything of it is here.
#[derive(Debug)]
pub struct Client {
    network: IpAddr,
    connections: AtomicU32,
    sessions: AtomicU32,
    rooms: AtomicU32,
    most_rooms: u32,
    messages: Option<SharedBucket>,
}

/// A room that an address opened: it counts for it until this is dropped.
#[derive(Debug)]
pub struct Founded(Arc<Client>);

/// A session over HTTP: it counts for its address until this is dropped.
#[derive(Debug)]
pub struct Seat(Arc<Client>);

impl Client {
    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        // Of `::1` the network is `::`, which is nobody else's.
        self.network.is_loopback() || self.network.is_unspecified()
    }

    fn new(network: IpAddr, most: &Most) -> Client {
        Client {
            network,
            connections: AtomicU32::new(0),
            sessions: AtomicU32::new(0),
            rooms: AtomicU32::new(0),
            most_rooms: most.rooms,
            messages: most.messages.map(|(burst, rate)| SharedBucket::new(burst, rate)),
        }
    }

    /// The address, or the first of the network.
    pub fn network(&self) -> IpAddr {
        self.network
    }

    /// One more connection; how many there are now. `None` if there would be more than `most`.
    pub fn connect(&self, most: u32) -> Option<u32> {
        add(&self.connections, most)
    }

    /// One connection fewer.
    pub fn disconnect(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }

    /// One more session over HTTP. `None` if there would be more than `most`.
    pub fn sit(self: &Arc<Self>, most: u32) -> Option<Seat> {
        add(&self.sessions, most).map(|_| Seat(self.clone()))
    }

    /// One more room that it opened.
    ///
    /// # Errors
    /// With the number that it may have opened, if it has.
    pub fn found(self: &Arc<Self>) -> Result<Founded, u32> {
        let most = self.most_rooms;
        add(&self.rooms, most).map(|_| Founded(self.clone())).ok_or(most)
    }

    /// Takes one of the messages that all sessions of the address may send, or says after how long there is one.
    ///
    /// # Errors
    /// There is none now.
    pub fn take_message(&self, now: Duration) -> Result<(), Duration> {
        self.messages.as_ref().map_or(Ok(()), |messages| messages.try_take(now))
    }

    /// Whether a new entry would say the same of the address.
    fn is_as_new(self: &Arc<Self>, now: Duration) -> bool {
        // Whatever counts for it holds it, and so do those who may yet take messages.
        Arc::strong_count(self) == 1
            && self.messages.as_ref().is_none_or(|messages| messages.is_full(now))
    }
}

impl Drop for Founded {
    fn drop(&mut self) {
        self.0.rooms.fetch_sub(1, Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Relaxed);
    }
}

fn add(counter: &AtomicU32, most: u32) -> Option<u32> {
    let before = counter.fetch_update(Relaxed, Relaxed, |n| (n < most).then(|| n + 1));
    before.ok().map(|before| before + 1)
}

/// The addresses of which anything is here, and those that were a moment ago and have not all of their messages back: else
/// who comes again would have a burst each time.
///
/// All stand in a queue from which two are looked at whenever an address is asked for, so there are never many more than
/// are in use.
#[derive(Debug)]
pub struct Clients {
    most: Most,
    by_network: HashMap<IpAddr, Arc<Client>>,
    queue: VecDeque<IpAddr>,
}

impl Clients {
    /// Nobody.
    pub fn new(most: Most) -> Clients {
        Clients { most, by_network: HashMap::new(), queue: VecDeque::new() }
    }

    /// Addresses that are remembered.
    pub fn len(&self) -> usize {
        self.by_network.len()
    }

    /// The entry of an address.
    pub fn find_or_make(&mut self, address: IpAddr) -> Arc<Client> {
        let network = network(address);
        let (queue, most) = (&mut self.queue, &self.most);
        let client = self.by_network.entry(network).or_insert_with(|| {
            queue.push_back(network);
            Arc::new(Client::new(network, most))
        });
        let client = client.clone();
        self.forget(clock::uptime());
        client
    }

    fn forget(&mut self, now: Duration) {
        for _ in 0..LOOKED_AT {
            let Some(network) = self.queue.pop_front() else { return };
            let as_new = self.by_network.get(&network).is_none_or(|client| client.is_as_new(now));
            if as_new {
                self.by_network.remove(&network);
            } else {
                self.queue.push_back(network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(burst: u32) -> Clients {
        // One message comes back in 11 days.
        Clients::new(Most { messages: Some((burst, 1e-6)), rooms: 2 })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_of_64_bits_is_one_address_in_ipv6_and_an_address_is_one_in_ipv4() {
        for (one, other, same) in [
            ("2001:db8::1", "2001:db8::ffff:0:0:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "192.0.2.2", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
        ] {
            assert_eq!(network(address(one)) == network(address(other)), same, "{one} {other}");
        }
    }

    #[test]
    fn who_comes_again_has_no_new_burst() {
        let mut clients = clients(2);
        let now = Duration::from_secs(1);
        for n in 0..4 {
            let client = clients.find_or_make(address("192.0.2.1"));
            assert_eq!(client.take_message(now).is_ok(), n < 2, "message {n}");
        }
        assert_eq!(clients.len(), 1);
    }

    #[test]
    fn who_is_gone_and_has_said_nothing_is_forgotten() {
        let mut clients = clients(2);
        let here = clients.find_or_make(address("192.0.2.1"));
        let talker = clients.find_or_make(address("192.0.2.2"));
        talker.take_message(Duration::from_secs(1)).unwrap();
        let room = clients.find_or_make(address("192.0.2.3")).found().unwrap();
        drop(talker);
        for n in 0..10_000u32 {
            clients.find_or_make(IpAddr::from((n + (10 << 24)).to_be_bytes()));
            assert!(clients.len() <= 8, "{n}: {}", clients.len());
        }
        assert!(Arc::ptr_eq(&here, &clients.find_or_make(address("192.0.2.1"))));
        assert_eq!(clients.find_or_make(address("192.0.2.3")).rooms.load(Relaxed), 1);
        drop(room);
    }

    #[test]
    fn rooms_count_until_they_are_gone() {
        let mut clients = clients(1);
        let client = clients.find_or_make(address("192.0.2.1"));
        let one = client.found().unwrap();
        let _two = client.found().unwrap();
        assert_eq!(client.found().map(drop), Err(2));
        drop(one);
        assert!(client.found().is_ok());
    }
}
