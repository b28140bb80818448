//! Accounts that are audited while money is moved between them.
//!
//! `cargo run --release -p structures --example snapshots`
//!
//! The auditor reads every account at one moment, which no table that is updated in place allows.
//! Later it asks what has changed since; that visits only the parts that have changed.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use structures::reclaim::Hazard;
use structures::versioned::HamtCas;
use structures::versioned::hamt::Change;

const ACCOUNTS: u64 = 10_000;
const EACH: u64 = 100;

fn main() {
    let bank: HamtCas<u64, u64, Hazard> = (0..ACCOUNTS).map(|account| (account, EACH)).collect();
    let closing = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut handle = bank.handle();
            let mut account = 1;
            while !closing.load(Relaxed) {
                // Between the two a coin is in nobody's account: at most one.
                let (from, to) = (account % ACCOUNTS, (account * 7 + 3) % ACCOUNTS);
                let taken = handle.update(&from, |coins| coins.saturating_sub(1));
                if taken.is_some_and(|coins| coins > 0) {
                    handle.update(&to, |coins| coins + 1);
                }
                account = (account * 48_271) % 2_147_483_647;
            }
        });

        let (mut first, mut second) = (bank.handle(), bank.handle());
        let (mut first, mut second) = (first.pin(), second.pin());
        let opening = first.snapshot();
        let mut total = 0;
        opening.for_each(|_, coins| total += coins);
        println!("audited while money moved: {} accounts, {total} coins", opening.len());
        assert!(ACCOUNTS * EACH - total <= 1, "a snapshot is of one moment");

        thread::sleep(std::time::Duration::from_millis(20));
        let later = second.snapshot();
        let (mut changed, mut balance) = (0, 0_i64);
        opening.version().diff(later.version(), |change| {
            if let Change::Rebound(before, after) = change {
                changed += 1;
                balance += after.value.cast_signed() - before.value.cast_signed();
            }
        });
        println!("20 ms later {changed} accounts have changed, by {balance} coins in all");
        assert!(balance.abs() <= 1, "what one account loses another has");
        closing.store(true, Relaxed);
    });
}
