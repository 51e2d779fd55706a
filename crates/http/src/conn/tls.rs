//! TLS by rustls: whom to trust, who we are, and what a failure means.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, InvalidMessage, RootCertStore,
    SignatureScheme,
};

use crate::error::{ErrorKind, Failure, TlsReason};

/// How to treat `https:`. Files are read once, when the first connection needs them or by
/// [`prepare`](Self::prepare); share one value between requests, since sessions are resumed within it.
pub struct TlsOptions {
    verify: bool,
    roots: Roots,
    client: Option<ClientCertificate>,
    config: OnceLock<Result<Arc<ClientConfig>, TlsConfigError>>,
}

/// Whose signature makes a server trustworthy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Roots {
    /// Mozilla's list, compiled in.
    Mozilla,
    /// The PEM certificates of a file, or of a folder as `c_rehash` prepares one.
    Path(PathBuf),
}

/// Who we are, for servers that ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// A PEM file with the certificate and its chain.
    pub certificate: PathBuf,
    /// A PEM file with the unencrypted private key; `None` if `certificate` holds that, too.
    pub key: Option<PathBuf>,
}

/// TLS options that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsConfigError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: Box<str>,
        /// The operating system's error number, if it gave one.
        os_error: Option<i32>,
    },
    /// A file or folder holds no certificate.
    #[error("no certificate in {}", .0.display())]
    NoCertificate(PathBuf),
    /// A file holds no private key that can be used.
    #[error("no usable private key in {}", .0.display())]
    NoKey(PathBuf),
    /// The certificate and its key do not belong together, or are of a kind that is not supported.
    #[error("client certificate cannot be used: {0}")]
    Client(Box<str>),
}

impl TlsOptions {
    /// Options from their parts.
    pub fn new(verify: bool, roots: Roots, client: Option<ClientCertificate>) -> Arc<Self> {
        Arc::new(Self { verify, roots, client, config: OnceLock::new() })
    }

    /// Servers must be vouched for by one of Mozilla's authorities. One value for the whole process.
    pub fn verified() -> Arc<Self> {
        static VERIFIED: OnceLock<Arc<TlsOptions>> = OnceLock::new();
        Arc::clone(VERIFIED.get_or_init(|| Self::new(true, Roots::Mozilla, None)))
    }

    /// Any server will do (`verify=False`). One value for the whole process.
    pub fn unverified() -> Arc<Self> {
        static UNVERIFIED: OnceLock<Arc<TlsOptions>> = OnceLock::new();
        Arc::clone(UNVERIFIED.get_or_init(|| Self::new(false, Roots::Mozilla, None)))
    }

    /// Reads the files now, so that a fault in them is known before a request is sent.
    pub fn prepare(&self) -> Result<(), TlsConfigError> {
        self.config().map(|_| ())
    }

    /// Begins a connection to `host` (a name, or an address without brackets).
    pub(crate) fn connect(&self, host: &str) -> Result<ClientConnection, Failure> {
        let config =
            self.config().map_err(|error| Failure::with_message(ErrorKind::TlsConfig, error.to_string()))?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Failure::with_message(
                ErrorKind::TlsHandshake(TlsReason::Other),
                format!("{host:?} is not a server name"),
            )
        })?;
        ClientConnection::new(config, name).map_err(|error| failure(&error))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, TlsConfigError> {
        self.config.get_or_init(|| self.build().map(Arc::new)).clone()
    }

    fn build(&self) -> Result<ClientConfig, TlsConfigError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsConfigError::Client(error.to_string().into()))?
            .dangerous();
        let builder = builder.with_custom_certificate_verifier(if self.verify {
            self.verifier(provider)?
        } else {
            Arc::new(Anyone { provider })
        });
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let (chain, key) = client.load()?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| TlsConfigError::Client(error.to_string().into()))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(1024);
        Ok(config)
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TlsConfigError> {
        let mut store = RootCertStore::empty();
        let mut given = Vec::new();
        match &self.roots {
            Roots::Mozilla => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Roots::Path(path) => {
                given = certificates_at(path)?;
                store.add_parsable_certificates(given.iter().cloned());
                if store.is_empty() {
                    return Err(TlsConfigError::NoCertificate(path.clone()));
                }
            }
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
            .build()
            .map_err(|error| TlsConfigError::Client(error.to_string().into()))?;
        Ok(Arc::new(Trusted { chains, given }))
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("verify", &self.verify)
            .field("roots", &self.roots)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl PartialEq for TlsOptions {
    fn eq(&self, other: &Self) -> bool {
        self.verify == other.verify && self.roots == other.roots && self.client == other.client
    }
}

impl Eq for TlsOptions {}

impl ClientCertificate {
    fn load(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsConfigError> {
        let chain = certificates_in(&self.certificate)?;
        if chain.is_empty() {
            return Err(TlsConfigError::NoCertificate(self.certificate.clone()));
        }
        let path = self.key.as_ref().unwrap_or(&self.certificate);
        let key = PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
            pem::Error::Io(error) => unreadable(path, &error),
            _ => TlsConfigError::NoKey(path.clone()),
        })?;
        Ok((chain, key))
    }
}

fn certificates_at(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    if !path.is_dir() {
        return certificates_in(path);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        files.push(entry.map_err(|error| unreadable(path, &error))?.path());
    }
    files.sort();
    // As OpenSSL, which looks for an authority under the name that `c_rehash` gives it, and trusts nothing else in there.
    let files = files.iter().filter(|file| is_hashed(file) && file.is_file());
    Ok(files.filter_map(|file| certificates_in(file).ok()).flatten().collect())
}

/// Whether a file has a name that `c_rehash` gives: eight hexadecimal digits, a dot and a number.
fn is_hashed(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (hash, number) = name.split_once('.').unwrap_or_default();
    let digits = |text: &str, fits: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(fits);
    hash.len() == 8 && digits(hash, u8::is_ascii_hexdigit) && digits(number, u8::is_ascii_digit)
}

fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let pem = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsConfigError::NoCertificate(path.to_owned()))
}

