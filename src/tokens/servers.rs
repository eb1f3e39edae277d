//! Authorization servers, so that a dead one slows nobody who needs another.
//!
//! A server is what a file calls `pu`. In Infor's cloud that holds the Infor tenant, so the tenants
//! of one host stand for themselves: what one of them does wrong closes the door to no other.

mod breaker;
mod server;
mod settings;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

pub(super) use breaker::health_of;
pub(super) use server::Server;
pub use server::{NotNow, Why};
pub use settings::{RefreshRotation, ServerSettings};

use super::jitter::Jitter;

/// All servers that somebody asked lately. The map's lock is held for a few instructions, never
/// across an `.await`.
pub(super) struct Servers {
    map: Mutex<HashMap<String, Arc<Server>>>,
    common: Arc<Common>,
}

/// What servers share.
struct Common {
    settings: ServerSettings,
    jitter: Arc<Jitter>,
    /// Everyone at work at any server.
    places: Arc<Semaphore>,
}

impl Servers {
    pub(super) fn new(settings: ServerSettings, jitter: Arc<Jitter>) -> Self {
        let places = Arc::new(Semaphore::new(PLACES));
        Self { map: Mutex::default(), common: Arc::new(Common { settings, jitter, places }) }
    }

    /// The server of this URL, as files name it (`pu`, normalised).
    pub(super) fn of(&self, authorization_server: &str) -> Arc<Server> {
        let mut map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = map.get(authorization_server) {
            return Arc::clone(server);
        }
        if map.len() >= SERVERS_MAX {
            make_room(&mut map);
        }
        let server = Arc::new(Server::new(authorization_server, &self.common));
        map.insert(authorization_server.to_owned(), Arc::clone(&server));
        server
    }
}

/// Forgets the idle servers of which nothing is known that matters; if there is none, all idle ones:
/// the next who ask one of those learn again that it is dead. Those in use stay: each has a flight.
fn make_room(map: &mut HashMap<String, Arc<Server>>) {
    let before = map.len();
    map.retain(|_, server| Arc::strong_count(server) > 1 || !server.is_closed());
    if map.len() == before {
        map.retain(|_, server| Arc::strong_count(server) > 1);
    }
}

/// Bounds the connections to Infor, all servers together; further flights wait for a place.
const PLACES: usize = 256;

/// Bounds the memory of the map, some 400 bytes each, up to as many more as there are flights.
const SERVERS_MAX: usize = 16_384;

#[cfg(test)]
mod tests;
