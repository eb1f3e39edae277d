//! Records that do not open: they count as used up for a day, and no longer.

use super::*;

const LIMITS: BudgetLimits = BudgetLimits {
    tokens_per_client_and_day: 10,
    logins_per_tenant_and_day: 10,
    logins_per_tenant_and_minute: 5,
};

/// What a charge counts beyond its day.
const LONGER: Duration = GRANULE.saturating_add(ON_THE_WAY);

/// Two records, both damaged just now, and nothing in memory.
async fn damaged() -> World {
    let mut world = World::new(LIMITS).await;
    world.charge(&attempt("app")).await.unwrap();
    world.memory.damage();
    world.restart(LIMITS);
    world
}

fn full(retry_after: Duration) -> BudgetExhausted {
    let (limit, share) = (BudgetLimit::TokensPerClientAndDay, BudgetShare::Whole);
    BudgetExhausted { limit, share, max: 10, retry_after }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_record_counts_as_used_up_for_a_day_and_heals() {
    let paper = Paper::default();
    let _listening = paper.listen();
    let mut world = damaged().await;
    for login in [false, true] {
        let refused = world.charge(&Attempt { login, ..attempt("app") }).await.unwrap_err();
        assert_eq!(refused.retry_after, DAY + LONGER, "log-in: {login}");
    }
    // Neither asking again nor starting again makes the day any longer, or the alert any louder.
    for hours in 1..24 {
        tokio::time::advance(Duration::from_secs(60 * 60)).await;
        if hours % 2 == 0 {
            world.restart(LIMITS);
        }
        let gone = Duration::from_secs(60 * 60 * hours);
        assert_eq!(world.charge(&REFRESH).await.unwrap_err(), full(DAY + LONGER - gone));
    }
    assert_eq!(paper.lines_with("does not open"), 2, "the client's and the tenant's");
    assert_eq!((paper.lines_with(INFOR_TENANT), paper.lines_with("\"app\"")), (2, 1));
    tokio::time::advance(Duration::from_secs(60 * 60) + LONGER).await;
    for number in 0..10 {
        world.charge(&Attempt { login: number < 5, ..attempt("app") }).await.unwrap();
    }
    world.charge(&REFRESH).await.unwrap_err();
    assert_eq!(world.usage().await.tokens_used, 10);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_record_is_full_whatever_the_limits_are_set_to() {
    let mut world = damaged().await;
    world.charge(&attempt("app")).await.unwrap_err();
    world.restart(BudgetLimits {
        tokens_per_client_and_day: 5_000,
        logins_per_tenant_and_day: 5_000,
        logins_per_tenant_and_minute: 1_000,
    });
    world.charge(&REFRESH).await.unwrap_err();
    world.charge(&Attempt { client_id: "other", ..attempt("app") }).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_damaged_record_refuses_no_other_client() {
    let world = damaged().await;
    world.charge(&REFRESH).await.unwrap_err();
    world.charge(&Attempt { client_id: "other", ..REFRESH }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_used_of_a_damaged_record_is_shown_as_too_much_and_changes_nothing() {
    let world = damaged().await;
    let usage = world.usage().await;
    assert_eq!((usage.tokens_used, usage.logins_used), (5_000, 5_000));
    world.memory.damage();
    assert_eq!(world.usage().await.tokens_used, 1, "the same bytes lie there as before");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_is_no_damage() {
    let mut world = World::new(LIMITS).await;
    world.charge(&attempt("app")).await.unwrap();
    world.restart(LIMITS);
    world.memory.fail_reads(true);
    let refused = world.budgets.reserve(&attempt("app")).await.err();
    assert!(matches!(refused, Some(ReserveError::Store(_))), "{refused:?}");
    world.memory.fail_reads(false);
    world.charge(&attempt("app")).await.unwrap();
    assert_eq!(world.usage().await.tokens_used, 2);
}

#[tokio::test(start_paused = true)]
async fn two_vaults_that_find_the_same_damage_wait_for_the_same_day() {
    let world = damaged().await;
    let other = Budgets::new(world.vault.clone(), LIMITS, world.clock.clone());
    let (one, two) = tokio::join!(
        charge(&world.budgets, world.store(), &REFRESH),
        charge(&other, world.store(), &REFRESH)
    );
    assert_eq!((one.unwrap_err(), two.unwrap_err()), (full(DAY + LONGER), full(DAY + LONGER)));
    tokio::time::advance(DAY + LONGER).await;
    for budgets in [&world.budgets, &other] {
        charge(budgets, world.store(), &REFRESH).await.unwrap();
    }
    assert_eq!(other.usage(SERVER, "app", INFOR_TENANT).await.unwrap().tokens_used, 2);
}
