//! What a member has said and the server has not acknowledged: it says that again, with the same ids, when it comes back.

use std::collections::VecDeque;

use crate::dialect::acknowledged;

/// Messages on their way, in the order in which they were said.
#[derive(Debug, Default, Clone)]
pub struct Outstanding(VecDeque<Vec<u8>>);

impl Outstanding {
    /// This was said.
    pub fn said(&mut self, message: &[u8]) {
        self.0.push_back(message.to_vec());
    }

    /// The server said this, which may be an acknowledgement.
    pub fn heard(&mut self, payload: &[u8]) {
        let Some(id) = acknowledged(payload) else { return };
        let holds = |message: &Vec<u8>| memchr::memmem::find(message, id).is_some();
        // Nearly always the first.
        if let Some(place) = self.0.iter().position(holds) {
            self.0.remove(place);
        }
    }

    /// What is still to be acknowledged.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// How much that is.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_is_not_said_again_and_the_rest_in_order() {
        let mut outstanding = Outstanding::default();
        for id in ["maaaaaaaa", "maaaaaaab", "maaaaaaac"] {
            outstanding.said(format!("{{\"type\":\"send\",\"id\":\"{id}\"}}").as_bytes());
        }
        outstanding.heard(br#"{"type":"ack","id":"maaaaaaab","offset":7}"#);
        outstanding.heard(br#"{"type":"ack","id":"maaaaaaab","offset":7}"#);
        outstanding.heard(br#"{"type":"message","id":"maaaaaaaa","offset":6}"#);
        let left: Vec<&[u8]> = outstanding.messages().collect();
        assert_eq!(outstanding.len(), 2);
        assert!(left[0].ends_with(b"aaaaa\"}") && left[1].ends_with(b"aaac\"}"), "{left:?}");
    }
}
