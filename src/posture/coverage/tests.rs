//! The evaluator against tenants made by hand (`tests/tenants`), and against properties that hold
//! for all tenants.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use super::*;
use crate::posture::Posture;
use crate::posture::registration::Registration;
use crate::posture::tenants::{Answer, Tenant, drawn, id, tenants};

fn table() -> Vec<(String, Tenant)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tenants");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let cases = tenants(&fs::read_to_string(&file).unwrap());
        all.extend(cases.into_iter().map(|case| (name.clone(), case)));
    }
    all
}

fn in_words(coverage: Coverage) -> String {
    match coverage {
        Coverage::Always(via) => format!("always {}", via.as_str()),
        Coverage::Conditional { gap, .. } => format!("conditional {}", gap.as_str()),
        Coverage::Excluded { by, .. } => format!("excluded {}", by.as_str()),
        Coverage::NotTargeted => "not_targeted".to_owned(),
        Coverage::Unknown(_) => "unknown".to_owned(),
    }
}

fn registered(posture: &Posture<'_>, number: Option<usize>) -> Answer {
    let everyone = posture.registration.as_ref().map(Registration::everyone);
    let found = everyone.ok().zip(number).and_then(|(all, number)| all[number].registered.ok());
    found.into()
}

fn is_administrator(posture: &Posture<'_>, number: Option<usize>) -> Answer {
    let Ok((administrators, doubt)) = &posture.administrators else { return Answer::Unknown };
    match number.is_some_and(|number| administrators.contains(number)) {
        true => Answer::Yes,
        false if doubt.is_some() => Answer::Unknown,
        false => Answer::No,
    }
}

