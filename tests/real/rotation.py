"""Killing the exporter at every step of replacing its refresh token, and at any moment between."""

import pathlib
import re
import signal
import time

from consent import consented, tenant
from harness import Exporter, check, wait_until

# Whatever a file is replaced with, and the locks around it.
CALLS = (
    "openat,read,write,pwrite64,fsync,fdatasync,fchmod,ftruncate,flock,fcntl,"
    "rename,renameat,renameat2,linkat,unlink,unlinkat,newfstatat,statx"
)

# The steps without which a replacement is not durable, as they show in a trace.
STEPS = {
    "the new file is made": r"^openat\(.*/\.new-.*O_CREAT",
    "it is written": r"^(write|pwrite64)\(.*/\.new-",
    "it is synced": r"^(fsync|fdatasync)\(.*/\.new-",
    "it takes the old one's place": r"^rename\w*\(.*/\.new-",
    "its folder is synced": r"^(fsync|fdatasync)\(\d+<[^>]*/grant>",
}

CALL = re.compile(r"^(?:(\d+) +)?(\w+)\((.*)$")


class Step:
    """A system call that has to do with the grant: the how many-th of its kind in its thread."""

    def __init__(self, call, number, text):
        self.call = call
        self.number = number
        self.text = text

    def is_like(self, other):
        """The same call on the same kind of thing; names of unfinished files are random."""
        return (self.call, plain(self.text)) == (other.call, plain(other.text))

    def __str__(self):
        return f"{self.call}({plain(self.text)}"


def plain(text):
    text = re.sub(r"(\.new-token-)\w+", r"\1…", text)
    text = re.sub(r"\b\d+<", "<", text)
    return re.split(r'\) += |, "|<unfinished', text)[0][:120]


def traced(trace, folder):
    """The steps of a trace, in order, each with its number."""
    counts, steps = {}, []
    for line in trace.read_text(errors="replace").splitlines():
        match = CALL.match(line)
        if not match:
            continue
        thread, call, text = match.groups()
        counts[thread, call] = counts.get((thread, call), 0) + 1
        if str(folder) in text:
            steps.append(Step(call, counts[thread, call], text))
    return steps


def one_rotation(steps):
    """Up to the end of the first replacement: the folder synced after the rename."""
    renamed = False
    for position, step in enumerate(steps):
        line = f"{step.call}({step.text}"
        renamed = renamed or re.match(STEPS["it takes the old one's place"], line)
        if renamed and re.match(STEPS["its folder is synced"], line):
            return steps[: position + 1]
    return steps


class Room:
    """A tenant whose exporter is killed again and again, always with the same files."""

    def __init__(self, world):
        self.world = world
        self.runs = 0
        self.tenant = consented(world, tenant(world, "rotation"))
        self.grants = {self.tenant.grant()}

    def exporter(self, wrapped=()):
        self.runs += 1
        return Exporter(self.world.binary, self.tenant, f"exporter-{self.runs}", wrapped)

    def trace(self, *inject):
        """An exporter under strace; where it writes what it saw."""
        trace = self.tenant.directory / f"trace-{self.runs + 1}"
        words = ["strace", "-f", "-qq", "-y", "-s", "64", "-o", trace, "-e", f"trace={CALLS}"]
        return self.exporter([*words, *inject]), trace

    def check_survived(self, what):
        """The files as the killed process left them, and then an exporter that goes on with them."""
        before = self.tenant.grant()
        exporter = self.exporter()
        try:
            exporter.wait_acting()
            after = self.tenant.grant()
            check(after != before, f"{what}: the grant was used and is not replaced")
            check(after not in self.grants, f"{what}: an old grant is back")
            check(not self.tenant.unfinished(), f"{what}: it left {self.tenant.unfinished()}")
            self.grants |= {before, after}
        finally:
            exporter.stop()


