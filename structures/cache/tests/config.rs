//! Which caches there can be: numbers of every size give a cache or an error.

use cache::evict::{ClockClear, Never};
use cache::item::MAX_KEY;
use cache::store::{Cache, Config, ConfigError, Locked, Memc3, Optimistic, Options, Part, Sharded};
use proptest::prelude::*;

/// Of every size: small, near the powers of two, and near the end of what a number can be.
fn number() -> impl Strategy<Value = usize> {
    prop_oneof![
        0_usize..100,
        (0_u32..64, 0_usize..3).prop_map(|(power, more)| (1 << power) - 1 + more),
        (0_usize..10).prop_map(|less| usize::MAX - less),
    ]
}

/// A few MiB at most, so that what is allowed is soon made.
fn configs() -> impl Strategy<Value = Config> {
    let page = prop_oneof![3 => (9_u32..21).prop_map(|power| 1 << power), 1 => number()];
    let growth = prop_oneof![4 => 1.05_f64..3.0, 1 => any::<f64>()];
    let mostly = |usual: std::ops::Range<usize>| prop_oneof![3 => usual, 1 => number()];
    let other = (mostly(8..200), mostly(0..2000), mostly(0..20), any::<bool>());
    (0_usize..4 << 20, page, growth, other).prop_map(
        |(bytes, page, growth, (smallest, max_value, shards, cas))| Config {
            page,
            smallest,
            growth: if growth > 1.0 { growth.max(1.01) } else { growth },
            max_value,
            shards,
            cas,
            ..Config::of(bytes)
        },
    )
}

/// What is allowed holds its largest item; what is not is said with the number.
fn is_made_or_refused<P: Part<Never>>(config: &Config) -> Result<(), TestCaseError> {
    let error = match Cache::<Never, P>::new(config) {
        Ok(cache) => {
            let (key, value) = ([b'k'; MAX_KEY], vec![7; config.max_value]);
            let stored = cache.set(&key, &value, Options { flags: 1, ..Options::default() });
            let mut found = Vec::new();
            prop_assert!(stored.is_ok() && cache.get(&key, &mut found).is_some());
            prop_assert!(found == value && cache.stats().memory.taken <= config.bytes);
            return Ok(());
        }
        Err(error) => error,
    };
    let number = match error {
        ConfigError::Page(_) => config.page.to_string(),
        ConfigError::MaxValue { most, .. } => {
            prop_assert!(most < config.max_value);
            config.max_value.to_string()
        }
        ConfigError::Smallest(_) => config.smallest.to_string(),
        ConfigError::Growth(_) => config.growth.to_string(),
        ConfigError::NoPage { .. } | ConfigError::NoMemory { .. } => config.bytes.to_string(),
        ConfigError::NoShard => "without shards".to_owned(),
        ConfigError::TooManyChunks { shards } => shards.to_string(),
    };
    prop_assert!(error.to_string().contains(&number), "{error}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_number_gives_a_cache_or_an_error(config in configs()) {
        is_made_or_refused::<Locked<Never>>(&config)?;
        is_made_or_refused::<Optimistic<Never>>(&config)?;
    }
}

/// A cache shown for debugging does not show what is in it: that may be much, and nobody else's.
#[test]
fn debugging_shows_no_content() {
    let config = Config { page: 4096, max_value: 3000, seed: Some(1), ..Config::of(1 << 20) };
    let (sharded, memc3) = (Sharded::<ClockClear>::new(&config), Memc3::<ClockClear>::new(&config));
    let (sharded, memc3) = (sharded.unwrap(), memc3.unwrap());
    // Each eight bytes of it are a number that nothing else is.
    let secret = 0x5EC2_E7A1_B2C3_D4E5_u64;
    for key in 0..100_u64 {
        let value = secret.to_le_bytes().repeat(100);
        sharded.set(&key.to_le_bytes(), &value, Options::default()).unwrap();
        memc3.set(&key.to_le_bytes(), &value, Options::default()).unwrap();
    }
    for shown in [format!("{sharded:?}"), format!("{memc3:?}")] {
        assert!(!shown.contains(&secret.to_string()) && shown.contains("Arena"), "{shown}");
    }
}
