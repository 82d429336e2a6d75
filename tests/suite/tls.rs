//! Real TLS: a certificate authority of our own is trusted when configured and not otherwise, and
//! a proxy is asked to tunnel.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::harness::{Canned, Exporter, answer, run, settings};
use partnercenter_exporter::snapshot::Snapshot;

const HOST: &str = "graph.partner.test";

/// A server for `HOST` and this machine, and the PEM of the authority to trust for it.
async fn server(bodies: Vec<Canned>) -> (SocketAddr, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = [HOST, "localhost", "127.0.0.1"].map(str::to_owned);
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bodies = Arc::new(bodies);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, bodies) = (acceptor.clone(), Arc::clone(&bodies));
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    answer(stream, bodies).await;
                }
            });
        }
    });
    (address, certificate.pem())
}

fn bodies() -> Vec<Canned> {
    let policy = "/identitySecurityDefaultsEnforcementPolicy".to_owned();
    vec![(policy, 200, br#"{"isEnabled":true}"#.to_vec())]
}

fn yaml(outbound: &str, root: &str) -> String {
    format!(
        "outbound: {{ {outbound} }}\ntenants:\n  - name: contoso\n    \
         tenant_id: 11111111-2222-4333-8444-555555555555\n    \
         credential: {{ client_id: 21111111-2222-4333-8444-555555555555, client_secret_env: S }}\n    \
         pace: unlimited\n    endpoints: {{ login: '{root}', graph: '{root}' }}\n"
    )
}

async fn page(yaml: &str) -> String {
    let mut exporter = Exporter::start(settings(yaml));
    exporter.until(Snapshot::is_ready).await;
    exporter.page()
}

const READ: &str =
    "partnercenter_source_success{tenant=\"contoso\",source=\"security_defaults\"} 1";

#[test]
fn an_authority_is_trusted_when_it_is_configured_and_not_otherwise() {
    run(async {
        let (address, pem) = server(bodies()).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, pem).unwrap();
        let root = format!("https://localhost:{}", address.port());
        let page_with = page(&yaml(&format!("ca_file: {}", file.display()), &root)).await;
        assert!(page_with.contains(READ), "{page_with}");
        let page_without = page(&yaml("", &root)).await;
        assert!(!page_without.contains(READ), "{page_without}");
        let failure = "partnercenter_token_failure{tenant=\"contoso\",reason=\"unreachable\"} 1";
        assert!(page_without.contains(failure), "{page_without}");
    });
}

#[test]
fn a_proxy_tunnels_to_hosts_only_it_can_find() {
    run(async {
        let (target, pem) = server(bodies()).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, pem).unwrap();
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = proxy.local_addr().unwrap();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = proxy.accept().await {
                let tell = tell.clone();
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut request = String::new();
                    while !request.ends_with("\r\n\r\n") {
                        stream.read_line(&mut request).await.unwrap();
                    }
                    tell.send(request).unwrap();
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                    let mut target = TcpStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut target).await;
                });
            }
        });
        let outbound = format!("proxy: 'http://{address}', ca_file: {}", file.display());
        let page = page(&yaml(&outbound, &format!("https://{HOST}"))).await;
        assert!(page.contains(READ), "{page}");
        let asked = told.recv().await.unwrap();
        assert!(asked.starts_with(&format!("CONNECT {HOST}:443 ")), "{asked}");
    });
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "nothing\n").unwrap();
    let config = folder.path().join("config.yml");
    let outbound = format!("ca_file: {}", file.display());
    std::fs::write(&config, yaml(&outbound, "https://localhost:1")).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_partnercenter_exporter"))
        .arg(format!("--config.file={}", config.display()))
        .arg("--web.listen-address=127.0.0.1:0")
        .env("S", "secret")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ca.pem: no certificate in it; give a PEM file"), "{said}");
}
