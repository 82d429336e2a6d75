//! Policy by policy, why an account is or is not covered by MFA.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{Context, Failure, check, keep_only, print};
use crate::config;
use crate::config::flags::{self, Output};
use crate::posture::Declarations;
use crate::posture::coverage::{
    Assessment, Change, Coverage, Explanation, Ground, Question, Step, explain,
};
use crate::posture::people::People;
use crate::sources::{Facts, User};
use crate::wire::ObjectId;

/// An account, and how it would be covered if one thing were otherwise.
struct Answer {
    tenant: String,
    now: Explanation,
    changed: Option<Changed>,
}

struct Changed {
    then: Explanation,
    /// How many people would no longer be always challenged.
    lost: usize,
    /// How many only then would be.
    won: usize,
}

pub(super) fn run(flags: &flags::Explain, context: Context) -> Result<ExitCode, Failure> {
    let mut settings = config::load(&flags.config_file)?;
    keep_only(&mut settings.tenants, flags.tenant.as_deref())?;
    let change = change(flags)?;
    let declared: Vec<_> = settings.tenants.iter().map(|it| it.declared.clone()).collect();
    let snapshot = check::collect(settings, context)?;
    let (mut answers, mut unread, mut similar) = (Vec::new(), Vec::new(), Vec::new());
    for (report, declared) in snapshot.tenants.iter().zip(&declared) {
        let users = match report.facts.users.rows() {
            Ok(users) => users,
            Err(why) => {
                unread.push(format!(
                    "; the accounts of {} could not be read: {}",
                    report.tenant,
                    why.meaning()
                ));
                continue;
            }
        };
        if let Some(user) = users.all().iter().find(|user| is_meant(user, &flags.user)) {
            let answer = answer(&report.tenant, &report.facts, declared, user, change.as_ref());
            answers.push(answer?);
        }
        similar.extend(users.all().iter().filter(|user| is_similar(user, &flags.user)));
    }
    if answers.is_empty() {
        return Err(format!(
            "no account is called {}; give its object id or the name it signs in with{}{}",
            flags.user,
            unread.concat(),
            suggestion(&similar)
        )
        .into());
    }
    match flags.output {
        Output::Table => answers.iter().for_each(|answer| print(&text(answer))),
        Output::Json => {
            let all: Vec<_> = answers.iter().map(as_json).collect();
            print(&serde_json::to_string_pretty(&all).expect("a value is JSON"));
        }
    }
    let code = answers.iter().map(|answer| match answer.now.coverage {
        "always" | "nobody" => 0,
        "unknown" => 2,
        _ => 1,
    });
    // What is wrong is told before what is not known.
    let codes: Vec<u8> = code.collect();
    Ok(ExitCode::from([1, 2].into_iter().find(|code| codes.contains(code)).unwrap_or(0)))
}

fn change(flags: &flags::Explain) -> Result<Option<Change>, Failure> {
    let id = |text: &str| {
        ObjectId::parse(text).ok_or_else(|| Failure::from("an empty id; give that of the object"))
    };
    Ok(match (&flags.without_policy, &flags.without_exclusion) {
        (Some(policy), _) => Some(Change::WithoutPolicy(id(policy)?)),
        (None, Some(excluded)) => Some(Change::WithoutExclusion(id(excluded)?)),
        (None, None) => None,
    })
}

fn is_meant(user: &User, wanted: &str) -> bool {
    // A guest signs in with an address of home, which the name here only resembles.
    let home = user.user_principal_name.split_once("#EXT#").map(|(home, _)| home);
    user.user_principal_name.eq_ignore_ascii_case(wanted.trim())
        || home.is_some_and(|home| home.eq_ignore_ascii_case(&wanted.trim().replace('@', "_")))
        || ObjectId::parse(wanted).is_some_and(|id| id == user.id)
}

fn is_similar(user: &User, wanted: &str) -> bool {
    let name = user.user_principal_name.to_lowercase();
    let wanted = wanted.trim().to_lowercase();
    let wanted = wanted.split('@').next().unwrap_or_default();
    wanted.len() >= 3 && name.contains(wanted)
}

