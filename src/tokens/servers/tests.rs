use super::breaker::Health;
use super::*;

fn servers() -> Servers {
    let mut settings = ServerSettings::default();
    settings.settle("sts.example".to_owned(), 443, RefreshRotation::Grace);
    Servers::new(settings, Arc::new(Jitter::seeded(13)))
}

async fn open(server: &Arc<Server>) {
    while let Ok(passage) = server.enter().await {
        passage.report(Health::Failed);
    }
}

fn numbered(number: usize) -> String {
    format!("https://sso.example/T{number}/as/")
}

#[tokio::test(start_paused = true)]
async fn two_tenants_of_one_host_have_a_breaker_each() {
    let servers = servers();
    open(&servers.of(&numbered(1))).await;
    assert!(servers.of(&numbered(1)).enter().await.is_err());
    assert!(servers.of(&numbered(2)).enter().await.is_ok());
}

#[tokio::test]
async fn what_the_operator_settled_is_known_of_each_server() {
    let servers = servers();
    let rotation = |server: &str| servers.of(server).configured_rotation();
    assert_eq!(rotation("https://sts.example/InforIntSTS/"), Some(RefreshRotation::Grace));
    assert_eq!(rotation(&numbered(1)), None);
}

#[tokio::test(start_paused = true)]
async fn the_map_forgets_idle_servers_before_dead_ones_and_those_in_use_never() {
    let servers = servers();
    let dead = Arc::as_ptr(&servers.of(&numbered(0)));
    open(&servers.of(&numbered(0))).await;
    let used = servers.of(&numbered(1));
    let _passage = used.enter().await.expect("a place");
    for number in 2..SERVERS_MAX {
        servers.of(&numbered(number));
    }
    assert_eq!(servers.map.lock().unwrap().len(), SERVERS_MAX);
    servers.of(&numbered(SERVERS_MAX));
    assert_eq!(servers.map.lock().unwrap().len(), 3, "the dead one, the one in use, the new one");
    assert_eq!(Arc::as_ptr(&servers.of(&numbered(0))), dead);
    assert!(Arc::ptr_eq(&servers.of(&numbered(1)), &used));
}

#[tokio::test(start_paused = true)]
async fn a_map_full_of_dead_servers_forgets_them() {
    let servers = servers();
    for number in 0..SERVERS_MAX {
        open(&servers.of(&numbered(number))).await;
    }
    servers.of(&numbered(SERVERS_MAX));
    assert_eq!(servers.map.lock().unwrap().len(), 1);
    assert!(servers.of(&numbered(0)).enter().await.is_ok());
}
