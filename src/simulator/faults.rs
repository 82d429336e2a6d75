//! What can go wrong on demand.

use std::fmt;
use std::str::FromStr;

/// A fault: `KIND[=ARG][@PATH]`. With a path, only requests whose path contains it are hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    kind: &'static str,
    argument: Option<String>,
    path: Option<String>,
}

/// A kind, whether it takes an argument, and what it does.
const KINDS: [(&str, Argument, &str); 19] = [
    (
        "throttle",
        Argument::Optional,
        "429; =SECONDS (whole or decimal), =date or =none for Retry-After",
    ),
    ("forbidden", Argument::Required, "403 on paths that contain the argument"),
    ("unlicensed", Argument::None, "no Entra ID P1 or P2"),
    ("slow", Argument::Required, "every answer takes that many milliseconds"),
    ("truncate", Argument::None, "answers break off half way"),
    ("malformed", Argument::None, "answers are no JSON"),
    (
        "malformed-rows",
        Argument::Required,
        "that many rows of each page have fields of the wrong type",
    ),
    ("html", Argument::None, "a proxy's HTML page with status 200"),
    ("foreign-nextlink", Argument::None, "the next page is on another host"),
    ("endless-paging", Argument::None, "there is always a next page"),
    ("server-error", Argument::Required, "500, 502 or 503 at that rate, from 0 to 1"),
    ("reset", Argument::None, "the connection is cut after the head of the answer"),
    ("expired-token", Argument::None, "the first token used is refused, as if its time were up"),
    ("null-everything", Argument::None, "fields that may be null are"),
    ("expired-secret", Argument::None, "no token: the secret has expired"),
    ("wrong-secret", Argument::None, "no token: the secret is wrong"),
    ("consent", Argument::None, "no token: consent is missing"),
    ("app-disabled", Argument::None, "no token: the application is disabled"),
    ("conditional-access", Argument::None, "no token: a policy blocks it"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Argument {
    None,
    Optional,
    Required,
}

impl Fault {
    /// Whether it is of this kind and holds for `path`.
    pub(super) fn is(&self, kind: &str, path: &str) -> bool {
        self.kind == kind && self.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
    }

    /// The argument, or nothing.
    pub(super) fn argument(&self) -> &str {
        self.argument.as_deref().unwrap_or_default()
    }

    /// The argument as a number.
    pub(super) fn number(&self) -> f64 {
        self.argument().parse().unwrap_or_default()
    }

    /// All kinds with what they do, for `--fault help`.
    pub fn help() -> String {
        let line = |(kind, argument, what): &(&str, Argument, &str)| {
            let argument = match argument {
                Argument::None => "",
                Argument::Optional => "[=ARG]",
                Argument::Required => "=ARG",
            };
            format!("  {:<22} {what}\n", format!("{kind}{argument}"))
        };
        let lines: String = KINDS.iter().map(line).collect();
        format!("faults, each KIND[=ARG][@PATH] (@PATH: only on paths that contain it):\n{lines}")
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, path) = match text.split_once('@') {
            Some((rest, path)) => (rest, Some(path.to_owned())),
            None => (text, None),
        };
        let (kind, argument) = match rest.split_once('=') {
            Some((kind, argument)) => (kind, Some(argument.to_owned())),
            None => (rest, None),
        };
        let known = KINDS.iter().find(|(name, ..)| *name == kind);
        let Some((kind, wants, _)) = known else {
            return Err(format!("no fault is called `{kind}`\n{}", Fault::help()));
        };
        let numeric = ["slow", "malformed-rows", "server-error"].contains(kind);
        match (wants, &argument) {
            (Argument::Required, None) => Err(format!("`{kind}` wants an argument: {kind}=ARG")),
            (Argument::None, Some(_)) => Err(format!("`{kind}` takes no argument")),
            (_, Some(text)) if numeric && !text.parse::<f64>().is_ok_and(|it| it >= 0.0) => {
                Err(format!("`{kind}` wants a number, not `{text}`"))
            }
            _ => Ok(Self { kind, argument, path }),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        self.argument.iter().try_for_each(|argument| write!(f, "={argument}"))?;
        self.path.iter().try_for_each(|path| write!(f, "@{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_print_as_they_are_read() {
        for text in [
            "throttle",
            "throttle=2.128",
            "forbidden=/users",
            "slow=200",
            "malformed@/users",
            "server-error=0.5@/reports",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for text in ["", "trottle", "slow", "slow=fast", "html=1", "server-error=-1"] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_fault_with_a_path_hits_that_path_only() {
        let fault: Fault = "html@/users".parse().unwrap();
        assert!(fault.is("html", "/graph/v1.0/users") && !fault.is("html", "/graph/v1.0/groups"));
        assert!(!fault.is("reset", "/graph/v1.0/users"));
    }
}
