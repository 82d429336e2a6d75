"""What the tests run against: the demo, two versions of Prometheus and Alertmanager, a webhook."""

import functools
import http.client
import http.server
import json
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "alerts").glob("*.rules.yml"))
ALERTMANAGER_EXAMPLE = ROOT / "examples" / "alertmanager.yml"

# Where each version's prometheus, promtool, prometheus-alertmanager and amtool are.
DISTRIBUTION = pathlib.Path("/usr/bin")
CURRENT = ROOT / "target" / "tools" / "prometheus-current"


class Failure(Exception):
    """What a test has to say when it fails."""


def check(condition, message):
    """`assert` that Python's -O cannot switch off and that says something."""
    if not condition:
        raise Failure(message)


def wait_until(what, probe, seconds=60, pause=0.2):
    """Returns the first true value of `probe`; what it raises counts as "not yet"."""
    deadline = time.monotonic() + seconds
    last = "nothing was seen"
    while time.monotonic() < deadline:
        try:
            value = probe()
            if value:
                return value
        except (OSError, http.client.HTTPException, Failure) as error:
            last = f"last seen: {error}"
        time.sleep(pause)
    raise Failure(f"{what}: not within {seconds} s; {last}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Response:
    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def text(self):
        return self.body.decode()


def request(url, method="GET", headers=None, body=None):
    """One request on a connection of its own; no proxy, no redirect, nothing decoded."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target or "/", body=body, headers=headers or {})
        return Response(connection.getresponse())
    finally:
        connection.close()


class Process:
    """A program under test. What it says goes to a file, which a failure quotes."""

    def __init__(self, name, argv, directory):
        self.log = directory / f"{name}.log"
        with self.log.open("wb") as log:
            self.started = time.monotonic()
            self.child = subprocess.Popen(
                [str(word) for word in argv],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def said(self):
        return self.log.read_text(errors="replace")

    def check_running(self):
        code = self.child.poll()
        check(code is None, f"{self.log.name} ended with {code}; it said:\n{self.said()[-2000:]}")

    def stop(self, seconds=10):
        """Asks it to end; returns its exit code, or None if it had to be killed."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            return None


SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Page:
    """A scrape in the text format 0.0.4, read strictly enough for questions about figures."""

    def __init__(self, text):
        self.samples = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = SAMPLE.match(line)
                check(match, f"not a sample line: {line!r}")
                labels = dict(LABEL.findall(match[2] or ""))
                self.samples.append((match[1], labels, float(match[3])))

    def select(self, name, **labels):
        return [
            (seen, value)
            for found, seen, value in self.samples
            if found == name and all(seen.get(key) == want for key, want in labels.items())
        ]

    def total(self, name, **labels):
        """The sum over the series selected; a series that is missing is a failure, not 0."""
        found = self.select(name, **labels)
        check(found, f"the page has no {name} with {labels}")
        return sum(value for _, value in found)


class Demo:
    """`partnercenter_exporter demo`: the exporter, and the simulated Microsoft it reads."""

    def __init__(self, binary, directory, name="demo"):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        self.process = Process(
            name, [binary, "demo", f"--web.listen-address={self.address}"], directory
        )

    def page(self):
        self.process.check_running()
        answer = request(f"{self.url}/metrics")
        check(answer.status == 200, f"/metrics answers {answer.status}")
        return Page(answer.text)

    @functools.cached_property
    def simulator(self):
        """The demo prints a line `simulator  http://127.0.0.1:PORT/`."""

        def printed():
            self.process.check_running()
            return re.search(r"simulator\s+(http://127\.0\.0\.1:\d+)", self.process.said())

        return wait_until("the demo prints its simulator's address", printed)[1]

    def truth(self):
        """The simulated world as it is now, in numbers."""
        return json.loads(request(f"{self.simulator}/-/truth").text)

    def set_faults(self, *faults):
        """Faults as on the command line, one a line; they replace those set before."""
        body = "".join(f"{fault}\n" for fault in faults)
        answer = request(f"{self.simulator}/-/faults", "POST", body=body)
        check(answer.status in (200, 204), f"POST /-/faults answers {answer.status}: {answer.text}")

    def wait_ready(self):
        wait_until("the demo is ready", lambda: request(f"{self.url}/-/ready").status == 200)


# The simulated application that acts for people, as src/simulator.rs has it.
FOR_PEOPLE = {
    "client_id": "51301a7e-0000-4000-8000-0000000a9905",
    "secret": "simulated-secret-of-the-application-for-people",
}


class Microsoft:
    """`partnercenter_exporter simulate`: the simulated Microsoft alone, for an exporter that is
    configured as a real one is."""

    def __init__(self, binary, directory, name="microsoft", sign_ins=20_000):
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.process = Process(
            name,
            [
                binary,
                "simulate",
                f"--web.listen-address={address}",
                "--users=40",
                f"--sign-ins={sign_ins}",
                "--unthrottled",
            ],
            directory,
        )

    @functools.cached_property
    def identity(self):
        """Tenant and applications, from the configuration it prints."""

        def printed():
            self.process.check_running()
            said = self.process.said()
            return said if "endpoints:" in said else None

        said = wait_until("the simulator prints a configuration", printed)

        found = re.search(r"client_id: (\S+)\n +client_secret_file: (\S+)", said)
        secret = pathlib.Path(found[2].strip('"')).read_text().strip()
        return {
            "tenant_id": re.search(r"tenant_id: (\S+)", said)[1],
            "credential": {"client_id": found[1], "secret": secret},
            "app_user": FOR_PEOPLE,
        }

    def tell(self, path, body=""):
        """Changes the simulated world; returns what it says of that."""
        answer = request(f"{self.url}{path}", "POST", body=body)
        check(answer.status in (200, 204), f"POST {path} answers {answer.status}: {answer.text}")
        return answer.text

    def set_faults(self, *faults):
        self.tell("/-/faults", "".join(f"{fault}\n" for fault in faults))

    def requests(self):
        return json.loads(request(f"{self.url}/-/requests").text)

    def stop(self):
        self.process.stop()


class Tenant:
    """A configuration of the simulated tenant, with a grant of its own to read as a person."""

    NAME = "contoso"

    def __init__(self, microsoft, directory, without_app_user=False, **sources):
        self.microsoft = microsoft
        self.directory = directory
        directory.mkdir(parents=True)
        identity = microsoft.identity
        # In a folder of its own, so that whatever happens there has to do with the grant.
        self.token = directory / "grant" / "token"
        self.token.parent.mkdir(mode=0o700)
        tenant = {
            "name": self.NAME,
            "tenant_id": identity["tenant_id"],
            "credential": self.application("credential"),
            "pace": "unlimited",
            "endpoints": {
                "login": microsoft.url,
                "graph": f"{microsoft.url}/graph",
                "partner_center": f"{microsoft.url}/partnercenter",
            },
            "sources": sources,
        }
        if not without_app_user:
            tenant["app_user"] = {
                **self.application("app_user"),
                "refresh_token_file": str(self.token),
            }
        self.file = directory / "exporter.yml"
        # JSON is YAML.
        self.file.write_text(json.dumps({"tenants": [tenant]}, indent=2))

    def application(self, key):
        identity = self.microsoft.identity[key]
        secret = self.directory / f"secret-of-{key}"
        secret.write_text(identity["secret"])
        secret.chmod(0o600)
        return {"client_id": identity["client_id"], "client_secret_file": str(secret)}

    def consent(self):
        """A grant with MFA from behind the scenes; consent.py does it as a person does."""
        self.token.write_text(self.microsoft.tell("/-/grant", "mfa\n").strip())
        self.token.chmod(0o600)

    def grant(self):
        """The stored refresh token; what is wrong with the file is a failure."""
        check(self.token.exists(), "there is no refresh token")
        text = self.token.read_text()
        check(text.strip(), "the file of the refresh token is empty")
        check(len(text.split()) == 1, "the file holds more than one refresh token")
        mode = self.token.stat().st_mode & 0o777
        check(mode == 0o600, f"the refresh token has mode {mode:o}")
        return text.strip()

    def unfinished(self):
        """What a replacement of the token leaves beside it when it is interrupted."""
        return sorted(path.name for path in self.token.parent.glob(".new-*"))


class Exporter:
    """`partnercenter_exporter` as a service runs it, on a configuration."""

    def __init__(self, binary, tenant, name="exporter", wrapped=()):
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self.process = Process(
            name,
            [
                *wrapped,
                binary,
                f"--config.file={tenant.file}",
                f"--web.listen-address={self.address}",
            ],
            tenant.directory,
        )

    def page(self):
        self.process.check_running()
        answer = request(f"{self.url}/metrics")
        check(answer.status == 200, f"/metrics answers {answer.status}")
        return Page(answer.text)

    def wait_acting(self, source="app_user_token"):
        """Until it has a token of the person, and has read this source with it."""

        def acting():
            page = self.page()
            check(
                page.total("partnercenter_token_refresh_success") == 1,
                f"no token: {page.select('partnercenter_token_refresh_failure')}",
            )
            return page.total("partnercenter_source_success", source=source) == 1

        wait_until(f"the exporter reads {source} as a person", acting, seconds=30, pause=0.05)

    def stop(self):
        return self.process.stop()


def agrees_with_truth(demo, read):
    """Waits until the figures that `read` returns are those of the simulated world.

    The world moves while we look, so it is asked before and after; and the exporter sees it one
    reading late, so it is asked again.
    """
    keys = [key for key, _, _ in FIGURES]

    def truth():
        known = demo.truth()
        return {key: known[key] for key in keys}

    def equal():
        before = truth()
        figures = read()
        after = truth()
        check(before == after, "the world moved meanwhile")
        check(figures == before, f"the figures are {figures}, the truth is {before}")
        return True

    wait_until("the figures are those of the simulated world", equal, seconds=120)


# What the figures are called: the key of the truth, the metric, its labels.
FIGURES = [
    (key.format(account), metric, dict(labels, account=account[:-1]))
    for account in ("members", "guests")
    for key, metric, labels in (
        ("{}", "partnercenter_users", {}),
        ("unregistered_{}", "partnercenter_users_without_mfa", {"gap": ("both", "registration")}),
        ("registered_{}", "partnercenter_users_mfa_registered", {}),
        ("capable_{}", "partnercenter_users_mfa_capable", {}),
    )
]


# The shipped rules, impatient: what takes hours there takes seconds here.
IMPATIENT = {
    "scrape": "1s",
    "evaluation": "1s",
    "rules": {"for": "0s", "keep_firing_for": "2s", "interval": "1s"},
}


class Prometheus:
    """One version of Prometheus that scrapes an exporter, and the Alertmanager it alerts."""

    def __init__(self, tools, demo, directory, pace=IMPATIENT):
        self.tools = tools
        self.demo = demo
        self.pace = pace
        said = subprocess.run(
            [tools / "prometheus", "--version"], capture_output=True, text=True, check=True
        )
        self.version = re.search(r"version (\d+\.\d+\.\d+)", said.stdout + said.stderr)[1]
        self.directory = directory / f"prometheus-{self.version}"
        self.directory.mkdir()
        self.webhook = Webhook()
        self.alertmanager = Alertmanager(
            tools, self.directory, self.webhook.url, as_shipped=not pace["rules"]
        )
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.write_configuration()
        # What is raised before anybody listens is not said again for a minute.
        self.alertmanager.wait_ready()
        self.process = Process(
            "prometheus",
            [
                tools / "prometheus",
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address={address}",
            ],
            self.directory,
        )

    def write_configuration(self):
        for path in RULES:
            rules = path.read_text()
            for word, pause in self.pace["rules"].items():
                rules = re.sub(rf"(?m)^( +{word}:) .*$", rf"\1 {pause}", rules)
            (self.directory / path.name).write_text(rules)
        # JSON is YAML.
        (self.directory / "prometheus.yml").write_text(
            json.dumps(
                {
                    "global": {
                        "scrape_interval": self.pace["scrape"],
                        "scrape_timeout": self.pace["scrape"],
                        "evaluation_interval": self.pace["evaluation"],
                    },
                    "rule_files": [path.name for path in RULES],
                    "alerting": {
                        "alertmanagers": [
                            {"static_configs": [{"targets": [self.alertmanager.address]}]}
                        ]
                    },
                    "scrape_configs": [
                        {
                            "job_name": "partnercenter",
                            "static_configs": [{"targets": [self.demo.address]}],
                        }
                    ],
                },
                indent=2,
            )
        )

    def api(self, path, **parameters):
        self.process.check_running()
        query = urllib.parse.urlencode(parameters)
        answer = request(f"{self.url}/api/v1/{path}?{query}")
        body = json.loads(answer.text)
        check(body["status"] == "success", f"{path} {parameters}: {body.get('error')}")
        return body["data"]

    def query(self, expression):
        """The series of an instant query, as (labels, value)."""
        result = self.api("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def own_metrics(self):
        return Page(request(f"{self.url}/metrics").text)

    def wait_scraping(self):
        """Until enough scrapes are in for a rate over a few seconds."""
        wait_until(
            "ten scrapes of the demo",
            lambda: self.query('count_over_time(up{job="partnercenter"}[1m]) >= 10'),
        )

    def stop(self):
        self.process.stop()
        self.alertmanager.stop()
        self.webhook.stop()


def inhibit_rules():
    """This part of the example, as it stands there."""
    part = re.search(r"(?ms)^inhibit_rules:\n.*?(?=^\w|\Z)", ALERTMANAGER_EXAMPLE.read_text())
    check(part, "the example has no inhibit_rules")
    return part[0]


class Alertmanager:
    """One version of Alertmanager, with the inhibition rules of the examples."""

    # Longer than it takes from the first alert of a figure to the last.
    GROUP_WAIT = 5

    def __init__(self, tools, directory, webhook=None, as_shipped=False):
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        settings = self.shipped(webhook) if as_shipped else self.impatient(webhook)
        (directory / "alertmanager.yml").write_text(settings)
        self.process = Process(
            "alertmanager",
            [
                tools / "prometheus-alertmanager",
                "--config.file=alertmanager.yml",
                "--storage.path=alertmanager",
                f"--web.listen-address={self.address}",
                "--cluster.listen-address=",
            ],
            directory,
        )

    def impatient(self, webhook):
        route = {
            "receiver": "webhook" if webhook else "nobody",
            "group_by": ["alertname", "tenant"],
            "group_wait": f"{self.GROUP_WAIT}s",
            "group_interval": "2s",
            "repeat_interval": "1h",
        }
        receivers = [{"name": "nobody"}]
        if webhook:
            settings = {"url": webhook, "send_resolved": True}
            receivers.append({"name": "webhook", "webhook_configs": [settings]})
        # JSON is YAML.
        return f"route: {json.dumps(route)}\nreceivers: {json.dumps(receivers)}\n{inhibit_rules()}"

    @staticmethod
    def shipped(webhook):
        """The example as it stands, except that every receiver is the webhook."""
        before, names = ALERTMANAGER_EXAMPLE.read_text().split("\nreceivers:\n")
        settings = {"url": webhook, "send_resolved": True}
        receivers = [
            {"name": name, "webhook_configs": [settings]}
            for name in re.findall(r"(?m)^  - name: (\S+)$", names)
        ]
        return f"{before}\nreceivers: {json.dumps(receivers)}\n"

    def wait_ready(self):
        def ready():
            self.process.check_running()
            return request(f"{self.url}/-/ready").status == 200

        wait_until("Alertmanager is ready", ready)

    def alerts(self):
        """Every alert that it knows, as (labels, whether another one inhibits it)."""
        self.process.check_running()
        answer = request(f"{self.url}/api/v2/alerts")
        check(answer.status == 200, f"/api/v2/alerts answers {answer.status}: {answer.text}")
        return [
            (alert["labels"], bool(alert["status"]["inhibitedBy"]))
            for alert in json.loads(answer.text)
        ]

    def post(self, alerts):
        """Raises an alert for each of these sets of labels."""
        headers = {"Content-Type": "application/json"}
        body = json.dumps([{"labels": labels} for labels in alerts])
        answer = request(f"{self.url}/api/v2/alerts", "POST", headers, body)
        check(answer.status == 200, f"POST /api/v2/alerts answers {answer.status}: {answer.text}")

    def stop(self):
        self.process.stop()


class Webhook:
    """Somebody for Alertmanager to notify; keeps what it was told, and when."""

    def __init__(self):
        received = self.received = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append({**json.loads(body), "receivedAt": time.monotonic()})
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def alerts(self, status, **labels):
        """Every alert received in this status and with these labels, and when."""
        return [
            {**alert, "receivedAt": notification["receivedAt"]}
            for notification in list(self.received)
            for alert in notification["alerts"]
            if alert["status"] == status
            and all(alert["labels"].get(key) == want for key, want in labels.items())
        ]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
