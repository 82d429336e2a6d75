//! One collection, then the verdicts: for people as a table, for programs as JSON.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use comfy_table::Table;
use serde_json::{Value, json};

use super::{Context, Failure, complain, print, serve};
use crate::checks::{State, Subject, Verdict};
use crate::config;
use crate::config::flags::{self, Output};
use crate::refresh::{self, Collecting, View};
use crate::snapshot::{Report, Snapshot, Standing};
use crate::sources::{self, Unread};

/// Longer than the slowest source of the largest tenant takes at Microsoft's pace.
const PATIENCE: Duration = Duration::from_secs(3600);

pub(super) fn run(flags: &flags::Check, context: Context) -> Result<ExitCode, Failure> {
    let snapshot = collect(config::load(&flags.config_file)?, context)?;
    match flags.output {
        Output::Table => snapshot.tenants.iter().for_each(|report| print(&table(report))),
        Output::Json => print(&as_json(&snapshot)),
    }
    Ok(ExitCode::from(exit_code(&snapshot)))
}

/// Reads everything once, showing how it goes on to whoever sits at a terminal.
pub(super) fn collect(
    mut settings: refresh::Settings,
    context: Context,
) -> Result<Arc<Snapshot>, Failure> {
    // State and grants belong to the exporter that serves, and stay untouched.
    settings.state_directory = None;
    settings.keeps_grants = false;
    serve::runtime()?.block_on(async {
        let collecting =
            Collecting::start(settings, context.clock.clone(), context.telemetry.clone())?;
        let mut view = collecting.view();
        let snapshot = tokio::select! {
            snapshot = wait(&mut view, std::io::stderr().is_terminal()) => snapshot,
            () = collecting.ended() => None,
            () = context.clock.sleep(PATIENCE) => None,
        };
        collecting.stop().await?;
        Ok(snapshot.ok_or("collecting did not come to an end within an hour")?)
    })
}

/// Waits until every source was tried once, and shows how it goes on.
pub(super) async fn wait(view: &mut View, progress: bool) -> Option<Arc<Snapshot>> {
    let mut shown = Vec::new();
    view.wait_for(|snapshot| {
        for report in snapshot.tenants.iter().filter(|_| progress) {
            for standing in report.standings.iter().filter(|standing| standing.tried) {
                let line = (report.tenant.clone(), standing.source);
                if !shown.contains(&line) {
                    let outcome = match (standing.failure, standing.rows) {
                        (Some(reason), _) => format!("cannot be read: {reason}"),
                        (None, Some(rows)) => format!("{rows} rows"),
                        (None, None) => "read".to_owned(),
                    };
                    complain(&format!("{}: {} {outcome}", report.tenant, standing.source));
                    shown.push(line);
                }
            }
        }
        snapshot.is_ready()
    })
    .await
}

/// 0 all met, 1 something unmet, 2 nothing unmet but something unknown.
fn exit_code(snapshot: &Snapshot) -> u8 {
    let any = |state| {
        let mut verdicts = snapshot.tenants.iter().flat_map(|report| &report.verdicts);
        verdicts.any(|(_, verdict)| verdict.state() == state)
    };
    match (any(State::Noncompliant), any(State::Unknown)) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 0,
    }
}

/// The verdicts of one tenant, what could not be read, and the first findings of each.
pub(super) fn table(report: &Report) -> String {
    const FINDINGS_SHOWN: usize = 5;
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["requirement", "tier", "state", "findings"]);
    for (check, verdict) in &report.verdicts {
        let (state, findings) = match verdict.why_unknown() {
            Some(why) => (format!("unknown: {}", why.as_str()), "-".to_owned()),
            None => (verdict.state().as_str().to_owned(), found(verdict)),
        };
        table.add_row([check.id, check.tier.as_str(), &state, &findings]);
    }
    let mut text = format!("{}\n{}\n", heading(report), table.trim_fmt());
    for about in sources::all() {
        let failing = |it: &&Standing| it.source == about.id;
        let standing = report.standings.iter().find(failing);
        if let Some(reason) = standing.and_then(|standing| standing.failure) {
            text += &format!("\nsource {} cannot be read: {reason}", about.id);
            match reason {
                "permission" => text += &format!("; it needs {}", about.permission),
                "license" => {
                    text += &format!("; it needs {}", about.license.unwrap_or("a licence"))
                }
                _ => {}
            }
        }
    }
    for about in ["enforcement", "registration"] {
        let these: Vec<_> = report.unjudged.iter().filter(|it| it.about == about).collect();
        if let Some(first) = these.first() {
            let (count, why) = (these.len(), first.why.meaning());
            text += &format!(
                "\n{count} accounts or more not judged about {about}, such as {}: {why}",
                plain(&first.name)
            );
        }
    }
    for (check, verdict) in &report.verdicts {
        match verdict.why_unknown() {
            Some(Unread::NotConfigured) => {
                text += &format!("\n\n{}: unknown\n  {}", check.id, check.remedy);
            }
            // What somebody may vouch for, or look up elsewhere.
            Some(Unread::NotObservable) => {
                let meaning = Unread::NotObservable.meaning();
                let remedy = check.remedy;
                text += &format!("\n\n{}: unknown\n  {meaning}\n  {remedy}", check.id);
            }
            Some(why) => text += &format!("\n\n{}: unknown\n  {}", check.id, why.meaning()),
            None if let Some(fact) = verdict.fact() => {
                text += &format!("\n\n{}: not applicable\n  {fact}", check.id);
            }
            None if verdict.found() == 0 => {}
            None => {
                text += &format!("\n\n{}: {}", check.id, found(verdict));
                for finding in verdict.findings().iter().take(FINDINGS_SHOWN) {
                    let who = match &finding.subject {
                        Subject::Tenant => report.tenant.clone(),
                        Subject::Account { name, id } | Subject::Object { name, id } => {
                            if name.is_empty() { id.to_string() } else { plain(name) }
                        }
                    };
                    let waived = if finding.waived { " (waived)" } else { "" };
                    text += &format!("\n  {who} {}{waived}", plain(&finding.what));
                }
                if verdict.found() > FINDINGS_SHOWN {
                    text += &format!("\n  and {} more", verdict.found() - FINDINGS_SHOWN);
                }
                text += &format!("\n  what to do: {}\n  {}", check.remedy, check.portal);
            }
        }
    }
    text.push('\n');
    text
}

