//! Where a person signs in: in a browser on the same machine, or on any other with a code.

use std::fmt::Write as _;

use hyper::{Method, StatusCode};
use serde_json::json;
use url::Url;
use url::form_urlencoded::Serializer;

use super::account::Account;
use super::grants::{DEVICE_INTERVAL_SECONDS, DEVICE_SECONDS, Grant};
use super::http::{Answer, Asked};
use super::scope::Wanted;
use super::state::State;
use super::tokens::{Client, Form, Refusal, check_tenant};

pub(super) const DEVICE_PAGE: &str = "/devicelogin";

/// What an application asked a browser to come with.
struct Invitation {
    client: String,
    /// As it was written, which is how it has to be written again.
    redirect: String,
    state: Option<String>,
    challenge: String,
    wanted: Wanted,
}

/// Why the person does not even see the question.
enum Obstacle {
    /// Said on the page, since it is not known where to send it.
    Shown(Refusal),
    /// Sent to the application.
    Sent { redirect: String, state: Option<String>, refusal: Refusal },
}

/// The page, and what becomes of it.
pub(super) fn authorize(state: &mut State, asked: &Asked, tenant: &str) -> Answer {
    let invitation = match Invitation::read(state, asked, tenant) {
        Ok(invitation) => invitation,
        Err(Obstacle::Shown(refusal)) => {
            return page(StatusCode::BAD_REQUEST, "Sign in", &alert(&refusal));
        }
        Err(Obstacle::Sent { redirect, state, refusal }) => {
            return send_back(&redirect, state.as_deref(), &refused(&refusal));
        }
    };
    if asked.method != Method::POST {
        return ask(state, asked, &invitation, "");
    }
    match Choice::read(state, asked) {
        Err(refusal) => ask(state, asked, &invitation, &alert(&refusal)),
        Ok(Choice::Cancelled) => {
            let text = "The user declined to consent to access the app.";
            let refusal = Refusal::new("access_denied", 65004, text);
            send_back(&invitation.redirect, invitation.state.as_deref(), &refused(&refusal))
        }
        Ok(Choice::Signed { account, mfa }) => {
            let Invitation { client, redirect, state: echo, challenge, wanted } = invitation;
            let (code, now) = (state.fresh_secret(), state.now());
            let grant = Grant { client, account, mfa, wanted };
            state.grants.send(code.clone(), redirect.clone(), challenge, grant, now);
            let session = state.fresh_id();
            let fields = [("code", code), ("session_state", session)];
            send_back(&redirect, echo.as_deref(), &fields)
        }
    }
}

impl Invitation {
    fn read(state: &State, asked: &Asked, tenant: &str) -> Result<Self, Obstacle> {
        let form = Form::read(asked.query.as_bytes());
        let known = || {
            check_tenant(tenant, &state.settings.identity.tenant_id)?;
            let client = Client::find(state, form.required("client_id")?)?;
            let redirect = form.required("redirect_uri")?;
            if !client.for_people || !is_loopback(redirect) {
                let text = format!(
                    "The redirect URI '{redirect}' specified in the request does not match the \
                     redirect URIs configured for the application '{}'.",
                    client.id
                );
                return Err(Refusal::new("invalid_request", 50011, text));
            }
            Ok((client.id, redirect.to_owned()))
        };
        let (client, redirect) = known().map_err(Obstacle::Shown)?;
        let echo = form.field("state").map(str::to_owned);
        let asked_for = || {
            match form.required("response_type")? {
                "code" => {}
                other => {
                    let text =
                        format!("response_type '{other}' is not enabled for the application.");
                    return Err(Refusal::new("unsupported_response_type", 700051, text));
                }
            }
            if form.field("response_mode").is_some_and(|mode| mode != "query") {
                let text = "The response_mode is not supported for this request.";
                return Err(Refusal::new("invalid_request", 70007, text));
            }
            let Some(challenge) = form.field("code_challenge") else {
                let text = "Proof Key for Code Exchange is required for authorization code \
                            redemption.";
                return Err(Refusal::new("invalid_request", 9002325, text));
            };
            let hashed = form.field("code_challenge_method") == Some("S256");
            if !hashed || challenge.len() != 43 {
                let text = "Invalid size or method of Code_Challenge parameter.";
                return Err(Refusal::new("invalid_request", 501491, text));
            }
            let wanted = Wanted::read(form.required("scope")?)?;
            if wanted.scopes.is_empty() {
                let text = "The scope names no resource.";
                return Err(Refusal::new("invalid_scope", 70011, text));
            }
            Ok((challenge.to_owned(), wanted))
        };
        match asked_for() {
            Ok((challenge, wanted)) => {
                Ok(Self { client, redirect, state: echo, challenge, wanted })
            }
            Err(refusal) => Err(Obstacle::Sent { redirect, state: echo, refusal }),
        }
    }
}

