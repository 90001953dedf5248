//! Plain HTTP where TLS is spoken: sent to the https address.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::authority::{self, Authority, Places};
use crate::http::routes;
use crate::net::hosts::Hosts;

/// The answer to a plain request that came in at port `here`, when TLS is spoken at port `https`.
///
/// A browser goes on by itself; a program that has already sent a body in the open is told instead.
pub fn answer<B>(request: &Request<B>, hosts: &Hosts, here: u16, https: u16) -> Response {
    let explain = |status: StatusCode| {
        let mut response =
            (status, "this address speaks HTTPS: use https:// and wss://\n").into_response();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return explain(StatusCode::FORBIDDEN);
    }
    let named = request.headers().get_all(header::HOST).iter().map(HeaderValue::as_bytes);
    let target = request.uri().authority().map(|authority| authority.as_str());
    let places = Places { version: authority::numbers(request.version()), target };
    let Ok(Some(host)) = Authority::of(places, named) else {
        return explain(StatusCode::BAD_REQUEST);
    };
    if !hosts.answer_for(Some(&host)) {
        return routes::refuse_foreign(&hosts.refuse(Some(&host)), request.uri().path());
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let location = format!("https://{}{path}", place(&host, here, https));
    let Ok(location) = HeaderValue::from_str(&location) else {
        return explain(StatusCode::BAD_REQUEST);
    };
    let mut response = explain(StatusCode::PERMANENT_REDIRECT);
    if request.method() == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Host and port for the https address. Who came to the port that speaks TLS keeps the port that it named, which may be
/// another one than ours behind a gate that maps ports.
fn place(host: &Authority, here: u16, https: u16) -> String {
    let name = host.host();
    let port = if here == https { host.port() } else { (https != 443).then_some(https) };
    match port {
        Some(port) => format!("{name}:{port}"),
        None => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::Options;

    fn any() -> Hosts {
        Hosts::new(&Options::parse_from(["hamhame", "--host", "*"]))
    }

    fn location(host: &str, path: &str, here: u16, https: u16) -> Option<String> {
        let request = Request::get(path).header(header::HOST, host).body(()).unwrap();
        let response = answer(&request, &any(), here, https);
        let location = response.headers().get(header::LOCATION)?;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        Some(location.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_port_that_people_named_stays_theirs() {
        let expected = Some("https://chat.example:8443/r/%DA%A9?x=1".to_owned());
        assert_eq!(location("chat.example:8443", "/r/%DA%A9?x=1", 8000, 8000), expected);
        assert_eq!(location("[::1]:8000", "/", 8000, 8000), Some("https://[::1]:8000/".into()));
    }

    #[test]
    fn another_port_is_exchanged_for_the_one_of_tls() {
        assert_eq!(location("a.example", "/", 80, 443), Some("https://a.example/".into()));
        assert_eq!(location("a.example:80", "/", 80, 8000), Some("https://a.example:8000/".into()));
    }

    #[test]
    fn nobody_is_sent_to_a_host_that_is_none() {
        assert_eq!(location("a b", "/", 80, 443), None);
        assert_eq!(location("user@", "/", 80, 443), None);
    }

    #[test]
    fn nobody_is_sent_to_a_host_that_is_not_ours() {
        let hosts = Hosts::new(&Options::parse_from(["hamhame", "--host", "chat.example"]));
        let ask = |host: &str| {
            let request = Request::get("/").header(header::HOST, host).body(()).unwrap();
            answer(&request, &hosts, 80, 443)
        };
        assert_eq!(ask("chat.example").status(), StatusCode::PERMANENT_REDIRECT);
        let refused = ask("rebind.example");
        assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST);
        assert!(!refused.headers().contains_key(header::LOCATION));
    }

    #[test]
    fn what_was_sent_in_the_open_is_not_sent_on() {
        let request = Request::post("/").header(header::HOST, "a").body(()).unwrap();
        assert_eq!(answer(&request, &any(), 80, 443).status(), StatusCode::FORBIDDEN);
    }
}
