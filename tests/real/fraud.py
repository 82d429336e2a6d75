"""From an alert at Microsoft to a page: how long it takes, and what becomes of it."""

import re
import subprocess
import time

from harness import CURRENT, DISTRIBUTION, ROOT, Exporter, Prometheus, Tenant, check, wait_until

ALERT = "PartnercenterFraudAlertOpen"

# What the exporter reads as often as it may, and Prometheus scrapes so.
INTERVAL = 10
SCRAPE = 5

# For everything between: requests, and the work of five programs on two cores.
BETWEEN = 5

# The goal of what is shipped.
GOAL = 180

# Shipped rules and routes, word for word; only what is polled is polled more often.
PACE = {"scrape": f"{SCRAPE}s", "evaluation": f"{SCRAPE}s", "rules": {}}

# Kind and severity in Microsoft's words, and the severity as a label. The simulated world raises
# alerts by itself, but none like these.
KINDS = [
    ("confidentialComputeAnomaly", "high", "high"),
    ("confidentialComputeAnomaly", "informational", "informational"),
    ("networkConnectionsToCryptoMiningPools", "beyondHigh", "unknown"),
]


def seconds(text):
    """A duration as Prometheus writes it."""
    units = {"s": 1, "m": 60, "h": 3600}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smh])", text))


def found(pattern, where, text=None):
    match = re.search(pattern, text or (ROOT / where).read_text())
    check(match, f"{where} has no {pattern}")
    return seconds(match[1])


def evaluation():
    return found(r"name: partnercenter\.fraud\n +interval: (\w+)", "alerts/fraud.rules.yml")


def group_wait():
    route = r"PartnercenterFraudAlert\.\+\"'\]\n(?: +\w+: .*\n)*? +group_wait: (\w+)"
    return found(route, "examples/alertmanager.yml")


def defaults(world):
    """What is shipped: poll, scrape, evaluation, group_wait."""
    reference = [world.binary, "reference", "sources"]
    page = subprocess.run(reference, capture_output=True, text=True, check=True).stdout
    return [
        found(r"\[`security_alerts`\].*\| (\w+) \| \w+ \|", "reference sources", page),
        found(r"\n +scrape_interval: (\w+)", "examples/prometheus.yml"),
        evaluation(),
        group_wait(),
    ]


def said(terms):
    return " + ".join(f"{term}" for term in [*terms, BETWEEN]) + f" = {sum(terms) + BETWEEN} s"


class Watch:
    """An exporter that acts for a person, and both versions of Prometheus with shipped rules."""

    def __init__(self, world):
        self.microsoft = world.microsoft
        often = {"interval": f"{INTERVAL}s", "max_age": "1h"}
        room = Tenant(
            world.microsoft, world.directory / "fraud", security_alerts=often, fraud_events=often
        )
        room.consent()
        self.exporter = Exporter(world.binary, room)
        self.prometheuses = []
        try:
            self.exporter.wait_acting("security_alerts")
            for tools in (DISTRIBUTION, CURRENT):
                self.prometheuses.append(
                    Prometheus(tools, self.exporter, room.directory, pace=PACE)
                )
            for prometheus in self.prometheuses:
                wait_until(
                    "the rules have seen the alerts",
                    lambda: prometheus.query(
                        "tenant_alert_type_alert_severity:partnercenter_security_alerts_open:active"
                    ),
                )
        except BaseException:
            self.stop()
            raise

    def active(self, kind, severity):
        wanted = {"alert_type": kind, "severity": severity, "status": "active"}
        found = self.exporter.page().select("partnercenter_security_alerts_open", **wanted)
        return sum(value for _, value in found)

    def raise_alert(self, kind, severity):
        """Returns when it appeared, and by what it is called."""
        appeared = time.monotonic()
        alert = self.microsoft.tell("/-/alerts/raise", f"{severity} {kind}\n").strip()
        # Once a minute somebody of the simulated world looks into what is newest: into these.
        for _ in range(4):
            self.microsoft.tell("/-/alerts/raise", "low serviceHealthSecurityAdvisory\n")
        return appeared, alert

    def investigate(self, alert):
        self.microsoft.tell("/-/alerts/investigate", f"{alert}\n")

    def heard(self, prometheus, status, kind, severity, since):
        alerts = prometheus.webhook.alerts(
            status, alertname=ALERT, alert_type=kind, alert_severity=severity
        )
        return [alert for alert in alerts if alert["receivedAt"] >= since]

    def firing(self, prometheus, kind, severity):
        wanted = {
            "alertname": ALERT,
            "alertstate": "firing",
            "alert_type": kind,
            "alert_severity": severity,
        }
        matchers = ", ".join(f'{name}="{value}"' for name, value in wanted.items())
        return prometheus.query(f"ALERTS{{{matchers}}}")

    def stop(self):
        for prometheus in self.prometheuses:
            prometheus.stop()
        self.exporter.stop()


