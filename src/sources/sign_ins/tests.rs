//! The reader against a naive one that keeps every row and counts them all each time.

mod past;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::hour::Kind;
use super::log::{Closed, Log, Tally};
use super::row;
use super::window::{HOUR, MOST_PAGES, Span, Window};
use super::*;

impl SignIns {
    /// The same with more people than are kept.
    pub(crate) fn crowded(mut self) -> Self {
        self.figures.as_mut().unwrap().people = None;
        self
    }

    /// A log written by hand: who (`who`) signed in how, an hour of everything by default right.
    pub(crate) fn written(
        rows: &[serde_json::Value],
        now: Timestamp,
        is_plain: bool,
        reaches_back: bool,
    ) -> Self {
        let (now, window) = (now.as_second(), 24 * HOUR);
        let mut log = Log::new(now, window);
        begin(&mut log, now, window);
        while let Some(window) = log.next() {
            let mut tally = Tally::new(window, Home::default());
            for (number, row) in rows.iter().enumerate() {
                let text = |key: &str| row[key].as_str().unwrap_or_default();
                let requirement = match row["factors"].as_u64() {
                    Some(1) => "singleFactorAuthentication",
                    Some(2) => "multiFactorAuthentication",
                    _ => "",
                };
                let row_text = json!({"value": [{
                    "id": format!("{number}"), "createdDateTime": "2026-11-24T00:30:00Z",
                    "userId": text("who"), "clientAppUsed": text("client"), "appId": text("app"),
                    "resourceId": text("to"), "authenticationProtocol": text("protocol"),
                    "crossTenantAccessType": text("access"), "incomingTokenType": text("token"),
                    "authenticationRequirement": requirement,
                    "status": {"errorCode": row["error"].as_u64().unwrap_or_default()},
                }]});
                let kind = match row["program"].as_bool() {
                    Some(true) => Kind::NonInteractive,
                    _ => Kind::Interactive,
                };
                let page = page(row_text.to_string().as_bytes()).unwrap();
                page.rows.iter().for_each(|row| tally.add(kind, row));
            }
            log.commit(tally, 1, is_plain);
        }
        let reach = reaches_back.then_some(now - 29 * 24 * HOUR - 1);
        let mut source = Self { reach: Some((now, reach)), ..Self::of(log) };
        source.count();
        source
    }
}

const OWN: &str = "3f1c0b6a-0000-4000-8000-000000000001";

fn home() -> Home {
    Home { tenant: wire::guid(OWN), ..Home::default() }
}

fn begin(log: &mut Log, now: i64, window: i64) {
    log.begin(now, window, &Applications::default());
}

fn counted(log: Log) -> SignIns {
    let mut source = SignIns::of(log);
    source.count();
    source
}

fn shown(source: &SignIns) -> String {
    let mut samples = Samples::of_tenant("t");
    source.observe(&mut samples);
    samples.to_string()
}

/// What is above 0.
fn lines(source: &SignIns) -> Vec<String> {
    above_0(&shown(source))
}

fn above_0(shown: &str) -> Vec<String> {
    let told = shown.lines().filter(|line| !line.ends_with(" 0"));
    let short = told.map(|line| line.replace("partnercenter_", "").replace("tenant=\"t\",", ""));
    short.filter(|line| !line.starts_with("sign_in_")).collect()
}

const NOON: i64 = 1_795_521_600; // 2026-11-24T12:00:00Z

