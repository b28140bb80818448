//! The control word: what its snapshots say, against the same said slowly.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use structures::control::ControlWord;

fn tags_agree<const SLOTS: usize>() {
    let bits = ControlWord::<SLOTS>::TAG_BITS;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut matched = 0;
    for round in 0..100_000 {
        // Few different tags at first, so that neighbours differ in one bit.
        let range = if round % 2 == 0 { 4 } else { 1 << bits };
        let mut word = ControlWord::<SLOTS>::EMPTY;
        for _ in 0..round % 9 {
            word = word.with_one_more_overflow();
        }
        let tags: Vec<u64> = (0..SLOTS).map(|_| rng.random_range(0..range)).collect();
        for (slot, tag) in tags.iter().enumerate() {
            word = word.with_tag(slot, rng.random_range(0..range)).with_tag(slot, *tag);
        }
        for (slot, tag) in tags.iter().enumerate() {
            assert_eq!(word.tag(slot), *tag, "{word:?}");
        }
        let tag = rng.random_range(0..range);
        let expected: Vec<usize> = (0..SLOTS).filter(|slot| tags[*slot] == tag).collect();
        matched += expected.len();
        assert_eq!(word.matching(tag).collect::<Vec<_>>(), expected, "tag {tag} of {word:?}");
        assert_eq!(word.matching(tag).first(), expected.first().copied());
        assert_eq!(word.matching(tag).is_empty(), expected.is_empty());
        assert!((0..SLOTS).all(|s| word.matching(tag).contains(s) == expected.contains(&s)));
        assert!(word.matching(tag).first_or_last() < SLOTS);
        assert_eq!(word.empty_slot(), tags.iter().position(|tag| *tag == 0));
        assert_eq!(word.overflows(), round % 9 != 0);
    }
    assert!(matched > 10_000, "{matched} matches");
}

#[test]
fn tags_agree_with_a_loop() {
    tags_agree::<2>();
    tags_agree::<3>();
    tags_agree::<4>();
    tags_agree::<8>();
}

#[test]
fn the_overflow_count_saturates_and_then_stays() {
    let mut word = ControlWord::<8>::EMPTY.with_tag(7, 63);
    for _ in 0..6 {
        word = word.with_one_more_overflow();
    }
    for _ in 0..6 {
        assert!(word.overflows());
        word = word.with_one_less_overflow();
    }
    assert!(!word.overflows());
    for _ in 0..7 {
        word = word.with_one_more_overflow();
    }
    for _ in 0..20 {
        word = word.with_one_less_overflow();
    }
    assert!(word.overflows(), "it has lost count");
    assert_eq!(word.tag(7), 63);
}

#[test]
fn an_overflow_count_that_is_set_saturates_too() {
    let word = ControlWord::<3>::EMPTY.with_tag(0, 255).with_tag(2, 255);
    for count in 0..20 {
        let mut counted = word;
        (0..count).for_each(|_| counted = counted.with_one_more_overflow());
        let set = word.with_overflow(19).with_overflow(count);
        assert_eq!(set, counted, "{count}");
        assert_eq!(set.overflows(), count > 0);
        assert!(!set.is_locked() && !set.is_frozen());
    }
}
