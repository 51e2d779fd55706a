//! TLS: whom to trust, who we are, and what is said when that fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gregaria_http::{
    ClientCertificate, ErrorKind, Event, Method, Phase, RequestOptions, Roots, TlsConfigError, TlsOptions,
    TlsReason,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, RootCertStore, ServerConfig};

use crate::harness::{Harness, Outcome, post, request};
use crate::server::Server;

/// An authority, a server it vouches for, and the PEM files a user would have.
pub(crate) struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("gregaria-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    /// A certificate for `name` with its key.
    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// The set-up of a server called `name` that asks clients for a certificate if `ask` says so.
    pub(crate) fn server(&self, name: &str, ask: bool) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(name);
        server_config(certificate.der().clone(), &key, ask.then(|| self.issuer.der().clone()))
    }

    pub(crate) fn trust(&self) -> Arc<TlsOptions> {
        TlsOptions::new(true, Roots::Path(self.folder.join("ca.pem")), None)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn server_config(
    certificate: CertificateDer<'static>,
    key: &KeyPair,
    clients: Option<CertificateDer<'static>>,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority).unwrap();
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Arc::new(builder.with_single_cert(vec![certificate], key).unwrap())
}

fn options(tls: Arc<TlsOptions>) -> RequestOptions {
    RequestOptions { tls, ..RequestOptions::default() }
}

fn fetch(server: &Server, host: &str, tls: Arc<TlsOptions>) -> Outcome {
    let harness = Harness::new();
    let url = format!("https://{host}:{}/secret", server.port());
    harness.run(&harness.session(), request(Method::Get, &url, options(tls)))
}

#[test]
fn a_server_vouched_for_by_a_given_authority_is_trusted() {
    let authority = Authority::new("given");
    let server = Server::start_tls(authority.server("localhost", false), |peer, _| peer.echo());
    let exchange = fetch(&server, "localhost", authority.trust()).unwrap();
    assert_eq!(&exchange.response.body[..], b"/secret");
    assert!(!exchange.timings.tls.is_zero());
    let folder = || TlsOptions::new(true, Roots::Path(authority.folder.clone()), None);
    // Of a folder's files those count that c_rehash has named, as with OpenSSL.
    assert_eq!(fetch(&server, "localhost", folder()).unwrap_err().kind, ErrorKind::TlsConfig);
    std::fs::copy(authority.folder.join("ca.pem"), authority.folder.join("0a1b2c3d.0")).unwrap();
    assert!(fetch(&server, "localhost", folder()).is_ok());
}

#[test]
fn a_server_of_an_unknown_authority_is_not_trusted_unless_anyone_is() {
    let authority = Authority::new("unknown");
    let server = Server::start_tls(authority.server("localhost", false), |peer, _| peer.echo());
    let other = Authority::new("other");
    for tls in [TlsOptions::verified(), other.trust()] {
        let error = fetch(&server, "localhost", tls).unwrap_err();
        // Another authority of the same name has not signed this.
        assert!(
            matches!(error.kind, ErrorKind::TlsVerify(TlsReason::UnknownIssuer | TlsReason::Signature)),
            "{error:?}"
        );
        assert_eq!(error.phase, Phase::Tls);
        assert!(error.message.starts_with("invalid peer certificate: "), "{error}");
    }
    assert!(fetch(&server, "localhost", TlsOptions::unverified()).is_ok());
}

#[test]
fn a_server_by_another_name_is_not_trusted() {
    let authority = Authority::new("name");
    let server = Server::start_tls(authority.server("elsewhere.example", false), |peer, _| peer.echo());
    for name in ["localhost", "127.0.0.1"] {
        let error = fetch(&server, name, authority.trust()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TlsVerify(TlsReason::WrongName(name.into())));
    }
    assert!(fetch(&server, "127.0.0.1", TlsOptions::unverified()).is_ok());
}

#[test]
fn an_address_may_be_the_name() {
    let authority = Authority::new("address");
    let server = Server::start_tls(authority.server("127.0.0.1", false), |peer, _| peer.echo());
    assert!(fetch(&server, "127.0.0.1", authority.trust()).is_ok());
}

#[test]
fn a_self_signed_certificate_given_as_authority_is_trusted_for_its_name() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let authority = Authority::new("self-signed");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = authority.file("self.pem", &certificate.pem());
        let server =
            Server::start_tls(server_config(certificate.der().clone(), &key, None), |peer, _| peer.echo());
        let tls = TlsOptions::new(true, Roots::Path(file), None);
        assert!(fetch(&server, "localhost", Arc::clone(&tls)).is_ok(), "{is_ca:?}");
        let error = fetch(&server, "127.0.0.1", tls).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::TlsVerify(TlsReason::WrongName(_))), "{is_ca:?}: {error:?}");
    }
}

