"""How small and how quick at rest, beside Debian's node_exporter."""

import pathlib
import shutil
import time

import machine
import programs
from figures import ratios, spread, table
from programs import say

STARTS = 15

# The exporter's first tick, its first reading of certificates and node_exporter's first
# collection are over by then.
SETTLED = 7


def idle(binary, directory, simulator, port, rounds):
    """First scrape, resident memory after some seconds, and size of the binary."""
    nobody = programs.configuration(simulator, programs.free_port())
    watching = programs.configuration(simulator, port)
    other = pathlib.Path(shutil.which("prometheus-node-exporter")).resolve()
    kinds = {
        "exporter": lambda: programs.Exporter(binary, directory, nobody),
        "node_exporter": lambda: NodeExporter(other, directory),
    }
    say(f"first scrape, {STARTS} starts each")
    first = {name: [] for name in kinds}
    for _ in range(STARTS):
        for name, start in kinds.items():
            first[name].append(first_scrape(start))
    kinds["exporter, 240 people read"] = lambda: programs.Exporter(binary, directory, watching)
    resident = {name: [] for name in kinds}
    anonymous = {name: [] for name in kinds}
    for number in range(min(rounds, 3)):
        say(f"idle memory, round {number + 1}")
        for name, start in kinds.items():
            with start() as program:
                time.sleep(SETTLED)
                programs.get(program.port, "/metrics")
                time.sleep(0.5)
                resident[name].append(machine.memory_mib(program.pid, "VmRSS"))
                anonymous[name].append(machine.memory_mib(program.pid, "RssAnon"))
    sizes = [path.stat().st_size / 1e6 for path in (binary, other)]
    ours, theirs = resident["exporter"], resident["node_exporter"]
    full = resident["exporter, 240 people read"]
    head = ["", "exporter", "node_exporter", "ratio", "goal"]
    return table(
        head,
        [
            [
                "start to first scrape",
                *(spread(first[name], " ms") for name in ("exporter", "node_exporter")),
                spread(ratios(first["exporter"], first["node_exporter"]), "×", 2),
                "≤ 0.5",
            ],
            [
                "resident, one tenant at a closed port",
                spread(ours, " MiB"),
                spread(theirs, " MiB"),
                spread(ratios(ours, theirs), "×", 2),
                "≤ 0.5",
            ],
            [
                "resident, 240 people read",
                spread(full, " MiB"),
                "",
                spread(ratios(full, theirs), "×", 2),
                "",
            ],
            [
                "of that, not of a file (closed port)",
                spread(anonymous["exporter"], " MiB"),
                spread(anonymous["node_exporter"], " MiB"),
                spread(ratios(anonymous["exporter"], anonymous["node_exporter"]), "×", 2),
                "",
            ],
            [
                "binary",
                f"{sizes[0]:.1f} MB",
                f"{sizes[1]:.1f} MB",
                f"{sizes[0] / sizes[1]:.2f}×",
                "≤ 0.7",
            ],
        ],
    )


class NodeExporter(programs.Program):
    def __init__(self, binary, directory):
        self.port = programs.free_port()
        super().__init__([binary, f"--web.listen-address=127.0.0.1:{self.port}"], directory)


def first_scrape(start):
    """Milliseconds from before exec to the end of the first page."""
    with start() as program:

        def scraped():
            status, _, body = programs.get(program.port, "/metrics")
            return status == 200 and b"_exporter_build_info{" in body

        programs.wait_until("a first scrape", scraped, 10, pause=0.0002)
        return (time.perf_counter() - program.began) * 1000
