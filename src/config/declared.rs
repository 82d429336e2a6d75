//! What the file declares about tenants: emergencies, graces, exceptions, and what to put up with.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_saphyr::Spanned;

use super::file::{Exception, File, Tenant};
use super::gather::{Wrong, wrong};
use super::value::Guid;
use crate::checks;
use crate::posture::{self, Declarations, NEVER_TOLERATED};
use crate::wire::{self, ObjectId};

/// The declarations of every tenant, by name.
pub(super) fn declarations(file: &File) -> Result<BTreeMap<String, Arc<Declarations>>, Wrong> {
    let tenants = file.tenants.value.iter().map(|tenant| &tenant.value);
    let watched: Vec<_> = tenants.clone().filter_map(|it| wire::guid(&it.tenant_id.0)).collect();
    for exception in &file.exceptions {
        let given = &exception.value;
        if given.tenant.is_none() && !given.subjects.is_empty() && tenants.clone().count() > 1 {
            return Err(wrong(
                exception,
                "its subjects live in one of several tenants; say in which with `tenant`",
            ));
        }
        if let Some(name) = &exception.value.tenant
            && !tenants.clone().any(|tenant| tenant.name.0 == *name)
        {
            return Err(wrong(
                exception,
                format!("no tenant is called `{name}`; name one of `tenants`, or none for all"),
            ));
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
            partner_applications: tenant
                .partner_applications
                .as_ref()
                .map(|all| all.iter().filter_map(|Guid(id)| ObjectId::parse(id)).collect()),
            csp_anniversary_month: month(tenant)?,
            partner_tenants: partner_tenants.clone(),
            watched_tenants: watched.clone(),
        };
        all.insert(tenant.name.0.clone(), Arc::new(declared));
    }
    Ok(all)
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
    let known = checks::ALL.into_iter().map(|check| check.id);
    let mut known = known.filter(|id| *id != "exporter-exceptions");
    let Some(requirement) = known.clone().find(|id| *id == given.requirement) else {
        let all = known.by_ref().collect::<Vec<_>>().join(", ");
        let message = format!("no requirement is called `{}`; there are {all}", given.requirement);
        return Err(wrong(entry, message));
    };
    for (key, value) in [("owner", &given.owner), ("reason", &given.reason)] {
        if value.trim().is_empty() {
            let message = format!("`{key}` of the exception to {requirement} is empty; fill it in");
            return Err(wrong(entry, message));
        }
    }
    let Ok(Some(expires)) = wire::moment(&given.expires) else {
        let message = format!(
            "`expires` of the exception to {requirement} is not a day; write it like 2027-03-01"
        );
        return Err(wrong(entry, message));
    };
    Ok(posture::Exception {
        requirement,
        subjects: given.subjects.iter().filter_map(|Guid(id)| ObjectId::parse(id)).collect(),
        owner: given.owner.clone(),
        reason: given.reason.clone(),
        expires,
    })
}
