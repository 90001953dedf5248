//! The HTTP API from a member's side: requests, the session, and what is said by POST. Requests have the headers that
//! they need and no others.

use std::convert::Infallible;
use std::sync::atomic::Ordering::Relaxed;

use ::bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::sync::mpsc::UnboundedReceiver;

use super::bytes;
use crate::guest::End;
use crate::member::{Order, Place};
use crate::trust::HTTP_1;

/// A session of the API, as far as its requests need it.
pub(super) struct Session {
    authorization: String,
    /// Where reading begins.
    pub(super) position: String,
}

/// One connection to make requests on, one after another.
pub(super) struct Requests<'a> {
    place: &'a Place,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl<'a> Requests<'a> {
    pub(super) fn new(place: &'a Place) -> Self {
        Self { place, sender: None }
    }

    /// Joins the room, and lets the crowd have the answer.
    pub(super) async fn join(&mut self) -> Result<Session, End> {
        #[derive(Deserialize)]
        struct Joined {
            token: String,
            position: String,
        }
        let client = self.place.target.client(self.place.client);
        let body = serde_json::json!({ "client_id": client }).to_string();
        let request = self.request(Method::POST, "sessions", None, Some(body.into()))?;
        let answer = self.send(request).await?;
        let status = answer.status();
        let body = whole(answer).await?;
        if status != StatusCode::CREATED {
            return Err(End::Refused(format!("{status}, {}", code_of(&body))));
        }
        let Joined { token, position } = serde_json::from_slice(&body).map_err(unfit)?;
        self.place.ears.hear(&body);
        Ok(Session { authorization: format!("Bearer {token}"), position })
    }

    /// Asks for events: `query` says which, `accept` in which form.
    pub(super) async fn events(
        &mut self,
        session: &Session,
        query: &str,
        accept: &'static str,
    ) -> Result<Response<Incoming>, End> {
        let path = format!("events?{query}");
        let mut request = self.request(Method::GET, &path, Some(session), None)?;
        request.headers_mut().insert(ACCEPT, http::HeaderValue::from_static(accept));
        let answer = self.send(request).await?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            status => Err(End::Refused(format!("{status}, {}", code_of(&whole(answer).await?)))),
        }
    }

    /// Shows that the member is there.
    pub(super) async fn renew(&mut self, session: &Session) -> Result<(), End> {
        let path = "sessions/current";
        let answer = self.send(self.request(Method::POST, path, Some(session), None)?).await?;
        match answer.status() {
            StatusCode::NO_CONTENT => Ok(()),
            status => Err(End::Refused(format!("{status}, {}", code_of(&whole(answer).await?)))),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        session: Option<&Session>,
        body: Option<Bytes>,
    ) -> Result<Request<Full<Bytes>>, End> {
        let target = &self.place.target;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/rooms/{}/{path}", target.room(self.place.room)))
            .header(HOST, &target.host);
        if let Some(session) = session {
            request = request.header(AUTHORIZATION, &session.authorization);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|error| End::Refused(error.to_string()))
    }

    /// Sends a request. If the server has closed the connection meanwhile, it is sent on another: all requests here may
    /// be repeated.
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, End> {
        let kept = self.sender.take().filter(|sender| !sender.is_closed());
        self.place.meter.requests.fetch_add(1, Relaxed);
        if let Some(mut sender) = kept
            && sender.ready().await.is_ok()
            && let Ok(answer) = sender.send_request(request.clone()).await
        {
            self.sender = Some(sender);
            return Ok(answer);
        }
        let stream = bytes::connect(self.place, HTTP_1).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // It ends when its sender is gone.
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(broken)?;
        self.sender = Some(sender);
        Ok(answer)
    }
}

/// Says what a member is told to, until it is told to leave.
pub(super) async fn speak(
    place: &Place,
    session: &Session,
    orders: &mut UnboundedReceiver<Order>,
) -> Result<Infallible, End> {
    let mut requests = Requests::new(place);
    loop {
        match orders.recv().await {
            Some(Order::Say(message)) => {
                let body = Some(Bytes::from(message));
                let request = requests.request(Method::POST, "messages", Some(session), body)?;
                let answer = requests.send(request).await?;
                let status = answer.status();
                let body = whole(answer).await?;
                if status != StatusCode::CREATED {
                    let error = serde_json::json!({ "type": "error", "code": code_of(&body) });
                    place.ears.hear(error.to_string().as_bytes());
                }
            }
            Some(Order::Leave) | None => {
                let path = "sessions/current";
                let request = requests.request(Method::DELETE, path, Some(session), None)?;
                whole(requests.send(request).await?).await?;
                return Err(End::Closed(1000));
            }
        }
    }
}

/// The whole body of an answer.
pub(super) async fn whole(answer: Response<Incoming>) -> Result<Bytes, End> {
    Ok(answer.into_body().collect().await.map_err(broken)?.to_bytes())
}

/// The code of a problem (RFC 9457).
fn code_of(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    serde_json::from_slice(body)
        .map_or_else(|_| "without a code".to_owned(), |Problem { code }| code)
}

pub(super) fn broken(error: hyper::Error) -> End {
    End::Broken(error.to_string())
}

pub(super) fn unfit(error: serde_json::Error) -> End {
    End::Unfit(format!("an answer that cannot be read: {error}"))
}
