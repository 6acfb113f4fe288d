//! Connections to mail servers, plain and over TLS: the same for IMAP and SMTP.
//!
//! A server is trusted when its certificate leads to a root of this machine or to one in the extra file. A certificate
//! that stands in the extra file itself is trusted too, as long as it is in date and made out to the host: a
//! self-signed one as `openssl req -x509` makes it says of itself that it is an authority, and would else be refused.

use crate::channels::{Security, one_line};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as RustlsError, RootCertStore, SignatureScheme,
};

/// Why there is no connection. Nothing was sent; each is safe to try again.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Nobody answers there.
    #[error("cannot reach {host}:{port}: {why}; check host, port and firewall")]
    Connect {
        /// Host, from the settings.
        host: String,
        /// Port, from the settings.
        port: u16,
        /// What the system says.
        why: String,
    },
    /// The server's certificate is not trusted, or it does not speak TLS there.
    #[error(
        "no trusted TLS connection to {host}: {why}; check the port, or name the file of the council's own authority \
         in ca_file"
    )]
    Tls {
        /// Host, from the settings.
        host: String,
        /// What was wrong.
        why: String,
    },
    /// The file with the extra authority cannot be used, or this machine trusts nobody.
    #[error("no certificate authorities to trust: {why}")]
    Authorities {
        /// What was wrong, and what to do.
        why: String,
    },
    /// The settings would send mail or a password in the clear over a network.
    #[error("security \"none\" is for this machine itself, not for {host}: set \"tls\" or \"starttls\"")]
    Insecure {
        /// Host, from the settings.
        host: String,
    },
    /// It took too long.
    #[error("{host} did not answer {what} within {seconds} s")]
    Timeout {
        /// Host, from the settings.
        host: String,
        /// What was being done.
        what: &'static str,
        /// The limit that was set.
        seconds: u64,
    },
}

/// Refuses [`Security::None`] for any host but this machine itself; the settings can ask before anything is sent.
///
/// # Errors
/// [`WireError::Insecure`].
pub fn permit(security: Security, host: &str) -> Result<(), WireError> {
    let loopback =
        host.parse::<IpAddr>().map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback());
    if security == Security::None && !loopback {
        return Err(WireError::Insecure { host: host.to_owned() });
    }
    Ok(())
}

/// A connection, whether plain or over TLS.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug> Wire for T {}

/// Connects, each address of the name in turn, `limit` for all of it.
pub(crate) async fn connect(host: &str, port: u16, limit: Duration) -> Result<TcpStream, WireError> {
    let no =
        |error: std::io::Error| WireError::Connect { host: host.to_owned(), port, why: one_line(&error.to_string()) };
    let stream = within(host, "the connection", limit, TcpStream::connect((host, port))).await?.map_err(no)?;
    // Commands are small and each waits for its answer: gathering them would only delay.
    stream.set_nodelay(true).map_err(no)?;
    Ok(stream)
}

/// Puts TLS over a connection and checks that the other side is `host`.
pub(crate) async fn secure(
    stream: TcpStream,
    host: &str,
    ca_file: Option<PathBuf>,
    limit: Duration,
) -> Result<TlsStream<TcpStream>, WireError> {
    let failed = |why: String| WireError::Tls { host: host.to_owned(), why };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| failed("this is no host name".to_owned()))?;
    // Some hundred certificates are read and parsed: not on a thread that drives the other connections.
    let connector = tokio::task::spawn_blocking(move || connector(ca_file.as_deref()))
        .await
        .map_err(|error| failed(one_line(&error.to_string())))??;
    within(host, "the TLS handshake", limit, connector.connect(name, stream))
        .await?
        .map_err(|error| failed(one_line(&error.to_string())))
}

async fn within<T>(
    host: &str,
    what: &'static str,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, WireError> {
    timeout(limit, work).await.map_err(|_| WireError::Timeout { host: host.to_owned(), what, seconds: limit.as_secs() })
}

fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, WireError> {
    let no = |why: String| WireError::Authorities { why };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let mut named = Vec::new();
    if let Some(path) = ca_file {
        let unread = |error: &dyn fmt::Display| no(format!("ca_file {}: {error}", path.display()));
        named = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unread(&error))?;
        if named.is_empty() {
            return Err(unread(&"it holds no certificate (-----BEGIN CERTIFICATE-----)"));
        }
        for certificate in &named {
            roots.add(certificate.clone()).map_err(|error| unread(&error))?;
        }
    }
    if roots.is_empty() {
        return Err(no("this machine has none: install ca-certificates or set ca_file".to_owned()));
    }
    let provider = Arc::new(ring::default_provider());
    let by_authority = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| no(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| no(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { by_authority, named }))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// rustls' own check, and besides it the certificates that the extra file names word for word.
#[derive(Debug)]
struct Verifier {
    by_authority: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        let verdict = self.by_authority.verify_server_cert(certificate, chain, name, ocsp, now);
        match &verdict {
            Err(RustlsError::InvalidCertificate(why)) if !out_of_date(why) && self.named.contains(certificate) => {
                tokio_rustls::rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            _ => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.by_authority.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.by_authority.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

/// The dates are looked at before anything else, so that any other complaint means they were right.
const fn out_of_date(why: &CertificateError) -> bool {
    matches!(
        why,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_protection_is_for_this_machine_only() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(permit(Security::None, host).is_ok(), "{host}");
        }
        for host in ["mail.example.org", "10.0.0.1", "localhost.example.org", "127.0.0.1.example.org", ""] {
            let refused = permit(Security::None, host).unwrap_err().to_string();
            assert!(refused.contains("\"tls\" or \"starttls\""), "{refused}");
            assert!(permit(Security::StartTls, host).is_ok() && permit(Security::Tls, host).is_ok());
        }
    }

    #[test]
    fn a_ca_file_that_cannot_be_used_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [file.path(), Path::new("/nowhere/ca.pem")] {
            let Err(error) = connector(Some(path)) else { panic!("taken: {}", path.display()) };
            assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
        }
    }
}
