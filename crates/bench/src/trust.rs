//! TLS for a tool that has no secrets.

use std::sync::Arc;

use anyhow::Result;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use crate::guest::End;

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
    pub(crate) fn quic(&self) -> Result<Arc<QuicClientConfig>, End> {
        let config = QuicClientConfig::try_from(self.http3.clone());
        config.map(Arc::new).map_err(|error| End::Broken(error.to_string()))
    }

    /// For TCP.
    pub(crate) fn config(&self, protocol: &[u8]) -> Arc<ClientConfig> {
        if protocol == HTTP_2 { self.http2.clone() } else { self.http1.clone() }
    }
}

/// As ALPN names them.
pub(crate) const HTTP_1: &[u8] = b"http/1.1";
pub(crate) const HTTP_2: &[u8] = b"h2";
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
