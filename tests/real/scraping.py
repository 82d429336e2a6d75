"""What both versions of Prometheus make of the page."""

import subprocess

from harness import FIGURES, agrees_with_truth, check, request


def test_the_target_is_up_and_no_sample_is_dropped(world):
    for prometheus in world.prometheuses:
        version = prometheus.version
        targets = prometheus.api("targets", state="active")["activeTargets"]
        check(len(targets) == 1, f"{version} has {len(targets)} targets")
        target = targets[0]
        check(target["health"] == "up", f"{version}: {target['health']}: {target['lastError']}")
        missed = prometheus.query("count_over_time(up[5m]) - sum_over_time(up[5m])")
        check(missed[0][1] == 0, f"{version} missed {missed[0][1]} scrapes")

        kept = prometheus.query("scrape_samples_post_metric_relabeling == scrape_samples_scraped")
        check(kept, f"{version} kept fewer samples than it scraped")
        own = prometheus.own_metrics()
        for trouble in (
            "sample_duplicate_timestamp",
            "sample_out_of_bounds",
            "sample_out_of_order",
            "exceeded_sample_limit",
        ):
            dropped = own.total(f"prometheus_target_scrapes_{trouble}_total")
            check(dropped == 0, f"{version} counts {dropped} of {trouble}")
        for word in ("num_dropped", "level=error", "level=ERROR"):
            check(word not in prometheus.process.said(), f"{version} logs {word}")


def test_it_was_scraped_as_openmetrics(world):
    """The text format has no type `info`, so seeing it proves what was negotiated."""
    for prometheus in world.prometheuses:
        types = {
            entry["metric"]: entry["type"] for entry in prometheus.api("targets/metadata")
        }
        build = types.get("partnercenter_exporter_build", types.get("partnercenter_exporter_build_info"))
        check(build == "info", f"{prometheus.version} takes build_info for a {build}")
        for metric, kind in types.items():
            check(kind != "unknown", f"{prometheus.version} knows no type of {metric}")


def test_queries_give_the_simulated_world(world):
    for prometheus in world.prometheuses:

        def read():
            figures = {}
            for key, metric, labels in FIGURES:
                labels = dict(labels, gap="|".join(labels.get("gap", [])) or ".*")
                selector = ", ".join(f'{name}=~"{value}"' for name, value in labels.items())
                result = prometheus.query(f"sum({metric}{{{selector}}})")
                check(len(result) == 1, f"{prometheus.version} has no {metric}{{{selector}}}")
                figures[key] = result[0][1]
            return figures

        agrees_with_truth(world.demo, read)
        judged = prometheus.query(
            "sum by (requirement) (partnercenter_requirement_state) == 1"
        )
        listed = prometheus.query("count by (requirement) (partnercenter_requirement_info)")
        check(judged and len(judged) == len(listed), "a requirement is not in exactly one state")


def test_the_accounts_add_up(world):
    """Registered, unregistered and not judged are all the enabled accounts there are."""
    for prometheus in world.prometheuses:
        adrift = prometheus.query(
            "  sum by (tenant, account) (partnercenter_users)"
            "- sum by (tenant, account) (partnercenter_users_mfa_registered)"
            '- sum by (tenant, account) (partnercenter_users_without_mfa{gap=~"both|registration"})'
            '- sum by (tenant, account) (partnercenter_users_mfa_unknown{about="registration"})'
        )
        check(adrift, f"{prometheus.version} cannot say")
        for labels, difference in adrift:
            check(difference == 0, f"{labels} are out by {difference}")


def test_promtool_has_nothing_to_say(world):
    page = request(f"{world.demo.url}/metrics").body
    for prometheus in world.prometheuses:
        said = subprocess.run(
            [prometheus.tools / "promtool", "check", "metrics"], input=page, capture_output=True
        )
        words = (said.stdout + said.stderr).decode()
        check(said.returncode == 0 and not words, f"promtool {prometheus.version}: {words}")
