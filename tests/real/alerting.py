"""The shipped rules on real data, and one alert all the way to a webhook and back."""

import re

from harness import RULES, check, wait_until

# An alert of a healthy demo may be about people; none may be about the exporter.
HEALTH = "partnercenter.exporter"


def rules(prometheus):
    return [
        (group["name"], rule)
        for group in prometheus.api("rules")["groups"]
        for rule in group["rules"]
    ]


def test_every_rule_loads_and_evaluates(world):
    shipped = len(re.findall(r"(?m)^ +- (?:alert|record): ", RULES.read_text()))
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
            page = alert["annotations"]["runbook_url"].rsplit("/", 1)[1]
            check(page == "PartnercenterPermissionMissing.md", f"the runbook is {page}")
    finally:
        world.demo.set_faults()
    for prometheus in world.prometheuses:
        wait_until(
            f"the webhook of {prometheus.version} hears that it is over",
            lambda: prometheus.webhook.alerts("resolved", **wanted),
            seconds=120,
        )