#[test]
fn the_documented_page_is_counted() {
    let page = page(include_bytes!("../../../tests/samples/sign_ins.json")).unwrap();
    assert_eq!((page.rows.len(), page.rejected), (6, 0));
    assert!(page.next.unwrap().ends_with("skiptoken=page-2"));
    let mut log = Log::new(NOON + 2 * HOUR, 3 * HOUR);
    begin(&mut log, NOON + 2 * HOUR, 3 * HOUR);
    while let Some(window) = log.next() {
        let mut tally = Tally::new(window, home());
        page.rows.iter().for_each(|row| tally.add(Kind::Interactive, row));
        // A row that comes again counts no more.
        page.rows.iter().for_each(|row| tally.add(Kind::NonInteractive, row));
        log.commit(tally, 2, false);
    }
    let source = counted(log);
    assert_eq!(
        lines(&source),
        [
            "aobo_sign_ins{mfa=\"no\",kind=\"interactive\"} 1",
            "cross_tenant_sign_ins{access=\"serviceProvider\"} 2",
            "device_code_sign_ins{resource=\"graph\"} 1",
            "legacy_auth_sign_ins{client_app=\"Autodiscover\",outcome=\"success\"} 1",
            "legacy_auth_sign_ins{client_app=\"IMAP4\",outcome=\"failure\"} 1",
            "legacy_auth_users{tenant=\"t\"} 1",
            "multi_factor_sign_ins{kind=\"interactive\"} 1",
            "password_grant_sign_ins{resource=\"azure_management\"} 1",
            "password_grant_users{tenant=\"t\"} 1",
            "powershell_sign_ins{module=\"az\",mfa=\"no\"} 1",
            "powershell_sign_ins{module=\"graph\",mfa=\"yes\"} 1",
            "single_factor_sign_ins{kind=\"interactive\"} 2",
            "users_without_mfa_sign_in{tenant=\"t\"} 1",
        ]
    );
    assert_eq!(shown(&source).matches("partnercenter_legacy_auth_sign_ins").count(), 28);
    let of = |number: u8| {
        ObjectId::parse(&format!("aaaa0000-0000-4000-8000-0000000000{number:02}")).unwrap()
    };
    let did = |number, deed| source.deeds(&of(number)).has(deed);
    assert!(did(1, Deed::PortalSingleFactor) && did(1, Deed::AoboSingleFactor));
    assert!(!did(1, Deed::ConnectApplication) && did(2, Deed::ConnectApplication));
    assert_eq!(source.last(&of(1), Deed::Portal).unwrap().as_second(), NOON);
    assert_eq!(source.last(&of(1), Deed::ConnectApplication), None);
    assert_eq!(source.deeds(&of(9)), Deeds::default());
}

#[test]
fn until_the_whole_window_is_read_there_are_dates_and_no_figures() {
    let now = NOON + 2 * HOUR + 60;
    let mut log = Log::new(now, 24 * HOUR);
    begin(&mut log, now, 24 * HOUR);
    let text = shown(&counted(log.clone()));
    assert_eq!(text, "partnercenter_sign_in_window_seconds{tenant=\"t\"} 86400\n");
    let first = log.next().unwrap();
    assert!(!first.is_settled, "what is newest is read first");
    log.commit(Tally::new(first, Home::default()), 2, false);
    let second = log.next().unwrap();
    assert!(!shown(&counted(log.clone())).contains("aobo"));
    log.commit(Tally::new(second, Home::default()), 2, false);
    assert_eq!(log.next(), None);
    let text = shown(&counted(log));
    assert!(
        text.contains(
            "partnercenter_aobo_sign_ins{tenant=\"t\",mfa=\"no\",kind=\"interactive\"} 0\n"
        ),
        "{text}"
    );
    let settled = format!("settled_timestamp_seconds{{tenant=\"t\"}} {NOON}\n");
    assert!(text.contains(&settled), "{text}");
    assert!(!text.contains("oldest"), "no row was seen: {text}");
}

#[test]
fn seven_quiet_days_cost_a_handful_of_requests_and_an_hour_two() {
    let (now, week) = (NOON + 1_234, 7 * 24 * HOUR);
    let mut log = Log::new(now, week);
    let read = |log: &mut Log, now| {
        begin(log, now, week);
        let mut windows = 0;
        while let Some(window) = log.next() {
            log.commit(Tally::new(window, Home::default()), 2, false);
            windows += 1;
        }
        windows
    };
    assert_eq!(read(&mut log, now), 3, "what is open, a day, the other six");
    assert_eq!(read(&mut log, now + 300), 1, "what is open");
    assert_eq!(read(&mut log, now + HOUR), 2, "the hour that closed, and what is open");
    assert_eq!(read(&mut log, now + 49 * HOUR), 2, "two days of downtime");
}

#[test]
fn without_beta_what_it_tells_is_absent_and_read_anew_when_it_is_back() {
    let (now, window) = (NOON, 12 * HOUR);
    let read = |log: &mut Log, now, is_plain| {
        begin(log, now, window);
        while let Some(window) = log.next() {
            log.commit(Tally::new(window, Home::default()), 1, is_plain);
        }
    };
    let mut log = Log::new(now, window);
    read(&mut log, now, false);
    read(&mut log, now + 5 * HOUR, true);
    let text = shown(&counted(log.clone()));
    assert!(text.contains("legacy_auth_sign_ins") && text.contains("legacy_auth_users"));
    assert!(!text.contains("single_factor") && !text.contains("without_mfa"), "{text}");
    begin(&mut log, now + 6 * HOUR, window);
    log.forget_plain();
    let again = log.next().unwrap();
    assert_eq!(again.from, now - 3 * HOUR + HOUR, "what was read before is kept");
    read(&mut log, now + 6 * HOUR, false);
    assert!(shown(&counted(log)).contains("single_factor"));
}

