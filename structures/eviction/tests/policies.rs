//! Each policy against a second, naive implementation of its definition, request by request.

mod naive;

use eviction::evict::{
    ClockClear, ClockSet, Eviction, Fifo, Hits, Items, LruList, Never, Random, S3Fifo, Sieve, Slru,
    Visitor, for_each,
};
use eviction::store::Units;
use proptest::prelude::*;

use naive::Naive;

/// A request, or a deletion.
#[derive(Clone, Copy, Debug)]
enum Step {
    Request(u64),
    Remove(u64),
}

/// Mostly requests, few keys often and many keys sometimes.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = prop_oneof![2 => 0_u64..8, 3 => 0_u64..40, 1 => 0_u64..200];
    let step =
        prop_oneof![15 => key.clone().prop_map(Step::Request), 1 => key.prop_map(Step::Remove)];
    prop::collection::vec(step, 1..600)
}

fn agree<E: Eviction>(mut naive: impl Naive, items: usize, steps: &[Step]) {
    let mut cache = Units::<E>::new(items, 1);
    for (number, &step) in steps.iter().enumerate() {
        let (ours, theirs) = match step {
            Step::Request(key) => (cache.request(key), naive.request(key)),
            Step::Remove(key) => (cache.remove(key), naive.remove(key)),
        };
        assert_eq!(ours, theirs, "{}: step {number}, {step:?}", E::NAME);
        assert!(cache.len() <= items);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn none_keeps_the_first(items in 1_usize..20, steps in steps()) {
        agree::<Never>(naive::First::new(items), items, &steps);
    }

    #[test]
    fn fifo_is_a_queue(items in 1_usize..20, steps in steps()) {
        agree::<Fifo>(naive::Queue::new(items), items, &steps);
    }

    #[test]
    fn lru_list_is_the_order_of_use(items in 1_usize..20, steps in steps()) {
        agree::<LruList>(naive::Lru::new(items), items, &steps);
    }

    #[test]
    fn clocks_are_frames_and_a_hand(items in 1_usize..20, steps in steps()) {
        agree::<ClockClear>(naive::Frames::new(items, false), items, &steps);
        agree::<ClockSet>(naive::Frames::new(items, true), items, &steps);
    }

    #[test]
    fn slru_is_two_orders_of_use(items in 1_usize..20, steps in steps()) {
        agree::<Slru>(naive::Segments::new(items), items, &steps);
    }

    #[test]
    fn s3_fifo_is_its_algorithm(items in 1_usize..40, steps in steps()) {
        agree::<S3Fifo>(naive::ThreeQueues::new(items), items, &steps);
    }

    #[test]
    fn sieve_is_its_algorithm(items in 1_usize..20, steps in steps()) {
        agree::<Sieve>(naive::Sieve::new(items), items, &steps);
    }
}

/// Says of some slots that there is an item.
struct Present(Vec<bool>);

impl Items for Present {
    fn is_there(&self, slot: u32) -> bool {
        self.0[slot as usize]
    }

    fn hash(&self, slot: u32) -> u64 {
        u64::from(slot)
    }
}

#[test]
fn random_is_even_over_the_items_that_are_there() {
    let mut seen = [0_u32; 10];
    for seed in 0..5000 {
        let mut policy = Random::new(seed);
        policy.resize(10, 10);
        (0..10).for_each(|slot| policy.insert(slot, 0));
        policy.remove(3);
        let there = Present((0..10).map(|slot| slot != 3).collect());
        seen[policy.victim(&there).unwrap() as usize] += 1;
    }
    assert_eq!(seen[3], 0);
    // 556 in the mean, with a standard deviation of 22.
    let others = seen.iter().enumerate().filter(|&(slot, _)| slot != 3);
    others.for_each(|(slot, &count)| assert!((450..660).contains(&count), "{slot}: {count}"));
}

/// What the first hits of a new item write: a property of the policy, and what CLOCK is for.
#[test]
fn a_hit_on_a_hot_item_writes_nothing_but_under_lists_and_segments() {
    struct Writes;
    impl Visitor for Writes {
        fn visit<E: Eviction + 'static>(&mut self) {
            let mut policy = E::new(1);
            policy.resize(200, 200);
            let hits = policy.share_hits();
            (0..200).for_each(|slot| policy.insert(slot, u64::from(slot)));
            let writes = [(); 5].map(|()| hits.hit(100));
            let expected = match E::NAME {
                "none" | "random" | "fifo" | "clock-set" => [false; 5],
                "clock" | "sieve" => [true, false, false, false, false],
                "s3-fifo" => [true, true, true, false, false],
                "lru-list" | "slru" => [true; 5],
                name => panic!("say what a hit of {name} writes"),
            };
            assert_eq!(writes, expected, "{}", E::NAME);
        }
    }
    for_each(&mut Writes);
}

