"""What the tests share: each part starts when the first test asks for it."""

import functools

from browser import Browser
from harness import CURRENT, DISTRIBUTION, Demo, Microsoft, Prometheus


class World:
    def __init__(self, binary, directory):
        self.binary = binary
        self.directory = directory

    @functools.cached_property
    def demo(self):
        demo = Demo(self.binary, self.directory)
        demo.wait_ready()
        return demo

    @functools.cached_property
    def microsoft(self):
        return Microsoft(self.binary, self.directory)

    @functools.cached_property
    def browser(self):
        return Browser(self.directory)

    @functools.cached_property
    def prometheuses(self):
        """Both versions, scraping the same demo."""
        both = [Prometheus(tools, self.demo, self.directory) for tools in (DISTRIBUTION, CURRENT)]
        self.__dict__["prometheuses"] = both  # before waiting, so that stop() finds them
        for prometheus in both:
            prometheus.wait_scraping()
        return both

    def stop(self):
        for prometheus in self.__dict__.get("prometheuses", []):
            prometheus.stop()
        for part in ("browser", "microsoft"):
            if part in self.__dict__:
                getattr(self, part).stop()
        if "demo" in self.__dict__:
            self.demo.process.stop()
