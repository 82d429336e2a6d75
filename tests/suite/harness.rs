//! What the suite shares: an exporter collecting from a simulator or from canned bodies, its clock
//! turned by hand, its page read over loopback.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use jiff::Timestamp;
use partnercenter_exporter::clock::Clock;
use partnercenter_exporter::config;
use partnercenter_exporter::refresh::{Collecting, Settings, View};
use partnercenter_exporter::server;
use partnercenter_exporter::simulator::{self, Control, Fault, Simulator};
use partnercenter_exporter::snapshot::Snapshot;
use partnercenter_exporter::telemetry::Telemetry;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The moment every test begins at.
pub(crate) fn beginning() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// How long anything may take in real time before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Runs a test on a runtime of its own, and not for ever.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("in time") })
}

/// A simulated Microsoft on a thread of its own.
pub(crate) struct Microsoft {
    pub(crate) address: SocketAddr,
    pub(crate) control: Control,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Microsoft {
    /// Starts one whose time stands still at the beginning.
    pub(crate) fn start(settings: simulator::Settings) -> Self {
        Self::at(Some(beginning()), settings)
    }

    /// A small world that stands still at the present, for whoever goes by the machine's clock.
    pub(crate) fn of_today() -> Self {
        Self::at(None, simulator::Settings { users: 120, ..simulator::Settings::default() })
    }

    /// The same with so many sign-ins a day.
    pub(crate) fn logging_until_today(sign_ins: usize) -> Self {
        Self::at(None, simulator::Settings { users: 120, sign_ins, ..Default::default() })
    }

    fn at(start: Option<Timestamp>, settings: simulator::Settings) -> Self {
        let settings = simulator::Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            start,
            moving: false,
            // Time that stands still would throttle for ever.
            enforce_throttles: false,
            ..settings
        };
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let simulator = Simulator::bind(settings).await.unwrap();
                tell.send((simulator.address(), simulator.control())).unwrap();
                simulator.serve(async { drop(stopped.await) }).await;
            });
        });
        let (address, control) = told.recv().unwrap();
        Self { address, control, _stop: stop }
    }

    /// A small world without faults.
    pub(crate) fn small() -> Self {
        Self::start(simulator::Settings { users: 120, ..simulator::Settings::default() })
    }

    pub(crate) fn faults(&self, faults: &[&str]) {
        let faults = faults.iter().map(|fault| fault.parse::<Fault>().unwrap()).collect();
        self.control.set_faults(faults);
    }

    /// The configuration of a tenant that lives here, `name` its short name.
    pub(crate) fn tenant(&self, name: &str) -> String {
        let identity = simulator::Identity::default();
        let address = self.address;
        format!(
            "  - name: {name}\n    tenant_id: {}\n    credential: {{ client_id: {}, client_secret_env: SECRET }}\n    \
             pace: unlimited\n    endpoints: {{ login: 'http://{address}', graph: 'http://{address}/graph', \
             partner_center: 'http://{address}/partnercenter', dap: 'http://{address}/dap' }}\n",
            identity.tenant_id, identity.client_id
        )
    }
}

/// Somebody who has consented, and the file their grant is kept in.
pub(crate) struct Person {
    pub(crate) grant: std::path::PathBuf,
    _room: tempfile::TempDir,
}

impl Person {
    /// Whose grant lives in `microsoft`, with MFA or without.
    pub(crate) fn consenting(microsoft: &Microsoft, mfa: bool) -> Self {
        let room = tempfile::tempdir().unwrap();
        let grant = room.path().join("grant");
        std::fs::write(&grant, microsoft.control.grant(mfa, false)).unwrap();
        Self { grant, _room: room }
    }

    /// Consents anew.
    pub(crate) fn again(&self, microsoft: &Microsoft) {
        std::fs::write(&self.grant, microsoft.control.grant(true, false)).unwrap();
    }

    /// What the configuration of a tenant says of them.
    pub(crate) fn app_user(&self) -> String {
        format!(
            "    app_user: {{ client_id: {}, client_secret_env: {}, refresh_token_file: '{}' }}\n",
            simulator::Identity::default().app_user_client_id,
            APP_USER_SECRET,
            self.grant.display()
        )
    }
}

