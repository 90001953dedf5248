//! Whom to believe over TLS: whom the machine trusts, or the one certificate with a fingerprint.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How TLS is spoken.
pub struct Tls {
    fingerprint: Option<[u8; 32]>,
}

impl Tls {
    /// With the fingerprint of a certificate, as hexadecimal digits with or without colons.
    ///
    /// # Errors
    /// If it is no fingerprint.
    pub fn new(fingerprint: Option<&str>) -> anyhow::Result<Tls> {
        Ok(Tls { fingerprint: fingerprint.map(parse_fingerprint).transpose()? })
    }

    /// Opens TLS to `host` on an open connection.
    ///
    /// # Errors
    /// If the certificate is not to be trusted, or the connection fails.
    pub async fn connect(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> anyhow::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).context("the host is no name for TLS")?;
        let connector = TlsConnector::from(Arc::new(self.config()?));
        connector.connect(name, stream).await.with_context(|| match self.fingerprint {
            Some(_) => "TLS failed".to_owned(),
            None => format!(
                "the certificate of {host} is not one that this machine trusts; if the server made it itself, --fingerprint takes the one that it printed"
            ),
        })
    }

    fn config(&self) -> anyhow::Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .context("TLS cannot be set up")?;
        if let Some(fingerprint) = self.fingerprint {
            let pinned = Arc::new(Pinned { fingerprint, provider });
            return Ok(builder
                .dangerous()
                .with_custom_certificate_verifier(pinned)
                .with_no_client_auth());
        }
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            bail!("this machine has no list of trusted certificates; --fingerprint names one");
        }
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

fn parse_fingerprint(text: &str) -> anyhow::Result<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !matches!(c, ':' | ' '))
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()
        .with_context(|| {
            format!("--fingerprint {text} has other characters than 0-9, a-f and colons")
        })?;
    ensure!(digits.len() == 64, "--fingerprint has {} digits; SHA-256 has 64", digits.len());
    let mut fingerprint = [0; 32];
    for (byte, pair) in fingerprint.iter_mut().zip(digits.chunks(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Ok(fingerprint)
}

/// Trusts one certificate, whoever issued it and for whatever name.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Sha256::digest(certificate.as_ref())[..] == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("the server's certificate has another fingerprint".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_64_digits_with_or_without_colons() {
        let colons = ["AB"; 32].join(":");
        assert_eq!(parse_fingerprint(&colons).unwrap(), [0xab; 32]);
        assert_eq!(parse_fingerprint(&"ab".repeat(32)).unwrap(), [0xab; 32]);
        for bad in ["", "AB:CD", &"g".repeat(64), &"ab".repeat(33)] {
            assert!(parse_fingerprint(bad).is_err(), "{bad}");
        }
    }
}