/// The one kind of redirect that is configured: this machine, at any port.
fn is_loopback(redirect: &str) -> bool {
    Url::parse(redirect).is_ok_and(|url| {
        url.scheme() == "http"
            && matches!(url.host_str(), Some("localhost" | "127.0.0.1"))
            && (url.path(), url.query(), url.fragment()) == ("/", None, None)
    })
}

/// What the person did on the page.
enum Choice {
    Signed { account: Account, mfa: bool },
    Cancelled,
}

impl Choice {
    fn read(state: &State, asked: &Asked) -> Result<Self, Refusal> {
        let form = Form::of(asked)?;
        let mfa = match form.required("choice")? {
            "cancel" => return Ok(Self::Cancelled),
            choice => choice == "approve-mfa",
        };
        let account = if form.field("admin").is_some() {
            Account::global_administrator(state)
        } else {
            Account::named(state, form.required("username")?)?
        };
        Ok(Self::Signed { account, mfa })
    }
}

/// A code for somebody to enter on another machine.
pub(super) fn device_code(
    state: &mut State,
    asked: &Asked,
    tenant: &str,
) -> Result<Answer, Refusal> {
    let form = Form::of(asked)?;
    check_tenant(tenant, &state.settings.identity.tenant_id)?;
    let client = Client::find(state, form.required("client_id")?)?;
    let wanted = Wanted::read(form.required("scope")?)?;
    if !client.for_people || wanted.scopes.is_empty() {
        let text = "The client has requested access to a resource which is not listed in the \
                    requested permissions in the client's application registration.";
        return Err(Refusal::new("invalid_client", 650057, text));
    }
    const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXYZ23456789";
    let (code, now) = (state.fresh_secret(), state.now());
    let letters = (0..9).map(|_| char::from(LETTERS[state.rng.usize(..LETTERS.len())]));
    let user_code: String = letters.collect();
    let uri = format!("{}{DEVICE_PAGE}", asked.origin);
    let message = format!(
        "To sign in, use a web browser to open the page {uri} and enter the code {user_code} to \
         authenticate."
    );
    let body = json!({
        "user_code": user_code,
        "device_code": code,
        "verification_uri": uri,
        "expires_in": DEVICE_SECONDS,
        "interval": DEVICE_INTERVAL_SECONDS,
        "message": message,
    });
    state.grants.invite(code, user_code, client.id, wanted, now);
    Ok(Answer::of(StatusCode::OK, &body).with("cache-control", "no-store, no-cache"))
}

