//! Who is behind a privilege in the simulated tenant: the truth against the page, under each plan.

use partnercenter_exporter::simulator::{Plan, Privilege, Settings};

use crate::harness::{Exporter, Microsoft, run, settings};

/// What the page has to say of it, counted by the world itself.
fn told(truth: &Privilege) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |metric: &str, labels: &[(&str, &str)], value: usize| {
        let labels = labels.iter().map(|(name, value)| format!(",{name}=\"{value}\""));
        let labels = labels.collect::<String>();
        lines.push(format!("partnercenter_{metric}{{tenant=\"contoso\"{labels}}} {value}"));
    };
    for (group, members) in &truth.members {
        for (account, value) in [("member", members.member), ("guest", members.guest)] {
            tell("agent_group_members", &[("group", group), ("account", account)], value);
        }
    }
    for (metric, first, second, all) in [
        ("agent_group_members_flagged", "group", "flag", Some(&truth.flagged)),
        ("licenses", "plan", "license_state", Some(&truth.licenses)),
        ("role_assignments", "role", "assignment", Some(&truth.roles)),
        ("risky_users", "risk_level", "risk_state", truth.risky.as_ref()),
    ] {
        for (one, of_one) in all.into_iter().flatten() {
            for (other, value) in of_one {
                tell(metric, &[(first, one), (second, other)], *value);
            }
        }
    }
    for (metric, label, all) in [
        ("agent_group_applications", "group", Some(&truth.applications)),
        ("agent_group_members_with_mailbox", "group", Some(&truth.with_mailbox)),
        ("pim_groups", "managed", Some(&truth.pim_groups)),
        ("conditional_access_risk_policies", "risk", truth.risk_policies.as_ref()),
    ] {
        for (word, value) in all.into_iter().flatten() {
            tell(metric, &[(label, word)], *value);
        }
    }
    let (roles, approved) = truth.pim_roles.unzip();
    for (metric, value) in [
        ("admin_agents", Some(truth.admin_agents)),
        ("admin_agents_p2", Some(truth.admin_agents_p2)),
        ("pim_roles", roles),
        ("pim_roles_requiring_approval", approved),
        ("admins_with_mailbox", Some(truth.admins_with_mailbox)),
        ("admins_synchronized", Some(truth.admins_synchronized)),
    ] {
        value.into_iter().for_each(|value| tell(metric, &[], value));
    }
    for (requirement, found) in
        [("bp-leavers", truth.leavers), ("pim-in-use", Some(truth.held_for_good))]
    {
        if let Some(found) = found {
            tell("requirement_findings", &[("requirement", requirement)], found);
        }
    }
    if truth.risky.is_none() {
        // Without the licence there is nothing to be found, and nobody can be said to be safe.
        let labels = [("requirement", "risky-users"), ("reason", "license")];
        tell("requirement_unknown", &labels, 1);
    }
    lines
}

/// The page of an exporter that has read every privileged account of this world.
async fn page(world: Settings) -> (String, Privilege) {
    let microsoft = Microsoft::start(world);
    let mut exporter = Exporter::of(&microsoft).await;
    exporter.settle(&microsoft).await;
    (exporter.page(), microsoft.control.truth().privilege)
}

#[test]
fn the_figures_are_those_of_the_world_under_each_plan() {
    let world = |seed, users, plan| Settings { seed, users, plan, ..Settings::default() };
    for world in [
        world(1, 120, Plan::P2),
        world(1, 120, Plan::P1),
        world(1, 120, Plan::None),
        world(7, 400, Plan::P2),
        world(3, 60, Plan::P2),
        Settings { security_defaults: true, ..world(5, 120, Plan::P2) },
    ] {
        run(async {
            let (page, truth) = page(world).await;
            for line in told(&truth) {
                assert!(page.lines().any(|served| served == line), "{line}\n{page}");
            }
            // What is not known is not zero.
            let has = |metric: &str| page.contains(&format!("partnercenter_{metric}"));
            assert_eq!(has("risky_users{"), truth.risky.is_some());
            assert_eq!(has("pim_roles{"), truth.pim_roles.is_some());
            assert_eq!(has("conditional_access_risk_policies{"), truth.risk_policies.is_some());
            let stale = page.contains("flag=\"stale\"");
            assert_eq!(stale, truth.flagged["AdminAgents"].contains_key("stale"));
        });
    }
}

