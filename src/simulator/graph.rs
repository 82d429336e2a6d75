//! Graph: who may ask, how often, for what; what is answered stands in the files below.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::Plan;
use super::bearer::{Bearer, Holder};
use super::faults::{self, Kind};
use super::http::{Answer, Asked};
use super::scope::Api;
use super::state::State;

mod conditional_access;
mod filter;
mod gdap;
mod groups;
mod list;
mod members;
mod options;
mod partner;
mod privilege;
mod refusal;
mod registration;
mod reports;
mod resource;
mod roles;
mod settings;
mod sign_ins;
mod tenant;
mod throttles;
mod users;

pub(super) use throttles::Throttles;

use options::Options;
use refusal::Refusal;
use resource::{Meter, Resource};

/// What a reader of everything below needs, and nothing more.
pub(super) const NEEDED_PERMISSIONS: [&str; 11] = [
    "AuditLog.Read.All",
    "DelegatedAdminRelationship.Read.All",
    "GroupMember.Read.All",
    "IdentityRiskyUser.Read.All",
    "LicenseAssignment.Read.All",
    "Organization.Read.All",
    "Policy.Read.All",
    "PrivilegedEligibilitySchedule.Read.AzureADGroup",
    "Reports.Read.All",
    "RoleManagement.Read.Directory",
    "User.Read.All",
];

pub(super) fn answer(state: &mut State, asked: &Asked, faults: &[Kind]) -> Answer {
    let request_id = state.fresh_id();
    let client_request_id = asked.header("client-request-id").unwrap_or(&request_id).to_owned();
    let answered = serve(state, asked, faults)
        .unwrap_or_else(|refusal| refusal.answer(state.now(), &request_id, &client_request_id));
    answered
        .with("request-id", &request_id)
        .with("client-request-id", &client_request_id)
        .with("cache-control", "no-cache")
        .with("x-ms-ags-diagnostic", r#"{"ServerInfo":{"DataCenter":"Simulated"}}"#)
}

fn serve(state: &mut State, asked: &Asked, faults: &[Kind]) -> Result<Answer, Refusal> {
    stand_in_the_way(state, faults)?;
    let holder = authorize(state, asked, faults)?;
    let path = asked.path.strip_prefix("/graph").unwrap_or_default();
    let beta = path.starts_with("/beta");
    let path = path.strip_prefix("/v1.0").or_else(|| path.strip_prefix("/beta"));
    let Some(path) = path.filter(|path| path.is_empty() || path.starts_with('/')) else {
        let text = "Invalid version.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "BadRequest", text));
    };
    // Several questions in one envelope: not simulated, as little as writing is.
    if asked.method != Method::GET {
        let text = "Specified HTTP method is not allowed for the request target.";
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Request_BadRequest", text));
    }
    for fault in faults {
        match fault {
            Kind::NoBeta(status) if beta => return Err(Refusal::no_beta(*status)),
            _ => {}
        }
    }
    let resource = Resource::at(path, beta)?;
    let options = Options::read(asked)?;
    let expired = faults.iter().any(|fault| match fault {
        Kind::ExpiringSkiptoken(pages) => options.cursor.pages >= (*pages).max(1),
        _ => false,
    });
    if expired {
        return Err(Refusal::expired_token());
    }
    let units = permit(state, asked, &resource, &options, &holder, faults)?;
    let context = Context { state, asked, options, holder, faults };
    if resource.meter() == Meter::Partner {
        partner::permit(&context)?;
    }
    if resource.meter() == Meter::Delegation {
        gdap::permit(&context)?;
    }
    let answered = match &resource {
        Resource::Organization => tenant::organization(&context),
        Resource::SubscribedSkus => tenant::subscribed_skus(&context),
        Resource::SecurityDefaults => tenant::security_defaults(&context),
        Resource::ConditionalAccessPolicies => conditional_access::policies(&context),
        Resource::NamedLocations => conditional_access::named_locations(&context),
        Resource::AuthenticationStrengths => settings::authentication_strengths(&context),
        Resource::AuthenticationMethods => settings::authentication_methods(&context),
        Resource::CrossTenantDefault => settings::cross_tenant_default(&context),
        Resource::CrossTenantPartners => settings::cross_tenant_partners(&context),
        Resource::DirectoryRoles => roles::active(&context),
        Resource::DirectoryRoleMembers(key) => roles::members(&context, key),
        Resource::RoleAssignments => roles::assignments(&context),
        Resource::AssignmentSchedules => roles::assignment_schedules(&context),
        Resource::EligibilitySchedules => roles::eligibility_schedules(&context),
        Resource::GroupEligibilities => privilege::group_eligibilities(&context),
        Resource::RolePolicies => privilege::role_policies(&context),
        Resource::RiskyUsers => privilege::risky_users(&context),
        Resource::Groups => groups::list(&context),
        Resource::Group(id) => groups::one(&context, id),
        Resource::Members(circle) => members::list(&context, circle),
        Resource::MfaRequirements(id) => users::mfa_requirements(&context, id),
        Resource::Users => users::list(&context),
        Resource::UsersCount => users::count(&context),
        Resource::User(id) => users::one(&context, id),
        Resource::Registrations => registration::list(&context),
        Resource::Registration(id) => registration::one(&context, id),
        Resource::OutlookVersions(days) => reports::outlook_versions(&context, days),
        Resource::SecurityAlerts => partner::alerts(&context),
        Resource::SecurityAlert(id) => partner::alert(&context, id),
        Resource::SecurityScore => partner::score(&context),
        Resource::SecurityRequirements => partner::requirements(&context),
        Resource::CustomerInsights => partner::customer_insights(&context),
        Resource::ScoreHistory => partner::history(&context),
        Resource::Relationships => gdap::relationships(&context),
        Resource::Relationship(id) => gdap::relationship(&context, id),
        Resource::RelationshipAssignments(id) => gdap::assignments(&context, id),
        Resource::RelationshipRequests(id) => gdap::requests(&context, id),
        Resource::DelegatedCustomers => gdap::customers(&context),
        Resource::SignIns(version) => sign_ins::list(&context, *version),
    }?;
    Ok(match resource.meter() {
        Meter::Directory => answered.with("x-ms-resource-unit", &units.to_string()),
        Meter::Usage => reports::lead(state, asked, answered, faults),
        Meter::Reports | Meter::ConditionalAccess | Meter::Partner | Meter::Delegation => answered,
    })
}

/// Whether this may be asked, and asked now; what it costs.
fn permit(
    state: &mut State,
    asked: &Asked,
    resource: &Resource,
    options: &Options,
    holder: &Holder,
    faults: &[Kind],
) -> Result<u32, Refusal> {
    let forbidden = faults.iter().any(|fault| match fault {
        Kind::Forbidden(part) => faults::is_part(part, &asked.url()),
        _ => false,
    });
    if forbidden {
        return Err(Refusal::denied());
    }
    if resource.meter() == Meter::Partner {
        // A service of its own, whose limits nobody published.
        return Ok(0);
    }
    let granted = |name: &str| holder.may(&state.settings, name);
    if !resource.permissions().iter().any(|name| granted(name)) {
        return Err(resource.forbidden());
    }
    let report = resource.meter() == Meter::Reports || options.selects("signInActivity");
    if report && !granted("AuditLog.Read.All") {
        return Err(Resource::Registrations.forbidden());
    }
    // In the middle of an account's fields stands one of the policies'.
    if options.selects("perUserMfaState") && !granted("Policy.Read.All") {
        return Err(Refusal::denied());
    }
    let plan = state.plan(faults);
    let conditional_access = resource.meter() == Meter::ConditionalAccess;
    if resource.needs_p2() && plan != Plan::P2 {
        return Err(resource.without_p2());
    }
    if (report || conditional_access) && plan == Plan::None {
        return Err(Refusal::unlicensed());
    }
    if resource.meter() == Meter::Delegation {
        // Nor have those of this one been.
        return Ok(0);
    }
    if resource.meter() == Meter::Usage {
        // A service of its own, too; nobody reads it often enough to be told.
        return Ok(0);
    }
    let units = options.weigh(resource.cost());
    if state.settings.enforce_throttles {
        let (now, users) = (state.now(), state.world.people().len());
        if report {
            state.throttles.count_report(now)?;
        }
        if conditional_access {
            state.throttles.count_conditional_access(now)?;
        } else {
            state.throttles.count_units(now, units, users)?;
        }
    }
    Ok(units)
}

/// Everything an answer is made from.
struct Context<'a> {
    state: &'a State,
    asked: &'a Asked,
    options: Options,
    holder: Holder,
    faults: &'a [Kind],
}

