//! HTTPS, and the wrong protocol on a port.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use gregaria_web::Config;
use tokio_rustls::rustls::{self, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::fixture::{Site, exchange, parse, until};

struct Files {
    folder: PathBuf,
    certificate: rustls::pki_types::CertificateDer<'static>,
}

impl Files {
    fn make(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("gregaria-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        Self { folder, certificate: made.cert.der().clone() }
    }

    fn pair(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("cert.pem"), self.folder.join("key.pem"))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn https_is_spoken_with_a_certificate() {
    let files = Files::make("https");
    let site = Site::start(Config { tls: Some(files.pair()), ..Config::default() });
    assert!(site.server().url().starts_with("https://"));
    let mut roots = RootCertStore::empty();
    roots.add(files.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let reply = exchange(StreamOwned::new(client, site.connect()), "GET", "/tasks", &[], b"");
    assert_eq!(reply.status, 200);
    let mut plain = site.connect();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    let answer = parse(&answer);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("https://"));
}

#[test]
fn https_to_the_http_port_is_explained_in_the_log() {
    let site = Site::plain();
    let mut stream = site.connect();
    stream.write_all(&[0x16, 3, 1, 0, 200, 1, 0, 0, 196]).unwrap();
    let words = until(|| site.program.logged.lock().unwrap().first().map(|(_, words)| words.clone()));
    assert!(
        words.starts_with("An https request was made against Locust's Web UI (which was expecting http)."),
        "{words}"
    );
}

#[test]
fn files_of_no_use_are_named() {
    let files = Files::make("bad");
    let start = |tls: (PathBuf, PathBuf)| {
        let config = Config { host: "127.0.0.1".into(), tls: Some(tls), ..Config::default() };
        let site = Site::plain();
        gregaria_web::Server::start(config, site.record(), site.program).unwrap_err().to_string()
    };
    let (certificate, key) = files.pair();
    let missing = files.folder.join("missing.pem");
    let words = start((missing, key));
    assert!(words.contains("--tls-cert") && words.contains("missing.pem"), "{words}");
    let words = start((certificate.clone(), certificate.clone()));
    assert!(words.contains("--tls-key") && words.contains("cert.pem"), "{words}");
    let other = Files::make("other");
    let words = start((certificate, other.pair().1));
    assert!(words.contains("do not fit"), "{words}");
}
