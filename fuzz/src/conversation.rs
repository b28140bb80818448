//! Any bytes as what a client of `bench serve` sends.
//!
//! What is answered must not depend on how the bytes are cut, nor on how much is answered at a time, nor on the store; it
//! must be whole lines, or whole packets if the client speaks the binary protocol, and no more than a bound.

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

/// Whether the time may be asked for, or the store's name: by a line, or by a packet without a key or with that kind.
fn asks_what_differs(data: &[u8]) -> bool {
    let has = |bytes: &[u8]| data.windows(bytes.len()).any(|part| part == bytes);
    has(b"stats") || has(&[0x80, 0x10, 0, 0]) || has(b"settings")
}

/// Whether this is no half of a line, or of a packet.
fn is_whole(said: &[u8], in_packets: bool) -> bool {
    if !in_packets {
        return said.is_empty() || said.ends_with(b"\r\n");
    }
    let mut rest = said;
    while !rest.is_empty() {
        let Some((header, body)) = rest.split_first_chunk::<24>() else { return false };
        let len = u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize;
        if header[0] != 0x81 || body.len() < len {
            return false;
        }
        rest = &body[len..];
    }
    true
}

/// Sends `data`, the first byte of which says how the others are cut.
///
/// # Panics
///
/// If the cut matters, or what is answered is no answer.
pub fn run(data: &[u8]) {
    let Some((&cut, data)) = data.split_first() else { return };
    if asks_what_differs(data) {
        return;
    }
    let plenty = Room { bytes: usize::MAX, each: false };
    let whole = answers("memc3", data, usize::MAX, plenty);
    let in_packets = data.first() == Some(&0x80);
    assert!(is_whole(&whole.0, in_packets), "half a line, or half a packet");
    // A key of a letter is answered by the largest value.
    assert!(whole.0.len() <= (data.len() + 1) * (1 << 12), "{} bytes", whole.0.len());
    let (each, bytes) = (cut & 1 == 1, usize::from(cut) + 1);
    let store = if cut & 2 == 0 { "sharded" } else { "over-map-hazard" };
    let cut = usize::from(cut >> 2) + 1;
    let parts = answers(store, data, cut, Room { bytes, each });
    assert_eq!(parts, whole, "{store}, cut into {cut} bytes");
}
