//! What the file declares about tenants: emergencies, graces, exceptions, and what to put up with.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_saphyr::Spanned;

use super::file::{Attestation, AttestedVerdict, CloudName, Exception, File, Tenant};
use super::gather::{Wrong, wrong};
use super::value::Guid;
use crate::checks::{self, About, Check, Evidence};
use crate::posture::customers::MOST_SHOWN;
use crate::posture::{self, Attested, Declarations, NEVER_TOLERATED};
use crate::wire::{self, ObjectId};

/// The declarations of every tenant, by name.
pub(super) fn declarations(file: &File) -> Result<BTreeMap<String, Arc<Declarations>>, Wrong> {
    let tenants = file.tenants.value.iter().map(|tenant| &tenant.value);
    let watched: Vec<_> = tenants.clone().filter_map(|it| wire::guid(&it.tenant_id.0)).collect();
    let missing = |name: &Option<String>| {
        let name = name.as_ref().filter(|name| !tenants.clone().any(|it| it.name.0 == **name))?;
        Some(format!("no tenant is called `{name}`; name one of `tenants`, or none for all"))
    };
    for exception in &file.exceptions {
        let given = &exception.value;
        if given.tenant.is_none() && !given.subjects.is_empty() && tenants.clone().count() > 1 {
            return Err(wrong(
                exception,
                "its subjects live in one of several tenants; say in which with `tenant`",
            ));
        }
        if let Some(message) = missing(&given.tenant) {
            return Err(wrong(exception, message));
        }
    }
    for attestation in &file.attestations {
        if let Some(message) = missing(&attestation.value.tenant) {
            return Err(wrong(attestation, message));
        }
    }
    if let Some(listed) = &file.partner_tenants {
        let lists = |tenant: &Tenant| listed.value.iter().any(|id| id.0 == tenant.tenant_id.0);
        if let Some(missing) = tenants.clone().find(|tenant| !lists(tenant)) {
            let name = &missing.name.0;
            return Err(wrong(
                listed,
                format!("the tenant `{name}` is watched and not among partner_tenants; list all"),
            ));
        }
    }
    let partner_tenants = file.partner_tenants.as_ref().map(|listed| &listed.value);
    let partner_tenants: Option<Vec<_>> =
        partner_tenants.map(|ids| ids.iter().filter_map(|Guid(id)| wire::guid(id)).collect());
    let mut all = BTreeMap::new();
    for tenant in tenants {
        let break_glass = tenant.break_glass.as_ref();
        let declared = Declarations {
            break_glass: break_glass
                .map(|all| all.iter().filter_map(|it| ObjectId::parse(&it.object_id.0)).collect()),
            tolerated_applications: tolerated(tenant)?,
            hire_grace: tenant.hire_grace.map_or_else(Default::default, |grace| grace.0),
            exceptions: exceptions(&file.exceptions, &tenant.name.0)?,
            attestations: attestations(&file.attestations, &tenant.name.0)?,
            partner_applications: partner_applications(tenant),
            is_sovereign: tenant.cloud != CloudName::Global,
            csp_anniversary_month: month(tenant)?,
            partner_tenants: partner_tenants.clone(),
            watched_tenants: watched.clone(),
            high_privilege_roles: high_privilege_roles(tenant)?,
            customer_series_limit: customer_series_limit(tenant)?,
        };
        all.insert(tenant.name.0.clone(), Arc::new(declared));
    }
    Ok(all)
}

/// Those that are listed, and our own, which nobody need list.
fn partner_applications(tenant: &Tenant) -> Option<Vec<ObjectId>> {
    let own = tenant.app_user.iter().map(|app_user| &app_user.value.client_id);
    let all = tenant.partner_applications.as_ref()?.iter().chain(own);
    Some(all.filter_map(|Guid(id)| ObjectId::parse(id)).collect())
}

fn customer_series_limit(tenant: &Tenant) -> Result<Option<u32>, Wrong> {
    match &tenant.customer_series_limit {
        Some(limit) if !(1..=MOST_SHOWN).contains(&limit.value) => {
            let message = format!(
                "customer_series_limit is not between 1 and {MOST_SHOWN}; each customer is up to three \
                 series; leave it out to show none"
            );
            Err(wrong(limit, message))
        }
        limit => Ok(limit.as_ref().map(|limit| limit.value)),
    }
}

/// Those that are listed, or those that nobody should hold at a customer.
fn high_privilege_roles(tenant: &Tenant) -> Result<Vec<ObjectId>, Wrong> {
    let Some(listed) = &tenant.high_privilege_roles else {
        return Ok(Declarations::default().high_privilege_roles);
    };
    let unknown = listed.value.iter().find(|Guid(id)| {
        ObjectId::parse(id).is_none_or(|id| crate::sources::role_name(&id).is_none())
    });
    if let Some(Guid(id)) = unknown {
        let message = format!(
            "{id} in high_privilege_roles is no built-in role of Microsoft Entra; give template ids, \
             such as 62e90394-69f5-4237-9190-012177145e10 for Global Administrator"
        );
        return Err(wrong(listed, message));
    }
    Ok(listed.value.iter().filter_map(|Guid(id)| ObjectId::parse(id)).collect())
}

