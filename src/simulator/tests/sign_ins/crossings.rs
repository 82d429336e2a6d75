//! Rows that lead into customers' tenants, held against when the world says they were last used.

use super::*;

/// The latest success in each customer's tenant, from the rows as they are served, and the tenants
/// in which anything failed.
async fn last_uses(running: &Running) -> (BTreeMap<String, Timestamp>, BTreeSet<String>) {
    last_uses_since(running, "2026-01-01T00:00:00Z").await
}

async fn last_uses_since(
    running: &Running,
    from: &str,
) -> (BTreeMap<String, Timestamp>, BTreeSet<String>) {
    let (mut last, mut failed) = (BTreeMap::<_, Timestamp>::new(), BTreeSet::new());
    for path in sides() {
        for row in window(running, &path, from, "2027-01-01T00:00:00Z").await.values() {
            if row["crossTenantAccessType"] != "serviceProvider" {
                continue;
            }
            let id = row["resourceTenantId"].as_str().unwrap().to_owned();
            if row["status"]["errorCode"] != 0 {
                failed.insert(id);
                continue;
            }
            let at = at(row["createdDateTime"].as_str().unwrap());
            let last = last.entry(id).or_insert(at);
            *last = at.max(*last);
        }
    }
    (last, failed)
}

#[tokio::test]
async fn customers_are_last_entered_when_they_were_last_used() {
    let mut running = start(logged(500)).await;
    let (mut before, kept) = (BTreeMap::new(), jiff::SignedDuration::from_hours(30 * 24));
    for _ in 0..3 {
        let truth = running.control.truth().dap;
        let (last, failed) = last_uses(&running).await;
        assert_eq!(last, truth.last_use_in_log);
        for (id, used) in &truth.last_use {
            let in_log = running.control.lock().now().duration_since(*used) < kept;
            let shown = last.get(id).copied();
            assert!(shown == Some(*used) || !in_log && shown.is_none(), "{id}: {used}, {shown:?}");
        }
        // Somebody works for customers who have newer delegations only.
        assert!(last.keys().any(|id| !truth.granted_ids.contains(id)));
        // Where somebody tried and failed, nobody ever was.
        assert!(failed.len() == 1 && failed.iter().all(|id| !last.contains_key(id)));
        assert_ne!(last, before);
        before = last;
        running.control.turn(Duration::from_secs(24 * 3600));
        running.renew(&[]).await;
    }
}

#[tokio::test]
async fn what_is_still_on_its_way_is_nobodys_last_use() {
    for seed in 1..4 {
        let running = start(Settings { seed, ..logged(40_000) }).await;
        let truth = running.control.truth().dap;
        let (last, _) = last_uses_since(&running, "2026-03-02T10:00:00Z").await;
        assert!(!last.is_empty());
        for (id, at) in &last {
            assert_eq!(truth.last_use_in_log[id], *at);
            assert_eq!(*truth.last_use.get(id).unwrap_or(at), *at);
        }
        let hidden = truth.last_use.iter().filter(|(id, _)| !last.contains_key(*id));
        assert!({ hidden }.all(|(_, at)| *at < "2026-03-02T10:00:00Z".parse().unwrap()));
    }
}

#[tokio::test]
async fn a_log_that_is_too_small_leaves_the_rest_to_the_time_before_it() {
    for sign_ins in [5, 12, 40] {
        let running = start(logged(sign_ins)).await;
        let truth = running.control.truth().dap;
        assert_eq!(last_uses(&running).await.0, truth.last_use_in_log, "{sign_ins}");
        let lately = truth
            .last_use
            .iter()
            .filter(|(_, used)| noon().duration_since(**used).as_hours() < 30 * 24);
        assert!({ lately }.all(|(id, _)| truth.last_use_in_log.contains_key(id)), "{sign_ins}");
    }
    let large = start(Settings { customers: 20_000, ..logged(20_000) }).await;
    let truth = large.control.truth().dap;
    assert_eq!(truth.last_use_in_log.len(), 5_000 - 1);
    let alone = start(Settings { customers: 1, ..logged(500) }).await;
    let (last, failed) = last_uses(&alone).await;
    assert_eq!((last.len(), failed.len()), (1, 1));
    // Without a log, the service knows all the same.
    let without = start(quiet()).await.control.truth().dap;
    assert!(without.last_use_in_log.is_empty() && without.inactivity["lt30"] > 5);
}
