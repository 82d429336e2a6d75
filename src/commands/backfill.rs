//! What the gauges of the sign-in log were, hour by hour, for Prometheus to take in.
//!
//! Nothing is written before all of it was read, and a file only as a whole.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;

use super::{Context, Failure, asked_to_end, complain, keep_only, serve};
use crate::config::{self, flags};
use crate::durable;
use crate::metrics::History;
use crate::refresh::{self, TenantSettings};
use crate::sources::sign_ins::{Figures, Past, Progress};
use crate::transport::Transport;
use crate::wire;

pub(super) fn run(flags: &flags::Backfill, context: Context) -> Result<ExitCode, Failure> {
    let refresh::Settings { mut tenants, transport, .. } = config::load(&flags.config_file)?;
    keep_only(&mut tenants, flags.tenant.as_deref())?;
    let transport = Transport::new(&transport)?;
    if let Some(path) = &flags.output {
        // Better now than after hours of reading.
        durable::try_out(path).map_err(|error| unwritten(flags, &error))?;
    }
    let read = serve::runtime()?.block_on(async {
        tokio::select! {
            read = read(&tenants, flags.since, &transport, &context) => read,
            asked = asked_to_end() => {
                asked?;
                Err("asked to end before all was read: nothing was written".into())
            }
        }
    })?;
    let mut history = History::default();
    read.iter().for_each(|(tenant, past)| past.observe(tenant, &mut history));
    if read.iter().all(|(_, past)| past.figures().is_empty()) {
        let told = read.iter().map(|(tenant, past)| told(tenant, past)).collect::<Vec<_>>();
        return Err(format!("nothing was written. {}", told.join("\n")).into());
    }
    match &flags.output {
        Some(path) => durable::replace(path, |file| {
            let mut out = BufWriter::new(file);
            history.write(&mut out)?;
            out.flush()
        }),
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            history.write(&mut out).and_then(|()| out.flush())
        }
    }
    .map_err(|error| unwritten(flags, &error))?;
    read.iter().for_each(|(tenant, past)| complain(&told(tenant, past)));
    Ok(ExitCode::SUCCESS)
}

/// Reads the log of each tenant in turn; one that cannot be read spoils all.
async fn read(
    tenants: &[TenantSettings],
    since: Duration,
    transport: &Transport,
    context: &Context,
) -> Result<Vec<(String, Past)>, Failure> {
    let mut read = Vec::new();
    for tenant in tenants {
        let (name, schedule) = (&tenant.name, tenant.sign_ins());
        if !schedule.enabled {
            complain(&format!("{name}: left out, since its source sign_ins is not enabled"));
            continue;
        }
        let window = schedule.window.unwrap_or_default();
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let now = context.clock.now().as_second();
        let mut past = Past::new(now, seconds(since), seconds(window)).ok_or_else(|| {
            format!(
                "{name}: its figures reach back {} hours, and no such window fits between the last \
                 {} hours and the two that are not settled; make --since longer, or the window of \
                 sign_ins shorter",
                window.as_secs() / 3600,
                since.as_secs() / 3600,
            )
        })?;
        let client = tenant.client(transport.clone(), &context.clock, &context.telemetry);
        let own = wire::guid(&tenant.oauth.tenant_id);
        let line = Line::new(name, context);
        let outcome = past.read(&client, &context.clock, own, schedule.applications, |progress| {
            line.show(progress);
        });
        let outcome = outcome.await;
        line.end();
        outcome.map_err(|failure| {
            format!(
                "{name}: the sign-in log cannot be read, and nothing was written: {failure}; {}",
                failure.remedy()
            )
        })?;
        read.push((name.clone(), past));
    }
    if read.is_empty() {
        return Err("no tenant's sign-in log is to be read: nothing was written".into());
    }
    Ok(read)
}

fn unwritten(flags: &flags::Backfill, error: &io::Error) -> Failure {
    match &flags.output {
        Some(path) => format!("{} cannot be written and is as it was: {error}", path.display()),
        None => format!("standard output cannot be written to, and is not complete: {error}"),
    }
    .into()
}

/// What was written of a tenant, and what could not be.
fn told(tenant: &str, past: &Past) -> String {
    let (figures, from) = (past.figures(), moment(past.from()));
    let mut text = match (figures, past.oldest()) {
        ([(first, _), .., (last, _)] | [(first @ last, _)], _) => format!(
            "{tenant}: {} hours, from {} to {}; the log was read from {from}, in {} pages",
            figures.len(),
            moment(*first),
            moment(*last),
            past.pages()
        ),
        ([], None) => format!("{tenant}: no hour, since the log shows no sign-in since {from}"),
        ([], Some(oldest)) => format!(
            "{tenant}: no hour, since the log begins with a sign-in at {} and the figures reach back \
             further",
            moment(oldest)
        ),
    };
    let lacking = |is_lacking: fn(&Figures) -> bool| {
        figures.iter().filter(|(_, figures)| is_lacking(figures)).count()
    };
    for (hours, what) in [
        (lacking(|it| !it.is_rich), "what only Microsoft's beta tells, which was refused"),
        (
            lacking(|it| it.people.is_none()),
            "numbers of people, of whom there are more than 100000",
        ),
    ] {
        if hours > 0 {
            text += &format!("; {hours} of them without {what}");
        }
    }
    if past.rejected() > 0 {
        text += &format!("; {} sign-ins could not be read and were left out", past.rejected());
    }
    text
}

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// How far it is, for whoever sits at a terminal: one line, written over and over.
struct Line<'a> {
    tenant: &'a str,
    context: &'a Context,
    started: Duration,
    is_shown: bool,
}

impl<'a> Line<'a> {
    fn new(tenant: &'a str, context: &'a Context) -> Self {
        let is_shown = io::stderr().is_terminal();
        Self { tenant, context, started: context.clock.uptime(), is_shown }
    }

    fn show(&self, progress: Progress) {
        if self.is_shown {
            let spent = self.context.clock.uptime().saturating_sub(self.started);
            // To the beginning of the line, and what stands there away.
            let _ = write!(io::stderr(), "\r\x1b[K{}", going(self.tenant, progress, spent));
        }
    }

    fn end(&self) {
        if self.is_shown {
            let _ = writeln!(io::stderr());
        }
    }
}

fn going(tenant: &str, Progress { reach, part, pages }: Progress, spent: Duration) -> String {
    let day = moment(reach).strftime("%Y-%m-%d");
    let mut text = format!("{tenant}: {day}, {pages} pages");
    if part > 0.0 {
        let left = spent.as_secs_f64() * (1.0 - part) / part;
        text += &match left {
            ..90.0 => format!(", about {left:.0} s yet"),
            ..5400.0 => format!(", about {:.0} min yet", left / 60.0),
            _ => format!(", about {:.1} h yet", left / 3600.0),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_which_day_it_reads_and_about_how_long_yet() {
        let at = |part, spent| {
            let progress = Progress { reach: 1_795_521_600, part, pages: 7 };
            going("contoso", progress, Duration::from_secs(spent))
        };
        assert_eq!(at(0.0, 9), "contoso: 2026-11-24, 7 pages");
        assert_eq!(at(0.5, 60), "contoso: 2026-11-24, 7 pages, about 60 s yet");
        assert_eq!(at(0.1, 60), "contoso: 2026-11-24, 7 pages, about 9 min yet");
        assert_eq!(at(0.1, 3600), "contoso: 2026-11-24, 7 pages, about 9.0 h yet");
    }
}
