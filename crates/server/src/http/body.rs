//! The body of a request, seen before anybody reads it: whether it ends where the next request begins.
//!
//! Trailers are not taken. Nothing here reads them, HTTP/2's library passes over pseudo-fields in them (RFC 9113, section 8.1), and
//! that of HTTP/1.1 over what follows a trailer whose line ends otherwise than it should: another request may be swallowed with it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// A body without trailers.
pub struct Plain<B> {
    inner: B,
    whole: Arc<AtomicBool>,
}

/// Where the next request begins.
pub enum Rest {
    /// Behind a body of a length that is known, or none.
    Known,
    /// Behind the last chunk, if it was read.
    Chunked(Arc<AtomicBool>),
    /// Somebody on the way may see another end of the body than we do (RFC 9112, section 6.1).
    Ambiguous,
}

/// The request with its body watched.
pub fn watch<B>(request: hyper::Request<B>) -> (hyper::Request<Plain<B>>, Rest) {
    let whole = Arc::<AtomicBool>::default();
    let has = |name| request.headers().contains_key(name);
    let rest = match has(header::TRANSFER_ENCODING) {
        false => Rest::Known,
        true if has(header::CONTENT_LENGTH) || request.version() < Version::HTTP_11 => {
            Rest::Ambiguous
        }
        true => Rest::Chunked(whole.clone()),
    };
    (request.map(|inner| Plain { inner, whole }), rest)
}

/// Whether a body comes in no other coding than in chunks, the only one that is known (RFC 9112, section 6.1).
pub fn is_coded_as_known(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let first = codings.next().map(HeaderValue::as_bytes);
    first.is_none_or(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"))
        && codings.next().is_none()
}

impl Rest {
    /// Has the connection end behind the response if nobody knows where the next request begins.
    pub fn settle(self, response: &mut Response) {
        let is_known = match self {
            Rest::Known => true,
            Rest::Chunked(whole) => whole.load(Ordering::Relaxed),
            Rest::Ambiguous => false,
        };
        if !is_known {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl<B> Body for Plain<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            None => {
                self.whole.store(true, Ordering::Relaxed);
                None
            }
            Some(Ok(frame)) if frame.is_trailers() => Some(Err("trailers are not taken".into())),
            Some(frame) => Some(frame.map_err(Into::into)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
