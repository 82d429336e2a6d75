"""From an alert at Microsoft to a page: how long it takes, and what becomes of it."""

import re
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

# Alerts of a kind and severity that the simulated world leaves alone.
KINDS = [
    ("multiRegionMachineLearningUsageAnomaly", "high"),
    ("virtualMachineDeploymentAnomaly", "low"),
    ("usageAnomalyDetection", "informational"),
]


def seconds(text):
    """A duration as Prometheus writes it."""
    units = {"s": 1, "m": 60, "h": 3600}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smh])", text))


def found(pattern, path):
    match = re.search(pattern, (ROOT / path).read_text())
    check(match, f"{path} has no {pattern}")
    return seconds(match[1])


def evaluation():
    return found(r"name: partnercenter\.fraud\n +interval: (\w+)", "alerts/fraud.rules.yml")


def group_wait():
    route = r"PartnercenterFraudAlert\.\+\"'\]\n(?: +\w+: .*\n)*? +group_wait: (\w+)"
    return found(route, "examples/alertmanager.yml")


def defaults():
    """What is shipped: poll, scrape, evaluation, group_wait."""
    poll = r"\[`security_alerts`\].*\| (\w+) \| \w+ \|"
    return [
        found(poll, "docs/reference/sources.md"),
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
        return self.exporter.page().total(
            "partnercenter_security_alerts_open",
            alert_type=kind,
            severity=severity,
            status="active",
        )

    def raise_alert(self, kind, severity):
        """Returns when it appeared, and by what it is called."""
        appeared = time.monotonic()
        return appeared, self.microsoft.tell("/-/alert", f"{kind} {severity}\n").split()[-1]

    def answer(self, alert):
        self.microsoft.tell("/-/answer", f"{alert} investigating\n")

    def heard(self, prometheus, status, kind, severity, since):
        alerts = prometheus.webhook.alerts(
            status, alertname=ALERT, alert_type=kind, alert_severity=severity
        )
        return [alert for alert in alerts if alert["receivedAt"] >= since]

    def stop(self):
        for prometheus in self.prometheuses:
            prometheus.stop()
        self.exporter.stop()


def test_an_alert_reaches_the_pager_in_time_and_its_answer_ends_the_page(world):
    shipped = defaults()
    check(sum(shipped) + BETWEEN < GOAL, f"with what is shipped it takes {said(shipped)}")
    terms = [INTERVAL, SCRAPE, evaluation(), group_wait()]
    bound = sum(terms) + BETWEEN
    watch = Watch(world)
    try:
        measured, raised = [], []
        for kind, severity in KINDS:
            check(watch.active(kind, severity) == 0, f"{kind} {severity} is open already")
            appeared, alert = watch.raise_alert(kind, severity)
            raised.append((kind, severity, alert))
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

        # The first is looked into: the page ends, and only that one.
        kind, severity, alert = raised[0]
        answered = time.monotonic()
        watch.answer(alert)
        for prometheus in watch.prometheuses:
            wait_until(
                f"the webhook of {prometheus.version} hears that somebody is at it",
                lambda: watch.heard(prometheus, "resolved", kind, severity, answered),
                # group_interval of that route instead of group_wait.
                seconds=bound + 60,
            )
            others = [
                other
                for other, grave, _ in raised[1:]
                if watch.heard(prometheus, "resolved", other, grave, answered)
            ]
            check(not others, f"{others} ended, too")

        # While Microsoft does not answer, and while the exporter is away, nothing is taken back.
        kind, severity, _ = raised[1]
        watch.microsoft.set_faults("server-error@securityAlerts", "server-error@fraudEvents")
        silent = time.monotonic()
        time.sleep(2 * INTERVAL + SCRAPE + evaluation())
        watch.exporter.stop()
        time.sleep(SCRAPE + 2 * evaluation())
        for prometheus in watch.prometheuses:
            check(
                not watch.heard(prometheus, "resolved", kind, severity, silent),
                f"{prometheus.version} takes the page back while nobody can see the alert",
            )
            firing = prometheus.query(
                f'ALERTS{{alertname="{ALERT}", alertstate="firing", alert_type="{kind}"}}'
            )
            check(firing, f"{prometheus.version} has forgotten the alert")
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
