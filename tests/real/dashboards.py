"""Every query of every dashboard, asked of a Prometheus that has the demo's data.

Grafana cannot be installed here, so the dashboards are tested as what they are: queries, and a
form that Grafana's documentation and its linter ask for.
"""

import json
import math
import re

from harness import ROOT, Failure, check

FILES = sorted((ROOT / "dashboards").glob("*.json"))

# A query on one of these alone may come back empty, for this reason.
ONLY_SOMETIMES = {
    "partnercenter_attestation_expiry_timestamp_seconds": "nobody may vouch for anything",
    "partnercenter_customer_dap_last_use_timestamp_seconds": "series per customer are asked for",
    "partnercenter_customer_exposure": "series per customer are asked for",
    "partnercenter_customer_gdap_end_timestamp_seconds": "series per customer are asked for",
    "partnercenter_customer_series_left_out": "series per customer are asked for",
    "partnercenter_customer_series_limit": "series per customer are asked for",
    "partnercenter_dap_report_timestamp_seconds": "a report has to be configured",
    "partnercenter_gdap_earliest_end_timestamp_seconds": "all may extend themselves",
    "partnercenter_gdap_oldest_pending_timestamp_seconds": "none may wait",
    "partnercenter_requirement_unknown": "the demo's requirements can all be judged",
    "partnercenter_security_alert_oldest_open_timestamp_seconds": "all may be resolved",
    "partnercenter_security_alert_oldest_unanswered_timestamp_seconds": "all may be answered",
    "partnercenter_security_alert_response_limit_timestamp_seconds": "it may never come",
    "partnercenter_source_failure": "there only while a source fails",
    "partnercenter_source_refreshes_failed_total": "shown where it rises",
    "partnercenter_token_failure": "there only while the credential is refused",
    "partnercenter_token_refresh_failure": "there only while the refresh token is refused",
}

METRIC = re.compile(r"\b(?:partnercenter_\w+|process_\w+|scrape_\w+|up)(?=\{)")


def panels(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries(dashboard):
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield f"{dashboard['title']}, {panel['title']}, {target['refId']}", target["expr"]


def filled(expression):
    """The expression as Grafana would send it with everything chosen."""
    for variable, value in (
        ("$job", ".+"),
        ("$instance", ".+"),
        ("$tenant", ".+"),
        ("$__rate_interval", "10s"),
    ):
        expression = expression.replace(variable, value)
    check("$" not in expression, f"an unknown variable in {expression}")
    return expression


def test_every_query_returns_data(world):
    check(len(FILES) >= 5, f"there are {len(FILES)} dashboards")
    silent, asked = [], set()
    for prometheus in world.prometheuses:
        for path in FILES:
            for where, expression in queries(json.loads(path.read_text())):
                try:
                    result = prometheus.query(filled(expression))
                except Failure as failure:
                    raise Failure(f"{where}: {failure}") from failure
                names = METRIC.findall(expression)
                check(names, f"{where} asks for no metric of ours")
                asked.add(names[0])
                known = any(not math.isnan(value) for _, value in result)
                if not known and names[0] not in ONLY_SOMETIMES:
                    silent.append(f"{prometheus.version}: {where}: {expression}")
    check(not silent, "no data for\n" + "\n".join(silent))
    stale = ONLY_SOMETIMES.keys() - asked
    check(not stale, f"no query asks for {sorted(stale)}")


def test_every_metric_of_the_exporter_is_on_a_dashboard(world):
    shown = {
        name
        for path in FILES
        for _, expression in queries(json.loads(path.read_text()))
        for name in METRIC.findall(expression)
    }
    for prometheus in world.prometheuses:
        names = prometheus.api("label/__name__/values")
        exported = {name for name in names if name.startswith("partnercenter_")}
        check(exported, f"{prometheus.version} has no metric of ours")
        missing = sorted(exported - shown)
        check(not missing, f"{prometheus.version} has what is shown nowhere: {missing}")


def test_the_form_is_what_grafana_and_its_linter_ask_for(_world):
    uids = set()
    for path in FILES:
        dashboard = json.loads(path.read_text())
        name = path.name
        check("id" not in dashboard, f"{name} has an id, which belongs to one database")
        check("__inputs" not in dashboard, f"{name} has __inputs, which provisioning ignores")
        check(8 <= len(dashboard["uid"]) <= 40, f"{name}: uid {dashboard['uid']}")
        check(dashboard["uid"] not in uids, f"{name}: the uid is taken")
        uids.add(dashboard["uid"])
        check(dashboard["schemaVersion"] == 39, f"{name}: schemaVersion")
        check(dashboard["editable"] is False, f"{name} is editable")

        variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
        check(variables["datasource"]["type"] == "datasource", f"{name}: datasource")
        for variable in ("job", "instance", "tenant"):
            settings = variables[variable]
            check(settings["allValue"] == ".+", f"{name}: allValue of {variable}")
            check(settings["multi"] and settings["refresh"] == 2, f"{name}: {variable}")

        identities, cells = set(), set()
        for panel in panels(dashboard):
            where = f"{name}, {panel['title']}"
            check(panel["id"] not in identities, f"{where}: the id is taken")
            identities.add(panel["id"])
            place = panel["gridPos"]
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    check(x < 24 and (x, y) not in cells, f"{where} overlaps or sticks out")
                    cells.add((x, y))
            if panel["type"] == "row":
                continue
            check(panel["title"] and len(panel["description"]) > 40, f"{where}: description")
            check(panel["datasource"]["uid"] == "${datasource}", f"{where}: data source")
            check(panel["fieldConfig"]["defaults"]["unit"], f"{where}: unit")
            check(panel["targets"], f"{where}: no query")
        for where, expression in queries(dashboard):
            for selector in re.findall(r"\{([^}]*)\}", expression):
                for label in ("job", "instance"):
                    check(f'{label}=~"${label}"' in selector, f"{where}: no {label} in {selector}")
            for counter in re.finditer(r"(\w*\()?\w+_total\{", expression):
                check(counter[1] in ("rate(", "increase("), f"{where}: a bare counter")
            for window in re.findall(r"\[([^\]]*)\]", expression):
                check(window == "$__rate_interval", f"{where}: a window of {window}")