/// The variable that holds the secret of the application for people.
const APP_USER_SECRET: &str = "APP_USER_SECRET";

/// Settings from YAML, the secret of the simulated application in the environment.
pub(crate) fn settings(yaml: &str) -> Settings {
    let identity = simulator::Identity::default();
    let secret = |name: &str| match name {
        APP_USER_SECRET => identity.app_user_client_secret.clone(),
        _ => identity.client_secret.clone(),
    };
    config::parse(Path::new("test.yml"), yaml, &|name| Some(secret(name)))
        .unwrap_or_else(|e| panic!("{e}"))
}

/// An exporter whose clock is turned by hand.
pub(crate) struct Exporter {
    pub(crate) clock: Clock,
    pub(crate) view: View,
    pub(crate) telemetry: Telemetry,
    collecting: Collecting,
}

impl Exporter {
    pub(crate) fn start(settings: Settings) -> Self {
        Self::start_at(beginning(), settings)
    }

    pub(crate) fn start_at(now: Timestamp, settings: Settings) -> Self {
        let clock = Clock::driven(now);
        let telemetry = Telemetry::new();
        let collecting = Collecting::start(settings, clock.clone(), telemetry.clone()).unwrap();
        Self { clock, view: collecting.view(), telemetry, collecting }
    }

    /// One that watches one tenant, `contoso`, and has tried every source once.
    pub(crate) async fn of(microsoft: &Microsoft) -> Self {
        let mut exporter =
            Self::start(settings(&format!("tenants:\n{}", microsoft.tenant("contoso"))));
        exporter.until(Snapshot::is_ready).await;
        exporter
    }

    /// One that acts for `person` in the same tenant, and has tried every source once.
    pub(crate) async fn for_person(microsoft: &Microsoft, person: &Person) -> Self {
        let mut exporter = Self::start(settings(&format!(
            "tenants:\n{}{}",
            microsoft.tenant("contoso"),
            person.app_user()
        )));
        exporter.until(Snapshot::is_ready).await;
        exporter
    }

    /// Waits until everything is read that what was read has made worth reading: until nothing is
    /// asked any more, for less time than anything that failed takes to be asked for again.
    pub(crate) async fn settle(&mut self, microsoft: &Microsoft) {
        self.settle_by(|| microsoft.control.requests().len()).await;
    }

    /// The same where somebody else counts what is asked.
    async fn settle_by(&mut self, asked_for: impl Fn() -> usize) {
        let (mut quiet, mut asked) = (0, 0);
        while quiet < 3 {
            let then = self.clock.uptime() + Duration::from_secs(3);
            self.until(|snapshot| snapshot.printed >= then).await;
            let before = std::mem::replace(&mut asked, asked_for());
            quiet = if asked == before { quiet + 1 } else { 0 };
        }
    }

    /// Turns the clock, bit by bit, until a page satisfies `condition`. Real answers arrive in real
    /// time, so the clock does not run ahead of a collecting thread that is busy.
    pub(crate) async fn until(&mut self, condition: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        const AHEAD: Duration = Duration::from_secs(10);
        const QUIET: u32 = 40;
        let mut quiet = 0;
        loop {
            let snapshot = self.view.current().expect("collecting turns");
            if condition(&snapshot) {
                return snapshot;
            }
            if self.clock.uptime() < snapshot.printed + AHEAD || quiet > QUIET {
                self.clock.turn(Duration::from_millis(500));
                quiet = 0;
            }
            let printed = self.view.wait_for(|latest| latest.printed > snapshot.printed);
            match tokio::time::timeout(Duration::from_millis(2), printed).await {
                Ok(_) => quiet = 0,
                Err(_) => quiet += 1,
            }
        }
    }

    /// The page in the text format, as of now.
    pub(crate) fn page(&self) -> String {
        let snapshot = self.view.current().expect("collecting turns");
        String::from_utf8(snapshot.page.text.plain.to_vec()).unwrap()
    }

