//! What people and partners are called in the simulated world. None of them exists.

pub(super) const COMPANY: &str = "Contoso Cloud Partners (simulated)";
/// Reserved names: nobody can own them, so no mail can ever reach anybody.
pub(super) const DOMAIN: &str = "contosocloudpartners.example";
pub(super) const INITIAL_DOMAIN: &str = "contosocloudpartners.onmicrosoft.example";
/// Where guests come from.
const HOMES: [&str; 5] = [
    "fabrikam.example",
    "northwind.example",
    "tailspin.example",
    "adatum.example",
    "litware.example",
];

const FIRST: [&str; 48] = [
    "Ada", "Adele", "Aiko", "Alan", "Amira", "Anders", "Anja", "Bao", "Beatriz", "Bruno", "Carla",
    "Chidi", "Clara", "Daan", "Dana", "Dmitri", "Elena", "Emeka", "Emma", "Farid", "Freya", "Hana",
    "Henrik", "Ines", "Ivan", "Jamal", "Joana", "Jonas", "Kai", "Kavya", "Lars", "Leila", "Lucia",
    "Maja", "Mateo", "Mei", "Milan", "Nadia", "Noah", "Olga", "Omar", "Petra", "Rahul", "Rosa",
    "Sven", "Tariq", "Yara", "Zofia",
];
const LAST: [&str; 47] = [
    "Abara",
    "Almeida",
    "Andersen",
    "Baker",
    "Bauer",
    "Berg",
    "Bianchi",
    "Castro",
    "Chen",
    "Costa",
    "Dahl",
    "Dubois",
    "Eriksen",
    "Farouk",
    "Fischer",
    "Garcia",
    "Haddad",
    "Hansen",
    "Horvat",
    "Ito",
    "Jansen",
    "Kaya",
    "Keller",
    "Khan",
    "Kim",
    "Kowalska",
    "Lindqvist",
    "Lopez",
    "Marino",
    "Meyer",
    "Mishra",
    "Moreau",
    "Nakamura",
    "Novak",
    "Okafor",
    "Olsen",
    "Patel",
    "Popescu",
    "Ricci",
    "Santos",
    "Schmidt",
    "Silva",
    "Sousa",
    "Tanaka",
    "Weber",
    "Yilmaz",
    "Zhang",
];

/// A person's name, made from the serial number: 48 and 47 share no factor, so the pairs run
/// through all 2,256 before the first comes again.
pub(super) struct Name {
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    /// Which bearer of the name this is, from 1.
    round: usize,
}

impl Name {
    pub(super) fn of(serial: u32) -> Self {
        let serial = serial as usize;
        Self {
            first: FIRST[serial % FIRST.len()],
            last: LAST[serial % LAST.len()],
            round: serial / (FIRST.len() * LAST.len()) + 1,
        }
    }

    pub(super) fn display(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// The part before the `@`, told apart from namesakes by a number.
    pub(super) fn mailbox(&self) -> String {
        let number = if self.round == 1 { String::new() } else { self.round.to_string() };
        format!("{}.{}{number}", self.first, self.last).to_lowercase()
    }

    /// The principal name of a guest, which Entra makes from the address at home.
    pub(super) fn guest_upn(&self, serial: u32) -> String {
        let home = HOMES[serial as usize % HOMES.len()];
        format!("{}_{home}#EXT#@{INITIAL_DOMAIN}", self.mailbox())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn namesakes_have_mailboxes_of_their_own() {
        let mailboxes: BTreeSet<_> = (0..10_000).map(|serial| Name::of(serial).mailbox()).collect();
        assert_eq!(mailboxes.len(), 10_000);
    }
}
