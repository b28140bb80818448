//! A conversation without a socket, at a time that stands still.

use std::sync::Arc;

use cache::store::Config;
use cache::time::StillClock;
use server::conversation::{Conversation, Next, Room};
use server::protocol::Protocol;
use server::service::{Service, Settings};

/// Settings that a test may change.
pub(crate) fn settings(store: &str, eviction: &str) -> Settings {
    Settings {
        store: store.to_owned(),
        eviction: eviction.to_owned(),
        bytes: 16 << 20,
        max_value: 1 << 19,
        threads: 1,
        connections: 100,
        flushes: true,
        shuts_down: false,
        protocol: Protocol::Auto,
        writes_each: false,
        transit: 1 << 30,
    }
}

/// A service with these settings.
pub(crate) fn service(settings: Settings) -> Arc<Service> {
    let config = Config {
        seed: Some(1),
        clock: Arc::new(StillClock { steady: 1000, wall: 1_800_000_000 }),
        max_value: settings.max_value,
        ..Config::of(settings.bytes)
    };
    Arc::new(Service::new(&config, settings).expect("the sizes are right"))
}

/// What comes out, and whether the connection is at its end, if `parts` come in one after the other. `room` says
/// how much may come out before it is taken away.
#[allow(dead_code, reason = "of use to some tests")]
pub(crate) fn talk<'p>(
    service: &Service,
    parts: impl IntoIterator<Item = &'p [u8]>,
    room: Room,
) -> (Vec<u8>, bool) {
    let mut desk = service.desk(0);
    let (mut conversation, mut input, mut said) = (Conversation::default(), Vec::new(), Vec::new());
    for part in parts {
        input.extend_from_slice(part);
        let mut out = Vec::new();
        loop {
            let progress = conversation.advance(&input, &mut desk, &mut out, room);
            input.drain(..progress.used);
            said.append(&mut out);
            match progress.next {
                Next::Read => break,
                Next::Write => {}
                Next::Close => return (said, true),
            }
        }
    }
    (said, false)
}

/// Room for everything.
#[allow(dead_code, reason = "of use to some tests")]
pub(crate) const PLENTY: Room = Room { bytes: usize::MAX, each: false };
