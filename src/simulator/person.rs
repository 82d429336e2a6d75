//! One account: who it is, what it registered, and how the people of a partner are drawn.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::duty::Duty;
use super::fate::Fate;
use super::names::{self, Name};

pub(super) const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What somebody can register, in the report's words.
pub(super) const METHODS: [(&str, u16); 12] = [
    ("microsoftAuthenticatorPush", 1),
    ("softwareOneTimePasscode", 1 << 1),
    ("mobilePhone", 1 << 2),
    ("officePhone", 1 << 3),
    ("alternateMobilePhone", 1 << 4),
    ("hardwareOneTimePasscode", 1 << 5),
    ("microsoftAuthenticatorPasswordless", 1 << 6),
    ("windowsHelloForBusiness", 1 << 7),
    ("passKeyDeviceBound", 1 << 8),
    ("fido2", 1 << 9),
    ("email", 1 << 10),
    ("securityQuestion", 1 << 11),
];
const PUSH: u16 = 1;
const PASSCODE: u16 = 1 << 1;
const MOBILE: u16 = 1 << 2;
const OFFICE: u16 = 1 << 3;
const ALTERNATE: u16 = 1 << 4;
const HELLO: u16 = 1 << 7;
const PASSKEY: u16 = 1 << 8;
const FIDO2: u16 = 1 << 9;
const EMAIL: u16 = 1 << 10;
const QUESTION: u16 = 1 << 11;
/// These are two factors in one: whoever holds one has MFA, whatever the report's flag says.
const TWO_IN_ONE: u16 = HELLO | PASSKEY | FIDO2;
const PHONES: u16 = MOBILE | OFFICE | ALTERNATE;
/// Good for resetting a password, not for a second factor.
const RESETS: u16 = EMAIL | QUESTION;

/// One account. Kept small: a hundred thousand of them are a few megabytes.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: u128,
    pub(super) serial: u32,
    pub(super) role: Role,
    pub(super) fate: Fate,
    pub(super) duty: Duty,
    /// Whether legacy authentication is not blocked.
    pub(super) legacy_exempt: bool,
    /// Missing for some accounts of old; they are members.
    pub(super) typed: bool,
    pub(super) enabled: bool,
    /// Seconds since the epoch; missing for some accounts of old.
    pub(super) created: Option<i64>,
    /// Whether the report knows of the account at all, given time.
    pub(super) reported: bool,
    pub(super) mfa_registered: bool,
    pub(super) mfa_capable: bool,
    pub(super) methods: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Employee,
    Guest,
    Service,
    BreakGlass,
    /// Connect's own account, which is no person.
    Sync,
}

impl Person {
    pub(super) fn new(rng: &mut fastrand::Rng, serial: u32, role: Role, created: i64) -> Self {
        Self {
            id: random_id(rng),
            serial,
            role,
            fate: Fate::Covered,
            duty: Duty::None,
            legacy_exempt: false,
            typed: true,
            enabled: true,
            created: Some(created),
            reported: true,
            mfa_registered: false,
            mfa_capable: false,
            methods: 0,
        }
    }

    /// Registers the usual app.
    pub(super) fn register(&mut self) {
        (self.mfa_registered, self.mfa_capable) = (true, true);
        self.methods |= PUSH;
    }

    /// Has registered nothing.
    pub(super) fn forget(&mut self) {
        (self.mfa_registered, self.mfa_capable, self.methods) = (false, false, 0);
    }

    fn with_methods(mut self, methods: u16) -> Self {
        self.methods = methods;
        (self.mfa_registered, self.mfa_capable) = (true, true);
        self
    }

    /// Whether the registration report has a row: never for disabled accounts, and not in the
    /// first day or so, which is sooner for some than for others.
    pub(super) fn has_row(&self, now: Timestamp) -> bool {
        let lag = 22 * HOUR + (self.id % 4) as i64 * HOUR;
        self.enabled && self.reported && self.age(now).is_none_or(|age| age >= lag)
    }

    /// Seconds since the account was made, where that is known.
    pub(super) fn age(&self, now: Timestamp) -> Option<i64> {
        self.created.map(|created| now.as_second() - created)
    }

    pub(super) fn has_mfa(&self) -> bool {
        self.mfa_registered || self.mfa_capable || self.methods & TWO_IN_ONE != 0
    }

    pub(super) fn passwordless(&self) -> bool {
        self.methods & TWO_IN_ONE != 0
    }

    /// Has a second factor, and none better than a telephone.
    pub(super) fn weak(&self) -> bool {
        self.has_mfa() && self.methods & PHONES != 0 && self.methods & !(PHONES | RESETS) == 0
    }

    pub(super) fn is_guest(&self) -> bool {
        self.role == Role::Guest
    }

    pub(super) fn is_human(&self) -> bool {
        matches!(self.role, Role::Employee | Role::Guest)
    }

    pub(super) fn name(&self) -> Name {
        Name::of(self.serial)
    }

