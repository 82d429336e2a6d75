//! Where a report lies that Graph does not send itself, and what its keeper may answer.
//!
//! Whoever has the address has the report: it is a secret, and is told to nobody but its keeper.

use std::fmt;

use http::StatusCode;
use http::header::LOCATION;
use jiff::Timestamp;
use url::Url;

use super::error::{self, FetchError, Trail};
use crate::transport::{self, Request, Response};

/// Where a report lies.
pub(super) struct Download(Url);

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Download {
    /// Where the answer to a request for `asked` says that the report lies; `None` when it is the
    /// report.
    ///
    /// Microsoft does not document who keeps its reports, and changes it, so any host will do: it
    /// is sent nothing of ours. Plain HTTP leads to this machine only, and only from it.
    pub(super) fn of(answer: &Response, asked: &Url) -> Result<Option<Self>, FetchError> {
        if answer.status != StatusCode::FOUND {
            return Ok(None);
        }
        let location = answer.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let url = location.and_then(|location| asked.join(location).ok());
        let is_here = |url: &Url| url.scheme() == "http" && transport::is_loopback(url);
        match url {
            Some(url) if url.scheme() == "https" || (is_here(&url) && is_here(asked)) => {
                Ok(Some(Self(url)))
            }
            Some(_) => Err(astray(answer, "a report that is to be had without TLS")),
            None => Err(astray(answer, "a report of which it is not said where it lies")),
        }
    }

    /// The question for it, which says nothing of who asks, for whom, or why.
    pub(super) fn request(self) -> Request {
        Request::get(self.0)
    }
}

/// What an answer refuses that may say where a report lies.
pub(super) fn refusal_to_say(answer: &Response, now: Timestamp) -> Option<FetchError> {
    error::refusal(answer, now).filter(|_| answer.status != StatusCode::FOUND)
}

/// What the keeper of a report refuses. It knows the address and not us, so no refusal of its is
/// about our token, our permissions or our licences: the address is no longer good, and the next
/// one may be. Its words are not told, since they may hold the address.
pub(super) fn refusal_to_give(answer: &Response, now: Timestamp) -> Option<FetchError> {
    let refusal = error::refusal(answer, now)?;
    let retry_after = refusal.retry_after();
    let trail = Trail { status: answer.status.as_u16(), ..Trail::default() };
    Some(match refusal {
        FetchError::Throttled { .. } => FetchError::Throttled { retry_after, trail },
        _ if answer.status.is_redirection() => {
            let what = "a report that lies elsewhere again".to_owned();
            FetchError::Malformed { what, trail }
        }
        _ => FetchError::Server { retry_after, trail },
    })
}

fn astray(answer: &Response, what: &str) -> FetchError {
    FetchError::Malformed { what: what.to_owned(), trail: Trail::of(answer) }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, location: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert("request-id", "planted".parse().unwrap());
        if let Some(location) = location {
            headers.insert(LOCATION, location.parse().unwrap());
        }
        Response { status: StatusCode::from_u16(status).unwrap(), headers, body: Vec::new() }
    }

    fn led(asked: &str, location: &str) -> Result<String, &'static str> {
        let asked = Url::parse(asked).unwrap();
        let download = Download::of(&answer(302, Some(location)), &asked);
        download.map(|it| it.unwrap().request().url.to_string()).map_err(|error| error.reason())
    }

    const GRAPH: &str = "https://graph.microsoft.com/v1.0/reports/r";
    const SIMULATED: &str = "http://127.0.0.1:4010/graph/v1.0/reports/r";

    #[test]
    fn a_report_may_lie_with_anybody_who_speaks_tls() {
        let elsewhere = "https://reports.example/data/token?sig=s";
        assert_eq!(led(GRAPH, elsewhere).unwrap(), elsewhere);
        assert_eq!(led(SIMULATED, elsewhere).unwrap(), elsewhere);
        assert_eq!(led(GRAPH, "/data/token").unwrap(), "https://graph.microsoft.com/data/token");
    }

    #[test]
    fn without_tls_it_lies_on_this_machine_or_nowhere() {
        let here = "http://localhost:4010/download/token";
        assert_eq!(led(SIMULATED, here).unwrap(), here);
        assert_eq!(led(GRAPH, here), Err("malformed"), "Microsoft keeps nothing here");
        for place in ["http://reports.example/", "http://169.254.169.254/", "file:///etc/passwd"] {
            assert_eq!(led(SIMULATED, place), Err("malformed"), "{place}");
        }
    }

    #[test]
    fn an_answer_that_leads_nowhere_is_the_report_or_nothing() {
        let asked = Url::parse(GRAPH).unwrap();
        assert!(Download::of(&answer(200, None), &asked).unwrap().is_none());
        assert_eq!(Download::of(&answer(302, None), &asked).unwrap_err().reason(), "malformed");
        let refused = |status| refusal_to_say(&answer(status, None), Timestamp::UNIX_EPOCH);
        assert_eq!((refused(200), refused(302)), (None, None));
        for (status, reason) in [(301, "refused"), (307, "refused"), (403, "permission")] {
            assert_eq!(refused(status).unwrap().reason(), reason, "{status}");
        }
    }

    #[test]
    fn the_keeper_of_a_report_says_nothing_about_us() {
        let now = Timestamp::UNIX_EPOCH;
        for (status, reason, is_passing) in [
            (302, "malformed", false),
            (400, "server_error", true),
            (401, "server_error", true),
            (403, "server_error", true),
            (404, "server_error", true),
            (429, "throttled", true),
            (503, "server_error", true),
        ] {
            let error = refusal_to_give(&answer(status, Some("https://h/planted")), now).unwrap();
            assert_eq!((error.reason(), error.is_passing()), (reason, is_passing), "{status}");
            assert!(!error.to_string().contains("planted"), "{error}");
        }
        assert_eq!(refusal_to_give(&answer(200, None), now), None);
    }

    #[test]
    fn where_it_lies_is_told_to_nobody() {
        let asked = Url::parse(GRAPH).unwrap();
        let download = Download::of(&answer(302, Some("https://h/planted?planted")), &asked);
        assert!(!format!("{download:?}").contains("planted"));
        let request = download.unwrap().unwrap().request();
        assert!(request.headers.is_empty() && request.body.is_empty() && !request.direct);
        assert!(!format!("{request:?}").contains("planted"));
    }
}
