//! DAP, delegated admin privileges that never end: which customers still grant them, and how long ago they
//! were last used, as far as anything shows it.

mod band;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::Posture;
use crate::client::Api;
use crate::metrics::{Kind, Metric, Samples};
use crate::sources::dap_report::{DapReport, Entry};
use crate::sources::sign_ins::Uses;
use crate::sources::{DapService, Facts, Unread};
use crate::wire::ObjectId;

pub use band::Band;
use band::{Granted, Watch};

/// Who grants DAP, and what is known of its use.
#[derive(Debug)]
pub struct Dap<'a> {
    /// Customers that have it, in the order of their ids.
    pub customers: Vec<Delegation<'a>>,
    /// Why there may be more of them.
    pub doubt: Option<Unread>,
    /// What the bands rest on; `Err` while that cannot be read, and then no band is known.
    pub evidence: Result<Evidence, Unread>,
    /// Why a band is unknown, where any is.
    pub why_unknown: Unread,
}

/// DAP of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation<'a> {
    /// The customer's tenant.
    pub customer: ObjectId,
    /// What it is called; empty where that is not known.
    pub name: &'a str,
    /// How long ago it was last used.
    pub band: Band,
    /// When it was last used, where that is known.
    pub last: Option<Timestamp>,
    /// When it was granted, where that is known.
    pub granted: Option<Timestamp>,
}

/// What is known of the use of DAP rests on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The service behind Partner Center's page.
    Service,
    /// The sign-in log, remembered for longer than Microsoft keeps it.
    Log,
    /// A report that somebody exported, and the log where that knows better.
    Report,
    /// Nothing.
    None,
}

impl Evidence {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 4] = [Self::Log, Self::None, Self::Report, Self::Service];

    /// The value of the label `evidence`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Log => "log",
            Self::Report => "report",
            Self::None => "none",
        }
    }
}

impl<'a> Dap<'a> {
    /// By the best evidence there is: the service, else what is known of each customer and what the log
    /// showed, else a report.
    pub fn of(facts: &'a Facts) -> Result<Self, Unread> {
        if let Ok(service) = facts.dap_service.rows()
            && let Some(dap) = Self::served(facts, service)
        {
            return Ok(dap);
        }
        let report = facts
            .dap_report
            .rows()
            .ok()
            .filter(|report| facts.now.duration_since(report.at) <= DapReport::HOLDS);
        let (holders, doubt) = match (holders(facts), report) {
            (Ok(holders), _) => holders,
            (Err(Unread::Pending), _) => return Err(Unread::Pending),
            (Err(_), Some(report)) => {
                let listed = listed(facts, report).into_iter();
                let doubt = (report.rejected > 0).then_some(Unread::SourceFailed);
                (listed.map(|(id, name, _)| (id, name)).collect(), doubt)
            }
            (Err(why), None) => return Err(why),
        };
        Ok(Self::watched(facts, holders, doubt, report))
    }

    /// By the service. It is asked once a day and may be on its way out: what each customer says counts
    /// beside it, and where it lists nobody and nobody else says that this is so, it is no evidence.
    fn served(facts: &'a Facts, service: &'a DapService) -> Option<Self> {
        let said = holders(facts);
        if service.all().is_empty() && said.is_err() {
            return None;
        }
        let flags = facts.customer_dap.rows().ok().map(|it| &it.0);
        let is_over = |customer: &ObjectId| {
            flags.is_some_and(|flags| matches!(flags.of(customer), Ok(Some(false))))
        };
        let listed = service.all().iter().filter(|it| !is_over(&it.customer));
        let mut customers: BTreeMap<_, _> = listed
            .map(|it| {
                let band = Band::said(it.last, it.granted, facts.now);
                let (customer, name) = (it.customer.clone(), &*it.name);
                let of = Delegation { customer, name, band, last: it.last, granted: it.granted };
                (&it.customer, of)
            })
            .collect();
        let mut doubt = service.has_gaps().then_some(Unread::SourceFailed);
        let missing: Vec<_> = match &said {
            Ok((holders, more)) => {
                // Of a customer that refuses to say, the service does.
                doubt = doubt.into_iter().chain(more.filter(|_| service.all().is_empty())).min();
                holders.iter().filter(|(id, _)| !customers.contains_key(id)).collect()
            }
            Err(_) => Vec::new(),
        };
        for (customer, name) in missing {
            let band = Band::Unknown;
            let of =
                Delegation { customer: customer.clone(), name, band, last: None, granted: None };
            customers.insert(customer, of);
        }
        let customers = customers.into_values().collect();
        let (evidence, why_unknown) = (Ok(Evidence::Service), Unread::Pending);
        Some(Self { customers, doubt, evidence, why_unknown })
    }

