"""The shipped rules on real data, alerts on their way to a webhook, and what is not said twice."""

import itertools
import re
import time

from harness import (
    ALERTMANAGER_EXAMPLE,
    ROOT,
    RULES,
    Alertmanager,
    check,
    inhibit_rules,
    wait_until,
)

# An alert of a healthy demo may be about people; none may be about the exporter.
HEALTH = "partnercenter.exporter"

TENANT = "simulated"

# Alerts by name without "Partnercenter", and by requirement or source where that matters.
SOURCE_ALERTS = ["SourceFailing", "SourceStale", "PermissionMissing", "LicenseMissing"]
DECIDES_COVERAGE = [
    "authentication_strengths",
    "conditional_access_policies",
    "groups",
    "named_locations",
    "per_user_mfa",
    "role_assignments",
    "role_eligibilities",
    "security_defaults",
    "users",
]
# What is read, and what is judged, only as the partner's own application.
OF_THE_APP_USER = [
    "app_user_token",
    "customer_insights",
    "fraud_events",
    "indirect_resellers",
    "mfa_adoption",
    "mfa_self_test",
    "partner_requests",
    "portal_requests",
    "security_alerts",
    "security_requirements",
    "security_score",
    "security_score_history",
    "usage_records",
]
JUDGED_BY_THE_APP_USER = [
    "enforcement-active",
    "fraud-alerts-open",
    "fraud-response-time",
    "mfa-api-requests",
    "mfa-claim-self-test",
    "mfa-portal-requests",
    "mpa-accepted",
    "mpa-resellers-signed",
    "sam-adopted",
    "security-contact",
    "transact-ability",
]

