//! Handles in thread-locals: dropped, and used, when a thread exits.

#![allow(unreachable_pub, reason = "a module of a test binary")]

use std::cell::RefCell;
use std::sync::{Barrier, LazyLock};
use std::thread;

use structures::ChainingLockFree;
use structures::map::{ConcurrentMap, MapHandle};
use structures::meter;
use structures::reclaim::{Sdd, Seize};

use crate::alone::Case;

/// Threads, one after the other.
const THREADS: u64 = 40;

/// Operations that retire of each of them, and of each of their destructors.
const RETIRED: u64 = 300;

fn work<H: MapHandle<u64, u64>>(handle: &mut H) {
    for key in 0..RETIRED {
        assert!(handle.insert(key, key));
        assert_eq!(handle.remove(&key), Some(key));
    }
}

macro_rules! cases {
    ($($name:literal: $scheme:ident $module:ident;)*) => {
        $(mod $module {
            use super::*;

            type Map = ChainingLockFree<u64, u64, structures::reclaim::$scheme>;
            type Handle = <Map as ConcurrentMap<u64, u64>>::Handle<'static>;

            static MAP: LazyLock<Map> = LazyLock::new(Map::default);

            /// Works when its thread exits, with a handle of before or a new one.
            struct Late(Option<Handle>);

            impl Drop for Late {
                fn drop(&mut self) {
                    let Some(mut handle) = self.0.take() else { return };
                    work(&mut handle);
                    drop(handle);
                    work(&mut MAP.handle());
                }
            }

            thread_local! {
                static KEPT: RefCell<Option<Handle>> = const { RefCell::new(None) };
                static LATE: RefCell<Late> = const { RefCell::new(Late(None)) };
            }

            /// Both were there before the scheme's own thread-locals, so they are destroyed later.
            fn first_in_thread() {
                KEPT.with_borrow_mut(|_| ());
                LATE.with_borrow_mut(|_| ());
            }

            pub(super) fn kept() {
                exits(|| KEPT.with_borrow_mut(|kept| work(kept.get_or_insert_with(|| MAP.handle()))));
            }

            pub(super) fn used() {
                exits(|| LATE.with_borrow_mut(|late| work(late.0.get_or_insert_with(|| MAP.handle()))));
            }

            fn exits(body: fn()) {
                let unfreed = || meter::read().map_or(0, |reading| reading.unreclaimed().nodes);
                for _ in 0..THREADS {
                    let thread = thread::spawn(move || {
                        first_in_thread();
                        body();
                    });
                    thread.join().expect("it exits without a panic");
                }
                assert!(MAP.is_empty());
                // What those who left could not free goes to whoever comes next.
                (0..4).for_each(|_| work(&mut MAP.handle()));
                let bound = 4 * RETIRED;
                assert!(unfreed() < bound, "{} of {THREADS} threads are kept", unfreed());
            }
        })*
        vec![$(
            Case { name: format!("late/{}/kept", $name), run: |_| $module::kept() },
            Case { name: format!("late/{}/used", $name), run: |_| $module::used() },
        )*]
    };
}

/// Of seize, each thread's last batch is under the thread's number, which must not need to be taken
/// again for it to be freed.
fn all_at_once() {
    type Map = ChainingLockFree<u64, u64, Seize>;
    type Handle = <Map as ConcurrentMap<u64, u64>>::Handle<'static>;

    static MAP: LazyLock<Map> = LazyLock::new(Map::default);
    static TOGETHER: Barrier = Barrier::new(8);
    thread_local!(static KEPT: RefCell<Option<Handle>> = const { RefCell::new(None) });

    let threads = [(); 8].map(|()| {
        thread::spawn(|| {
            KEPT.with_borrow_mut(|kept| {
                let handle = kept.get_or_insert_with(|| MAP.handle());
                // Less than a batch.
                (0..10).for_each(|key| _ = (handle.insert(key, key), handle.remove(&key)));
            });
            TOGETHER.wait();
        })
    });
    threads.into_iter().for_each(|thread| thread.join().expect("it exits without a panic"));
    // By a thread of no number but the lowest.
    drop(MAP.handle());
    let left = meter::read().map_or(0, |reading| reading.unreclaimed().nodes);
    assert_eq!(left, 0, "kept for threads that have gone");
}

/// A thread has of the scheme only a handle that was moved to it and that it drops; then a thread-local
/// that is older than the scheme's uses the table.
fn after_a_drop() {
    type Table = ChainingLockFree<u64, u64, Sdd>;
    struct Late(Option<&'static Table>);
    impl Drop for Late {
        fn drop(&mut self) {
            if let Some(table) = self.0 {
                let mut handle = table.handle();
                assert!(handle.insert(1, 1));
                assert_eq!(handle.remove(&1), Some(1));
            }
        }
    }
    thread_local!(static LATE: RefCell<Late> = const { RefCell::new(Late(None)) });
    let table: &'static Table = Box::leak(Box::new(Table::default()));
    let mut handle = table.handle();
    for key in 0..10 {
        assert!(handle.insert(key, key));
        assert_eq!(handle.remove(&key), Some(key));
    }
    let exits = thread::spawn(move || {
        LATE.with_borrow_mut(|late| late.0 = Some(table));
        drop(handle);
    });
    exits.join().expect("it exits without a panic");
    assert_eq!(table.len(), 0);
}

pub fn cases() -> Vec<Case> {
    let mut cases = of_all_schemes();
    cases.push(Case { name: "late/seize/all-at-once".to_owned(), run: |_| all_at_once() });
    cases.push(Case { name: "late/sdd/after-a-drop".to_owned(), run: |_| after_a_drop() });
    cases
}

fn of_all_schemes() -> Vec<Case> {
    of_each_scheme! { cases }
}