#[test]
fn the_usual_world_has_something_of_everything() {
    run(async {
        let (_, truth) = page(Settings::default()).await;
        let flagged = |flag: &str| truth.flagged.values().map(|of| of[flag]).sum::<usize>();
        for flag in ["disabled", "stale", "synchronized"] {
            assert!(flagged(flag) > 0, "{flag}: {truth:?}");
        }
        assert!((1..truth.admin_agents).contains(&truth.admin_agents_p2), "{truth:?}");
        assert!(truth.admins_with_mailbox > 0 && truth.admins_synchronized > 0, "{truth:?}");
        assert!(truth.with_mailbox.values().sum::<usize>() > 0, "{truth:?}");
        assert!(
            truth.roles["global_administrator"].values().filter(|count| **count > 0).count() > 2
        );
        assert_eq!(truth.pim_groups["yes"], 2, "one of agents, and one that GDAP names");
        assert!(truth.pim_groups["no"] > 3 && truth.held_for_good > 3, "{truth:?}");
        let risky = truth.risky.as_ref().unwrap();
        assert!(risky.values().any(|of| of.contains_key("atRisk")), "{truth:?}");
    });
}

#[test]
fn what_an_ordinary_tenant_has_no_agents_for_does_not_apply_to_it() {
    run(async {
        let world = Settings { users: 120, partner: false, ..Settings::default() };
        let (page, _) = page(world).await;
        let state = |requirement: &str, state: &str| {
            let line = format!(
                "partnercenter_requirement_state{{tenant=\"contoso\",requirement=\"{requirement}\",state=\"{state}\"}} 1"
            );
            page.lines().any(|served| served == line)
        };
        for requirement in ["admin-agents-membership", "p2-admin-agents", "bp-dedicated-accounts"] {
            assert!(state(requirement, "not_applicable"), "{requirement}\n{page}");
        }
        assert!(state("bp-admin-count", "noncompliant"), "{page}");
        assert!(!page.contains("partnercenter_agent_group_members{"));
    });
}

#[test]
fn without_its_permission_each_source_leaves_its_own_unknown_and_nothing_else() {
    let state = |page: &str, requirement: &str| {
        let unknown = format!(
            "partnercenter_requirement_unknown{{tenant=\"contoso\",requirement=\"{requirement}\",reason=\"permission\"}} 1"
        );
        page.lines().any(|served| served == unknown)
    };
    for (permission, metric, requirement) in [
        ("IdentityRiskyUser.Read.All", "risky_users{", "risky-users"),
        ("PrivilegedEligibilitySchedule.Read.AzureADGroup", "pim_groups{", ""),
    ] {
        run(async {
            let mut world = Settings { users: 120, ..Settings::default() };
            world.granted.retain(|granted| granted != permission);
            let (page, truth) = page(world).await;
            assert!(!page.contains(&format!("partnercenter_{metric}")), "{page}");
            assert!(requirement.is_empty() || state(&page, requirement), "{page}");
            let agents =
                format!("partnercenter_admin_agents{{tenant=\"contoso\"}} {}", truth.admin_agents);
            assert!(page.contains(&agents));
        });
    }
    run(async {
        // Plans and mailboxes are known without the log; only who is in use is not.
        let mut world = Settings { users: 120, ..Settings::default() };
        world.granted.retain(|granted| granted != "AuditLog.Read.All");
        let (page, truth) = page(world).await;
        let p2 = format!(
            "partnercenter_admin_agents_p2{{tenant=\"contoso\"}} {}",
            truth.admin_agents_p2
        );
        assert!(page.contains(&p2) && !page.contains("flag=\"stale\""), "{page}");
    });
}

