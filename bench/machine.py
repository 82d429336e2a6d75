"""The machine: which cores to use, what processes have cost, and who else was at work."""

import contextlib
import os
import pathlib
import re
import resource

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))

# What is measured has one core, what asks has another, so that neither pays for the other.
SERVERS = CORES[0]
LOAD = CORES[-1]


@contextlib.contextmanager
def on_core(core):
    """Programs started inside run on this core alone."""
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, {LOAD})


def family(pid):
    """A process and its children; a server may work in children of its own."""
    pids = [pid]
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        # A process may end while we look.
        with contextlib.suppress(OSError):
            if int(after_name(status.read_text())[1]) == pid:
                pids.append(int(status.parent.name))
    return pids


def cpu_seconds(pids):
    """User and system time of these processes, ended threads included."""
    ticks = 0
    for pid in pids:
        fields = after_name(pathlib.Path(f"/proc/{pid}/stat").read_text())
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND


def thread_seconds(pid):
    """User and system time of a process's living threads, as the scheduler counts it: to far
    below a hundredth of a second, which is a step of the other account."""
    threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def after_name(stat):
    """The fields after the name, which itself may hold spaces and brackets."""
    return stat[stat.rindex(")") + 2 :].split()


def memory_mib(pid, field):
    """A field of /proc/PID/status: VmRSS is what is resident, VmHWM the most that ever was."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024


class Noise:
    """What others did on this machine meanwhile: the doubt every figure is under."""

    def __init__(self):
        self.load_before = os.getloadavg()
        self.before = self.all_cores()

    @staticmethod
    def all_cores():
        line = pathlib.Path("/proc/stat").read_text().splitlines()[0]
        user, nice, system, idle, wait, irq, softirq, steal = map(int, line.split()[1:9])
        busy = user + nice + system + irq + softirq
        return busy / TICKS_PER_SECOND, steal / TICKS_PER_SECOND, (busy + idle + wait + steal) / TICKS_PER_SECOND

    def lines(self):
        # Every program that was started has been waited for by now, so its time is in here.
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        ours = sum(usage.ru_utime + usage.ru_stime for usage in used)
        busy, steal, total = (after - before for after, before in zip(self.all_cores(), self.before))
        others = max(0.0, busy - ours)
        before, after = self.load_before, os.getloadavg()
        return [
            f"* Load average over a minute: {before[0]:.1f} at the start, {after[0]:.1f} at the end "
            f"(over fifteen: {before[2]:.1f} and {after[2]:.1f}; the benchmark itself makes about 2).",
            f"* Of all cores' time, this benchmark used {ours / total:.0%}, other programs "
            f"{others / total:.0%}, and the hypervisor took {steal / total:.1%} away.",
        ]


def cpu_model():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else os.uname().machine
