"""From the start of the process to its first figures, and to its end."""

import http.client
import time

from harness import FIGURES, Demo, agrees_with_truth, check, wait_until

STATES = {"compliant", "noncompliant", "attested", "waived", "not_applicable", "unknown"}
REQUIREMENTS = {
    "mfa-all-users-registered",
    "accounts-without-mfa-ability",
    "security-defaults",
    "signin-log-available",
}


def test_true_figures_within_five_seconds_of_the_start(world):
    demo = Demo(world.binary, world.directory, "demo-startup")
    try:

        def figures():
            page = demo.page()
            return (
                page.total("partnercenter_users_without_mfa", gap="registration") >= 0
                and page.total("partnercenter_up") == 1
                and page
            )

        page = wait_until("the first figures", figures, seconds=30, pause=0.02)
        seconds = time.monotonic() - demo.process.started
        check(seconds < 5, f"the first figures took {seconds:.1f} s")

        states = {}
        for labels, value in page.select("partnercenter_requirement_state"):
            states.setdefault(labels["requirement"], {})[labels["state"]] = value
        check(REQUIREMENTS <= states.keys(), f"no state for {REQUIREMENTS - states.keys()}")
        for requirement, state in states.items():
            check(state.keys() == STATES, f"{requirement} has the states {sorted(state)}")
            check(sum(state.values()) == 1, f"{requirement} is in several states: {state}")

        agrees_with_truth(demo, lambda: read(demo.page()))
    finally:
        demo.process.stop()


def read(page):
    figures = {}
    for key, metric, labels in FIGURES:
        if "gap" not in labels:
            figures[key] = page.total(metric, **labels)
        else:
            # `both` is there only once enforcement is known.
            figures[key] = sum(
                value
                for seen, value in page.select(metric, account=labels["account"])
                if seen["gap"] in labels["gap"]
            )
    return figures


def test_sigterm_ends_it_soon_and_well(world):
    demo = Demo(world.binary, world.directory, "demo-sigterm")
    try:
        demo.wait_ready()
        # A scraper keeps its connection open; that must hold up nothing.
        connection = http.client.HTTPConnection(demo.address, timeout=10)
        connection.request("GET", "/metrics")
        check(connection.getresponse().read(), "/metrics is empty")
        started = time.monotonic()
        code = demo.process.stop(seconds=5)
        seconds = time.monotonic() - started
        check(code == 0, f"exit code {code} after {seconds:.1f} s: {demo.process.said()[-500:]}")
        connection.close()
    finally:
        demo.process.stop()
