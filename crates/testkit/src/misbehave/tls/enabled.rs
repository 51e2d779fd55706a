//! A certificate authority of our own and what it signed.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

#[derive(Debug)]
pub(in crate::misbehave) struct Acceptor {
    config: Arc<ServerConfig>,
}

impl Acceptor {
    pub(in crate::misbehave) fn new(folder: &Path) -> io::Result<Self> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "gregaria-testkit authority");
        let authority = CertifiedIssuer::self_signed(authority, key()?).map_err(io::Error::other)?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let server = CertificateParams::new(names).map_err(io::Error::other)?;
        let server_key = key()?;
        let certificate = server.signed_by(&server_key, &authority).map_err(io::Error::other)?;
        fs::create_dir_all(folder)?;
        fs::write(folder.join("ca.pem"), authority.pem())?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .map_err(io::Error::other)?;
        Ok(Self { config: Arc::new(config) })
    }

    /// The handshake happens with the first bytes read; when it fails, so does that read.
    pub(in crate::misbehave) fn accept(&self, stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
        let connection = ServerConnection::new(Arc::clone(&self.config))
            .expect("a configuration that was accepted makes connections");
        StreamOwned::new(connection, stream)
    }
}

fn key() -> io::Result<KeyPair> {
    KeyPair::generate().map_err(io::Error::other)
}
