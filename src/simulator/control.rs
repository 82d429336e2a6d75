//! The hand that changes the world, sets faults and reads what was asked: in process and over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use url::form_urlencoded;

use super::account::Account;
use super::faults::Fault;
use super::grants::Grant;
use super::http::{Answer, Asked};
use super::scope::Wanted;
use super::sign_in_log::SignIns;
use super::state::State;
use super::truth::Truth;

/// A handle on a simulator, cheap to clone; it goes on working while the simulator is served.
#[derive(Clone)]
pub struct Control(Arc<Mutex<State>>);

/// One request as it came, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// When, in the simulated world.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// Path and query as asked.
    pub path: String,
    /// Status of the answer.
    pub status: u16,
    /// `client-request-id`.
    pub client_request_id: Option<String>,
    /// `user-agent`.
    pub user_agent: Option<String>,
    /// `accept-encoding`.
    pub accept_encoding: Option<String>,
    /// `consistencylevel`.
    pub consistency_level: Option<String>,
    /// `x-ms-throttle-priority`.
    pub throttle_priority: Option<String>,
    /// Whether there was an `authorization` header. What it held is not kept.
    pub authorization: bool,
    /// What kind of grant a token was asked for by, where one was.
    pub grant_type: Option<String>,
}

impl Control {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while answering one request leaves nothing half-done that the next would mind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces what goes wrong; an empty list mends everything.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.lock().faults = faults;
    }

    /// Moves simulated time onward when it stands still; otherwise it goes by itself.
    pub fn turn(&self, by: Duration) {
        let mut state = self.lock();
        state.time.turn(by);
        state.note_score();
    }

    /// One move of the world: a hire, a registration, both again, and then one person joins or
    /// leaves the exceptions from MFA; now and then an alert is raised, looked into or resolved.
    /// Says what happened.
    pub fn step(&self) -> String {
        self.lock().step()
    }

    /// An alert about fraud at one of the customers, detected now. Severity and kind are
    /// Microsoft's words, or any other. Returns its id, as Graph has it.
    pub fn raise_alert(&self, severity: &str, alert_type: &str) -> String {
        let mut state = self.lock();
        let now = state.now();
        let State { alerts, customers, .. } = &mut *state;
        let id = alerts.raise(customers, severity, alert_type, now);
        state.note_score();
        id
    }

    /// Somebody looks into an alert that nobody has answered. Whether there is such a one.
    pub fn investigate(&self, id: &str) -> bool {
        let mut state = self.lock();
        let now = state.now();
        let changed = state.alerts.investigate(id, now);
        state.note_score();
        changed
    }

    /// Somebody resolves an open alert, with Microsoft's word for what was found: `legitimate`,
    /// `ignore` or `fraud`. Whether there is such a one.
    pub fn resolve(&self, id: &str, finding: &str) -> bool {
        let mut state = self.lock();
        let now = state.now();
        let changed = state.alerts.resolve(id, finding, now);
        state.note_score();
        changed
    }

    /// So many customers delegate administration as it once was done, now: those first where
    /// nobody has ever been.
    pub fn grant_dap(&self, count: usize) {
        self.lock().grant_dap(count);
    }

    /// So many such delegations are taken back, now: those first that were not used for longest.
    pub fn remove_dap(&self, count: usize) {
        self.lock().remove_dap(count);
    }

    /// There is one more customer, who delegates nothing. Returns its id.
    pub fn add_customer(&self) -> String {
        self.lock().add_customer()
    }

    /// The latest customer leaves. Returns its id; `None` where there is nobody left.
    pub fn remove_customer(&self) -> Option<String> {
        self.lock().remove_customer()
    }

    /// What a reader should find now.
    pub fn truth(&self) -> Truth {
        self.lock().truth()
    }

    /// What a reader of the log should find now of the sign-ins from then on and before the end.
    pub fn sign_ins(&self, from: Timestamp, end: Timestamp) -> SignIns {
        let state = self.lock();
        state.log.figures(state.world.people(), (from, end), state.now())
    }

    /// How often each operation in Partner Center came to each status, by Microsoft's words, from
    /// then on and before the end, as far as its records are kept.
    pub fn audit(
        &self,
        from: Timestamp,
        end: Timestamp,
    ) -> BTreeMap<&'static str, BTreeMap<&'static str, usize>> {
        let state = self.lock();
        state.audit.figures((from, end), state.now())
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        self.lock().seen.iter().cloned().collect()
    }

    /// How many tokens were handed out.
    pub fn tokens_issued(&self) -> u64 {
        self.lock().tokens.issued
    }

    /// A refresh token, as if a person had consented to everything: with MFA or without, as a
    /// Global Administrator or as an ordinary Admin agent.
    pub fn grant(&self, mfa: bool, global_admin: bool) -> String {
        let mut state = self.lock();
        let account = if global_admin {
            Account::global_administrator(&state)
        } else {
            Account::agent(&state)
        };
        let client = state.settings.identity.app_user_client_id.clone();
        let (token, now) = (state.fresh_secret(), state.now());
        let grant = Grant { client, account, mfa, wanted: Wanted::everything() };
        state.grants.give(token.clone(), Arc::new(grant), now);
        token
    }

    /// Ends all that people consented to until now, as an administrator can.
    pub fn revoke_grants(&self) {
        self.lock().grants.revoke();
    }

    /// How many refresh tokens were used.
    pub fn refreshes(&self) -> u64 {
        self.lock().grants.refreshes
    }

    /// How many refresh tokens were given in place of one that was used.
    pub fn rotations(&self) -> u64 {
        self.lock().grants.rotations
    }

    /// What the vault holds under this name.
    pub fn secret(&self, name: &str) -> Option<String> {
        self.lock().vault.secret(name).map(str::to_owned)
    }

    /// Puts something into the vault, as an operator would.
    pub fn set_secret(&self, name: &str, value: &str) {
        let mut state = self.lock();
        let (version, now) = (state.fresh_id(), state.now());
        state.vault.set(name, value, version, now);
    }

    /// The same over HTTP, for programs that cannot hold a [`Control`].
    pub(super) fn answer(&self, asked: &Asked) -> Answer {
        match (&asked.method, asked.path.as_str()) {
            (&Method::GET, "/-/truth") => Answer::of(StatusCode::OK, &self.truth()),
            (&Method::GET, "/-/requests") => Answer::of(StatusCode::OK, &self.requests()),
            (&Method::GET, path @ ("/-/sign-ins" | "/-/audit")) => {
                let moment = |wanted| {
                    let mut query = form_urlencoded::parse(asked.query.as_bytes());
                    query.find(|(name, _)| name == wanted)?.1.parse::<Timestamp>().ok()
                };
                match (moment("from"), moment("to")) {
                    (Some(from), Some(to)) if path == "/-/audit" => {
                        Answer::of(StatusCode::OK, &self.audit(from, to))
                    }
                    (Some(from), Some(to)) => Answer::of(StatusCode::OK, &self.sign_ins(from, to)),
                    _ => Answer::text(StatusCode::BAD_REQUEST, "give from and to, two moments\n"),
                }
            }
            (&Method::POST, path) if path.starts_with("/-/customers/") => {
                let text = String::from_utf8_lossy(&asked.body);
                match (path, text.trim().parse::<usize>()) {
                    ("/-/customers/grant-dap", Ok(count)) => self.grant_dap(count),
                    ("/-/customers/remove-dap", Ok(count)) => self.remove_dap(count),
                    ("/-/customers/add", _) => {
                        return Answer::text(StatusCode::OK, &format!("{}\n", self.add_customer()));
                    }
                    ("/-/customers/remove", _) => {
                        let id = self.remove_customer().unwrap_or_default();
                        return Answer::text(StatusCode::OK, &format!("{id}\n"));
                    }
                    _ => {
                        let text = "grant-dap NUMBER, remove-dap NUMBER, add, remove\n";
                        return Answer::text(StatusCode::BAD_REQUEST, text);
                    }
                }
                Answer::text(StatusCode::OK, "ok\n")
            }
            (&Method::POST, "/-/faults") => {
                let lines = String::from_utf8_lossy(&asked.body);
                let lines = lines.lines().filter(|line| !line.trim().is_empty());
                match lines.map(str::parse).collect() {
                    Ok(faults) => {
                        self.set_faults(faults);
                        Answer::text(StatusCode::OK, "ok\n")
                    }
                    Err::<Vec<Fault>, _>(error) => {
                        Answer::text(StatusCode::BAD_REQUEST, &format!("{error}\n"))
                    }
                }
            }
            (&Method::POST, "/-/step") => {
                Answer::text(StatusCode::OK, &format!("{}\n", self.step()))
            }
            (&Method::POST, "/-/turn") => {
                let text = String::from_utf8_lossy(&asked.body);
                let seconds = text.trim().parse().ok().map(Duration::try_from_secs_f64);
                let Some(Ok(by)) = seconds else {
                    return Answer::text(StatusCode::BAD_REQUEST, "give a number of seconds\n");
                };
                self.turn(by);
                Answer::text(StatusCode::OK, &format!("{}\n", self.lock().now()))
            }
            (&Method::POST, path) if path.starts_with("/-/alerts/") => {
                let text = String::from_utf8_lossy(&asked.body);
                let words: Vec<&str> = text.split_whitespace().collect();
                let changed = match (path, &words[..]) {
                    ("/-/alerts/raise", [severity, alert_type]) => {
                        let id = self.raise_alert(severity, alert_type);
                        return Answer::text(StatusCode::OK, &format!("{id}\n"));
                    }
                    ("/-/alerts/investigate", [id]) => self.investigate(id),
                    ("/-/alerts/resolve", [id, finding]) => self.resolve(id, finding),
                    _ => {
                        let text = "raise SEVERITY KIND, investigate ID, resolve ID FINDING\n";
                        return Answer::text(StatusCode::BAD_REQUEST, text);
                    }
                };
                if changed {
                    Answer::text(StatusCode::OK, "ok\n")
                } else {
                    Answer::text(StatusCode::NOT_FOUND, "no such alert is open\n")
                }
            }
            (&Method::POST, "/-/grant") => {
                let text = String::from_utf8_lossy(&asked.body);
                let words: Vec<&str> = text.split_whitespace().collect();
                let strange = words.iter().find(|word| !["mfa", "global-admin"].contains(word));
                if strange.is_some() {
                    return Answer::text(
                        StatusCode::BAD_REQUEST,
                        "give mfa, global-admin, or neither\n",
                    );
                }
                let token = self.grant(words.contains(&"mfa"), words.contains(&"global-admin"));
                Answer::text(StatusCode::OK, &format!("{token}\n"))
            }
            (&Method::POST, "/-/revoke") => {
                self.revoke_grants();
                Answer::text(StatusCode::OK, "ok\n")
            }
            _ => Answer::text(
                StatusCode::NOT_FOUND,
                "GET /-/truth, GET /-/requests, GET /-/sign-ins, GET /-/audit, POST /-/faults, POST /-/step, \
                 POST /-/turn, POST /-/grant, POST /-/revoke, POST /-/alerts/raise, POST /-/alerts/investigate, \
                 POST /-/alerts/resolve, POST /-/customers/add, POST /-/customers/remove, \
                 POST /-/customers/grant-dap, POST /-/customers/remove-dap\n",
            ),
        }
    }
}
