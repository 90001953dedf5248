//! What the fields of a request may be (RFC 9114, sections 4.2 and 4.3), where the library takes more.

use axum::http::{HeaderName, HeaderValue};
use h3::qpack::HeaderField;

use super::fault::Fault;

/// Fields of a connection, which HTTP/3 has none of (RFC 9114, section 4.2).
const OF_CONNECTIONS: [&[u8]; 5] =
    [b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"];

/// The pseudo-fields that a request may have, each once.
#[derive(Default)]
struct Pseudo<'a> {
    method: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    protocol: Option<&'a [u8]>,
}

/// Judges the head of a request; gives the length of its body, if it says one.
///
/// # Errors
/// If it is malformed.
pub fn judge_head(fields: &[HeaderField]) -> Result<Option<u64>, Fault> {
    let mut pseudo = Pseudo::default();
    let (mut regular, mut length) = (false, None);
    for field in fields {
        let (name, value) = (&*field.name, &*field.value);
        if name.starts_with(b":") {
            let Some(place) = pseudo.place(name) else {
                return Err(Fault::malformed("a pseudo-field that a request has not"));
            };
            if regular || place.replace(value).is_some() {
                return Err(Fault::malformed("a pseudo-field twice, or behind a field"));
            }
            continue;
        }
        regular = true;
        judge_field(name, value)?;
        if name == b"content-length" && length.replace(read_length(value)?).is_some() {
            return Err(Fault::malformed("two lengths"));
        }
    }
    pseudo.judge()?;
    Ok(length)
}

/// Judges trailers.
///
/// # Errors
/// If they make the request malformed.
pub fn judge_trailers(fields: &[HeaderField]) -> Result<(), Fault> {
    fields.iter().try_for_each(|field| judge_field(&field.name, &field.value))
}

fn judge_field(name: &[u8], value: &[u8]) -> Result<(), Fault> {
    if HeaderName::from_lowercase(name).is_err() || HeaderValue::from_bytes(value).is_err() {
        return Err(Fault::malformed("a field that is none, or has no place here"));
    }
    if OF_CONNECTIONS.contains(&name) || (name == b"te" && !value.eq_ignore_ascii_case(b"trailers"))
    {
        return Err(Fault::malformed("a field of HTTP/1.1 connections"));
    }
    Ok(())
}

fn read_length(value: &[u8]) -> Result<u64, Fault> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| is_number);
    let length = number.and_then(|number| number.parse().ok());
    length.ok_or(Fault::malformed("a length that is none"))
}

impl<'a> Pseudo<'a> {
    fn place(&mut self, name: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        Some(match name {
            b":method" => &mut self.method,
            b":scheme" => &mut self.scheme,
            b":authority" => &mut self.authority,
            b":path" => &mut self.path,
            b":protocol" => &mut self.protocol,
            _ => return None,
        })
    }

    fn judge(&self) -> Result<(), Fault> {
        let Some(method) = self.method else { return Err(Fault::malformed("no method")) };
        let connects = method == b"CONNECT";
        if connects && self.protocol.is_none() {
            let is_fine = self.scheme.is_none() && self.path.is_none() && self.authority.is_some();
            return if is_fine {
                Ok(())
            } else {
                Err(Fault::malformed("CONNECT to more than a host"))
            };
        }
        if self.protocol.is_some() && !connects {
            return Err(Fault::malformed("a protocol without CONNECT"));
        }
        let is_path =
            |path: &[u8]| path.starts_with(b"/") || (path == b"*" && method == b"OPTIONS");
        if self.scheme.is_none_or(<[u8]>::is_empty) || !self.path.is_some_and(is_path) {
            return Err(Fault::malformed("no scheme or no path"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: [(&str, &str); 4] =
        [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")];

    fn listed(fields: &[(&str, &str)]) -> Vec<HeaderField> {
        fields.iter().map(|(name, value)| HeaderField::new(*name, *value)).collect()
    }

    fn judge(more: &[(&str, &str)]) -> Result<Option<u64>, Fault> {
        judge_head(&listed(&[&GET[..], more].concat()))
    }

    #[test]
    fn requests_in_order_are_taken() {
        assert_eq!(judge(&[]), Ok(None));
        assert_eq!(judge(&[("content-length", "007"), ("te", "Trailers"), ("x", "")]), Ok(Some(7)));
        assert_eq!(judge_head(&listed(&[(":method", "CONNECT"), (":authority", "a:1")])), Ok(None));
        let socket = [&[(":method", "CONNECT"), (":protocol", "websocket")], &GET[1..]].concat();
        assert_eq!(judge_head(&listed(&socket)), Ok(None));
        assert_eq!(judge_trailers(&listed(&[("x", "1")])), Ok(()));
    }

    #[test]
    fn malformed_ones_are_not() {
        for more in [
            (":status", "200"),
            (":path", "/"),
            (":method", "GET"),
            (":other", ""),
            (":protocol", "websocket"),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("te", "gzip"),
            ("upgrade", "a"),
            ("keep-alive", "1"),
            ("proxy-connection", "a"),
            ("Upper", "a"),
            ("a b", "a"),
            ("", "a"),
            ("x", "a\nb"),
            ("content-length", "-1"),
            ("content-length", ""),
            ("content-length", "+1"),
            ("content-length", "18446744073709551616"),
        ] {
            assert!(judge(&[more]).is_err(), "{more:?}");
            let of_trailers = judge_trailers(&listed(&[more])).is_ok();
            assert_eq!(of_trailers, more.0 == "content-length", "{more:?}");
        }
        assert!(judge(&[("content-length", "1"), ("content-length", "1")]).is_err());
        assert!(judge(&[("x", "1"), (":scheme", "a")]).is_err());
        for missing in 0..GET.len() {
            let mut fields = listed(&GET);
            fields.remove(missing);
            // Without an authority it is for `Host` to say.
            assert_eq!(judge_head(&fields).is_err(), missing != 2, "{missing}");
        }
        for path in ["", "*", "a", "https://a/"] {
            let fields = [&GET[..3], &[(":path", path)]].concat();
            assert!(judge_head(&listed(&fields)).is_err(), "{path}");
        }
        assert!(
            judge_head(&listed(&[(":method", "CONNECT"), (":authority", "a"), (":path", "/")]))
                .is_err()
        );
    }
}
