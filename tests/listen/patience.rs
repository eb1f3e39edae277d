//! Waiting for what must happen, however busy the machine is.

use std::time::Duration;

use tokio::time::sleep;

/// Asks again until the answer is yes. Only a test that would fail anyway takes the whole time.
pub async fn until(what: &str, mut answer: impl AsyncFnMut() -> bool) {
    for _ in 0..ATTEMPTS {
        if answer().await {
            return;
        }
        sleep(PAUSE).await;
    }
    panic!("in vain: {what}");
}

const ATTEMPTS: u32 = 6000;
const PAUSE: Duration = Duration::from_millis(10);
