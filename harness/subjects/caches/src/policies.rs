//! Where each policy of the crate `cache` comes from, and what it keeps.

/// What is said of a policy.
pub(crate) struct KnownPolicy {
    /// Its source.
    pub(crate) source: &'static str,
    /// What a hit writes.
    pub(crate) hit_writes: &'static str,
    /// Bits of metadata for each item of a full cache, what it remembers of items that have gone included.
    pub(crate) bits: u64,
}

/// What is said of the policy of that name.
pub(crate) fn said(policy: &str) -> KnownPolicy {
    let (source, hit_writes, bits) = match policy {
        "none" => ("memcached's `-M`: nothing goes", "nothing", 0),
        "random" => ("Belady 1966", "nothing", 0),
        "fifo" => ("Belady 1966", "nothing", 64),
        "clock" => ("Corbató 1968; a new item's bit is clear", "a bit, once", 1),
        "clock-set" => ("MemC3, NSDI 2013; a new item's bit is set", "a bit, once", 1),
        "lru-list" => ("Mattson and others 1970; what MemC3 replaces", "lock and links", 64),
        "slru" => ("Karedla and others 1994", "lock and links", 72),
        "s3-fifo" => ("Yang and others, SOSP 2023", "a counter, three times", 147),
        "sieve" => ("Zhang and others, NSDI 2024", "a bit, once", 65),
        _ => ("", "", 0),
    };
    KnownPolicy { source, hit_writes, bits }
}

#[cfg(test)]
mod tests {
    use cache::evict::{Eviction, Items, Visitor, for_each};

    use super::*;

    /// Enough that what a policy keeps once is nothing for each; and as many as fill an array of bits, and the table
    /// of ghosts as far as that stays filled. Both grow by doubling: what is rounded up is not said of an item.
    const SLOTS: u32 = 64 * 64 * ((1 << 3) - 1);

    /// Items in every slot.
    struct Full;

    impl Items for Full {
        fn is_there(&self, _slot: u32) -> bool {
            true
        }

        fn hash(&self, slot: u32) -> u64 {
            hash(slot.into())
        }
    }

    /// Of an item with this number. Ghosts are known by the upper half, which of numbers is 0.
    fn hash(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// Bits for each item when all slots have been filled and four times as many items have gone.
    fn bits<E: Eviction>() -> f64 {
        let mut policy = E::new(1);
        policy.resize(SLOTS as usize, SLOTS as usize);
        (0..SLOTS).for_each(|slot| policy.insert(slot, hash(slot.into())));
        for round in 1..=4 * u64::from(SLOTS) {
            if let Some(slot) = policy.victim(&Full) {
                policy.insert(slot, hash(u64::from(slot) + round * u64::from(SLOTS)));
            }
        }
        policy.metadata_bytes() as f64 * 8.0 / f64::from(SLOTS)
    }

    #[test]
    fn every_policy_keeps_what_is_said() {
        #[derive(Default)]
        struct Checked(Vec<String>);
        impl Visitor for Checked {
            fn visit<E: Eviction + 'static>(&mut self) {
                let (said, found) = (said(E::NAME), bits::<E>());
                assert!(!said.source.is_empty() && !said.hit_writes.is_empty(), "{}", E::NAME);
                if (said.bits as f64 - found).abs() > 1.0 {
                    self.0.push(format!("{}: {found:.2} bits, not {}", E::NAME, said.bits));
                }
            }
        }
        let mut checked = Checked::default();
        for_each(&mut checked);
        assert_eq!(checked.0, [""; 0]);
    }
}