#[test]
fn tenants_made_by_hand_are_judged_as_their_sentences_say() {
    let table = table();
    assert!(table.len() >= 60, "{} cases", table.len());
    let cases: BTreeSet<_> = table.iter().map(|(_, tenant)| &tenant.case).collect();
    assert_eq!(cases.len(), table.len(), "each case has a sentence of its own");
    let mut wrong = Vec::new();
    for (file, tenant) in &table {
        assert!(!tenant.why.is_empty() && !tenant.expect.is_empty(), "{}", tenant.case);
        assert_eq!(
            tenant.users.keys().collect::<Vec<_>>(),
            tenant.expect.keys().collect::<Vec<_>>(),
            "{}",
            tenant.case
        );
        let (facts, declared) = (tenant.facts(), tenant.declared());
        let posture = Posture::of(&facts, &declared);
        let (people, enforcement) = (posture.people.as_ref(), posture.enforcement.as_ref());
        let (people, enforcement) = (people.unwrap(), enforcement.unwrap());
        for (name, expected) in &tenant.expect {
            let number = people.number(&id(name));
            let found =
                number.map_or("nobody".to_owned(), |number| in_words(enforcement.coverage[number]));
            let mut differ = |what: &str, found: &dyn Debug, expected: &dyn Debug| {
                let case = &tenant.case;
                wrong
                    .push(format!("{file}: {case}\n    {name}: {what}{found:?}, not {expected:?}"));
            };
            if found != expected.coverage {
                differ("", &found, &expected.coverage);
            }
            for (what, expected, found) in [
                ("registered ", expected.registered, registered(&posture, number)),
                ("admin ", expected.admin, is_administrator(&posture, number)),
            ] {
                if expected.is_some_and(|expected| expected != found) {
                    differ(what, &found, &expected);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

fn explained(yaml: &str, name: &str) -> Explanation {
    let tenant = crate::posture::tenants::tenant(yaml);
    let facts = tenant.facts();
    let users = facts.users.rows().unwrap();
    explain(&facts, &tenant.declared(), users.of(&id(name)).unwrap()).unwrap()
}

#[test]
fn an_explanation_names_what_could_not_be_read_or_understood() {
    let about = |users: &str, grant: &str, more: &str| {
        let yaml = format!(
            "{{ users: {{ anna: {{}}, gus: {{ guest: true, external: true }} }}, {more}
              policies: [ {{ id: p1, displayName: MFA, state: enabled,
                conditions: {{ users: {users}, applications: {{ includeApplications: [All] }} }},
                grantControls: {{ operator: OR, {grant} }} }} ] }}"
        );
        let explanation = explained(&yaml, "gus");
        assert_eq!(explanation.coverage, "unknown", "{explanation:?}");
        let missing = explanation.policies[0].missing.join("; ");
        assert!(explanation.sentence.contains(&missing), "{explanation:?}");
        missing
    };
    let mfa = "builtInControls: [mfa]";
    assert_eq!(
        about(
            "{ includeUsers: [All] }",
            "authenticationStrength: { id: s1, displayName: Keys }",
            ""
        ),
        "the authentication strength Keys (s1) is not among those there are"
    );
    assert_eq!(
        about("{ includeUsers: [All], excludeUsers: [Everyone] }", mfa, ""),
        "the word Everyone left out is unknown to this version"
    );
    assert_eq!(
        about("{ includeUsers: [All], excludeRoles: [r1] }", mfa, "roles: { eligible: refused },"),
        "who holds the role r1 left out could not be read (permission)"
    );
    assert_eq!(
        about("{ includeGroups: [g1] }", mfa, "groups: { g1: refused },"),
        "the group g1 (g1) included could not be read (permission)"
    );
    let guests = |guests: &str| format!("{{ includeGuestsOrExternalUsers: {{ {guests} }} }}");
    assert_eq!(
        about(&guests("guestOrExternalUserTypes: alienGuest"), mfa, ""),
        "the kind of guests alienGuest included is unknown to this version"
    );
    let some = "guestOrExternalUserTypes: b2bCollaborationGuest, \
                externalTenants: { membershipKind: enumerated }";
    assert!(about(&guests(some), mfa, "").contains("nothing shows which tenant"));
}

#[test]
fn an_explanation_tells_what_is_certain_as_certain() {
    let support = "f023fd81-a637-4b56-95fd-791ac0226033";
    let yaml = format!(
        "{{ users: {{ anna: {{}}, gus: {{ guest: true, external: true }} }},
          roles: {{ active: {{ {support}: [anna] }} }},
          policies: [ {{ id: p1, displayName: MFA, state: enabled, conditions: {{
            users: {{ includeUsers: [gus], includeRoles: [{support}], excludeGuestsOrExternalUsers:
              {{ guestOrExternalUserTypes: 'internalGuest,b2bCollaborationGuest' }} }},
            applications: {{ includeApplications: [All] }},
            platforms: {{ includePlatforms: [android, iOS] }} }},
            grantControls: {{ operator: OR, builtInControls: [mfa] }} }} ] }}"
    );
    let step = |name| explained(&yaml, name).policies.remove(0);
    let out = "left out as a guest of the kind b2bCollaborationGuest";
    assert_eq!(step("gus").how, ["included by name", out]);
    let role = format!("included as holder of the role Service Support Administrator ({support})");
    assert_eq!(step("anna").how, [role]);
    assert_eq!(step("anna").leaves_out, ["only platforms android, iOS"]);
}

#[test]
fn whatever_a_policy_leaves_out_can_be_taken_back() {
    let exchange = "00000002-0000-0ff1-ce00-000000000000";
    let yaml = format!(
        "{{ users: {{ gus: {{ guest: true, external: true }} }}, locations: {{ hq: trusted }},
          policies: [ {{ id: p1, displayName: MFA, state: enabled, conditions: {{
            users: {{ includeUsers: [All], excludeGuestsOrExternalUsers:
              {{ guestOrExternalUserTypes: 'internalGuest,b2bCollaborationGuest' }} }},
            applications: {{ includeApplications: [All], excludeApplications: [{exchange}] }},
            platforms: {{ includePlatforms: [all], excludePlatforms: [iOS] }},
            locations: {{ includeLocations: [All], excludeLocations: [hq, AllTrusted] }} }},
            grantControls: {{ operator: OR, builtInControls: [mfa] }} }} ] }}"
    );
    let tenant = crate::posture::tenants::tenant(&yaml);
    let (mut facts, declared) = (tenant.facts(), tenant.declared());
    let coverage = |facts: &Facts| {
        let people = People::of(facts).unwrap();
        in_words(Assessment::of(&Ground::of(facts, &declared), &people, Question::Mfa).coverage[0])
    };
    assert_eq!(coverage(&facts), "excluded guest");
    // Each of them is a way around, so that only without the last of them all is covered.
    let last = "AllTrusted";
    for taken in ["B2BCollaborationGuest", exchange, "iOS", "hq", last] {
        facts = Change::WithoutExclusion(id(taken)).of(&facts).expect(taken);
        let is_covered = coverage(&facts) == "always conditional_access";
        assert_eq!(is_covered, taken == last, "without {taken}");
    }
    for never in ["internalGuests", "windows", "nobody"] {
        assert!(Change::WithoutExclusion(id(never)).of(&facts).is_none(), "{never}");
    }
}

