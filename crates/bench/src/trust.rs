//! TLS for a tool that has no secrets.

use std::sync::Arc;

use hamhame_client::tls::AnyCertificate;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::ClientConfig;
use rustls::client::Resumption;

use crate::guest::End;

/// TLS that takes any certificate: a test tool has no secrets, and test servers make their certificates themselves.
#[derive(Debug)]
pub(crate) struct Trust {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    http3: Arc<ClientConfig>,
}

impl Trust {
    pub(crate) fn new() -> Self {
        let [http1, http2, http3] = [HTTP_1, HTTP_2, HTTP_3].map(client_config);
        Self { http1, http2, http3 }
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

fn client_config(protocol: &[u8]) -> Arc<ClientConfig> {
    let mut config = AnyCertificate::default().config(&[protocol]);
    // Every member is another client, and none has been here before.
    config.resumption = Resumption::disabled();
    Arc::new(config)
}
