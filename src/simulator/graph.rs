//! Microsoft Graph: paths, permissions, licences, pages, and its several ways to write an error.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::http::{Asked, Reply};
use super::{Plan, State, lock};

/// A path, the permissions of which one suffices, and what it asks of the tenant.
struct Route {
    path: &'static str,
    permissions: &'static [&'static str],
    premium: bool,
    /// Whether it stands under the limit of 5 requests in 10 seconds.
    report: bool,
}

const ROUTES: [Route; 5] = [
    Route {
        path: "/organization",
        permissions: &["Organization.Read.All", "Directory.Read.All"],
        premium: false,
        report: false,
    },
    Route {
        path: "/users",
        permissions: &["User.Read.All", "Directory.Read.All"],
        premium: false,
        report: false,
    },
    Route {
        path: "/reports/authenticationMethods/userRegistrationDetails",
        permissions: &["AuditLog.Read.All"],
        premium: true,
        report: true,
    },
    Route {
        path: "/policies/identitySecurityDefaultsEnforcementPolicy",
        permissions: &["Policy.Read.All"],
        premium: false,
        report: false,
    },
    Route {
        path: "/subscribedSkus",
        permissions: &["LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All"],
        premium: false,
        report: false,
    },
];

/// Answers a request below `/graph`.
pub(super) fn answer(state: &State, asked: &Asked) -> Reply {
    let Some((version, path)) =
        asked.path["/graph".len()..].trim_start_matches('/').split_once('/')
    else {
        return error(state, asked, 400, "BadRequest", "Invalid version");
    };
    if !["v1.0", "beta"].contains(&version) {
        return error(state, asked, 400, "BadRequest", "Invalid version");
    }
    let token = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let now = state.time.now();
    let known = token.filter(|token| lock(&state.issued).knows(token, now));
    let Some(token) = known else { return unauthorized(state, asked) };
    if state.fault("expired-token", &asked.path).is_some() && lock(&state.issued).is_first(token) {
        return unauthorized(state, asked);
    }
    let path = format!("/{path}");
    let Some(route) = ROUTES.iter().find(|route| route.path.eq_ignore_ascii_case(&path)) else {
        let segment = path.split('/').nth(1).unwrap_or_default();
        let text = format!("Resource not found for the segment '{segment}'.");
        return error(state, asked, 400, "BadRequest", &text);
    };
    if asked.method != "GET" {
        return error(
            state,
            asked,
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed",
        );
    }
    let granted = &state.settings.granted;
    let permitted = route.permissions.iter().any(|needed| granted.iter().any(|it| it == needed));
    let forbidden = lock(&state.faults)
        .iter()
        .any(|fault| fault.is("forbidden", &asked.path) && asked.path.contains(fault.argument()));
    if forbidden || !permitted {
        let text = "Insufficient privileges to complete the operation.";
        return error(state, asked, 403, "Authorization_RequestDenied", text);
    }
    let plan = plan(state);
    // Microsoft looks for the licence with Directory.Read.All, and finds none without it.
    if route.premium && (plan == Plan::Free || !granted.iter().any(|it| it == "Directory.Read.All"))
    {
        let code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
        return error(
            state,
            asked,
            403,
            code,
            "Neither tenant is B2C or tenant doesn't have premium license",
        );
    }
    if route.report && too_fast(state) {
        return throttled(state, asked, "10");
    }
    if let Some(fault) = state.fault("throttle", &asked.path) {
        return throttled(state, asked, fault.argument());
    }
    serve(state, asked, version, route.path, plan)
}

fn serve(state: &State, asked: &Asked, version: &str, path: &str, plan: Plan) -> Reply {
    let world = state.world();
    let now = state.time.now();
    let context = |what: &str| format!("https://graph.microsoft.com/{version}/$metadata#{what}");
    match path {
        "/organization" => {
            let partner = world.partner.then_some("resellerPartnerDelegatedAdmin");
            let organization = json!({
                "id": state.settings.identity.tenant_id,
                "displayName": world.display_name,
                "tenantType": "AAD",
                "partnerTenantType": partner,
                "createdDateTime": "2016-04-11T08:15:30Z",
                "onPremisesSyncEnabled": null,
                "technicalNotificationMails": ["it@contoso.example"],
                "verifiedDomains": [
                    {"capabilities": "Email, OfficeCommunicationsOnline", "isDefault": true, "isInitial": false, "name": "contoso.example", "type": "Managed"},
                    {"capabilities": "Email", "isDefault": false, "isInitial": true, "name": "contosopartners.onmicrosoft.example", "type": "Managed"},
                ],
            });
            list(context("organization"), vec![selected(asked, organization, None)], None)
        }
        "/users" => users(state, asked, &world, context("users")),
        "/reports/authenticationMethods/userRegistrationDetails" => {
            let rows: Vec<_> =
                (0..world.len()).filter(|&it| world.has_registration(it, now)).collect();
            let context = context("reports/authenticationMethods/userRegistrationDetails");
            match page(state, asked, rows.len(), 1000, 999) {
                Ok((from, to, next)) => {
                    let rows = rows[from..to].iter().map(|&it| world.registration(it, now));
                    list(context, rows.map(|row| selected(asked, row, None)).collect(), next)
                }
                Err(reply) => reply,
            }
        }
        "/policies/identitySecurityDefaultsEnforcementPolicy" => Reply::json(
            200,
            &json!({
                "@odata.context": context("policies/identitySecurityDefaultsEnforcementPolicy/$entity"),
                "id": "00000000-0000-0000-0000-000000000005",
                "displayName": "Security Defaults",
                "description": "Security defaults is a set of basic identity security mechanisms.",
                "isEnabled": world.security_defaults,
            }),
        ),
        _ => {
            if asked.query("$filter").is_some() {
                return error(
                    state,
                    asked,
                    400,
                    "Request_UnsupportedQuery",
                    "Filter is not supported",
                );
            }
            let rows = skus(plan).into_iter().map(|sku| selected(asked, sku, None)).collect();
            list(context("subscribedSkus"), rows, None)
        }
    }
}