#[test]
fn an_explanation_says_how_many_policies_could_not_be_read() {
    let explanation = explained("{ users: { anna: {} }, unreadable_policies: 2 }", "anna");
    assert_eq!((explanation.coverage, explanation.unreadable_policies), ("unknown", 2));
    assert!(explanation.sentence.contains("could not be read (2)"), "{explanation:?}");
}

/// How each of the drawn people is covered under these policies.
fn covered(base: &serde_json::Value, policies: &[serde_json::Value]) -> Vec<Coverage> {
    let mut tenant = base.clone();
    tenant["policies"] = serde_json::Value::Array(policies.to_vec());
    let tenant: Tenant = serde_json::from_value(tenant).unwrap();
    let (facts, declared) = (tenant.facts(), tenant.declared());
    let people = People::of(&facts).unwrap();
    let coverage = Assessment::of(&Ground::of(&facts, &declared), &people, Question::Mfa).coverage;
    drawn::PEOPLE.iter().map(|name| coverage[people.number(&id(name)).unwrap()]).collect()
}

/// How sure it is that somebody is covered: no, unknown, yes.
fn sureness(coverage: Coverage) -> u8 {
    match coverage.is_always() {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    }
}

fn never_more(before: &[Coverage], after: &[Coverage]) -> bool {
    before.iter().zip(after).all(|(one, other)| sureness(*other) <= sureness(*one))
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(600))]

    #[test]
    fn an_exclusion_added_never_covers_anybody(
        (base, policies) in drawn::tenant(),
        (place, list) in (proptest::sample::select(vec![0, 1, 2, 3, 4]), proptest::sample::select(vec![
            ("excludeUsers", "bert"), ("excludeUsers", "GuestsOrExternalUsers"),
            ("excludeGroups", "outer"), ("excludeGroups", "locked"), ("excludeRoles", "helper"),
        ])),
    ) {
        let mut more = policies.clone();
        let policy = &mut more[place % policies.len()];
        // A block left out lets sign-ins through that were stopped; either way, nobody gains.
        policy["conditions"]["users"][list.0].as_array_mut().unwrap().push(list.1.into());
        proptest::prop_assert!(never_more(&covered(&base, &policies), &covered(&base, &more)));
    }

    #[test]
    fn what_only_reports_changes_nothing(
        (base, policies) in drawn::tenant(),
        (_, others) in drawn::tenant(),
    ) {
        let mut more = policies.clone();
        for (number, mut policy) in others.into_iter().enumerate() {
            policy["state"] = "enabledForReportingButNotEnforced".into();
            policy["id"] = format!("r{number}").into();
            more.insert(number % more.len(), policy);
        }
        let words = |coverage: Vec<Coverage>| coverage.into_iter().map(in_words).collect::<Vec<_>>();
        proptest::prop_assert_eq!(words(covered(&base, &policies)), words(covered(&base, &more)));
    }

    #[test]
    fn the_order_of_policies_makes_no_difference(
        (base, policies) in drawn::tenant(),
        turn in 0..5_usize,
    ) {
        let mut turned = policies.clone();
        let by = turn % turned.len();
        turned.rotate_left(by);
        turned.reverse();
        proptest::prop_assert_eq!(covered(&base, &policies), covered(&base, &turned));
    }

    #[test]
    fn a_policy_switched_off_never_covers_anybody(
        (base, policies) in drawn::tenant(),
        place in 0..5_usize,
    ) {
        let mut fewer = policies.clone();
        let place = place % policies.len();
        fewer[place]["state"] = "disabled".into();
        proptest::prop_assert!(never_more(&covered(&base, &policies), &covered(&base, &fewer)));
    }

    #[test]
    fn an_explanation_says_what_was_decided((base, policies) in drawn::tenant()) {
        let mut tenant = base.clone();
        tenant["policies"] = serde_json::Value::Array(policies);
        let tenant: Tenant = serde_json::from_value(tenant).unwrap();
        let (facts, declared) = (tenant.facts(), tenant.declared());
        let people = People::of(&facts).unwrap();
        let ground = Ground::of(&facts, &declared);
        let assessment = Assessment::of(&ground, &people, Question::Mfa);
        for (number, user) in people.everyone().iter().enumerate() {
            let explanation = explain(&facts, &declared, user).unwrap();
            proptest::prop_assert_eq!(explanation.coverage, assessment.coverage[number].as_str());
            for step in &explanation.policies {
                let (mut inside, mut outside) = (false, false);
                for how in &step.how {
                    inside |= how.starts_with("included");
                    outside |= how.starts_with("left out");
                }
                match step.outcome {
                    "challenges" | "blocks" => proptest::prop_assert!(inside && !outside, "{step:?}"),
                    "excluded" => proptest::prop_assert!(inside && outside, "{step:?}"),
                    "not_included" => proptest::prop_assert!(!inside || outside, "{step:?}"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn the_union_is_right_about_every_sign_in_there_is(
        (base, policies) in drawn::tenant(),
    ) {
        // The same question answered by trying every sign-in that these policies can tell apart.
        let mut tenant = base.clone();
        tenant["policies"] = serde_json::Value::Array(policies);
        tenant["locations"] = serde_json::json!({"hq": "trusted", "branch": "untrusted"});
        tenant["per_user"] = serde_json::json!({});
        tenant["unreadable_policies"] = 0.into();
        let tenant: Tenant = serde_json::from_value(tenant).unwrap();
        let (facts, declared) = (tenant.facts(), tenant.declared());
        let people = People::of(&facts).unwrap();
        let ground = Ground::of(&facts, &declared);
        let assessment = Assessment::of(&ground, &people, Question::Mfa);
        // What was found of one set of rules is used for the next.
        let mut memos = Memos::default();
        for number in 0..people.count() {
            let places = assessment.places(number);
            let rules = assessment.at(&places, &[Place::Applies]);
            let found = assessment.is_covered(&rules, false, Question::Mfa, &mut memos);
            let demanded = rules.iter().any(|rule| rule.effect == Effect::Demand);
            proptest::prop_assert_eq!(found, Some(demanded && by_trying(&rules)));
        }
    }
}

/// Whether some rule acts on each sign-in that the drawn policies can tell apart.
fn by_trying(rules: &[&Rule<'_>]) -> bool {
    let mut all = true;
    for bits in 0..(2_u32 * 2 * 2 * 2 * 2 * 2 * 2 * 2) {
        let bit = |place: u32| bits >> place & 1 == 1;
        let (exchange, office, browser, hq, branch, trusted, high, compliant) =
            (bit(0), bit(1), bit(2), bit(3), bit(4), bit(5), bit(6), bit(7));
        if hq && !trusted {
            continue; // A trusted place is among all trusted places.
        }
        all &= rules.iter().any(|rule| {
            let policy = serde_json::json!({
                "apps": rule.policy.conditions.applications.include_applications,
                "not": rule.policy.conditions.applications.exclude_applications,
                "clients": rule.policy.conditions.client_app_types,
                "risk": rule.policy.conditions.sign_in_risk_levels,
            });
            let names = |key: &str, word: &str| {
                policy[key].as_array().unwrap().iter().any(|it| it.as_str() == Some(word))
            };
            let is_empty = |key: &str| policy[key].as_array().unwrap().is_empty();
            let id = "00000002-0000-0ff1-ce00-000000000000";
            let application = (names("apps", "All")
                || (names("apps", id) && exchange)
                || (names("apps", "Office365") && office))
                && !(names("not", id) && exchange);
            let client = is_empty("clients")
                || (names("clients", "browser") && browser)
                || (names("clients", "mobileAppsAndDesktopClients") && !browser);
            let risk = is_empty("risk") || (names("risk", "high") && high);
            let location = rule.policy.conditions.locations.as_ref().is_none_or(|it| {
                let at = |word: &str| match word {
                    "All" => true,
                    "AllTrusted" => trusted,
                    "hq" => hq,
                    _ => branch,
                };
                it.include_locations.iter().any(|word| at(word))
                    && !it.exclude_locations.iter().any(|word| at(word))
            });
            let controls = &rule.policy.grant_controls.as_ref().unwrap().built_in_controls;
            let alternative = controls.iter().any(|it| &**it == "compliantDevice")
                && !controls.iter().any(|it| &**it == "block");
            application && client && risk && location && !(alternative && compliant)
        });
    }
    all
}

/// A tenant where a hundred applications are left out of a policy and brought back by one each, and
/// where nearly everybody stands differently to policies that make no difference.
fn nearly_alike() -> Tenant {
    let application = |number: u32| format!("dddddddd-0000-4000-8000-{number:012}");
    let policy = |id: String, users: serde_json::Value, conditions: serde_json::Value| {
        let mut policy = serde_json::json!({
            "id": id, "displayName": id, "state": "enabled", "conditions": conditions,
            "grantControls": { "operator": "OR", "builtInControls": ["mfa"] },
        });
        policy["conditions"]["users"] = users;
        policy
    };
    let all = serde_json::json!({ "includeUsers": ["All"] });
    let left_out: Vec<_> = (0..100).map(application).collect();
    let mut policies = vec![policy(
        "all".to_owned(),
        all.clone(),
        serde_json::json!({ "applications":
            { "includeApplications": ["All"], "excludeApplications": left_out } }),
    )];
    policies.extend((0..100).map(|number| {
        let back = serde_json::json!({ "applications":
            { "includeApplications": [application(number)] } });
        policy(format!("back{number}"), all.clone(), back)
    }));
    policies.extend((0..9).map(|group| {
        let users = serde_json::json!({ "includeGroups": [format!("g{group}")] });
        let browsers = serde_json::json!({ "clientAppTypes": ["browser"],
            "applications": { "includeApplications": ["All"] } });
        policy(format!("browser{group}"), users, browsers)
    }));
    let names: Vec<_> = (0..512_u32).map(|number| format!("u{number}")).collect();
    let member = |group: u32| {
        let those = (0..512_u32).filter(move |number| number >> group & 1 == 1);
        those.map(|number| format!("u{number}")).collect::<Vec<_>>()
    };
    let users: serde_json::Map<_, _> =
        names.iter().map(|name| (name.clone(), serde_json::json!({}))).collect();
    let groups: serde_json::Map<_, _> =
        (0..9).map(|group| (format!("g{group}"), member(group).into())).collect();
    let tenant = serde_json::json!({ "users": users, "groups": groups, "policies": policies });
    serde_json::from_value(tenant).unwrap()
}

#[test]
fn people_who_stand_nearly_alike_are_not_searched_for_again() {
    let tenant = nearly_alike();
    let (facts, declared) = (tenant.facts(), tenant.declared());
    let people = People::of(&facts).unwrap();
    let ground = Ground::of(&facts, &declared);
    let assessment = Assessment::of(&ground, &people, Question::Mfa);
    let covered = assessment.coverage.iter().filter(|it| it.is_always() == Some(true)).count();
    assert_eq!((people.count(), covered), (512, 512));
    let steps = STEPS - assessment.steps.get();
    assert!(steps < 2_000, "one search, and not one for each of 512 people: {steps}");
}

#[test]
fn what_is_too_much_to_try_is_unknown_and_not_uncovered() {
    let tenant = nearly_alike();
    let (facts, declared) = (tenant.facts(), tenant.declared());
    let people = People::of(&facts).unwrap();
    let ground = Ground::of(&facts, &declared);
    let assessment = Assessment::of(&ground, &people, Question::Mfa);
    assessment.steps.set(10);
    let coverage = assessment.judge(&ground, &people, Question::Mfa);
    assert!(coverage.iter().all(|it| *it == Coverage::Unknown(Unread::Limit)), "{coverage:?}");
}
