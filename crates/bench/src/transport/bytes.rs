//! The connection under a transport: TCP whose bytes are counted, and TLS where it is wanted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::Result;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use crate::fleet::End;
use crate::link::new_socket;
use crate::tasks::Place;
use crate::wire::Meter;

/// Bytes both ways.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// Connects a member to the server, with TLS if that is what its address says; `protocol` is the one that ALPN
/// has to agree on then.
pub(super) async fn connect(
    place: &Place,
    protocol: &'static [u8],
) -> Result<Box<dyn ByteStream>, End> {
    let target = &place.target;
    let broken = |error: io::Error| End::Broken(error.to_string());
    let source = target.source(place.link).map_err(|error| End::Broken(error.to_string()))?;
    let socket = new_socket(target, source).map_err(broken)?;
    let stream = TcpSocket::from_std_stream(socket.into()).connect(target.address).await;
    let stream = stream.map_err(broken)?;
    // It ends with a reset, so that no port has to rest afterwards.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).map_err(broken)?;
    let counted = Counted { stream, meter: place.meter.clone() };
    if !target.tls {
        return Ok(Box::new(counted));
    }
    let connector = TlsConnector::from(place.trust.config(protocol));
    let stream = connector.connect(target.server_name(), counted).await.map_err(broken)?;
    if stream.get_ref().1.alpn_protocol() != Some(protocol) {
        let wanted = String::from_utf8_lossy(protocol);
        return Err(End::Refused(format!("the server does not agree to {wanted}")));
    }
    Ok(Box::new(stream))
}

/// TCP whose bytes are counted.
struct Counted {
    stream: TcpStream,
    meter: Arc<Meter>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.meter.down.fetch_add((buffer.filled().len() - before) as u64, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.meter.up.fetch_add(written as u64, Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// TLS that takes any certificate: a test tool has no secrets, and test servers make their certificates themselves.
#[derive(Debug)]
pub(crate) struct Trust {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    http3: Arc<ClientConfig>,
}

impl Trust {
    /// # Errors
    ///
    /// None that could happen: the versions of TLS are those that the provider has.
    pub(crate) fn new() -> Result<Self> {
        let [http1, http2, http3] = [HTTP_1, HTTP_2, HTTP_3].map(client_config);
        Ok(Self { http1: http1?, http2: http2?, http3: http3? })
    }

    /// For QUIC.
    pub(super) fn quic(&self) -> Result<Arc<QuicClientConfig>, End> {
        let config = QuicClientConfig::try_from(self.http3.clone());
        config.map(Arc::new).map_err(|error| End::Broken(error.to_string()))
    }

    fn config(&self, protocol: &[u8]) -> Arc<ClientConfig> {
        if protocol == HTTP_2 { self.http2.clone() } else { self.http1.clone() }
    }
}

/// As ALPN names them.
pub(super) const HTTP_1: &[u8] = b"http/1.1";
pub(super) const HTTP_2: &[u8] = b"h2";
const HTTP_3: &[u8] = b"h3";

fn client_config(protocol: &[u8]) -> Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(ring::default_provider())))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    // Every member is another client, and none has been here before.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

#[derive(Debug)]
struct AnyCertificate(CryptoProvider);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
