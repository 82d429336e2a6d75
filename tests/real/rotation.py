"""Killing the exporter at every step of replacing its refresh token, and at any moment between."""

import os
import pathlib
import re
import signal
import time

from harness import Exporter, Failure, Tenant, check, wait_until

# What changes something where the grant lies, and the locks around it. Killed as it enters one of
# these, the process has done all before it and not this.
CALLS = (
    "openat,write,pwrite64,fsync,fdatasync,fchmod,ftruncate,flock,"
    "rename,renameat,renameat2,linkat,unlink,unlinkat"
)

# The steps without which a replacement is not durable, as a trace shows them.
STEPS = {
    "the new file is made": r"openat /grant/\.new-",
    "it is written": r"p?write(64)? /grant/\.new-",
    "it is synced": r"f(data)?sync /grant/\.new-",
    "it takes the old one's place": r"rename\w* /grant/\.new-",
    "its folder is synced": r"f(data)?sync /grant$",
}

CALL = re.compile(r"^(?:(\d+) +)?(\w+)\((.*)$")


class Step:
    """A system call that has to do with the grant."""

    def __init__(self, call, number, place):
        self.call = call
        # The how many-th of its kind in its thread, which is how strace counts.
        self.number = number
        # Names of unfinished files are random.
        self.place = re.sub(r"(/\.new-token-)\w+", r"\1…", place)

    def __str__(self):
        return f"{self.call} {self.place}"

    def is_like(self, other):
        return str(self) == str(other)


def traced(trace):
    """The steps in a trace, in order, and whether its last call is one of them."""
    counts, steps, last = {}, [], False
    for line in trace.read_text(errors="replace").splitlines():
        match = CALL.match(line)
        if not match:
            continue
        thread, call, text = match.groups()
        counts[thread, call] = counts.get((thread, call), 0) + 1
        place = re.search(r'(/grant(?:/[^">]*)?)[">]', text)
        if place:
            steps.append(Step(call, counts[thread, call], place[1]))
        last = bool(place)
    return steps, last


def one_replacement(steps):
    """Up to the first step after the first replacement, when all of it is done."""
    placed = False
    for position, step in enumerate(steps):
        placed = placed or re.match(STEPS["it takes the old one's place"], str(step))
        if placed and re.match(STEPS["its folder is synced"], str(step)):
            return steps[: position + 2]
    return steps


class Room:
    """A tenant whose exporter is killed again and again, always with the same files."""

    def __init__(self, world, name):
        self.world = world
        self.runs = 0
        self.tenant = Tenant(world.microsoft, world.directory / name)
        self.tenant.consent()
        self.grants = {self.tenant.grant()}

    def exporter(self, wrapped=()):
        self.runs += 1
        return Exporter(self.world.binary, self.tenant, f"exporter-{self.runs}", wrapped)

    def trace(self, *inject):
        """An exporter under strace; where it writes what it saw."""
        trace = self.tenant.directory / f"trace-{self.runs + 1}"
        words = ["strace", "-f", "-qq", "-y", "-s", "64", "-o", trace]
        return self.exporter([*words, "-e", f"trace={CALLS}", *inject]), trace

    def check_survived(self, what):
        """The files as the killed process left them, and an exporter that goes on with them."""
        before = self.tenant.grant()
        exporter = self.exporter()
        try:
            exporter.wait_acting()
            after = self.tenant.grant()
            check(after != before, f"{what}: the grant was used and is not replaced")
            check(after not in self.grants, f"{what}: an old grant is back")
            # A replacement may be under way; what was left from before is cleared at the start.
            wait_until(
                f"{what}: nothing unfinished is left", lambda: not self.tenant.unfinished(), 5, 0.01
            )
            self.grants |= {before, after}
        finally:
            exporter.stop()


def test_no_step_of_a_replacement_loses_the_grant_when_the_process_is_killed_there(world):
    room = Room(world, "rotation-steps")
    exporter, trace = room.trace()
    try:
        exporter.wait_acting()
    finally:
        end_traced(exporter)
    steps = one_replacement(traced(trace)[0])
    seen = [str(step) for step in steps]
    for step, pattern in STEPS.items():
        check(any(re.match(pattern, line) for line in seen), f"not seen that {step}: {seen}")
    room.check_survived("a good run")
    for step in steps:
        kill_at(room, step)
    print(f"  killed at each of {len(steps)} steps of a replacement", flush=True)


def end_traced(exporter):
    """Ends the exporter, and thereby strace, which would not wait for it the other way around."""
    pid = exporter.process.child.pid
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(child), signal.SIGTERM)
    exporter.process.child.wait(20)


def kill_at(room, step):
    """Kills the exporter as it enters this step. Where this run made more or fewer such calls
    before it, the number is corrected and it is tried again."""
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
        except Failure:
            end_traced(exporter)
            raise
        room.check_survived(f"killed at {step}")
        reached, last = traced(trace)
        if last and reached[-1].is_like(step):
            return
        passed = [other.number for other in reached if other.is_like(step)]
        number = passed[-1] if passed and passed[-1] != number else number + 1
    check(False, f"never killed at {step}: it is not the same in two runs")


def killed_after(room, seconds):
    exporter = room.exporter()
    time.sleep(seconds)
    exporter.process.child.send_signal(signal.SIGKILL)
    exporter.process.child.wait(10)


def test_no_moment_of_an_exchange_loses_the_grant(world):
    """The answer is on its way, or never comes: Microsoft may have given the new token already."""
    room = Room(world, "rotation-moments")
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
    room = Room(world, "rotation-second")
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
    room = Room(world, "rotation-folder")
    room.check_survived("a good run")
    grant = room.tenant.grant()
    for path in room.tenant.token.parent.iterdir():
        check(path.stat().st_mode & 0o077 == 0, f"{path.name} is open to others")
        if path != room.tenant.token:
            check(grant not in path.read_text(), f"{path.name} holds the grant as well")
    logs = room.tenant.directory.glob("*.log")
    for log in logs:
        check(grant not in log.read_text(errors="replace"), f"{log.name} has the grant")
