//! The filters that the log of sign-ins understands: those that are documented, and no others.

use jiff::Timestamp;
use serde_json::Value;

use super::Refusal;
use crate::simulator::sign_in_log::{SECOND, Version, ticks};

/// May be compared with `eq`, and with `startsWith`.
const PREFIXES: [&str; 12] = [
    "appDisplayName",
    "authenticationRequirement",
    "deviceDetail/browser",
    "deviceDetail/operatingSystem",
    "ipAddress",
    "location/city",
    "location/countryOrRegion",
    "location/state",
    "servicePrincipalId",
    "servicePrincipalName",
    "userAgent",
    "userDisplayName",
];
/// May be compared with `startsWith` too, and is lower case, whoever asks.
const PRINCIPAL_NAME: &str = "userPrincipalName";
/// May be compared with `eq`.
const TEXTS: [&str; 17] = [
    "appId",
    "appOwnerTenantId",
    "clientAppUsed",
    "conditionalAccessAudiences",
    "conditionalAccessStatus",
    "correlationId",
    "id",
    "originalRequestId",
    "resourceDisplayName",
    "resourceId",
    "resourceOwnerTenantId",
    "riskDetail",
    "riskLevelAggregated",
    "riskLevelDuringSignIn",
    "riskState",
    "tokenIssuerName",
    "userId",
];
const ERROR: &str = "status/errorCode";
const EVENTS: &str = "signInEventTypes";
/// Only the beta has these.
const BETA: [&str; 9] = [
    "appOwnerTenantId",
    "authenticationRequirement",
    "conditionalAccessAudiences",
    "originalRequestId",
    "resourceOwnerTenantId",
    "servicePrincipalId",
    "servicePrincipalName",
    "signInEventTypes",
    "tokenIssuerName",
];
/// Parentheses within parentheses, at most.
const DEPTH: usize = 20;

/// What is asked for: a part of the log, and of that part what meets all clauses.
#[derive(Debug)]
pub(super) struct Filter {
    /// From this moment on, in ten-millionths of a second.
    pub(super) from: i64,
    /// Before this one.
    pub(super) end: i64,
    /// Interactive ones, and non-interactive ones.
    events: [bool; 2],
    /// What can be seen in the row only.
    clauses: Vec<Clause>,
}

#[derive(Debug, PartialEq)]
enum Clause {
    All(Vec<Clause>),
    Any(Vec<Clause>),
    /// From one moment on and before the other.
    Created(i64, i64),
    /// Any of the row's types is this one, or another than this one.
    Event {
        word: String,
        other: bool,
    },
    Text {
        field: String,
        text: String,
        whole: bool,
    },
    Error(i64),
}

impl Filter {
    pub(super) fn read(text: Option<&str>, version: Version) -> Result<Self, Refusal> {
        let mut filter =
            Self { from: i64::MIN, end: i64::MAX, events: [true, false], clauses: Vec::new() };
        let Some(text) = text else { return Ok(filter) };
        let unsupported = || Refusal::bad("Invalid or unsupported filter clause.");
        let tokens = tokens(text).ok_or_else(unsupported)?;
        let mut parser = Parser { tokens: &tokens, version, depth: 0, events: false };
        let clause = parser.any().filter(|_| parser.tokens.is_empty()).ok_or_else(unsupported)?;
        if parser.events {
            filter.events = [true, true];
        }
        filter.narrow(clause);
        Ok(filter)
    }

    /// Takes a clause that all rows must meet.
    fn narrow(&mut self, clause: Clause) {
        match clause {
            Clause::All(clauses) => clauses.into_iter().for_each(|clause| self.narrow(clause)),
            Clause::Created(from, end) => {
                self.from = self.from.max(from);
                self.end = self.end.min(end);
            }
            Clause::Event { word, other } => {
                let words = ["interactiveUser", "nonInteractiveUser"];
                for (side, known) in self.events.iter_mut().zip(words) {
                    *side &= (known == word) != other;
                }
            }
            clause => self.clauses.push(clause),
        }
    }

    pub(super) fn admits(&self, interactive: bool) -> bool {
        self.events[usize::from(!interactive)]
    }

    /// Whether more is asked than can be told without the row.
    pub(super) fn looks_inside(&self) -> bool {
        !self.clauses.is_empty()
    }

    pub(super) fn matches(&self, row: &Value) -> bool {
        self.clauses.iter().all(|clause| clause.matches(row))
    }
}

