//! What carries the requests of one client: connections of HTTP/1.1, or streams of one connection of HTTP/2 or HTTP/3.

use std::pin::Pin;

use http::{HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::{Door, H2, H3, HttpResponse, within};

/// What an answer comes on. Who drops it wants no more of it.
pub type Body = Pin<Box<dyn AsyncRead + Send + Sync>>;

/// How a server is asked.
#[derive(Clone)]
pub enum Line {
    /// Each request on a connection of its own.
    Http1(Door),
    /// All on one.
    Http2(H2),
    /// All on one.
    Http3(H3),
}

impl Line {
    /// Asks, with these lines as headers, and waits for all of the answer.
    pub async fn ask(&self, method: &str, target: &str, head: &str, body: &str) -> HttpResponse {
        self.try_ask(method, target, head, body).await.expect("an HTTP answer")
    }

    /// The same over HTTP/1.1 of a server that may end meanwhile: `None` if its answer does not come, or not all of it.
    pub async fn try_ask(
        &self,
        method: &str,
        target: &str,
        head: &str,
        body: &str,
    ) -> Option<HttpResponse> {
        let length = match (method, body.len()) {
            ("GET" | "HEAD" | "DELETE" | "OPTIONS", 0) => String::new(),
            (_, length) => format!("Content-Length: {length}\r\n"),
        };
        if let Line::Http1(door) = self {
            let head = format!("Connection: close\r\n{head}{length}");
            let request = written(*door, method, target, &head);
            let mut stream = door.connect().await.ok()?;
            // One who is sent away need not be read to the end.
            let _ = within("the request", stream.write_all((request + body).as_bytes())).await;
            let text = read(Box::pin(stream)).await;
            let (head, body) = text.split_once("\r\n\r\n")?;
            let answer = HttpResponse::new(head.to_owned(), body.to_owned());
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            let is_whole =
                method == "HEAD" || length.is_none_or(|length: usize| length == body.len());
            return is_whole.then_some(answer);
        }
        let (head, stream) = self.begin(method, target, &format!("{head}{length}"), body).await;
        Some(HttpResponse::new(head, read(stream).await))
    }

    /// Asks for something that comes bit by bit. Gives the head, as HTTP/1.1 would write it, and what follows; over HTTP/1.1 both
    /// come together, or `None` if the server is not there.
    pub async fn try_open(&self, target: &str, head: &str) -> Option<(String, Body)> {
        let Line::Http1(door) = self else {
            return Some(self.begin("GET", target, head, "").await);
        };
        let mut stream = door.connect_narrowly().await.ok()?;
        let request = written(*door, "GET", target, head);
        within("the request", stream.write_all(request.as_bytes())).await.ok()?;
        Some((String::new(), Box::pin(stream)))
    }

    async fn begin(&self, method: &str, target: &str, head: &str, body: &str) -> (String, Body) {
        let mut request = match self {
            Line::Http2(h2) => h2.request(method, target),
            Line::Http3(h3) => h3.request(method, target),
            Line::Http1(_) => unreachable!("its requests are written"),
        };
        for line in head.lines() {
            let (name, value) = line.split_once(": ").expect("a header");
            let name: HeaderName = name.parse().expect("a name");
            request.headers_mut().append(name, HeaderValue::from_str(value).expect("a value"));
        }
        let response = match self {
            Line::Http2(h2) => h2.begin(request, body.to_owned()).await,
            Line::Http3(h3) => h3.begin(request, body.to_owned()).await,
            Line::Http1(_) => unreachable!("its requests are written"),
        };
        let (parts, body) = response.into_parts();
        let mut head = format!("{:?} {}", parts.version, parts.status);
        for (name, value) in &parts.headers {
            head += &format!("\r\n{name}: {}", value.to_str().expect("ASCII"));
        }
        (head, body)
    }
}

/// The head of a request of HTTP/1.1.
fn written(door: Door, method: &str, target: &str, head: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n{head}\r\n", door.address)
}

/// Reads to the end.
async fn read(mut body: Body) -> String {
    let mut bytes = Vec::new();
    // Who was sent away may find the connection reset behind the answer.
    let _ = within("an answer", body.read_to_end(&mut bytes)).await;
    String::from_utf8(bytes).expect("UTF-8")
}