def test_no_step_of_a_replacement_loses_the_grant_when_the_process_is_killed_there(world):
    room = Room(world)
    folder = room.tenant.token.parent
    exporter, trace = room.trace()
    try:
        exporter.wait_acting()
    finally:
        exporter.process.stop(seconds=20)
    steps = one_rotation(traced(trace, folder))
    seen = [f"{step.call}({step.text}" for step in steps]
    for step, pattern in STEPS.items():
        check(any(re.match(pattern, line) for line in seen), f"not seen that {step}: {seen}")
    room.check_survived("a good run")

    for step in steps:
        kill_at(room, step, folder)
    print(f"  killed at {len(steps)} steps of one replacement", flush=True)


def kill_at(room, step, folder):
    """Kills the exporter as it enters this step; where another call of that kind came before it in
    this run, the number is corrected and it is tried again."""
    number = step.number
    for _ in range(8):
        exporter, trace = room.trace("-e", f"inject={step.call}:signal=SIGKILL:when={number}")
        try:
            wait_until(
                f"the exporter is killed at {step}",
                lambda: exporter.process.child.poll() is not None,
                seconds=30,
                pause=0.02,
            )
        except Exception:
            exporter.process.child.send_signal(signal.SIGKILL)
            raise
        room.check_survived(f"killed at {step}")
        reached = traced(trace, folder)
        if reached and reached[-1].is_like(step) and is_last(trace, reached[-1]):
            return
        number = nearby(reached, step, number)
    check(False, f"never killed at {step}: it is not the same in two runs")


def is_last(trace, step):
    """Whether the process entered no call after this one."""
    calls = [line for line in trace.read_text(errors="replace").splitlines() if CALL.match(line)]
    return bool(calls) and step.text in calls[-1]


def nearby(reached, step, number):
    """Which number to try next: that of the step if this run got past it, else a later one."""
    passed = [other.number for other in reached if other.is_like(step)]
    return passed[-1] if passed and passed[-1] != number else number + 1


def killed_after(room, seconds):
    exporter = room.exporter()
    time.sleep(seconds)
    exporter.process.child.send_signal(signal.SIGKILL)
    exporter.process.child.wait(10)


def test_no_moment_of_an_exchange_loses_the_grant(world):
    """The answer is on its way, or never comes: Microsoft may have given the new token already."""
    room = Room(world)
    try:
        world.microsoft.set_faults("token-stall=200")
        for tenth in range(12):
            killed_after(room, tenth / 10)
            room.check_survived(f"killed after {tenth / 10} s while tokens are slow")
        for seconds in (0.3, 1, 2):
            world.microsoft.set_faults("token-hang")
            killed_after(room, seconds)
            world.microsoft.set_faults()
            room.check_survived(f"killed after {seconds} s while tokens never come")
    finally:
        world.microsoft.set_faults()


def test_a_second_exporter_is_refused_and_the_first_goes_on(world):
    room = Room(world)
    first = room.exporter()
    try:
        first.wait_acting()
        grant = room.tenant.grant()
        second = room.exporter()
        try:
            wait_until(
                "the second exporter ends",
                lambda: second.process.child.poll() is not None,
                seconds=20,
            )
            code = second.process.child.poll()
            check(code != 0, "the second exporter ended as if all were well")
            said = second.process.said()
            check(str(room.tenant.token) in said, f"it does not name the file: {said}")
        finally:
            second.process.stop()
        check(room.tenant.grant() == grant, "the second exporter has touched the grant")
        first.wait_acting()
    finally:
        first.stop()


def test_the_folder_of_the_grant_holds_it_and_no_other(world):
    """Under no name but its own, and for nobody but its owner."""
    room = Room(world)
    room.check_survived("a good run")
    grant = room.tenant.grant()
    for path in room.tenant.token.parent.iterdir():
        check(path.stat().st_mode & 0o077 == 0, f"{path.name} is open to others")
        if path != room.tenant.token:
            check(grant not in path.read_text(), f"{path.name} holds the grant as well")
    logs = pathlib.Path(room.tenant.directory).glob("*.log")
    for log in logs:
        check(grant not in log.read_text(errors="replace"), f"{log.name} has the grant")