fn users(state: &State, asked: &Asked, world: &super::world::World, context: String) -> Reply {
    /// What Graph returns of a user unless asked for more; not whether it is enabled.
    const DEFAULT: [&str; 5] = ["businessPhones", "displayName", "mail", "userPrincipalName", "id"];
    let wanted = match asked.query("$filter").as_deref() {
        None => None,
        Some("accountEnabled eq true") => Some(true),
        Some("accountEnabled eq false") => Some(false),
        Some(_) => {
            return error(state, asked, 400, "Request_UnsupportedQuery", "Unsupported Query.");
        }
    };
    if asked.query("$count").is_some() && asked.header("consistencylevel") != Some("eventual") {
        let text = "$count is not currently supported without ConsistencyLevel.";
        return error(state, asked, 400, "Request_UnsupportedQuery", text);
    }
    let rows: Vec<_> = (0..world.len())
        .filter(|&it| wanted.is_none_or(|wanted| world.user(it)["accountEnabled"] == wanted))
        .collect();
    let most = if asked.query("$select").unwrap_or_default().contains("signInActivity") {
        500
    } else {
        999
    };
    match page(state, asked, rows.len(), 100, most) {
        Ok((from, to, next)) => {
            let rows =
                rows[from..to].iter().map(|&it| selected(asked, world.user(it), Some(&DEFAULT)));
            let mut reply = list(context, rows.collect(), next);
            reply.headers.push(("x-ms-resource-unit".to_owned(), "2".to_owned()));
            reply
        }
        Err(reply) => reply,
    }
}

/// Which rows a page holds, and the token of the next. The last page may come out empty, as
/// Graph's sometimes does.
fn page(
    state: &State,
    asked: &Asked,
    rows: usize,
    usual: usize,
    most: usize,
) -> Result<(usize, usize, Option<String>), Reply> {
    let size = match asked.query("$top") {
        None => usual,
        Some(text) => match text.parse::<usize>() {
            Ok(top) if (1..=most).contains(&top) => top,
            _ => {
                return Err(error(
                    state,
                    asked,
                    400,
                    "Request_BadRequest",
                    "Invalid page size specified",
                ));
            }
        },
    };
    let from = match asked.query("$skiptoken") {
        None => 0,
        Some(token) => match token.strip_prefix("RFNwdA").and_then(|it| it.parse::<usize>().ok()) {
            Some(from) => from,
            None => {
                return Err(error(
                    state,
                    asked,
                    400,
                    "Directory_ExpiredPageToken",
                    "The token is not valid",
                ));
            }
        },
    };
    if state.fault("endless-paging", &asked.path).is_some() {
        return Ok((0, 0, Some(next_link(asked, from + 1))));
    }
    if state.fault("foreign-nextlink", &asked.path).is_some() {
        let next = next_link(asked, 1).replace(&asked.host, "graph.microsoft.example");
        return Ok((0, size.min(rows), Some(next)));
    }
    let from = from.min(rows);
    let to = (from + size).min(rows);
    // A full last page points to an empty one.
    let more = to < rows || (to == rows && to - from == size && from > 0);
    Ok((from, to, more.then(|| next_link(asked, to))))
}

/// The request's own address with every option, and an opaque token.
fn next_link(asked: &Asked, from: usize) -> String {
    let options: Vec<_> = asked
        .query
        .split('&')
        .filter(|it| !it.is_empty() && !it.starts_with("$skiptoken="))
        .collect();
    let options = options.join("&");
    let joint = if options.is_empty() { "" } else { "&" };
    format!("http://{}{}?{options}{joint}$skiptoken=RFNwdA{from}", asked.host, asked.path)
}

fn list(context: String, rows: Vec<Value>, next: Option<String>) -> Reply {
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), context.into());
    if let Some(next) = next {
        body.insert("@odata.nextLink".to_owned(), next.into());
    }
    body.insert("value".to_owned(), rows.into());
    Reply::json(200, &Value::Object(body))
}