#[test]
fn a_server_that_asks_who_we_are_is_told() {
    let authority = Authority::new("client");
    let server = Server::start_tls(authority.server("localhost", true), |peer, _| peer.echo());
    let (certificate, key) = authority.issue("user");
    let both = authority.file("both.pem", &(certificate.pem() + &key.serialize_pem()));
    let certificate_file = authority.file("user.pem", &certificate.pem());
    let key_file = authority.file("user.key", &key.serialize_pem());
    let roots = || Roots::Path(authority.folder.join("ca.pem"));
    let one = ClientCertificate { certificate: both, key: None };
    let two = ClientCertificate { certificate: certificate_file.clone(), key: Some(key_file) };
    for client in [one, two] {
        let tls = TlsOptions::new(true, roots(), Some(client));
        assert!(fetch(&server, "localhost", tls).is_ok());
    }
    let error = fetch(&server, "localhost", authority.trust()).unwrap_err();
    // 116: certificate required.
    assert_eq!(error.kind, ErrorKind::TlsHandshake(TlsReason::Alert(116)), "{error}");
    let keyless = ClientCertificate { certificate: certificate_file.clone(), key: None };
    let tls = TlsOptions::new(true, roots(), Some(keyless));
    assert_eq!(tls.prepare(), Err(TlsConfigError::NoKey(certificate_file)));
    assert_eq!(fetch(&server, "localhost", tls).unwrap_err().kind, ErrorKind::TlsConfig);
}

#[test]
fn a_missing_file_is_told_by_name() {
    let tls = TlsOptions::new(true, Roots::Path(Path::new("/nonexistent/ca.pem").into()), None);
    let server = Server::start(|peer, _| {
        peer.closed_by_client();
    });
    let error = fetch(&server, "localhost", tls).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TlsConfig);
    assert!(error.message.contains("/nonexistent/ca.pem"), "{error}");
}

#[test]
fn a_server_that_speaks_no_tls_fails_the_handshake() {
    let server = Server::start(|peer, _| {
        peer.more();
        peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let error = fetch(&server, "localhost", TlsOptions::unverified()).unwrap_err();
    assert_eq!((error.kind, error.phase), (ErrorKind::TlsHandshake(TlsReason::NotTls), Phase::Tls));
    let server = Server::start(|peer, _| {
        peer.more();
    });
    assert!(fetch(&server, "localhost", TlsOptions::unverified()).is_err());
}

#[test]
fn large_bodies_and_kept_connections_work_over_tls() {
    let authority = Authority::new("large");
    let server = Server::start_tls(authority.server("localhost", false), |peer, _| {
        while let Some(asked) = peer.request() {
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", asked.body.len()));
            peer.send(&asked.body);
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    let body: Vec<u8> = (0..3_000_000).map(|index| index as u8).collect();
    let shared = Arc::new(options(authority.trust()));
    for number in 0..3 {
        let mut ask = post(&format!("https://localhost:{}/", server.port()), body.clone());
        ask.options = Arc::clone(&shared);
        let exchange = harness.run(&session, ask).unwrap();
        assert_eq!(exchange.reused, number > 0);
        assert!(exchange.response.body == body);
    }
}

#[test]
fn a_streamed_body_is_held_back_over_tls_as_well() {
    let authority = Authority::new("stream");
    let total = 2_000_000;
    let server = Server::start_tls(authority.server("localhost", false), move |peer, _| {
        peer.request();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n"));
        peer.send(vec![7; total]);
        peer.closed_by_client();
    });
    let harness = Harness::new();
    let session = harness.session();
    let options = RequestOptions { stream: true, ..options(authority.trust()) };
    let id = session.send(request(Method::Get, &format!("https://localhost:{}/", server.port()), options), 0);
    assert!(matches!(harness.next().event, Event::Head(_)));
    std::thread::sleep(crate::harness::milliseconds(50));
    let (body, end) = harness.collect(&session, id);
    assert_eq!((body.len(), end), (total, Ok(())));
}

#[test]
fn sessions_are_resumed_within_one_set_of_options() {
    let authority = Authority::new("resume");
    let resumed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&resumed);
    let server = Server::start_tls(authority.server("localhost", false), move |peer, _| {
        while peer.request().is_some() {
            if peer.handshake() == Some(HandshakeKind::Resumed) {
                count.fetch_add(1, Ordering::SeqCst);
            }
            peer.respond("200 OK", "Connection: close\r\n", "");
        }
    });
    let harness = Harness::new();
    let tls = authority.trust();
    for _ in 0..3 {
        let ask =
            request(Method::Get, &format!("https://localhost:{}/", server.port()), options(Arc::clone(&tls)));
        harness.run(&harness.session(), ask).unwrap();
    }
    assert_eq!((server.connections(), resumed.load(Ordering::SeqCst)), (3, 2));
}
