//! A table in C++ as a [`Table`]. It is behind a pointer already, so no `ConcurrentMap` stands between: a
//! block of operations is one call.

use std::any::Any;
use std::ffi::{CStr, c_char, c_void};
use std::hash::BuildHasher;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

use table::{BLIND, Books, Calls, Feed, Fillable, Filler, Handle, KEY_BITS, Moves, Op, Table};

use crate::interface::{CppCall, CppFunctions, kind};

/// Operations of one call into C++, at most: as many as a stream hands out at a time.
const BLOCK: usize = 128;

/// A table in C++ that hashes by `S`.
pub(crate) struct CppPeer<S> {
    functions: &'static CppFunctions,
    /// Of `functions.create`, and not destroyed before `self` is dropped.
    table: NonNull<c_void>,
    /// Where it is is known to the table.
    hasher: Box<S>,
}

// SAFETY: what C++ has is used by `functions` alone, which any thread may call (`CppFunctions`).
unsafe impl<S: Send> Send for CppPeer<S> {}
// SAFETY: as above; the hasher is used by reference on any thread.
unsafe impl<S: Sync> Sync for CppPeer<S> {}

/// The hash of a key by the hasher that `hasher` points to.
///
/// # Safety
///
/// `hasher` points to an `S`.
unsafe extern "C" fn hash<S: BuildHasher>(hasher: *const c_void, key: u64) -> u64 {
    // SAFETY: the caller's promise.
    let hasher = unsafe { &*hasher.cast::<S>() };
    hasher.hash_one(key)
}

impl<S: BuildHasher> CppPeer<S> {
    /// An empty table with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// If there is no memory for it.
    pub(crate) fn new(functions: &'static CppFunctions, capacity: usize, hasher: S) -> Self {
        let hasher = Box::new(hasher);
        let context = (&raw const *hasher).cast();
        // SAFETY: the hasher is an `S`, and stays where it is until the table has been destroyed.
        let table = unsafe { (functions.create)(capacity, hash::<S>, context) };
        let table = NonNull::new(table).expect("there must be memory for a table");
        Self { functions, table, hasher }
    }

    fn call(&self, kind: u32, key: u64, value: u64) -> CppCall {
        CppCall { key, hash: self.hasher.hash_one(key), value, kind, found: 0 }
    }

    /// Does the calls in their order.
    fn run(&self, calls: &mut [CppCall]) {
        // SAFETY: the table is there, and so many calls.
        let error =
            unsafe { (self.functions.run)(self.table.as_ptr(), calls.as_mut_ptr(), calls.len()) };
        check(error);
    }

    fn one(&self, kind: u32, key: u64, value: u64) -> CppCall {
        let mut call = self.call(kind, key, value);
        self.run(std::slice::from_mut(&mut call));
        call
    }

    /// Shows the value of `key` to `f`, and replaces it by what `f` makes of it, if anything; the old one.
    fn modify(&self, key: u64, f: &mut dyn FnMut(u64) -> Option<u64>) -> Option<u64> {
        let mut call = self.call(kind::GET, key, 0);
        let mut shown = Shown { f, panic: None };
        let context = (&raw mut shown).cast();
        // SAFETY: the table and the call are there, and the context is what `show_value` wants.
        let error = unsafe {
            (self.functions.modify)(self.table.as_ptr(), &raw mut call, show_value, context)
        };
        shown.resume();
        check(error);
        old(&call)
    }

    fn for_each(&self, f: &mut dyn FnMut(u64, u64)) {
        let mut shown = Shown { f, panic: None };
        let context = (&raw mut shown).cast();
        // SAFETY: the table is there, and the context is what `show_entry` wants.
        let error = unsafe { (self.functions.for_each)(self.table.as_ptr(), show_entry, context) };
        shown.resume();
        check(error);
    }

    /// Begins a critical section of this thread.
    fn pin(&self) -> Pin<'_> {
        // SAFETY: the table is there.
        unsafe { (self.functions.enter)(self.table.as_ptr()) };
        Pin { functions: self.functions, table: self.table, here: PhantomData }
    }
}

impl<S> Drop for CppPeer<S> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the table: handles and pins borrow `self`.
        unsafe { (self.functions.destroy)(self.table.as_ptr()) };
    }
}

/// What the key had, if it was there.
fn old(call: &CppCall) -> Option<u64> {
    (call.found != 0).then_some(call.value)
}

/// Panics with what went wrong in C++, if anything did.
fn check(error: *const c_char) {
    if error.is_null() {
        return;
    }
    // SAFETY: not null, so a text, which is there until this thread calls again.
    let text = unsafe { CStr::from_ptr(error) };
    panic!("the table in C++ has failed: {}", text.to_string_lossy());
}

/// A closure that C++ calls, and its panic, which must not unwind into C++.
struct Shown<'f, F: ?Sized> {
    f: &'f mut F,
    panic: Option<Box<dyn Any + Send>>,
}