/// A reader tells its hit without the store's lock: the item may have gone by then.
#[test]
fn a_late_hit_brings_nothing_back() {
    struct Late;
    impl Visitor for Late {
        fn visit<E: Eviction + 'static>(&mut self) {
            let mut policy = E::new(1);
            policy.resize(20, 20);
            let hits = policy.share_hits();
            (0..20).for_each(|slot| policy.insert(slot, u64::from(slot)));
            let mut there = Present(vec![true; 20]);
            for slot in [3, 7, 8, 19] {
                policy.remove(slot);
                there.0[slot as usize] = false;
                hits.hit(slot);
                hits.hit(1000);
            }
            for left in (0..16).rev().take_while(|_| E::EVICTS) {
                let victim = policy.victim(&there).expect("there are items") as usize;
                assert!(std::mem::take(&mut there.0[victim]), "{}: {victim}", E::NAME);
                hits.hit(victim as u32);
                assert_eq!(there.0.iter().filter(|&&is_there| is_there).count(), left);
            }
            assert_eq!(policy.victim(&there), None, "{}", E::NAME);
        }
    }
    for_each(&mut Late);
}

/// One item, which is hit each time that the hand looks anywhere else.
struct Hot<H>(H);

impl<H: Hits> Items for Hot<H> {
    fn is_there(&self, slot: u32) -> bool {
        self.0.hit(3);
        slot == 3
    }

    fn hash(&self, slot: u32) -> u64 {
        u64::from(slot)
    }
}

fn gives_up_what_is_always_hit<E: Eviction>() {
    let mut policy = E::new(1);
    policy.resize(10, 10);
    let items = Hot(policy.share_hits());
    policy.insert(3, 3);
    assert_eq!(policy.victim(&items), Some(3), "{}", E::NAME);
}

/// A writer has to end, however fast others read.
#[test]
fn a_hand_ends_though_an_item_is_hit_all_the_while() {
    gives_up_what_is_always_hit::<ClockClear>();
    gives_up_what_is_always_hit::<ClockSet>();
}

#[test]
fn metadata_is_what_the_table_says() {
    struct Bytes;
    impl Visitor for Bytes {
        fn visit<E: Eviction + 'static>(&mut self) {
            // As many bits as fit the arrays that have them, which double.
            let items = 64 * 64 * 31;
            let cache = Units::<E>::new(items, 1);
            let of_item = cache.metadata_bytes() as f64 / items as f64;
            let expected = match E::NAME {
                "none" | "random" => 0.0,
                "clock" | "clock-set" => 0.125,
                "fifo" | "lru-list" => 8.0,
                "sieve" => 8.125,
                "slru" => 9.0,
                // Links and counter; the ghosts' ring, and their table once they are there.
                "s3-fifo" => 9.0 + 0.9 * 4.0,
                name => panic!("say how many bytes {name} keeps of an item"),
            };
            assert!(
                (of_item - expected).abs() < 0.01 * expected.max(1.0),
                "{}: {of_item}",
                E::NAME
            );
        }
    }
    for_each(&mut Bytes);
}