impl Clause {
    fn matches(&self, row: &Value) -> bool {
        match self {
            Self::All(clauses) => clauses.iter().all(|clause| clause.matches(row)),
            Self::Any(clauses) => clauses.iter().any(|clause| clause.matches(row)),
            Self::Created(from, end) => {
                let created = row["createdDateTime"].as_str();
                let created = created.and_then(|text| text.parse::<Timestamp>().ok()).map(ticks);
                created.is_some_and(|created| (*from..*end).contains(&created))
            }
            Self::Event { word, other } => {
                let mut events = row[EVENTS].as_array().into_iter().flatten();
                events.any(|event| (event == word) != *other)
            }
            Self::Text { field, text, whole } => {
                let value = field.split('/').fold(row, |value, name| &value[name]);
                value.as_str().is_some_and(|value| {
                    if field == PRINCIPAL_NAME {
                        return if *whole { value == text } else { value.starts_with(text) };
                    }
                    let head = value.get(..text.len());
                    (!whole || value.len() == text.len())
                        && head.is_some_and(|head| head.eq_ignore_ascii_case(text))
                })
            }
            Self::Error(code) => row["status"]["errorCode"] == *code,
        }
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (value, after) = super::super::filter::quoted(rest)?;
            tokens.push(Token::Text(value));
            rest = after;
        } else if "(),".contains(first) {
            tokens.push(Token::Sign(first));
            rest = &rest[1..];
        } else {
            let end = rest.find(|letter: char| letter == ' ' || "(),'".contains(letter));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            tokens.push(Token::Word(word.to_owned()));
            rest = after;
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    version: Version,
    depth: usize,
    /// Whether the types of sign-ins are asked about; else they are interactive ones.
    events: bool,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn word(&mut self) -> Option<&'a str> {
        match self.next()? {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        match self.next()? {
            Token::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        (*self.next()? == Token::Sign(sign)).then_some(())
    }

    /// Whether the next word is this one, which is then gone.
    fn takes(&mut self, word: &str) -> bool {
        let taken = matches!(self.tokens.first(), Some(Token::Word(next)) if next == word);
        if taken {
            self.tokens = &self.tokens[1..];
        }
        taken
    }

    fn any(&mut self) -> Option<Clause> {
        let mut clauses = vec![self.all()?];
        while self.takes("or") {
            clauses.push(self.all()?);
        }
        if clauses.len() == 1 { clauses.pop() } else { Some(Clause::Any(clauses)) }
    }

    fn all(&mut self) -> Option<Clause> {
        let mut clauses = vec![self.one()?];
        while self.takes("and") {
            clauses.push(self.one()?);
        }
        if clauses.len() == 1 { clauses.pop() } else { Some(Clause::All(clauses)) }
    }

    fn one(&mut self) -> Option<Clause> {
        if self.tokens.first() == Some(&Token::Sign('(')) {
            self.depth += 1;
            if self.depth > DEPTH {
                return None;
            }
            self.sign('(')?;
            let clause = self.any()?;
            self.sign(')')?;
            self.depth -= 1;
            return Some(clause);
        }
        match self.word()? {
            "startsWith" | "startswith" => {
                self.sign('(')?;
                let field = self.word()?;
                self.sign(',')?;
                let text = self.text()?;
                self.sign(')')?;
                let known = PREFIXES.contains(&field) || field == PRINCIPAL_NAME;
                self.known(field, known)?;
                Some(Clause::Text { field: field.to_owned(), text, whole: false })
            }
            "createdDateTime" => {
                let (operator, moment) = (self.word()?, self.word()?);
                let moment = moment.strip_suffix('Z').map(|_| moment)?;
                let tick = ticks(moment.parse::<Timestamp>().ok()?);
                match operator {
                    "ge" => Some(Clause::Created(tick, i64::MAX)),
                    "lt" => Some(Clause::Created(i64::MIN, tick)),
                    // To a second are moments written, and compared.
                    "le" => Some(Clause::Created(i64::MIN, tick + 1)),
                    "eq" => Some(Clause::Created(tick, tick + SECOND)),
                    _ => None,
                }
            }
            "signInEventTypes/any" => self.event(),
            ERROR => {
                let code = if self.takes("eq") { self.word()?.parse().ok()? } else { return None };
                Some(Clause::Error(code))
            }
            field => {
                let known = TEXTS.contains(&field) || PREFIXES.contains(&field);
                self.known(field, known || field == PRINCIPAL_NAME)?;
                if !self.takes("eq") {
                    return None;
                }
                let text = self.text()?;
                Some(Clause::Text { field: field.to_owned(), text, whole: true })
            }
        }
    }

    /// `(t: t eq 'WORD')`, or `ne`.
    fn event(&mut self) -> Option<Clause> {
        self.known(EVENTS, true)?;
        self.sign('(')?;
        let bound = self.word()?;
        let (name, again) = match bound.split_once(':')? {
            (name, "") => (name, self.word()?),
            (name, again) => (name, again),
        };
        let other = match self.word()? {
            "eq" => false,
            "ne" => true,
            _ => return None,
        };
        let word = self.text()?;
        self.sign(')')?;
        self.events = true;
        (name == again && !name.is_empty()).then_some(Clause::Event { word, other })
    }

    /// A field that exists in the version asked.
    fn known(&self, field: &str, known: bool) -> Option<()> {
        (known && (self.version == Version::Beta || !BETA.contains(&field))).then_some(())
    }
}
