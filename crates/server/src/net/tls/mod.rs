//! TLS: the handshake, and the certificate shown in it, which can be changed while the server runs.

mod certificate;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use anyhow::Context;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::{Options, TlsMode};

/// By this protocol name (ALPN) a client asks for HTTP/2.
const HTTP_2: &[u8] = b"h2";

/// By this one for HTTP/3 (RFC 9114, section 3.1).
const HTTP_3: &[u8] = b"h3";

/// What TLS holds back at most of what is written, for a peer that does not read: two records (RFC 8446, section 5.1).
const HELD_BACK: usize = 32 * 1024;

/// The type of the first byte of a TLS connection: a handshake record (RFC 8446, section 5.1). No method of HTTP begins
/// with it.
const HANDSHAKE_RECORD: u8 = 22;

/// What is needed to speak TLS.
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
    /// Certificate and key; `None` if the certificate was made here.
    files: Option<(PathBuf, PathBuf)>,
    port: OnceLock<u16>,
}

impl Tls {
    /// As `options` want it; `None` without TLS.
    ///
    /// # Errors
    /// If a file cannot be used, in words for the operator.
    pub fn new(options: &Options) -> anyhow::Result<Option<Tls>> {
        let (files, key) = match (&options.tls.tls_cert, &options.tls.tls_key) {
            (Some(cert), Some(key)) => {
                (Some((cert.clone(), key.clone())), certificate::load(cert, key)?)
            }
            _ if options.tls.tls == Some(TlsMode::SelfSigned) => {
                (None, certificate::make(&certificate::names(options))?)
            }
            _ => return Ok(None),
        };
        let shown = Arc::new(Shown(RwLock::new(Arc::new(key))));
        let config = configure(&shown, rustls::DEFAULT_VERSIONS, &[HTTP_2, b"http/1.1"])?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Some(Tls { acceptor, shown, files, port: OnceLock::new() }))
    }

    /// SHA-256 of the certificate that is shown, if it was made here: in hexadecimal, as browsers show it.
    pub fn fingerprint(&self) -> Option<String> {
        self.files.is_none().then(|| certificate::fingerprint(&self.shown.current()))
    }

    /// The files that [`reload`](Self::reload) reads; `None` if the certificate was made here.
    pub fn files(&self) -> Option<&(PathBuf, PathBuf)> {
        self.files.as_ref()
    }

    /// Reads certificate and key again: new connections get them, open ones go on as they are.
    ///
    /// # Errors
    /// If a file cannot be used; then the old certificate stays.
    pub fn reload(&self) -> anyhow::Result<()> {
        if let Some((cert, key)) = &self.files {
            self.shown.replace(certificate::load(cert, key)?);
        }
        Ok(())
    }

    /// Does the handshake.
    ///
    /// # Errors
    /// What the peer did wrong, or that it is gone.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let bound = |connection: &mut rustls::ServerConnection| {
            connection.set_buffer_limit(Some(HELD_BACK))
        };
        self.acceptor.accept_with(stream, bound).await
    }

    /// How TLS is spoken within QUIC: 1.3 alone, and without early data, which whoever saw it could send again.
    ///
    /// # Errors
    /// If it cannot be set up.
    pub fn for_quic(&self) -> anyhow::Result<ServerConfig> {
        configure(&self.shown, &[&rustls::version::TLS13], &[HTTP_3])
    }

    /// Notes the port that speaks TLS, for who is sent to it from plain HTTP.
    pub fn set_port(&self, port: u16) {
        let _ = self.port.set(port);
    }

    /// The port that speaks TLS, once the server listens.
    pub fn port(&self) -> Option<u16> {
        self.port.get().copied()
    }
}

fn configure(
    shown: &Arc<Shown>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> anyhow::Result<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .context("cannot set TLS up")?
        .with_no_client_auth()
        .with_cert_resolver(shown.clone());
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    // Sessions are resumed from a ticket that the client keeps: nothing is kept here for those who left, and when all
    // come back at once it is cheaper for both sides.
    config.ticketer = ring::Ticketer::new().context("cannot set TLS up")?;
    Ok(config)
}

/// Whether HTTP/2 was agreed on.
pub fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
}

/// Waits for the first byte and tells whether it begins a TLS handshake. Nothing is taken from the socket.
///
/// # Errors
/// The connection ended.
pub async fn is_spoken(stream: &TcpStream) -> std::io::Result<bool> {
    let mut first = [0];
    match stream.peek(&mut first).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first[0] == HANDSHAKE_RECORD),
    }
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn current(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}
