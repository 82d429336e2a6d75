//! Usage reports of Microsoft 365, which Graph does not send itself: it says where they lie.

use hyper::StatusCode;

use super::refusal::Refusal;
use super::{Answer, Asked, Context, Kind, State};
use crate::simulator::{downloads, outlook};

const NAME: &str = "getEmailAppUsageVersionsUserCounts";

/// The days that a report is asked for, if the segment asks for one.
pub(super) fn days(segment: &str) -> Option<Result<&'static str, Refusal>> {
    let argument = segment.strip_prefix(NAME)?;
    let mut known = ["7", "30", "90", "180"].into_iter();
    let days = known.find(|days| argument == format!("(period='D{days}')"));
    let text = "Invalid period value specified. Supported: D7,D30,D90,D180";
    Some(days.ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "InvalidArgument", text)))
}

/// The report. People use the same Outlook at all times, so it is the same over any days.
pub(super) fn outlook_versions(context: &Context<'_>, days: &str) -> Result<Answer, Refusal> {
    context.options.allow(&[])?;
    let (people, now) = (context.state.world.people(), context.state.now());
    let report = outlook::report(people, days, now, context.faults);
    Ok(Answer::bytes(StatusCode::OK, "application/octet-stream", report))
}

/// Where it lies.
pub(super) fn lead(state: &mut State, asked: &Asked, report: Answer, faults: &[Kind]) -> Answer {
    let answer = downloads::lead(state, asked, NAME, report.body);
    if faults.contains(&Kind::ForeignRedirect) {
        return answer.with("location", "http://reports.elsewhere.example/report");
    }
    answer
}