fn month(tenant: &Tenant) -> Result<Option<i8>, Wrong> {
    match &tenant.csp_anniversary_month {
        Some(month) if !(1..=12).contains(&month.value) => Err(wrong(
            month,
            "csp_anniversary_month is not a month; write it as a number from 1 to 12",
        )),
        month => Ok(month.as_ref().map(|month| month.value)),
    }
}

fn tolerated(tenant: &Tenant) -> Result<Vec<Box<str>>, Wrong> {
    let read = |entry: &Spanned<String>| {
        let id = entry.value.trim().to_lowercase();
        if NEVER_TOLERATED.contains(&id.as_str()) {
            return Err(wrong(
                entry,
                "Partner Center and Azure management are what MFA is demanded for and cannot be \
                 tolerated; remove it",
            ));
        }
        if wire::guid(&id).is_none() && id != "office365" {
            return Err(wrong(
                entry,
                "not an application; give an application id, or the word Office365",
            ));
        }
        Ok(id.into_boxed_str())
    };
    tenant.tolerated_applications.iter().map(read).collect()
}

fn exceptions(
    entries: &[Spanned<Exception>],
    tenant: &str,
) -> Result<Vec<posture::Exception>, Wrong> {
    let meant =
        |entry: &&Spanned<Exception>| entry.value.tenant.as_ref().is_none_or(|name| name == tenant);
    entries.iter().filter(meant).map(exception).collect()
}

fn exception(entry: &Spanned<Exception>) -> Result<posture::Exception, Wrong> {
    let given = &entry.value;
    let check = known(entry, &given.requirement)?;
    let requirement = check.id;
    let what = format!("the exception to {requirement}");
    filled(entry, &what, [("owner", &given.owner), ("reason", &given.reason)])?;
    if check.about == About::Accounts && given.subjects.is_empty() {
        let message = format!("{what} is for everybody; name the accounts it is for in `subjects`");
        return Err(wrong(entry, message));
    }
    Ok(posture::Exception {
        requirement,
        subjects: given.subjects.iter().filter_map(|Guid(id)| ObjectId::parse(id)).collect(),
        owner: given.owner.clone(),
        reason: given.reason.clone(),
        expires: day(entry, &what, "expires", &given.expires)?,
    })
}

fn attestations(
    entries: &[Spanned<Attestation>],
    tenant: &str,
) -> Result<Vec<posture::Attestation>, Wrong> {
    let meant = |entry: &&Spanned<Attestation>| {
        entry.value.tenant.as_ref().is_none_or(|name| name == tenant)
    };
    entries.iter().filter(meant).map(attestation).collect()
}

fn attestation(entry: &Spanned<Attestation>) -> Result<posture::Attestation, Wrong> {
    let given = &entry.value;
    let check = known(entry, &given.requirement)?;
    let what = format!("the attestation of {}", check.id);
    filled(entry, &what, [("by", &given.by)])?;
    let says = match given.verdict {
        AttestedVerdict::Compliant if check.evidence == Evidence::Measured => {
            let message = format!(
                "{} is measured, and nobody's word overrides that; remove the attestation, or make \
                 it an exception",
                check.id
            );
            return Err(wrong(entry, message));
        }
        AttestedVerdict::Compliant => Attested::Compliant,
        AttestedVerdict::NotApplicable => Attested::NotApplicable,
    };
    let attested = day(entry, &what, "attested", &given.attested)?;
    let expires = day(entry, &what, "expires", &given.expires)?;
    if expires <= attested {
        return Err(wrong(entry, format!("{what} expires before it was attested; swap the days")));
    }
    let (requirement, by) = (check.id, given.by.clone());
    Ok(posture::Attestation { requirement, says, by, attested, expires })
}

/// The requirement of this id.
fn known<T>(entry: &Spanned<T>, id: &str) -> Result<&'static Check, Wrong> {
    let mut known = checks::ALL.into_iter().filter(|check| check.id != "exporter-exceptions");
    known.clone().find(|check| check.id == id).ok_or_else(|| {
        let all = known.by_ref().map(|check| check.id).collect::<Vec<_>>().join(", ");
        wrong(entry, format!("no requirement is called `{id}`; there are {all}"))
    })
}

fn filled<T, const N: usize>(
    entry: &Spanned<T>,
    what: &str,
    fields: [(&str, &String); N],
) -> Result<(), Wrong> {
    match fields.into_iter().find(|(_, value)| value.trim().is_empty()) {
        Some((key, _)) => Err(wrong(entry, format!("`{key}` of {what} is empty; fill it in"))),
        None => Ok(()),
    }
}

fn day<T>(entry: &Spanned<T>, what: &str, key: &str, text: &str) -> Result<Timestamp, Wrong> {
    wire::moment(text).ok().flatten().ok_or_else(|| {
        wrong(entry, format!("`{key}` of {what} is not a day; write it like 2027-03-01"))
    })
}