# What is said of a tenant, and what is not said again of it.
SILENCES = [
    (
        {"CredentialRefused"},
        {
            "TenantUnreachable",
            "PermissionMissing",
            "SourceStale",
            "MandatoryRequirementUnknown",
            "MfaCoverageUnknown",
            "SignInLogBehind",
        },
    ),
    (
        {"TenantUnreachable"},
        {
            "SourceFailing",
            "SourceStale",
            "MandatoryRequirementUnknown",
            "MfaCoverageUnknown",
            "SignInLogBehind",
        },
    ),
    (
        {"UsersWithoutEnforcedMfa"},
        {
            "MfaExclusions",
            "MfaPolicyHasGap",
            "MandatoryRequirementNotMet mfa-all-users-enforced",
            "MandatoryRequirementNotMet mfa-every-authentication",
            "MandatoryRequirementNotMet mfa-guests",
            "MandatoryRequirementNotMet mfa-no-exclusions",
            "UsersSignInWithoutMfa",
        },
    ),
    ({"AdminsWithoutMfa"}, {"MandatoryRequirementNotMet mfa-admins-enforced"}),
    ({"NoMfaOptionEnabled"}, {"MandatoryRequirementNotMet mfa-supported-method"}),
    ({"MandatoryRequirementNotMet mfa-all-users-registered"}, {"UsersNotRegisteredForMfa"}),
    ({"MandatoryRequirementNotMet mfa-break-glass"}, {"BreakGlassWithoutMfa"}),
    (
        {"MandatoryRequirementNotMet mfa-third-party-exception"},
        {"ThirdPartyMfaWithoutException"},
    ),
    ({"AoboWithoutMfa"}, {"MandatoryRequirementNotMet mfa-aobo"}),
    ({"ThirdPartyClaimMissing"}, {"MandatoryRequirementNotMet mfa-third-party-claim"}),
    (
        {"PasswordGrantAutomation"},
        {"RecommendedRequirementNotMet automation-user-credentials"},
    ),
    ({"MandatoryRequirementNotMet mfa-cloud-signins"}, {"UsersSignInWithoutMfa"}),
    (
        {"PermissionMissing sign_ins", "SourceFailing sign_ins", "SourceStale sign_ins"},
        {"SignInLogBehind"},
    ),
    # Not a missing licence: nobody hears of that, so it must silence nothing.
    (
        {
            f"{alert} {source}"
            for alert in SOURCE_ALERTS
            if alert != "LicenseMissing"
            for source in DECIDES_COVERAGE
        },
        {"MfaCoverageUnknown", "GroupsUnreadable", "PoliciesUndecided"},
    ),
    ({"GroupsUnreadable", "PoliciesUndecided"}, {"MfaCoverageUnknown"}),
    # Nothing keeps back that nobody watches for fraud.
    (
        {"FraudFeedStale"},
        {
            f"{alert} {source}"
            for alert in ("SourceFailing", "SourceStale")
            for source in ("fraud_events", "security_alerts")
        },
    ),
    (
        {"FraudResponseOverLimit"},
        {"FraudResponseSlow", "MandatoryRequirementNotMet fraud-response-time"},
    ),
    ({"FraudAverageAtRisk"}, {"FraudResponseSlow"}),
    (
        {"AppUserTokenRefused"},
        {
            f"{alert} {source}"
            for alert in ("SourceFailing", "SourceStale")
            for source in OF_THE_APP_USER
        }
        | {f"MandatoryRequirementUnknown {name}" for name in JUDGED_BY_THE_APP_USER}
        | {"RefreshTokenExpiring", "RefreshTokenAlmostExpired"},
    ),
    ({"RefreshTokenAlmostExpired"}, {"RefreshTokenExpiring"}),
    (
        {"TokenWithoutMfaClaim"},
        {
            "PartnerApiMfaRefused",
            "MandatoryRequirementNotMet enforcement-active",
            "MandatoryRequirementNotMet mfa-claim-self-test",
        },
    ),
    (
        {"PartnerApiMfaRefused"},
        {
            "MandatoryRequirementNotMet enforcement-active",
            "MandatoryRequirementNotMet mfa-claim-self-test",
        },
    ),
    (
        {"PortalUsersWithoutMfaNow"},
        {"PortalUsersWithoutMfa", "MandatoryRequirementNotMet mfa-portal-requests"},
    ),
    ({"MandatoryRequirementNotMet mfa-portal-requests"}, {"PortalUsersWithoutMfa"}),
    (
        {"ApiRequestsWithoutMfa"},
        {
            "AppWithoutSam",
            "MandatoryRequirementNotMet mfa-api-requests",
            "MandatoryRequirementNotMet sam-adopted",
        },
    ),
    (
        {"AppWithoutSam"},
        {
            "MandatoryRequirementNotMet mfa-api-requests",
            "MandatoryRequirementNotMet sam-adopted",
        },
    ),
    (
        {"MandatoryRequirementNotMet mfa-api-requests"},
        {"MandatoryRequirementNotMet sam-adopted"},
    ),
    (
        {"MpaNotAccepted"},
        {"MandatoryRequirementNotMet mpa-accepted", "MandatoryRequirementNotMet transact-ability"},
    ),
    ({"PartnerStandingAtRisk"}, {"MandatoryRequirementNotMet transact-ability"}),
    ({"SecurityContactMissing"}, {"MandatoryRequirementNotMet security-contact"}),
    ({"MandatoryRequirementNotMet mpa-resellers-signed"}, {"ResellerMpaUnsigned"}),
    ({"CspAuthorizationDue"}, {"CspAuthorizationAtRisk"}),
    ({"DapInactive"}, {"RecommendedRequirementNotMet dap-inactive"}),
    ({"DapRemaining"}, {"RecommendedRequirementNotMet dap-remaining"}),
    ({"NewDapGranted"}, {"RecommendedRequirementNotMet dap-new-grants"}),
    ({"DapWithoutGdap"}, {"RecommendedRequirementNotMet gdap-coverage"}),
    ({"GdapGlobalAdmin"}, {"RecommendedRequirementNotMet gdap-no-global-admin"}),
    ({"GdapHighPrivilege"}, {"RecommendedRequirementNotMet gdap-least-privilege"}),
    ({"GdapViaAdminAgents"}, {"RecommendedRequirementNotMet gdap-assignments"}),
    ({"GdapCustomerGoingDark"}, {"GdapExpiringIn7Days"}),
    ({"AdminAgentWithoutP2"}, {"RecommendedRequirementNotMet p2-admin-agents"}),
    ({"TooManyGlobalAdmins"}, {"RecommendedRequirementNotMet bp-admin-count"}),
    ({"RiskyUsers", "RiskyUsersHigh"}, {"RecommendedRequirementNotMet risky-users"}),
    ({"StaleAgent"}, {"RecommendedRequirementNotMet admin-agents-membership"}),
]
# The same, of one source that the same exporter reads.
SILENCES_OF_THE_SOURCE = [
    ({"PermissionMissing", "LicenseMissing"}, {"SourceStale"}),
    ({"SourceStale"}, {"SourceFailing"}),
]


# So many pairs of alerts an Alertmanager judges at once, each in a tenant of its own.
PAIRS = 2_500


