//! The world: a believable partner tenant, the same for the same seed, of any size.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Plan, Settings};

/// How long Microsoft's registration report takes to show a new account.
const REPORT_LAG: SignedDuration = SignedDuration::from_hours(24);

/// How long an account without a row is nobody's fault.
const GRACE: SignedDuration = SignedDuration::from_hours(48);

const GIVEN: [&str; 16] = [
    "Amina", "Bruno", "Chiara", "Deniz", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas",
    "Katja", "Liam", "Mei", "Nils", "Olga", "Priya",
];
const FAMILY: [&str; 16] = [
    "Abel", "Berg", "Costa", "Diaz", "Egger", "Faber", "Garcia", "Haas", "Ito", "Jansen", "Kaya",
    "Lang", "Moreau", "Novak", "Okafor", "Petrov",
];

/// What someone registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registered {
    Nothing,
    /// Only what resets a password.
    MailOnly,
    Authenticator,
    Passkey,
    /// Windows Hello alone, which the report's flag has been seen to miss.
    WindowsHello,
    /// A phone, which policy no longer allows.
    PhoneNotAllowed,
}

#[derive(Debug, Clone)]
struct Person {
    id: String,
    name: String,
    mail: String,
    enabled: bool,
    /// `Member`, `Guest`, or null as on accounts from before the field.
    user_type: Option<&'static str>,
    created: Option<Timestamp>,
    registered: Registered,
    admin: bool,
}

impl Person {
    fn is_guest(&self) -> bool {
        self.user_type == Some("Guest")
    }

    fn age(&self, now: Timestamp) -> SignedDuration {
        self.created.map_or(SignedDuration::MAX, |created| now.duration_since(created))
    }

    /// The report has no row for the disabled and for the brand new.
    fn has_row(&self, now: Timestamp) -> bool {
        self.enabled && self.age(now) >= REPORT_LAG
    }
}

/// The tenant's people and settings.
#[derive(Debug)]
pub(super) struct World {
    people: Vec<Person>,
    chance: Rng,
    steps: u64,
    pub(super) display_name: &'static str,
    pub(super) partner: bool,
    pub(super) plan: Plan,
    pub(super) security_defaults: bool,
}

/// How things truly are, by the meaning the exporter gives its figures. Only enabled accounts
/// stand in any figure but `disabled`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Enabled members.
    pub members: usize,
    /// Enabled guests.
    pub guests: usize,
    /// Members who can answer an MFA challenge.
    pub registered_members: usize,
    /// Guests who can.
    pub registered_guests: usize,
    /// Members whose method policy allows.
    pub capable_members: usize,
    /// Guests whose method policy allows.
    pub capable_guests: usize,
    /// Members who cannot answer a challenge.
    pub unregistered_members: usize,
    /// Guests who cannot.
    pub unregistered_guests: usize,
    /// Members too new to be judged.
    pub unjudged_members: usize,
    /// Guests too new to be judged.
    pub unjudged_guests: usize,
    /// Accounts that may not sign in.
    pub disabled: usize,
    /// Whether security defaults are on.
    pub security_defaults: bool,
    /// Whether Entra ID P1 or P2 is there.
    pub premium: bool,
    /// Object ids of the unregistered.
    pub unregistered_ids: Vec<String>,
}

impl World {
    pub(super) fn new(settings: &Settings, now: Timestamp) -> Self {
        let mut world = Self {
            people: Vec::with_capacity(settings.users + 16),
            chance: Rng::with_seed(settings.seed),
            steps: 0,
            display_name: "Contoso Cloud Partners",
            partner: settings.partner,
            plan: settings.plan,
            security_defaults: settings.security_defaults,
        };
        for index in 0..settings.users {
            let person = world.person(index, settings.users, now);
            world.people.push(person);
        }
        world
    }

    fn person(&mut self, index: usize, users: usize, now: Timestamp) -> Person {
        let chance = &mut self.chance;
        let days = 30 + i64::from(chance.u16(0..2_000));
        let old = chance.u8(0..100) < 10;
        let created = (!old).then(|| now - SignedDuration::from_hours(24 * days));
        let mut person = Person {
            id: guid(chance),
            name: format!("{} {}", GIVEN[index % 16], FAMILY[(index / 16 + index) % 16]),
            mail: String::new(),
            enabled: true,
            user_type: Some("Member"),
            created,
            registered: Registered::Authenticator,
            admin: false,
        };
        let dice = chance.u8(0..100);
        match index {
            // Emergency accounts first: they exist in every well-run tenant.
            0 | 1 => {
                person.name = format!("Emergency Access {}", index + 1);
                person.registered = Registered::Passkey;
                person.admin = true;
            }
            // Service accounts that somebody once made.
            2..=4 => {
                person.name =
                    ["Backup Service", "Printer Scan", "Billing Export"][index - 2].into();
                person.registered = Registered::Nothing;
            }
            // Hired yesterday and today: the report does not know them yet.
            _ if users > 8 && index + 2 >= users => {
                let hours = if index + 1 == users { 2 } else { 20 };
                person.created = Some(now - SignedDuration::from_hours(hours));
                person.registered = Registered::Nothing;
            }
            _ => {
                person.enabled = dice >= 8;
                person.user_type = match chance.u8(0..100) {
                    0..10 => Some("Guest"),
                    10 => None,
                    _ => Some("Member"),
                };
                person.registered = match chance.u8(0..100) {
                    0..10 => Registered::Nothing,
                    10..12 => Registered::MailOnly,
                    12..15 => Registered::WindowsHello,
                    15..18 => Registered::PhoneNotAllowed,
                    18..30 => Registered::Passkey,
                    _ => Registered::Authenticator,
                };
                person.admin = chance.u8(0..100) < 6 && !person.is_guest();
            }
        }
        let address = person.name.to_lowercase().replace(' ', ".");
        person.mail = if person.is_guest() {
            format!("{address}{index}_fabrikam.example#EXT#@contoso.example")
        } else {
            format!("{address}{index}@contoso.example")
        };
        person
    }

