//! TLS: who comes by https talks as before, the certificate can be changed while people talk, and what is wrong with it is said
//! clearly.
use std::path::PathBuf;

use crate::common::{
    H3, HANDSHAKE, Raw, STREAM_WINDOW, TestServer, Trust, V1Client, command, quic_config, within,
};
use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn self_signed() -> TestServer {
    TestServer::start(&["--tls", "self-signed"]).await
}

async fn member(server: &TestServer, trust: &Trust, name: &str) -> V1Client {
    let connect = server.connect(&format!("/ws/room/{name}")).protocol("hamhame.v1").tls(trust);
    let mut client = V1Client::over(name, connect.open().await.into_client(name));
    client.join().await;
    client
}

/// `GET path` over HTTP/1.1 and TLS: all that comes.
async fn get(server: &TestServer, trust: &Trust, path: &str) -> String {
    let stream = TcpStream::connect(server.address()).await.expect("the server listens");
    let mut stream = trust.open(stream, &[b"http/1.1"]).await;
    let host = server.address();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is open");
    let mut answer = Vec::new();
    within("an answer", stream.read_to_end(&mut answer)).await.expect("it ends in order");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A place for a certificate and its key.
pub struct Files {
    cert: PathBuf,
    key: PathBuf,
}

impl Files {
    /// With a certificate for `localhost` that signs itself.
    pub fn new(name: &str) -> Files {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let place = |end: &str| folder.join(format!("{name}-{}.{end}", std::process::id()));
        let files = Files { cert: place("cert.pem"), key: place("key.pem") };
        files.renew();
        files
    }

    /// Puts another certificate there.
    fn renew(&self) {
        let key = KeyPair::generate().expect("there is randomness");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(&self.cert, pem("CERTIFICATE", certificate.der())).expect("it is ours");
        std::fs::write(&self.key, pem("PRIVATE KEY", &key.serialize_der())).expect("it is ours");
    }

    fn args(&self) -> [&str; 4] {
        let [cert, key] = self.paths();
        ["--tls-cert", cert, "--tls-key", key]
    }

    /// The certificate's, and the key's.
    pub fn paths(&self) -> [&str; 2] {
        [&self.cert, &self.key].map(|path| path.to_str().expect("a plain path"))
    }
}

/// The form that files of certificates and keys have.
fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[tokio::test]
async fn a_page_of_plain_http_may_not_connect_to_a_service_of_https() {
    let server = self_signed().await;
    let trust = Trust::default();
    let host = server.address();
    for (origin, expected) in [("https", 101), ("http", 403), ("ftp", 403)] {
        // The short way, and the long one.
        for target in ["/ws/room/ali", "/ws/room/ali?a=query"] {
            let stream = TcpStream::connect(host).await.expect("the server listens");
            let mut stream = trust.open(stream, &[b"http/1.1"]).await;
            let origin = format!("Origin: {origin}://{host}");
            let request =
                format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{HANDSHAKE}{origin}\r\n\r\n");
            stream.write_all(request.as_bytes()).await.expect("it is open");
            let mut status = [0; 12];
            within("an answer", stream.read_exact(&mut status)).await.expect("it is answered");
            assert_eq!(
                status[..],
                *format!("HTTP/1.1 {expected}").as_bytes(),
                "{origin} at {target}"
            );
        }
    }
}

#[tokio::test]
async fn members_over_tls_talk_with_each_other() {
    let server = self_signed().await;
    let trust = Trust::default();
    let mut ali = member(&server, &trust, "ali").await;
    let mut sara = member(&server, &trust, "sara").await;
    ali.mark("salaam").await;
    sara.until_said("salaam").await;
    sara.mark("hello").await;
    ali.until_said("hello").await;
}

#[tokio::test]
async fn the_printed_fingerprint_is_that_of_the_certificate_that_is_shown() {
    let mut server = self_signed().await;
    let trust = Trust::default();
    assert!(get(&server, &trust, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert_eq!(server.says("certificate SHA-256 ").await, trust.fingerprint());
}

#[tokio::test]
async fn a_reader_over_tls_that_stalls_and_reads_on_gets_everything() {
    let much = ["--tls", "self-signed", "--limits", "off", "--history-bytes", "100000000"];
    let server = TestServer::start(&much).await;
    let trust = Trust::default();
    let connect = server.connect("/ws/room/slow").protocol("hamhame.v1").tls(&trust).narrow();
    let mut slow = V1Client::over("slow", connect.open().await.into_client("slow"));
    slow.join().await;
    let mut ali = member(&server, &trust, "ali").await;
    while slow.next_event().await["content"] != "ali joined room." {}
    slow.stall();
    for n in 0..600 {
        ali.mark(&format!("{n} {}", "x".repeat(3900))).await;
    }
    slow.read_on();
    for n in 0..600 {
        let event = slow.next_event().await;
        let content = event["content"].as_str().expect("a content");
        assert!(content.starts_with(&format!("{n} ")), "{content:.20} is not {n}");
    }
}

#[tokio::test]
async fn a_goodbye_over_tls_ends_the_stream_in_order() {
    let server = self_signed().await;
    let ali = member(&server, &Trust::default(), "ali").await;
    ali.into_client().close(1000).await;
    let mut server = server;
    let sara = member(&server, &Trust::default(), "sara").await;
    server.terminate();
    assert_eq!(sara.into_client().closed().await.0, 1012);
    assert!(server.wait().await.success());
}

#[tokio::test]
async fn plain_http_at_the_port_of_tls_is_sent_to_https() {
    let server = self_signed().await;
    let host = server.address();
    let answer = server.get("/r/room?x=1").await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), Some(&*format!("https://{host}/r/room?x=1")));
    let post = format!("POST /x HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(server.request(&post).await.status, 403);
    let refused = server.connect("/ws/room/ali").try_open().await;
    assert!(refused.is_err_and(|(_, head)| head.starts_with("HTTP/1.1 308")));
}

#[tokio::test]
async fn a_second_address_sends_people_to_the_first() {
    let from = ["--tls", "self-signed", "--redirect-from", "127.0.0.1:0"];
    let mut server = TestServer::start(&from).await;
    let second = server.says("redirecting from http://").await;
    let mut raw = Raw::connect(second.parse().expect("an address")).await;
    raw.write("GET /r/room HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answer = raw.answer().await;
    let https = format!("https://localhost:{}/r/room", server.address().port());
    assert_eq!((answer.status, answer.header("location")), (308, Some(&*https)));
}

#[tokio::test]
async fn a_renewed_certificate_is_for_those_who_come_later() {
    let files = Files::new("renewed");
    let server = TestServer::start(&files.args()).await;
    let (before, after) = (Trust::default(), Trust::default());
    let mut ali = member(&server, &before, "ali").await;
    files.renew();
    server.signal(Signal::HUP);
    server.logs("new connections get the certificate").await;
    let mut sara = member(&server, &after, "sara").await;
    assert_ne!(before.fingerprint(), after.fingerprint());
    sara.mark("hello").await;
    ali.until_said("hello").await;

    std::fs::write(&files.key, "nonsense").expect("it is ours");
    server.signal(Signal::HUP);
    server.logs("the old certificate stays: --tls-key").await;
    let still = Trust::default();
    assert!(get(&server, &still, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert_eq!(still.fingerprint(), after.fingerprint());
}

#[tokio::test]
async fn a_renewed_certificate_is_for_those_who_come_later_by_http_3_too() {
    let files = Files::new("renewed-quic");
    let server = TestServer::start(&[&files.args()[..], &["--http3"]].concat()).await;
    let connect =
        async |trust| H3::connect_with(server.address(), quic_config(trust, STREAM_WINDOW)).await;
    let (before, after) = (Trust::default(), Trust::default());
    let mut ali = connect(&before).await.member("room", "ali").await;
    files.renew();
    server.signal(Signal::HUP);
    server.logs("new connections get the certificate").await;
    let mut sara = connect(&after).await.member("room", "sara").await;
    assert_ne!(before.fingerprint(), after.fingerprint());
    sara.mark("hello").await;
    ali.until_said("hello").await;
}

#[tokio::test]
async fn the_options_of_tls_may_stand_in_the_file() {
    let files = Files::new("in-file");
    let [_, cert, _, key] = files.args();
    let config = PathBuf::from(cert).with_extension("toml");
    let text = format!("tls-cert = {cert:?}\ntls-key = {key:?}\nredirect-from = \"127.0.0.1:0\"\n");
    std::fs::write(&config, text).expect("it is ours");
    let args = ["--config", config.to_str().expect("a plain path")];
    let mut server = TestServer::start(&args).await;
    server.says("redirecting from http://").await;
    assert!(get(&server, &Trust::default(), "/healthz").await.starts_with("HTTP/1.1 200"));
    std::fs::write(&config, "tls = \"self-signed\"\n").expect("it is ours");
    TestServer::start(&args).await.says("certificate SHA-256 ").await;
}

#[tokio::test]
async fn who_begins_tls_and_says_no_more_is_let_go() {
    let server = TestServer::start(&["--tls", "self-signed", "--header-timeout", "300ms"]).await;
    for beginning in [&b""[..], &[22], &[22, 3, 1, 2, 0, 1]] {
        let mut raw = Raw::send(server.address(), beginning).await;
        raw.rest().await;
    }
    let trust = Trust::default();
    assert!(get(&server, &trust, "/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_knows_none_of_our_protocols_is_told_so_by_tls() {
    let server = self_signed().await;
    let stream = TcpStream::connect(server.address()).await.expect("the server listens");
    let refused = Trust::default().try_open(stream, &[b"gopher"]).await;
    let error = refused.expect_err("it is refused").to_string();
    assert!(error.to_lowercase().contains("applicationprotocol"), "{error}");
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_before_the_server_starts() {
    let (good, other, bad) = (Files::new("good"), Files::new("other"), Files::new("bad"));
    std::fs::write(&bad.cert, "no PEM").expect("it is ours");
    let [_, cert, _, key] = good.args();
    let [_, nonsense, ..] = bad.args();
    let [.., other_key] = other.args();
    for (args, expected) in [
        (vec!["--tls-cert", cert], "--tls-cert needs --tls-key"),
        (vec!["--tls-key", key], "--tls-key needs --tls-cert"),
        (vec!["--tls-cert", "/none", "--tls-key", key], "cannot read --tls-cert /none"),
        (vec!["--tls-cert", cert, "--tls-key", "/none"], "cannot read --tls-key /none"),
        (vec!["--tls-cert", nonsense, "--tls-key", key], "has no certificate in PEM form"),
        (vec!["--tls-cert", cert, "--tls-key", cert], "has no private key in PEM form"),
        (vec!["--tls-cert", cert, "--tls-key", other_key], "is not that of the certificate"),
        (
            vec!["--tls", "self-signed", "--tls-cert", cert, "--tls-key", key],
            "does not go with --tls-cert",
        ),
        (vec!["--tls", "sure"], "self-signed"),
        (vec!["--redirect-from", "127.0.0.1:0"], "needs --tls or --tls-cert"),
    ] {
        let running = command().args(&args).args(["--listen", "127.0.0.1:0"]).output();
        let output = within("the program's end", running).await.expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(expected), "{args:?}: {errors}");
    }
}