def rules(prometheus):
    return [
        (group["name"], rule)
        for group in prometheus.api("rules")["groups"]
        for rule in group["rules"]
    ]


def named(kind):
    """What the shipped rules call their alerts (`alert`) or their records (`record`)."""
    return [
        name
        for path in RULES
        for name in re.findall(rf"(?m)^ +- {kind}: (\S+)$", path.read_text())
    ]


def check_runbook(alert):
    page = alert["annotations"]["runbook_url"].rsplit("/", 1)[1]
    check(page == f"{alert['labels']['alertname']}.md", f"the runbook is {page}")
    check((ROOT / "docs" / "runbooks" / page).exists(), f"{page} is missing")


def test_every_rule_loads_and_evaluates(world):
    check(len(RULES) >= 2, f"there are {len(RULES)} files of rules")
    shipped = len(named("alert") + named("record"))
    for prometheus in world.prometheuses:

        def evaluated():
            found = rules(prometheus)
            check(len(found) == shipped, f"{len(found)} rules of {shipped} are loaded")
            return all(rule["health"] != "unknown" for _, rule in found)

        wait_until("all rules are evaluated", evaluated)
        for _, rule in rules(prometheus):
            check(rule["health"] == "ok", f"{rule['name']}: {rule.get('lastError')}")
            if rule["type"] == "recording":
                check(prometheus.query(rule["name"]), f"{rule['name']} records nothing")


def test_a_healthy_demo_raises_no_alert_about_the_exporter(world):
    for prometheus in world.prometheuses:
        raised = [
            (rule["name"], [alert["labels"] for alert in rule["alerts"]])
            for group, rule in rules(prometheus)
            if group == HEALTH and rule.get("alerts")
        ]
        check(not raised, f"{prometheus.version} raises {raised}")


def test_people_without_mfa_raise_the_alert_that_names_the_requirement(world):
    for prometheus in world.prometheuses:
        alert = wait_until(
            "the webhook hears of the unmet requirement",
            lambda: prometheus.webhook.alerts(
                "firing",
                alertname="PartnercenterMandatoryRequirementNotMet",
                requirement="mfa-all-users-registered",
            ),
        )[0]
        check(alert["labels"]["severity"] == "critical", f"labels {alert['labels']}")
        description = alert["annotations"]["description"]
        # Title and number of findings come from queries inside the annotation.
        check(re.search(r'\(".+"\); findings: [\d.]+', description), f"it reads: {description}")


def test_people_who_can_sign_in_without_mfa_reach_the_webhook(world):
    for prometheus in world.prometheuses:
        for account in ("member", "guest"):
            alert = wait_until(
                f"the webhook of {prometheus.version} hears of each {account} without enforced MFA",
                lambda: prometheus.webhook.alerts(
                    "firing",
                    alertname="PartnercenterUsersWithoutEnforcedMfa",
                    tenant=TENANT,
                    account=account,
                ),
            )[0]
            check(alert["labels"]["severity"] == "critical", f"labels {alert['labels']}")
            description = alert["annotations"]["description"]
            wanted = rf"^[1-9]\d* enabled {account} account\(s\) of tenant {TENANT} can sign in"
            check(re.search(wanted, description), f"it reads: {description}")
            check_runbook(alert)


def subject(labels):
    """An alert as `SILENCES` names it."""
    detail = labels.get("requirement") or labels.get("source")
    name = labels["alertname"].removeprefix("Partnercenter")
    return f"{name} {detail}" if detail else name


def silences(source, target):
    """Whether the alert with the first labels keeps back that with the second, in one tenant."""

    def among(labels, subjects):
        return not subjects.isdisjoint({subject(labels), subject(labels).split()[0]})

    def one_of(pairs):
        return any(among(source, said) and among(target, kept) for said, kept in pairs)

    same = ("instance", "source")
    return one_of(SILENCES) or (
        one_of(SILENCES_OF_THE_SOURCE) and all(source[label] == target[label] for label in same)
    )


def differences(alertmanager):
    """Alerts that Alertmanager inhibits and should not, or the reverse."""
    tenants = {}
    for labels, inhibited in alertmanager.alerts():
        tenants.setdefault(labels.get("tenant"), []).append((labels, inhibited))
    return [
        f"{subject(labels)} {'is' if inhibited else 'is not'} inhibited beside "
        f"{sorted({subject(other) for other, _ in alerts})}"
        for alerts in tenants.values()
        for labels, inhibited in alerts
        if inhibited != any(silences(other, labels) for other, _ in alerts)
    ]


