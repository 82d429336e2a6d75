"""The past of the sign-in log, imported by promtool and asked of the real Prometheus, old and current."""

import datetime
import json
import re
import subprocess
import urllib.parse

from harness import (
    CURRENT,
    DISTRIBUTION,
    Microsoft,
    Process,
    Tenant,
    check,
    free_port,
    request,
    wait_until,
)

HOUR = 3600
WEEK = 7 * 24 * HOUR

# A Prometheus keeps 15 days unless told otherwise, and soon deletes blocks that are older.
RETENTION = "40d"


class Importer:
    """A Prometheus that scrapes nobody and knows what it was given."""

    def __init__(self, tools, data, directory):
        directory.mkdir()
        (directory / "prometheus.yml").write_text("{}")
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.process = Process(
            "prometheus",
            [
                tools / "prometheus",
                "--config.file=prometheus.yml",
                f"--storage.tsdb.path={data}",
                f"--storage.tsdb.retention.time={RETENTION}",
                f"--web.listen-address={address}",
            ],
            directory,
        )

    def wait_ready(self):
        def ready():
            self.process.check_running()
            return request(f"{self.url}/-/ready").status == 200

        wait_until("Prometheus is ready", ready)

    def query(self, expression, moment):
        """The series of an instant query at a moment, as (labels, value)."""
        query = urllib.parse.urlencode({"query": expression, "time": moment})
        body = json.loads(request(f"{self.url}/api/v1/query?{query}").text)
        check(body["status"] == "success", f"{expression}: {body.get('error')}")
        return [(it["metric"], float(it["value"][1])) for it in body["data"]["result"]]

    def value(self, expression, moment):
        found = self.query(expression, moment)
        check(len(found) == 1, f"{expression} at {moment} is {found}")
        return found[0][1]


def log_of(microsoft, end):
    """What is true of the week before this moment."""

    def moment(second):
        return datetime.datetime.fromtimestamp(second, datetime.timezone.utc).isoformat()

    query = urllib.parse.urlencode({"from": moment(end - WEEK), "to": moment(end)})
    answer = request(f"{microsoft.url}/-/sign-ins?{query}")
    check(answer.status == 200, f"/-/sign-ins answers {answer.status}: {answer.text}")
    return json.loads(answer.text)


def expected(log):
    """Some figures of such a week, by expression."""
    sides = [log["interactive"], log["non_interactive"]]

    def people(fact):
        return len(set().union(*(side["people"][fact] for side in sides)))

    figures = {
        "partnercenter_legacy_auth_users": people("legacy_succeeded"),
        "partnercenter_password_grant_users": people("password_grant_succeeded"),
        "partnercenter_sign_in_window_seconds": WEEK,
    }
    for client in ("IMAP4", "Authenticated SMTP", "Exchange ActiveSync"):
        for outcome in ("success", "failure"):
            series = f'partnercenter_legacy_auth_sign_ins{{client_app="{client}",outcome="{outcome}"}}'
            figures[series] = sum(side["legacy"][client][outcome] for side in sides)
    for mfa, key in (("yes", "with_mfa"), ("no", "without_mfa")):
        for kind in ("interactive", "non_interactive"):
            series = f'partnercenter_aobo_sign_ins{{mfa="{mfa}",kind="{kind}"}}'
            figures[series] = log[kind]["on_behalf"][key]
    return figures


def test_prometheus_takes_in_the_past_of_the_sign_in_log_and_tells_it_as_it_was(world):
    directory = world.directory / "backfill"
    microsoft = Microsoft(world.binary, world.directory, "backfill-microsoft", sign_ins=15_000)
    prometheuses = []
    try:
        tenant = Tenant(microsoft, directory, without_app_user=True)
        output = directory / "past.om"
        said = run(
            [world.binary, "backfill", f"--config.file={tenant.file}", f"--output={output}"],
        )
        told = re.search(r"contoso: (\d+) hours, from (\S+) to (\S+); the log was read from", said)
        check(told, f"it said: {said}")
        first, last = (
            int(datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp())
            for at in told.group(2, 3)
        )
        # 30 days but for the week before the first figure, two to three hours that settle, and up to
        # two at the other end, where Microsoft goes on forgetting.
        hours = int(told[1])
        check(23 * 24 - 5 <= hours <= 23 * 24 - 2, f"{hours} hours")
        check((last - first) // HOUR + 1 == hours, said)

        for tools in (DISTRIBUTION, CURRENT):
            data = directory / f"data-{len(prometheuses)}"
            run([tools / "promtool", "tsdb", "create-blocks-from", "openmetrics", output, data])
            prometheus = Importer(tools, data, directory / f"prometheus-{len(prometheuses)}")
            prometheuses.append(prometheus)
            prometheus.wait_ready()
            for end in (first, first + 5 * 24 * HOUR, last - 6 * HOUR, last):
                for series, value in expected(log_of(microsoft, end)).items():
                    seen = prometheus.value(series, end)
                    check(seen == value, f"{series} at {end} is {seen} and not {value}")
            series = "partnercenter_legacy_auth_users"
            seen = prometheus.query(series, first - 1)
            check(seen == [], f"something is told of an hour that was not read: {seen}")
            # Between the hours one has to look back, as docs/backfill.md says.
            half_past = last - HOUR // 2
            check(prometheus.query(series, half_past) == [], "samples stand at the hours' ends")
            seen = prometheus.value(f"last_over_time({series}[1h])", half_past)
            check(seen == prometheus.value(series, last - HOUR), f"half past it is {seen}")
            count = prometheus.value(f"count_over_time({series}[23d])", last)
            check(count == hours, f"{count} samples of {hours} hours")
    finally:
        for prometheus in prometheuses:
            prometheus.process.stop()
        microsoft.stop()


def run(argv):
    """Runs a program to its end; returns what it said. Failing is a failure."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=600)
    said = done.stdout + done.stderr
    check(done.returncode == 0, f"{argv[:3]} ended with {done.returncode}: {said[-2000:]}")
    return said
