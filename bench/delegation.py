"""What it takes to read a partner with very many customers, whether what is counted is true, and what
it costs once everything is known."""

import contextlib
import datetime
import json
import pathlib
import re
import sys
import time
import urllib.request

import machine
import programs
from figures import spread, table
from programs import say

CUSTOMERS = 20_000
ACCOUNTS = 240

# How long is looked at a partner of whom everything is known.
AT_REST_SECONDS = 180
# How long is read at the pace Microsoft allows: until three turns of relationships have ended, 100 s each.
# A whole pass takes about an hour.
PACED_SECONDS = 330

# A world that moves on by itself: people are hired, customers take DAP back. There, what moves is read so
# often (seconds).
OFTEN = {
    10: ["users", "agent_groups", "groups", "role_assignments", "user_registration_details"],
    20: ["customers", "audit_records", "customer_dap", "gdap_customers", "gdap_requests"],
    30: ["gdap_relationships", "gdap_access_assignments", "dap_service"],
}
# Time goes on, and what has an end comes nearer to it: figures are compared until all agree, for so long.
PATIENCE = 240

# Of Partner Center, as published.
LIMIT_A_MINUTE = 500


def cost(binary, directory, rounds):
    """Passes over everything as fast as answers come, the last one's rest, one in a world that moves, and
    some minutes at Microsoft's pace."""
    directory = directory / "delegation"
    directory.mkdir()
    passes = []
    with Partner(binary, directory, "--unthrottled", "--still") as partner:
        for number in range(rounds):
            say(f"{CUSTOMERS} customers, as fast as answers come, round {number + 1}")
            last = number + 1 == rounds
            passes.append(Pass(binary, directory, partner, AT_REST_SECONDS if last else 0))
            say(passes[-1].told())
    with Partner(binary, directory, "--unthrottled") as partner:
        say("once more, in a world that moves, with lists read again and again")
        moving = Moving(binary, directory, partner)
    with Partner(binary, directory, "--still") as partner:
        say(f"{CUSTOMERS} customers at Microsoft's pace, for {PACED_SECONDS} s")
        paced = Paced(binary, directory, partner)
    return "\n\n".join([of_passes(passes), moving.told(), at_rest(passes[-1]), paced.told()])


def of_passes(passes):
    def each(value, unit="", digits=1):
        return spread([value(one) for one in passes], unit, digits)

    last = passes[-1]
    head = ["customers", "GDAP relationships", "requests", "whole after", "exporter, CPU"]
    head += ["peak resident", "goal", "resident when whole", "page", "series", "figures compared"]
    row = [
        last.customers,
        last.relationships,
        each(lambda one: one.requests, digits=0),
        each(lambda one: one.seconds, " s", 0),
        each(lambda one: one.cpu, " s"),
        each(lambda one: one.peak, " MiB"),
        "< 96 MiB",
        each(lambda one: one.resident, " MiB"),
        f"{last.page_bytes / 1000:.0f} kB",
        last.series,
        last.figures,
    ]
    return table(head, [row])


def at_rest(one):
    head = ["at rest, for", "CPU a minute", "requests a minute", "files written", "largest file"]
    row = [
        f"{AT_REST_SECONDS} s",
        f"{one.rest_cpu / AT_REST_SECONDS * 60:.2f} s",
        f"{one.rest_requests / AT_REST_SECONDS * 60:.0f}",
        ", ".join(f"{name}: {count}×" for name, count in sorted(one.written.items())) or "none",
        f"{max(one.sizes.values(), default=0) / 1000:.0f} kB",
    ]
    return table(head, [row])