def test_what_follows_from_another_alert_of_the_demo_is_not_said_again(world):
    follow = {
        "AppWithoutSam",
        "GdapExpiringIn7Days",
        "MandatoryRequirementNotMet mfa-admins-enforced",
        "MandatoryRequirementNotMet mfa-all-users-enforced",
        "MandatoryRequirementNotMet mfa-aobo",
        "MandatoryRequirementNotMet mfa-api-requests",
        "MandatoryRequirementNotMet mfa-every-authentication",
        "MandatoryRequirementNotMet mfa-guests",
        "MandatoryRequirementNotMet mfa-no-exclusions",
        "MandatoryRequirementNotMet mfa-portal-requests",
        "MandatoryRequirementNotMet mfa-third-party-claim",
        "MandatoryRequirementNotMet sam-adopted",
        "MfaExclusions",
        "MfaPolicyHasGap",
        "PortalUsersWithoutMfa",
        "RecommendedRequirementNotMet admin-agents-membership",
        "RecommendedRequirementNotMet automation-user-credentials",
        "RecommendedRequirementNotMet bp-admin-count",
        "RecommendedRequirementNotMet dap-inactive",
        "RecommendedRequirementNotMet dap-new-grants",
        "RecommendedRequirementNotMet dap-remaining",
        "RecommendedRequirementNotMet gdap-assignments",
        "RecommendedRequirementNotMet gdap-coverage",
        "RecommendedRequirementNotMet gdap-least-privilege",
        "RecommendedRequirementNotMet gdap-no-global-admin",
        "RecommendedRequirementNotMet p2-admin-agents",
        "RecommendedRequirementNotMet risky-users",
        "ResellerMpaUnsigned",
        "ThirdPartyMfaWithoutException",
        "UsersNotRegisteredForMfa",
        "UsersSignInWithoutMfa",
    }
    for prometheus in world.prometheuses:

        def inhibited():
            wrong = differences(prometheus.alertmanager)
            check(not wrong, "\n".join(wrong))
            known = prometheus.alertmanager.alerts()
            found = {subject(labels) for labels, is_inhibited in known if is_inhibited}
            # The demo's yearly check is next month: whether within two weeks depends on the day.
            found = {name for name in found if not name.startswith("CspAuthorizationAtRisk")}
            check(found == follow, f"{sorted(found ^ follow)} is inhibited, or is not")
            return True

        wait_until(f"{prometheus.version}: Alertmanager inhibits what follows", inhibited)
    # Whatever is not kept back is said by then.
    time.sleep(Alertmanager.GROUP_WAIT + 2)
    for prometheus in world.prometheuses:
        said = {subject(alert["labels"]) for alert in prometheus.webhook.alerts("firing")}
        check("MandatoryRequirementNotMet mfa-all-users-registered" in said, f"said: {said}")
        check(not said & follow, f"{prometheus.version} says {sorted(said & follow)} all the same")


def test_the_example_names_what_there_is(world):
    """A misspelt name in an inhibition rule would inhibit nothing, and nobody would be told."""
    page = world.demo.page()
    known = {
        "alertname": set(named("alert")),
        "requirement": {
            labels["requirement"] for labels, _ in page.select("partnercenter_requirement_info")
        },
        "source": {labels["source"] for labels, _ in page.select("partnercenter_source_success")},
    }
    matchers = re.findall(r'(\w+)(?:=|=~)"([^"]*)"', inhibit_rules())
    check(matchers, f"no matchers in {ALERTMANAGER_EXAMPLE}")
    for label, pattern in matchers:
        for choice in pattern.split("|"):
            met = any(re.fullmatch(choice, name) for name in known[label])
            check(met, f"{ALERTMANAGER_EXAMPLE.name}: no {label} is called {choice}")


