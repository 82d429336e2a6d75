//! Dashboards, rules, runbooks and the reference against the definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use partnercenter_exporter::metrics::{Kind, Metric};
use partnercenter_exporter::reference::Page;
use partnercenter_exporter::snapshot;
use promql_parser::parser::{self, Expr};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with a file of the repository; `UPDATE=1` writes it instead, for the diff to be read.
pub(crate) fn golden(path: &Path, text: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    if kept != text {
        let differs = kept.lines().zip(text.lines()).find(|(one, other)| one != other);
        panic!(
            "{} differs, first at {differs:?}; run UPDATE=1 cargo test and read the diff",
            path.display()
        );
    }
}

#[test]
fn the_generated_reference_is_up_to_date() {
    for page in Page::ALL {
        golden(&Path::new("docs/reference").join(page.file()), &page.text());
    }
}

/// Every expression of dashboards and rules, with where it stands.
struct Query {
    place: String,
    expression: String,
}

fn dashboards() -> Vec<(PathBuf, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("dashboards")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path).unwrap();
            let json =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            found.push((path, json));
        }
    }
    assert!(found.len() >= 2, "two dashboards at least");
    found
}

fn panels(dashboard: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        all.push(panel.clone());
        all.extend(panel["panels"].as_array().cloned().unwrap_or_default());
    }
    all
}

fn dashboard_queries() -> Vec<Query> {
    let mut queries = Vec::new();
    for (path, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().unwrap();
                let expression = expression
                    .replace("$__rate_interval", "5m")
                    .replace("$__range", "1h")
                    .replace("$__interval", "1m");
                queries.push(Query {
                    place: format!("{} {}", path.display(), panel["title"]),
                    expression,
                });
            }
        }
    }
    queries
}