#[test]
fn more_people_than_are_kept_are_not_counted_at_all() {
    let now = NOON + 2 * HOUR;
    let mut log = Log::new(now, 3 * HOUR);
    begin(&mut log, now, 3 * HOUR);
    let mut rows = page(include_bytes!("../../../tests/samples/sign_ins.json")).unwrap().rows;
    while let Some(window) = log.next() {
        let mut tally = Tally::new(window, Home::default());
        for person in 0..=people::People::KEPT as u128 {
            let mut row = rows.remove(0);
            rows.push(row);
            row.id = row::IdHash(person as u64);
            row.person = row::MaybeId(Some((person + 1).to_be_bytes()));
            row.at = row::Second(window.from);
            row.outcome = Some(Outcome::Success);
            tally.add(Kind::Interactive, &row);
        }
        log.commit(tally, 51, false);
    }
    let text = shown(&counted(log));
    assert!(text.contains("aobo_sign_ins") && !text.contains("_users"), "{text}");
}

/// One row as a careless person would keep it.
#[derive(Debug, Clone)]
struct Raw {
    at: i64,
    arrives: i64,
    id: usize,
    is_interactive: bool,
    person: u8,
    client: &'static str,
    code: u32,
    factors: u8,
    protocol: &'static str,
    resource: &'static str,
    application: &'static str,
    is_provider: bool,
    is_federated: bool,
    copies: usize,
}

impl Raw {
    fn json(&self) -> serde_json::Value {
        let at = jiff::Timestamp::from_second(self.at).unwrap();
        const FACTORS: [&str; 2] = ["singleFactorAuthentication", "multiFactorAuthentication"];
        let factors = FACTORS[usize::from(self.factors)];
        json!({
            "id": format!("row-{}", self.id),
            "createdDateTime": format!("{at}"),
            "userId": format!("aaaa0000-0000-4000-8000-0000000000{:02x}", self.person),
            "clientAppUsed": self.client,
            "status": {"errorCode": self.code},
            "authenticationRequirement": factors,
            "authenticationProtocol": self.protocol,
            "resourceId": self.resource,
            "appId": self.application,
            "crossTenantAccessType": if self.is_provider { "serviceProvider" } else { "none" },
            "incomingTokenType": if self.is_federated { "saml11" } else { "none" },
            "homeTenantId": OWN,
            "resourceTenantId": if self.is_provider { entered(self.person) } else { OWN.to_owned() },
        })
    }
}

/// The tenant of the customer whom somebody goes to.
fn entered(person: u8) -> String {
    format!("cccc0000-0000-4000-8000-0000000000{:02x}", person % 3)
}

/// What is remembered of delegations is what every row tells of the time since nothing was missed.
fn remembers(log: &Log, rows: &[Raw], now: i64) -> Result<(), TestCaseError> {
    let Some(since) = log.uses().watched_since(now) else { return Ok(()) };
    for person in 0..3 {
        let customer = entered(person);
        let used = rows.iter().filter(|row| {
            let is_known = row.at >= since && row.at < window::edge(now);
            row.is_provider && row.code == 0 && entered(row.person) == customer && is_known
        });
        let last = used.map(|row| row.at.div_euclid(HOUR) * HOUR).max();
        let told = log.uses().last(&ObjectId::parse(&customer).unwrap());
        prop_assert_eq!(told.filter(|at| *at + HOUR > since || last.is_some()), last);
    }
    Ok(())
}

fn raw(span: i64) -> impl Strategy<Value = Raw> {
    let when = (0..span, 0..=2 * HOUR, any::<bool>(), 0_u8..6, 1_usize..3);
    let clients = vec!["Browser", "imap4", "AUTHENTICATED smtp", "POP", "Carrier pigeon", ""];
    let resources = vec![
        "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd",
        "00000003-0000-0000-c000-000000000000",
        "11111111-0000-0000-c000-000000000000",
    ];
    let applications = vec![
        "cb1056e2-e479-49de-ae31-7812af012ed8",
        "1950a258-227b-4e31-a9cf-717495945fc2",
        "22222222-0000-0000-c000-000000000000",
    ];
    let what = (
        prop::sample::select(clients),
        prop::sample::select(vec![0, 0, 0, 53003]),
        0_u8..2,
        prop::sample::select(vec!["ropc", "deviceCode", "none"]),
        prop::sample::select(resources),
        prop::sample::select(applications),
        any::<bool>(),
        any::<bool>(),
    );
    (when, what).prop_map(|((at, delay, is_interactive, person, copies), what)| {
        let (client, code, factors, protocol, resource, application, is_provider, is_federated) =
            what;
        let arrives = at + delay;
        Raw {
            at,
            arrives,
            id: 0,
            is_interactive,
            person,
            client,
            code,
            factors,
            protocol,
            resource,
            application,
            is_provider,
            is_federated,
            copies,
        }
    })
}