fn suggestion(similar: &[&User]) -> String {
    const SHOWN: usize = 5;
    let names: Vec<_> =
        similar.iter().take(SHOWN).map(|user| check::plain(&user.user_principal_name)).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("; did you mean {}?", names.join(", "))
}

fn answer(
    tenant: &str,
    facts: &Facts,
    declared: &Declarations,
    user: &User,
    change: Option<&Change>,
) -> Result<Answer, Failure> {
    let explained =
        |facts: &Facts| explain(facts, declared, user).map_err(|why| Failure::from(why.meaning()));
    let changed = change.map(|change| {
        let then = change.of(facts).ok_or(match (facts.policies().is_err(), change) {
            (true, _) => "nothing to take out: the policies could not be read",
            (false, Change::WithoutPolicy(_)) => {
                "nothing to take out: no policy has this id; --output json lists them all"
            }
            (false, Change::WithoutExclusion(_)) => {
                "nothing to take out: no policy leaves this out; give it as it stands in a policy: \
                 the id of an account, a group, a role, an application or a location, a platform, \
                 or a kind of guests such as b2bCollaborationGuest"
            }
        })?;
        let (before, after) = (coverage(facts, declared), coverage(&then, declared));
        let pairs = || before.iter().zip(&after);
        let is = |it: &Coverage, answer: bool| it.is_always() == Some(answer);
        Ok::<_, Failure>(Changed {
            then: explained(&then)?,
            lost: pairs().filter(|(one, other)| is(one, true) && is(other, false)).count(),
            won: pairs().filter(|(one, other)| is(one, false) && is(other, true)).count(),
        })
    });
    let changed = changed.transpose()?;
    Ok(Answer { tenant: tenant.to_owned(), now: explained(facts)?, changed })
}

/// How everybody is covered.
fn coverage(facts: &Facts, declared: &Declarations) -> Vec<Coverage> {
    let Ok(people) = People::of(facts) else { return Vec::new() };
    Assessment::of(&Ground::of(facts, declared), &people, Question::Mfa).coverage
}

fn text(answer: &Answer) -> String {
    let Explanation {
        id, name, coverage, detail, sentence, security_defaults, per_user_mfa, ..
    } = &answer.now;
    let mut text = format!(
        "{name} ({id}) in {}\n{sentence}\n\ncoverage: {coverage}{}\n\
         security defaults: {security_defaults}\nper-user MFA: {per_user_mfa}\n",
        answer.tenant,
        detail.map(|detail| format!(" ({detail})")).unwrap_or_default(),
    );
    // What concerns the account, first what leaves it out; the rest is in the JSON.
    let rank = |step: &&Step| match step.outcome {
        "excluded" | "uncertain" => Some(0),
        "challenges" | "blocks" => Some(1),
        _ => None,
    };
    let mut steps: Vec<_> = answer.now.policies.iter().filter(|it| rank(it).is_some()).collect();
    steps.sort_by_key(rank);
    for step in &steps {
        text += &format!("\n{}: {} ({})\n", check::plain(&step.name), step.outcome, step.policy);
        for how in &step.how {
            text += &format!("  {}\n", check::plain(how));
        }
        for missing in &step.missing {
            text += &format!("  not known: {}\n", check::plain(missing));
        }
        for gap in &step.leaves_out {
            text += &format!("  but {}\n", check::plain(gap));
        }
    }
    if answer.now.unreadable_policies > 0 {
        text += &format!("\n{} policies could not be read\n", answer.now.unreadable_policies);
    }
    let others = answer.now.policies.len() - steps.len();
    if others > 0 && answer.now.coverage != "nobody" {
        text += &format!("\n{others} other policies do not apply; --output json lists them\n");
    }
    if let Some(changed) = &answer.changed {
        text += &format!(
            "\nwith that change: {}\nin the whole tenant {} would be covered that are not, and {} \
             would no longer be\n",
            changed.then.sentence, changed.won, changed.lost
        );
    }
    text
}

fn as_json(answer: &Answer) -> Value {
    let changed = answer.changed.as_ref().map(|changed| {
        json!({
            "then": changed.then,
            "won": changed.won,
            "lost": changed.lost,
        })
    });
    json!({"tenant": answer.tenant, "now": answer.now, "changed": changed})
}