class Partner(programs.Simulator):
    """A simulated partner with very many customers, and somebody who consented."""

    def __init__(self, binary, directory, *more):
        super().__init__(binary, directory, ACCOUNTS, None, f"--customers={CUSTOMERS}", *more)

    def tell(self, path, body):
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body.encode())
        with urllib.request.urlopen(asked) as answer:
            return answer.read().decode()

    def truth(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/truth") as answer:
            return json.load(answer)

    def configuration(self, directory, pace, often=False):
        """Of one exporter, with a grant and a state directory of its own."""
        grant = directory / f"grant-{time.monotonic_ns()}"
        grant.write_text(self.tell("/-/grant", "mfa\n").strip())
        said = self.log.read_text()
        said = re.search(r"(?ms)^tenants:\n.*?^\s+refresh_token_file: \S+$", said)[0]
        said = re.sub(r"refresh_token_file: \S+", f"refresh_token_file: '{grant}'", said)
        state = directory / f"state-{time.monotonic_ns()}"
        state.mkdir(mode=0o700)
        sources = {"dap_service": "enabled: true"}
        for seconds, names in OFTEN.items() if often else ():
            for name in names:
                said_before = sources.get(name)
                timing = f"interval: {seconds}s, max_age: 1h"
                sources[name] = f"{said_before}, {timing}" if said_before else timing
        sources = ", ".join(f"{name}: {{ {what} }}" for name, what in sources.items())
        more = f"    pace: {pace}\n    sources: {{ {sources} }}\n"
        return state, f"state_directory: '{state}'\n{said}\n{more}"


class Page:
    """A page of the exporter, its series by name and labels."""

    LINE = re.compile(r"^(\w+)\{(.*)\} (\S+)$")
    LABEL = re.compile(r'(\w+)="([^"]*)"')

    def __init__(self, exporter):
        lines = exporter.page()
        self.bytes = sum(len(line) + 1 for line in lines)
        self.series = {}
        for name, labels, value in (found.groups() for found in map(self.LINE.match, lines) if found):
            labels = frozenset(self.LABEL.findall(labels)) - {("tenant", "contoso")}
            self.series[name.removeprefix("partnercenter_"), labels] = float(value)

    def get(self, metric, **labels):
        return self.series.get((metric, frozenset(labels.items())))

    def sum(self, metric, **labels):
        wanted = frozenset(labels.items())
        return sum(
            value
            for (name, has), value in self.series.items()
            if name == metric and wanted <= has
        )


class Pass:
    """The exporter from its start until it knows everything, and for a while after."""

    def __init__(self, binary, directory, partner, rest_seconds):
        state, settings = partner.configuration(directory, "unlimited")
        with programs.Exporter(binary, directory, settings) as exporter:
            page = wait_for(exporter, partner)
            self.seconds = time.perf_counter() - exporter.began
            self.cpu = machine.thread_seconds(exporter.pid)
            self.peak = machine.memory_mib(exporter.pid, "VmHWM")
            self.figures = compare(exporter, partner)
            self.resident = machine.memory_mib(exporter.pid, "VmRSS")
            self.requests = page.sum("api_requests_total")
            self.customers = int(page.sum("customers"))
            self.relationships = int(page.sum("gdap_relationships"))
            self.page_bytes, self.series = page.bytes, len(page.series)
            if rest_seconds:
                self.rest(exporter, state, rest_seconds)

    def rest(self, exporter, state, seconds):
        say(f"at rest for {seconds} s")
        before, began = Page(exporter), time.monotonic()
        cpu = machine.thread_seconds(exporter.pid)
        self.written, seen = {}, {}
        while time.monotonic() < began + seconds:
            for file in state.glob("*.json"):
                stamp = file.stat().st_mtime_ns
                if seen.setdefault(file.name, stamp) != stamp:
                    seen[file.name] = stamp
                    self.written[file.name] = self.written.get(file.name, 0) + 1
            time.sleep(0.5)
        self.rest_cpu = machine.thread_seconds(exporter.pid) - cpu
        self.rest_requests = Page(exporter).sum("api_requests_total") - before.sum("api_requests_total")
        self.sizes = {file.name: file.stat().st_size for file in state.glob("*.json")}

    def told(self):
        return (
            f"whole after {self.seconds:.0f} s and {self.requests:.0f} requests, "
            f"{self.cpu:.1f} s of CPU, peak {self.peak:.1f} MiB"
        )


class Moving:
    """A pass in a world that moves, with lists read anew while what they replace is still shown."""

    def __init__(self, binary, directory, partner):
        _, settings = partner.configuration(directory, "unlimited", often=True)
        with programs.Exporter(binary, directory, settings) as exporter:
            wait_for(exporter, partner)
            self.figures = compare(exporter, partner)
            # Each of the large lists was read again at least once.
            lists = ["customers", "gdap_relationships", "dap_service"]
            before = [exporter.refreshes(source) for source in lists]
            again = lambda: all(exporter.refreshes(one) > two for one, two in zip(lists, before))
            programs.wait_until("lists read again", again, 180, pause=1)
            self.peak = machine.memory_mib(exporter.pid, "VmHWM")

    def told(self):
        return (
            f"In a world that moves {self.figures} figures were those that are true. Peak resident where each "
            f"list is read anew within a minute, while the old one is still shown: {self.peak:.1f} MiB (goal < 96 MiB)."
        )


def wait_for(exporter, partner):
    """Waits until everything was read at least once."""
    truth = partner.truth()
    unread = truth["dap"]["state"]["unknown"]
    began, told = time.monotonic(), 0

    def is_whole():
        nonlocal told
        page = Page(exporter)
        left = page.get("customers_dap", state="unknown")
        relationships = page.get("gdap_relationships_unread")
        resident = machine.memory_mib(exporter.pid, "VmRSS")
        if time.monotonic() - began > told + 15:
            told = time.monotonic() - began
            say(f"{told:.0f} s: {left} customers and {relationships} relationships unread, {resident:.0f} MiB")
        whole = left == unread and relationships == 0
        whole = whole and page.get("audit_window_seconds") == 90 * 86_400
        whole = whole and page.get("dap_evidence", evidence="service") == 1
        whole = whole and page.get("gdap_people") is not None
        return page if whole else None

    return programs.wait_until("everything read", is_whole, 1_800, pause=0.5)


def seconds(moment):
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def expected(truth, since):
    """Every figure of delegation that follows from what is true; `since` is when the activity log that was
    read begins."""
    dap, gdap = truth["dap"], truth["gdap"]
    figures = {}

    def tell(metric, value, **labels):
        figures[metric, frozenset(labels.items())] = value

    for relationship, count in dap["relationships"].items():
        tell("customers", count, relationship="other" if relationship == "unknown" else relationship)
    for metric, label, counts in [
        ("customers_dap", "state", dap["state"]),
        ("dap_customers", "inactivity", {**dap["inactivity"], "unknown": 0}),
        ("gdap_relationships", "status", gdap["relationships"]),
        ("gdap_relationships_ending", "ends_in", gdap["ending"]),
        ("gdap_customers_going_dark", "ends_in", gdap["going_dark"]),
        ("gdap_relationships_auto_extend", "auto_extend", gdap["auto_extend"]),
        ("gdap_relationships_with_role", "role", gdap["with_role"]),
        ("gdap_access_assignments", "status", gdap["assignments"]),
        ("gdap_relationships_by_people", "people", {**gdap["by_people"], "unknown": 0}),
    ]:
        for word, count in counts.items():
            tell(metric, count, **{label: word})
    for metric, of in [
        ("gdap_roles_granted", "roles_granted"),
        ("gdap_roles_assigned", "roles_assigned"),
        ("gdap_assignments_to_admin_agents", "to_admin_agents"),
        ("gdap_relationships_without_assignment", "without_assignment"),
        ("gdap_relationships_microsoft_led", "microsoft_led"),
        ("gdap_people", "people"),
        ("gdap_exposure", "exposure"),
        ("gdap_customers", "listed_customers"),
        ("customers_gdap", "customers"),
    ]:
        tell(metric, gdap[of])
    for action, statuses in gdap["requests"].items():
        for status, count in statuses.items():
            tell("gdap_requests", count, action=action, status=status)
    for metric, moment in [
        ("gdap_earliest_end_timestamp_seconds", gdap["earliest_end"]),
        ("gdap_oldest_pending_timestamp_seconds", gdap["oldest_pending"]),
    ]:
        if moment:
            # The page has milliseconds.
            tell(metric, int(seconds(moment) * 1000) / 1000)
    tell("gdap_relationships_unread", 0)
    tell("dap_new_grants", sum(seconds(at) >= since for at in dap["started"].values()))
    granted, with_gdap = set(dap["granted_ids"]), set(gdap["customer_ids"])
    tell("customers_dap_without_gdap", len(granted - with_gdap))

    def agents(group):
        members = truth["privilege"]["members"][group]
        return members["member"] + members["guest"]

    # DAP makes Admin agents Global Administrators, and Helpdesk agents what their name says.
    tell("dap_exposure", len(granted) * (100 * agents("AdminAgents") + 20 * agents("HelpdeskAgents")))
    return figures


def compare(exporter, partner):
    """Makes sure that the exporter counted what there is."""
    began, told = time.monotonic(), 0
    while True:
        # The log is read by whole days, of which today is the ninetieth.
        since = time.time() // 86_400 * 86_400 - 89 * 86_400
        page, true = Page(exporter), expected(partner.truth(), since)
        wrong = [
            f"{metric} {dict(labels)}: the exporter has {page.series.get((metric, labels))}, true is {value}"
            for (metric, labels), value in true.items()
            if page.series.get((metric, labels)) != value
        ]
        if not wrong:
            say(f"{len(true)} figures are those that are true")
            return len(true)
        waited = time.monotonic() - began
        if waited > PATIENCE:
            sys.exit("bench: " + "\n".join(wrong[:10]))
        if waited > told + 60:
            told = waited
            say(f"{waited:.0f} s, and {len(wrong)} figures differ: {wrong[0]}")
        time.sleep(2)


class Paced:
    """The first minutes of a pass at Microsoft's pace, second by second."""

    def __init__(self, binary, directory, partner):
        _, settings = partner.configuration(directory, "microsoft")
        self.samples, self.ready = [], None
        with programs.Exporter(binary, directory, settings) as exporter:
            began = time.monotonic()
            while (now := time.monotonic() - began) < PACED_SECONDS:
                with contextlib.suppress(OSError):
                    self.samples.append((now, Page(exporter)))
                    if self.ready is None and programs.get(exporter.port, "/-/ready")[0] == 200:
                        self.ready = now
                time.sleep(1)
            self.peak = machine.memory_mib(exporter.pid, "VmHWM")
        last = self.samples[-1][1]
        apis = ("partner_center", "graph", "dap")
        self.busiest = {api: self.most_a_minute(api) for api in apis}
        self.refused = {api: last.sum("api_throttled_total", api=api) for api in apis}
        if self.refused["partner_center"] or self.refused["dap"]:
            sys.exit(f"bench: told to slow down: {self.refused}")
        if self.busiest["partner_center"] > LIMIT_A_MINUTE:
            sys.exit(f"bench: {self.busiest} requests within a minute")

    def most_a_minute(self, api):
        counts = [(at, page.sum("api_requests_total", api=api)) for at, page in self.samples]
        return max(
            last - first
            for start, (since, first) in enumerate(counts)
            for at, last in counts[start:]
            if at - since <= 60
        )

    def row(self, name, value, total):
        """How a figure moves, by minutes and by what a whole pass would take at that speed. The turns end
        at moments of their own, so the speed is taken between the first and the last that moved."""
        values = [(at, known) for at, page in self.samples if (known := value(page)) is not None]
        total = total(self.samples[-1][1])
        marks = [[v for at, v in values if at <= mark][-1:] for mark in (60, 120, 180)]
        marks = [f"{known[0]:.0f}" if known else "absent" for known in marks]
        steps = [(at, v) for (_, before), (at, v) in zip(values, values[1:]) if v != before]
        speed = 0
        if len(steps) > 1:
            (since, first), (at, last) = steps[0], steps[-1]
            speed = abs(last - first) / (at - since)
        whole = f"{total / speed / 60:.0f} min" if speed else "unknown"
        return [name, *marks, f"{total:.0f}", f"{speed * 60:.0f}", whole]

    def told(self):
        rows = [
            self.row(
                "source_rows of customer_dap",
                lambda page: page.get("source_rows", source="customer_dap"),
                lambda page: page.sum("customers"),
            ),
            self.row(
                "customers_dap, unknown",
                lambda page: page.get("customers_dap", state="unknown"),
                lambda page: page.sum("customers"),
            ),
            self.row(
                "source_rows of gdap_access_assignments",
                lambda page: page.get("source_rows", source="gdap_access_assignments"),
                lambda page: sum(
                    page.sum("gdap_relationships", status=status)
                    for status in ("activating", "active", "expiring")
                ),
            ),
        ]
        head = ["at Microsoft's pace", "after 1 min", "2 min", "3 min", "of", "a minute", "a whole pass"]
        ready = f"after {self.ready:.0f} s" if self.ready is not None else f"not within {PACED_SECONDS} s"
        busiest = self.busiest
        said = (
            f"Requests in the busiest minute: {busiest['partner_center']:.0f} of {LIMIT_A_MINUTE} to Partner "
            f"Center, {busiest['graph']:.0f} to Graph, {busiest['dap']:.0f} to the service that tells of DAP; "
            f"answered with 429: {self.refused['partner_center']:.0f}, {self.refused['graph']:.0f} and "
            f"{self.refused['dap']:.0f}. Ready {ready}. Peak resident: {self.peak:.1f} MiB."
        )
        return "\n\n".join([table(head, rows), said])