/// Only the fields asked for; unless `usual` says what is given unasked, all of them.
fn selected(asked: &Asked, row: Value, usual: Option<&[&str]>) -> Value {
    let select = asked.query("$select");
    let Value::Object(fields) = row else { return row };
    let wanted = |name: &str| match (&select, usual) {
        (Some(select), _) => select.split(',').any(|it| it.trim().eq_ignore_ascii_case(name)),
        (None, Some(usual)) => usual.contains(&name),
        (None, None) => true,
    };
    fields.into_iter().filter(|(name, _)| wanted(name)).collect()
}

fn plan(state: &State) -> Plan {
    let unlicensed =
        lock(&state.faults).iter().any(|fault| fault.to_string().starts_with("unlicensed"));
    if unlicensed { Plan::Free } else { state.world().plan }
}

fn skus(plan: Plan) -> Vec<Value> {
    let service = |id: &str, name: &str| json!({"servicePlanId": id, "servicePlanName": name, "provisioningStatus": "Success", "appliesTo": "User"});
    let sku = |id: &str, name: &str, enabled: u32, plans: Vec<Value>| {
        json!({
            "id": format!("51310000-0000-4000-8000-00000000c0de_{id}"),
            "skuId": id,
            "skuPartNumber": name,
            "accountName": "contosopartners",
            "appliesTo": "User",
            "capabilityStatus": "Enabled",
            "consumedUnits": enabled / 2,
            "prepaidUnits": {"enabled": enabled, "suspended": 0, "warning": 0, "lockedOut": 0},
            "subscriptionIds": [],
            "servicePlans": plans,
        })
    };
    let exchange = service("9aaf7827-d63c-4b61-89c3-182f06f82e5c", "EXCHANGE_S_STANDARD");
    let p1 = service("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM");
    let p2 = service("eec0eb4f-6444-4f95-aba0-50c24d67f998", "AAD_PREMIUM_P2");
    let mfa = service("8a256a2b-b617-496d-b51b-e76466e88db0", "MFA_PREMIUM");
    let mut skus =
        vec![sku("4b9405b0-7788-4568-add1-99614e613b69", "EXCHANGESTANDARD", 300, vec![exchange])];
    match plan {
        Plan::Free => {}
        Plan::P1 => skus.push(sku(
            "078d2b04-f1bd-4111-bbd4-b4b1b354cef4",
            "AAD_PREMIUM",
            100,
            vec![p1, mfa],
        )),
        Plan::P2 => skus.push(sku(
            "84a661c4-e949-4bd2-a560-ed7766fcaf2b",
            "AAD_PREMIUM_P2",
            100,
            vec![p2, mfa],
        )),
    }
    skus
}

/// Five report requests in ten seconds, where time runs.
fn too_fast(state: &State) -> bool {
    const PERIOD: Duration = Duration::from_secs(10);
    let Some(now) = state.time.running().filter(|_| state.settings.enforce_throttles) else {
        return false;
    };
    let mut starts = lock(&state.reports);
    starts.retain(|start| now.saturating_sub(*start) < PERIOD);
    // What is refused counts too.
    starts.push_back(now);
    starts.len() > 5
}

fn throttled(state: &State, asked: &Asked, told: &str) -> Reply {
    let mut reply = error(state, asked, 429, "TooManyRequests", "Please retry again later.");
    let date = |seconds: i64| {
        let until = state.time.now() + jiff::SignedDuration::from_secs(seconds);
        until.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let retry_after = match told {
        "none" => None,
        "" => Some("10".to_owned()),
        "date" => Some(date(10)),
        seconds => Some(seconds.to_owned()),
    };
    reply.headers.extend(retry_after.map(|value| ("Retry-After".to_owned(), value)));
    reply
}

fn unauthorized(state: &State, asked: &Asked) -> Reply {
    let text = "Access token has expired or is not yet valid.";
    let mut reply = error(state, asked, 401, "InvalidAuthenticationToken", text);
    reply.headers.push(("WWW-Authenticate".to_owned(), "Bearer realm=\"\"".to_owned()));
    reply
}

/// Graph's error body. The services behind it do not agree on how its keys are written.
fn error(state: &State, asked: &Asked, status: u16, code: &str, message: &str) -> Reply {
    let date = format!("{:.0}", state.time.now()).trim_end_matches('Z').to_owned();
    let inner = json!({
        "date": date,
        "request-id": asked.request_id,
        "client-request-id": asked.header("client-request-id").unwrap_or(&asked.request_id),
    });
    let body = if asked.path.contains("/reports/") {
        json!({"error": {"code": code, "message": message, "innererror": inner}})
    } else if asked.path.contains("/policies/") {
        json!({"Error": {"Code": code, "Message": message, "InnerError": inner}})
    } else {
        json!({"error": {"code": code, "message": message, "innerError": inner}})
    };
    Reply::json(status, &body)
}
