//! Where reports lie until they are fetched, each once: whoever knows the address is given it, and
//! whoever shows a token has said too much.

use std::collections::VecDeque;

use hyper::{Method, StatusCode};

use super::faults::Kind;
use super::http::{Answer, Asked};
use super::state::State;

/// How many wait to be fetched; the oldest gives way.
const KEPT: usize = 100;

/// Reports by the path they are fetched at.
#[derive(Default)]
pub(super) struct Downloads(VecDeque<(String, Vec<u8>)>);

impl Downloads {
    fn keep(&mut self, path: String, report: Vec<u8>) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((path, report));
    }

    fn take(&mut self, path: &str) -> Option<Vec<u8>> {
        let place = self.0.iter().position(|(kept, _)| kept == path)?;
        Some(self.0.remove(place)?.1)
    }
}

/// Keeps a report and leads to it.
pub(super) fn lead(state: &mut State, asked: &Asked, name: &str, report: Vec<u8>) -> Answer {
    let path = format!("/download/{name}/{}", state.fresh_secret());
    let location = format!("{}{path}", asked.origin);
    state.downloads.keep(path, report);
    Answer::text(StatusCode::FOUND, "").with("location", &location)
}

pub(super) fn answer(state: &mut State, asked: &Asked, faults: &[Kind]) -> Answer {
    let refuse = |status, text| Answer::text(status, text);
    for fault in faults {
        match fault {
            Kind::Throttle(retry) => {
                let answer = refuse(StatusCode::TOO_MANY_REQUESTS, "come again later\n");
                let retry = retry.header(state.now());
                return retry.iter().fold(answer, |answer, it| answer.with("retry-after", it));
            }
            Kind::ServerError(rate) if state.rng.f64() < *rate => {
                return refuse(StatusCode::SERVICE_UNAVAILABLE, "not now\n");
            }
            Kind::Forbidden(part) if asked.path.contains(part.as_str()) => {
                return refuse(StatusCode::FORBIDDEN, "the address is no longer good\n");
            }
            _ => {}
        }
    }
    if asked.method != Method::GET || asked.headers.contains_key("authorization") {
        return refuse(StatusCode::BAD_REQUEST, "ask with GET and without a token\n");
    }
    match state.downloads.take(&asked.path) {
        Some(report) if faults.contains(&Kind::SecondRedirect) => {
            lead(state, asked, "again", report)
        }
        Some(report) => Answer::bytes(StatusCode::OK, "application/octet-stream", report),
        None => refuse(StatusCode::NOT_FOUND, "there is nothing here, or nothing more\n"),
    }
}