def test_an_alert_reaches_the_pager_in_time_and_its_answer_ends_the_page(world):
    shipped = defaults(world)
    check(sum(shipped) + BETWEEN < GOAL, f"with what is shipped it takes {said(shipped)}")
    terms = [INTERVAL, SCRAPE, evaluation(), group_wait()]
    bound = sum(terms) + BETWEEN
    watch = Watch(world)
    try:
        measured, raised = [], []
        for kind, word, severity in KINDS:
            check(watch.active(kind, severity) == 0, f"{kind} {severity} is open already")
            raised.append((kind, severity, *watch.raise_alert(kind, word)))
            # So that they meet polls, scrapes and evaluations at different moments.
            time.sleep(4)
        for kind, severity, appeared, _ in raised:
            for prometheus in watch.prometheuses:
                page = wait_until(
                    f"the webhook of {prometheus.version} hears of {kind}",
                    lambda: watch.heard(prometheus, "firing", kind, severity, appeared),
                    seconds=bound + 20,
                    pause=0.05,
                )[0]
                took = page["receivedAt"] - appeared
                measured.append(took)
                check(took <= bound, f"{kind} took {took:.1f} s, more than {said(terms)}")
                check(page["labels"]["severity"] == "critical", f"labels {page['labels']}")
                check(kind in page["annotations"]["description"], "the kind is not named")
        print(
            f"  from appearance to delivery: {min(measured):.1f} to {max(measured):.1f} s, at most "
            f"{said(terms)}; with what is shipped at most {said(shipped)}",
            flush=True,
        )

        # The first is looked into: that page ends.
        kind, severity, _, alert = raised[0]
        for prometheus in watch.prometheuses:
            # A Prometheus that has just started sends an alert one evaluation before it records it.
            wait_until(
                f"{prometheus.version} records that nobody is at it",
                lambda: watch.firing(prometheus, kind, severity),
                seconds=2 * evaluation() + 5,
            )
        answered = time.monotonic()
        watch.investigate(alert)
        for prometheus in watch.prometheuses:
            wait_until(
                f"{prometheus.version} sees that somebody is at it",
                lambda: not watch.firing(prometheus, kind, severity),
                seconds=bound,
            )

        # While Microsoft does not answer, and while the exporter is away, nothing is taken back.
        watch.microsoft.set_faults("server-error@securityAlerts", "server-error@fraudEvents")
        time.sleep(INTERVAL + SCRAPE + evaluation())
        watch.exporter.stop()
        time.sleep(SCRAPE + 2 * evaluation())
        for prometheus in watch.prometheuses:
            for other, grave, _, _ in raised[1:]:
                check(
                    watch.firing(prometheus, other, grave),
                    f"{prometheus.version} forgets {other} when nobody can see it",
                )
                check(
                    not watch.heard(prometheus, "resolved", other, grave, answered),
                    f"{prometheus.version} takes {other} back while nobody can see it",
                )
            wait_until(
                f"the webhook of {prometheus.version} hears that somebody is at the first",
                lambda: watch.heard(prometheus, "resolved", kind, severity, answered),
                # The group_interval of that route.
                seconds=90,
            )
    finally:
        watch.microsoft.set_faults()
        watch.stop()


def test_without_app_user_nothing_is_said_of_fraud(world):
    """And nothing of what is read as a person: it is unknown for want of configuration."""
    room = Tenant(world.microsoft, world.directory / "without-app-user", without_app_user=True)
    exporter = Exporter(world.binary, room)
    try:

        def judged():
            page = exporter.page()
            return page.total("partnercenter_up") == 1 and page

        page = wait_until("the tenant is read", judged)
        wanted = {"fraud-alerts-open", "mfa-api-requests", "mpa-accepted", "security-contact"}
        unknown = {
            labels["requirement"]: labels["reason"]
            for labels, _ in page.select("partnercenter_requirement_unknown")
        }
        wrong = {name: unknown.get(name) for name in wanted}
        check(set(wrong.values()) == {"not_configured"}, f"reasons: {wrong}")
        sources = {labels["source"] for labels, _ in page.select("partnercenter_source_success")}
        check("users" in sources, f"sources: {sources}")
        of_the_person = sources & {"app_user_token", "security_alerts", "fraud_events"}
        check(not of_the_person, f"{of_the_person} are there without an app_user")
        check(not page.select("partnercenter_security_alerts_open"), "alerts are counted")
    finally:
        exporter.stop()