    /// Waits until the page has `line`.
    pub(crate) async fn until_line(&mut self, line: &str) -> String {
        let found = self.until(|snapshot| {
            let page = std::str::from_utf8(&snapshot.page.text.plain).unwrap();
            page.lines().any(|served| served == line)
        });
        match tokio::time::timeout(PATIENCE / 2, found).await {
            Ok(snapshot) => String::from_utf8(snapshot.page.text.plain.to_vec()).unwrap(),
            Err(_) => panic!("{line}\nnever came into\n{}", self.page()),
        }
    }

    /// Ends it as a signal does: what is to be kept was written, and its state is free.
    pub(crate) async fn stop(self) {
        self.collecting.stop().await.unwrap();
    }

    /// Serves the page over HTTP on a port of its own.
    pub(crate) async fn serve(&self, max_requests: usize) -> SocketAddr {
        let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = server::Settings { telemetry_path: "/metrics".to_owned(), max_requests };
        tokio::spawn(server::serve(
            vec![listener],
            settings,
            self.view.clone(),
            self.telemetry.clone(),
            Clock::system(),
            std::future::pending(),
        ));
        address
    }
}

/// An answer as it came over the wire.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// One request on a connection of its own, by hand, so that nothing is decoded behind our back.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await.unwrap();
    let end = raw.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(raw[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: raw[end + 4..].to_vec() }
}

/// The page of an exporter that was served canned bodies by a server that is not ours.
pub(crate) struct Served {
    pub(crate) page: String,
}

/// Path's end, status and body.
pub(crate) type Canned = (String, u16, Vec<u8>);

/// Where tokens are had.
pub(crate) const TOKEN: &str = "/oauth2/v2.0/token";

impl Served {
    /// Serves each body with 200 to paths that end as told, and collects until nothing more is asked.
    pub(crate) fn collect(bodies: &[(&str, Vec<u8>)]) -> Self {
        let canned = bodies.iter().map(|(path, body)| ((*path).to_owned(), 200, body.clone()));
        Self::collect_all(canned.collect())
    }

    /// Serves each body to paths that end as told, 404 to all others, and collects until nothing
    /// more is asked.
    pub(crate) fn collect_all(bodies: Vec<Canned>) -> Self {
        Self::of(bodies, "")
    }

    /// The same for an exporter that acts for a person too.
    pub(crate) fn collect_for_person(bodies: Vec<Canned>) -> Self {
        let room = tempfile::tempdir().unwrap();
        let grant = room.path().join("grant");
        std::fs::write(&grant, "canned").unwrap();
        let app_user = format!(
            "    app_user: {{ client_id: 31111111-2222-4333-8444-555555555555, \
             client_secret_env: S, refresh_token_file: '{}' }}\n    \
             sources: {{ dap_service: {{ enabled: true }} }}\n",
            grant.display()
        );
        Self::of(bodies, &app_user)
    }

    fn of(bodies: Vec<Canned>, more: &str) -> Self {
        let bodies = Arc::new(bodies);
        run(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    count.fetch_add(1, Relaxed);
                    tokio::spawn(answer(stream, Arc::clone(&bodies)));
                }
            });
            let yaml = format!(
                "tenants:\n  - name: contoso\n    tenant_id: 11111111-2222-4333-8444-555555555555\n    \
                 credential: {{ client_id: 21111111-2222-4333-8444-555555555555, client_secret_env: S }}\n    \
                 pace: unlimited\n    endpoints: {{ login: 'http://{address}', graph: 'http://{address}', \
                 partner_center: 'http://{address}', dap: 'http://{address}' }}\n{more}"
            );
            let mut exporter = Exporter::start(settings(&yaml));
            exporter.until(Snapshot::is_ready).await;
            exporter.settle_by(|| asked.load(Relaxed)).await;
            Self { page: exporter.page() }
        })
    }
}

/// Answers one request on any stream.
pub(crate) async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    bodies: Arc<Vec<Canned>>,
) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&chunk[..read]),
        }
    }
    let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
    let granted = br#"{"token_type":"Bearer","expires_in":3599,"access_token":"canned"}"#;
    let found = bodies.iter().find(|(end, ..)| path.ends_with(end.as_str()));
    let (status, body) = match found {
        Some((_, status, body)) => (*status, body.as_slice()),
        None if path.ends_with(TOKEN) => (200, granted.as_slice()),
        None => (404, b"{}".as_slice()),
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body).await;
    let _ = stream.shutdown().await;
}