    /// By the log and the report.
    fn watched(
        facts: &'a Facts,
        holders: Vec<(ObjectId, &'a str)>,
        doubt: Option<Unread>,
        report: Option<&'a DapReport>,
    ) -> Self {
        let log = facts.sign_ins.rows().map(|log| &**log.uses());
        let watch = Watch::of(log.ok(), facts.now);
        let entries = report.map(|report| listed(facts, report)).unwrap_or_default();
        let entries: HashMap<_, _> =
            entries.into_iter().map(|(customer, _, entry)| (customer, entry)).collect();
        let audit = facts.audit_records.rows().ok();
        let granted_at = audit.map(|audit| audit.granted()).unwrap_or_default();
        let is_audited = audit.is_some_and(|audit| audit.is_whole());
        let mut rests_on_log = true;
        let customers = holders.into_iter().map(|(customer, name)| {
            let granted = match granted_at.get(&customer) {
                Some(at) => Granted::At(*at),
                None if is_audited => Granted::Long,
                None => Granted::Unknown,
            };
            let mut last = log.ok().and_then(|log| last_use(log, &customer));
            let mut band = watch.band(last, granted, facts.now);
            if band == Band::Unknown {
                rests_on_log = false;
                if let Some(entry) = entries.get(&customer) {
                    band = Band::reported(entry, last, granted, facts.now);
                    last = last.max(entry.last(report.map_or(facts.now, |report| report.at)));
                }
            }
            let granted = granted_at.get(&customer).copied();
            Delegation { customer, name, band, last, granted }
        });
        let customers: Vec<_> = customers.collect();
        let has_shown = log.is_ok_and(Uses::has_shown);
        let evidence = match log {
            // It was there, and it will be: until then nothing is said, by the report neither, which knows
            // nothing of what the log has seen since.
            Err(
                why @ (Unread::Credential
                | Unread::Pending
                | Unread::SourceFailed
                | Unread::Stale
                | Unread::Limit),
            ) => Err(why),
            _ if report.is_some() && !(has_shown && rests_on_log) => Ok(Evidence::Report),
            Ok(_) if has_shown => Ok(Evidence::Log),
            _ => Ok(Evidence::None),
        };
        let why_unknown = match log {
            Ok(_) if has_shown => Unread::Pending,
            Ok(_) => Unread::NotObservable,
            Err(why) => why,
        };
        Self { customers, doubt, evidence, why_unknown }
    }
}

fn last_use(log: &Uses, customer: &ObjectId) -> Option<Timestamp> {
    Timestamp::from_second(log.last(customer)?).ok()
}

type Holders<'a> = (Vec<(ObjectId, &'a str)>, Option<Unread>);

/// Customers that Partner Center says have DAP, and why there may be more.
fn holders(facts: &Facts) -> Result<Holders<'_>, Unread> {
    let flags = &facts.customer_dap.rows()?.0;
    if !flags.is_whole() {
        return Err(Unread::Pending);
    }
    let customers = facts.customers.rows().ok();
    let mut doubt = customers.is_some_and(|it| it.has_gaps()).then_some(Unread::SourceFailed);
    let mut holders = Vec::new();
    for (id, flag) in flags.all() {
        match flag {
            Ok(Some(true)) => {
                let customer = customers.and_then(|customers| customers.of(id));
                holders.push((id.clone(), customer.map_or("", |customer| &customer.name)));
            }
            Ok(Some(false)) => {}
            Ok(None) => doubt = doubt.into_iter().chain([Unread::NotObservable]).min(),
            Err(why) => doubt = doubt.into_iter().chain([why]).min(),
        }
    }
    Ok((holders, doubt))
}

/// Customers that the report lists, whichever way it names each, with what it says.
fn listed<'a>(facts: &'a Facts, report: &'a DapReport) -> Vec<(ObjectId, &'a str, &'a Entry)> {
    let customers = facts.customers.rows().ok();
    let mut known = HashMap::new();
    for customer in customers.iter().flat_map(|it| it.all()) {
        let names =
            [customer.id.to_string(), customer.domain.to_lowercase(), customer.name.to_lowercase()];
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            // Two customers of one name are told apart by their ids and domains only.
            known.entry(name).and_modify(|it| *it = None).or_insert(Some(customer));
        }
    }
    let of = |entry: &'a Entry| match known.get(&entry.customer.to_lowercase()).copied().flatten() {
        Some(customer) => Some((customer.id.clone(), &*customer.name, entry)),
        None => Some((ObjectId::parse(&entry.customer)?, &*entry.customer, entry)),
    };
    let mut listed: BTreeMap<_, _> = BTreeMap::new();
    for (id, name, entry) in report.rows.iter().filter_map(of) {
        // One that is there twice counts once, by its first row.
        listed.entry(id).or_insert((name, entry));
    }
    listed.into_iter().map(|(id, (name, entry))| (id, name, entry)).collect()
}