/// The page on which such a code is entered.
pub(super) fn device_page(state: &mut State, asked: &Asked) -> Answer {
    const TITLE: &str = "Enter code";
    let field = "<p><label for=\"code\">Code</label> <input id=\"code\" name=\"code\" \
                 autocomplete=\"off\" required></p>\n";
    let form = |state: &State, said: &str| {
        let form = form(state, DEVICE_PAGE, field);
        page(StatusCode::OK, TITLE, &format!("{said}{form}"))
    };
    if asked.method != Method::POST {
        return form(state, "");
    }
    let (choice, now) = (Choice::read(state, asked), state.now());
    let entered = Form::read(&asked.body);
    let user_code = entered.field("code").unwrap_or_default();
    let choice = match choice {
        Ok(choice) => choice,
        Err(refusal) => return form(state, &alert(&refusal)),
    };
    let Some(device) = state.grants.invited(user_code, now) else {
        let text = "That code did not work. Check it and try again.";
        return form(state, &alert(&Refusal::new("bad_verification_code", 70018, text)));
    };
    let said = match choice {
        Choice::Cancelled => {
            device.settle(None);
            "You declined. You may close this window."
        }
        Choice::Signed { account, mfa } => {
            let (client, wanted) = (device.client.clone(), device.wanted.clone());
            device.settle(Some(Grant { client, account, mfa, wanted }));
            "You have signed in on the other device. You may close this window."
        }
    };
    page(StatusCode::OK, TITLE, &format!("<p id=\"done\" role=\"status\">{said}</p>\n"))
}

/// The question itself.
fn ask(state: &State, asked: &Asked, invitation: &Invitation, said: &str) -> Answer {
    let mut wanted = String::new();
    for scope in &invitation.wanted.scopes {
        // Writing to a string cannot fail.
        let _ = writeln!(wanted, "<li>{}/{}</li>", escape(scope.audience), escape(scope.name));
    }
    let client = escape(&invitation.client);
    let form = form(state, &format!("{}?{}", asked.path, asked.query), "");
    let body = format!(
        "{said}<p>The application {client} asks to act for you:</p>\n<ul id=\"scopes\">\n{wanted}\
         </ul>\n{form}"
    );
    page(StatusCode::OK, "Sign in", &body)
}

/// Who signs in, and how: with MFA, with no more than a password, or not at all.
fn form(state: &State, action: &str, more: &str) -> String {
    let agent = escape(&Account::agent(state).upn);
    let action = escape(action);
    format!(
        "<form id=\"sign-in\" method=\"post\" action=\"{action}\">\n{more}\
         <p><label for=\"username\">Account</label> <input id=\"username\" name=\"username\" \
         value=\"{agent}\" size=\"60\" autocomplete=\"off\"></p>\n\
         <p><input type=\"checkbox\" id=\"admin\" name=\"admin\"> <label for=\"admin\">Sign in as \
         a Global Administrator instead</label></p>\n\
         <p><button id=\"approve-mfa\" name=\"choice\" value=\"approve-mfa\">Sign in and approve \
         MFA</button>\n\
         <button id=\"password-only\" name=\"choice\" value=\"password-only\">Sign in with the \
         password only</button>\n\
         <button id=\"cancel\" name=\"choice\" value=\"cancel\">Cancel</button></p>\n</form>\n"
    )
}

fn page(status: StatusCode, title: &str, body: &str) -> Answer {
    let text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <title>{title} (simulated Microsoft)</title></head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p>This is a simulated Microsoft: enter nothing real here.</p>\n{body}</main>\n</body>\n\
         </html>\n"
    );
    Answer::html(status, &text).with("cache-control", "no-store, no-cache")
}

fn alert(refusal: &Refusal) -> String {
    let text = escape(&refusal.text);
    format!("<p id=\"error\" role=\"alert\">AADSTS{}: {text}</p>\n", refusal.code)
}

fn refused(refusal: &Refusal) -> [(&'static str, String); 2] {
    let description = format!("AADSTS{}: {}", refusal.code, refusal.text);
    [("error", refusal.error.to_owned()), ("error_description", description)]
}

fn send_back(redirect: &str, state: Option<&str>, fields: &[(&'static str, String)]) -> Answer {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(fields);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    let location = format!("{}/?{}", redirect.trim_end_matches('/'), query.finish());
    Answer::html(StatusCode::FOUND, "")
        .with("location", &location)
        .with("cache-control", "no-store, no-cache")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
