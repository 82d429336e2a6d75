"""The sign-in with MFA in a real browser, as a person does it, and the landing page."""

import re
import signal

from harness import Exporter, Process, Tenant, check, wait_until

SOURCE = "security_alerts"


class Consent:
    """`partnercenter_exporter consent`, up to the address that it wants opened."""

    def __init__(self, world, tenant, name="consent"):
        self.browser = world.browser
        self.process = Process(
            name,
            [world.binary, "consent", f"--config.file={tenant.file}", f"--tenant={tenant.NAME}"],
            tenant.directory,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()

    def open(self):
        def printed():
            if self.process.child.poll() is not None:
                self.process.check_running()
            return re.search(r"(?m)^(http\S+)$", self.process.said())

        self.browser.open(wait_until("consent prints an address to open", printed)[1])
        self.browser.find("#username")

    def sign_in(self, button, admin=False):
        """What a person does on Microsoft's page; returns what the last page tells them."""
        self.open()
        if admin:
            self.browser.click("#admin")
        self.browser.click(button)
        return self.last_page()

    def last_page(self):
        """The page on this machine to which the browser is led back."""
        wait_until(
            "the browser is led back to this machine",
            lambda: self.browser.address().startswith("http://localhost:"),
        )
        return wait_until("the last page says something", lambda: self.browser.text().strip())

    def ended(self, seconds=20):
        """Its exit code, once it has ended by itself."""
        return wait_until(
            "consent ends",
            lambda: self.process.child.poll() is not None,
            seconds=seconds,
        ) and self.process.child.poll()


def tenant(world, name):
    return Tenant(world.microsoft, world.directory / name)


def check_nothing_stored(tenant):
    check(not tenant.token.exists(), "something is stored all the same")
    check(not tenant.unfinished(), f"something is left: {tenant.unfinished()}")


def check_no_secret(consent, page):
    """Neither the terminal nor the page shows what was got."""
    for said in (consent.process.said(), page):
        check("eyJ" not in said, "a token is shown")
        check("code=" not in said, "the code is shown")


def test_a_sign_in_with_mfa_stores_a_grant_and_the_exporter_reads_alerts_with_it(world):
    room = tenant(world, "consent-mfa")
    with Consent(world, room) as consent:
        page = consent.sign_in("#approve-mfa")
        code = consent.ended()
        said = consent.process.said()
        check(code == 0, f"consent ended with {code}: {said}")
        check("grant is stored" in page, f"the last page reads: {page}")
        check(str(room.token) in said, f"it does not say where: {said}")
        check("Warning" not in said, f"an ordinary account is warned about: {said}")
        check_no_secret(consent, page)
        grant = room.grant()
        check(grant not in said and grant not in page, "the grant is shown")
        picture = world.browser.screenshot()
        (room.directory / "last-page.png").write_bytes(picture)
        check(len(picture) > 1000, "the last page looks empty")
        check(not world.browser.console(), "the pages complain in the console")

    exporter = Exporter(world.binary, room)
    try:
        exporter.wait_acting(SOURCE)
        page = exporter.page()
        check(page.total("partnercenter_token_mfa_claim") == 1, "the MFA claim is not there")
        check(page.total("partnercenter_security_alerts_open") >= 0, "no alerts are counted")
        check(room.grant() != grant, "the grant was used and is not replaced")
    finally:
        code = exporter.stop()
    check(code == 0, f"the exporter ended with {code}")
    check(grant not in exporter.process.said(), "the grant is in the log")


def test_a_sign_in_without_mfa_stores_nothing_and_says_why(world):
    room = tenant(world, "consent-password")
    with Consent(world, room) as consent:
        page = consent.sign_in("#password-only")
        code = consent.ended()
        check(code == 1, f"consent ended with {code}: {consent.process.said()}")
        for said in (page, consent.process.said()):
            check("MFA" in said, f"it does not say why: {said}")
        check_no_secret(consent, page)
        check_nothing_stored(room)


def test_a_sign_in_that_is_called_off_stores_nothing(world):
    room = tenant(world, "consent-cancelled")
    with Consent(world, room) as consent:
        page = consent.sign_in("#cancel")
        code = consent.ended()
        check(code == 1, f"consent ended with {code}: {consent.process.said()}")
        check(page, "the last page says nothing")
        check_nothing_stored(room)


def test_an_earlier_grant_survives_a_sign_in_that_brings_nothing(world):
    room = tenant(world, "consent-again")
    room.consent()
    grant = room.grant()
    for button in ("#password-only", "#cancel"):
        with Consent(world, room) as consent:
            consent.sign_in(button)
            check(consent.ended() == 1, f"{button}: {consent.process.said()}")
        check(room.grant() == grant, f"{button} has changed the stored grant")


def test_a_global_administrator_is_warned_about(world):
    room = tenant(world, "consent-administrator")
    with Consent(world, room) as consent:
        consent.sign_in("#approve-mfa", admin=True)
        code = consent.ended()
        said = consent.process.said()
        check(code == 0, f"consent ended with {code}: {said}")
        check(re.search(r"Warning.*Global Administrator", said, re.S), f"no warning: {said}")
        room.grant()


def test_an_answer_that_nobody_asked_for_is_not_taken(world):
    """Whoever lures the browser to the way back has neither the state nor a code of ours."""
    room = tenant(world, "consent-lured")
    with Consent(world, room) as consent:
        consent.open()
        back = re.search(r"redirect_uri=([^&\s]+)", consent.process.said())
        check(back, "the address to open has no redirect_uri")
        way_back = back[1].replace("%3A", ":").replace("%2F", "/")
        world.browser.open(f"{way_back}?code=of-somebody-else&state=of-somebody-else")
        page = world.browser.text()
        check("grant is stored" not in page, f"the page reads: {page}")
        check_nothing_stored(room)
        if consent.process.child.poll() is None:
            consent.process.child.send_signal(signal.SIGTERM)
        check(consent.ended() != 0, "it ended as if all were well")


def test_the_landing_page_shows_every_requirement(world):
    labels = [labels for labels, _ in world.demo.page().select("partnercenter_requirement_info")]
    check(labels, "the demo has no requirements")
    browser = world.browser
    browser.console()
    browser.open(f"{world.demo.url}/")
    check(browser.title() == "partnercenter_exporter", f"its title is {browser.title()}")
    text = browser.text()
    missing = sorted(label["requirement"] for label in labels if label["requirement"] not in text)
    check(not missing, f"the landing page lacks {missing}")
    complaints = browser.console()
    check(not complaints, f"the console has {complaints}")
    check(len(browser.screenshot()) > 5000, "the landing page looks empty")
    browser.click('a[href="/metrics"]')
    wait_until("the link leads to the metrics", lambda: browser.address().endswith("/metrics"))
    check("partnercenter_up" in browser.text(), "the link leads to no metrics")