impl<F: ?Sized> Shown<'_, F> {
    /// What `call` makes of the closure; `None` if it panics, or has before.
    fn show<T>(&mut self, call: impl FnOnce(&mut F) -> T) -> Option<T> {
        if self.panic.is_some() {
            return None;
        }
        // Whoever called looks at nothing that the closure has left half done: it goes on panicking.
        let caught = panic::catch_unwind(AssertUnwindSafe(|| call(self.f)));
        caught.map_err(|panic| self.panic = Some(panic)).ok()
    }

    /// Goes on with the closure's panic, if it panicked.
    fn resume(self) {
        if let Some(panic) = self.panic {
            panic::resume_unwind(panic);
        }
    }
}

/// # Safety
///
/// `context` points to a `Shown` of a function from a value to what replaces it, which nobody else uses meanwhile;
/// `replacement` to a word.
unsafe extern "C" fn show_value(context: *mut c_void, old: u64, replacement: *mut u64) -> bool {
    // SAFETY: the caller's promise.
    let shown = unsafe { &mut *context.cast::<Shown<'_, dyn FnMut(u64) -> Option<u64>>>() };
    let Some(new) = shown.show(|f| f(old)).flatten() else { return false };
    // SAFETY: the caller's promise.
    unsafe { replacement.write(new) };
    true
}

/// # Safety
///
/// `context` points to a `Shown` of a function of keys and values, which nobody else uses meanwhile.
unsafe extern "C" fn show_entry(context: *mut c_void, key: u64, value: u64) {
    // SAFETY: the caller's promise.
    let shown = unsafe { &mut *context.cast::<Shown<'_, dyn FnMut(u64, u64)>>() };
    shown.show(|f| f(key, value));
}

/// A critical section of the thread that began it.
struct Pin<'t> {
    functions: &'static CppFunctions,
    table: NonNull<c_void>,
    /// It must end where it began.
    here: PhantomData<(&'t (), *mut ())>,
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        // SAFETY: the table is there, since this borrows it; this thread began the section.
        unsafe { (self.functions.leave)(self.table.as_ptr()) };
    }
}

impl<S: BuildHasher + Send + Sync> Fillable for CppPeer<S> {
    fn filler(&self) -> Box<dyn Filler + '_> {
        Box::new(Way::of(self))
    }

    fn len(&self) -> usize {
        // SAFETY: the table is there.
        unsafe { (self.functions.size)(self.table.as_ptr()) }
    }

    fn capacity(&self) -> Option<usize> {
        // SAFETY: the table is there.
        let slots = unsafe { (self.functions.capacity)(self.table.as_ptr()) };
        (slots != 0).then_some(slots)
    }

    fn longest_chain(&self) -> Option<usize> {
        None
    }

    fn take_moves(&self) -> Option<Moves> {
        None
    }
}

impl<S: BuildHasher + Send + Sync> Table for CppPeer<S> {
    fn handle(&self) -> Box<dyn Handle + '_> {
        Box::new(Way::of(self))
    }
}

/// A thread's way into a table, with room for the calls of a block.
struct Way<'t, S> {
    peer: &'t CppPeer<S>,
    calls: Vec<CppCall>,
}

/// An operation of the kernel's loop as a call, and what its answer means.
struct Told {
    kind: u32,
    /// The bits of the key that the call's value has.
    of_key: u64,
    /// The bits that the call's value has besides.
    and: u64,
    /// 1 if a key that was not there is there now, else 0.
    inserts: u64,
    /// 1 if a key that was there is there no more, else 0.
    removes: u64,
    /// 1 if the value that was there is looked at, else 0.
    shows: u64,
}

/// Each [`Op`] in its place. They are looked up, since a branch by the operation would be mispredicted as
/// often as the one in C++: each of the two costs more than all the rest of the way there.
static TOLD: [Told; Op::ALL.len()] = {
    const NOTHING: Told =
        Told { kind: kind::GET, of_key: 0, and: 0, inserts: 0, removes: 0, shows: 1 };
    [
        NOTHING,
        Told { kind: kind::INSERT, of_key: u64::MAX, inserts: 1, shows: 0, ..NOTHING },
        Told { kind: kind::REMOVE, removes: 1, ..NOTHING },
        Told { kind: kind::ADD, and: 1 << KEY_BITS, ..NOTHING },
        Told { kind: kind::PUT, of_key: u64::MAX, and: BLIND, inserts: 1, ..NOTHING },
    ]
};

/// The call of an operation.
#[inline]
fn told(op: Op, key: u64) -> (u32, u64, u64) {
    let Told { kind, of_key, and, .. } = TOLD[op as usize];
    (kind, key, key & of_key | and)
}

/// Notes what a call has done, without a branch.
#[inline]
fn note(books: &mut Books, op: Op, call: &CppCall) {
    let Told { inserts, removes, shows, .. } = TOLD[op as usize];
    let CppCall { key, found, value, .. } = *call;
    let found = u64::from(found);
    let new = (1 - found) * inserts;
    books.inserted += new;
    books.inserted_keys = books.inserted_keys.wrapping_add(new * key);
    let gone = found * removes;
    books.removed += gone;
    books.removed_keys = books.removed_keys.wrapping_add(gone * key);
    // Masks, and no choice that the compiler might make a branch. Where no value was found the key stands for it; of
    // an insertion nothing is looked at, and 0 stands for both.
    let (looks, seen) = (shows.wrapping_neg(), (found * shows).wrapping_neg());
    books.consume(key & looks, Some((key ^ (key ^ value) & seen) & looks));
}