fn unreadable(path: &Path, error: &io::Error) -> TlsConfigError {
    TlsConfigError::Read {
        path: path.to_owned(),
        reason: error.to_string().into(),
        os_error: error.raw_os_error(),
    }
}

/// Why a TLS connection failed.
pub(crate) fn failure(error: &rustls::Error) -> Failure {
    use rustls::Error as Tls;
    let kind = match error {
        Tls::InvalidCertificate(error) => ErrorKind::TlsVerify(fault(error)),
        Tls::AlertReceived(alert) => ErrorKind::TlsHandshake(TlsReason::Alert(u8::from(*alert))),
        Tls::InvalidMessage(InvalidMessage::InvalidContentType) => ErrorKind::TlsHandshake(TlsReason::NotTls),
        _ => ErrorKind::TlsHandshake(TlsReason::Other),
    };
    Failure::with_message(kind, error.to_string())
}

/// What is wrong with a certificate.
fn fault(error: &CertificateError) -> TlsReason {
    use CertificateError as Fault;
    match error {
        Fault::UnknownIssuer => TlsReason::UnknownIssuer,
        Fault::Expired | Fault::ExpiredContext { .. } => TlsReason::Expired,
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => TlsReason::NotYetValid,
        Fault::Revoked => TlsReason::Revoked,
        Fault::NotValidForName => TlsReason::WrongName(Box::default()),
        Fault::NotValidForNameContext { expected, .. } => TlsReason::WrongName(expected.to_str().into()),
        Fault::BadSignature | Fault::UnsupportedSignatureAlgorithmContext { .. } => TlsReason::Signature,
        Fault::Other(_) => match webpki_says(error) {
            // Whatever vouches for itself says that it is an authority.
            Some(webpki::Error::CaUsedAsEndEntity) => TlsReason::SelfSigned,
            Some(webpki::Error::UnsupportedCertVersion) => TlsReason::CertificateVersion,
            _ => TlsReason::Certificate,
        },
        _ => TlsReason::Certificate,
    }
}

/// The error of webpki that rustls has no name of its own for.
fn webpki_says(error: &CertificateError) -> Option<&webpki::Error> {
    match error {
        CertificateError::Other(other) => other.0.downcast_ref(),
        _ => None,
    }
}

/// Chains to a known root; or, as OpenSSL has it, the very certificate that was given as a root.
///
/// People who test against a server with a self-signed certificate give that certificate as the authority.
/// webpki refuses it for a server whenever it says of itself that it is an authority, which is what
/// `openssl req -x509` makes.
#[derive(Debug)]
struct Trusted {
    chains: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.chains.verify_server_cert(end_entity, intermediates, name, ocsp, now);
        match verdict {
            // webpki looks at the dates before it gets here.
            Err(rustls::Error::InvalidCertificate(ref error))
                if self.given.iter().any(|given| given == end_entity)
                    && matches!(webpki_says(error), Some(webpki::Error::CaUsedAsEndEntity)) =>
            {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Trusts anyone, whatever the certificate looks like: load tests meet odd ones.
#[derive(Debug)]
struct Anyone {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anyone {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_with_the_same_parts_are_equal_and_shared_ones_identical() {
        assert!(Arc::ptr_eq(&TlsOptions::verified(), &TlsOptions::verified()));
        assert_ne!(TlsOptions::verified(), TlsOptions::unverified());
        assert_eq!(TlsOptions::verified(), TlsOptions::new(true, Roots::Mozilla, None));
    }

    #[test]
    fn faults_in_files_are_told_before_a_request() {
        let folder = std::env::temp_dir().join(format!("gregaria-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let empty = TlsOptions::new(true, Roots::Path(folder.clone()), None);
        assert_eq!(empty.prepare(), Err(TlsConfigError::NoCertificate(folder.clone())));
        let missing = folder.join("missing.pem");
        let client = ClientCertificate { certificate: missing.clone(), key: None };
        let error = TlsOptions::new(false, Roots::Mozilla, Some(client)).prepare().unwrap_err();
        assert!(
            matches!(error, TlsConfigError::Read { ref path, os_error: Some(2), .. } if *path == missing)
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