impl Context<'_> {
    fn json(&self, body: &Value) -> Answer {
        self.typed(Answer::of(StatusCode::OK, body))
    }

    /// JSON is called by more names than its own.
    fn typed(&self, answer: Answer) -> Answer {
        answer.with(
            "content-type",
            "application/json;odata.metadata=minimal;odata.streaming=true;\
             IEEE754Compatible=false;charset=utf-8",
        )
    }

    fn metadata(&self, what: &str) -> Value {
        let beta = self.asked.path.starts_with("/graph/beta");
        let version = if beta { "beta" } else { "v1.0" };
        let select = self.options.select.as_ref();
        let fields = select.map_or_else(String::new, |fields| format!("({})", fields.join(",")));
        json!(format!("{}/graph/{version}/$metadata#{what}{fields}", self.asked.origin))
    }

    fn has(&self, fault: &Kind) -> bool {
        self.faults.contains(fault)
    }

    /// Whether any one of these permissions was granted.
    fn granted(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.holder.may(&self.state.settings, name))
    }

    fn plan(&self) -> Plan {
        self.state.plan(self.faults)
    }
}

/// The refusals that are asked for as faults and need no look at the question.
fn stand_in_the_way(state: &mut State, faults: &[Kind]) -> Result<(), Refusal> {
    for fault in faults {
        match fault {
            Kind::Throttle(retry) => {
                return Err(Refusal::throttled().with("retry-after", retry.header(state.now())));
            }
            Kind::ServerError(rate) if state.rng.f64() < *rate => {
                return Err(match state.rng.u8(..4) {
                    0 => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", ""),
                    1 => Refusal::new(StatusCode::BAD_GATEWAY, "BadGateway", ""),
                    2 => Refusal::unavailable(),
                    _ => Refusal::unavailable().with("retry-after", Some("1".to_owned())),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn authorize(state: &mut State, asked: &Asked, faults: &[Kind]) -> Result<Holder, Refusal> {
    let bearer = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let Some(bearer) = bearer else {
        return Err(Refusal::unauthenticated("Access token is empty."));
    };
    let now = state.now();
    match state.tokens.judge(bearer, Api::Graph, now) {
        Bearer::Known { first: true, .. } if faults.contains(&Kind::ExpiredToken) => {
            Err(Refusal::unauthenticated("Lifetime validation failed, the token is expired."))
        }
        Bearer::Known { holder, .. } => Ok(holder),
        Bearer::Expired => {
            Err(Refusal::unauthenticated("Lifetime validation failed, the token is expired."))
        }
        Bearer::WrongAudience => {
            Err(Refusal::unauthenticated("Access token validation failure. Invalid audience."))
        }
        Bearer::Unknown => Err(Refusal::unauthenticated("Invalid access token.")),
    }
}
