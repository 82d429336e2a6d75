//! Fills the forms of rows.

use jiff::Timestamp;

use super::form::{Gap, HOW_MANY, RESULTS};
use super::kinds::{Access, Across, Agents, Client, Kind, LEGACY};
use super::pace::{HOUR, SECOND, mix};
use super::texts::{AGENTS, DEVICES, LOCATIONS, NETWORKS};
use super::{Log, Row, moment, ticks};
use crate::simulator::person::Person;

/// Which of Graph's two shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Version {
    Beta,
    V1,
}

/// How rows are looked at.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct View {
    pub(in crate::simulator) version: Version,
    /// Whether what Conditional Access did is shown.
    pub(in crate::simulator) policies: bool,
    pub(in crate::simulator) now: Timestamp,
}

/// Writes rows behind one another, into what is the body of an answer.
pub(in crate::simulator) struct Writer<'a> {
    log: &'a Log,
    people: &'a [Person],
    view: View,
    pub(in crate::simulator) body: Vec<u8>,
    /// The hour that was last written, and its text.
    hour: (i64, String),
}

impl<'a> Writer<'a> {
    pub(in crate::simulator) fn new(log: &'a Log, people: &'a [Person], view: View) -> Self {
        Self { log, people, view, body: Vec::new(), hour: (i64::MIN, String::new()) }
    }

    /// Writes a row as it shows now.
    pub(in crate::simulator) fn write(&mut self, row: &Row) {
        let log = self.log;
        let shown = log.shown(row, ticks(self.view.now));
        let (forms, kind) = (&log.forms, &log.kinds[shown]);
        let form = match self.view.version {
            Version::Beta => &forms.beta[shown],
            Version::V1 => &forms.v1[shown],
        };
        let draw = |salt| mix(log.seed, row.serial, salt);
        let bits = draw(0xb175);
        for (place, (text, gap)) in form.0.iter().enumerate() {
            self.body.extend_from_slice(text.as_bytes());
            let Some(gap) = gap else { continue };
            match gap {
                Gap::Id => push_guid(&mut self.body, draw(0x1d), draw(0x2d)),
                Gap::Correlation => push_guid(&mut self.body, draw(0x1c), draw(0x2c)),
                Gap::Session => {
                    // One a day.
                    let day = (row.tick / (24 * HOUR)) as u64;
                    let session = mix(log.seed, row.person as u64, day);
                    push_guid(&mut self.body, session, !session);
                }
                Gap::Created => self.push_time(row.tick),
                Gap::DisplayName => self.push(&self.people[row.person].display_name()),
                Gap::PrincipalName => self.push(&self.people[row.person].upn().to_lowercase()),
                Gap::UserId => {
                    let id = self.people[row.person].id;
                    push_guid(&mut self.body, (id >> 64) as u64, id as u64);
                }
                Gap::Address => {
                    // Reserved for documentation.
                    let net = ["192.0.2.", "198.51.100.", "203.0.113.", "2001:db8::"];
                    self.push(net[(bits % 4) as usize]);
                    push_number(&mut self.body, bits >> 8 & 0xff, 1);
                }
                Gap::Client => self.push_client(kind, draw(0xc1)),
                Gap::Agent => self.push(&agent(kind.agents, draw(0xa9))),
                Gap::Device => {
                    self.push("{\"deviceId\":\"");
                    let device = mix(log.seed, row.person as u64, 0xde + bits % 3);
                    if !device.is_multiple_of(4) {
                        push_guid(&mut self.body, device, draw(0xde));
                    }
                    self.push(pick(&DEVICES, device >> 8));
                }
                Gap::Location => self.push(pick(&LOCATIONS, bits >> 16)),
                Gap::Network => self.push(pick(&NETWORKS, bits >> 24)),
                Gap::Policies => self.push_policies(kind, draw(0x9011)),
                Gap::Reason => self.push(&reason(kind.error, bits >> 32)),
                Gap::ResourceTenant if kind.across == Across::Customer => {
                    let id = log.crossings.customer(log.seed, row.serial, kind);
                    push_guid(&mut self.body, (id >> 64) as u64, id as u64);
                }
                Gap::ResourceTenant => self.push(&forms.tenant),
                Gap::HomeTenant if kind.across == Across::Guest => {
                    let home = mix(0, row.person as u64 % 5, 0x40);
                    push_guid(&mut self.body, home, !home);
                }
                Gap::HomeTenant => self.push(&forms.tenant),
                Gap::System => push_number(&mut self.body, 64_496 + bits % 16, 1),
                Gap::Milliseconds => push_number(&mut self.body, bits >> 40 & 0x3ff, 1),
                Gap::Token => push_token(&mut self.body, draw(0x70), draw(0x71)),
                Gap::Risk => self.push_risk(kind, bits >> 50),
                Gap::Blank => {
                    let null = (bits >> (place % 32)).is_multiple_of(2);
                    self.push(if null { "null" } else { "\"\"" });
                }
            }
        }
    }

    fn push(&mut self, text: &str) {
        self.body.extend_from_slice(text.as_bytes());
    }

    /// To a ten-millionth of a second in the beta, and to a second in v1.0.
    fn push_time(&mut self, tick: i64) {
        let hour = tick.div_euclid(HOUR);
        if self.hour.0 != hour {
            self.hour = (hour, moment(hour * HOUR).strftime("%Y-%m-%dT%H:").to_string());
        }
        self.body.extend_from_slice(self.hour.1.as_bytes());
        let rest = tick.rem_euclid(HOUR);
        push_number(&mut self.body, (rest / (60 * SECOND)) as u64, 2);
        self.body.push(b':');
        push_number(&mut self.body, (rest / SECOND % 60) as u64, 2);
        if self.view.version == Version::Beta {
            self.body.push(b'.');
            push_number(&mut self.body, (rest % SECOND) as u64, 7);
        }
        self.body.push(b'Z');
    }