impl<'t, S: BuildHasher> Way<'t, S> {
    fn of(peer: &'t CppPeer<S>) -> Self {
        Self { peer, calls: Vec::with_capacity(BLOCK) }
    }

    /// Does these operations by one call into C++; the calls with their answers, in the same order.
    fn block(&mut self, operations: impl Iterator<Item = (u32, u64, u64)>) -> &[CppCall] {
        let peer = self.peer;
        self.calls.clear();
        self.calls.extend(operations.map(|(kind, key, value)| peer.call(kind, key, value)));
        peer.run(&mut self.calls);
        &self.calls
    }

    /// Does what `feed` says until a block is empty.
    fn work(&mut self, feed: &mut dyn Feed, books: &mut Books) {
        loop {
            let block = feed.next();
            if block.is_empty() {
                return;
            }
            for part in block.chunks(BLOCK) {
                let calls = self.block(part.iter().map(|&(op, key)| told(op, key)));
                part.iter().zip(calls).for_each(|(&(op, _), call)| note(books, op, call));
            }
        }
    }
}

impl<S: BuildHasher> Filler for Way<'_, S> {
    fn fill(&mut self, keys: &[u64]) -> usize {
        let mut new = 0;
        for part in keys.chunks(BLOCK) {
            let calls = self.block(part.iter().map(|&key| (kind::INSERT, key, key)));
            new += calls.iter().filter(|call| call.found == 0).count();
        }
        new
    }

    fn insert(&mut self, key: u64) -> bool {
        Calls::insert(self, key, key)
    }

    fn find(&mut self, keys: &[u64]) -> usize {
        let found = |key: &&u64| Calls::get(self, **key) == Some(**key);
        keys.iter().filter(found).count()
    }
}

impl<S: BuildHasher> Handle for Way<'_, S> {
    fn run(&mut self, feed: &mut dyn Feed, books: &mut Books) {
        self.work(feed, books);
    }

    fn run_pinned(&mut self, pins: u32, feed: &mut dyn Feed, books: &mut Books) {
        for _ in 0..pins {
            let _pin = self.peer.pin();
            self.work(feed, books);
        }
    }

    fn get_many(&mut self, keys: &[u64], values: &mut [Option<u64>]) {
        assert_eq!(keys.len(), values.len(), "a value for each key");
        for (keys, values) in keys.chunks(BLOCK).zip(values.chunks_mut(BLOCK)) {
            let calls = self.block(keys.iter().map(|&key| (kind::GET, key, 0)));
            values.iter_mut().zip(calls).for_each(|(value, call)| *value = old(call));
        }
    }

    fn add(&mut self, counts: &[(u64, u64)]) {
        for part in counts.chunks(BLOCK) {
            self.block(part.iter().map(|&(word, count)| (kind::COUNT, word, count)));
        }
    }

    /// None of the tables minds a thread that does nothing.
    fn offline(&mut self, f: &mut dyn FnMut()) {
        f();
    }

    fn calls(&mut self) -> &mut dyn Calls {
        self
    }

    fn pinned(&mut self, f: &mut dyn FnMut(&mut dyn Calls)) {
        let _pin = self.peer.pin();
        f(self);
    }
}

/// A closure runs in C++ under the lock of its key's entry, if the table has locks, and must not use the table.
impl<S: BuildHasher> Calls for Way<'_, S> {
    fn get(&mut self, key: u64) -> Option<u64> {
        old(&self.peer.one(kind::GET, key, 0))
    }

    fn get_with(&mut self, key: u64, read: &mut dyn FnMut(&u64) -> u64) -> Option<u64> {
        let mut result = None;
        self.peer.modify(key, &mut |value| {
            result = Some(read(&value));
            None
        });
        result
    }

    fn insert(&mut self, key: u64, value: u64) -> bool {
        self.peer.one(kind::INSERT, key, value).found == 0
    }

    fn update(&mut self, key: u64, f: &mut dyn FnMut(&u64) -> u64) -> Option<u64> {
        self.peer.modify(key, &mut |value| Some(f(&value)))
    }

    /// Two operations, each atomic and without effect where it does not apply: the one that applied is the whole.
    fn upsert(&mut self, key: u64, f: &mut dyn FnMut(Option<&u64>) -> u64) -> Option<u64> {
        loop {
            if let Some(old) = self.update(key, &mut |value| f(Some(value))) {
                return Some(old);
            }
            if Calls::insert(self, key, f(None)) {
                return None;
            }
        }
    }

    fn remove(&mut self, key: u64) -> Option<u64> {
        old(&self.peer.one(kind::REMOVE, key, 0))
    }

    fn for_each(&mut self, f: &mut dyn FnMut(u64, u64)) {
        self.peer.for_each(f);
    }
}
