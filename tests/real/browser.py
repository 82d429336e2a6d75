"""A headless Chromium, driven over the WebDriver protocol with nothing but the standard library."""

import base64
import http.client
import json

from harness import Failure, Process, check, free_port, wait_until

# Nothing is looked up, reported or updated behind the tests' back. The sandbox wants privileges
# that a container does not have.
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1000,800",
]

# How the protocol names a reference to an element.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

PNG = b"\x89PNG\r\n\x1a\n"


class Browser:
    """One browser with one tab."""

    def __init__(self, directory):
        self.port = free_port()
        self.driver = Process("chromedriver", ["chromedriver", f"--port={self.port}"], directory)
        wait_until("chromedriver is ready", lambda: self.ask("GET", "/status")["ready"])
        profile = directory / "browser"
        options = {"args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"pageLoad": 30_000, "script": 10_000},
        }
        session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{session['sessionId']}"

    def ask(self, method, path, body=None):
        """One command; what the driver refuses is a failure."""
        self.driver.check_running()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            content = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json; charset=utf-8"}
            connection.request(method, path, body=content, headers=headers)
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise Failure(f"{method} {path}: {value['error']}: {value['message'].splitlines()[0]}")
        return value

    def open(self, url):
        self.ask("POST", f"{self.session}/url", {"url": url})

    def address(self):
        return self.ask("GET", f"{self.session}/url")

    def find(self, selector):
        """The first element of this CSS selector, waited for."""
        question = {"using": "css selector", "value": selector}

        def found():
            return self.ask("POST", f"{self.session}/element", question)[ELEMENT]

        return wait_until(f"{selector} is on the page", found, seconds=15)

    def has(self, selector):
        question = {"using": "css selector", "value": selector}
        return bool(self.ask("POST", f"{self.session}/elements", question))

    def click(self, selector):
        self.ask("POST", f"{self.session}/element/{self.find(selector)}/click", {})

    def write(self, selector, text):
        element = f"{self.session}/element/{self.find(selector)}"
        self.ask("POST", f"{element}/clear", {})
        self.ask("POST", f"{element}/value", {"text": text})

    def attribute(self, selector, name):
        return self.ask("GET", f"{self.session}/element/{self.find(selector)}/attribute/{name}")

    def text(self, selector="body"):
        """What a person can read there."""
        return self.ask("GET", f"{self.session}/element/{self.find(selector)}/text")

    def title(self):
        return self.ask("GET", f"{self.session}/title")

    def console(self):
        """What went wrong on the pages since the last question; every page lacks a favicon."""
        entries = self.ask("POST", f"{self.session}/se/log", {"type": "browser"})
        return [
            entry["message"]
            for entry in entries
            if entry["level"] in ("WARNING", "SEVERE") and "favicon.ico" not in entry["message"]
        ]

    def screenshot(self):
        """The page as it looks, a PNG."""
        picture = base64.b64decode(self.ask("GET", f"{self.session}/screenshot"))
        check(picture.startswith(PNG), "the screenshot is no PNG")
        return picture

    def stop(self):
        try:
            self.ask("DELETE", self.session)
        finally:
            self.driver.stop()