    /// In whatever spelling; mostly as the list has it.
    fn push_client(&mut self, kind: &Kind, bits: u64) {
        let (name, other) = match kind.client {
            Client::Browser => ("Browser", "browser"),
            Client::Modern => {
                ("Mobile Apps and Desktop clients", "Mobile apps and desktop clients")
            }
            Client::Legacy(place) => (LEGACY[place].0, LEGACY[place].1),
            Client::Strange => ("Holographic clients", "Holographic Clients"),
            Client::Unsaid => {
                return self.push(["null", "\"\"", "\"Unknown\""][(bits % 3) as usize]);
            }
        };
        self.body.push(b'"');
        match bits % 16 {
            0 => self.push(&name.to_lowercase()),
            1 => self.push(&name.to_uppercase()),
            2 | 3 => self.push(other),
            _ => self.push(name),
        }
        self.body.push(b'"');
    }

    fn push_policies(&mut self, kind: &Kind, bits: u64) {
        if !self.view.policies {
            return;
        }
        let log = self.log;
        self.push(",\"appliedConditionalAccessPolicies\":[");
        let (first, least) = match kind.access {
            Access::Mfa => (Some(0), 1),
            Access::Failure => (Some(1), 1),
            Access::NotApplied => (None, 0),
            Access::Unsaid => return self.push("]"),
        };
        let shape = usize::from(self.view.version == Version::V1);
        for place in 0..u64::from(HOW_MANY[(bits % 32) as usize]).max(least) {
            if place > 0 {
                self.body.push(b',');
            }
            // The rest of the results change nothing.
            let other = 2 + (bits >> (8 + 4 * place)) as usize % (RESULTS.len() - 2);
            let result = first.filter(|_| place == 0).unwrap_or(other);
            let policy = &log.forms.policies[((bits >> 60) + place) as usize % 12];
            self.push(&policy[result][shape]);
        }
        self.body.push(b']');
    }

    fn push_risk(&mut self, kind: &Kind, bits: u64) {
        let (level, state, events) = match bits % 64 {
            _ if kind.access == Access::Unsaid => ("hidden", "none", ""),
            0 => ("medium", "atRisk", "\"unfamiliarFeatures\""),
            1 => ("low", "remediated", "\"anonymizedIPAddress\""),
            2 => ("hidden", "none", ""),
            _ => ("none", "none", ""),
        };
        self.push(",\"riskDetail\":\"none\",\"riskLevelAggregated\":\"");
        self.push(level);
        self.push("\",\"riskLevelDuringSignIn\":\"");
        self.push(level);
        self.push("\",\"riskState\":\"");
        self.push(state);
        self.push("\",\"riskEventTypes\":[],\"riskEventTypes_v2\":[");
        self.push(events);
        self.push("]");
    }
}

fn pick<'a, const N: usize>(texts: &[&'a str; N], bits: u64) -> &'a str {
    texts[(bits % N as u64) as usize]
}

fn agent(agents: Agents, bits: u64) -> String {
    match agents {
        Agents::Browser => format!("\"{}\"", pick(&AGENTS, bits)),
        Agents::Az => "\"AzurePowershell/v10.4.1 PSVersion/v7.3.8 Az.Accounts/2.13.1\"".to_owned(),
        Agents::AzureRm => "\"AzurePowershell/v6.13.1 AzureRM.Profile/5.8.3\"".to_owned(),
        Agents::Script => {
            let scripts = ["python-requests/2.31.0", "curl/8.4.0", "python-requests/2.28.1"];
            format!("\"{}\"", pick(&scripts, bits))
        }
        Agents::Unsaid if bits.is_multiple_of(2) => "null".to_owned(),
        Agents::Unsaid => "\"\"".to_owned(),
    }
}

/// Even a success can have one.
fn reason(error: u32, bits: u64) -> String {
    let text = match error {
        0 if bits.is_multiple_of(2) => return "null".to_owned(),
        0 => "Other.",
        50_057 => "The user account is disabled.",
        50_126 => "Error validating credentials due to invalid username or password.",
        53_003 | 530_035 => "Access has been blocked by policy.",
        _ => "Due to a configuration change or a policy, more is required to sign in.",
    };
    format!("\"{text}\"")
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A random (version 4) id from two numbers.
fn push_guid(body: &mut Vec<u8>, high: u64, low: u64) {
    let mut text = *b"00000000-0000-0000-0000-000000000000";
    let mut number = (u128::from(high) << 64) | u128::from(low);
    for (place, letter) in text.iter_mut().enumerate().rev() {
        if matches!(place, 8 | 13 | 18 | 23) {
            continue;
        }
        *letter = DIGITS[(number & 0xf) as usize];
        number >>= 4;
    }
    body.extend_from_slice(&text);
}

/// With so many digits at least.
fn push_number(body: &mut Vec<u8>, mut number: u64, digits: usize) {
    let mut text = [b'0'; 20];
    let mut place = text.len();
    while number > 0 || place > text.len() - digits {
        place -= 1;
        text[place] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    body.extend_from_slice(&text[place..]);
}

fn push_token(body: &mut Vec<u8>, high: u64, low: u64) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = (u128::from(high) << 64) | u128::from(low);
    let mut text = [b'A'; 22];
    for letter in &mut text {
        *letter = LETTERS[(bits & 0x3f) as usize];
        bits >>= 6;
    }
    body.extend_from_slice(&text);
}
