//! What the simulator does not let grow, and how it ends.

use std::time::Duration;

use ionvault::simulator::{App, Simulator, SimulatorConfig};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::{CLOUD, client, log_in, start};

#[tokio::test]
async fn apps_and_parameters_are_limited() {
    let (simulator, browser, cloud, _) = start(SimulatorConfig::default()).await;
    let many: Vec<(String, &str)> = (0..32).map(|number| (format!("p{number}"), "1")).collect();
    let mut form: Vec<(&str, &str)> =
        many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    form.extend(client(&cloud));
    let (_, answer) = browser.post(CLOUD, None, &form).await;
    assert_eq!(answer["error_description"], "there are too many parameters");

    for number in 2..4096 {
        simulator.add_app(App::sample("ACME_TST", &number.to_string())).unwrap();
    }
    let refused = simulator.add_app(App::sample("ACME_TST", "one too many")).unwrap_err();
    assert_eq!(refused.to_string(), "the simulator holds 4096 apps already");
    simulator.add_app(cloud).unwrap();
    simulator.shutdown().await;
}

/// The clock is put forward once the request waits.
#[tokio::test]
async fn a_forgotten_release_ends_in_a_refusal_that_may_be_tried_again() {
    let (simulator, browser, cloud, _) = start(SimulatorConfig::default()).await;
    simulator.hold();
    let form = log_in(&cloud);
    let held = async {
        simulator.held(1).await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(30)).await;
    };
    let (answer, ()) = tokio::join!(browser.post(CLOUD, None, &form), held);
    tokio::time::resume();
    assert_eq!(answer.0, 503);
    assert_eq!(answer.1["error"], "temporarily_unavailable");
    simulator.shutdown().await;
}

#[tokio::test]
async fn shutting_down_answers_what_waits_and_closes_what_idles() {
    let (simulator, browser, cloud, _) = start(SimulatorConfig::default()).await;
    let port = simulator.port();
    let mut idle = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    simulator.hold();
    let form = log_in(&cloud);
    let end = async {
        simulator.held(1).await;
        simulator.shutdown().await;
    };
    let (answer, ()) = tokio::join!(browser.post(CLOUD, None, &form), end);
    assert_eq!(answer.0, 200);
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn a_simulator_that_is_dropped_stops() {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let mut idle = TcpStream::connect(("127.0.0.1", simulator.port())).await.unwrap();
    drop(simulator);
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
}
