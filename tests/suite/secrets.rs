//! A secret planted in every place that holds one comes out nowhere.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::harness::{Microsoft, Person, ask, run};

const PLANTED: &str = "planted-secret-7f3a";

/// Everything the program says while it cannot sign in with `credential`, at the loudest level.
fn said(credential: &str, folder: &std::path::Path) -> String {
    let microsoft = Microsoft::small();
    let address = microsoft.address;
    let yaml = format!(
        "outbound: {{ proxy: 'http://user:{PLANTED}@127.0.0.1:9' }}\n\
         tenants:\n  - name: contoso\n    tenant_id: 51301a7e-0000-4000-8000-00000000c59a\n    \
         pace: unlimited\n    credential: {{ {credential} }}\n    \
         app_user: {{ client_id: 51301a7e-0000-4000-8000-0000000a9905, client_secret_env: PLANTED, refresh_token_file: grant }}\n    \
         endpoints: {{ login: 'http://{address}', graph: 'http://{address}/graph' }}\n"
    );
    let config = folder.join("config.yml");
    std::fs::write(&config, yaml).unwrap();
    std::fs::write(folder.join("grant"), PLANTED).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_partnercenter_exporter"))
        .arg(format!("--config.file={}", config.display()))
        .args(["--web.listen-address=127.0.0.1:0", "--log.level=debug", "--log.format=json"])
        .env("PLANTED", PLANTED)
        .env("IDENTITY_ENDPOINT", format!("http://{address}/msi/token"))
        .env("IDENTITY_HEADER", PLANTED)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    log.read_line(&mut said).unwrap();
    let first: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    let address = first["address"].as_str().unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    run(async {
        while ask(address, "GET", "/-/ready", "").await.status != 200 {
            tokio::task::yield_now().await;
        }
        for path in ["/metrics", "/", "/-/ready", "/nowhere"] {
            said += ask(address, "GET", path, "").await.text();
        }
    });
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    child.wait().unwrap();
    log.read_to_string(&mut said).unwrap();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    // What the program tried has to have come to something, or nothing was tested.
    assert!(said.contains("gives no token") && said.contains("reason=\"credential\"}"), "{said}");
    assert!(said.contains("gives no token for the person"), "{said}");
    said
}

#[test]
fn a_secret_in_any_credential_field_is_never_told() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, PLANTED).unwrap();
    let secret = secret.display();
    let id = "client_id: 51301a7e-0000-4000-8000-0000000000a9";
    for credential in [
        format!("{id}, client_secret_file: {secret}"),
        format!("{id}, client_secret_env: PLANTED"),
        format!("{id}, certificate_file: {secret}"),
        format!("{id}, certificate_file: {secret}, key_file: {secret}"),
        format!("{id}, federated_token_file: {secret}"),
        "managed_identity: {}".to_owned(),
    ] {
        let said = said(&credential, folder.path());
        assert!(!said.contains(PLANTED), "{credential}\n{said}");
    }
}

#[test]
fn a_token_is_never_told() {
    let microsoft = Microsoft::small();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yml");
    let person = Person::consenting(&microsoft, true);
    let yaml = format!("tenants:\n{}{}", microsoft.tenant("contoso"), person.app_user());
    std::fs::write(&config, yaml).unwrap();
    microsoft.faults(&[
        "expired-token@/users",
        "malformed@/organization",
        "throttle=0@/subscribedSkus",
        "reset@/download/",
    ]);
    let output = Command::new(env!("CARGO_BIN_EXE_partnercenter_exporter"))
        .args(["check", "--output=json", "--log.level=debug"])
        .arg(format!("--config.file={}", config.display()))
        .env("SECRET", partnercenter_exporter::simulator::CLIENT_SECRET)
        .env("APP_USER_SECRET", partnercenter_exporter::simulator::APP_USER_CLIENT_SECRET)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("cannot be read"), "{said}");
    // Tokens of the simulator are JWTs, which begin like this.
    assert!(!said.contains("eyJ") && !said.contains("Bearer"), "{said}");
    // Where a report lies is as good as a token for it.
    let asked = microsoft.control.requests();
    let places =
        asked.iter().filter_map(|it| it.path.strip_prefix("/download/")?.rsplit('/').next());
    let places: Vec<_> = places.collect();
    assert!(places.len() > 1 && said.contains("outlook_versions"), "{places:?}\n{said}");
    assert!(!places.iter().any(|place| said.contains(place)), "{said}");
    let grant = std::fs::read_to_string(&person.grant).unwrap();
    assert!(said.contains("app_user_token") || said.contains("sam-refresh-token"), "{said}");
    assert!(!said.contains(&grant), "{said}");
}
