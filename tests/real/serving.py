"""What a scraper gets, byte by byte."""

import gzip

from harness import check, request

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# What Prometheus sends by default, word for word.
PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def scrape(world, method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = request(f"{world.demo.url}/metrics", method, headers)
    check(answer.status == 200, f"{method} /metrics answers {answer.status}")
    return answer


def content_type(answer):
    return answer.headers["Content-Type"]


def families(body):
    return [line for line in body.decode().splitlines() if line.startswith("# TYPE ")]


def test_whoever_asks_for_nothing_gets_plain_text(world):
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "text/html"}, {"Accept": "application/json"}):
        answer = scrape(world, **headers)
        check(content_type(answer) == TEXT, f"{headers} gets {content_type(answer)}")
        check("Content-Encoding" not in answer.headers, f"{headers} gets it encoded")
        check(answer.body.endswith(b"\n"), "the last line has no end")
        check(not answer.body.endswith(b"# EOF\n"), "the text format has no # EOF")


def test_both_versions_of_prometheus_get_openmetrics(world):
    for accept in (PROMETHEUS_2_42, PROMETHEUS_3):
        answer = scrape(world, Accept=accept)
        check(content_type(answer).startswith(OPEN_METRICS), f"got {content_type(answer)}")
        check(answer.body.endswith(b"# EOF\n"), "no # EOF at the end")
        check(b"# TYPE partnercenter_exporter_build info\n" in answer.body, "no info type")
        check(b"_total counter" not in answer.body, "a counter family is called _total")


def test_gzip_and_identity_are_the_same_page(world):
    for accept in ("*/*", PROMETHEUS_3):
        plain = scrape(world, Accept=accept, Accept_Encoding="identity")
        check("Content-Encoding" not in plain.headers, "identity is encoded")
        packed = scrape(world, Accept=accept, Accept_Encoding="gzip")
        check(packed.headers["Content-Encoding"] == "gzip", "gzip is not compressed")
        check(content_type(packed) == content_type(plain), "the type depends on the encoding")
        check(len(packed.body) < len(plain.body) / 2, "compression saves nothing")
        check(families(gzip.decompress(packed.body)) == families(plain.body), "other families")
        refused = scrape(world, Accept=accept, Accept_Encoding="gzip;q=0, identity")
        check("Content-Encoding" not in refused.headers, "gzip;q=0 is compressed")
        for answer in (plain, packed):
            vary = answer.headers["Vary"].lower()
            check("accept" in vary and "accept-encoding" in vary, f"Vary is {vary}")


def test_head_has_the_headers_and_no_body(world):
    for headers in ({}, {"Accept": PROMETHEUS_3, "Accept_Encoding": "gzip"}):
        get, head = scrape(world, **headers), scrape(world, "HEAD", **headers)
        check(head.body == b"", "HEAD has a body")
        for name in ("Content-Type", "Content-Encoding"):
            check(head.headers[name] == get.headers[name], f"{name} differs from GET")
        check(int(head.headers["Content-Length"]) > 0, "HEAD has no length")


def test_families_are_whole_and_series_are_there_once(world):
    seen, closed, family, described = set(), set(), None, set()
    for line in scrape(world).text.splitlines():
        if line.startswith("# "):
            _, keyword, name, _ = line.split(" ", 3)
            check(keyword in ("HELP", "TYPE"), f"a line that is neither: {line}")
            described.add((keyword, name))
            if name != family:
                check(name not in closed, f"{name} is interleaved with other families")
                closed.add(family)
                family = name
        else:
            series = line.rsplit(" ", 1)[0]
            check(series not in seen, f"twice: {series}")
            check(series.startswith(family), f"{series} stands in the family {family}")
            seen.add(series)
    names = {name for _, name in described}
    for name in names:
        check(("HELP", name) in described and ("TYPE", name) in described, f"{name} lacks a line")


def test_the_paths_beside_metrics(world):
    url = world.demo.url
    for path in ("/-/healthy", "/-/ready", "/"):
        check(request(url + path).status == 200, f"{path} answers {request(url + path).status}")
    landing = request(f"{url}/")
    check(content_type(landing).startswith("text/html"), f"/ is {content_type(landing)}")
    check("/metrics" in landing.text, "the landing page does not lead to /metrics")
    check(request(f"{url}/nothing-here").status == 404, "an unknown path is not 404")
    check(request(f"{url}/metrics", "POST", body="x").status == 405, "POST /metrics is not 405")
