//! Threads that exit within a critical section, and what becomes of those who come after them.

#![allow(unreachable_pub, reason = "a module of a test binary")]

use std::cell::RefCell;
use std::mem::forget;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Barrier, LazyLock};
use std::thread;

use structures::ChainingLockFree;
use structures::map::{ConcurrentMap, MapHandle};

use crate::alone::Case;

/// Threads that read: more than there are that have ended, so that whatever a crate has kept for these is
/// given to one of them.
const READERS: usize = 4;

/// Updates that retire: many batches of any scheme.
const UPDATES: usize = 3_000;

/// Values that a case may make.
const MOST: usize = 1 << 17;

/// Which of them have been dropped.
static DROPPED: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];
static MADE: AtomicUsize = AtomicUsize::new(0);

/// One that tells that it has been dropped.
struct Value(usize);

impl Value {
    fn new() -> Self {
        Self(MADE.fetch_add(1, SeqCst))
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        DROPPED[self.0].store(true, SeqCst);
    }
}

/// Threads read, one after the other as each would protect what the others read, while what they read is
/// replaced.
fn readers_are_protected<M: ConcurrentMap<u64, Value>>(map: &M) {
    let together = Barrier::new(READERS + 1);
    let read = |me: usize| {
        let mut handle = map.handle();
        // From here on it has what a crate keeps for a thread.
        assert!(handle.contains(&1));
        together.wait();
        for turn in 0..READERS {
            if turn != me {
                together.wait();
                together.wait();
                continue;
            }
            let read = handle.get_with(&1, |value| {
                let number = value.0;
                together.wait();
                together.wait();
                DROPPED[number].load(SeqCst)
            });
            assert_eq!(read, Some(false), "freed while it is read");
        }
    };
    thread::scope(|scope| {
        for me in 0..READERS {
            scope.spawn(move || read(me));
        }
        together.wait();
        for _ in 0..READERS {
            together.wait();
            update(&mut map.handle());
            together.wait();
        }
    });
}

fn update<H: MapHandle<u64, Value>>(handle: &mut H) {
    (0..UPDATES).for_each(|_| assert!(handle.update(&1, |_| Value::new()).is_some()));
}

macro_rules! cases {
    ($($name:literal: $scheme:ident $module:ident;)*) => {
        $(mod $module {
            use super::*;

            type Map = ChainingLockFree<u64, Value, structures::reclaim::$scheme>;
            type Handle = <Map as ConcurrentMap<u64, Value>>::Handle<'static>;
            type Pinned = <Handle as MapHandle<u64, Value>>::Pinned<'static>;

            static MAP: LazyLock<Map> = LazyLock::new(Map::default);

            /// Runs when its thread exits.
            struct Late(Option<Box<dyn FnOnce()>>);

            impl Drop for Late {
                fn drop(&mut self) {
                    if let Some(run) = self.0.take() {
                        run();
                    }
                }
            }

            thread_local! {
                static LATE: RefCell<Late> = const { RefCell::new(Late(None)) };
            }

            /// A thread that ends. What `body` returns runs in a destructor that is later than the
            /// scheme's, as it was there first.
            fn exits(body: fn() -> Box<dyn FnOnce()>) -> thread::JoinHandle<()> {
                thread::spawn(move || {
                    LATE.with_borrow_mut(|_| ());
                    let late = body();
                    LATE.with_borrow_mut(|place| place.0 = Some(late));
                })
            }

            fn fill() {
                assert!(MAP.handle().insert(1, Value::new()));
            }

            /// A guard is forgotten, and then the thread uses the map again, as it exits.
            pub(super) fn forgotten() {
                fill();
                for _ in 0..3 {
                    let thread = exits(|| {
                        let mut handle = MAP.handle();
                        forget(handle.pin());
                        Box::new(|| {
                            let mut handle = MAP.handle();
                            assert!(handle.contains(&1));
                            update(&mut handle);
                        })
                    });
                    thread.join().expect("it exits without a panic");
                }
                readers_are_protected(&*MAP);
            }

            /// A guard protects in a destructor, too, while another thread has what was the first one's.
            pub(super) fn kept() {
                static TOGETHER: Barrier = Barrier::new(2);
                fill();
                for _ in 0..3 {
                    let thread = exits(|| {
                        let handle: &'static mut Handle = Box::leak(Box::new(MAP.handle()));
                        let mut pinned: Pinned = handle.pin();
                        assert!(pinned.contains(&1));
                        Box::new(move || {
                            let read = pinned.get_with(&1, |value| {
                                let number = value.0;
                                TOGETHER.wait();
                                TOGETHER.wait();
                                DROPPED[number].load(SeqCst)
                            });
                            assert_eq!(read, Some(false), "freed while it is read");
                            for _ in 0..UPDATES {
                                assert!(pinned.update(&1, |_| Value::new()).is_some());
                            }
                        })
                    });
                    TOGETHER.wait();
                    let other = thread::spawn(|| update(&mut MAP.handle()));
                    other.join().expect("no panic");
                    TOGETHER.wait();
                    thread.join().expect("it exits without a panic");
                }
                readers_are_protected(&*MAP);
            }

            /// Others have used the crate in this thread, and the scheme is used first when that is over.
            pub(super) fn after_others() {
                fill();
                let thread = exits(|| {
                    drop((::seize::Collector::new().enter(), ::sdd::Guard::new()));
                    Box::new(|| update(&mut MAP.handle()))
                });
                thread.join().expect("it exits without a panic");
                readers_are_protected(&*MAP);
            }
        })*
        vec![$(
            Case { name: format!("open/{}/forgotten", $name), run: |_| $module::forgotten() },
            Case { name: format!("open/{}/kept", $name), run: |_| $module::kept() },
            Case { name: format!("open/{}/after-others", $name), run: |_| $module::after_others() },
        )*]
    };
}

pub fn cases() -> Vec<Case> {
    of_each_scheme! { cases }
}