static CUSTOMERS: Metric = Metric {
    name: "partnercenter_dap_customers",
    help: "Customers with DAP by days since one of our people last went into their tenant: lt30, 30to60, 60to90, \
           gt90; never (granted 90 days ago or more, no use seen), new (granted less than 90 days ago, no use \
           seen), unknown (nothing that was looked at tells). gt90 and never are inactive and to be removed. What \
           it rests on is partnercenter_dap_evidence. Absent while it is not known who has DAP, and while \
           the evidence cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "inactivity"],
};

static EVIDENCE: Metric = Metric {
    name: "partnercenter_dap_evidence",
    help: "What partnercenter_dap_customers rests on, one of them 1: service (the service behind Partner \
           Center's page), log (sign-ins into customers' tenants, remembered), report (a file that \
           somebody exported), none (every band is unknown). Absent as the bands are.",
    kind: Kind::Gauge,
    labels: &["tenant", "evidence"],
};

static OBSERVED: Metric = Metric {
    name: "partnercenter_dap_observed_since_timestamp_seconds",
    help: "Since when no sign-in into a customer's tenant was missed, by the log: ninety days ago or earlier \
           before it can tell that DAP is unused. Absent while the log cannot be read, while it has shown no such sign-in \
           at all, and where it is read without Microsoft's beta.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static NEW_GRANTS: Metric = Metric {
    name: "partnercenter_dap_new_grants",
    help: "Customers to whom DAP was granted within partnercenter_audit_window_seconds and who still \
           have it, as far as is known. 0 is as it should be: nothing needs DAP any more. Absent while the activity log \
           cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 4] = [&CUSTOMERS, &EVIDENCE, &OBSERVED, &NEW_GRANTS];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    if let Ok(dap) = &posture.dap
        && let Ok(evidence) = dap.evidence
    {
        for band in Band::ALL {
            let count = dap.customers.iter().filter(|it| it.band == band).count();
            samples.count(&CUSTOMERS, [("inactivity", band.as_str())], count);
        }
        for each in Evidence::ALL {
            let is = f64::from(u8::from(each == evidence));
            samples.push(&EVIDENCE, [("evidence", each.as_str())], is);
        }
    }
    if let Ok(log) = posture.facts.sign_ins.rows()
        && log.uses().has_shown()
        && let Some(since) = log.uses().watched_since(posture.facts.now.as_second())
    {
        samples.push(&OBSERVED, [], since as f64);
    }
    if let Ok(grants) = new_grants(posture.facts) {
        samples.count(&NEW_GRANTS, [], grants.len());
    }
}

impl<'a> Posture<'a> {
    /// Who has DAP; or the fact for which that is no concern of this tenant.
    pub fn dap_of_concern(&self) -> Result<Result<&Dap<'a>, &'static str>, Unread> {
        let customers = self.facts.customers.rows();
        let has_none = customers.is_ok_and(|it| it.all().is_empty() && !it.has_gaps());
        match (&self.dap, self.exempt(Api::PartnerCenter)) {
            (Ok(dap), _) if has_none && dap.customers.is_empty() => {
                Ok(Err("the partner has no customers"))
            }
            (Ok(dap), _) => Ok(Ok(dap)),
            // Whoever gives us a report is concerned, also while it cannot be read or is too old.
            (Err(why), Some(fact)) if *why != Unread::Pending && !self.has_report() => {
                Ok(Err(fact))
            }
            (Err(why), _) => Err(*why),
        }
    }
}

impl Posture<'_> {
    fn has_report(&self) -> bool {
        !matches!(self.facts.dap_report.rows(), Err(Unread::NotConfigured))
            && !matches!(self.facts.dap_report.rows(), Err(Unread::Pending))
    }
}

/// Customers to whom DAP was granted lately and who are not known to have ended it since, with when it
/// was granted.
pub fn new_grants(facts: &Facts) -> Result<Vec<(&ObjectId, Timestamp)>, Unread> {
    let audit = facts.audit_records.rows()?;
    audit.since().ok_or(Unread::Pending)?;
    let ended = audit.ended();
    let flags = facts.customer_dap.rows().ok().map(|it| &it.0);
    let customers = facts.customers.rows().ok().filter(|it| !it.has_gaps());
    let holds = |(customer, at): &(&ObjectId, Timestamp)| {
        let is_over = ended.get(customer).is_some_and(|ended| ended > at);
        let flag = flags.and_then(|flags| flags.of(customer).ok().copied().flatten());
        // Who is no customer any more is nobody we could do anything about.
        let has_left = customers.is_some_and(|it| it.of(customer).is_none());
        !is_over && flag != Some(false) && !has_left
    };
    Ok(audit.granted().into_iter().filter(holds).collect())
}

#[cfg(test)]
pub(crate) mod tests;