/// How many findings there are, how many of them are put up with, and why there may be more.
fn found(verdict: &Verdict) -> String {
    let mut text = verdict.found().to_string();
    if verdict.waived() > 0 {
        text += &format!(" ({} waived)", verdict.waived());
    }
    if let Some(why) = verdict.doubt() {
        text += &format!(", others not judged: {}", why.as_str());
    }
    text
}

/// What somebody named at Microsoft, without what could steer a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn heading(report: &Report) -> String {
    match &report.organization {
        Some((name, kind)) if kind.is_partner() => {
            format!("{}: {name}, a partner tenant ({})", report.tenant, kind.as_str())
        }
        Some((name, _)) => format!(
            "{}: {name} is NOT a partner tenant; Microsoft's partner requirements do not apply to \
             it. Check tenant_id in the configuration",
            report.tenant
        ),
        None => format!("{}: the organization could not be read", report.tenant),
    }
}

fn as_json(snapshot: &Snapshot) -> String {
    let tenants: Vec<_> = snapshot.tenants.iter().map(|report| tenant_json(report)).collect();
    serde_json::to_string_pretty(&json!({"tenants": tenants})).expect("a value is JSON")
}

fn tenant_json(report: &Report) -> Value {
    let requirements: Vec<_> = report
        .verdicts
        .iter()
        .map(|(check, verdict)| {
            let findings: Vec<_> = verdict
                .findings()
                .iter()
                .map(|finding| {
                    let (id, name) = match &finding.subject {
                        Subject::Tenant => (None, None),
                        Subject::Account { id, name } | Subject::Object { id, name } => {
                            (Some(id.to_string()), Some(name))
                        }
                    };
                    let since = finding.since.map(|since| since.to_string());
                    json!({
                        "id": id,
                        "name": name,
                        "what": finding.what,
                        "since": since,
                        "waived": finding.waived,
                    })
                })
                .collect();
            json!({
                "requirement": check.id,
                "title": check.title,
                "tier": check.tier.as_str(),
                "state": verdict.state().as_str(),
                "reason": verdict.why_unknown().map(|why| why.as_str()),
                "fact": verdict.fact(),
                "found": verdict.found(),
                "waived": verdict.waived(),
                "doubt": verdict.doubt().map(|why| why.as_str()),
                "findings": findings,
                "remedy": check.remedy,
                "portal": check.portal,
                "docs": check.docs,
            })
        })
        .collect();
    let sources: Vec<_> = report
        .standings
        .iter()
        .map(|standing| {
            json!({
                "source": standing.source,
                "success": standing.success,
                "failure": standing.failure,
                "last_success": standing.last_success.map(|at| at.to_string()),
                "rows": standing.rows,
            })
        })
        .collect();
    let organization = report.organization.as_ref();
    let not_judged: Vec<_> = report
        .unjudged
        .iter()
        .map(|it| {
            let reason = it.why.as_str();
            json!({"id": it.id.to_string(), "name": it.name, "about": it.about, "reason": reason})
        })
        .collect();
    json!({
        "tenant": report.tenant,
        "display_name": organization.map(|(name, _)| name),
        "partner_type": organization.map(|(_, kind)| kind.as_str()),
        "requirements": requirements,
        "not_judged": not_judged,
        "sources": sources,
    })
}
