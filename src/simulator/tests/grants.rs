//! The life of a grant: replaced, idle, revoked, or gone wrong on demand.

use serde_json::json;

use super::people::{claims, code};
use super::*;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_replaced_token_is_accepted_for_an_hour_and_its_refusal_ends_nothing() {
    let running = start(quiet()).await;
    let first = running.control.grant(true, false);
    let second = running.next(&first).await;
    running.control.turn(Duration::from_secs(3599));
    let third = running.next(&first).await;
    assert!(first != second && second != third);
    assert_eq!((running.control.refreshes(), running.control.rotations()), (2, 2));
    // The hour runs from when it was first replaced, not from its last use.
    running.control.turn(Duration::from_secs(1));
    assert_eq!(code(&running.refresh(&first, &[]).await), 70_000);
    assert_eq!(running.refresh(&second, &[]).await.status, 200);
    assert_eq!(running.refresh(&third, &[]).await.status, 200);
    assert_eq!(code(&running.refresh("guess", &[]).await), 9_002_313);
    let strict = start(Settings { grant_grace: Duration::ZERO, ..quiet() }).await;
    let first = strict.control.grant(true, false);
    strict.next(&first).await;
    assert_eq!(code(&strict.refresh(&first, &[]).await), 70_000);
}

#[tokio::test]
async fn a_grant_lives_for_ninety_days_from_its_last_use() {
    let running = start(quiet()).await;
    let token = running.control.grant(true, false);
    running.control.turn(90 * DAY - Duration::from_secs(1));
    let token = running.next(&token).await;
    running.control.turn(90 * DAY);
    assert_eq!(code(&running.refresh(&token, &[]).await), 700_082);
    let token = running.control.grant(true, false);
    running.control.revoke_grants();
    assert_eq!(code(&running.refresh(&token, &[]).await), 50_173);
    let token = running.control.grant(true, false);
    assert_eq!(running.refresh(&token, &[]).await.status, 200);
    assert_eq!(running.ask("POST", "/-/revoke", "", "").await.status, 200);
    assert_eq!(code(&running.refresh(&token, &[]).await), 50_173);
}

#[tokio::test]
async fn grants_go_wrong_on_demand_and_app_only_tokens_do_not() {
    let running = start(quiet()).await;
    let token = running.control.grant(true, false);
    for (fault, expected) in
        [("grant-revoked", 50_173), ("grant-expired", 700_082), ("sign-in-frequency", 70_043)]
    {
        running.faults(&[fault]);
        let reply = running.refresh(&token, &[]).await;
        assert_eq!((reply.status, code(&reply)), (400, expected), "{fault}");
        assert_eq!(reply.json()["error"], "invalid_grant");
        assert_eq!(running.token(&[]).await.status, 200);
    }
    running.faults(&["mfa-missing"]);
    let reply = running.refresh(&token, &[]).await.json();
    assert_eq!(claims(&reply)["amr"], json!(["pwd"]));
    running.faults(&["no-rotation"]);
    let reply = running.refresh(&token, &[]).await;
    assert!(reply.status == 200 && reply.json().get("refresh_token").is_none());
    assert_eq!((running.control.refreshes(), running.control.rotations()), (2, 1));
    running.faults(&[]);
    let reply = running.refresh(&token, &[]).await.json();
    assert_eq!(claims(&reply)["amr"], json!(["pwd", "mfa"]));
}

#[tokio::test]
async fn a_stalled_answer_comes_after_the_rotation_and_a_hung_one_never_rotates() {
    let running = start(quiet()).await;
    let token = running.control.grant(true, false);
    let patience = Duration::from_millis(300);
    running.faults(&["token-stall=3600000"]);
    let waited = tokio::time::timeout(patience, running.refresh(&token, &[])).await;
    assert!(waited.is_err() && running.control.rotations() == 1);
    running.faults(&["token-hang"]);
    let waited = tokio::time::timeout(patience, running.refresh(&token, &[])).await;
    assert!(waited.is_err() && running.control.rotations() == 1);
    assert_eq!(running.token(&[]).await.status, 200);
    running.faults(&["token-stall=1"]);
    assert_eq!(running.refresh(&token, &[]).await.status, 200);
}
