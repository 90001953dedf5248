//! Session tokens: who holds one may take the session over.
//!
//! A token carries its session and member and is sealed with an HMAC over the room and the name, so the server stores
//! nothing for those who left and any node with the same secret accepts it.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hamhame_core::id::Id;
use hamhame_core::name::{Name, RoomName};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

const SEAL: usize = 16;

/// What a token proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The session it takes over.
    pub session: Id,
    /// The public identity that the session has in the room.
    pub member: Id,
}

/// Identifiers fetched from the system at once: one system call serves so many.
const STOCK: usize = 64;

thread_local! {
    /// Random bytes of the system that were not given out yet. Each is used once.
    static RANDOM: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A random identifier, straight from the system's generator. Falls back on the hasher's per-process keys if the system
/// gives no randomness: identifiers need to be unique, tokens alone need to be secret.
pub fn random_id() -> u64 {
    RANDOM.with_borrow_mut(|stock| {
        if stock.is_empty() {
            let mut bytes = [0u8; STOCK * 8];
            if getrandom::fill(&mut bytes).is_ok() {
                let (words, _) = bytes.as_chunks::<8>();
                stock.extend(words.iter().map(|word| u64::from_ne_bytes(*word)));
            }
        }
        stock.pop().unwrap_or_else(|| RandomState::new().hash_one(crate::clock::micros()))
    })
}

/// Makes and checks tokens with one secret.
pub struct Sealer {
    mac: Hmac<Sha256>,
}

impl Sealer {
    /// With the operator's secret, or a random one that ends with the process.
    pub fn new(secret: Option<&str>) -> std::io::Result<Sealer> {
        let mut random = [0u8; 32];
        let key = match secret {
            Some(secret) => secret.as_bytes(),
            None => {
                getrandom::fill(&mut random).map_err(std::io::Error::other)?;
                &random
            }
        };
        let mac = Hmac::new_from_slice(key).map_err(std::io::Error::other)?;
        Ok(Sealer { mac })
    }

    /// The token for `proof` in this room under this name.
    pub fn seal(&self, proof: Proof, room: &RoomName, name: &Name) -> String {
        let mut bytes = [0u8; 16 + SEAL];
        bytes[..8].copy_from_slice(&proof.session.get().to_be_bytes());
        bytes[8..16].copy_from_slice(&proof.member.get().to_be_bytes());
        let seal = self.compute(&bytes[..16], room, name);
        bytes[16..].copy_from_slice(&seal);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What `token` proves here; `None` if it was made elsewhere or for another room or name.
    pub fn open(&self, token: &str, room: &RoomName, name: &Name) -> Option<Proof> {
        let bytes = decode(token)?;
        let (ids, seal) = bytes.split_at(16);
        let holds = bool::from(self.compute(ids, room, name).ct_eq(seal));
        holds.then(|| claim(&bytes))
    }

    fn compute(&self, ids: &[u8], room: &RoomName, name: &Name) -> [u8; SEAL] {
        let mut mac = self.mac.clone();
        mac.update(ids);
        mac.update(&(room.key().len() as u64).to_be_bytes());
        mac.update(room.key().as_bytes());
        mac.update(name.key().as_bytes());
        let full = mac.finalize().into_bytes();
        let mut seal = [0; SEAL];
        seal.copy_from_slice(&full[..SEAL]);
        seal
    }
}

/// What `token` says and does not prove: to find out for which name it has to be [opened](Sealer::open).
pub fn claimed(token: &str) -> Option<Proof> {
    decode(token).map(|bytes| claim(&bytes))
}

fn decode(token: &str) -> Option<[u8; 16 + SEAL]> {
    let mut bytes = [0u8; 16 + SEAL];
    let length = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()?;
    (length == bytes.len()).then_some(bytes)
}

fn claim(bytes: &[u8; 16 + SEAL]) -> Proof {
    let (ids, _) = bytes.as_chunks::<8>();
    let id = |at: usize| Id::new(u64::from_be_bytes(ids[at]));
    Proof { session: id(0), member: id(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_identifier_is_given_twice_on_any_thread() {
        let draw = || (0..STOCK * 3).map(|_| random_id()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let mut all: Vec<u64> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
        let drawn = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), drawn);
        // Of 64 bits each, about half are set: nothing of the stock is handed out unfilled.
        let ones: u32 = all.iter().map(|id| id.count_ones()).sum();
        assert!((28..36).contains(&(ones / drawn as u32)), "{ones} bits in {drawn}");
    }

    #[test]
    fn a_token_opens_only_for_its_own_room_name_and_server() {
        let sealer = Sealer::new(Some("0123456789abcdef")).unwrap();
        let other = Sealer::new(None).unwrap();
        let (room, name) = (RoomName::parse("r").unwrap(), Name::parse("n").unwrap());
        let proof = Proof { session: Id::new(1), member: Id::new(2) };
        let token = sealer.seal(proof, &room, &name);
        assert_eq!(sealer.open(&token, &room, &name), Some(proof));
        assert_eq!(sealer.open(&token, &RoomName::parse("s").unwrap(), &name), None);
        assert_eq!(sealer.open(&token, &room, &Name::parse("m").unwrap()), None);
        assert_eq!(other.open(&token, &room, &name), None);
        for at in 0..token.len() {
            let mut bad = token.clone().into_bytes();
            bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(sealer.open(&String::from_utf8(bad).unwrap(), &room, &name), None);
        }
        for bad in ["", "A", "!", &token[1..], &format!("{token}A"), &"A".repeat(10_000)] {
            assert_eq!(sealer.open(bad, &room, &name), None);
        }
    }
}
