"""What reading the sign-in log costs over TLS, beside curl throwing the very same pages away."""

import contextlib
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zlib

import machine
import programs
from figures import ratios, spread, table
from programs import say

# Sign-ins of the week that is counted.
SIZES = [10_000, 100_000, 1_000_000]
DAYS = 7
# Which the simulated log keeps, and is asked for by its size.
KEPT_DAYS = 30

# Nearly all of these sign in.
ACCOUNTS = 20_000

# The simulator goes with the clock. Sign-ins that arrive between a reading and the look at what is
# true make figures differ by a few.
TOLERATED = (20, 0.005)


def cost(binary, directory, rounds):
    """CPU beside curl's, CPU by size, and the most memory ever resident, by size."""
    directory = directory / "sign-ins"
    directory.mkdir()
    measured = {size: [] for size in SIZES}
    with contextlib.ExitStack() as stack:
        authority = certificate(directory)
        sources = programs.sources(binary, directory)
        logs = []
        for size in SIZES:
            log = stack.enter_context(SignInLog(binary, directory, size, authority))
            stack.enter_context(log.terminator())
            say(f"{size} sign-ins, read once to have every page at hand")
            first = read(binary, directory, log, sources)
            say(f"{first.rows} rows in {first.seconds:.1f} s, pages made by the simulator")
            logs.append(log)
        for number in range(rounds):
            for log in logs:
                reading = read(binary, directory, log, sources)
                other = curl(log, reading)
                measured[log.size].append((reading, other))
                say(
                    f"{log.size} sign-ins, round {number + 1}: {len(reading.pages)} pages, "
                    f"{reading.cpu:.2f} s in {reading.seconds:.0f} s, {reading.peak:.1f} MiB; curl {other:.2f} s"
                )
        rows = [row(log, measured[log.size]) for log in logs]
    head = ["sign-ins", "people", "pages", "gzip", "a sign-in, JSON", "peak resident", "goal"]
    head += ["exporter, CPU", "curl, CPU", "exporter, a sign-in", "curl, a sign-in", "× curl", "goal"]
    return "\n\n".join([table(head, rows), flatness(measured)])


def row(log, measured):
    readings, curls = zip(*measured)
    last = readings[-1]
    cpus = [reading.cpu for reading in readings]
    times = ratios(cpus, curls)
    each = [statistics.median(values) / last.rows * 1e6 for values in (cpus, curls)]
    return [
        last.rows,
        last.people,
        len(last.pages),
        f"{last.bytes / 1e6:.0f} MB",
        f"{log.row_bytes(last)} B",
        spread([reading.peak for reading in readings], " MiB"),
        "< 32 MiB",
        spread(cpus, " s", 2),
        spread(curls, " s", 2),
        *(f"{value:.2f} µs" for value in each),
        spread(times, "×", 2),
        "≤ 0.85, at the very most 1" if log.size == SIZES[-1] else "",
    ]


def flatness(measured):
    """CPU of a sign-in where there are many, against where there are few."""
    few, many = ([reading for reading, _ in measured[size]] for size in SIZES[1:])
    fewest = [reading for reading, _ in measured[SIZES[0]]]

    def each(readings, less=()):
        # Beyond what a smaller log costs: starting is left out.
        less = less or [None] * len(readings)
        return [
            (one.cpu - (other.cpu if other else 0)) / (one.rows - (other.rows if other else 0)) * 1e6
            for one, other in zip(readings, less)
        ]

    lines = [
        ("all of it", each(few), each(many)),
        ("without the start (what more sign-ins cost more)", each(few, fewest), each(many, few)),
    ]
    head = ["CPU of a sign-in", "of 100,000", "of 1,000,000", "×", "goal"]
    rows = [
        [name, spread(one, " µs", 2), spread(other, " µs", 2), spread(ratios(other, one), "×", 2), "≤ 1.15"]
        for name, one, other in lines
    ]
    return table(head, rows)


