//! Any bytes as what a client of `bench serve` sends.
//!
//! What is answered must not depend on how the bytes are cut, nor on how much is answered at a time; it must end
//! each line, and be no more than a bound.

use std::sync::Arc;

use cache::store::Config;
use cache::time::StillClock;
use server::conversation::{Conversation, Next, Room};
use server::protocol::Protocol;
use server::service::{Service, Settings};

fn service(store: &str) -> Service {
    let settings = Settings {
        store: store.to_owned(),
        eviction: "clock".to_owned(),
        bytes: 1 << 20,
        max_value: 1 << 12,
        threads: 1,
        connections: 1,
        flushes: true,
        shuts_down: true,
        protocol: Protocol::Auto,
        writes_each: false,
        transit: 1 << 30,
    };
    let config = Config {
        page: 1 << 14,
        max_value: settings.max_value,
        seed: Some(1),
        clock: Arc::new(StillClock { steady: 1000, wall: 1_800_000_000 }),
        ..Config::of(settings.bytes)
    };
    Service::new(&config, settings).expect("the sizes are right")
}

/// What is answered to `data`, of which `cut` bytes come at a time, and whether that is the end.
fn answers(store: &str, data: &[u8], cut: usize, room: Room) -> (Vec<u8>, bool) {
    let service = service(store);
    let mut desk = service.desk(0);
    let (mut conversation, mut input, mut all) = (Conversation::default(), Vec::new(), Vec::new());
    for part in data.chunks(cut) {
        input.extend_from_slice(part);
        loop {
            let mut out = Vec::new();
            let progress = conversation.advance(&input, &mut desk, &mut out, room);
            assert!(progress.used <= input.len(), "more was used than there was");
            input.drain(..progress.used);
            let did_something = progress.used > 0 || !out.is_empty();
            all.append(&mut out);
            match progress.next {
                Next::Read => break,
                Next::Write => assert!(did_something, "it stands still"),
                Next::Close => return (all, true),
            }
        }
    }
    (all, false)
}

/// Sends `data`, the first byte of which says how the others are cut.
///
/// # Panics
///
/// If the cut matters, or what is answered is no answer.
pub fn run(data: &[u8]) {
    let Some((&cut, data)) = data.split_first() else { return };
    // It tells the time.
    if data.windows(5).any(|word| word == b"stats") {
        return;
    }
    let plenty = Room { bytes: usize::MAX, each: false };
    let whole = answers("memc3", data, usize::MAX, plenty);
    assert!(whole.0.is_empty() || whole.0.ends_with(b"\r\n"), "half a line");
    // A key of a letter is answered by the largest value.
    assert!(whole.0.len() <= (data.len() + 1) * (1 << 12), "{} bytes", whole.0.len());
    let (each, bytes) = (cut & 1 == 1, usize::from(cut) + 1);
    let cut = usize::from(cut >> 2) + 1;
    let parts = answers("sharded", data, cut, Room { bytes, each });
    assert_eq!(parts, whole, "cut into {cut} bytes");
}
