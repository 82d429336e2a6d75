//! The plain page at `/`: what this is, where things are, how the tenants stand. Names no person.

use std::fmt::Write;

use crate::checks::State;
use crate::snapshot::{Report, Snapshot, Standing};
use crate::sources;

/// The page.
pub(super) fn page(snapshot: Option<&Snapshot>, telemetry_path: &str) -> String {
    let mut tenants = String::new();
    match snapshot {
        Some(snapshot) => snapshot.tenants.iter().for_each(|report| tenant(&mut tenants, report)),
        None => tenants.push_str("<p><strong>Collecting has stopped turning.</strong></p>"),
    }
    let path = escaped(telemetry_path);
    let version = env!("CARGO_PKG_VERSION");
    let revision = env!("PARTNERCENTER_EXPORTER_REVISION");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>partnercenter_exporter</title>\n<style>\
         body{{font-family:system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;\
         line-height:1.5;color-scheme:light dark}}\
         table{{border-collapse:collapse}}td,th{{text-align:left;padding:.2rem 1rem .2rem 0}}\
         </style>\n</head>\n<body>\n\
         <h1>partnercenter_exporter</h1>\n\
         <p>The security compliance of Microsoft partner tenants, for Prometheus. \
         Version {version}, revision {revision}.</p>\n\
         <ul>\n<li><a href=\"{path}\">{path}</a>: the metrics</li>\n\
         <li><a href=\"/-/healthy\">/-/healthy</a>: the process works</li>\n\
         <li><a href=\"/-/ready\">/-/ready</a>: every source has been tried once</li>\n</ul>\n\
         {tenants}</body>\n</html>\n"
    )
}

fn tenant(out: &mut String, report: &Report) {
    let _ = writeln!(out, "<h2>{}</h2>", escaped(&report.tenant));
    if let Some((name, partner_type)) = &report.organization {
        let kind = if partner_type.is_partner() {
            format!("a partner tenant ({})", escaped(partner_type.as_str()))
        } else {
            "<strong>not a partner tenant</strong>: Microsoft's partner requirements do not apply \
             to it. Check tenant_id in the configuration"
                .to_owned()
        };
        let _ = writeln!(out, "<p>{}, {kind}.</p>", escaped(name));
    }
    for about in sources::all() {
        let of_it = |it: &&Standing| it.tried && it.source == about.id;
        let failing = report.standings.iter().find(of_it).and_then(|standing| standing.failure);
        if let Some(reason) = failing {
            let needs = match reason {
                "permission" => format!("; it needs {}", about.permission),
                "license" => format!("; it needs {}", about.license.unwrap_or("a licence")),
                _ => String::new(),
            };
            let _ = writeln!(out, "<p>Source {} cannot be read: {reason}{needs}.</p>", about.id);
        }
    }
    out.push_str(
        "<table>\n<tr><th>Requirement</th><th>Tier</th><th>State</th><th>Findings</th></tr>\n",
    );
    // What is not met comes first, and what is not known next.
    let mut verdicts: Vec<_> = report.verdicts.iter().collect();
    verdicts.sort_by_key(|(_, verdict)| match verdict.state() {
        State::Noncompliant => 0,
        State::Unknown => 1,
        State::Waived | State::Attested => 2,
        State::Compliant | State::NotApplicable => 3,
    });
    for (check, verdict) in verdicts {
        let state = match (verdict.why_unknown(), verdict.state()) {
            (Some(why), _) => format!("unknown: {}", why.meaning()),
            (None, State::NotApplicable) if let Some(fact) = verdict.fact() => {
                format!("{}: {}", State::NotApplicable.as_str(), escaped(fact))
            }
            (None, State::Noncompliant) => "<strong>noncompliant</strong>".to_owned(),
            (None, state) => state.as_str().to_owned(),
        };
        let mut found = match verdict.state() {
            State::Unknown => "–".to_owned(),
            _ => verdict.found().to_string(),
        };
        if verdict.waived() > 0 {
            let _ = write!(found, " ({} waived)", verdict.waived());
        }
        if let Some(why) = verdict.doubt() {
            let _ = write!(found, ", others not judged: {}", why.meaning());
        }
        let _ = writeln!(
            out,
            "<tr><td><a href=\"{}\" title=\"{}\">{}</a></td><td>{}</td><td>{state}</td><td>{found}</td></tr>",
            escaped(check.docs),
            escaped(check.title),
            escaped(check.id),
            check.tier.as_str(),
        );
    }
    out.push_str("</table>\n");
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::posture::Declarations;
    use crate::sources::{Fact, Facts};
    use crate::wire;

    #[test]
    fn what_a_tenant_calls_itself_cannot_become_markup() {
        let body = br#"{"displayName":"<script>alert('x')</script>"}"#;
        let organization = Fact::known(wire::entity(body).unwrap(), Timestamp::UNIX_EPOCH);
        let facts = Facts { organization, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        let report = Report::of("a<b", &facts, &Declarations::default(), Vec::new(), None);
        let snapshot = Snapshot { tenants: vec![Arc::new(report)], ..Snapshot::default() };
        let page = page(Some(&snapshot), "/metrics");
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
        assert!(
            page.contains("<h2>a&lt;b</h2>") && page.contains("not a partner tenant"),
            "{page}"
        );
    }
}