    pub(super) fn display_name(&self) -> String {
        match self.role {
            Role::Employee | Role::Guest => self.name().display(),
            Role::Service => format!("Service account {}", self.serial),
            Role::BreakGlass => format!("Break glass {}", self.serial),
            Role::Sync => "Directory synchronization".to_owned(),
        }
    }

    pub(super) fn upn(&self) -> String {
        match self.role {
            Role::Employee => format!("{}@{}", self.name().mailbox(), names::DOMAIN),
            Role::Guest => self.name().guest_upn(self.serial),
            Role::Service => format!("svc-{}@{}", self.serial, names::DOMAIN),
            Role::BreakGlass => format!("breakglass-{}@{}", self.serial, names::INITIAL_DOMAIN),
            // The machine it runs on, and an installation's number in hexadecimal.
            Role::Sync => {
                let number = self.id >> 80;
                format!("Sync_DC01_{number:012x}@{}", names::INITIAL_DOMAIN)
            }
        }
    }

    pub(super) fn guid(&self) -> String {
        guid(self.id)
    }
}

/// Draws one account of a believable partner: a tenth guests, a twelfth disabled, an eighth of the
/// members without a second factor.
pub(super) fn settle(rng: &mut fastrand::Rng, serial: u32, users: usize, now: i64) -> Person {
    let created = now - rng.i64(30 * DAY..2500 * DAY);
    let role = match serial {
        0 | 1 if users >= 10 => Role::BreakGlass,
        2..6 if users >= 40 => Role::Service,
        _ if rng.u8(..100) < 10 => Role::Guest,
        _ if rng.u8(..100) < 1 => Role::Service,
        _ => Role::Employee,
    };
    let mut person = Person::new(rng, serial, role, created);
    person.enabled = role == Role::BreakGlass || rng.u8(..100) >= 8;
    person.duty = match role {
        Role::BreakGlass => Duty::GlobalAdministrator,
        Role::Employee if rng.u8(..100) < 4 => Duty::SecurityReader,
        _ => Duty::None,
    };
    let without = match role {
        Role::BreakGlass => 0,
        Role::Employee => 11,
        Role::Guest => 35,
        Role::Service | Role::Sync => 90,
    };
    if rng.u8(..100) < without {
        person.methods = if rng.bool() { EMAIL } else { 0 };
        return person;
    }
    let methods = match (role, rng.u8(..10)) {
        (Role::BreakGlass, _) => FIDO2,
        (_, 0..4) => PUSH,
        (_, 4..7) => PUSH | PASSCODE | MOBILE,
        (_, 7) => MOBILE | EMAIL,
        (_, 8) => PUSH | HELLO,
        _ => PASSKEY | PUSH,
    };
    person.with_methods(methods)
}

/// The cases a reader gets wrong are there in every world that has room for them.
pub(super) fn plant_oddities(people: &mut [Person], now: i64) {
    let count = people.len();
    if count < 40 {
        return;
    }
    let mut plant = |place: usize, change: &dyn Fn(&mut Person)| {
        let person = &mut people[place];
        (person.role, person.enabled, person.duty) = (Role::Employee, true, Duty::None);
        change(person);
    };
    let flags = |person: &mut Person, registered, capable, methods| {
        (person.mfa_registered, person.mfa_capable) = (registered, capable);
        person.methods = methods;
    };
    // Windows Hello and a passkey alone: two factors, which the report's flag does not count.
    plant(10, &|person| flags(person, false, false, HELLO));
    plant(11, &|person| flags(person, false, false, PASSKEY));
    // No type: a member.
    plant(12, &|person| person.typed = false);
    plant(13, &|person| {
        flags(person, false, false, 0);
        person.typed = false;
    });
    // Too old to have a date of creation.
    plant(14, &|person| {
        flags(person, true, true, PUSH);
        person.created = None;
    });
    // Registered with a method that policy does not allow any more.
    plant(15, &|person| flags(person, true, false, OFFICE));
    // Long here, and no row in the report: silence that says unregistered.
    plant(16, &|person| {
        flags(person, false, false, 0);
        person.reported = false;
    });
    // Hired lately: too new for a row, and just old enough for one.
    let hired = |hours: i64| {
        move |person: &mut Person| {
            flags(person, false, false, 0);
            person.created = Some(now - hours * HOUR);
        }
    };
    plant(count - 3, &hired(30));
    plant(count - 2, &hired(19));
    plant(count - 1, &hired(2));
}

/// A random (version 4) id.
pub(super) fn random_id(rng: &mut fastrand::Rng) -> u128 {
    (rng.u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
}

/// An id as Microsoft writes it.
pub(super) fn guid(id: u128) -> String {
    let bytes = id.to_be_bytes();
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lower_case_guids() {
        let text = guid(random_id(&mut fastrand::Rng::with_seed(1)));
        assert_eq!((text.len(), &text[14..15]), (36, "4"));
        assert_eq!(text, text.to_lowercase());
        assert_eq!(guid(0x1234), "00000000-0000-0000-0000-000000001234");
    }
}
