//! HTTPS.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ConfigBuilder, ServerConfig, crypto};

/// What shakes hands, from a certificate (with those it depends on) and its key. Errors: which file, and what is wrong.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let of = |option: &str, path: &Path, error: &dyn std::fmt::Display| {
        format!("{option} {}: {error}", path.display())
    };
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| of("--tls-cert", certificate, &error))?;
    if chain.is_empty() {
        return Err(of("--tls-cert", certificate, &"there is no certificate (PEM) in it"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| of("--tls-key", key, &error))?;
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(ConfigBuilder::<ServerConfig, _>::with_no_client_auth)
        .and_then(|builder| builder.with_single_cert(chain, private));
    let mut config =
        config.map_err(|error| of("--tls-cert and --tls-key do not fit:", certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
