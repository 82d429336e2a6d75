//! What the sign-in log proves about the tenant's accounts.

use jiff::Timestamp;

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::sources::sign_ins::{Deed, Deeds, Figures, SignIns};
use crate::sources::{Unread, User};

static SYNC_SEEN: Metric = Metric {
    name: "partnercenter_sync_accounts_seen",
    help: "Connect sync accounts that signed in over partnercenter_sign_in_window_seconds, by \
           application: connect is Microsoft Entra Connect, other anything else, which they are \
           not for. An account that did both is in both. Absent while accounts, roles or the log \
           cannot be read, where Microsoft refuses its beta, and where more than 100000 people \
           sign in.",
    kind: Kind::Gauge,
    labels: &["tenant", "application"],
};

static CANDIDATES: Metric = Metric {
    name: "partnercenter_service_account_candidates",
    help: "Enabled accounts that nobody signed in with in person over \
           partnercenter_sign_in_window_seconds but programs did, or whose password a program \
           sent: where to look for automation. Somebody whose session lasts may be among them. \
           Absent while accounts or the log cannot be read, where Microsoft refuses its beta, and \
           where more than 100000 people sign in.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 2] = [&SYNC_SEEN, &CANDIDATES];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let (Ok(people), Ok((log, figures))) = (&posture.people, posture.rich_log()) else { return };
    if doubt(figures).is_some() {
        return;
    }
    let count = |users: &[&User], did: fn(Deeds) -> bool| {
        users.iter().filter(|user| did(log.deeds(&user.id))).count()
    };
    samples.count(&CANDIDATES, [], count(people.everyone(), is_candidate));
    if posture.facts.role_assignments.rows().is_ok() {
        let did = |deed| count(people.synchronizers(), deed);
        let connect = did(|deeds| deeds.has(Deed::ConnectApplication));
        samples.count(&SYNC_SEEN, [("application", "connect")], connect);
        let other = did(|deeds| deeds.has(Deed::OtherApplication));
        samples.count(&SYNC_SEEN, [("application", "other")], other);
    }
}

/// Why it is not known of everybody what they did.
fn doubt(figures: &Figures) -> Option<Unread> {
    figures.people.is_none().then_some(Unread::Limit)
}

fn is_candidate(deeds: Deeds) -> bool {
    let is_unattended = deeds.has(Deed::NonInteractive) && !deeds.has(Deed::Interactive);
    deeds.has(Deed::PasswordGrant) || is_unattended
}

/// Who did something, and why there may be more who did.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Enabled accounts with the hour in which they last did it, in the order of their ids.
    pub people: Vec<(&'a User, Option<Timestamp>)>,
    /// Why not everybody could be told.
    pub doubt: Option<Unread>,
}

impl<'a> Posture<'a> {
    /// The log, once the whole window was read. One without a single row proves nothing.
    pub fn log(&self) -> Result<(&'a SignIns, &'a Figures), Unread> {
        let log = self.facts.sign_ins.rows()?;
        let figures = log.figures().ok_or(Unread::Pending)?;
        log.oldest().ok_or(Unread::NotObservable)?;
        Ok((log, figures))
    }

    /// The log, if it tells of factors, protocols and what programs did: Microsoft's v1.0 does not.
    pub fn rich_log(&self) -> Result<(&'a SignIns, &'a Figures), Unread> {
        let (log, figures) = self.log()?;
        if figures.is_rich { Ok((log, figures)) } else { Err(Unread::NotObservable) }
    }

    /// Who did what `deed` says and `did` affirms. Accounts that are disabled or gone stand in
    /// nobody's way any more.
    pub fn seen(&self, deed: Deed, did: impl Fn(Deeds) -> bool) -> Result<Seen<'a>, Unread> {
        let users = self.facts.users.rows();
        let log = self.log();
        let (Ok(users), Ok((log, figures))) = (users, log) else {
            return Err(users.err().into_iter().chain(log.err()).min().unwrap_or(Unread::Pending));
        };
        let done = figures.seen().filter(|(_, deeds)| deeds.has(deed) && did(*deeds));
        let accounts = done.filter_map(|(id, _)| users.of(&id));
        let enabled = accounts.filter(|user| user.account_enabled);
        let people = enabled.map(|user| (user, log.last(&user.id, deed))).collect();
        let doubts = [
            doubt(figures),
            (!figures.is_rich).then_some(Unread::NotObservable),
            users.has_gaps().then_some(Unread::SourceFailed),
        ];
        Ok(Seen { people, doubt: doubts.into_iter().flatten().min() })
    }

    /// The same of what only a rich log tells.
    pub fn seen_richly(&self, deed: Deed, did: impl Fn(Deeds) -> bool) -> Result<Seen<'a>, Unread> {
        let seen = self.seen(deed, did)?;
        self.rich_log()?;
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::Samples;
    use crate::posture::{Posture, tenants};

    #[test]
    fn accounts_are_counted_unless_somebody_found_no_place() {
        const ROBOT: &str = "b0000000-0000-4000-8000-000000000002";
        let shown = |rest: &str| {
            let tenant = tenants::tenant(&format!(
                "{{ users: {{ {ROBOT}: {{}} }}, sign_ins: [{{ who: {ROBOT}, program: true }}], {rest} }}"
            ));
            let (facts, declared) = (tenant.facts(), tenant.declared());
            let mut samples = Samples::of_tenant("t");
            super::observe(&Posture::of(&facts, &declared), &mut samples);
            samples.to_string()
        };
        let told = shown("");
        assert!(told.contains("service_account_candidates{tenant=\"t\"} 1\n"), "{told}");
        assert!(told.contains("sync_accounts_seen{tenant=\"t\",application=\"other\"} 0\n"));
        let sync = shown(&format!("sync: [{ROBOT}]"));
        assert!(
            sync.contains("sync_accounts_seen{tenant=\"t\",application=\"other\"} 1\n"),
            "{sync}"
        );
        assert_eq!(shown("crowded_log: true"), "");
        assert_eq!(shown("plain_log: true"), "");
    }
}
