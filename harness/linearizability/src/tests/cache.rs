//! Histories of a cache.

use super::{HISTORIES, get, has_an_order, histories, insert, op, some_order};
use crate::sweep::{BUDGET, Decision, check_cache};

#[test]
fn the_sweep_of_a_cache_agrees_with_trying_every_order_and_loss() {
    let (mut bad, mut lost) = (0, 0);
    for ops in histories(7) {
        let good = some_order(None, &ops, true);
        match check_cache(&ops, BUDGET) {
            Decision::Linearizable => assert!(good, "{ops:#?}"),
            Decision::Stuck(_) => assert!(!good, "{ops:#?}"),
            Decision::Unknown => panic!("{ops:#?}"),
        }
        bad += usize::from(!good);
        lost += usize::from(good && !has_an_order(None, &ops));
    }
    assert!(bad > HISTORIES / 8 && lost > HISTORIES / 40, "{bad} bad, {lost} by losses alone");
}

#[test]
fn a_cache_loses_and_brings_nothing_back() {
    let lost = [op(0, 1, 2, insert(7, true)), op(0, 3, 4, get(7)), op(0, 5, 6, get(None))];
    assert_eq!(check_cache(&lost, BUDGET), Decision::Linearizable);
    let back = [&lost[..], &[op(0, 7, 8, get(7))]].concat();
    assert!(matches!(check_cache(&back, BUDGET), Decision::Stuck(stuck) if stuck.op == 3));
    // Of two that were written, one after the other was read.
    let two = [op(0, 1, 9, insert(7, true)), op(1, 2, 9, insert(8, true)), op(2, 3, 4, get(7))];
    let (other, first) = (op(2, 5, 6, get(8)), op(2, 7, 8, get(7)));
    let seen = [&two[..], &[other]].concat();
    assert_eq!(check_cache(&seen, BUDGET), Decision::Linearizable);
    let back = [&seen[..], &[first]].concat();
    assert!(matches!(check_cache(&back, BUDGET), Decision::Stuck(_)));
}