fn rule_files() -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(root().join("alerts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".rules.yml"))
        .collect();
    files.sort();
    files
}

#[derive(serde::Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(serde::Deserialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(serde::Deserialize)]
struct Rule {
    alert: Option<String>,
    record: Option<String>,
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

fn rules() -> Vec<Rule> {
    let mut all = Vec::new();
    for path in rule_files() {
        let text = fs::read_to_string(&path).unwrap();
        let file: RuleFile =
            serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for group in file.groups {
            assert!(!group.rules.is_empty(), "{} is empty", group.name);
            all.extend(group.rules);
        }
    }
    assert!(all.len() > 10, "rules are shipped");
    all
}

fn rule_queries() -> Vec<Query> {
    let query =
        |rule: Rule| Query { place: rule.alert.or(rule.record).unwrap(), expression: rule.expr };
    rules().into_iter().map(query).collect()
}

/// A selector in an expression: name, label names, and whether a rate stands around it.
#[derive(Debug)]
struct Selector {
    name: String,
    labels: BTreeSet<String>,
    matched: BTreeMap<String, String>,
    rated: bool,
}

fn selectors(expression: &str) -> Result<Vec<Selector>, String> {
    let mut found = Vec::new();
    walk(&parser::parse(expression)?, false, &mut found);
    Ok(found)
}

fn walk(expr: &Expr, rated: bool, found: &mut Vec<Selector>) {
    match expr {
        Expr::Aggregate(it) => {
            walk(&it.expr, rated, found);
            if let Some(parameter) = &it.param {
                walk(parameter, rated, found);
            }
        }
        Expr::Unary(it) => walk(&it.expr, rated, found),
        Expr::Binary(it) => {
            walk(&it.lhs, rated, found);
            walk(&it.rhs, rated, found);
        }
        Expr::Paren(it) => walk(&it.expr, rated, found),
        Expr::Subquery(it) => walk(&it.expr, rated, found),
        Expr::Call(it) => {
            let rated = rated || ["rate", "irate", "increase"].contains(&it.func.name);
            it.args.args.iter().for_each(|argument| walk(argument, rated, found));
        }
        Expr::VectorSelector(it) => found.push(selector(it, rated)),
        Expr::MatrixSelector(it) => found.push(selector(&it.vs, rated)),
        _ => {}
    }
}

fn selector(it: &parser::VectorSelector, rated: bool) -> Selector {
    let matchers = it.matchers.matchers.iter();
    Selector {
        name: it.name.clone().unwrap_or_default(),
        labels: matchers.clone().map(|matcher| matcher.name.clone()).collect(),
        matched: matchers.map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect(),
        rated,
    }
}

/// The definition behind a series' name, and the labels the series has.
fn definition(name: &str) -> Option<(&'static Metric, Vec<&'static str>)> {
    snapshot::metrics().into_iter().find_map(|metric| {
        if metric.name == name {
            return Some((metric, metric.labels.to_vec()));
        }
        let part = name.strip_prefix(metric.name).filter(|_| metric.kind == Kind::Histogram)?;
        let mut labels = metric.labels.to_vec();
        match part {
            "_bucket" => labels.push("le"),
            "_sum" | "_count" => {}
            _ => return None,
        }
        Some((metric, labels))
    })
}

fn recorded() -> BTreeSet<String> {
    rules().into_iter().filter_map(|rule| rule.record).collect()
}

#[test]
fn every_query_names_metrics_and_labels_that_exist() {
    let recorded = recorded();
    let mut wrong = Vec::new();
    for query in dashboard_queries().into_iter().chain(rule_queries()) {
        let selectors = match selectors(&query.expression) {
            Ok(selectors) => selectors,
            Err(error) => {
                wrong.push(format!("{}: {error}\n{}", query.place, query.expression));
                continue;
            }
        };
        for selector in selectors {
            // Prometheus' own series, and those our rules record.
            if ["up", "ALERTS", "scrape_duration_seconds", "scrape_samples_scraped"]
                .contains(&&*selector.name)
                || recorded.contains(&selector.name)
            {
                continue;
            }
            let Some((metric, labels)) = definition(&selector.name) else {
                wrong.push(format!("{}: no metric is called {}", query.place, selector.name));
                continue;
            };
            for label in &selector.labels {
                if !labels.contains(&&**label) && !["job", "instance"].contains(&&**label) {
                    wrong.push(format!("{}: {} has no label {label}", query.place, selector.name));
                }
            }
            if (metric.kind == Kind::Counter || metric.kind == Kind::Histogram) && !selector.rated {
                wrong.push(format!("{}: {} outside rate and increase", query.place, selector.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_metric_is_shown_or_listed_with_the_reason_why_not() {
    let queries = dashboard_queries().into_iter().chain(rule_queries());
    let shown: BTreeSet<_> = queries
        .flat_map(|query| selectors(&query.expression).unwrap_or_default())
        .filter_map(|selector| Some(definition(&selector.name)?.0.name))
        .collect();
    let listed = fs::read_to_string(root().join("dashboards/README.md")).unwrap();
    for metric in snapshot::metrics() {
        let is_listed = listed.contains(&format!("`{}`", metric.name));
        assert!(shown.contains(metric.name) || is_listed, "{} is shown nowhere", metric.name);
    }
}

#[test]
fn every_alert_is_complete_and_has_its_runbook_and_its_test() {
    let tests: String = fs::read_dir(root().join("alerts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with("_test.yml"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut names = BTreeSet::new();
    for rule in rules() {
        let Some(name) = rule.alert else { continue };
        assert!(names.insert(name.clone()), "{name} twice");
        assert!(name.starts_with("Partnercenter"), "{name}");
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("critical" | "warning" | "info")), "{name}: {severity:?}");
        for annotation in ["summary", "description", "runbook_url"] {
            assert!(rule.annotations.contains_key(annotation), "{name} has no {annotation}");
        }
        assert!(!rule.annotations["summary"].contains("{{"), "{name}: the summary is static");
        let runbook = rule.annotations["runbook_url"].rsplit('/').next().unwrap();
        let page = fs::read_to_string(root().join("docs/runbooks").join(runbook));
        let page = page.unwrap_or_else(|_| panic!("{name}: docs/runbooks/{runbook} is missing"));
        assert!(page.contains(&name) && page.len() > 600, "{name}: the runbook is a stub");
        assert!(tests.contains(&format!("alertname: {name}")), "{name} has no promtool test");
    }
    for entry in fs::read_dir(root().join("docs/runbooks")).unwrap() {
        let file = entry.unwrap().file_name().to_string_lossy().into_owned();
        let name = file.trim_end_matches(".md");
        assert!(names.contains(name) || name == "README", "{file} belongs to no alert");
    }
}

#[test]
fn dashboards_follow_the_linters_rules() {
    let mut uids = BTreeSet::new();
    for (path, dashboard) in dashboards() {
        let place = path.display();
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{place}: uid twice");
        assert_eq!(dashboard["schemaVersion"], 39, "{place}");
        assert_eq!(dashboard["editable"], false, "{place}");
        for absent in ["id", "__inputs", "__requires"] {
            assert!(dashboard.get(absent).is_none(), "{place}: {absent}");
        }
        let text = dashboard.to_string();
        assert!(!text.contains("${DS_PROMETHEUS}"), "{place}");
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let names: Vec<_> =
            variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
        for name in ["datasource", "job", "instance"] {
            assert!(names.contains(&name), "{place}: no variable {name}");
        }
        for variable in variables.iter().filter(|variable| variable["type"] == "query") {
            assert_eq!(variable["refresh"], 2, "{place}: {}", variable["name"]);
        }
        for panel in panels(&dashboard)
            .iter()
            .filter(|panel| panel["type"] != "row" && panel["type"] != "text")
        {
            let title = &panel["title"];
            assert!(title.as_str().is_some_and(|title| !title.is_empty()), "{place}: {panel}");
            let description = panel["description"].as_str().unwrap_or_default();
            assert!(description.len() > 40, "{place}: {title} does not say what to do");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{place}: {title}");
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{place}: {title}");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(
                defaults["unit"].is_string() || defaults["mappings"].is_array(),
                "{place}: {title} has no unit"
            );
        }
    }
    for query in dashboard_queries() {
        for selector in selectors(&query.expression).unwrap() {
            assert_eq!(
                selector.matched.get("job").map(String::as_str),
                Some("$job"),
                "{}: {selector:?}",
                query.place
            );
            assert_eq!(
                selector.matched.get("instance").map(String::as_str),
                Some("$instance"),
                "{}",
                query.place
            );
        }
    }
}

#[test]
fn the_walker_sees_names_labels_and_rates() {
    let found =
        selectors("sum by (x) (rate(a_total{job=~\"$job\"}[5m])) / on (y) b{c=\"d\"} > 1").unwrap();
    assert_eq!(found.len(), 2);
    assert!(found[0].rated && !found[1].rated);
    assert_eq!(found[1].matched["c"], "d");
    assert!(selectors("sum(").is_err());
}