/// Every row, counted afresh.
fn naive(rows: &[Raw], now: i64, window: i64) -> Vec<String> {
    let from = (now - window).div_euclid(HOUR) * HOUR;
    let mut counts = BTreeMap::<String, u32>::new();
    let mut seen = BTreeMap::<u8, BTreeSet<&str>>::new();
    for row in rows.iter().filter(|row| row.at >= from && row.at < now && row.arrives <= now) {
        let is_success = row.code == 0;
        let mut count = |line: String| *counts.entry(line).or_default() += 1;
        let legacy = match row.client {
            "Browser" | "" => None,
            "imap4" => Some("IMAP4"),
            "AUTHENTICATED smtp" => Some("Authenticated SMTP"),
            "POP" => Some("POP3"),
            _ => Some("other"),
        };
        if let Some(client) = legacy {
            let outcome = if is_success { "success" } else { "failure" };
            count(format!("legacy_auth_sign_ins{{client_app=\"{client}\",outcome=\"{outcome}\"}}"));
        }
        if !is_success {
            continue;
        }
        let resource = match &row.resource[..2] {
            "fa" => "partner_center",
            "00" => "graph",
            _ => "other",
        };
        let mfa = if row.factors == 1 { "yes" } else { "no" };
        let deeds = seen.entry(row.person).or_default();
        let is_connect = row.application.starts_with("cb");
        if row.factors == 1 || !is_connect {
            deeds.insert(mfa);
        }
        if row.is_interactive {
            deeds.insert("interactive");
        }
        if legacy.is_some_and(|client| client != "other") {
            deeds.insert("legacy");
        }
        match row.protocol {
            "ropc" => {
                deeds.insert("ropc");
                count(format!("password_grant_sign_ins{{resource=\"{resource}\"}}"));
            }
            "deviceCode" => count(format!("device_code_sign_ins{{resource=\"{resource}\"}}")),
            _ => {}
        }
        if row.factors == 0 && !is_connect {
            let kind = if row.is_interactive { "interactive" } else { "non_interactive" };
            count(format!("single_factor_sign_ins{{kind=\"{kind}\"}}"));
        }
        if row.factors == 1 && !is_connect {
            let kind = if row.is_interactive { "interactive" } else { "non_interactive" };
            count(format!("multi_factor_sign_ins{{kind=\"{kind}\"}}"));
        }
        if row.is_federated {
            count(format!("federated_sign_ins{{mfa=\"{mfa}\"}}"));
        }
        if row.is_provider {
            count("cross_tenant_sign_ins{access=\"serviceProvider\"}".to_owned());
            let kind = if row.is_interactive { "interactive" } else { "non_interactive" };
            count(format!("aobo_sign_ins{{mfa=\"{mfa}\",kind=\"{kind}\"}}"));
        }
        if row.application.starts_with("19") {
            count(format!("powershell_sign_ins{{module=\"az\",mfa=\"{mfa}\"}}"));
        }
    }
    let people = |did: &dyn Fn(&BTreeSet<&str>) -> bool| seen.values().filter(|it| did(it)).count();
    let without =
        people(&|it| it.contains("interactive") && it.contains("no") && !it.contains("yes"));
    for (name, people) in [
        ("legacy_auth_users", people(&|it| it.contains("legacy"))),
        ("password_grant_users", people(&|it| it.contains("ropc"))),
        ("users_without_mfa_sign_in", without),
    ] {
        counts.insert(format!("{name}{{tenant=\"t\"}}"), people as u32);
    }
    let told = counts.into_iter().filter(|(_, count)| *count > 0);
    told.map(|(line, count)| format!("{line} {count}")).collect()
}

/// What Microsoft answers at `now`, newest first, some rows twice.
fn answer(rows: &[Raw], kind: Kind, window: Window, now: i64) -> Vec<&Raw> {
    let is_asked = |row: &&Raw| {
        row.is_interactive == (kind == Kind::Interactive)
            && (window.from..window.until).contains(&row.at)
            && row.arrives <= now
    };
    let mut answer: Vec<_> = rows.iter().filter(is_asked).collect();
    answer.sort_by_key(|row| std::cmp::Reverse((row.at, row.id)));
    answer.into_iter().flat_map(|row| std::iter::repeat_n(row, row.copies)).collect()
}

