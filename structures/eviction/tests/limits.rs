//! What keys, values and items there can be, and what is refused.

use eviction::evict::Never;
use eviction::store::{Change, Config, Options, Outcome, SetError, Sharded, Write};
use eviction::time::Expiry;

#[test]
fn a_key_has_from_1_to_250_bytes() {
    let cache = Sharded::<Never>::new(&Config::of(1 << 20)).unwrap();
    for bytes in [0, 251, 256, 257, 1000] {
        let key = vec![b'k'; bytes];
        assert_eq!(cache.set(&key, b"", Options::default()), Err(SetError::Key { bytes }));
        assert!(cache.get(&key, &mut Vec::new()).is_none());
        let update = cache.update(&key, |_| Change::Write(Write::default()));
        assert_eq!(update, Err(SetError::Key { bytes }));
        assert!(!cache.remove(&key) && !cache.touch(&key, Expiry::Never));
    }
    assert!(cache.is_empty());
}

#[test]
fn what_cannot_be_made_is_refused_with_what_could_be() {
    let refused = |change: fn(&mut Config)| {
        let mut config = Config::of(4 << 20);
        change(&mut config);
        Sharded::<Never>::new(&config).unwrap_err().to_string()
    };
    for (message, expected) in [
        (refused(|c| c.bytes = 1000), "1000 bytes of memory are less than a page of 1048576"),
        (refused(|c| c.page = 1000), "pages of 1000 bytes: they are powers of two"),
        // Not "values of 0 bytes: the largest has 0".
        (
            refused(|c| (c.page, c.max_value) = (256, 0)),
            "pages of 256 bytes: they are powers of two from 512 bytes",
        ),
        (
            refused(|c| c.page = 4096),
            "values of 1024000 bytes: with this page the largest has 3826",
        ),
        (refused(|c| c.max_value = 1 << 20), "the largest has 1048306"),
        (refused(|c| c.smallest = 0), "smallest chunks of 0 bytes: they have from 16 bytes"),
        (refused(|c| c.growth = 1.0), "sizes that grow by 1: they grow by more than 1"),
        (refused(|c| c.growth = f64::NAN), "sizes that grow by NaN"),
        (refused(|c| c.shards = 0), "a cache without shards"),
        (
            refused(|c| (c.bytes, c.shards, c.smallest) = (1 << 40, 1, 16)),
            "with shards: 1, one has more chunks than 32 bits can number",
        ),
        // More than an address space holds is kept of so many pages.
        (
            refused(|c| {
                (c.bytes, c.shards, c.page, c.max_value) = (1 << 56, 1 << 20, 512, 100);
            }),
            "a cache of 72057594037927936 bytes takes ",
        ),
        // So many shards that there is no memory for a list of them.
        (
            refused(|c| {
                (c.bytes, c.shards, c.page, c.max_value) = (1 << 56, usize::MAX, 512, 100);
            }),
            "a cache of 72057594037927936 bytes takes ",
        ),
    ] {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_largest_values_fit() {
    let config = Config { max_value: (1 << 20) - 20 - 250, ..Config::of(1 << 20) };
    let cache = Sharded::<Never>::new(&config).unwrap();
    let (key, value) = ([b'k'; 250], vec![7; config.max_value]);
    let options = Options { flags: 1, ..Options::default() };
    assert_eq!(cache.set(&key, &value, options), Ok(Outcome::Stored));
    let mut found = Vec::new();
    assert_eq!(cache.get(&key, &mut found).map(|found| found.flags), Some(1));
    assert_eq!(found, value);
    let more = vec![7; config.max_value + 1];
    assert!(matches!(cache.set(&key, &more, options), Err(SetError::TooLarge { .. })));
    assert!(cache.is_empty());
}

#[test]
fn an_item_takes_eight_bytes_beside_key_and_value_and_what_it_has_more() {
    for (cas, flags, expiry, extra) in [
        (false, 0, Expiry::Never, 8),
        (false, 0, Expiry::After(9), 8),
        (false, 5, Expiry::Never, 12),
        (true, 0, Expiry::Never, 16),
        (true, 5, Expiry::After(9), 20),
    ] {
        let config = Config { cas, ..Config::of(1 << 20) };
        let cache = Sharded::<Never>::new(&config).unwrap();
        let options = Options { flags, expiry, ..Options::default() };
        cache.set(b"sixteen byte key", &[7; 32], options).unwrap();
        assert_eq!(cache.stats().item_bytes, extra + 48);
        assert!(cache.remove(b"sixteen byte key"));
        assert_eq!(cache.stats().item_bytes, 0);
    }
}
