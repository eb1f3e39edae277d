//! A server at a good address that sends the vault elsewhere.

use ionvault::ports::ExchangeError;

use crate::attempts::{Outcome, PUBLIC, TOKEN, World};
use crate::name_server::Records;

pub(crate) async fn followed_nowhere(world: &mut World) {
    for status in [301, 302, 303, 307, 308] {
        for location in [
            "https://10.0.0.7/token",
            "http://169.254.169.254/latest/meta-data/",
            "https://localhost/token",
            "//[::1]/token",
            "/token",
            "gopher://127.0.0.1:6379/_FLUSHALL",
        ] {
            let head = format!("{status} Moved\r\nlocation: {location}\r\nrefresh: 0;{location}");
            world.listener.answer(&head, TOKEN);
            let outcome = world.ask("redirects", Records::a(&[PUBLIC]), true).await;
            let Outcome::Exchange(ExchangeError::Misbehaved(what)) = &outcome else {
                panic!("{status} {location}: {outcome:?}");
            };
            assert_eq!(*what, "it answered with a redirect");
            world.only_reached(PUBLIC);
            world.refused(location);
        }
    }
    world.listener.answer("200 OK", TOKEN);
}