#[test]
fn a_group_that_gdap_names_costs_its_own_question_and_not_everybody_s() {
    run(async {
        let microsoft = Microsoft::small();
        let mut exporter = Exporter::of(&microsoft).await;
        exporter.settle(&microsoft).await;
        let asked = || {
            let requests = microsoft.control.requests();
            let of_group = |path: &str| {
                let query = path.split("/group/eligibilityScheduleInstances").nth(1)?;
                Some(query.to_owned())
            };
            let mut asked = std::collections::BTreeMap::new();
            for query in requests.iter().filter_map(|seen| of_group(&seen.path)) {
                *asked.entry(query).or_insert(0) += 1;
            }
            asked
        };
        let first = asked();
        let groups: usize = microsoft.control.truth().privilege.pim_groups.values().sum();
        assert_eq!(first.len(), groups, "each was asked about: {first:?}");
        let again = first.values().sum::<usize>() - groups;
        assert!(again < groups / 2, "but for one that is known to answer: {first:?}");
        let then = exporter.clock.uptime() + std::time::Duration::from_secs(2 * 3600 + 600);
        exporter.until(|snapshot| snapshot.printed >= then).await;
        let second = asked();
        for (group, count) in &first {
            let since = second[group] - count;
            assert!((1..=3).contains(&since), "{group} {since} times in two hours");
        }
    });
}

#[test]
fn accounts_are_asked_for_some_at_a_time_and_are_there_once_all_is_ready() {
    run(async {
        let microsoft = Microsoft::start(Settings { users: 3_000, ..Settings::default() });
        let yaml = format!("tenants:\n{}", microsoft.tenant("contoso"));
        let mut exporter = Exporter::start(settings(&yaml));
        exporter.until(partnercenter_exporter::snapshot::Snapshot::is_ready).await;
        let page = exporter.page();
        let truth = microsoft.control.truth().privilege;
        let mailboxes = format!(
            "partnercenter_admins_with_mailbox{{tenant=\"contoso\"}} {}",
            truth.admins_with_mailbox
        );
        let stale = format!(
            "partnercenter_agent_group_members_flagged{{tenant=\"contoso\",group=\"AdminAgents\",flag=\"stale\"}} {}",
            truth.flagged["AdminAgents"]["stale"]
        );
        for line in [mailboxes, stale] {
            assert!(page.lines().any(|served| served == line), "{line} is not in\n{page}");
        }
        let rows = page.lines().find_map(|line| {
            line.strip_prefix(
                "partnercenter_source_rows{tenant=\"contoso\",source=\"privileged_accounts\"} ",
            )
        });
        let rows: usize = rows.unwrap().parse().unwrap();
        let requests = microsoft.control.requests();
        let asked = requests.iter().filter(|seen| seen.path.contains("/users?$filter=id")).count();
        assert!(rows > 30 && asked == rows.div_ceil(15), "{rows} accounts in {asked} requests");
    });
}

#[test]
fn an_account_that_cannot_be_read_costs_nobody_else_their_place() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["malformed-rows=1@/v1.0/users?$filter=id"]);
        let mut exporter = Exporter::of(&microsoft).await;
        exporter.settle(&microsoft).await;
        let page = exporter.page();
        let of = |metric: &str| {
            let start = format!("partnercenter_{metric}{{");
            let line = page.lines().find(|line| {
                line.starts_with(&start) && line.contains("source=\"privileged_accounts\"")
            });
            line.unwrap().rsplit_once(' ').unwrap().1.parse::<usize>().unwrap()
        };
        assert_eq!(of("source_success"), 1);
        let (read, bad) = (of("source_rows"), of("source_rows_rejected_total"));
        assert!(bad > 0 && read > bad, "{read} and {bad}");
        // Some are agents, and whoever is not known is not counted as somebody without P2.
        assert!(!page.contains("partnercenter_admins_with_mailbox{"), "{page}");
        let asked = microsoft.control.requests().len();
        exporter.settle(&microsoft).await;
        assert_eq!(microsoft.control.requests().len(), asked, "nor is it asked for without end");
    });
}