    /// Someone is hired, or someone registers; alternately.
    pub(super) fn step(&mut self, now: Timestamp) -> String {
        self.steps += 1;
        let waiting = self.people.iter_mut().find(|person| {
            person.has_row(now)
                && matches!(person.registered, Registered::Nothing | Registered::MailOnly)
        });
        match waiting {
            Some(person) if self.steps.is_multiple_of(2) => {
                person.registered = Registered::Authenticator;
                format!("{} registered the Authenticator", person.name)
            }
            _ => {
                let index = self.people.len();
                let mut person = self.person(index, 0, now);
                person.created = Some(now);
                person.enabled = true;
                person.user_type = Some("Member");
                person.registered = Registered::Nothing;
                let told = format!("{} was hired", person.name);
                self.people.push(person);
                told
            }
        }
    }

    pub(super) fn truth(&self, now: Timestamp) -> Truth {
        let premium = self.plan != Plan::Free;
        let mut truth =
            Truth { security_defaults: self.security_defaults, premium, ..Truth::default() };
        for person in &self.people {
            if !person.enabled {
                truth.disabled += 1;
                continue;
            }
            let add = |member: &mut usize, guest: &mut usize, yes: bool| {
                *(if person.is_guest() { guest } else { member }) += usize::from(yes);
            };
            let seen = person.has_row(now);
            let can =
                seen && !matches!(person.registered, Registered::Nothing | Registered::MailOnly);
            let allowed = can && person.registered != Registered::PhoneNotAllowed;
            let unjudged = !seen && person.age(now) < GRACE;
            add(&mut truth.members, &mut truth.guests, true);
            add(&mut truth.registered_members, &mut truth.registered_guests, can);
            add(&mut truth.capable_members, &mut truth.capable_guests, allowed);
            add(&mut truth.unjudged_members, &mut truth.unjudged_guests, unjudged);
            add(&mut truth.unregistered_members, &mut truth.unregistered_guests, !can && !unjudged);
            if !can && !unjudged {
                truth.unregistered_ids.push(person.id.clone());
            }
        }
        truth
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    /// A user as Graph writes it, all documented fields this world has.
    pub(super) fn user(&self, index: usize) -> Value {
        let person = &self.people[index];
        let created = person.created.map(|created| format!("{created:.0}"));
        json!({
            "id": person.id,
            "businessPhones": [],
            "displayName": person.name,
            "mail": person.mail,
            "userPrincipalName": person.mail,
            "accountEnabled": person.enabled,
            "userType": person.user_type,
            "createdDateTime": created,
        })
    }

    /// Whether the registration report has a row for the account.
    pub(super) fn has_registration(&self, index: usize, now: Timestamp) -> bool {
        self.people[index].has_row(now)
    }

    /// The account's row of the registration report. Its own spelling: `member` in lower case, an
    /// empty string for what is not set, seven digits of a second.
    pub(super) fn registration(&self, index: usize, now: Timestamp) -> Value {
        let person = &self.people[index];
        let (registered, capable, methods): (_, _, &[&str]) = match person.registered {
            Registered::Nothing => (false, false, &[]),
            Registered::MailOnly => (false, false, &["email"]),
            Registered::Authenticator => {
                (true, true, &["microsoftAuthenticatorPush", "softwareOneTimePasscode"])
            }
            Registered::Passkey => (true, true, &["passKeyDeviceBound", "fido2"]),
            Registered::WindowsHello => (false, false, &["windowsHelloForBusiness"]),
            Registered::PhoneNotAllowed => (true, false, &["mobilePhone", "email"]),
        };
        let updated = now - SignedDuration::from_hours(6);
        json!({
            "id": person.id,
            "userPrincipalName": person.mail,
            "userDisplayName": person.name,
            "userType": if person.is_guest() { "guest" } else { "member" },
            "isAdmin": person.admin,
            "isSsprRegistered": registered,
            "isSsprEnabled": true,
            "isSsprCapable": registered,
            "isMfaRegistered": registered,
            "isMfaCapable": capable,
            "isPasswordlessCapable": person.registered == Registered::Passkey,
            "methodsRegistered": methods,
            "isSystemPreferredAuthenticationMethodEnabled": true,
            "systemPreferredAuthenticationMethods": if registered { json!(["push"]) } else { json!([]) },
            "userPreferredMethodForSecondaryAuthentication": if registered { "push" } else { "" },
            "lastUpdatedDateTime": format!("{updated:.7}"),
        })
    }
}

/// A random version 4 GUID.
pub(super) fn guid(chance: &mut Rng) -> String {
    let bits = chance.u128(..) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
