//! The options of TLS.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::config::values;

/// Where the certificate comes from, and who is sent to https.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "TLS")]
pub struct TlsOptions {
    /// Speak TLS with a certificate made at each start; its SHA-256 fingerprint is printed
    #[arg(long, env = "HAMHAME_TLS", value_name = "self-signed")]
    pub tls: Option<TlsMode>,

    /// Speak TLS with the certificate in this file (PEM, the whole chain); SIGHUP reads it again
    #[arg(long, env = "HAMHAME_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of --tls-cert (PEM)
    #[arg(long, env = "HAMHAME_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// With TLS: listen here too, and send who comes to the https address
    #[arg(long, env = "HAMHAME_REDIRECT_FROM", value_name = "ADDR:PORT", value_parser = values::listen)]
    pub redirect_from: Option<SocketAddr>,

    /// Speak HTTP/3 too, on the UDP port of the same number, and say so to who comes by TCP; it needs TLS
    #[arg(long, env = "HAMHAME_HTTP3")]
    pub http3: bool,
}

/// Certificates that need no files.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Made at each start
    SelfSigned,
}

impl TlsOptions {
    /// Whether connections are encrypted.
    pub fn is_on(&self) -> bool {
        self.tls.is_some() || self.tls_cert.is_some()
    }

    /// What can be wrong with them together.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => bail!("--tls-cert needs --tls-key, the file with its private key"),
            (None, Some(_)) => bail!("--tls-key needs --tls-cert, the file with the certificate"),
            (Some(_), Some(_)) if self.tls.is_some() => {
                bail!("--tls self-signed makes a certificate; it does not go with --tls-cert")
            }
            _ => {}
        }
        if self.redirect_from.is_some() && !self.is_on() {
            bail!("--redirect-from sends people to https, so it needs --tls or --tls-cert");
        }
        if self.http3 && !self.is_on() {
            bail!(
                "--http3 is always encrypted, so it needs --tls self-signed, or --tls-cert and --tls-key"
            );
        }
        Ok(())
    }
}
