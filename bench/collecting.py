"""What collecting costs: the most memory ever resident, and CPU time."""

import statistics
import time

import machine
import programs
from figures import spread, table
from programs import say


def warm(binary, directory, simulator):
    """Starts to read everything once at the pace Microsoft allows, through nginx, which then
    remembers it; `finish` waits for the end. Nearly all of the time is waiting."""
    replay = programs.replay(simulator, directory)
    port = replay.__enter__()
    settings = programs.configuration(simulator, port, pace="microsoft")
    exporter = programs.Exporter(binary, directory, settings)

    def finish():
        with exporter:
            exporter.ready(seconds=60 + simulator.users / 999 * 3)
            time.sleep(6)
            memory = [machine.memory_mib(exporter.pid, field) for field in ("VmHWM", "VmRSS")]
        replay.__exit__(None, None, None)
        return memory

    return finish


def memory(binary, directory, worlds, rounds):
    """The exporter alone; the simulated Microsoft is another process. `worlds` are simulators
    with the memory of their first, slow collection."""
    measured = {simulator: [] for simulator, _ in worlds}
    for number in range(rounds):
        for simulator, _ in worlds:
            say(f"collecting {simulator.users} people, round {number + 1}")
            with programs.replay(simulator, directory) as port:
                measured[simulator].append(collect(binary, directory, simulator, port))
    rows = []
    for simulator, slow in worlds:
        peaks, cpus, counts = zip(*measured[simulator])
        rows.append(
            [
                simulator.users,
                spread(peaks, " MiB"),
                "< 64 MiB" if simulator.users == 100_000 else "",
                "{:.1f} MiB, {:.1f} MiB".format(*slow),
                spread(cpus, " s", 2),
                f"{statistics.median(cpus) / simulator.users * 1e6:.1f} µs",
                f"{min(counts):.0f}–{max(counts):.0f}",
            ]
        )
    head = ["people", "peak resident", "goal", "once at Microsoft's pace: peak, 6 s later"]
    head += ["CPU a collection", "a person", "collections"]
    return table(head, rows)


def collect(binary, directory, simulator, port):
    """At least two collections, as fast as answers come."""
    settings = programs.configuration(simulator, port, interval="1s")
    with programs.Exporter(binary, directory, settings) as exporter:
        exporter.ready()
        sources = ("users", "user_registration_details")
        programs.wait_until(
            "two collections",
            lambda: min(exporter.refreshes(source) for source in sources) >= 2,
            60,
            pause=0.2,
        )
        count = statistics.mean(exporter.refreshes(source) for source in sources)
        cpu = machine.cpu_seconds([exporter.pid]) / count
        return machine.memory_mib(exporter.pid, "VmHWM"), cpu, count
