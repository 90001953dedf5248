//! Server-Sent Events: one answer that does not end, and in it event after event.

use std::convert::Infallible;

use http_body_util::BodyExt;
use serde::Deserialize;

use super::api::{Requests, Session, broken, speak, unfit};
use crate::guest::End;
use crate::member::{Member, Place};

pub(super) async fn live(member: &mut Member) -> Result<Infallible, End> {
    let Member { place, orders } = member;
    let mut requests = Requests::new(place);
    let session = requests.join().await?;
    tokio::select! {
        end = read(place, requests, &session) => end,
        end = speak(place, &session, orders) => end,
    }
}

async fn read(
    place: &Place,
    mut requests: Requests<'_>,
    session: &Session,
) -> Result<Infallible, End> {
    let query = format!("after={}", session.position);
    let mut body = requests.events(session, &query, "text/event-stream").await?.into_body();
    let mut stream = EventStream::default();
    // The stream has the other connection for itself.
    let mut answers = Requests::new(place);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            let mut asked = false;
            stream.take(&data, |name, data| match name {
                b"close" => Err(closed(data)?),
                b"probe" => {
                    asked = true;
                    Ok(())
                }
                _ => {
                    place.ears.hear(data);
                    Ok(())
                }
            })?;
            if asked {
                answers.renew(session).await?;
            }
        }
    }
    Err(End::Broken("the server ended the stream".to_owned()))
}

fn closed(data: &[u8]) -> Result<End, End> {
    #[derive(Deserialize)]
    struct Close {
        code: u16,
    }
    let Close { code } = serde_json::from_slice(data).map_err(unfit)?;
    Ok(End::Closed(code))
}

/// The part of the format (HTML, section 9.2.6) that the server uses: lines that end with a line feed, one `data` for each event.
#[derive(Default)]
struct EventStream {
    /// A line that has not ended.
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
}

impl EventStream {
    /// Calls `on` with name and data of every event that `bytes` completes.
    fn take(
        &mut self,
        bytes: &[u8],
        mut on: impl FnMut(&[u8], &[u8]) -> Result<(), End>,
    ) -> Result<(), End> {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            if self.line.is_empty() {
                read_line(line, &mut self.name, &mut self.data);
            } else {
                self.line.extend_from_slice(line);
                read_line(&self.line, &mut self.name, &mut self.data);
            }
            let blank = line.is_empty() && self.line.is_empty();
            self.line.clear();
            if blank {
                if !self.data.is_empty() {
                    on(&self.name, &self.data)?;
                }
                self.name.clear();
                self.data.clear();
            }
        }
        self.line.extend_from_slice(rest);
        Ok(())
    }
}

fn read_line(line: &[u8], name: &mut Vec<u8>, data: &mut Vec<u8>) {
    if let Some(value) = line.strip_prefix(b"data: ") {
        data.extend_from_slice(value);
    } else if let Some(value) = line.strip_prefix(b"event: ") {
        name.extend_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let text = b"retry: 1000\n\nevent: position\nid: e:1\ndata: {\"a\":1}\n\nid: e:2\ndata: {}\n\n: beat\n\n";
        for cut in 0..text.len() {
            let mut stream = EventStream::default();
            let mut events = Vec::new();
            for part in [&text[..cut], &text[cut..]] {
                let taken = stream.take(part, |name, data| {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    events.push((text(name), text(data)));
                    Ok(())
                });
                assert_eq!(taken, Ok(()));
            }
            let event = |name: &str, data: &str| (name.to_owned(), data.to_owned());
            assert_eq!(events, [event("position", "{\"a\":1}"), event("", "{}")], "cut at {cut}");
        }
    }
}
