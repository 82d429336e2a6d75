"""All measurements, one after the other, and the report. Called by scripts/bench."""

import contextlib
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import collecting
import delegation
import machine
import programs
import serving
import sign_ins
import starting


def main():
    binary, rounds = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    os.sched_setaffinity(0, {machine.LOAD})
    noise = machine.Noise()
    began = time.monotonic()
    report = []
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        directory = pathlib.Path(directory)
        if only in ("", "people"):
            report += people(binary, directory, rounds)
        if only in ("", "sign-ins"):
            report += ["### The sign-in log", sign_ins.cost(binary, directory, rounds)]
        if only in ("", "delegation"):
            # What is counted is the same each time, and takes minutes.
            report += ["### Customers", delegation.cost(binary, directory, min(rounds, 2))]
    print("\n".join([*head(binary, rounds), *noise.lines(), *took(began), ""]))
    print("\n\n".join(report))


def people(binary, directory, rounds):
    """Everything that is measured with more or fewer people."""
    report = []
    with contextlib.ExitStack() as stack:
        worlds = {
            users: stack.enter_context(programs.Simulator(binary, directory, users))
            for users in (240, 10_000, 20_000, 100_000)
        }
        programs.say("reading each world once at Microsoft's pace (100,000 people: 200 s)")
        reading = {
            users: collecting.warm(binary, directory, world) for users, world in worlds.items()
        }
        slow = {users: finish() for users, finish in reading.items()}
        small = worlds[240]
        with programs.replay(small, directory) as port:
            report += [
                "### CPU of a scrape",
                serving.scrape_cost(binary, directory, small, port, rounds),
            ]
        report += [
            "### Scrapes while collecting",
            serving.scrapes_while_collecting(binary, directory, worlds[20_000], rounds),
        ]
        with programs.replay(small, directory) as port:
            report += ["### At rest", starting.idle(binary, directory, small, port, rounds)]
        many = [(worlds[users], slow[users]) for users in (10_000, 100_000)]
        report += [
            "### Collecting",
            collecting.memory(binary, directory, many, rounds),
        ]
    return report


def head(binary, rounds):
    def first_line(*argv):
        said = subprocess.run(argv, capture_output=True, text=True, check=True)
        return (said.stdout or said.stderr).splitlines()[0]

    return [
        "Medians, least and most in brackets; ratios are taken round by round.",
        "",
        f"* {first_line(binary, '--version')}; {first_line('nginx', '-v')}; "
        f"{' '.join(first_line('curl', '--version').split()[:2])}; "
        f"{first_line('prometheus-node-exporter', '--version').split(' (')[0]}.",
        f"* {len(machine.CORES)} cores ({machine.cpu_model()}), Linux {platform.release()}, "
        f"{time.strftime('%Y-%m-%d')}, {rounds} rounds.",
    ]


def took(began):
    return [f"* The run took {(time.monotonic() - began) / 60:.0f} minutes."]


main()
