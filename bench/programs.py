"""The programs that are measured and the world around them: started, asked, stopped."""

import contextlib
import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import types

import machine

# As Prometheus 2.42 asks. Both servers get it, so that both pay for reading it.
PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0,"
    "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "User-Agent": "Prometheus/2.42.0",
    "X-Prometheus-Scrape-Timeout-Seconds": "10",
}


def say(text):
    """Progress, for who waits; the report alone goes to standard output."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port, path, encoding="identity"):
    """One request on a connection of its own: status, headers, body as received."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={**PROMETHEUS, "Accept-Encoding": encoding})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def wait_until(what, probe, seconds, pause=0.05):
    """Returns the first true value; an error of the network counts as "not yet"."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if value := probe():
                return value
        time.sleep(pause)
    sys.exit(f"bench: {what}: not within {seconds} s")


class Program:
    """A program that runs until it is stopped. What it says goes to a file."""

    def __init__(self, argv, directory, core=machine.SERVERS):
        self.log = directory / f"{pathlib.Path(argv[0]).name}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log, machine.on_core(core):
            self.began = time.perf_counter()
            self.child = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Whatever it writes for a while, it writes below our own directory.
                env={**os.environ, "TMPDIR": str(directory)},
            )

    @property
    def pid(self):
        return self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
        code = self.child.wait()
        if code not in (0, -signal.SIGTERM):
            sys.exit(f"bench: {self.log.name} ended with {code}:\n{self.log.read_text()[-2000:]}")


class Simulator(Program):
    """The simulated Microsoft, as a process of its own."""

    def __init__(self, binary, directory, users, sign_ins=None, *more):
        """`sign_ins` is how many there are in the thirty days of the log; `more` are other flags."""
        self.port = free_port()
        # Always the same for one simulator, since the links from page to page name it.
        self.replay_port = free_port()
        self.users = users
        self.directory = directory / f"simulator-{users}-{sign_ins}-{self.port}"
        self.directory.mkdir()
        address = f"127.0.0.1:{self.port}"
        argv = [binary, "simulate", f"--web.listen-address={address}", f"--users={users}", *more]
        if sign_ins is not None:
            argv.append(f"--sign-ins={sign_ins}")
        super().__init__(argv, self.directory, core=machine.LOAD)
        wait_until("the simulator", lambda: get(self.port, "/")[0] == 200, 60)
        said = self.log.read_text()
        self.credential = {
            key: re.search(rf"{key}: (\S+)", said)[1]
            for key in ("tenant_id", "client_id", "client_secret_file")
        }


def nginx(configuration, directory, core=machine.SERVERS):
    """nginx in the foreground with this `http` block, all of its files below `directory`."""
    file = directory / "nginx.conf"
    paths = "".join(
        f"{kind}_temp_path {directory}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Started by root it would give its worker another user, who may not read our directory.
    user = "user root;" if os.geteuid() == 0 else ""
    file.write_text(
        f"{user}\ndaemon off;\nworker_processes 1;\npid {directory}/nginx.pid;\n"
        f"error_log stderr;\nevents {{ worker_connections 768; }}\n"
        f"http {{\naccess_log off;\n{paths}\n{configuration}\n}}\n"
    )
    return Program(["nginx", "-p", directory, "-c", file, "-e", "stderr"], directory, core)


@contextlib.contextmanager
def replay(simulator, directory, core=machine.LOAD):
    """nginx before the simulator, remembering its pages; yields the port.

    The simulator counts requests as Microsoft does: a report of 100,000 people takes it three
    minutes. Asked again, the same pages come as fast as they are read, and cost the simulator
    nothing. Tokens are not remembered.
    """
    directory = directory / f"replay-{time.monotonic_ns()}"
    directory.mkdir()
    pages = simulator.directory / "pages"
    port = simulator.replay_port
    configuration = f"""
        proxy_cache_path {pages} levels=1:2 keys_zone=pages:16m max_size=2g inactive=1d;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Connection "";
        server {{
            listen 127.0.0.1:{port};
            sendfile on;
            location / {{ proxy_pass http://127.0.0.1:{simulator.port}; }}
            location /graph/ {{
                proxy_pass http://127.0.0.1:{simulator.port};
                proxy_cache pages;
                proxy_cache_key $request_uri;
                proxy_cache_valid 200 1d;
                proxy_cache_lock on;
                proxy_ignore_headers Cache-Control Expires Vary Set-Cookie;
            }}
        }}"""
    with nginx(configuration, directory, core):
        wait_until("nginx before the simulator", lambda: get(port, "/")[0] == 200, 10)
        yield port


class Exporter(Program):
    """The exporter, reading `simulator` through `port`."""

    def __init__(self, binary, directory, configuration):
        self.port = free_port()
        directory = directory / f"exporter-{self.port}-{time.monotonic_ns()}"
        directory.mkdir()
        file = directory / "partnercenter_exporter.yml"
        file.write_text(configuration)
        address = f"127.0.0.1:{self.port}"
        super().__init__(
            [binary, f"--config.file={file}", f"--web.listen-address={address}"], directory
        )

    def ready(self, seconds=60):
        """Waits until every source has been tried, and makes sure that each was read."""
        wait_until("the exporter", lambda: get(self.port, "/-/ready")[0] == 200, seconds)
        failed = [line for line in self.page() if line.startswith("partnercenter_source_success{")]
        failed = [line for line in failed if not line.endswith(" 1")]
        if failed:
            sys.exit(f"bench: not read: {failed}\n{self.log.read_text()[-2000:]}")
        return self

    def page(self):
        return get(self.port, "/metrics")[2].decode().splitlines()

    def series(self):
        return sum(not line.startswith("#") for line in self.page())

    def refreshes(self, source):
        """How often a source has been read, whether it succeeded or not."""
        name = "partnercenter_source_refreshes_total{"
        lines = [line for line in self.page() if line.startswith(name) and f'"{source}"' in line]
        return sum(float(line.split()[-1]) for line in lines)


def sources(binary, directory):
    """The ids of everything that an exporter reads by itself."""
    nobody = {"tenant_id": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "client_id": "1" * 8 + "-0000-4000-8000-" + "1" * 12}
    nobody["client_secret_file"] = directory / "nothing"
    settings = configuration(types.SimpleNamespace(credential=nobody), free_port())
    with Exporter(binary, directory, settings) as exporter:
        name = re.compile(r'partnercenter_source_refreshes_total{.*source="(\w+)"')
        found = lambda: [name.match(line) for line in exporter.page()]
        ids = wait_until("its sources", lambda: {one[1] for one in found() if one}, 10)
        return sorted(ids)


def configuration(simulator, port, tenants=1, interval=None, pace="unlimited"):
    """Tenants of different names, all of them the simulated one. `interval` is for users and
    their registrations, of which there are many; everything else is read once an hour."""
    sources = ["organization", "security_defaults", "subscribed_skus"]
    often = ["users", "user_registration_details"]
    lines = ["tenants:"]
    for number in range(1, tenants + 1):
        lines += [
            f"  - name: t{number:03}",
            f"    tenant_id: {simulator.credential['tenant_id']}",
            "    credential:",
            f"      client_id: {simulator.credential['client_id']}",
            f"      client_secret_file: {simulator.credential['client_secret_file']}",
            "    endpoints:",
            f"      login: http://127.0.0.1:{port}",
            f"      graph: http://127.0.0.1:{port}/graph",
            f"    pace: {pace}",
            "    sources:",
        ]
        lines += [f"      {source}: {{ interval: 1h }}" for source in sources]
        lines += [f"      {source}: {{ interval: {interval or '1h'}, max_age: 1d }}" for source in often]
    return "\n".join(lines) + "\n"


def wrk(port, encoding, connections, seconds):
    """Load from one thread: answers, answers a second, and the median latency in microseconds."""
    headers = [word for key, value in PROMETHEUS.items() for word in ("-H", f"{key}: {value}")]
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *headers]
    argv += ["-H", f"Accept-Encoding: {encoding}", f"http://127.0.0.1:{port}/metrics"]
    with machine.on_core(machine.LOAD):
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"bench: wrk was refused:\n{said}")
    number, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)\n", said).groups()
    return (
        int(re.search(r"(\d+) requests in", said)[1]),
        float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),
        float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit],
    )
