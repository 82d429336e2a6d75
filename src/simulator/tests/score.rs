//! What Microsoft makes of it: the score, its requirements, its past, and the customers.

use serde_json::json;

use super::*;

const SCORE: &str = "/graph/beta/security/partner/securityScore";

async fn watch(settings: Settings) -> Running {
    let mut running = start(settings).await;
    running.become_person(true, GRAPH).await;
    running
}

async fn requirements(running: &Running) -> BTreeMap<String, Value> {
    let rows = running.all(&format!("{SCORE}/requirements")).await;
    let kind = |row: &Value| row["requirementType"].as_str().unwrap().to_owned();
    rows.into_iter().map(|row| (kind(&row), row)).collect()
}

#[tokio::test]
async fn the_score_is_wrapped_and_the_sum_of_its_parts() {
    let running = watch(quiet()).await;
    let body = running.get(SCORE).await.json();
    assert!(body["value"].is_object() && body["@odata.context"].is_string());
    let truth = running.control.truth().score;
    assert_eq!(body["value"]["currentScore"], json!(truth.current));
    assert_eq!(body["value"]["maxScore"], json!(100.0));
    let parts = truth.requirements.values().map(|requirement| f64::from(requirement.score));
    assert_eq!(parts.sum::<f64>(), truth.current);
    assert!(truth.current > 0.0 && truth.current < 100.0, "{truth:?}");
    for path in [SCORE.to_owned(), format!("{SCORE}/requirements"), format!("{SCORE}/history")] {
        let old = path.replace("beta", "v1.0");
        assert_eq!(running.get(&old).await.status, 400, "{old}");
        assert_eq!(start(quiet()).await.get(&path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn requirements_are_spelled_as_microsoft_spells_them() {
    let running = watch(quiet()).await;
    let shown = requirements(&running).await;
    let truth = running.control.truth();
    assert_eq!(shown.len(), 6);
    for (kind, row) in &shown {
        let expected = &truth.score.requirements[kind];
        let word = if expected.compliant { "compliant" } else { "noncomplaint" };
        assert_eq!(row["complianceStatus"], word, "{kind}");
        let score = row["score"]
            .as_str()
            .map_or(row["score"].clone(), |text| json!(text.parse::<u32>().unwrap()));
        assert_eq!(
            (&score, &row["maxScore"]),
            (&json!(expected.score), &json!(expected.max_score))
        );
        for (name, value) in &expected.measures {
            assert_eq!(row[name].as_f64(), Some(*value), "{kind} {name}");
        }
        assert!(
            row["@odata.type"].as_str().unwrap().starts_with("#microsoft.graph.partner.security.")
        );
    }
    assert_eq!(shown["securityContactProvided"]["id"], "securityContactProvided");
    assert!(shown["securityAlertsPromptlyResolved"]["score"].is_string());
    let preview: Vec<_> = shown.iter().filter(|(_, row)| row["state"] == "preview").collect();
    assert_eq!(preview[0].0, "mfaRegistrationCompletedForAllUsers");
    assert_eq!(preview.len(), 1);

    let admins = &shown["mfaEnforcedForAdmins"];
    assert_eq!(admins["totalAdminsCount"], json!(truth.admins.total));
    assert_eq!(admins["mfaEnabledAdminsCount"], json!(truth.admins.enforced));
    assert_eq!(admins["totalUsersCount"], json!(truth.members + truth.guests));
    assert_eq!(admins["mfaEnabledUsersCount"], json!(truth.coverage["always"].total()));
    assert_eq!(admins["complianceStatus"], "noncomplaint");
    assert_eq!(admins["mfaConditionalAccessPolicyStatus"], "enabled");
    let hours = &shown["securityAlertsPromptlyResolved"]["averageResponseTimeInHours"];
    assert_eq!(hours, &json!(truth.fraud.microsoft_hours));
}

#[tokio::test]
async fn verdicts_follow_the_world() {
    let settings =
        Settings { security_defaults: true, security_contact: false, users: 20, ..quiet() };
    let mut running = watch(settings).await;
    let shown = requirements(&running).await;
    let admins = &shown["mfaEnforcedForAdmins"];
    assert_eq!(admins["securityDefaultsStatus"], "enabled");
    assert_eq!(admins["mfaConditionalAccessPolicyStatus"], "disabled");
    assert_eq!(shown["securityContactProvided"]["complianceStatus"], "noncomplaint");
    // Somebody answers ten alerts after a fortnight.
    let ids: Vec<_> = (0..10).map(|_| running.control.raise_alert("low", "other")).collect();
    running.control.turn(Duration::from_secs(20 * 86_400));
    ids.iter().for_each(|id| assert!(running.control.resolve(id, "ignore")));
    running.become_person(true, GRAPH).await;
    let shown = requirements(&running).await;
    let row = &shown["securityAlertsPromptlyResolved"];
    assert_eq!((&row["complianceStatus"], &row["score"]), (&json!("noncomplaint"), &json!("0")));
    let history = running.all(&format!("{SCORE}/history")).await;
    let truth = running.control.truth().score;
    assert_eq!(history.last().unwrap()["score"], json!(truth.current));
    assert_eq!(truth.previous, history[history.len() - 2]["score"].as_f64());
    assert!(truth.changed.unwrap() > truth.previous_at.unwrap());
}

#[tokio::test]
async fn the_past_has_another_score_before_the_present_one() {
    let running = watch(quiet()).await;
    let history = running.all(&format!("{SCORE}/history")).await;
    let truth = running.control.truth().score;
    let scores: Vec<_> = history.iter().map(|row| row["score"].as_f64().unwrap()).collect();
    let before = truth.current - 9.5;
    assert_eq!(scores, [before + 1.0, before, before, truth.current, truth.current]);
    assert_eq!(truth.previous, Some(before));
    let at = |row: &Value| row["createdDateTime"].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!((truth.previous_at, truth.changed), (Some(at(&history[2])), Some(at(&history[3]))));
    assert_eq!(history[0]["totalRequirementsCount"], 6);
}

#[tokio::test]
async fn insights_say_how_each_customer_brings_mfa_about() {
    let running = watch(quiet()).await;
    let rows = running.all(&format!("{SCORE}/customerInsights")).await;
    let truth = running.control.truth().customers;
    assert_eq!((rows.len(), truth.tenants), (40, 40));
    assert_eq!(
        truth.mfa_option,
        BTreeMap::from([
            ("security_defaults", 16),
            ("conditional_access", 14),
            ("per_user", 4),
            ("none", 4),
            ("unknown", 2),
        ])
    );
    let sum =
        |field: &str| -> u64 { rows.iter().filter_map(|row| row["mfa"][field].as_u64()).sum() };
    assert_eq!(sum("totalUsersCount"), truth.users as u64);
    assert_eq!(sum("compliantAdminsCount"), truth.admins_mfa as u64);
    assert_eq!(sum("compliantNonAdminsCount"), truth.others_mfa as u64);
    let enabled = |field: &str| rows.iter().filter(|row| row["mfa"][field] == "enabled").count();
    assert_eq!(enabled("securityDefaultsStatus"), 16);
    // Some have legacy states left over beside their policies.
    assert_eq!(
        (enabled("mfaConditionalAccessPolicyStatus"), enabled("legacyPerUserMfaStatus")),
        (14, 8)
    );
    assert_eq!(rows.iter().filter(|row| row["mfa"].is_null()).count(), 1);
    let unheard =
        rows.iter().filter(|row| row["mfa"]["securityDefaultsStatus"] == "unknownFutureValue");
    assert_eq!(unheard.count(), 1);
    let shown = requirements(&running).await;
    let customers = &shown["mfaEnforcedForAdminsOfCustomers"];
    assert_eq!(
        (&customers["compliantTenantCount"], &customers["totalTenantCount"]),
        (&json!(30), &json!(40))
    );
    let budgets = &shown["spendingBudgetSetForCustomerAzureSubscriptions"];
    assert_eq!(budgets["totalCustomersCount"], json!(truth.azure));
    assert_eq!(budgets["customersWithSpendBudgetCount"], json!(truth.with_budget));
}

#[tokio::test]
async fn a_partner_without_customers_has_a_score_all_the_same() {
    let running = watch(Settings { customers: 0, users: 0, ..quiet() }).await;
    let shown = requirements(&running).await;
    assert!(shown.values().all(|row| row["complianceStatus"] == "compliant"));
    assert_eq!(running.get(SCORE).await.json()["value"]["currentScore"], json!(100.0));
    assert_eq!(running.all(&format!("{SCORE}/customerInsights")).await.len(), 0);
}