#[derive(Debug, Clone)]
enum Step {
    /// Time passes, and a reading does so many windows.
    Read { seconds: i64, windows: usize },
    /// What is closed is written.
    Keep,
    /// The process is killed, and another takes what was written last.
    Kill,
    /// The next window's continuation is forgotten.
    Break,
}

fn step() -> impl Strategy<Value = Step> {
    let read = (prop_oneof![300..301_i64, 60..2 * HOUR, HOUR..60 * HOUR], 0_usize..12);
    prop_oneof![
        6 => read.prop_map(|(seconds, windows)| Step::Read { seconds, windows }),
        1 => Just(Step::Keep),
        1 => Just(Step::Kill),
        1 => Just(Step::Break),
    ]
}

/// Reads one window as the reader does.
fn read_window(log: &mut Log, rows: &[Raw], page_rows: usize, now: i64) {
    let window = log.next().unwrap();
    if let Some((tally, pages)) = folded(window, &mut log.span, rows, page_rows, now) {
        log.commit(tally, pages, false);
    }
}

/// A window, and how many pages it has; `None` if they are too many.
fn folded(
    window: Window,
    span: &mut Span,
    rows: &[Raw],
    page_rows: usize,
    now: i64,
) -> Option<(Tally, u32)> {
    let (mut tally, mut pages) = (Tally::new(window, home()), 0);
    for kind in Kind::ALL {
        let answer = answer(rows, kind, window, now);
        let mut left = answer.chunks(page_rows).peekable();
        if left.peek().is_none() {
            pages += 1;
        }
        for chunk in left {
            pages += 1;
            let body = json!({"value": chunk.iter().map(|row| row.json()).collect::<Vec<_>>()});
            let page = page(body.to_string().as_bytes()).unwrap();
            assert_eq!(page.rejected, 0);
            page.rows.iter().for_each(|row| tally.add(kind, row));
            if pages > MOST_PAGES && window.can_shorten() {
                span.give_up(window, tally.oldest);
                return None;
            }
        }
    }
    Some((tally, pages))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn figures_are_those_of_a_naive_reader_whatever_happens_on_the_way(
        mut rows in prop::collection::vec(raw(12 * 24 * HOUR), 0..400),
        steps in prop::collection::vec(step(), 1..24),
        days in prop::sample::select(vec![3 * HOUR, 26 * HOUR, 7 * 24 * HOUR]),
        longer in any::<bool>(),
        page_rows in 1_usize..40,
        start in 0..4 * 24 * HOUR,
    ) {
        let window = days;
        let mut now = NOON + start;
        for (id, row) in rows.iter_mut().enumerate() {
            (row.at, row.arrives, row.id) = (row.at + NOON, row.arrives + NOON, id);
        }
        let mut log = Log::new(now, window);
        let mut kept = None;
        for step in steps {
            match step {
                Step::Keep => {
                    let text = serde_json::to_string(&**log.closed()).unwrap();
                    let uses = serde_json::to_string(&**log.uses()).unwrap();
                    kept = Some((text, Arc::clone(log.closed()), uses));
                }
                Step::Kill => {
                    log = match &kept {
                        Some((text, written, uses)) => {
                            let closed: Closed = serde_json::from_str(text).unwrap();
                            prop_assert_eq!(&closed, &**written);
                            Log::recalled(Some(closed), serde_json::from_str(uses).ok())
                        }
                        None => Log::new(now, window),
                    };
                }
                Step::Break => {
                    begin(&mut log, now, window);
                    if let Some(window) = log.next() && window.can_shorten() {
                        log.span.halve(window);
                    }
                }
                Step::Read { seconds, windows } => {
                    now += seconds;
                    begin(&mut log, now, window);
                    for _ in 0..windows {
                        if log.next().is_none() { break }
                        read_window(&mut log, &rows, page_rows, now);
                    }
                    if log.next().is_none() && log.is_fresh() {
                        let source = counted(log.clone());
                        let mut told = lines(&source);
                        told.sort();
                        prop_assert_eq!(told, naive(&rows, now, window));
                        remembers(&log, &rows, now)?;
                    }
                }
            }
        }
        let window = if longer { window + 30 * HOUR } else { window };
        now = now.max(NOON + 12 * 24 * HOUR) + 5 * HOUR;
        begin(&mut log, now, window);
        let mut windows = 0;
        while log.next().is_some() {
            read_window(&mut log, &rows, page_rows, now);
            windows += 1;
            prop_assert!(windows < 20_000);
        }
        remembers(&log, &rows, now)?;
        prop_assert!(log.uses().watched_since(now).is_some());
        let source = counted(log);
        let mut told = lines(&source);
        told.sort();
        prop_assert_eq!(told, naive(&rows, now, window));
    }
}