def test_the_example_inhibits_what_it_should_and_nothing_else(world):
    """Every two alerts there are, each pair in a tenant of its own."""
    page = world.demo.page()
    sources = [
        {"source": labels["source"], "instance": "a:10058"}
        for labels, _ in page.select("partnercenter_source_success")
    ]
    # One source of each kind, and another exporter's view of it; with all of them Alertmanager has
    # too much to think about.
    kinds = ("groups", "organization", "security_alerts", "security_score")
    some = [labels for labels in sources if labels["source"] in kinds]
    some.append({"source": "groups", "instance": "b:10058"})
    details = {f"Partnercenter{alert}": some for alert in SOURCE_ALERTS}
    mandatory = [
        {"requirement": labels["requirement"]}
        for labels, _ in page.select("partnercenter_requirement_info", tier="M")
    ]
    details["PartnercenterMandatoryRequirementNotMet"] = mandatory
    details["PartnercenterRecommendedRequirementNotMet"] = [
        {"requirement": "automation-user-credentials"},
        {"requirement": "admin-agents-membership"},
        {"requirement": "bp-admin-count"},
        {"requirement": "dap-inactive"},
        {"requirement": "dap-new-grants"},
        {"requirement": "dap-remaining"},
        {"requirement": "gdap-assignments"},
        {"requirement": "gdap-coverage"},
        {"requirement": "gdap-least-privilege"},
        {"requirement": "gdap-no-global-admin"},
        {"requirement": "p2-admin-agents"},
        {"requirement": "risky-users"},
        {"requirement": "mfa-phishing-resistant"},
    ]
    details["PartnercenterMandatoryRequirementUnknown"] = [
        {"requirement": "mfa-guests"},
        {"requirement": "mpa-accepted"},
    ]
    subjects = [
        {"alertname": alert, **labels}
        for alert in named("alert")
        if alert != "PartnercenterExporterDown"
        for labels in details.get(alert, [{}])
    ]
    pairs = list(itertools.combinations(subjects, 2))
    # And every source, beside what may follow from it.
    pairs += [
        ({"alertname": f"Partnercenter{alert}", **labels}, {"alertname": f"Partnercenter{other}"})
        for alert in SOURCE_ALERTS
        for labels in sources
        for other in (
            "AppUserTokenRefused",
            "FraudFeedStale",
            "GroupsUnreadable",
            "MfaCoverageUnknown",
            "PoliciesUndecided",
            "SignInLogBehind",
        )
    ]
    # And every requirement that nobody can judge, beside what it may follow from.
    pairs += [
        (
            {"alertname": "PartnercenterMandatoryRequirementUnknown", **labels},
            {"alertname": "PartnercenterAppUserTokenRefused"},
        )
        for labels in mandatory
    ]
    # An Alertmanager looks for each alert at all others that might inhibit it: all pairs at once would
    # be too much to think about.
    batches = [pairs[start : start + PAIRS] for start in range(0, len(pairs), PAIRS)]
    for prometheus in world.prometheuses:
        for number, batch in enumerate(batches):
            directory = prometheus.directory / f"example-{number}"
            directory.mkdir()
            alertmanager = Alertmanager(prometheus.tools, directory)
            try:
                alertmanager.wait_ready()
                inhibits_as_it_should(alertmanager, batch, prometheus.version)
            finally:
                alertmanager.stop()


def inhibits_as_it_should(alertmanager, pairs, version):
    alerts = [
        dict(labels, tenant=f"pair-{number}")
        for number, pair in enumerate(pairs)
        for labels in pair
    ]
    alertmanager.post(alerts)

    def right():
        known = len(alertmanager.alerts())
        check(known == len(alerts), f"it knows {known} of {len(alerts)} alerts")
        wrong = differences(alertmanager)
        check(not wrong, f"{len(wrong)} are wrong, such as\n" + "\n".join(wrong[:5]))
        return True

    wait_until(f"{version} inhibits as it should", right)

    # What no exporter serves is gone, in whatever tenant.
    alertmanager.post([{"alertname": "PartnercenterExporterDown"}])

    def gone():
        return all(
            inhibited
            for labels, inhibited in alertmanager.alerts()
            if labels["alertname"] == "PartnercenterTenantGone"
        )

    wait_until(f"{version} inhibits that the tenants are gone", gone)


def test_a_missing_permission_reaches_the_webhook_and_is_taken_back(world):
    wanted = {"alertname": "PartnercenterPermissionMissing", "source": "users"}
    try:
        world.demo.set_faults("forbidden=/users")
        for prometheus in world.prometheuses:
            alert = wait_until(
                f"the webhook of {prometheus.version} hears of the missing permission",
                lambda: prometheus.webhook.alerts("firing", **wanted),
                seconds=120,
            )[0]
            check(alert["labels"]["severity"] == "warning", f"labels {alert['labels']}")
            check("users" in alert["annotations"]["description"], "the source is not named")
            check_runbook(alert)
    finally:
        world.demo.set_faults()
    for prometheus in world.prometheuses:
        wait_until(
            f"the webhook of {prometheus.version} hears that it is over",
            lambda: prometheus.webhook.alerts("resolved", **wanted),
            seconds=120,
        )