class SignInLog(programs.Simulator):
    """A simulated tenant with so many sign-ins in a week, and what it takes to ask for them."""

    def __init__(self, binary, directory, size, authority):
        super().__init__(binary, directory, ACCOUNTS, size * KEPT_DAYS // DAYS, "--unthrottled")
        self.size = size
        self.authority = authority
        self.seen = self.directory / "seen.log"

    def terminator(self):
        """nginx that speaks TLS 1.3, hands out bodies as the simulator compressed them, and
        remembers them."""
        key, chain = self.authority
        configuration = f"""
            log_format seen '$status $body_bytes_sent $ssl_protocol $ssl_cipher $connection $request_uri';
            proxy_cache_path {self.directory}/pages levels=1:2 keys_zone=pages:16m max_size=2g inactive=1d;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-Proto https;
            keepalive_requests 1000000000;
            upstream simulator {{ server 127.0.0.1:{self.port}; keepalive 4; }}
            server {{
                listen 127.0.0.1:{self.replay_port} ssl;
                ssl_certificate {chain};
                ssl_certificate_key {key};
                ssl_protocols TLSv1.3;
                access_log {self.seen} seen;
                location / {{ proxy_pass http://simulator; }}
                location /graph/ {{
                    proxy_pass http://simulator;
                    proxy_cache pages;
                    proxy_cache_key $request_uri;
                    proxy_cache_valid 200 1d;
                    proxy_ignore_headers Cache-Control Expires Vary Set-Cookie;
                }}
            }}"""
        return programs.nginx(configuration, self.directory, machine.LOAD)

    def configuration(self, sources):
        _, chain = self.authority
        at = f"https://127.0.0.1:{self.replay_port}"
        lines = [
            f"outbound: {{ ca_file: {chain} }}",
            "tenants:",
            "  - name: t001",
            f"    tenant_id: {self.credential['tenant_id']}",
            "    credential:",
            f"      client_id: {self.credential['client_id']}",
            f"      client_secret_file: {self.credential['client_secret_file']}",
            f"    endpoints: {{ login: '{at}', graph: '{at}/graph' }}",
            "    pace: unlimited",
            "    sources:",
            f"      sign_ins: {{ interval: 1h, window: {DAYS}d }}",
        ]
        # Whose rows are whose is told by the tenant's id.
        others = [source for source in sources if source not in ("sign_ins", "organization")]
        lines += [f"      {source}: {{ enabled: false }}" for source in others]
        return "\n".join(lines) + "\n"

    def bearer(self):
        secret = pathlib.Path(self.credential["client_secret_file"].strip('"')).read_text().strip()
        form = {
            "grant_type": "client_credentials",
            "client_id": self.credential["client_id"],
            "client_secret": secret,
            "scope": "https://graph.microsoft.com/.default",
        }
        at = f"http://127.0.0.1:{self.port}/{self.credential['tenant_id']}/oauth2/v2.0/token"
        with urllib.request.urlopen(at, urllib.parse.urlencode(form).encode()) as answer:
            return json.load(answer)["access_token"]

    def truth(self):
        """What a reader of the week should find now."""
        until = datetime.datetime.now(datetime.timezone.utc)
        begin = (until - datetime.timedelta(days=DAYS)).replace(minute=0, second=0, microsecond=0)
        query = urllib.parse.urlencode(
            {"from": begin.strftime("%Y-%m-%dT%H:%M:%SZ"), "to": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/sign-ins?{query}") as answer:
            return json.load(answer)

    def asked(self, since):
        """What was asked of nginx since then: status, bytes, protocol, cipher, connection, path."""
        # A line is written when its answer has gone.
        time.sleep(0.3)
        with self.seen.open() as lines:
            lines.seek(since)
            return [line.split() for line in lines]

    def row_bytes(self, reading):
        """What a sign-in takes as JSON, in some of the pages."""
        pages = [path for path in reading.pages if "skiptoken" in path][:: max(1, len(reading.pages) // 10)]
        token, total, rows = self.bearer(), 0, 0
        for path in pages:
            headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
            asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
            with urllib.request.urlopen(asked) as answer:
                body = answer.read()
                if answer.headers["Content-Encoding"] == "gzip":
                    body = zlib.decompress(body, 31)
            total, rows = total + len(body), rows + len(json.loads(body)["value"])
        return total // max(1, rows)


class Reading:
    """What one reading of a whole log cost, and what it asked for."""

    def __init__(self, cpu, seconds, peak, truth, asked):
        self.cpu, self.seconds, self.peak = cpu, seconds, peak
        sides = [truth[side] for side in ("interactive", "non_interactive")]
        self.rows = sum(side["rows"] for side in sides)
        self.people = len({person for side in sides for person in side["people"]["everybody"]})
        pages = [line for line in asked if "/auditLogs/signIns" in line[5]]
        self.pages = [line[5] for line in pages if line[0] == "200"]
        self.bytes = sum(int(line[1]) for line in pages)


def read(binary, directory, log, sources):
    """The exporter from its start until it has the whole week."""
    wait_for_a_quiet_hour()
    since = log.seen.stat().st_size if log.seen.exists() else 0
    with programs.Exporter(binary, directory, log.configuration(sources)) as exporter:

        def is_whole():
            return any(line.startswith("partnercenter_legacy_auth_sign_ins{") for line in exporter.page())

        programs.wait_until("the whole log", is_whole, 240, pause=0.25)
        cpu = machine.thread_seconds(exporter.pid)
        seconds = time.perf_counter() - exporter.began
        peak = machine.memory_mib(exporter.pid, "VmHWM")
        truth = log.truth()
        compare(exporter.page(), truth)
        asked = log.asked(since)
    over_tls(asked)
    return Reading(cpu, seconds, peak, truth, asked)


def curl(log, reading):
    """CPU seconds of curl for the same pages, in the same order, over one connection."""
    at = f"https://127.0.0.1:{log.replay_port}"
    wanted = log.directory / "wanted"
    wanted.write_text("".join(f'url = "{at}{path}"\noutput = "/dev/null"\n' for path in reading.pages))
    _, chain = log.authority
    argv = ["curl", "--silent", "--show-error", "--fail", "--globoff", "--http1.1", "--compressed"]
    argv += ["--cacert", str(chain), "-H", f"Authorization: Bearer {log.bearer()}"]
    argv += ["-H", "Accept: application/json", "--config", str(wanted)]
    since = log.seen.stat().st_size
    with machine.on_core(machine.SERVERS):
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    asked = log.asked(since)
    over_tls(asked)
    paths, received = [line[5] for line in asked], sum(int(line[1]) for line in asked)
    if child.returncode or paths != reading.pages or len({line[4] for line in asked}) != 1:
        sys.exit(f"bench: curl asked for something else: {child.returncode}, {len(paths)} pages")
    if abs(received - reading.bytes) > reading.bytes / 100:
        sys.exit(f"bench: curl got {received} bytes, the exporter {reading.bytes}")
    return usage.ru_utime + usage.ru_stime


def over_tls(asked):
    kinds = {line[2] for line in asked}
    if kinds != {"TLSv1.3"} or any(line[0] not in ("200", "499") for line in asked):
        sys.exit(f"bench: {kinds}, {[line for line in asked if line[0] != '200'][:3]}")


def compare(page, truth):
    """Makes sure that the exporter counted what there is."""

    def ours(metric):
        lines = [line for line in page if line.startswith(f"partnercenter_{metric}{{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if '"other",outcome' not in line)

    def theirs(*path, of=sum):
        values = []
        for side in ("interactive", "non_interactive"):
            value = truth[side]
            for word in path:
                value = value[word]
            values.append(value)
        return of(values)

    legacy = [
        outcomes["success"] + outcomes["failure"]
        for side in ("interactive", "non_interactive")
        for outcomes in truth[side]["legacy"].values()
    ]
    grants = [
        outcomes["success"]
        for side in ("interactive", "non_interactive")
        for outcomes in truth[side]["password_grants"].values()
    ]
    single = theirs("factors", "without_mfa") - theirs("sync_by_connect", "success")
    for metric, true in [
        ("legacy_auth_sign_ins", sum(legacy)),
        ("single_factor_sign_ins", single),
        ("password_grant_sign_ins", sum(grants)),
        ("device_code_sign_ins", theirs("device_code", "success")),
        ("aobo_sign_ins", theirs("on_behalf", "with_mfa") + theirs("on_behalf", "without_mfa")),
    ]:
        if abs(ours(metric) - true) > max(TOLERATED[0], true * TOLERATED[1]):
            sys.exit(f"bench: {metric}: the exporter has {ours(metric)}, true is {true}")


def wait_for_a_quiet_hour():
    """At a whole hour the week moves on; nothing is measured across one."""
    left = 3600 - time.time() % 3600
    if left < 90:
        say(f"waiting for the hour to end, {left:.0f} s")
        time.sleep(left + 2)


def certificate(directory):
    """Key and certificate of nginx, which is its own authority."""
    key, chain = directory / "key.pem", directory / "certificate.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    argv += ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(key), "-out", str(chain)]
    subprocess.run(argv, check=True, capture_output=True)
    return key, chain
