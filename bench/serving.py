"""What a scrape costs, beside nginx serving the same bytes; and whether collecting disturbs it."""

import contextlib
import statistics

import machine
import programs
from figures import ratios, spread, table
from programs import say

# Tenants in the configuration, all of them the same simulated one, and the goal at that size.
PAGES = [(1, 0.9), (7, 0.9), (70, 1.1)]
ENCODINGS = ["gzip", "identity"]
SECONDS = 2
CONNECTIONS = 4

# Debian's nginx.conf has both on. With tcp_nopush off it is quicker for some sizes.
SET_UPS = {"nginx": "on", "nginx, tcp_nopush off": "off"}


def scrape_cost(binary, directory, simulator, port, rounds):
    """CPU per scrape against nginx with gzip_static, keep-alive, four connections."""
    rows = []
    for tenants, goal in PAGES:
        settings = programs.configuration(simulator, port, tenants)
        with contextlib.ExitStack() as stack:
            exporter = stack.enter_context(programs.Exporter(binary, directory, settings)).ready()
            pages = {encoding: programs.get(exporter.port, "/metrics", encoding) for encoding in ENCODINGS}
            servers = {"exporter": (exporter.pid, exporter.port)}
            for name, nopush in SET_UPS.items():
                servers[name] = stack.enter_context(still(directory, pages, nopush))
            say(f"scrapes of {exporter.series()} series")
            measured = {
                (name, encoding): [] for name in servers for encoding in ENCODINGS
            }
            for _ in range(rounds):
                for encoding in ENCODINGS:
                    for name, (pid, at) in servers.items():
                        measured[name, encoding].append(cost(pid, at, encoding))
            for encoding in ENCODINGS:
                rows.append(row(exporter, pages, encoding, measured, goal))
    head = ["series", "encoding", "bytes", "exporter", *SET_UPS, "× the better nginx", "goal"]
    head += ["scrapes/s, × the better nginx"]
    return table(head, rows)


@contextlib.contextmanager
def still(directory, pages, nopush):
    """nginx with the very bytes the exporter served; yields its worker's pid and its port."""
    port = programs.free_port()
    root = directory / f"still-{port}"
    root.mkdir()
    (root / "metrics").write_bytes(pages["identity"][2])
    (root / "metrics.gz").write_bytes(pages["gzip"][2])
    kind = pages["gzip"][1]["Content-Type"]
    configuration = f"""
        sendfile on;
        tcp_nopush {nopush};
        # Debian's 1000 would make it accept connections that the exporter need not.
        keepalive_requests 1000000000;
        server {{
            listen 127.0.0.1:{port};
            root {root};
            default_type "{kind}";
            gzip_static on;
            gzip_vary on;
        }}"""
    with programs.nginx(configuration, root) as server:
        programs.wait_until("nginx", lambda: programs.get(port, "/metrics")[0] == 200, 10)
        for encoding in ENCODINGS:
            status, headers, body = programs.get(port, "/metrics", encoding)
            same = status == 200 and body == pages[encoding][2] and headers["Content-Type"] == kind
            assert same, f"nginx serves something else: {status} {headers}"
        [worker] = [pid for pid in machine.family(server.pid) if pid != server.pid]
        yield worker, port


def cost(pid, port, encoding):
    """CPU microseconds of the server for one scrape, and scrapes a second."""
    before = machine.cpu_seconds([pid])
    answers, rate, _ = programs.wrk(port, encoding, CONNECTIONS, SECONDS)
    return (machine.cpu_seconds([pid]) - before) / answers * 1e6, rate


def row(exporter, pages, encoding, measured, goal):
    def of(name, which):
        return [figures[which] for figures in measured[name, encoding]]

    cheaper = min(SET_UPS, key=lambda name: statistics.median(of(name, 0)))
    faster = max(SET_UPS, key=lambda name: statistics.median(of(name, 1)))
    return [
        exporter.series(),
        encoding,
        len(pages[encoding][2]),
        *(spread(of(name, 0), " µs") for name in ["exporter", *SET_UPS]),
        spread(ratios(of("exporter", 0), of(cheaper, 0)), "×", 2),
        f"≤ {goal}" if encoding == "gzip" else "",
        spread(ratios(of("exporter", 1), of(faster, 1)), "×", 2),
    ]


def scrapes_while_collecting(binary, directory, simulator, rounds):
    """Median latency of a scrape, idle and while users and registrations are read without rest.

    The exporter, both of its threads, shares one core with what answers its questions; only the
    scraper has the other.
    """
    measured = {"1h": [], "1ms": []}
    collections = []
    with programs.replay(simulator, directory, core=machine.SERVERS) as port:
        for number in range(rounds):
            say(f"scrapes while {simulator.users} people are collected, round {number + 1}")
            for interval, latencies in measured.items():
                settings = programs.configuration(simulator, port, interval=interval)
                with programs.Exporter(binary, directory, settings) as exporter:
                    exporter.ready()
                    before = exporter.refreshes("user_registration_details")
                    answers, _, latency = programs.wrk(exporter.port, "gzip", 1, SECONDS + 2)
                    if interval == "1ms":
                        again = exporter.refreshes("user_registration_details") - before
                        collections.append(again / (SECONDS + 2))
                    latencies.append(latency)
                    series = exporter.series()
    idle, busy = measured["1h"], measured["1ms"]
    return table(
        ["series", "idle, p50", "collecting, p50", "× idle", "goal", "collections a second meanwhile"],
        [
            [
                series,
                spread(idle, " µs", 0),
                spread(busy, " µs", 0),
                spread(ratios(busy, idle), "×", 2),
                "≤ 1.2",
                spread(collections),
            ]
        ],
    )
